"""No name, identifier, address or source key outside the identity zone: decrypted, and in the bytes of every file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.demo_hub import DemoHub

# Many events fall on somebody's birth date; columns *named* like a birth date are looked for below.
_DATES = re.compile(
    r"\.[^.]*(_date|_on|_from|_to|_at|_dt|_month|window|date|begin|start|end|week|night|cutoff)[^.]*$", re.I
)
# "White" and "Black" are surnames too, and schools are named after places that people are named after.
_NOT_PERSONS = re.compile(r"(person_attribute|ethnicity|organisation\.name|SchoolName)", re.I)


@pytest.fixture(scope="module")
def personal(finished: DemoHub) -> dict[str, set[str]]:
    """What must not be found: taken from the synthetic world itself, long enough not to occur by chance."""
    world = finished.drops / "world"
    person = pd.read_parquet(world / "person.parquet")
    address = pd.read_parquet(world / "address.parquet")
    records = pd.read_parquet(finished.drops / "truth" / "record_identity.parquet")
    full_names = {f"{a} {b}" for a, b in zip(person.forename, person.surname, strict=True)}
    return {
        "full name": full_names,
        "surname": {name for name in person.surname if len(name) >= 5},
        "nhs number": set(person.nhs_number.dropna()),
        "upn": set(person.upn.dropna()),
        "postcode": set(address.postcode) | {postcode.replace(" ", "") for postcode in address.postcode},
        "uprn": set(address.uprn),
        "street": set(address.street),
        "birth date": {day.strftime("%Y-%m-%d") for day in pd.to_datetime(person.birth_date)},
        "source key": {key for key in records.source_key if len(key) >= 8 and not key.isdigit()},
    }


def _warehouse_texts(hub: DemoHub) -> Iterator[tuple[str, set[str]]]:
    """(table.column, distinct values as text) of everything in the warehouse, decrypted."""
    with hub.zones.open("warehouse", read_only=True) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where database_name = 'warehouse' "
            "and not internal order by all"
        ).fetchall()
        for schema, table, column in columns:
            rows = con.execute(f'select distinct "{column}"::varchar from warehouse."{schema}"."{table}"').fetchall()
            yield f"{schema}.{table}.{column}", {value for (value,) in rows if value}


def test_the_decrypted_warehouse_holds_nothing_that_names_a_person(
    finished: DemoHub, personal: dict[str, set[str]]
) -> None:
    found = []
    for where, values in _warehouse_texts(finished):
        words = {word for value in values for word in re.split(r"[^A-Za-z0-9'-]+", value)} | values
        for kind, secrets in personal.items():
            if (kind == "birth date" and _DATES.search(where)) or (kind == "surname" and _NOT_PERSONS.search(where)):
                continue
            hits = len(words & secrets)
            if hits:
                found.append(f"{where}: {hits} values that are a {kind}")
    assert not found, "\n".join(found)


def test_no_birth_date_column_reaches_the_warehouse(finished: DemoHub) -> None:
    names = {where.lower() for where, _ in _warehouse_texts(finished)}
    assert not [name for name in names if re.search(r"\.(.*dob|date_?of_?birth|birth_date)$", name)]


def test_no_file_of_the_state_folder_shows_a_person(finished: DemoHub, personal: dict[str, set[str]]) -> None:
    found = []
    for path in sorted(finished.root.rglob("*")):
        if path.is_file() and not _may_show_people(path, finished):
            hits = _people_in(path.read_bytes(), personal)
            found += [f"{path.relative_to(finished.root)}: {count} {kind}" for kind, count in hits.items()]
    assert not found, "\n".join(found)


# Shapes that names and identifiers have in bytes; overlapping, so that no neighbour hides one.
_SHAPES = {
    "full name": rb"(?=\b([A-Z][A-Za-z'-]+ [A-Z][A-Za-z'-]+))",
    "street": rb"(?=\b([A-Z][A-Za-z'-]+ [A-Z][A-Za-z'-]+))",
    "nhs number": rb"(?=(9\d{9}))",
    "upn": rb"(?=([A-Z]\d{12}))",
    "uprn": rb"(?=(\d{12}))",
    "postcode": rb"(?=(ZM\d{1,2} ?\d[A-Z]{2}))",
}


def _people_in(content: bytes, personal: dict[str, set[str]]) -> dict[str, int]:
    """How many distinct things that name a person stand in some bytes, by kind."""
    hits = {}
    for kind, shape in _SHAPES.items():
        seen = {match.decode("ascii", "replace") for match in set(re.findall(shape, content))}
        if count := len(seen & personal[kind]):
            hits[kind] = count
    return hits


def _may_show_people(path: Path, hub: DemoHub) -> bool:
    """Drops not yet accepted are the agency's own files; the outbox holds released products."""
    relative = path.relative_to(hub.root)
    return relative.parts[0] == "outbox" or (relative.parts[0] == "landing" and path.suffix in {".csv", ".json"})


def test_the_search_itself_finds_what_it_looks_for(waiting: DemoHub, personal: dict[str, set[str]]) -> None:
    landing = waiting.root / "landing"
    sent = b"".join(file.read_bytes() for file in sorted(landing.rglob("*.csv"))).replace(b",", b" ")
    assert set(_people_in(sent, personal)) >= {"full name", "nhs number", "upn", "postcode", "uprn"}
