"""A million records in one night of linkage: seconds, memory and accuracy, beside plain Splink on the same records.

People come from `benchmarks.people_at_size`. They lie in an encrypted identity database with the hub's own tables; a
model is trained on them unsupervised; then, each in a process of its own:

    first night   the ledger is empty: everybody is new
    next night    1 % of the records are new; all the rest has a person from yesterday. This is the night of the bar:
                  state read, linked, and written back

The figure covers the whole process: its start, `link` and `write` with persons, homes and areas. Homes and areas are
not persons: their seconds stand beside, and both readings of the bar are given. Accuracy is after the next night, over
all pairs of records. Truth is read here and nowhere else.

Example: python -m benchmarks.linkage_million --records 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.linkage_scores import merged_share, pairs_in, score
from benchmarks.machine import machine, measure
from benchmarks.people_at_size import People, make_people
from benchmarks.plain_splink import plain_splink

RESULTS = Path(__file__).parent / "results"
NAME = "benchmark"
FIRST_NIGHT = datetime(2026, 10, 5, 1)
NEW_SHARE = 0.01
BARS = {"seconds": 30.0, "peak_gigabytes": 3.0, "false_same_household_share_of_plain": 0.4}
CANONICAL = """
create schema canonical;
create table canonical.person_record (record_key uuid, agency varchar, feed varchar, source_key varchar,
    forename varchar, surname varchar, birth_date date, sex varchar, postcode varchar, uprn varchar, nhs_number varchar,
    upn varchar, local_id varchar, names_a_person boolean, professional boolean, known_from timestamp,
    known_to timestamp);
create table canonical.address_spell (record_key uuid, postcode varchar, uprn varchar, address_type varchar,
    started_on date, ended_on date, known_from timestamp, known_to timestamp);
create table canonical.relationship (record_key uuid, other_record_key uuid, relationship varchar,
    known_from timestamp, known_to timestamp);
create table canonical.linkage_barrier (barrier_id varchar, record_key_before uuid, record_key_after uuid,
    barrier_type varchar, effective_on date, known_from timestamp, known_to timestamp);
