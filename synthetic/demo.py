"""The demo's suppliers: make a world once, send its history, then send night after night.

``create_demo`` makes the world and its truth, writes every feed's history as first drops, and keeps the row versions
of later nights aside (``pending/``), so that ``advance_demo`` needs no more than to read them. Both may be killed and
run again: the world and the drops follow from the seed, and the night reached is remembered only when all its drops
are written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd
import pyarrow as pa

from synthetic.agencies import BUILDERS, FEEDS, Feed, Ground, View
from synthetic.agencies.drops import (
    Manifest,
    drop_connection,
    pending_condition,
    write_history,
    write_night,
)
from synthetic.agencies.views import FIRST_DROP_DATE, ViewSettings
from synthetic.world import create_world

Progress = Callable[[str], None]
WorldKind = Literal["passes", "no-signal", "biased"]


@dataclass(frozen=True)
class DemoSummary:
    """What was sent: files and rows, by agency, and the nights they stand for."""

    children: int
    years: int
    seed: int
    first_night: date
    last_night: date
    drops: int
    rows: int
    rows_by_agency: dict[str, int]


class DemoMissingError(RuntimeError):
    """There is no demo at that place to advance."""


class WorldEndsError(RuntimeError):
    """The world is not simulated as far as the night asked for."""


def create_demo(
    out: Path,
    deliver_to: Path,
    children: int = 20_000,
    years: int = 5,
    seed: int = 20_261_004,
    world: WorldKind = "passes",
    error_multiplier: float = 1.0,
    progress: Progress | None = None,
) -> DemoSummary:
    """Makes the world under ``out`` and delivers the first drops, all history, into the landing folder ``deliver_to``.

    An earlier demo at ``out`` is replaced; what was delivered from it stays where it is.
    """
    say = progress or _silent
    out.mkdir(parents=True, exist_ok=True)
    for old in ("state.json", "sent.jsonl"):
        (out / old).unlink(missing_ok=True)
    for folder in ("world", "truth", "pending"):
        shutil.rmtree(out / folder, ignore_errors=True)
    say("making the world")
    made = create_world(children, years, seed, world=world, error=error_multiplier, progress=_stages(say))
    made.write(out)
    ground = Ground(made.tables, ViewSettings(seed, error_multiplier))
    since = datetime.combine(_as_date(made.parameters.history_start), time(0), tzinfo=UTC)
    simulated_to = _as_date(made.parameters.simulated_to)
    del made
    pending = out / "pending"
    pending.mkdir()
    sent: list[Manifest] = []
    named: list[pd.DataFrame] = []
    with drop_connection() as con:
        for agency, build in BUILDERS.items():
            say(f"{agency}: first drops")
            for view in build(ground):
                sent.append(_first_drop(con, view, deliver_to, pending, since))
                if view.feed.names_people and isinstance(view.rows, pd.DataFrame):
                    named.append(identity_truth(view.feed, view.rows))
        _write_truth(con, named, out / "truth" / "record_identity.parquet")
    _log(out, sent)
    state = {
        "children": children, "years": years, "seed": seed, "world": world, "error_multiplier": error_multiplier,
        "simulated_to": simulated_to.isoformat(), "nights": 0,
    }  # fmt: skip
    _remember(out, state)
    return _summary(state, sent, FIRST_DROP_DATE, FIRST_DROP_DATE)


def advance_demo(out: Path, deliver_to: Path, nights: int = 1, progress: Progress | None = None) -> DemoSummary:
    """Delivers the next ``nights`` nights' drops and remembers the night reached in ``out/state.json``."""
    say = progress or _silent
    place = out / "state.json"
    if not place.exists():
        raise DemoMissingError(f"no demo at {out}: create one first")
    state = json.loads(place.read_text("utf-8"))
    first = FIRST_DROP_DATE + timedelta(days=state["nights"] + 1)
    last = first + timedelta(days=nights - 1)
    if last > date.fromisoformat(state["simulated_to"]):
        raise WorldEndsError(f"the demo world ends on {state['simulated_to']}")
    sent: list[Manifest] = []
    with drop_connection() as con:
        night = first
        while night <= last:
            say(f"night of {night.isoformat()}")
            tonight = [feed for feed in FEEDS if feed.is_sent_on(night)]
            written = [
                write_night(con, _pending(out / "pending", feed), feed, deliver_to, night)
                for feed in sorted(tonight, key=lambda feed: (feed.extracted_at(night), feed.label))
            ]
            state["nights"] += 1
            _log(out, written)
            _remember(out, state)
            sent += written
            night += timedelta(days=1)
    return _summary(state, sent, first, last)


