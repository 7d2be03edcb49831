"""The state of every agency's data over twelve weeks: what got worse, whom to ring, and a table for each measure.

Counts of rows and files alone. The page is for the hub's own data officer, so small numbers stand as they are: they
are rows of feeds, and nobody can be told from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb

from data_quality.completeness import followed
from data_quality.contract import IDENTIFIERS, FeedContract
from data_quality.expectations.stops import Override, Stop, stops
from data_quality.feed_status import FeedStatus, feed_status
from data_quality.feed_weeks import Fill, Quiet, Week, column_weeks, feed_weeks, never_quiet
from data_quality.pages import render
from data_quality.quality_week import (
    LEAST_ROWS,
    Cell,
    fill_level,
    furthest,
    held_level,
    late_level,
    usual_share,
    volume_level,
)
from data_quality.quality_worries import Worry, worries_of
from data_quality.sparkline import bars
from data_quality.supplier_words import day, local, percent

WEEKS = 12
_NAMES = {"nhs_number": "NHS number", "upn": "UPN", "birth_date": "Date of birth", "postcode": "Postcode"}


@dataclass(frozen=True)
class AgencyWeeks:
    """All that is known of one agency: its feeds by name with their weeks, its identifiers with theirs."""

    agency: str
    title: str
    contact: str
    states: tuple[FeedStatus, ...]
    feeds: dict[str, tuple[Week, ...]]
    identifiers: dict[str, tuple[Fill, ...]]


@dataclass(frozen=True)
class HeatTable:
    """One measure: a row for each agency, a cell for each week, oldest first."""

    name: str
    says: str
    rows: tuple[tuple[str, tuple[Cell, ...], str], ...]


@dataclass(frozen=True)
class QualityPage:
    """What the page shows; `ends` are the last instants of its weeks, oldest first.

    `persons_kept`: why who is who stayed as an earlier night left it, and what to do; empty on an ordinary night.
    """

    now: datetime
    ends: tuple[datetime, ...]
    agencies: tuple[AgencyWeeks, ...]
    worries: tuple[Worry, ...]
    tables: tuple[HeatTable, ...]
    stops: tuple[Stop, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    persons_kept: str = ""

    @property
    def night(self) -> date:
        """The London day of the night's run."""
        return local(self.now).date()

    @property
    def states(self) -> list[FeedStatus]:
        """Every feed's state."""
        return [state for agency in self.agencies for state in agency.states]


def quality_page(
    con: duckdb.DuckDBPyConnection,
    titles: Mapping[str, str],
    contacts: Mapping[str, str],
    contracts: Mapping[str, FeedContract],
    now: datetime,
    *,
    quiet: Quiet = never_quiet,
    overrides: Sequence[Override] = (),
    persons_kept: str = "",
) -> QualityPage:
    """Everything the page shows at a night's knowledge instant (naive UTC).

    Args:
        con: `warehouse` and `quarantine` attached.
        titles, contacts: by agency its name and whom to ring.
        quiet: whether a feed has no reason to bring its usual rows on a day (holidays).
        overrides: decisions to issue lists although a rule is broken.
        persons_kept: a sentence where linkage kept the persons of an earlier night.
    """
    states = feed_status(con, contracts, now)
    weeks = feed_weeks(con, contracts, now, WEEKS, quiet)
    fills = column_weeks(con, contracts, now, WEEKS)
    # A young hub shows the weeks it has lived through, and no empty columns before them.
    lived = [any(line[place].is_late is not None for line in weeks.values()) for place in range(WEEKS)]
    first = lived.index(True) if True in lived else 0
    weeks = {name: line[first:] for name, line in weeks.items()}
    fills = {key: line[first:] for key, line in fills.items()}
    agencies = []
    for agency, title in titles.items():
        own = {name: contract for name, contract in contracts.items() if contract.agency == agency}
        if own:
            agencies.append(
                AgencyWeeks(
                    agency=agency,
                    title=title,
                    contact=contacts.get(agency, ""),
                    states=tuple(state for state in states if state.agency == agency),
                    feeds={contract.feed: weeks[name] for name, contract in own.items()},
                    identifiers=_identifiers(own, fills),
                )
            )
    ends = tuple(week.ends for week in next(iter(weeks.values()), ()))
    needed = {name for name, contract in contracts.items() if contract.required_for_list}
    return QualityPage(
        now=now,
        ends=ends,
        agencies=tuple(agencies),
        worries=tuple(worry for agency in agencies for worry in worries_of(con, agency, needed, now)),
        tables=tuple(_tables(agencies, needed)),
        stops=tuple(stops(con, contracts, overrides, now)),
        titles=titles,
        persons_kept=persons_kept,
    )


def page(shown: QualityPage, *, look: str, owner: str, synthetic: str) -> str:
    """The page as one HTML file; see `supplier_page.page` for the arguments."""
    return render(
        "data_quality.html.j2", look, page=shown, owner=f"{owner} · for the hub alone", synthetic=synthetic,
        calls=calls(shown),
    )  # fmt: skip


