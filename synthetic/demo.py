"""The demo's suppliers: make a world once, send its history, then send night after night.

``create_demo`` makes the world and its truth, writes every feed's history as first drops, and keeps the row versions
of later nights aside (``pending/``), so that ``advance_demo`` needs no more than to read them. Both may be killed and
run again: the world and the drops follow from the seed, and the night reached is remembered only when all its drops
are written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd
import pyarrow as pa

from synthetic.agencies import BUILDERS, FEEDS, JOINING, Feed, Ground, View, csc
from synthetic.agencies.casework import LOST
from synthetic.agencies.casework_defects import Slip, casework_slips
from synthetic.agencies.drops import (
    Manifest,
    Sent,
    drop_connection,
    pending_condition,
    received_at,
    write_history,
    write_night,
)
from synthetic.agencies.incidents import CALENDAR, Incident, absences, deliveries
from synthetic.agencies.planted_truth import incident_row, remember
from synthetic.agencies.planting import plant
from synthetic.agencies.views import FIRST_DROP_DATE, ViewSettings
from synthetic.parameters import WEEKS_AHEAD
from synthetic.world import World, create_world

Progress = Callable[[str], None]
#: Feeds that tell what was sent to the front door, with the column that says when.
SENT_AT = {
    "police.ppn": "hub_sent_dt",
    "acute_trust.ed_attendance": "ArrivalDateTime",
    "education.safeguarding_notification": "SentDate",
}
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
    weeks_ahead: int = WEEKS_AHEAD,
    incidents: bool = True,
    progress: Progress | None = None,
    amend: Callable[[World], None] | None = None,
) -> DemoSummary:
    """Makes the world under ``out`` and delivers the first drops, all history, into the landing folder ``deliver_to``.

    The world is simulated ``weeks_ahead`` weeks past the first drops; ``incidents`` says whether whole files go wrong
    on later nights (`agencies.incidents.CALENDAR`). An earlier demo at ``out`` is replaced; what was delivered from it
    stays where it is. ``amend`` may change the true tables before any agency writes down what it sees of them.
    """
    say = progress or _silent
    out.mkdir(parents=True, exist_ok=True)
    for old in ("state.json", "sent.jsonl"):
        (out / old).unlink(missing_ok=True)
    for folder in ("world", "truth", "pending"):
        shutil.rmtree(out / folder, ignore_errors=True)
    say("making the world")
    made = create_world(children, years, seed, world, error_multiplier, weeks_ahead, _stages(say))
    if amend is not None:
        amend(made)
    made.write(out)
    ground = Ground(made.tables, ViewSettings(seed, error_multiplier))
    since = datetime.combine(_as_date(made.parameters.history_start), time(0), tzinfo=UTC)
    simulated_to = _as_date(made.parameters.simulated_to)
    del made
    pending = out / "pending"
    pending.mkdir()
    sent: list[Sent] = []
    named: list[pd.DataFrame] = []
    calendar = CALENDAR if incidents else ()
    lost: list[pd.DataFrame] = []
    with drop_connection() as con:
        for agency, build in BUILDERS.items():
            say(f"{agency}: first drops")
            views = list(build(ground)) if agency == csc.AGENCY else build(ground)
            slips = _slips_of_casework(ground, views) if isinstance(views, list) else {}
            for view in views:
                mine = slips.get(view.feed.name, ())
                sent.append(first_drop(con, ground, view, calendar, deliver_to, pending, since, mine))
                # A view without a row has no truth, nor the columns that tell it.
                if view.feed.names_people and isinstance(view.rows, pd.DataFrame) and not view.rows.empty:
                    named.append(identity_truth(view.feed, view.rows))
                if view.feed.label in SENT_AT and isinstance(view.rows, pd.DataFrame) and not view.rows.empty:
                    lost.append(lost_truth(view.feed, view.rows))
        _write_truth(con, named, out / "truth" / "record_identity.parquet")
        _write_truth(con, lost, out / "truth" / "lost_notification.parquet")
    _tell_truth(out, FIRST_DROP_DATE, sent, [])
    log_sent(out, sent)
    state = {
        "children": children, "years": years, "seed": seed, "world": world, "error_multiplier": error_multiplier,
        "simulated_to": simulated_to.isoformat(), "incidents": incidents, "nights": 0,
    }  # fmt: skip
    remember_state(out, state)
    return summary_of(state, sent, FIRST_DROP_DATE, FIRST_DROP_DATE)


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
    calendar = CALENDAR if state.get("incidents", True) else ()
    feeds = (*FEEDS, *(feed for agency in state.get("joined", []) for feed in JOINING[agency]))
    sent: list[Sent] = []
    with drop_connection() as con:
        night = first
        while night <= last:
            say(f"night of {night.isoformat()}")
            written, missing = send_night(con, feeds, out / "pending", deliver_to, night, calendar)
            _tell_truth(out, night, written, missing)
            state["nights"] += 1
            log_sent(out, written)
            remember_state(out, state)
            sent += written
            night += timedelta(days=1)
    return summary_of(state, sent, first, last)


def identity_truth(feed: Feed, rows: pd.DataFrame) -> pd.DataFrame:
    """Whom each record names in truth: agency, feed, source_key, true_person_id, flags; one row a record."""
    latest = rows.drop_duplicates(list(feed.key), keep="last")
    return pd.DataFrame(
        {
            "agency": feed.agency,
            "feed": feed.name,
            "source_key": _source_key(feed, latest),
            "true_person_id": latest["_person_id"].astype("int64"),
            "flags": latest["_flags"].astype(object),
        }
    )


def lost_truth(feed: Feed, rows: pd.DataFrame) -> pd.DataFrame:
    """Notifications to the front door that nobody recorded: agency, feed, source_key, sent_at (London wall clock).

    Without those that may not be shared (the gate refuses them, so nobody can miss them) and doubles that were never
    sent.
    """
    first = rows.drop_duplicates(list(feed.key))
    flags = first["_flags"].astype(str).str.split(";")
    lost = flags.map(lambda held: LOST in held and "handling_c" not in held) & first[SENT_AT[feed.label]].notna()
    gone = first[lost.to_numpy()]
    return pd.DataFrame(
        {
            "agency": feed.agency,
            "feed": feed.name,
            "source_key": _source_key(feed, gone),
            "sent_at": gone[SENT_AT[feed.label]].astype("datetime64[s]"),
        }
    )


def _source_key(feed: Feed, rows: pd.DataFrame) -> pd.Series:
    """The key columns as one text, as the gate joins them."""
    key = rows[feed.key[0]].astype(str).str.strip()
    for column in feed.key[1:]:
        key = key + "\x1f" + rows[column].astype(str).str.strip()
    return key


def send_night(
    con: duckdb.DuckDBPyConnection,
    feeds: Sequence[Feed],
    pending: Path,
    landing: Path,
    night: date,
    calendar: tuple[Incident, ...],
) -> tuple[list[Sent], list[tuple[Feed, Incident]]]:
    """The files of one night, in the order in which they are sent, and what was not sent."""
    tonight = [(feed, file) for feed in feeds for file in deliveries(feed, night, received_at(feed, night), calendar)]
    tonight.sort(key=lambda pair: (pair[1].received, pair[0].label))
    missing = [(feed, incident) for feed in feeds for incident in absences(feed, night, calendar)]
    return [write_night(con, _pending(pending, feed), feed, landing, file) for feed, file in tonight], missing


def first_drop(
    con: duckdb.DuckDBPyConnection,
    ground: Ground,
    view: View,
    calendar: tuple[Incident, ...],
    landing: Path,
    pending: Path,
    since: datetime,
    slips: Sequence[Slip] = (),
) -> Sent:
    """A feed's history into landing, and what later nights may send of it into ``pending``."""
    feed = view.feed
    flags = view.rows["_flags"] if isinstance(view.rows, pd.DataFrame) and "_flags" in view.rows else None
    draws = ground.defects(f"{feed.label}/planted")
    con.register("versions", plant(feed, _arrow(view), flags, draws, calendar, slips))
    try:
        con.execute(
            f"COPY (SELECT * FROM versions WHERE {pending_condition(feed)})"
            f" TO '{_pending_file(pending, feed)}' (FORMAT parquet, COMPRESSION zstd)"
        )
        return write_history(con, "versions", feed, landing, since)
    finally:
        con.unregister("versions")


