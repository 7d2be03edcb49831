"""The front door's night on paper: one page of counts for anybody, one list of references for each agency to ask."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.assurance_pages import day, head, listed, local, title, write_private
from pipelines.feeds import feed_states
from pipelines.front_door import BANDS, declared, to_chase, weeks_of
from pipelines.hub import Hub
from pipelines.small_numbers import protect
from review.render import render_page

FOLDER = "front_door"
PAGE = "front_door.html"
WHO = "schedule"
_HEADER = (
    "Agency", "Sent", "Recorded in time", "Recorded late", "Not due yet", "Lost, 2 days", "Lost, 3 to 5",
    "Lost, 6 to 10", "Lost, over 10", "Contact held back", "Cannot say",
)  # fmt: skip


def write_page(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> Path:
    """The night's page for whoever answers for the front door: counts, small ones hidden. Returns its path."""
    rule = declared(hub)
    today = local(now).date()
    since = today - timedelta(weeks=rule["page_weeks"])
    weeks = weeks_of(con, since)
    cells = [
        [
            one["sent"],
            one["in_time"],
            one["late"],
            one["waiting"],
            *(one["bands"][band] for band in BANDS),
            one["held"],
            one["cannot_say"],
        ]
        for one in weeks
    ]
    # Notifications, not children: exact from five on. Every row adds up to what was sent.
    told = protect(cells, smallest=5, nearest=1, columns_add_up=False)
    page = {
        **head(hub),
        "title": "Sent to the front door and not recorded",
        "night": today.isoformat(),
        "since": since.isoformat(),
        "lost_after": rule["front_door"]["lost_after_working_days"],
        "to_ask": listed([title(hub, one["agency"]) for one in weeks if one["to_chase"]]),
        "folder": FOLDER,
        "warnings": _warnings(con, hub, now),
        "header": _HEADER,
        "rows": [
            {"name": title(hub, one["agency"]), "cells": line, "is_all": False}
            for one, line in zip(weeks, told, strict=True)
        ],
        "note": "Lost: working days since it was sent. c: fewer than five, or a count that would give one away.",
    }
    target = hub.settings.root / "assurance" / PAGE
    write_private(target, render_page("front_door", page))
    return target


def write_chase_lists(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> dict[str, int]:
    """Tonight's list of each agency for the front-door manager, as a page and as CSV; last night's go.

    A list that is new or says something else than the one before is logged. Returns how many lines each agency has.
    """
    folder, today = hub.settings.outbox / FOLDER, local(now).date()
    found = to_chase(con, hub)
    kept: set[Path] = set()
    for agency, lines in found.items():
        contact = hub.agencies[agency].contact
        page = {
            **head(hub),
            "title": f"Notifications to ask about: {title(hub, agency)}",
            "night": today.isoformat(),
            "agency": title(hub, agency),
            "ring": ", ".join(part for key in ("role", "telephone") if (part := contact.get(key))) or "the agency",
            "lost_after": declared(hub)["front_door"]["lost_after_working_days"],
            "lines": lines,
            "has_places": any(line["place"] for line in lines),
        }
        texts = {"html": render_page("chase", page), "csv": _table(lines)}
        files = {folder / f"lost_{agency}_{today:%Y%m%d}.{form}": text for form, text in texts.items()}
        if any(not file.exists() or file.read_text(encoding="utf-8") != text for file, text in files.items()):
            # Logged before it is written: there may be a record without a file, never a file without a record.
            hub.store.audit.append(
                who=WHO,
                what="chase_list.released",
                purpose="asking an agency about notifications that were lost",
                about=sorted({line["person_key"] for line in lines if line["person_key"]}),
                detail={"agency": agency, "night": today.isoformat(), "notifications": len(lines)},
                at=now,
            )
        for file, text in files.items():
            write_private(file, text)
        kept.update(files)
    for old in folder.glob("lost_*_[0-9]*.*"):
        if old not in kept:
            old.unlink()
    return {agency: len(lines) for agency, lines in found.items()}


def _table(lines: list[dict[str, Any]]) -> str:
    columns = ("reference", "sent_on", "working_days", "kind", "place")
    out = io.StringIO()
    # A spreadsheet takes a file without this mark for another encoding.
    out.write("\ufeff")
    writer = csv.DictWriter(out, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _warnings(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> list[str]:
    """What is missing from the page because a file is late, and whom to ring."""
    where = declared(hub)["front_door"]["contacts"]
    feeds = con.execute("select distinct agency, feed from warehouse.marts.notification_match").fetchall()
    cannot_say = con.execute("select bool_or(state = 'cannot_say') from warehouse.marts.notification_match").fetchall()
    late = []
    for state in feed_states(con, hub, now):
        one = state.status
        since = f"late since {day(one.last_good_load)}" if one.last_good_load else "never delivered"
        if (one.agency, one.feed) == (where["agency"], where["feed"]) and (state.is_late or cannot_say[0][0]):
            late.append(
                f"Contacts of {state.agency_title}: {since}. What was sent since then can be called neither recorded "
                f"nor lost. Ring {state.contact}."
            )
        elif (one.agency, one.feed) in feeds and state.is_late:
            late.append(
                f"{state.agency_title}, {one.feed.replace('_', ' ')}: {since}. What it sent since then is not in this "
                f"page. Ring {state.contact}."
            )
    return late