"""


def zones(folder: Path) -> Any:
    """The encrypted databases of the benchmark."""
    from governance.keys import load_keys
    from governance.zones import Zones

    environ = {**os.environ, "HUB_KEY_FILE": str(folder / "keys.json")}
    return Zones(folder / NAME, load_keys(NAME, create=True, environ=environ), threads=2)


def fill(folder: Path, people: People) -> None:
    """Write the records where dbt would have; the last percent becomes known during the day after the first night."""
    rows = people.records.assign(n=np.arange(len(people.records)))
    late = np.arange(len(rows)) % round(1 / NEW_SHARE) == 7
    rows.loc[late, "known_from"] = pd.Timestamp(FIRST_NIGHT + timedelta(hours=6))
    opened = zones(folder)
    opened.migrate()
    with opened.open("identity") as con:
        con.execute(CANONICAL)
        con.register("made", rows)
        columns = ", ".join(c for c in rows.columns if c != "n")
        con.execute(
            f"insert into canonical.person_record by name select md5(source_key)::uuid as record_key, {columns}, "
            "timestamp '9999-12-31' as known_to from made"
        )


def learn(folder: Path, seed: int = 1) -> float:
    """Train the model on the records, write its files, and say how long it took."""
    from models.linkage import LinkageSettings, duck
    from models.linkage.edges import quarantine_shared
    from models.linkage.nodes import contract, node_frame
    from models.linkage.standardise import standardise
    from models.linkage.train import train

    settings = LinkageSettings()
    started = time.monotonic()
    with zones(folder).open("identity", read_only=True) as con:
        sent = duck.read_records(con, FIRST_NIGHT, "canonical", "linkage")
    known, _ = standardise(sent, settings)
    node = contract(known, np.zeros(len(known), dtype=bool))
    files = train(quarantine_shared(node_frame(known, node), settings)[0], settings, seed=seed)
    (folder / "model").mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / "model" / name).write_bytes(content)
    return round(time.monotonic() - started, 2)


def night(folder: Path, number: int) -> dict[str, float]:
    """One night from state to state; to be called in a process of its own."""
    from governance.order import order_hash_with
    from models.linkage import LinkageModel, LinkageSettings, link, write
    from models.linkage import night as steps

    started = time.monotonic()
    homes, place = 0.0, steps.place

    def timed(*arguments: Any, **named: Any) -> Any:
        nonlocal homes
        began = time.monotonic()
        placed = place(*arguments, **named)
        homes += time.monotonic() - began
        return placed

    steps.place = timed
    model = LinkageModel.from_files({p.name: p.read_bytes() for p in (folder / "model").iterdir()})
    with zones(folder).open("identity") as con:
        result = link(
            con,
            model=model,
            settings=LinkageSettings(),
            now=FIRST_NIGHT + timedelta(days=number),
            run_id=f"night {number}",
            order_hash=order_hash_with(b"benchmark"),
            areas={f"ZM{district}": f"Team {district % 4}" for district in range(1, 14)},
        )
        linked = time.monotonic()
        write(con, result)
    done = time.monotonic()
    return {
        "seconds": round(done - started, 2),
        "link_seconds": round(linked - started, 2),
        "homes_seconds": round(homes, 2),
        "write_seconds": round(done - linked, 2),
        "edges": len(result.edges),
    }


def measured_night(folder: Path, number: int) -> dict[str, float]:
    """The same in a process of its own, with its peak memory and the load on the machine before it."""
    load = os.getloadavg()[0]
    command = [sys.executable, "-m", "benchmarks.linkage_million", "--night", str(number), "--folder", str(folder)]
    taken = measure(command, os.environ)
    if taken.exit_code:
        raise SystemExit(f"night {number} failed; see the messages above.")
    told = json.loads((folder / f"night_{number}.json").read_text("utf-8"))
    return {**told, "process_seconds": round(taken.wall_seconds, 2), "cpu_seconds": round(taken.cpu_seconds, 2),
            "peak_gigabytes": round(taken.peak_gigabytes, 2), "load_before": round(load, 2)}  # fmt: skip


def judge(person: np.ndarray, people: People, among: np.ndarray) -> dict[str, Any]:
    """Accuracy over the records ``among`` (row numbers), and what is false by kind."""
    truth, family = people.person[among], people.family[among]
    found = score(person, truth)
    at_home = pairs_in(person, family) - found.right
    return {
        **found.as_dict(),
        "twins": merged_share(person, truth, people.twins),
        "false_same_household_pairs": at_home,
        "false_other_pairs": found.found - found.right - at_home,
    }


def compare(folder: Path, people: People) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours after the last night, and plain Splink on the same standardised records."""
    from models.linkage import LinkageSettings, duck
    from models.linkage.edges import quarantine_shared
    from models.linkage.standardise import standardise

    settings = LinkageSettings()
    now = FIRST_NIGHT + timedelta(days=1)
    with zones(folder).open("identity", read_only=True) as con:
        sent = duck.read_records(con, now, "canonical", "linkage")
        found = con.sql(
            "select r.source_key, a.person_id from canonical.person_record r join linkage.person_assignment a "
            "using (record_key) where a.known_to = timestamp '9999-12-31'"
        ).df()
    known, _ = quarantine_shared(standardise(sent, settings)[0], settings)
    row_of = pd.Series(np.arange(len(people.records)), index=people.records["source_key"].astype(str))
    person = found.set_index("source_key")["person_id"].reindex(known["source_key"])
    kept = person.notna().to_numpy()
    among = row_of.reindex(known["source_key"]).to_numpy()[kept]
    ours = judge(pd.factorize(person[kept])[0], people, among)
    plain = plain_splink(known[kept], settings)
    return ours, {**judge(plain.person, people, among), **plain.as_dict()}


