"""A small town of families for the linkage tests: records as agencies would send them, and who each one truly is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from models.linkage.identifiers import nhs_number, upn_check_letter

STATE = """
create schema canonical;
create table canonical.person_record(record_key uuid, agency varchar, feed varchar, source_key varchar, forename text,
    surname varchar, birth_date date, sex varchar, postcode varchar, uprn varchar, nhs_number varchar, upn varchar,
    local_id varchar, professional boolean, names_a_person boolean, extracted_at timestamp, known_from timestamp,
    known_to timestamp);
create table canonical.address_spell(record_key uuid, postcode text, uprn text, address_type text, started_on date,
    ended_on date, known_from timestamp, known_to timestamp);
create table canonical.relationship(record_key uuid, other_record_key uuid, relationship varchar, known_from timestamp,
    known_to timestamp);
create table canonical.linkage_barrier(barrier_id text, record_key_before uuid, record_key_after uuid,
    barrier_type text, effective_on date, known_from timestamp, known_to timestamp);
"""
FAR = pd.Timestamp("9999-12-31")


def database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 2})
    con.execute(STATE)
    for migration in sorted((Path(__file__).parents[2] / "governance/migrations/identity").glob("*.sql")):
        con.execute(migration.read_text())
    return con


def fill(con: duckdb.DuckDBPyConnection, table: str, frame: pd.DataFrame) -> None:
    con.register("rows_in", frame)
    con.execute(f"insert into {table} by name select * from rows_in")
    con.unregister("rows_in")


def key(salt: str, agency: str, feed: str, source: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{salt}|{agency}|{feed}|{source}"))


def valid_nhs(rng: np.random.Generator) -> str:
    while True:
        nine = "".join(str(d) for d in rng.integers(0, 10, 9))
        for last in "0123456789":
            if nhs_number(nine + last):
                return nine + last


def record(salt: str, agency: str, feed: str, source: str, **values: object) -> dict[str, object]:
    """One person_record row with everything unsaid NULL."""
    base: dict[str, object] = {
        "record_key": key(salt, agency, feed, source),
        "agency": agency,
        "feed": feed,
        "source_key": source,
        "forename": None,
        "surname": None,
        "birth_date": None,
        "sex": None,
        "postcode": None,
        "uprn": None,
        "nhs_number": None,
        "upn": None,
        "local_id": None,
        "professional": False,
        "names_a_person": True,
        "extracted_at": pd.Timestamp("2026-10-04"),
        "known_from": pd.Timestamp("2024-01-01"),
        "known_to": FAR,
    }
    return base | values


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows as a frame DuckDB takes as it is: texts as objects, so that NULL stays NULL."""
    out = pd.DataFrame(rows)
    for column in ("forename", "surname", "sex", "postcode", "uprn", "nhs_number", "upn", "local_id"):
        out[column] = out[column].astype(object).where(out[column].notna(), None)
    out["birth_date"] = pd.to_datetime(out["birth_date"])
    return out


@dataclass
class Town:
    records: pd.DataFrame
    truth: pd.Series
    """True person number by record_key."""
    twins: list[tuple[int, int]]
    barriers: list[tuple[str, str]]


_SYLLABLES = [
    "ba",
    "be",
    "bo",
    "da",
    "de",
    "do",
    "ha",
    "ja",
    "ka",
    "ki",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "ni",
    "no",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "so",
    "ta",
    "te",
    "to",
    "va",
    "vi",
    "za",
]


def _names(rng: np.random.Generator, n: int, parts: int) -> list[str]:
    out: dict[str, None] = {}
    while len(out) < n:
        out[
            "".join(rng.choice(_SYLLABLES, size=int(rng.integers(2, parts + 1))))
            + str(rng.choice(["n", "s", "l", "", "r", "th"]))
        ] = None
    return list(out)


def _zipf(rng: np.random.Generator, names: list[str], size: int) -> np.ndarray:
    p = 1 / (np.arange(len(names)) + 12)
    return rng.choice(np.array(names), size=size, p=p / p.sum())


def _typo(rng: np.random.Generator, name: str) -> str:
    i = int(rng.integers(0, len(name)))
    return (
        name[:i] + str(rng.choice(list("aeinorst"))) + name[i + 1 :] if rng.random() < 0.6 else name[:i] + name[i + 1 :]
    )