def calls(shown: QualityPage) -> list[tuple[AgencyWeeks, list[Worry]]]:
    """One call an agency, the most urgent first."""
    by_agency = {
        agency.agency: sorted(
            (worry for worry in shown.worries if worry.agency == agency.agency), key=lambda worry: -worry.weight
        )
        for agency in shown.agencies
    }
    found = [(agency, by_agency[agency.agency]) for agency in shown.agencies if by_agency[agency.agency]]
    return sorted(found, key=lambda call: (-call[1][0].weight, -len(call[1])))


def summary(shown: QualityPage) -> list[str]:
    """The page in a few lines, for a terminal."""
    late = sum(state.is_late for state in shown.states)
    said = [f"{len(shown.states) - late} of {len(shown.states)} feeds are on time on {day(shown.night)}."]
    for agency, worries in calls(shown):
        said += [f"{agency.title} ({agency.contact}): {worry.sentence}" for worry in worries]
    said += [shown.persons_kept] if shown.persons_kept else []
    return said + [f"Stop: {stop.agency} {stop.feed}, {stop.why}" for stop in shown.stops if stop.override is None]


def _identifiers(
    contracts: Mapping[str, FeedContract], fills: Mapping[tuple[str, str], tuple[Fill, ...]]
) -> dict[str, tuple[Fill, ...]]:
    found: dict[str, tuple[Fill, ...]] = {}
    for identifier in IDENTIFIERS:
        lines = [
            fills[name, column.name]
            for name, contract in contracts.items()
            for column in followed(contract)
            if column.identifier == identifier
        ]
        if lines:
            found[identifier] = tuple(sum(week, Fill(0, 0)) for week in zip(*lines, strict=True))
    return found


def _tables(agencies: Sequence[AgencyWeeks], needed: set[str]) -> list[HeatTable]:
    def table(name: str, says: str, line: Callable[[AgencyWeeks], list[Cell]], top: float | None = None) -> HeatTable:
        rows = []
        for agency in agencies:
            cells = line(agency)
            if any(cell.text for cell in cells):
                label = f"{agency.title}, {name} by week, oldest first: " + ", ".join(c.text or "none" for c in cells)
                rows.append((agency.title, tuple(cells), bars([cell.value for cell in cells], label, top)))
        return HeatTable(name, says, tuple(rows))

    found = [
        table("Late feeds", "Feeds older than agreed at the end of the week, of all the agency sends.",
              lambda agency: _late(agency, needed)),
        table("Volume", "The feed that moved furthest from its own usual week, in percent of that week's rows. "
              "Feeds of fewer than 20 rows a week are not judged.", _volume),
        table("Held rows", "Share of the rows received that wait in quarantine or waited there.", _held, 0.1),
        table("Refused files", "Files that were refused whole.", _refused),
    ]  # fmt: skip
    for identifier in IDENTIFIERS:
        found.append(
            table(
                f"{_NAMES[identifier]} filled",
                "Share of the records received (of a full copy: of all it holds) in which it is filled.",
                lambda agency, identifier=identifier: _filled(agency.identifiers.get(identifier, ())),  # type: ignore[misc]
                1.0,
            )
        )
    return [one for one in found if one.rows]


def _late(agency: AgencyWeeks, needed: set[str]) -> list[Cell]:
    cells = []
    for weeks in zip(*agency.feeds.values(), strict=True):
        late = [feed for feed, week in zip(agency.feeds, weeks, strict=True) if week.is_late]
        if all(week.is_late is None for week in weeks):
            cells.append(Cell("", "none"))
            continue
        wanted = sum(f"{agency.agency}__{feed}" in needed for feed in late)
        text = f"{len(late)} of {len(weeks)}" if late else "0"
        cells.append(Cell(text, late_level(len(late), len(weeks), wanted), float(len(late))))
    return cells


def _volume(agency: AgencyWeeks) -> list[Cell]:
    cells = []
    for place in range(len(next(iter(agency.feeds.values()), ()))):
        found = furthest(dict(agency.feeds), place)
        cells.append(
            Cell("", "none")
            if found is None
            else Cell(f"{100 * found.ratio:.0f} %", volume_level(found.ratio), min(found.ratio, 3.0))
        )
    return cells


def _held(agency: AgencyWeeks) -> list[Cell]:
    cells = []
    for weeks in zip(*agency.feeds.values(), strict=True):
        rows, held = sum(week.taken for week in weeks), sum(week.held for week in weeks)
        if not rows:
            cells.append(Cell("", "none"))
        elif rows < LEAST_ROWS:
            cells.append(Cell(f"{held} of {rows}" if held else "0", "none", held / rows))
        else:
            cells.append(Cell(percent(held / rows), held_level(held, rows), held / rows))
    return cells


def _refused(agency: AgencyWeeks) -> list[Cell]:
    cells = []
    for weeks in zip(*agency.feeds.values(), strict=True):
        refused = sum(week.refused_files for week in weeks)
        came = refused or any(week.files for week in weeks)
        cells.append(Cell(str(refused), "watch" if refused else "good", float(refused)) if came else Cell("", "none"))
    return cells


def _filled(fills: Sequence[Fill]) -> list[Cell]:
    middle = usual_share(fills)
    return [
        Cell("", "none")
        if fill.share is None
        else Cell("few", "none")
        if fill.rows < LEAST_ROWS
        else Cell(percent(fill.share), fill_level(fill, middle), fill.share)
        for fill in fills
    ]
