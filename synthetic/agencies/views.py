"""What a feed is, and how an agency's rows change over time.

An agency's view of the world is a table of *row versions*: the contract's columns, and beside them

``_recorded_at``    UTC instant from which the agency could send the row in this form
``_superseded_at``  UTC instant of the next version of the same row (``FAR_FUTURE`` if there is none)
``_row_op``         ``new``, ``updated`` or ``deleted`` (what a delta's ``row_state`` says)
``_person_id``      whom the row names in truth (named feeds alone; the drop writer leaves it out)
``_flags``          what is wrong or special about the row, for tests and benchmarks
``_planted`` ...    mistakes planted in the version (see ``planting``)

A full drop at T holds the versions with ``_recorded_at <= T < _superseded_at`` that are not deleted; a delta from S to
T those with ``S < _recorded_at <= T < _superseded_at``, deleted ones too (a row made and corrected between two drops
is sent once).

Worked example: an assessment started on 3 March and authorised on 14 April is two versions: one recorded on 3 March
without a result, superseded on 14 April; one recorded then, complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

LONDON = ZoneInfo("Europe/London")
FAR_FUTURE = np.datetime64("9999-12-31T00:00:00", "s")

#: The first drops (all history) are received at this instant, a Sunday evening before the first nightly run.
FIRST_DROP_DATE = date(2026, 10, 4)
FIRST_DROP_AT = datetime(2026, 10, 4, 20, 0, tzinfo=LONDON).astimezone(UTC)

Kind = Literal["text", "date", "datetime", "integer"]
Times = npt.NDArray[np.datetime64]
HIDDEN = ("_recorded_at", "_superseded_at", "_row_op")
TRUTH = ("_person_id", "_flags")
PLANTED = ("_planted", "_wrong_column", "_wrong_text")


@dataclass(frozen=True)
class Feed:
    """One feed as its agency sends it. ``columns`` are in file order; ``weekday`` (Monday 0) is None for a nightly
    feed.
    """

    agency: str
    name: str
    columns: tuple[tuple[str, Kind], ...]
    key: tuple[str, ...]
    mode: Literal["full", "delta"]
    sent_at: time
    weekday: int | None = None
    encoding: Literal["utf-8", "cp1252"] = "utf-8"
    date_format: str = "%Y-%m-%d"
    timestamp_format: str = "%Y-%m-%d %H:%M:%S"
    names_people: bool = False
    format: Literal["csv", "parquet", "xlsx"] = "csv"

    @property
    def label(self) -> str:
        """``agency.feed``, the scope of its draws and its name in messages."""
        return f"{self.agency}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """File header, in order."""
        return tuple(name for name, _ in self.columns)

    def form(self, column: str) -> str:
        """How the feed writes that column's dates or times; empty for text and numbers."""
        kind = dict(self.columns)[column]
        return {"date": self.date_format, "datetime": self.timestamp_format}.get(kind, "")

    @property
    def birth_dates(self) -> tuple[str, ...]:
        """Columns that hold a birth date."""
        named = [(name, name.lower()) for name, kind in self.columns if kind == "date"]
        return tuple(name for name, low in named if ("dob" in low or "birth" in low) and "expected" not in low)

    def is_sent_on(self, night: date) -> bool:
        """Whether a drop goes out in the night that begins on this date."""
        return self.weekday is None or night.weekday() == self.weekday

    def extracted_at(self, night: date) -> datetime:
        """UTC instant of that night's extract; hours before noon belong to the small hours of the next day."""
        day = night + timedelta(days=1) if self.sent_at.hour < 12 else night
        return datetime.combine(day, self.sent_at, tzinfo=LONDON).astimezone(UTC)


@dataclass(frozen=True)
class View:
    """All versions of one feed's rows."""

    feed: Feed
    rows: pd.DataFrame | pa.Table


@dataclass(frozen=True)
class ViewSettings:
    """What the agencies' views depend on beside the world: the seed and how error-prone record keeping is."""

    seed: int
    error_multiplier: float = 1.0


def columns(text: str) -> tuple[tuple[str, Kind], ...]:
    """``"a b:date c:integer"`` as (name, kind) pairs; text is the default kind."""
    pairs: list[tuple[str, Kind]] = []
    for word in text.split():
        name, _, kind = word.partition(":")
        if kind not in ("", "date", "datetime", "integer"):
            raise ValueError(f"unknown kind of column: {kind}")
        pairs.append((name, kind or "text"))  # type: ignore[arg-type]
    return tuple(pairs)