def identity_truth(feed: Feed, rows: pd.DataFrame) -> pd.DataFrame:
    """Whom each record names in truth: agency, feed, source_key, true_person_id, flags; one row a record."""
    latest = rows.drop_duplicates(list(feed.key), keep="last")
    key = latest[feed.key[0]].astype(str).str.strip()
    for column in feed.key[1:]:
        key = key + "\x1f" + latest[column].astype(str).str.strip()
    return pd.DataFrame(
        {
            "agency": feed.agency,
            "feed": feed.name,
            "source_key": key,
            "true_person_id": latest["_person_id"].astype("int64"),
            "flags": latest["_flags"].astype(object),
        }
    )


def _first_drop(con: duckdb.DuckDBPyConnection, view: View, landing: Path, pending: Path, since: datetime) -> Manifest:
    feed = view.feed
    con.register("versions", _arrow(view))
    try:
        con.execute(
            f"COPY (SELECT * FROM versions WHERE {pending_condition(feed)})"
            f" TO '{_pending_file(pending, feed)}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return write_history(con, "versions", feed, landing, since)
    finally:
        con.unregister("versions")


def _arrow(view: View) -> pa.Table:
    """The feed's columns and the versions' instants, typed by the feed (a column of missing values has no type of its
    own).
    """
    if isinstance(view.rows, pa.Table):
        return view.rows
    kinds: dict[str, pa.DataType] = {
        "text": pa.string(), "date": pa.timestamp("s"), "datetime": pa.timestamp("s"), "integer": pa.int64(),
    }  # fmt: skip
    fields = [pa.field(name, kinds[kind]) for name, kind in view.feed.columns]
    fields += [pa.field(name, pa.timestamp("s")) for name in ("_recorded_at", "_superseded_at")]
    fields.append(pa.field("_row_op", pa.string()))
    return pa.Table.from_pandas(view.rows, schema=pa.schema(fields), preserve_index=False)


def _pending_file(pending: Path, feed: Feed) -> str:
    return str(pending / f"{feed.agency}__{feed.name}.parquet").replace("'", "''")


def _pending(pending: Path, feed: Feed) -> str:
    return f"read_parquet('{_pending_file(pending, feed)}')"


def _write_truth(con: duckdb.DuckDBPyConnection, named: list[pd.DataFrame], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    con.register("named", pd.concat(named, ignore_index=True))
    con.execute(f"COPY (FROM named) TO '{str(path).replace(chr(39), chr(39) * 2)}' (FORMAT parquet, COMPRESSION zstd)")
    con.unregister("named")


def _log(out: Path, sent: list[Manifest]) -> None:
    """Appends what was sent to ``sent.jsonl``, the suppliers' own list."""
    with (out / "sent.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(manifest)) + "\n" for manifest in sent)


def _remember(out: Path, state: Mapping[str, object]) -> None:
    draft = out / "state.json.part"
    draft.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    draft.replace(out / "state.json")


def _summary(state: Mapping[str, object], sent: list[Manifest], first: date, last: date) -> DemoSummary:
    rows: dict[str, int] = {}
    for manifest in sent:
        rows[manifest.agency] = rows.get(manifest.agency, 0) + manifest.rows
    return DemoSummary(
        children=int(str(state["children"])),
        years=int(str(state["years"])),
        seed=int(str(state["seed"])),
        first_night=first,
        last_night=last,
        drops=len(sent),
        rows=sum(rows.values()),
        rows_by_agency=rows,
    )


def _as_date(day: date | datetime) -> date:
    return day.date() if isinstance(day, datetime) else day


def _stages(say: Progress) -> Callable[[str, float], None]:
    """The world's progress (a stage, the share of it done) as one line a stage."""
    told: list[str] = []

    def stage(name: str, _: float) -> None:
        if told[-1:] != [name]:
            told.append(name)
            say(f"world: {name}")

    return stage


def _silent(_: str) -> None:
    """Says nothing."""
