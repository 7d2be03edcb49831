"""A night of a demo through the gate and its expectations, without Dagster and dbt: what `pipelines.assets.landing`
does for each agency, and an account of every row, for simulations of many nights.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from data_quality.expectations.observer import Observe
from data_quality.expectations.standing import judge_standing
from data_quality.feed_status import FeedStatus, feed_status
from data_quality.sql import raw_table
from data_quality.sweep import FeedSweep, sweep_landing
from governance.keys import load_keys
from governance.landing_archive import archive_with
from governance.pseudonym import Pseudonym
from pipelines.clock import nightly_cutoff
from pipelines.hub import Hub
from pipelines.retention import purge_records
from pipelines.settings import Settings
from synthetic.agencies.views import FIRST_DROP_DATE
from synthetic.demo import advance_demo, create_demo
from tests.demo_hub import DemoHub

PACK = Path(__file__).absolute().parents[1] / "partnerships" / "northmere"
LOGS = ("quarantine", "warehouse", "identity")


def new_partnership(folder: Path, key_file: Path | None = None) -> DemoHub:
    """A copy of the demo's pack, which may be changed, and keys; nothing is delivered yet.

    Args:
        key_file: keys of another partnership, for two that are to be compared.
    """
    pack = folder / "pack" / PACK.name
    shutil.copytree(PACK, pack)
    demo = DemoHub(folder, str(pack), key_file)
    load_keys(demo.name, create=True, environ=demo.environ)
    return demo


def open_hub(demo: DemoHub) -> Hub:
    """The partnership as a run sees it, its databases migrated; open it again when its pack was changed."""
    hub = Hub(Settings(partnership=demo.partnership, var=demo.folder / "var", drops=demo.folder / "drops"))
    hub.keys = demo.keys
    hub.zones.migrate()
    return hub


def deliver(demo: DemoHub, night: int, children: int, **options: float) -> None:
    """The files of a night (0: the first drops), unless they were delivered before."""
    state = demo.drops / "state.json"
    landing = demo.root / "landing"
    if not state.exists():
        create_demo(demo.drops, landing, children, **options)  # type: ignore[arg-type]
    if json.loads(state.read_text(encoding="utf-8"))["nights"] < night:
        advance_demo(demo.drops, landing)


def date_of(night: int) -> date:
    """The day a night begins on."""
    return FIRST_DROP_DATE + timedelta(days=night)


def instant_of_night(night: int) -> datetime:
    """What the run after a night knows: everything received by the next morning's cut-off (naive UTC)."""
    return nightly_cutoff(date_of(night) + timedelta(days=1))


@dataclass
class Night:
    """What one night came to.

    Attributes:
        unaccounted: one sentence for every drop whose rows are not where the log says.
        problems: what stopped a drop, an observer or a standing rule.
        temporary: temporary tables that the gate has left on its connections.
    """

    now: datetime
    rows: int = 0
    feeds: dict[str, FeedSweep] = field(default_factory=dict)
    status: dict[str, FeedStatus] = field(default_factory=dict)
    unaccounted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    temporary: int = 0


def take_in(hub: Hub, now: datetime, agencies: Collection[str] = ()) -> Night:
    """Every agency's waiting drops through the gate, each agency on a connection of its own.

    Args:
        agencies: only these; all if empty.
    """
    night = Night(now)
    for agency in agencies or hub.agencies:
        mine = {name: contract for name, contract in hub.contracts.items() if contract.agency == agency}
        with hub.zones.open("identity", "warehouse", "quarantine") as con:
            Pseudonym(hub.keys.pseudonym).install(con)
            before = _logged(con, agency)
            sweep = sweep_landing(
                con, hub.settings.landing, mine, hub.code_sets, now=now, archive=archive_with(hub.keys.landing),
                observe=Observe(con, hub.code_sets, hub.quiet_days),
            )  # fmt: skip
            night.unaccounted += _miscounted(con, hub, agency, before)
            purge_records(con, hub, mine.values(), now)
            failed = judge_standing(con, mine, hub.contracts)
            night.status |= {one.name: one for one in feed_status(con, mine, now)}
            left = con.execute("select count(*) from duckdb_tables() where database_name = 'temp'").fetchall()
        night.temporary += left[0][0]
        night.feeds |= sweep.feeds
        night.problems += [f"{name}: {why}" for name, why in failed.items()]
    for feed in night.feeds.values():
        night.rows += sum(report.rows_in for report in feed.reports)
        night.problems += [feed.problem] if feed.problem else []
        night.problems += [f"{feed.name}: {one.observer_problem}" for one in feed.reports if one.observer_problem]
    return night


def unlogged(demo: DemoHub, hub: Hub, night: int, agencies: Collection[str] = ()) -> list[str]:
    """Drops that were sent by a night and that the log does not have with the rows their manifest announces."""
    now, read = instant_of_night(night), set(agencies or hub.agencies)
    sent = {}
    for line in (demo.drops / "sent.jsonl").read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if datetime.fromisoformat(one["received_at"]).replace(tzinfo=None) <= now and one["agency"] in read:
            sent[one["agency"], one["feed"], one["file"], one["sha256"]] = one["rows"]
    with hub.zones.open("quarantine", read_only=True) as con:
        logged = {
            tuple(key): rows
            for *key, rows in con.execute(
                "select agency, feed, file_name, sha256, rows_in from gate.drop_log where is_complete and "
                "(status = 'refused' or rows_in = rows_loaded + rows_unchanged + rows_quarantined)"
            ).fetchall()
        }
    return [f"{key[0]} {key[1]}: {key[2]}" for key, rows in sent.items() if logged.get(key) != rows]


def _logged(con: duckdb.DuckDBPyConnection, agency: str) -> set[object]:
    rows = con.execute("select drop_id from quarantine.gate.drop_log where agency = ?", [agency]).fetchall()
    return {drop_id for (drop_id,) in rows}


def _miscounted(con: duckdb.DuckDBPyConnection, hub: Hub, agency: str, before: set[object]) -> list[str]:
    """New lines of the drop logs held against one another and against the rows that lie in every zone."""
    wrong = []
    logs = [
        con.execute(
            "select drop_id, feed, file_name, status, mode, rows_in, rows_loaded, rows_unchanged, rows_quarantined "
            f"from {log}.gate.drop_log where agency = ? and is_complete order by drop_id",
            [agency],
        ).fetchall()
        for log in LOGS
    ]
    if logs[0] != logs[1] or logs[0] != logs[2]:
        wrong.append(f"{agency}: the drop logs of the zones differ")
    for drop_id, feed, file, status, mode, rows_in, loaded, unchanged, held in logs[0]:
        if drop_id in before or file.endswith(".json"):
            continue
        contract = hub.contracts[f"{agency}__{feed}"]
        wanted = (loaded, held) if status == "loaded" else (0, 0)
        tables = [raw_table(zone, contract.name) for zone in contract.zones]
        counted = [_count(con, table, drop_id, "row_no is not null") for table in tables]
        kept = _count(con, "quarantine.gate.quarantined_row", drop_id, "true")
        balanced = status == "refused" or mode == "retry" or rows_in == loaded + unchanged + held
        if not balanced or kept != wanted[1] or any(count != wanted[0] for count in counted):
            wrong.append(f"{agency} {feed}: {file}: {status}, in {rows_in}, log {wanted}, lie {counted} and {kept}")
    return wrong


def _count(con: duckdb.DuckDBPyConnection, table: str, drop_id: object, where: str) -> int:
    rows = con.execute(f"select count(*) from {table} where drop_id = ? and {where}", [drop_id]).fetchall()
    return int(rows[0][0])
