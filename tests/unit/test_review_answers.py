"""Workbooks that come back: what is taken, what is not, and what the next list makes of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.hub_store import HubStore
from governance.pseudonym import Pseudonym
from review.answers import Answers, AnswersProblem, read_answers
from review.freeze import issue, listed_recently
from review.render import render
from tests.unit.review_samples import compose, family_week, pack_words

ISSUED_AT = datetime(2026, 10, 5, 5)
TODAY = date(2026, 10, 9)
KINDS = pack_words()["decision_kinds"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubStore, bytes, dict[str, Any]]]:
    store = HubStore(tmp_path_factory.mktemp("hub") / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    (result,) = issue(store, [compose(family_week())["north"]], issued_at=ISSUED_AT, who="schedule")
    document = store.document(result.facts.document_id)
    yield store, render(document, "xlsx"), document
    store.close()


def children(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [child for family in document["families"] for child in family["children"]]


def filled(content: bytes, change: Callable[[Any], None]) -> bytes:
    """The workbook as somebody saved it after a change."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def enter(row: int, **cells: Any) -> Callable[[Any], None]:
    """Fill in a line of Decisions: decision, who and when unless told otherwise."""
    said = {
        "Decision": "offer early help",
        "Decided by": "R. Example",
        "Decided on": datetime(2026, 10, 6),
        **{name.replace("_", " "): value for name, value in cells.items()},
    }

    def change(book: Any) -> None:
        sheet = book["Decisions"]
        heads = {cell.value: cell.column for cell in sheet[1]}
        for name, value in said.items():
            sheet.cell(row, heads[name]).value = value

    return change


def read(store: HubStore, content: bytes) -> Answers:
    return read_answers(content, store, KINDS, TODAY)


def test_every_decision_of_the_pack_means_something_to_the_hub() -> None:
    assert set(KINDS) == set(pack_words()["decisions"])


def test_an_untouched_workbook_decides_nothing(listed) -> None:
    store, content, document = listed
    answers = read(store, content)
    assert (answers.decisions, answers.problems, answers.open) == ((), (), len(children(document)))


def test_a_filled_line_is_taken_whole(listed) -> None:
    store, content, document = listed

    def change(book: Any) -> None:
        enter(2, Why="  school is\n worried ", **{"Family told?": "yes"})(book)
        book["Reasons"].cell(2, 6).value = "out of date"
        book["Reasons"].cell(2, 7).value = "moved in May"

    answers = read(store, filled(content, change))
    (made,) = answers.decisions
    first = children(document)[0]
    assert answers.problems == () and answers.open == len(children(document)) - 1
    assert (made.person_key, made.kind, made.why, made.family_told) == (
        first["person_key"], "offered", "school is worried", "yes",
    )  # fmt: skip
    assert made.decided_on == date(2026, 10, 6)
    assert made.reasons == {first["reasons"][0]["ref"]: ("out of date", "moved in May")}


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"Decision": "watch closely"}, "none of those on the list"),
        ({"Decision": None, "Why": "unsure"}, "no decision"),
        ({"Decided_by": None}, "who made it"),
        ({"Decided_on": "soon"}, "who made it"),
        ({"Decided_on": datetime(2026, 10, 4)}, "before the list was made"),
        ({"Decided_on": datetime(2026, 10, 10)}, "still to come"),
        ({"Decision": "look again on a date (give it and why)"}, "later day"),
        ({"Ref": "ZZZ-9"}, "not on this list"),
        ({"Name": "Somebody Else"}, "do not belong together"),
        ({"Family_told?": "perhaps"}, "none of the choices"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named_and_the_others_are_taken(listed, cells, why) -> None:
    store, content, _ = listed

    def change(book: Any) -> None:
        enter(2, **cells)(book)
        enter(3)(book)

    answers = read(store, filled(content, change))
    assert len(answers.decisions) == 1
    (problem,) = answers.problems
    assert problem.startswith("sheet Decisions, row 2:") and why in problem


def test_a_column_sorted_by_itself_is_noticed(listed) -> None:
    store, content, _ = listed

    def change(book: Any) -> None:
        sheet = book["Decisions"]
        sheet.cell(2, 2).value, sheet.cell(3, 2).value = sheet.cell(3, 2).value, sheet.cell(2, 2).value
        enter(2)(book)

    assert "sorted by itself" in read(store, filled(content, change)).problems[0]


def test_what_is_no_list_of_this_hub_is_refused(listed, tmp_path: Path) -> None:
    store, content, _ = listed
    other = HubStore(tmp_path / "hub.sqlite", b"o" * 32, Pseudonym(b"q" * 32).key_of)
    for bad, hub, why in (
        (b"no workbook", store, "cannot be read"),
        (content[: len(content) // 2], store, "cannot be read"),
        (content, other, "never issued"),
        (filled(content, lambda book: book.remove(book["Read me"])), store, "no sheet"),
        (filled(content, lambda book: book["Read me"].delete_rows(1, 99)), store, "no longer says"),
    ):
        with pytest.raises(AnswersProblem, match=why):
            read_answers(bad, hub, KINDS, TODAY)
    other.close()


@given(
    st.lists(st.tuples(st.integers(2, 8), st.integers(1, 17), st.one_of(st.text(max_size=20), st.dates(), st.none())))
)
@settings(max_examples=25, deadline=None)
def test_whatever_stands_in_the_cells_no_value_of_them_is_told(listed, changes) -> None:
    store, content, _ = listed

    def change(book: Any) -> None:
        for row, column, value in changes:
            if isinstance(value, str):
                value = "".join(mark for mark in value if mark.isprintable()) + "Zyxwq"
            book["Decisions"].cell(row, column).value = value

    answers = read(store, filled(content, change))
    assert not any("Zyxwq" in problem for problem in answers.problems)


def kept(store: HubStore, answers: Answers, at: datetime) -> list[bool]:
    with store.transaction() as connection:
        return [
            store.add_decision(
                connection, answers.document_id, one.person_key,
                {"decision": one.decision, "look_again_on": one.look_again_on},
                kind=one.kind, decided_on=one.decided_on, taken_at=at, taken_by="analyst",
            )
            for one in answers.decisions
        ]  # fmt: skip


def test_the_last_answer_counts_and_the_same_one_twice_is_one(tmp_path: Path) -> None:
    store = HubStore(tmp_path / "hub.sqlite", b"k" * 32, Pseudonym(b"p" * 32).key_of)
    (result,) = issue(store, [compose(family_week())["north"]], issued_at=ISSUED_AT, who="schedule")
    content = render(store.document(result.facts.document_id), "xlsx")
    at = datetime(2026, 10, 9, 9)
    first = read(store, filled(content, enter(2)))
    again = {"Decision": "look again on a date (give it and why)", "Why": "x", "Look again on": datetime(2026, 10, 20)}
    second = read(store, filled(content, enter(2, **again)))
    assert kept(store, first, at) == [True]
    assert kept(store, first, at + timedelta(hours=1)) == [False]
    assert kept(store, second, at + timedelta(days=1)) == [True]
    (made,) = store.decisions()
    assert (made["kind"], made["look_again_on"]) == ("again", "2026-10-20")
    assert [one["kind"] for one in store.decisions(until=at)] == ["offered"]
    person = made["person_key"]
    assert person in listed_recently(store, date(2026, 10, 18), weeks=12)
    assert person not in listed_recently(store, date(2026, 10, 25), weeks=12)
    store.close()