def run(records: int, seed: int, folder: Path, console: Console) -> dict[str, Any]:
    """Everything at one size."""
    console.print(f"making {records:,} records")
    people = make_people(records, seed)
    fill(folder, people)
    console.print("training")
    training = learn(folder)
    nights = []
    for number in (0, 1):
        console.print("first night" if number == 0 else "next night")
        nights.append(measured_night(folder, number))
    console.print("scoring, and plain Splink")
    ours, plain = compare(folder, people)
    share = ours["false_same_household_pairs"] / max(plain["false_same_household_pairs"], 1)
    return {
        "records": records,
        "seed": seed,
        "people": int(people.person.max()) + 1,
        "training_seconds": training,
        "first_night": nights[0],
        "next_night": nights[1],
        "ours": ours,
        "plain_splink_components_095": plain,
        "false_same_household_share_of_plain": round(share, 4),
        "bars_met": {
            "seconds": nights[1]["process_seconds"] <= BARS["seconds"],
            "seconds_without_homes": nights[1]["process_seconds"] - nights[1]["homes_seconds"] <= BARS["seconds"],
            "peak": nights[1]["peak_gigabytes"] <= BARS["peak_gigabytes"],
            "false_same_household": share <= BARS["false_same_household_share_of_plain"],
            "f1": ours["f1"] >= plain["f1"],
        },
    }


def show(one: dict[str, Any], console: Console) -> None:
    """Both as a table."""
    table = Table(title=f"{one['records']:,} records of {one['people']:,} people (synthetic)")
    for column in ("", "hub", "plain Splink", "bar"):
        table.add_column(column, justify="left" if not column else "right")
    ours, plain, night_ = one["ours"], one["plain_splink_components_095"], one["next_night"]
    scored = plain["predict_seconds"] + plain["cluster_seconds"]
    table.add_row("seconds of a night", f"{night_['process_seconds']:.1f}", f"{scored:.1f} (no state)", "<= 30")
    table.add_row("of which homes and areas", f"{night_['homes_seconds']:.1f}", "", "")
    table.add_row("peak GB of a night", f"{night_['peak_gigabytes']:.2f}", "", "<= 3")
    for name in ("precision", "recall", "f1"):
        table.add_row(
            f"clustered {name}", f"{ours[name]:.5f}", f"{plain[name]:.5f}", ">= plain" if name == "f1" else ""
        )
    at_home = "false_same_household_pairs"
    table.add_row("false pairs in one family", f"{ours[at_home]:,}", f"{plain[at_home]:,}", "<= 40 % of plain")
    table.add_row("other false pairs", f"{ours['false_other_pairs']:,}", f"{plain['false_other_pairs']:,}", "")
    table.add_row("twin pairs merged", f"{ours['twins']['merged']:,} of {ours['twins']['pairs']:,}",
                  f"{plain['twins']['merged']:,} of {plain['twins']['pairs']:,}", "")  # fmt: skip
    console.print(table)
    missed = [name for name, met in one["bars_met"].items() if not met]
    console.print(f"bars missed: {', '.join(missed)}" if missed else "all bars met")


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep the databases here (an empty folder)")
    parser.add_argument("--night", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.night is not None:
        told = night(arguments.folder, arguments.night)
        (arguments.folder / f"night_{arguments.night}.json").write_text(json.dumps(told), encoding="utf-8")
        return
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="hub_million_") as temporary:
        one = run(arguments.records, arguments.seed, arguments.folder or Path(temporary), console)
    show(one, console)
    RESULTS.mkdir(exist_ok=True)
    measured_at = datetime.now(UTC)
    one = {"measured_at": measured_at.isoformat(timespec="seconds"), "machine": machine(), **one}
    size = "" if arguments.records == 1_000_000 else f"_{arguments.records}"
    target = RESULTS / f"linkage_million{size}_{measured_at:%Y%m%d}.json"
    target.write_text(json.dumps(one, indent=1), encoding="utf-8")
    print(json.dumps(one, indent=1))
    console.print(f"kept in {target.name}")


if __name__ == "__main__":
    main()
