"""Which night's persons stand, and what is said about it, after any run of nights."""

from __future__ import annotations

from datetime import datetime, timedelta

import duckdb
import pytest

from pipelines.identity_kept import kept_since
from tests.gate_support import plain_zones

FIRST = datetime(2026, 10, 5, 1)


def nights(con: duckdb.DuckDBPyConnection, *kept: bool, digest: str | None = "d") -> None:
    for number, one in enumerate(kept):
        con.execute(
            "insert into identity.linkage.night values (?, 'r', ?, ?, ?, 3)",
            [FIRST + timedelta(days=number), digest, one, "9 of 99 records would belong to another." if one else ""],
        )


@pytest.mark.parametrize(
    ("kept", "stands"),
    [((), None), ((False,), None), ((False, True), 0), ((False, False, True, True), 1), ((False, True, False), None)],
)
def test_the_last_good_nights_persons_stand(kept: tuple[bool, ...], stands: int | None) -> None:
    with plain_zones() as con:
        nights(con, *kept)
        found = kept_since(con)
        if stands is None:
            assert found is None
        else:
            assert found is not None and found[0] == f"persons are those of {FIRST + timedelta(days=stands):%d %B %Y}"
            assert "9 of 99 records" in found[1] and "hub identity accept" in found[1]


def test_a_night_of_the_past_is_told_as_it_was_then() -> None:
    with plain_zones() as con:
        nights(con, False, True, False)
        assert kept_since(con, FIRST) is None
        found = kept_since(con, FIRST + timedelta(days=1, hours=5))
        assert found is not None and "05 October" in found[0] and "(Night of 06 October 2026.)" in found[1]


def test_no_sign_off_is_offered_where_the_models_files_are_the_trouble() -> None:
    with plain_zones() as con:
        nights(con, False, True, digest=None)
        found = kept_since(con)
        assert found is not None and "no sign-off replaces that" in found[1] and "accept" not in found[1]


def test_a_first_night_that_was_refused_is_told_too() -> None:
    with plain_zones() as con:
        nights(con, True, digest=None)
        found = kept_since(con)
        assert found is not None and found[0] == "no night has put persons together yet"
