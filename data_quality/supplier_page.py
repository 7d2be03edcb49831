"""A supplier's report as a page to read and as a CSV to work through."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from data_quality.pages import render
from data_quality.sparkline import bars
from data_quality.supplier_asks import Ask, why_refused
from data_quality.supplier_report import TREND_WEEKS, FeedLine, Returned, SupplierReport
from data_quality.supplier_words import advice, amount, local, percent, sentence_list, weekday

CSV_COLUMNS = (
    "kind", "feed", "file", "received_or_held_since", "row", "key_ends", "column", "rule", "what", "looks_like",
    "what_to_do", "rows", "new_or_changed", "unchanged", "held", "refused",
)  # fmt: skip
# A spreadsheet would take a cell that starts like this for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page(report: SupplierReport, *, look: str, owner: str, contact: str, hub_contact: str, synthetic: str) -> str:
    """The report as one HTML file.

    Args:
        look: the style sheet of the hub's products.
        owner: the partnership's name. contact: who reads it at the agency. hub_contact: whom they ring at the hub.
        synthetic: what stands above a page about made-up data; empty in service.
    """
    return render(
        "supplier_report.html.j2",
        look,
        report=report,
        owner=f"{owner} · confidential",
        contact=contact,
        hub_contact=hub_contact,
        synthetic=synthetic,
        weeks=TREND_WEEKS,
        total_sentence=_total(report),
        returned=_returned(report),
        told=[line for line in report.feeds if not line.is_quiet],
        quiet=_quiet(report),
        trends=[line for line in report.feeds if any(week.taken or week.refused for week in line.weeks)],
        promises=_promises(report),
        rows_bars=_rows_bars,
        held_bars=_held_bars,
        held_ever=lambda line: any(week.held for week in line.weeks),
        held_share=_held_share,
        shows_values=_shows_values,
    )


def table(report: SupplierReport) -> str:
    """The report as CSV: every file that came, every row that is held, everything that came back."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow({name: _safe(str(value)) for name, value in line.items()})
    return out.getvalue()


def summary(report: SupplierReport) -> list[str]:
    """The report in a few lines, for a terminal."""
    return [_total(report), *[f"{place}. {ask.title}" for place, ask in enumerate(report.asks, start=1)]]


def _lines(report: SupplierReport) -> Iterator[dict[str, object]]:
    for ask in report.asks:
        if ask.kind != "held":
            yield {
                "kind": ask.kind, "feed": ask.feed, "what": f"{ask.title}. {ask.why}", "what_to_do": ask.do,
                "rows": ask.count or "",
            }  # fmt: skip
    for row in report.held:
        yield {
            "kind": "held", "feed": row.feed, "file": row.file, "received_or_held_since": _at(row.held_since),
            "row": row.row_no, "key_ends": row.key, "column": row.column, "rule": row.rule, "what": row.reason,
            "looks_like": row.value, "what_to_do": advice(row.rule),
        }  # fmt: skip
    for one in report.returned:
        yield {
            "kind": "came_back", "feed": one.feed, "file": one.file, "received_or_held_since": _at(one.settled_at),
            "what": _how(one.by_code_list, one.settled_by), "rows": one.rows,
        }  # fmt: skip
    for file in report.files:
        why, todo = why_refused(file.why) if file.why else ("", "")
        yield {
            "kind": "refused_file" if file.why else "file", "feed": file.feed, "file": file.file,
            "received_or_held_since": _at(file.received_at), "what": why, "what_to_do": todo, "rows": file.rows,
            "new_or_changed": file.loaded, "unchanged": file.unchanged, "held": file.held, "refused": file.refused,
        }  # fmt: skip


def _total(report: SupplierReport) -> str:
    files = report.files
    if not files:
        since = f" since {weekday(report.since)}" if report.since else ""
        late = any(line.status.is_late for line in report.feeds)
        return f"No file came{since}." if late else f"No file came{since}, and none was overdue."
    rows, held = sum(file.rows for file in files), sum(file.held for file in files)
    refused = [file for file in files if file.why]
    said = f"{amount(len(files), 'file').capitalize()} with {amount(rows, 'row')} came in"
    lost = [
        *([f"{amount(held, 'row')} of them {'was' if held == 1 else 'were'} held"] if held else []),
        *([f"{amount(len(refused), 'file')} did not get in"] if refused else []),
    ]
    waiting = report.held_total - sum(row.is_new for row in report.held)
    older = f" {amount(waiting, 'row')} from earlier files still wait." if waiting > 0 else ""
    return f"{said}; {' and '.join(lost) if lost else 'all of it was taken in'}.{older}"


def _returned(report: SupplierReport) -> list[str]:
    """One sentence a feed and cause."""
    groups: dict[tuple[str, bool], list[Returned]] = {}
    for one in report.returned:
        groups.setdefault((one.feed, one.by_code_list), []).append(one)
    said = []
    for (feed, by_code_list), found in groups.items():
        files = sorted({one.settled_by for one in found})
        by = f"{amount(len(files), 'later file')} of yours" if len(files) > 1 else files[0]
        said.append(
            f"{feed}: {amount(sum(one.rows for one in found), 'row')} no longer held, {_how(by_code_list, by)}."
        )
    return said


def _quiet(report: SupplierReport) -> list[str]:
    """Feeds with nothing to say, in a line for each way of having nothing to say."""
    groups: dict[str, list[str]] = {}
    for line in report.feeds:
        if line.is_quiet:
            groups.setdefault(line.in_short, []).append(line.feed)
    return [f"{sentence_list(feeds)}: {in_short}." for in_short, feeds in groups.items()]


def _promises(report: SupplierReport) -> list[tuple[str, str, str, str]]:
    """(feeds, promised, came, kept), what was not kept first; feeds that promised and kept the same share a line."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for line in report.feeds:
        for one in line.promises:
            kept = "too few rows to say" if one.kept is None else "yes" if one.kept else "no"
            promised = f"{one.column} {one.promised}".strip()
            groups.setdefault((promised, "in time" if one.is_about_time and one.kept else one.got, kept), []).append(
                line.feed
            )
    order = {"no": 0, "too few rows to say": 1, "yes": 2}
    return [
        (sentence_list(feeds), promised, got, kept)
        for (promised, got, kept), feeds in sorted(groups.items(), key=lambda item: order[item[0][2]])
    ]


def _how(by_code_list: bool, settled_by: str) -> str:
    return "taken in since our code list knows the code" if by_code_list else f"corrected or withdrawn by {settled_by}"


def _rows_bars(line: FeedLine) -> str:
    values = [week.taken if week.files else None for week in line.weeks]
    told = ", ".join("none" if value is None else f"{value:,}" for value in values)
    return bars(values, f"rows by week, oldest first: {told}")


def _held_bars(line: FeedLine) -> str:
    values = [week.held / week.taken if week.taken else None for week in line.weeks]
    told = ", ".join("no rows" if value is None else percent(value) for value in values)
    # A tenth held is the full height, so that a thousandth is not drawn like a flood.
    return bars(values, f"share held by week, oldest first: {told}", top=max([0.1, *filter(None, values)]))


def _held_share(line: FeedLine) -> str:
    week = line.weeks[-1]
    return percent(week.held / week.taken) if week.taken else "no rows"


def _shows_values(ask: Ask) -> bool:
    return any(row.value not in ("", row.rule) for row in ask.rows) and not ask.codes


def _at(moment: object) -> str:
    return f"{local(moment):%Y-%m-%d %H:%M}"  # type: ignore[arg-type]


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
