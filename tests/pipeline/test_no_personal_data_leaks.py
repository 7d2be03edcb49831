"""No name, identifier, address or source key outside the identity zone: decrypted, and in the bytes of every file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.demo_hub import DemoHub

_TEXT = "varchar"


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
    dates_allowed = re.compile(r"(_date|_on|_from|_to|_at|_dt|_month|window|date|begin|start|end|week)", re.I)
    found = []
    for where, values in _warehouse_texts(finished):
        words = {word for value in values for word in re.split(r"[^A-Za-z0-9'-]+", value)} | values
        for kind, secrets in personal.items():
            if kind == "birth date" and dates_allowed.search(where.rsplit(".", 1)[1]):
                continue  # many events fall on somebody's birth date; columns of dates are looked at below
            hits = len(words & secrets)
            if hits:
                found.append(f"{where}: {hits} values that are a {kind}")
    assert not found, "\n".join(found)


def test_no_birth_date_column_reaches_the_warehouse(finished: DemoHub) -> None:
    names = {where.lower() for where, _ in _warehouse_texts(finished)}
    assert not [name for name in names if re.search(r"\.(.*dob|date_?of_?birth|birth_date)$", name)]


def test_no_file_of_the_state_folder_shows_a_person(finished: DemoHub, personal: dict[str, set[str]]) -> None:
    needles = [
        secret.encode(encoding)
        for kind in ("full name", "nhs number", "upn", "postcode", "uprn", "street")
        for secret in personal[kind]
        for encoding in ("utf-8",)
        if len(secret) >= 6
    ]
    pattern = re.compile(b"|".join(re.escape(needle) for needle in sorted(needles)))
    found = []
    for path in sorted(finished.root.rglob("*")):
        if not path.is_file() or _may_show_people(path, finished):
            continue
        hit = pattern.search(path.read_bytes())
        if hit:
            found.append(f"{path.relative_to(finished.root)} at byte {hit.start()}")
    assert not found, "\n".join(found)


def _may_show_people(path: Path, hub: DemoHub) -> bool:
    """Drops not yet accepted are the agency's own files; the outbox holds released products."""
    relative = path.relative_to(hub.root)
    return relative.parts[0] == "outbox" or (relative.parts[0] == "landing" and path.suffix in {".csv", ".json"})


def test_the_search_itself_finds_what_it_looks_for(finished: DemoHub, personal: dict[str, set[str]]) -> None:
    lists = sorted((finished.root / "outbox").rglob("*.html"))
    assert lists, "the week issued no list to look at"
    text = " ".join(page.read_text(encoding="utf-8") for page in lists)
    assert any(name.split()[-1] in text for name in personal["full name"])
