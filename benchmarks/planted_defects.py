"""Mistakes planted in a demo against what the gate and its expectations caught, by kind.

    python -m benchmarks.planted_defects --children 2000 --nights 30
    python -m benchmarks.planted_defects --children 400 --error-multiplier 5 --keep /tmp/planted   # look at it later

Every night goes through the gate; the September code list is taken in after two thirds of them. What counts as caught
depends on what a mistake calls for (`truth/planted_defect.parquet`, column `expected`):

    quarantine  that very row of that file is held under that very rule. A copy sent twice: one row of its key is held.
                The new codes: held until the list is known and then come back; afterwards, let in at once.
    refuse      that file was refused, by that rule.
    inform      of a row: the drop's check of that column counts at least as many rows as were planted there; of a
                whole file: the drop failed the check of that name.
    check       of a row: when the drop came, the rule counted at least the planted records that stood then (a standing
                rule counts all of them, also those of earlier nights). Of a whole file: the rule failed on one of the
                nights the incident lasted.
    late        the file without a manifest was named as waiting that night; a feed that stayed away was called late
                on some night of the stretch, if the stretch was longer than its agreement allows (else not counted).
    resolve     the row is taken in, not held; a record taken back is gone from what is current.
    none        nothing is asked. Such a row explains no quarantine: if it is held, it is a good row held.

A row counts when its own drop was loaded. Good rows held are those no planted row explains, over all good rows sent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.night_path import deliver, instant_of_night, new_partnership, open_hub, take_in, unlogged
from benchmarks.planted_verdicts import Seen, judge
from benchmarks.resume import keep_result
from synthetic.agencies.code_change import update_codes
from tests.demo_hub import DemoHub

LEAST_CAUGHT, MOST_GOOD_HELD = 0.99, 0.001


def simulate(demo: DemoHub, children: int, multiplier: float, nights: int) -> list[dict[str, Any]]:
    """The first drops and `nights` nights; what each night said of files, feeds and rows."""
    hub = open_hub(demo)
    said = []
    for night in range(nights + 1):
        if night == update_night(nights) and update_codes(hub.settings.pack / "codes"):
            hub = open_hub(demo)
        deliver(demo, night, children, error_multiplier=multiplier)
        done = take_in(hub, instant_of_night(night))
        said.append(
            {
                "night": night,
                "refused": [
                    [feed.name, report.file, report.rule]
                    for feed in done.feeds.values()
                    for report in feed.reports
                    if report.outcome == "refused"
                ],
                "waiting": [[feed.name, why] for feed in done.feeds.values() for why in feed.waiting],
                "late": [one.name for one in done.status.values() if one.is_late],
                "unaccounted": done.unaccounted + unlogged(demo, hub, night),
                "problems": done.problems,
            }
        )
    return said


def update_night(nights: int) -> int:
    """The night before which the September code list is taken in."""
    return nights * 2 // 3


def seen_of(demo: DemoHub, said: list[dict[str, Any]], nights: int) -> Seen:
    """Truth and what the hub recorded, as frames."""
    hub = open_hub(demo)
    truth = pd.read_parquet(demo.drops / "truth" / "planted_defect.parquet")
    with hub.zones.open("identity", "warehouse", "quarantine", read_only=True) as con:
        log = con.execute(
            "select drop_id::varchar as drop_id, agency, feed, file_name, mode, status, received_at, extracted_at, "
            "rows_in, rows_quarantined from quarantine.gate.drop_log where is_complete"
        ).df()
        held = con.execute(
            "select drop_id::varchar as drop_id, agency, feed, file_name, row_no, rule, failures, "
            "source_key_hash::varchar as record_key, resolved_by_drop is not null as is_resolved "
            "from quarantine.gate.quarantined_row"
        ).df()
        checks = con.execute(
            "select drop_id::varchar as drop_id, agency, feed, received_at, expectation, column_name, scope, passed, "
            "coalesce(unexpected, 0) as unexpected from warehouse.quality.batch_check"
        ).df()
        versions = pd.concat(
            _versions(con, contract.home_zone, name, contract.agency, contract.feed)
            for name, contract in hub.contracts.items()
            if ((truth["agency"] == contract.agency) & (truth["feed"] == contract.feed)).any()
        )
    latency = {name: contract.latency_days for name, contract in hub.contracts.items()}
    return Seen(truth, log, held, checks, versions, said, latency, instant_of_night(update_night(nights) - 1))


def _versions(con: duckdb.DuckDBPyConnection, zone: str, name: str, agency: str, feed: str) -> pd.DataFrame:
    from data_quality.sql import raw_table

    return con.execute(
        f"select '{agency}' as agency, '{feed}' as feed, drop_id::varchar as drop_id, row_no, "
        "record_key::varchar as record_key, extracted_at, is_deleted, superseded_on_arrival, "
        "lead(drop_id::varchar) over (partition by record_key order by extracted_at, drop_id) as next_drop "
        f"from {raw_table(zone, name)}"
    ).df()


def main() -> int:
    """Simulate, judge, print a table, keep it; 1 if a kind or the good rows miss their bar."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=2_000)
    parser.add_argument("--nights", type=int, default=30, help="nights after the first drops")
    parser.add_argument("--error-multiplier", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, help="an empty or new folder for the partnership; looked at again if done")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hub_planted_") as temporary:
        folder = arguments.keep or Path(temporary)
        told = folder / "said.json"
        if told.exists():
            demo = DemoHub(folder, str(next((folder / "pack").iterdir())))
            said = json.loads(told.read_text(encoding="utf-8"))
        else:
            demo = new_partnership(folder)
            said = simulate(demo, arguments.children, arguments.error_multiplier, arguments.nights)
            told.write_text(json.dumps(said), encoding="utf-8")
        result = judge(seen_of(demo, said, arguments.nights))
    result["unaccounted"] = [line for night in said for line in night["unaccounted"]]
    result["problems"] = [line for night in said for line in night["problems"]]
    show(result)
    keep_result(
        "planted_defects",
        {
            "children": arguments.children, "nights": arguments.nights, "error_multiplier": arguments.error_multiplier,
            "seconds": round(time.monotonic() - started, 1), "bars": [LEAST_CAUGHT, MOST_GOOD_HELD], **result,
        },
    )  # fmt: skip
    is_met = all(kind["share"] is None or kind["share"] >= LEAST_CAUGHT for kind in result["kinds"])
    is_met &= result["good_rows_held_share"] <= MOST_GOOD_HELD
    return 0 if is_met and not result["unaccounted"] and not result["problems"] else 1


def show(result: dict[str, Any]) -> None:
    """The table for people."""
    table = Table("kind", "expected", "planted", "caught", "share", "not caught", title="planted mistakes")
    for kind in result["kinds"]:
        share = "" if kind["share"] is None else f"{kind['share']:.2%}"
        table.add_row(
            kind["kind"], kind["expected"], f"{kind['planted']:,}", f"{kind['caught']:,}", share,
            "; ".join(f"{count} {why}" for why, count in kind["missed"].items()),
        )  # fmt: skip
    console = Console(width=160)
    console.print(table)
    console.print(
        f"good rows held: {result['good_rows_held']:,} of {result['good_rows']:,} "
        f"({result['good_rows_held_share']:.4%}) {result['held_without_cause'] or ''}\n"
        f"counted beyond what was planted: {result['counted_beyond'] or 'nothing'}\n"
        f"unaccounted: {result['unaccounted'] or 'nothing'}; problems: {result['problems'] or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(main())
