"""A weekly list as a workbook with drop-downs for the decisions.

Every text goes in as text, never as a formula or a link, and is marked so that it stays text when somebody edits the
cell. Nothing in the file depends on the clock: equal documents give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from review.words import on_words

_CHILD_COLUMNS = (
    ("Family", 9), ("Ref", 9), ("Name", 22), ("Age", 13), ("Talk by", 18), ("Why now", 60),
    ("What is going well", 45), ("Who already helps", 40), ("How sure the records are one person", 40),
    ("Decision", 30), ("Why", 40), ("Look again on", 15), ("Family told?", 18), ("What the family says", 30),
    ("Decided by", 20), ("Decided on", 15),
)  # fmt: skip
_REASON_COLUMNS = (
    ("Ref", 10), ("Name", 22), ("Reason", 60), ("Agency", 24), ("Where this comes from", 60),
    ("Is it so?", 22), ("Note", 40),
)  # fmt: skip


def workbook(document: Mapping[str, Any]) -> bytes:
    """The workbook's bytes for a valid `weekly_list.v1` document."""
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    book = xlsxwriter.Workbook(buffer, options)
    as_of = date.fromisoformat(document["as_of_date"])
    book.set_properties(
        {
            "title": f"Weekly list, {document['team_name']}, week ending {on_words(as_of)}",
            "comments": f"Do not use after {on_words(date.fromisoformat(document['expires_on']))}.",
            "created": datetime(as_of.year, as_of.month, as_of.day),
        }
    )
    text = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2, "bg_color": "#E8E6E0"})
    entry = book.add_format({"text_wrap": True, "valign": "top", "border": 1, "bg_color": "#FFFBE6"})
    lists = _choices(book.add_worksheet("Read me"), book, document, text)
    _children(book.add_worksheet("Decisions"), document, lists, (head, text, entry))
    _reasons(book.add_worksheet("Reasons"), document, lists, (head, text, entry))
    _chronology(book.add_worksheet("Last 24 months"), document, (head, text))
    _data(book.add_worksheet("Data"), document, (head, text))
    book.get_worksheet_by_name("Choices").hide()
    book.close()
    return buffer.getvalue()


def _choices(sheet: Worksheet, book: xlsxwriter.Workbook, document: Mapping[str, Any], text: Format) -> dict[str, str]:
    """Write the first page, and the drop-down lists on a hidden sheet; returns each list's cell range."""
    big = book.add_format({"text_wrap": True, "valign": "top", "bold": True, "font_size": 13, "quote_prefix": True})
    sheet.set_column(0, 0, 110)
    said = document["statements"]
    as_of, expires = (on_words(date.fromisoformat(document[key]), weekday=True) for key in ("as_of_date", "expires_on"))
    lines = [said[key] for key in ("synthetic", "shadow") if key in said]
    lines.append(f"{document['partnership_name']}. Weekly list: {document['team_name']}. Week ending {as_of}.")
    lines.append(f"For hub members only. Do not use after {expires}: a new list replaces it.")
    row = 0
    for line in [*document["top_lines"], said["danger_now"], said["absence"]]:
        sheet.write_string(row, 0, line, big)
        row += 1
    lines += [said[key] for key in ("people_decide", "order", "offer", "purpose") if key in said]
    lines += document["basis"]
    lines.append("Fill in the yellow cells on the sheets Decisions and Reasons.")
    lines.append(
        f"List {document['list_id'] or 'not issued yet'}, version {document['version'] or 'none'}, "
        f"content {document['content_hash'][:12]}."
    )
    for line in lines:
        sheet.write_string(row, 0, line, text)
        row += 1
    _page(sheet, document)
    hidden = book.add_worksheet("Choices")
    ranges = {}
    for column, name in enumerate(("decisions", "reason_answers", "family_told")):
        for place, choice in enumerate(document[name]):
            hidden.write_string(place, column, choice, text)
        letter = "ABC"[column]
        ranges[name] = f"=Choices!${letter}$1:${letter}${len(document[name])}"
    return ranges


def _children(sheet: Worksheet, document: Mapping[str, Any], lists: Mapping[str, str], looks: Sequence[Format]) -> None:
    head, text, entry = looks
    row = 1
    for family, child in _each_child(document):
        talk_by = on_words(date.fromisoformat(family["talk_by"]))
        cells = [
            family["ref"],
            child["ref"],
            child["name"],
            child["age"],
            talk_by + (" (date set by a rule)" if family["talk_by_rule"] else ""),
            "\n".join(f"• {_with_agencies(reason)}" for reason in child["reasons"]),
            "\n".join(f"• {_with_agencies(good)}" for good in child["going_well"]) or document["page"]["none_good"],
            _helpers(child, document),
            "\n".join(f"{', '.join(line['agencies'])}: {line['sentence']}" for line in child["sureness"])
            or document["page"]["none_sure"],
        ]
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell, text)
        for column in range(len(cells), len(_CHILD_COLUMNS)):
            sheet.write_blank(row, column, None, entry)
        row += 1
    _frame(sheet, _CHILD_COLUMNS, head, document, freeze=3)
    if row > 1:
        names = [name for name, _ in _CHILD_COLUMNS]
        _drop_down(sheet, row, names.index("Decision"), lists["decisions"], "Choose what was decided")
        _drop_down(sheet, row, names.index("Family told?"), lists["family_told"], "Was the family told?")
        for name in ("Look again on", "Decided on"):
            column = names.index(name)
            sheet.data_validation(
                1, column, row - 1, column, {"validate": "date", "criteria": ">=", "value": date(2020, 1, 1)}
            )


