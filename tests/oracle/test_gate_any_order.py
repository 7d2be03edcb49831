"""The gate against a slow plain-Python reading of the same rules: any order of arrival, one current state."""

from __future__ import annotations

import itertools
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from gate_support import CODES, START, current, make_contract, plain_zones, row, write_drop

from data_quality.contract import FeedContract
from data_quality.gate import accept_drop
from data_quality.raw_tables import ensure_raw_tables

ARRIVAL = START + timedelta(days=60)


@dataclass(frozen=True)
class Sent:
    """A drop as drawn: its extraction day, its mode and its rows (key, code, note, state)."""

    day: int
    mode: str
    rows: tuple[tuple[str, str, str, str], ...]


rows = st.tuples(
    st.sampled_from(["1", "2", "3", ""]),
    st.sampled_from(["1A", "1A", "", "OLD"]),
    st.sampled_from(["", "", "x", "SECRET"]),
    st.sampled_from(["", "", "", "deleted"]),
)
drops = st.lists(
    st.builds(
        Sent, st.integers(0, 5), st.sampled_from(["delta", "delta", "full"]), st.lists(rows, max_size=4).map(tuple)
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda sent: sent.day,
)


def judge(sent: Sent) -> tuple[dict[str, tuple[str, str] | None], set[str], int, int]:
    """Good content by key (None: deletion), keys held in quarantine, and the counts (good rows, held rows)."""
    good: list[tuple[str, tuple[str, str] | None]] = []
    held: set[str] = set()
    bad = 0
    for key, code, note, state in sent.rows:
        is_bad = not key or note == "SECRET" or (state != "deleted" and code == "OLD")
        if is_bad:
            bad += 1
            held |= {key} - {""}
        else:
            good.append((key, None if state == "deleted" else (code, note)))
    accepted: dict[str, tuple[str, str] | None] = {}
    for key, group in itertools.groupby(sorted(good, key=lambda item: item[0]), key=lambda item: item[0]):
        contents = [content for _, content in group]
        if len(set(contents)) > 1:
            held.add(key)
            bad += len(contents)
        else:
            accepted[key] = contents[0]
            bad += len(contents) - 1
    return accepted, held, len(accepted), bad


def state_of(known: list[Sent]) -> dict[str, tuple[str, str]]:
    """What is true when these drops are known, whatever order they came in."""
    state: dict[str, tuple[str, str]] = {}
    for sent in sorted(known, key=lambda sent: sent.day):
        accepted, held, _, _ = judge(sent)
        if sent.mode == "full":
            state = {key: content for key, content in state.items() if key in held}
        for key, content in accepted.items():
            state.pop(key, None)
            if content is not None:
                state[key] = content
    return state


def known_at(con, moment) -> dict[str, tuple[str, str]]:
    """The gate's history read back: versions whose interval holds the moment."""
    found = con.execute(
        "with counting as (select * from warehouse.raw.csc__contacts where not superseded_on_arrival), "
        "versions as (select *, (select coalesce(min(later.known_from), timestamp '9999-12-31') from counting as later "
        "where later.record_key = counting.record_key and (later.extracted_at, later.drop_id) > "
        "(counting.extracted_at, counting.drop_id)) as known_to from counting) "
        "select contact_id, coalesce(source_code, ''), coalesce(note, '') from versions "
        "join identity.raw.csc__contacts as identity using (record_key, drop_id) "
        "where not versions.is_deleted and versions.known_from <= ? and ? < known_to",
        [moment, moment],
    ).fetchall()
    assert len(found) == len({key for key, _, _ in found})
    return {key: (code, note) for key, code, note in found}


@pytest.fixture(scope="module")
def contract(tmp_path_factory) -> FeedContract:
    return make_contract(tmp_path_factory.mktemp("contract"))


@settings(max_examples=60)
@given(drops, st.randoms(use_true_random=False))
# A late delta older than one that confirmed the same content must not overrule it.
@example(
    [
        Sent(0, "delta", (("1", "1A", "", ""),)),
        Sent(2, "delta", (("1", "1A", "", ""),)),
        Sent(1, "delta", (("1", "1A", "x", ""),)),
    ],
    None,
)
# A late delta older than a full drop that held the row in quarantine does count.
@example([Sent(2, "full", (("1", "OLD", "", ""),)), Sent(1, "delta", (("1", "1A", "x", ""),))], None)
@example(
    [Sent(2, "full", (("1", "OLD", "", ""),)), Sent(0, "delta", (("1", "1A", "x", ""),)), Sent(1, "full", ())], None
)
def test_any_order_of_arrival(contract, sent, random):
    arrival = list(sent)
    if random is not None:
        random.shuffle(arrival)
    with tempfile.TemporaryDirectory() as folder, plain_zones() as con:
        ensure_raw_tables(con, [contract])
        for place, one in enumerate(arrival):
            drop = write_drop(
                Path(folder),
                [row(key, code, note=note, state=state) for key, code, note, state in one.rows],
                extracted=START + timedelta(days=one.day),
                received=ARRIVAL + timedelta(hours=place),
                mode=one.mode,
            )
            report = accept_drop(con, drop, contract, CODES)
            _, _, accepted, held = judge(one)
            assert report.outcome == "loaded"
            assert report.rows_in == len(one.rows) == report.loaded + report.unchanged + report.quarantined
            assert (report.quarantined, report.loaded + report.unchanged) == (held, accepted)
            before = (current(con), _sizes(con))
            again = accept_drop(con, drop, contract, CODES)
            assert again.outcome == "already_loaded"
            assert before == (current(con), _sizes(con))
        for place in range(len(arrival)):
            moment = ARRIVAL + timedelta(hours=place)
            assert known_at(con, moment) == state_of(arrival[: place + 1])
        assert {key: (code or "", note or "") for key, _, code, note in current(con)} == state_of(sent)


def _sizes(con) -> list[int]:
    return [
        con.execute(f"select count(*) from {table}").fetchall()[0][0]
        for table in ("identity.raw.csc__contacts", "warehouse.raw.csc__contacts", "quarantine.gate.quarantined_row",
                      "identity.gate.confirmed", "warehouse.gate.drop_log")
    ]  # fmt: skip


def test_a_resend_with_the_same_extraction_instant_replaces(contract, tmp_path):
    with plain_zones() as con:
        ensure_raw_tables(con, [contract])
        for hour, code in enumerate(["1A", ""]):
            drop = write_drop(
                tmp_path, [row("1", code), row("2")], extracted=START, received=ARRIVAL + timedelta(hours=hour)
            )
            accept_drop(con, drop, contract, CODES)
        assert known_at(con, ARRIVAL + timedelta(hours=1)) == {"1": ("", ""), "2": ("1A", "")}
