"""A returned workbook read back: what people decided about each child, and what they thought of each reason.

The workbook goes out with drop-downs and comes back filled in by several hands, sorted, filtered and saved by whatever
program. So nothing is taken on trust: the sheet must be of a list this hub issued, each line's reference and name must
still belong together, a choice must be one of the list's own, and a decision needs who made it and on what day. A line
that breaks a rule is named by sheet and row, never by what stands in it; the other lines are taken.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from governance.hub_store import HubStore, HubStoreProblem

_LIST = re.compile(r"^List (\S+), version (\d+), content ([0-9a-f]{12})\.$")
_ENTERED = ("Decision", "Why", "Look again on", "Family told?", "What the family says", "Decided by", "Decided on")
_LONGEST = 4_000


class AnswersProblem(Exception):
    """The file is no list of this hub that can be taken back; the message says why and what to do."""


@dataclass(frozen=True)
class Decision:
    """What was decided about one child of a list, and what was said of each reason.

    Attributes:
        kind: what the decision means to the hub, from the pack's `decision_kinds` (offered, again, ...).
        reasons: by the reason's reference on the list: the answer and a note.
    """

    person_key: str
    decision: str
    kind: str
    why: str
    look_again_on: date | None
    family_told: str
    family_says: str
    decided_by: str
    decided_on: date
    reasons: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Answers:
    """A workbook read back.

    Attributes:
        problems: lines that were not taken, by sheet and row.
        open: how many children of the list have no decision yet.
    """

    document_id: str
    decisions: tuple[Decision, ...]
    problems: tuple[str, ...]
    open: int


def read_answers(content: bytes, store: HubStore, kinds: Mapping[str, str], today: date) -> Answers:
    """Read a workbook that was released from this store.

    Args:
        content: the file's bytes.
        kinds: what each decision of the pack means, by its words (`decision_kinds` of wording.yml).
        today: London date; nothing was decided later.

    Raises:
        AnswersProblem: no workbook, not of a list of this hub, or of another content than was issued.
    """
    book = _open(content)
    try:
        document_id, document = _issued(book, store)
        children = {child["ref"]: child for family in document["families"] for child in family["children"]}
        problems: list[str] = []
        reasons = dict(_reasons(book, document, problems))
        decisions = []
        seen: set[str] = set()
        for place, cells in _lines(book, "Decisions"):
            if not any(_text(cells.get(name)) for name in (*_ENTERED, "Ref")):
                continue
            child = children.get(_text(cells.get("Ref")))
            wrong = _wrong_line(cells, child, seen)
            if child is not None and not wrong and not any(_text(cells.get(name)) for name in _ENTERED):
                continue
            made = None if wrong or child is None else _decision(cells, child, document, kinds, reasons, today)
            if isinstance(made, Decision):
                seen.add(str(child["ref"]) if child else "")
                decisions.append(made)
            else:
                problems.append(f"sheet Decisions, row {place}: {wrong or made}")
        return Answers(document_id, tuple(decisions), tuple(problems), len(children) - len(decisions))
    finally:
        book.close()


def _open(content: bytes) -> Any:
    import openpyxl

    try:
        return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    except Exception:  # a damaged workbook breaks openpyxl in every way there is, and its words may quote a cell
        raise AnswersProblem(
            "The file cannot be read as a workbook. Save it again as .xlsx, without a password."
        ) from None


def _issued(book: Any, store: HubStore) -> tuple[str, dict[str, Any]]:
    """The document the workbook was made of, by the line that names it."""
    missing = {"Read me", "Decisions", "Reasons"} - set(book.sheetnames)
    if missing:
        raise AnswersProblem(f"The workbook has no sheet {sorted(missing)[0]!r}: it is no weekly list of this hub.")
    found = [
        told
        for row in book["Read me"].iter_rows(values_only=True)
        if row and isinstance(row[0], str) and (told := _LIST.match(row[0].strip()))
    ]
    if len(found) != 1:
        raise AnswersProblem("The sheet Read me no longer says which list this is; use the file as it was released.")
    document_id, _, content = found[0].groups()
    try:
        document = store.document(document_id)
    except HubStoreProblem:
        raise AnswersProblem(
            "This hub never issued the list the workbook names; is it another partnership's?"
        ) from None
    if not str(document["content_hash"]).startswith(content):
        raise AnswersProblem("The workbook is not of the list as it was issued; use the file as it was released.")
    return document_id, document


def _lines(book: Any, sheet: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number and cells by column name."""
    rows = book[sheet].iter_rows(values_only=True)
    header = [_text(name) for name in next(rows, ())]
    for place, row in enumerate(rows, start=2):
        yield place, dict(zip(header, row, strict=False))


def _wrong_line(cells: Mapping[str, Any], child: Mapping[str, Any] | None, seen: set[str]) -> str | None:
    if child is None:
        return "its reference is not on this list."
    if _text(cells.get("Name")) != _text(child["name"]):
        return "reference and name do not belong together; was a column sorted by itself?"
    if child["ref"] in seen:
        return "its reference comes a second time."
    return None


def _decision(
    cells: Mapping[str, Any],
    child: Mapping[str, Any],
    document: Mapping[str, Any],
    kinds: Mapping[str, str],
    reasons: Mapping[str, tuple[str, str]],
    today: date,
) -> Decision | str:
    """The decision of one line, or what is wrong with it."""
    words = _text(cells.get("Decision"))
    if not words:
        return "it has notes but no decision; choose one."
    if words not in document["decisions"]:
        return "its decision is none of those on the list; choose one from the drop-down."
    told = _text(cells.get("Family told?"))
    if told and told not in document["family_told"]:
        return "what stands under 'Family told?' is none of the choices."
    by, on = _text(cells.get("Decided by")), _day(cells.get("Decided on"))
    if not by or on is None:
        return "a decision needs who made it and the day, under 'Decided by' and 'Decided on'."
    if not date.fromisoformat(document["as_of_date"]) < on <= today:
        return "the day under 'Decided on' is before the list was made, or still to come."
    again, kind = _day(cells.get("Look again on")), kinds.get(words, "other")
    if kind == "again" and (again is None or again <= on or not _text(cells.get("Why"))):
        return "to look again needs a later day under 'Look again on', and why."
    own = {one["ref"]: reasons[one["ref"]] for one in child["reasons"] if one["ref"] in reasons}
    return Decision(
        person_key=str(child["person_key"]),
        decision=words,
        kind=kind,
        why=_text(cells.get("Why")),
        look_again_on=again,
        family_told=told,
        family_says=_text(cells.get("What the family says")),
        decided_by=by,
        decided_on=on,
        reasons=own,
    )


def _reasons(book: Any, document: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Answer and note by the reference of a reason; lines without an answer say nothing."""
    known = {one["ref"] for family in document["families"] for child in family["children"] for one in child["reasons"]}
    for place, cells in _lines(book, "Reasons"):
        answer, note = _text(cells.get("Is it so?")), _text(cells.get("Note"))
        if not answer and not note:
            continue
        if _text(cells.get("Ref")) not in known:
            problems.append(f"sheet Reasons, row {place}: its reference is not on this list.")
        elif answer not in document["reason_answers"]:
            problems.append(f"sheet Reasons, row {place}: choose one of the answers under 'Is it so?'.")
        else:
            yield _text(cells.get("Ref")), (answer, note)


def _text(value: Any) -> str:
    return " ".join(str(value).split())[:_LONGEST] if value is not None else ""


def _day(value: Any) -> date | None:
    """A date cell, or a date typed as text in one of the two ways people here write it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(_text(value), form).date()
        except ValueError:
            continue
    return None