def _reasons(sheet: Worksheet, document: Mapping[str, Any], lists: Mapping[str, str], looks: Sequence[Format]) -> None:
    head, text, entry = looks
    row = 1
    for _, child in _each_child(document):
        for reason in child["reasons"]:
            cells = [
                reason["ref"],
                child["name"],
                "\n".join(filter(None, [reason["sentence"], reason.get("frequency")])),
                ", ".join(one["agency_name"] for one in reason["agencies"]),
                "\n".join(_source(line) for line in reason["evidence"]),
            ]
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell, text)
            for column in range(len(cells), len(_REASON_COLUMNS)):
                sheet.write_blank(row, column, None, entry)
            row += 1
    _frame(sheet, _REASON_COLUMNS, head, document, freeze=2)
    if row > 1:
        _drop_down(sheet, row, 5, lists["reason_answers"], "Is this reason so?")


def _chronology(sheet: Worksheet, document: Mapping[str, Any], looks: Sequence[Format]) -> None:
    head, text = looks
    row = 1
    for _, child in _each_child(document):
        for gap in child["gaps"]:
            _write(sheet, row, (child["ref"], child["name"], "", gap, ""), text)
            row += 1
        for line in child["chronology"]:
            _write(sheet, row, (child["ref"], child["name"], line["when"], line["what"], line["agency_name"]), text)
            row += 1
        if child["specialist"]:
            _write(sheet, row, (child["ref"], child["name"], "", document["page"]["sealed_note"], ""), text)
            row += 1
    columns = (("Ref", 9), ("Name", 22), ("When", 20), ("What", 60), ("Agency", 24))
    _frame(sheet, columns, head, document, freeze=2)


def _data(sheet: Worksheet, document: Mapping[str, Any], looks: Sequence[Format]) -> None:
    head, text = looks
    row = 1
    for line in document.get("reaches", ()):
        newest = on_words(date.fromisoformat(line["newest_on"])) if line["newest_on"] else "none held"
        _write(sheet, row, (line["agency_name"], "newest thing it told of", newest, line["sentence"] or ""), text)
        row += 1
    for feed in document["feeds"]:
        last = on_words(date.fromisoformat(feed["last_good_on"])) if feed["last_good_on"] else "none yet"
        _write(sheet, row, (feed["agency_name"], feed["feed_name"], last, feed["sentence"] or "on time"), text)
        row += 1
    counts = document["counts"]
    told = [
        f"On this list: {counts['listed']}. Room in a week: {counts['capacity']}. Held back: {counts['held_back']}."
    ]
    for line in [*told, *(f"{one['count']} {one['sentence']}" for one in counts["suppressed"])]:
        _write(sheet, row, ("", "", "", line), text)
        row += 1
    _frame(
        sheet,
        (("Agency", 24), ("File", 40), ("Last good file, or newest thing told", 20), ("Note", 80)),
        head,
        document,
        freeze=0,
    )


def _each_child(document: Mapping[str, Any]) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return ((family, child) for family in document["families"] for child in family["children"])


def _with_agencies(told: Mapping[str, Any]) -> str:
    names = ", ".join(one["agency_name"] for one in told["agencies"])
    said = " ".join(filter(None, (told["sentence"], told.get("note"))))
    return f"{said} [{names}]" if names else said


def _helpers(child: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    lines = []
    for one in child["involved"]:
        who = ", ".join(part for part in (one["who"], one["role"], one["team"]) if part) or "no name held"
        since = f", since {on_words(date.fromisoformat(one['since']))}" if one["since"] else ""
        lines.append(f"{one['agency_name']}: {one['what']} ({who}{since})")
    lines += [document["page"]["sealed_note"]] if child["specialist"] else []
    return "\n".join(lines) or str(document["page"]["none_involved"])


def _source(line: Mapping[str, Any]) -> str:
    if line["sealed"]:
        return str(line["what"])
    return f"{line['when']}: {line['what']} ({line['agency_name']}, {line['feed_name']}; source {line['ref']})"


def _write(sheet: Worksheet, row: int, cells: Sequence[str], look: Format) -> None:
    for column, cell in enumerate(cells):
        sheet.write_string(row, column, cell, look)


def _drop_down(sheet: Worksheet, rows: int, column: int, source: str, title: str) -> None:
    sheet.data_validation(
        1,
        column,
        rows - 1,
        column,
        {
            "validate": "list",
            "source": source,
            "input_title": title,
            "error_title": "Please choose from the list",
            "error_message": "Choose one of the entries, and explain in the next cell.",
        },
    )


def _frame(
    sheet: Worksheet, columns: Sequence[tuple[str, float]], head: Format, document: Mapping[str, Any], freeze: int
) -> None:
    for column, (name, width) in enumerate(columns):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, head)
    sheet.freeze_panes(1, freeze)
    _page(sheet, document)


def _page(sheet: Worksheet, document: Mapping[str, Any]) -> None:
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    until = on_words(date.fromisoformat(document["expires_on"]))
    label = f"{document['statements']['synthetic'].split('. ')[0].rstrip('.')}. " if document["synthetic"] else ""
    sheet.set_footer(f"&L{label}For hub members only. Do not use after {until}.&RPage &P of &N")
