"""Shrink together: the quarter's page for partners, from the marts that count it. Aggregates, small ones hidden."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.assurance_pages import head, listed, local, title, write_private
from pipelines.hub import Hub
from pipelines.small_numbers import HIDDEN, SMALLEST, protect, shown
from review.contributions import contributions
from review.render import render_page

Table = dict[str, Any]


def declared(hub: Hub) -> dict[str, Any]:
    """shrink_together.yml of the pack; empty where the pack makes no such page."""
    return hub.declaration("shrink_together.yml")


def quarter_of(con: duckdb.DuckDBPyConnection) -> tuple[str, date, date, date] | None:
    """(name, first day, last day, day of knowledge) of the quarter the marts stand at; None before any delivery."""
    rows = con.execute("select quarter, starts_on, ends_on, run_at from warehouse.marts.reporting_quarter").fetchall()
    return (rows[0][0], rows[0][1], rows[0][2], local(rows[0][3]).date()) if rows else None


def page_path(hub: Hub, quarter: str) -> Path:
    """Where a quarter's page lies."""
    return hub.settings.root / "assurance" / f"shrink_together_{quarter}.html"


def write_page(con: duckdb.DuckDBPyConnection, hub: Hub) -> Path | None:
    """Write the page of the quarter the marts stand at, over the one there may be; None before any delivery."""
    quarter = quarter_of(con)
    if quarter is None:
        return None
    name, starts_on, ends_on, known_on = quarter
    rule, words = declared(hub)["shrink_together"], declared(hub)["words"]
    page = {
        **head(hub),
        "title": f"{words['title']}, {name[4:]} {name[:4]}",
        "lead": words["lead"],
        "starts_on": starts_on.isoformat(),
        "ends_on": ends_on.isoformat(),
        "known_on": known_on.isoformat(),
        "talk": _where_to_talk(con, hub, rule),
        "holding": _who_holds(con, hub),
        "front_door": _at_the_front_door(con, hub, starts_on, ends_on),
        "contributed": _contributed(con, hub, starts_on, ends_on),
        "priorities": words["priorities"],
        "meaning": _meaning(hub, rule),
    }
    target = page_path(hub, name)
    write_private(target, render_page("shrink_together", page))
    return target


def _where_to_talk(con: duckdb.DuckDBPyConnection, hub: Hub, rule: dict[str, Any]) -> Table:
    """The three questions by area team, with everybody in the last row."""
    found = {
        team: list(counts)
        for team, *counts in con.execute(
            "select area_team, count(*) filter (where nobody_leads), count(*) filter (where has_repeated_contacts), "
            "count(*) filter (where was_asked_again) from warehouse.marts.shrink_child group by area_team"
        ).fetchall()
    }
    teams = [team for team in hub.partnership.team_names if team in found]
    counts = [found[team] for team in teams]
    counts.append([sum(line[place] for line in counts) for place in range(3)])
    told = protect(counts, rows_add_up=False)
    return {
        "header": (
            "Area team",
            f"{rule['at_least_agencies']} or more agencies, nobody leads",
            f"{rule['repeated_contacts']['at_least']} or more contacts without action",
            "Asked the same again",
        ),
        "rows": [
            {"name": name, "cells": line, "is_all": place == len(teams)}
            for place, (name, line) in enumerate(zip([*teams, "All"], told, strict=True))
        ],
        "note": "A child may be in more than one column.",
    }


def _who_holds(con: duckdb.DuckDBPyConnection, hub: Hub) -> Table:
    """How many of the children for whom nobody leads each agency has work with."""
    rows = con.execute(
        "select work.agency, count(*) from warehouse.marts.shrink_child as child "
        "join warehouse.marts.open_work as work using (person_key) where child.nobody_leads group by work.agency"
    ).fetchall()
    return _by_agency(hub, ("Agency", "Children"), {agency: (shown(count),) for agency, count in rows})


def _at_the_front_door(con: duckdb.DuckDBPyConnection, hub: Hub, starts_on: date, ends_on: date) -> Table:
    """Sent in the quarter: recorded in time, late, and not recorded to this day."""
    rows = con.execute(
        "select agency, count(*), count(*) filter (where state = 'matched' and basis <> 'recorded_late'), "
        "count(*) filter (where basis = 'recorded_late'), count(*) filter (where state = 'lost'), "
        "count(*) filter (where state in ('held', 'cannot_say', 'waiting')) "
        "from warehouse.marts.notification_match where sent_on between ? and ? group by agency order by agency",
        [starts_on, ends_on],
    ).fetchall()
    told = protect([row[1:] for row in rows], columns_add_up=False)
    return _by_agency(
        hub,
        ("Agency", "Sent", "Recorded in time", "Recorded late", "Lost", "Open"),
        {row[0]: tuple(line) for row, line in zip(rows, told, strict=True)},
    )


def _contributed(con: duckdb.DuckDBPyConnection, hub: Hub, starts_on: date, ends_on: date) -> Table:
    """Per agency: children it told of, the share another agency told of too, and children listed on its evidence."""
    # The lists of the quarter are those of the weeks that ended in it.
    last = ends_on - timedelta(days=(ends_on.weekday() - 6) % 7)
    first = starts_on - timedelta(days=(starts_on.weekday() - 6) % 7 or 7)
    led = contributions(hub.store, first, last, lambda _: ())
    rows = con.execute(
        "select agency, children, children_known_elsewhere from warehouse.marts.agency_contribution order by agency"
    ).fetchall()
    lists = any(first < one.as_of_date <= last for one in hub.store.issued("weekly_list.v1"))
    cells: dict[str, tuple[str, ...]] = {}
    for agency, children, elsewhere in rows:
        few = min(elsewhere, children - elsewhere) < SMALLEST
        on_lists = led[agency].listed if agency in led else 0
        cells[agency] = (
            shown(children),
            HIDDEN if few else f"{100 * elsewhere / children:.0f} %",
            shown(on_lists) if lists else "no lists",
        )
    table = _by_agency(
        hub, ("Agency", "Children it told of", "Known elsewhere too", "On a weekly list with its evidence"), cells
    )
    table["note"] = "What a service told under seal is not counted. A large count is no merit, a small one no fault."
    return table


def _by_agency(hub: Hub, header: tuple[str, ...], cells: dict[str, tuple[str, ...]]) -> Table:
    """Rows in the pack's order of agencies; sealed agencies are named to nobody."""
    rows = [
        {"name": title(hub, agency), "cells": cells[agency], "is_all": False}
        for agency, known in hub.agencies.items()
        if agency in cells and not known.sealed
    ]
    return {"header": header, "rows": rows}


def _meaning(hub: Hub, rule: dict[str, Any]) -> list[str]:
    """What each count means, from the declaration it is made by."""
    agencies = dict.fromkeys(title(hub, one["agency"]) for one in rule["work"])
    return [
        "Work is open on the last day of the quarter where an episode is open, or where something happened shortly "
        f"before that is still dealt with. Looked at: {listed(list(agencies))}.",
        "Somebody leads while a social worker's case or a family help episode is open.",
        f"Contacts without action: at least {rule['repeated_contacts']['at_least']} contacts in the "
        f"{rule['repeated_contacts']['within_days']} days to the quarter's end that ended in advice or without further "
        "action.",
        f"Asked the same again: two agencies assessed the family's needs within {rule['asked_again']['within_days']} "
        "days, the second time in the quarter.",
    ]
