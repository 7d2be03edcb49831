"""Tables of people nobody tuned for, through the one public call, beside plain Splink on the same records.

FEBRL 3 and 4 come with this repository (benchmarks/data/febrl), and families are made (benchmarks.people_at_size). Two
tables of Splink's demonstrations do not (github.com/moj-analytical-services/splink_datasets): give the folder with
historical_figures_with_errors_50k.parquet and fake_1000.csv by --splink-datasets. Only forename, surname, birth date,
sex, postcode and an identifier are used, on both sides; the town of fake_1000 stands for a postcode. Each
method runs in a process of its own, so that seconds and peak memory are its own; pairs are scored after clustering, a
pair never compared is a miss, and truth is read for nothing else.

Example: python -m benchmarks.linkage_tables --splink-datasets ~/splink_datasets/data
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.linkage_scores import score
from benchmarks.machine import machine, measure
from benchmarks.people_at_size import make_people

HERE = Path(__file__).parent
BAR = {"febrl3": 0.998, "febrl4": 0.998, "febrl4_two_files": 0.998}


@dataclass(frozen=True)
class People:
    """Records with the column names of ``link_table``, their identifiers, and the true person of each.

    ``source``: the column that tells tables apart that are to be linked with each other only; none of them if None.
    """

    records: pd.DataFrame
    identifiers: tuple[str, ...]
    truth: np.ndarray
    source: str | None = None


def febrl(*files: str, source: str | None = None) -> People:
    """The named FEBRL files as one table; ``source``: what to call the column that says which file a record is of."""
    parts = [pd.read_csv(HERE / "data" / "febrl" / f"{f}.csv.gz", skipinitialspace=True, dtype=str) for f in files]
    table = pd.concat(parts, ignore_index=True)
    names = {"rec_id": "record_id", "given_name": "forename", "date_of_birth": "birth_date"}
    kept = table.rename(columns=names)[["record_id", "forename", "surname", "birth_date", "postcode", "soc_sec_id"]]
    if source:
        kept = kept.assign(**{source: np.repeat(files, [len(part) for part in parts])})
    return People(kept, ("soc_sec_id",), table["rec_id"].str.split("-").str[1].to_numpy(), source)


def historical(path: Path) -> People:
    """Splink's 50,000 historical figures, five columns of them."""
    table = pd.read_parquet(path)
    names = {"unique_id": "record_id", "first_name": "forename", "dob": "birth_date", "gender": "sex"}
    names["postcode_fake"] = "postcode"
    return People(table.rename(columns=names)[["surname", *names.values()]], (), table["cluster"].to_numpy())


def fake(path: Path) -> People:
    """Splink's thousand made-up people."""
    table = pd.read_csv(path, dtype=str)
    names = {"unique_id": "record_id", "first_name": "forename", "dob": "birth_date", "city": "postcode"}
    kept = table.rename(columns=names)[[*names.values(), "surname", "email"]]
    return People(kept, ("email",), table["cluster"].to_numpy())


def families(records: int, identifiers: tuple[str, ...] = ()) -> People:
    """Families, twins and namesakes, with errors; NHS number and UPN only if asked for."""
    people = make_people(records)
    rows = people.records.assign(record_id=np.arange(records))
    rows["birth_date"] = rows["birth_date"].astype(str).where(rows["birth_date"].notna(), None)
    kept = ["record_id", "forename", "surname", "birth_date", "sex", "postcode", *identifiers]
    return People(rows[kept].astype({"birth_date": object}), identifiers, people.person)


def by_table_function(people: People) -> np.ndarray:
    """Persons as ``link_table`` finds them."""
    from models.linkage.table import link_table

    kind = "link_only" if people.source else "dedupe_only"
    found = link_table(people.records, identifiers=people.identifiers, source=people.source, link_type=kind)
    return found.persons["person"].to_numpy()


def by_plain_splink(people: People) -> np.ndarray:
    """Persons as Splink's documented settings find them; an identifier is compared exactly."""
    from benchmarks.plain_splink import BLOCKS, COLUMNS, WIDE_BLOCKS, plain_splink
    from models.linkage.settings import LinkageSettings

    rows = people.records.copy()
    digits = rows["birth_date"].str.replace("-", "")
    dates = pd.to_datetime(digits, format="%Y%m%d", errors="coerce").dt.strftime("%Y-%m-%d")
    rows["birth_date"] = dates.astype(object).where(dates.notna(), None)
    rows = rows.rename(columns=dict(zip(people.identifiers, ("nhs_number", "upn"), strict=False)))
    # The rules and the recall of Splink's own demonstration.
    plain = plain_splink(
        rows.reindex(columns=COLUMNS).astype(object),
        LinkageSettings(),
        blocks=BLOCKS if people.identifiers else WIDE_BLOCKS,
        found_by_sure_rules=0.8 if people.identifiers else 0.6,
    )
    return plain.person