def _clock_changes() -> tuple[Times, npt.NDArray[np.int64]]:
    """London wall-clock instants from which an offset (hours ahead of UTC) holds: last Sundays of March and October."""
    instants, offsets = [np.datetime64("1990-01-01T00", "s")], [0]
    for year in range(1996, 2038):
        for month, offset in ((3, 1), (10, 0)):
            last = date(year, month, 31)
            last -= timedelta(days=(last.weekday() + 1) % 7)
            instants.append(np.datetime64(f"{last.isoformat()}T02", "s"))
            offsets.append(offset)
    return np.array(instants), np.array(offsets)


_CHANGE_AT, _OFFSET = _clock_changes()
_HOUR = np.timedelta64(3600, "s")
_SPRING_GAP = _CHANGE_AT[_OFFSET == 1] - _HOUR


def to_utc(wall_clock: pd.Series | Times) -> Times:
    """UTC of London wall-clock times (datetime64, seconds). An hour that occurs twice is its first passing."""
    values = np.asarray(wall_clock).astype("datetime64[s]")
    known = ~np.isnat(values)
    out = values.copy()
    offset = _OFFSET[np.searchsorted(_CHANGE_AT, values[known], side="right") - 1]
    out[known] = values[known] - offset.astype("timedelta64[h]")
    return out


def existing(wall_clock: pd.Series | Times) -> Times:
    """Times to the minute as a London clock shows them: those in the hour skipped each March are an hour later."""
    times = np.asarray(wall_clock).astype("datetime64[m]").astype("datetime64[s]")
    at = np.searchsorted(_SPRING_GAP, times, side="right") - 1
    since = times - _SPRING_GAP[np.maximum(at, 0)]
    skipped = (at >= 0) & (since >= np.timedelta64(0, "s")) & (since < _HOUR)
    return np.where(skipped, times + _HOUR, times)


def at_work(days: pd.Series | Times, uniform: npt.NDArray[np.float64], start: float = 8.5, end: float = 18.5) -> Times:
    """UTC instants within office hours of the given London dates (hours of the day as numbers)."""
    dates = np.asarray(days).astype("datetime64[D]").astype("datetime64[s]")
    seconds = ((start + uniform * (end - start)) * 3600).astype("timedelta64[s]")
    return to_utc(dates + seconds)


def stack_versions(feed: Feed, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of versions from frames in which a key occurs once each, earlier versions in earlier frames.

    Fills ``_superseded_at``, ``_row_op`` (unless a frame set ``deleted``) and ``row_state``; rows are ordered by
    ``_recorded_at``, then by key. A later version never has an earlier instant than the one it replaces.
    """
    key = list(feed.key)
    parts = [part for part in parts if len(part)]
    if not parts:
        frame = pd.DataFrame({name: pd.Series(dtype=_DTYPES[kind]) for name, kind in feed.columns})
        empty_time = pd.Series(dtype="datetime64[s]")
        return frame.assign(_recorded_at=empty_time, _superseded_at=empty_time, _row_op=pd.Series(dtype=object))
    rows = pd.concat([part.assign(_version=n) for n, part in enumerate(parts)], ignore_index=True)
    if "_row_op" not in rows:
        rows["_row_op"] = None
    rows["_recorded_at"] = rows["_recorded_at"].astype("datetime64[s]")
    if len(parts) > 1:
        rows = rows.sort_values([*key, "_version"], kind="stable", ignore_index=True)
        same = rows[key].eq(rows[key].shift()).all(axis=1).to_numpy()
        recorded = rows.groupby(key, sort=False, dropna=False)["_recorded_at"].cummax().to_numpy()
        rows["_recorded_at"] = recorded
        following = np.append(recorded[1:], FAR_FUTURE)
        has_next = np.append(same[1:], False)
        rows["_superseded_at"] = np.where(has_next, following, FAR_FUTURE)
        op = np.where(same, "updated", "new")
    else:
        rows["_superseded_at"] = np.full(len(rows), FAR_FUTURE)
        op = np.full(len(rows), "new")
    rows["_row_op"] = np.where(rows["_row_op"].eq("deleted"), "deleted", op)
    if "row_state" in feed.column_names:
        rows["row_state"] = rows["_row_op"]
    rows = rows.sort_values(["_recorded_at", *key], kind="stable", ignore_index=True)
    extra = [c for c in TRUTH if c in rows.columns]
    return rows[[*feed.column_names, *HIDDEN, *extra]]


_DTYPES: dict[Kind, str] = {"text": "object", "date": "datetime64[s]", "datetime": "datetime64[s]", "integer": "Int64"}