def town(families: int, seed: int = 1, salt: str = "k", twins: float = 0.03) -> Town:
    """Families of one to four children and a mother, seen by five agencies; errors on about one record in six."""
    rng = np.random.default_rng(seed)
    boys, girls, surnames = _names(rng, 500, 3), _names(rng, 500, 3), _names(rng, 2500, 4)
    rows: list[dict[str, object]] = []
    truth: dict[str, int] = {}
    twin_pairs: list[tuple[int, int]] = []
    fences: list[tuple[str, str]] = []
    person = 0

    def say(agency: str, feed: str, source: str, who: int, **values: object) -> str:
        if rng.random() < 0.08 and values.get("forename"):
            values["forename"] = _typo(rng, str(values["forename"]))
        if rng.random() < 0.05 and values.get("surname"):
            values["surname"] = _typo(rng, str(values["surname"]))
        if rng.random() < 0.03 and values.get("birth_date") is not None:
            day = pd.Timestamp(str(values["birth_date"]))
            values["birth_date"] = (
                pd.Timestamp(day.year, day.day, day.month) if day.day <= 12 else day + pd.Timedelta(days=10)
            )
        seen = pd.Timestamp("2021-10-04") + pd.Timedelta(hours=int(rng.integers(0, 43_000)))
        row = record(salt, agency, feed, source, known_from=seen, **values)
        rows.append(row)
        truth[str(row["record_key"])] = who
        return str(row["record_key"])

    for f in range(families):
        surname = str(_zipf(rng, surnames, 1)[0])
        homes = [
            (
                f"NM{rng.integers(1, 9)} {rng.integers(1, 9)}{chr(65 + f % 20)}{chr(65 + (f // 20) % 20)}",
                str(100000 + 10 * f + m),
            )
            for m in range(2)
        ]
        moved = rng.random() < 0.25
        births = []
        for _ in range(int(rng.integers(1, 5))):
            born = pd.Timestamp("2009-01-02") + pd.Timedelta(days=int(rng.integers(0, 6000)))
            births += [born] * (2 if rng.random() < twins / 2 else 1)
        first_child = person + 1
        mother, person = person, person + 1
        if rng.random() < 0.3:
            say(
                "csc",
                "person",
                f"M{mother}",
                mother,
                forename=str(_zipf(rng, girls, 1)[0]),
                surname=surname,
                birth_date=births[0] - pd.Timedelta(days=int(rng.integers(7000, 13000))),
                sex="F",
                postcode=homes[0][0],
            )
        for i, born in enumerate(births):
            who, person = person, person + 1
            if i and births[i - 1] == born:
                twin_pairs.append((who - 1, who))
            girl = rng.random() < 0.5
            name = str(_zipf(rng, girls if girl else boys, 1)[0])
            number = valid_nhs(rng)
            rest = f"8{rng.integers(10, 99)}{rng.integers(1000, 9999)}{born.year % 100:02d}{who % 1000:03d}"
            pupil = upn_check_letter(rest) + rest

            def where(late: bool, homes: list[tuple[str, str]] = homes, moved: bool = moved) -> dict[str, object]:
                p, u = homes[1 if moved and late else 0]
                return {"postcode": p, "uprn": u}

            me: dict[str, object] = {
                "forename": name,
                "surname": surname,
                "birth_date": born,
                "sex": "F" if girl else "M",
            }
            if born.year <= 2021:
                say("education", "pupil", pupil, who, **me, upn=pupil, **where(True))
            for k in range(int(rng.poisson(1.6))):
                say(
                    "acute_trust",
                    "ed_attendance",
                    f"A{who}-{k}",
                    who,
                    **me,
                    nhs_number=number if rng.random() < 0.93 else None,
                    postcode=where(rng.random() < 0.5)["postcode"],
                )
            if rng.random() < 0.4:
                say(
                    "community_health",
                    "patient",
                    f"C{who}",
                    who,
                    **me,
                    nhs_number=number,
                    postcode=where(True)["postcode"],
                )
            if rng.random() < 0.2:
                say(
                    "csc",
                    "person",
                    f"S{who}",
                    who,
                    **me,
                    nhs_number=number if rng.random() < 0.7 else None,
                    upn=pupil if rng.random() < 0.5 and born.year <= 2021 else None,
                    **where(True),
                )
            for k in range(int(rng.poisson(0.4))):
                say("police", "ppn", f"P{who}-{k}", who, **me, **where(rng.random() < 0.5))
            if rng.random() < 0.02:
                before = say("csc", "person", f"X{who}", who, **me, nhs_number=number, **where(False))
                after = say(
                    "csc",
                    "person",
                    f"Y{who}",
                    who,
                    **(me | {"surname": str(_zipf(rng, surnames, 1)[0])}),
                    nhs_number=valid_nhs(rng),
                )
                fences.append((before, after))
        del first_child
    return Town(frame(rows), pd.Series(truth), twin_pairs, fences)


def load(con: duckdb.DuckDBPyConnection, made: Town) -> None:
    fill(con, "canonical.person_record", made.records)
    if made.barriers:
        fill(
            con,
            "canonical.linkage_barrier",
            pd.DataFrame(
                [
                    {
                        "barrier_id": b,
                        "record_key_before": b,
                        "record_key_after": a,
                        "barrier_type": "ADOPTION",
                        "effective_on": pd.Timestamp("2024-01-01"),
                        "known_from": pd.Timestamp("2024-01-01"),
                        "known_to": FAR,
                    }
                    for b, a in made.barriers
                ]
            ),
        )


def pair_scores(assignment: pd.DataFrame, truth: pd.Series) -> tuple[float, float]:
    """Precision and recall over all pairs of records of one true person."""
    live = assignment[assignment["known_to"] == FAR]
    table = pd.DataFrame(
        {"person": live["person_id"].to_numpy(), "true": truth.reindex(live["record_key"]).to_numpy()}
    ).dropna()

    def pairs(columns: list[str]) -> int:
        n = table.groupby(columns).size()
        return int((n * (n - 1) // 2).sum())

    both = pairs(["person", "true"])
    return both / max(pairs(["person"]), 1), both / max(pairs(["true"]), 1)
