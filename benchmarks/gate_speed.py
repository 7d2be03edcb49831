"""How fast the gate takes a 20-column CSV into encrypted zones, beside a bare DuckDB read of the same file.

    python -m benchmarks.gate_speed                        # 2,000,000 rows, three trials, kept in benchmarks/results/
    python -m benchmarks.gate_speed --rows 300000 --trials 1 --no-keep

The feed has its own contract: nine columns of the identity zone, nine of facts, one of the audit zone, one dropped;
dates, times, numbers, checked identifiers, code sets, two references. Four drops are taken: the first load, a full drop
in which one row in fifty changed, a nightly delta, and the first load of a file with blanks beside its commas, whose
values have all to be trimmed. Great Expectations is timed apart, on the sample the gate hands out. For each the best
trial is told, with seconds by step and the load of the machine: a figure taken while others compute says little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.machine import machine
from data_quality.contract import FeedContract
from data_quality.drop import Drop, read_manifest
from data_quality.drop_log import recover
from data_quality.gate import accept_drop
from data_quality.raw_tables import ensure_raw_tables
from tests.gate_support import CODES, column, make_contract, sealed_zones

START = datetime(2026, 10, 5, 18, 0)
RESULTS = Path(__file__).parent / "results"
COLUMNS = [
    column("event_id", "identity", key=1),
    column("person_id", "identity", required=True, references="csc__person"),
    column("worker_id", "identity", references="csc__professionals"),
    column("forename", "identity", maxLength=60),
    column("surname", "identity", maxLength=60),
    column("birth_date", "identity", "date"),
    column("nhs_number", "identity", check="nhs_number"),
    column("postcode", "identity", check="postcode"),
    column("uprn", "identity", pattern="[0-9]{1,12}"),
    column("happened", "warehouse", "timestamp", occurredOn=True),
    column("started", "warehouse", "date"),
    column("ended", "warehouse", "date"),
    column("source_code", "warehouse", codeSet="referral_source"),
    column("outcome_code", "warehouse", codeSet="referral_source"),
    column("score", "warehouse", "integer", minimum=0, maximum=100),
    column("amount", "warehouse", "number"),
    column("is_seen", "warehouse", "boolean"),
    column("team", "warehouse", maxLength=40),
    column("ethnicity", "audit"),
    column("row_state", "drop", tombstone=True),
]
_ROWS = """
    with numbers as (select range as i, 100000000 + (range * 7919) % 899999999 as nine from range({rows})),
    checked as (select *, (11 - list_sum([(10 - p) * substr(nine::varchar, p + 1, 1)::int for p in range(9)]) % 11)
        % 11 as digit from numbers)
    select 'E' || i as event_id, 'P' || (i % 60000) as person_id, 'W' || (i % 400) as worker_id,
        'Forename' || (i % 5000) as forename, 'Surname' || (i % 7777) as surname,
        strftime(date '2008-01-01' + (i % 6000)::int, '%Y-%m-%d') as birth_date,
        case when digit < 10 then nine::varchar || digit::int::varchar end as nhs_number,
        'NM' || (i % 9 + 1) || ' ' || (i % 9 + 1) || 'AB' as postcode, (100000 + i % 60000)::varchar as uprn,
        strftime(timestamp '2021-10-04 08:00:00' + to_minutes((i % 2600000)::int), '%Y-%m-%d %H:%M:%S') as happened,
        strftime(date '2021-10-04' + (i % 1800)::int, '%Y-%m-%d') as started,
        case when i % 3 = 0 then strftime(date '2021-11-04' + (i % 1700)::int, '%Y-%m-%d') end as ended,
        '1A' as source_code, case when i % 4 = 0 then '1A' end as outcome_code,
        case when {changed} then 99 else i % 90 end as score, (i % 1000) / 4 as amount,
        case when i % 2 = 0 then 'Y' else 'N' end as is_seen,
        'Team' || {between} || (i % 30) as team, 'E' || (i % 6) as ethnicity, null as row_state
    from checked order by i