def _slips_of_casework(ground: Ground, views: Sequence[View]) -> dict[str, list[Slip]]:
    """Mistakes of social care that show across its feeds, by feed."""
    tables = {view.feed.name: view.rows for view in views if isinstance(view.rows, pd.DataFrame)}
    return casework_slips(tables, ground.defects(f"{csc.AGENCY}/casework"))


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


def _tell_truth(out: Path, night: date, sent: list[Sent], missing: list[tuple[Feed, Incident]]) -> None:
    """Writes down what was planted in a night's files, and which were not sent."""
    planted = [row for file in sent for row in file.planted]
    planted += [incident_row(incident, feed, night, None) for feed, incident in missing]
    remember(out / "truth" / "planted_defect.parquet", night, planted)


def log_sent(out: Path, sent: list[Sent]) -> None:
    """Appends what was sent to ``sent.jsonl``, the suppliers' own list."""
    with (out / "sent.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(manifest)) + "\n" for manifest in _manifests(sent))


def _manifests(sent: list[Sent]) -> list[Manifest]:
    return [file.manifest for file in sent if file.manifest is not None]


def remember_state(out: Path, state: Mapping[str, object]) -> None:
    """Keeps how far the demo has got, all at once."""
    draft = out / "state.json.part"
    draft.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    draft.replace(out / "state.json")


def summary_of(state: Mapping[str, object], sent: list[Sent], first: date, last: date) -> DemoSummary:
    """What was sent between two nights, counted."""
    rows: dict[str, int] = {}
    for manifest in _manifests(sent):
        rows[manifest.agency] = rows.get(manifest.agency, 0) + manifest.rows
    return DemoSummary(
        children=int(str(state["children"])),
        years=int(str(state["years"])),
        seed=int(str(state["seed"])),
        first_night=first,
        last_night=last,
        drops=len(_manifests(sent)),
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