METHODS: dict[str, Callable[[People], np.ndarray]] = {"link_table": by_table_function, "plain Splink": by_plain_splink}


def b_cubed(person: np.ndarray, truth: np.ndarray) -> float:
    """B-cubed F1: precision and recall of each record's person, averaged over records.

    >>> round(b_cubed(np.array([0, 0, 1]), np.array([5, 5, 5])), 3)
    0.714
    """
    both = pd.DataFrame({"person": person, "truth": truth}).value_counts().rename("n").reset_index()
    found, true = (both.groupby(side)["n"].transform("sum") for side in ("person", "truth"))
    precision, recall = ((both["n"] ** 2 / size).sum() / len(person) for size in (found, true))
    return float(2 * precision * recall / (precision + recall))


def sets(folder: Path | None) -> dict[str, Callable[[], People]]:
    """The tables by name."""
    known: dict[str, Callable[[], People]] = {
        "febrl3": lambda: febrl("dataset3"),
        "febrl4": lambda: febrl("dataset4a", "dataset4b"),
        "febrl4_two_files": lambda: febrl("dataset4a", "dataset4b", source="file"),
        "families_8k": lambda: families(8_000),
        "families_8k_numbers": lambda: families(8_000, ("nhs_number", "upn")),
        "families_200k": lambda: families(200_000),
        "families_200k_numbers": lambda: families(200_000, ("nhs_number", "upn")),
    }
    if folder is None:
        return known
    return known | {
        "fake_1000": lambda: fake(folder / "fake_1000.csv"),
        "historical_50k": lambda: historical(folder / "historical_figures_with_errors_50k.parquet"),
    }


def one(people: People, method: str, out: Path) -> None:
    """Link one table by one method and write the scores."""
    person = METHODS[method](people)
    found = score(person, people.truth)
    figures = {**found.as_dict(), "b_cubed": round(b_cubed(person, people.truth), 6), "persons": len(set(person))}
    out.write_text(json.dumps(figures), encoding="utf-8")


def main() -> None:
    """Run every table by every method and print, and store, what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splink-datasets", type=Path, help="folder with two tables of Splink's demonstrations")
    parser.add_argument("--only", help="one table, by its name in the results")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="folder for the JSON file")
    parser.add_argument("--one", nargs=3, metavar=("TABLE", "METHOD", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    known = sets(arguments.splink_datasets)
    if arguments.one:
        table, method, out = arguments.one
        one(known[table](), method, Path(out))
        return
    if arguments.only and arguments.only not in known:
        parser.error(f"{arguments.only} is not one of {', '.join(known)}; some need --splink-datasets")
    shown = Table("table", "method", "precision", "recall", "F1", "B-cubed", "seconds", "GB", "bar")
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for table in [arguments.only] if arguments.only else list(known):
            for method in METHODS:
                out = Path(folder) / "scores.json"
                command = [sys.executable, "-W", "ignore", "-m", "benchmarks.linkage_tables"]
                command += ["--splink-datasets", str(arguments.splink_datasets)] if arguments.splink_datasets else []
                cost = measure([*command, "--one", table, method, str(out)], os.environ)
                if cost.exit_code:
                    raise SystemExit(f"{table} by {method} ended with code {cost.exit_code}; its words are above")
                figures = json.loads(out.read_text(encoding="utf-8"))
                measured.setdefault(table, {})[method] = figures | cost.as_dict()
                bar = BAR.get(table) if method == "link_table" else None
                verdict = "" if bar is None else f"{'met' if figures['f1'] >= bar else 'MISSED'} ({bar})"
                rates = [f"{figures[name]:.4f}" for name in ("precision", "recall", "f1", "b_cubed")]
                shown.add_row(table, method, *rates, f"{cost.wall_seconds:.0f}", f"{cost.peak_gigabytes:.2f}", verdict)
    Console(width=120).print(shown)
    name = f"linkage_tables{f'_{arguments.only}' if arguments.only else ''}_{datetime.now(UTC):%Y%m%d}.json"
    path = arguments.results / name
    path.write_text(json.dumps({"machine": machine(), "tables": measured}, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