"""


def send(
    landing: Path, rows: int, mode: str, night: int, changed: str = "false", where: str = "", between: str = "' '"
) -> Drop:
    """Write one synthetic drop; `between` stands in the name of the team (a comma there puts the name in quotes)."""
    folder = landing / "csc" / "events"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events_{night}_{mode}.csv"
    sql = _ROWS.format(rows=rows, changed=changed, between=between)
    con = duckdb.connect()
    con.execute(f"copy (select * from ({sql}) {where}) to '{path}' (header, nullstr '')")
    count = con.execute(f"select count(*) from ({sql}) {where}").fetchall()[0][0]
    con.close()
    extracted = START + timedelta(days=night)
    manifest = path.with_suffix(".manifest.json")
    manifest.write_text(json.dumps({
        "agency": "csc", "feed": "events", "file": path.name, "mode": mode, "history": False, "rows": count,
        "extracted_at": f"{extracted.isoformat()}Z", "received_at": f"{(extracted + timedelta(hours=1)).isoformat()}Z",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }))  # fmt: skip
    return Drop(path, manifest, read_manifest(manifest, "csc", "events"))


def bare_read(path: Path) -> float:
    """Seconds DuckDB takes to read the file as text into a table in memory."""
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        start = time.perf_counter()
        con.execute(f"create table t as from read_csv('{path}', all_varchar = true)")
        return time.perf_counter() - start


def take(con: duckdb.DuckDBPyConnection, drop: Drop, contract: FeedContract, observe: Any = None) -> dict[str, Any]:
    """One drop through the gate: counts, seconds, processor seconds and seconds by step."""
    marks: list[tuple[str, float]] = [("start", time.perf_counter())]
    cpu = time.process_time()
    report = accept_drop(
        con, drop, contract, CODES, observe=observe, step=lambda step: marks.append((step, time.perf_counter()))
    )
    marks.append(("end", time.perf_counter()))
    cpu, seconds = time.process_time() - cpu, marks[-1][1] - marks[0][1]
    if report.outcome != "loaded":
        raise SystemExit(report.reason)
    return {
        "rows": report.rows_in, "loaded": report.loaded, "unchanged": report.unchanged,
        "quarantined": report.quarantined, "seconds": round(seconds, 2), "cpu_seconds": round(cpu, 2),
        "rows_per_second": round(report.rows_in / seconds),
        "seconds_by_step": {
            step: round(at - before, 3) for (step, at), (_, before) in zip(marks[1:], marks[:-1], strict=True)
        },
    }  # fmt: skip


def expectations(root: Path, drop: Drop, contract: FeedContract) -> float:
    """Seconds of the suite that is made from the contract, on the rows the gate hands out."""
    from data_quality.expectations.observer import Observe

    spent: list[float] = []
    with sealed_zones(root) as con:
        ensure_raw_tables(con, [contract])
        suite = Observe(con, CODES)

        def observe(*batch: Any) -> Any:
            start = time.perf_counter()
            try:
                return suite(*batch)
            finally:
                spent.append(time.perf_counter() - start)

        take(con, drop, contract, observe)
    return round(sum(spent), 2)


def main() -> None:
    """Run the benchmark, print its result and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--keep", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
    rows = asked.rows
    measured_at = datetime.now(UTC)
    result: dict[str, Any] = {
        "measured_at": measured_at.isoformat(timespec="seconds"), "machine": machine(), "rows": rows,
        "columns": len(COLUMNS), "trials": asked.trials, "load_before": os.getloadavg(),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="hub_gate_") as folder:
        root = Path(folder)
        contract = make_contract(root, COLUMNS, feed="events")
        drops = {
            "first_load": send(root / "landing", rows, "full", 0),
            "full_one_in_fifty_changed": send(root / "landing", rows, "full", 1, "i % 50 = 0"),
            "nightly_delta": send(
                root / "landing", rows, "delta", 2, "i % 100 = 0", "where score = '99' and event_id like '%00'"
            ),
        }
        untidy = send(root / "landing", rows, "full", 3, "false", "", "', '")
        result["megabytes"] = round(drops["first_load"].path.stat().st_size / 1e6, 1)
        bare: list[float] = []
        trials: list[dict[str, Any]] = []
        for trial in range(asked.trials):
            bare.append(bare_read(drops["first_load"].path))
            trials.append({})
            with sealed_zones(root / f"var{trial}") as con:
                ensure_raw_tables(con, [contract])
                for name, drop in drops.items():
                    trials[-1][name] = take(con, drop, contract)
                start = time.perf_counter()
                recover(con)
                trials[-1]["recover"] = {"seconds": round(time.perf_counter() - start, 3)}
            with sealed_zones(root / f"untidy{trial}") as con:
                ensure_raw_tables(con, [contract])
                trials[-1]["first_load_trimmed"] = take(con, untidy, contract)
            shutil.rmtree(root / f"var{trial}")
            shutil.rmtree(root / f"untidy{trial}")
        result["bare_read_rows_per_second"] = round(rows / min(bare))
        for name in trials[0]:
            result[name] = min((trial[name] for trial in trials), key=lambda one: one["seconds"])
        result["gate_over_bare_read"] = round(result["first_load"]["seconds"] / min(bare), 2)
        result["all_first_loads_seconds"] = [trial["first_load"]["seconds"] for trial in trials]
        result["expectations_seconds"] = expectations(root / "expected", drops["first_load"], contract)
    result["load_after"] = os.getloadavg()
    print(json.dumps(result, indent=1))
    if asked.keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"gate_speed_{measured_at:%Y%m%d}.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
