"""`hub risk trace`: whom a model pointed to, who saw it, what was decided, what followed. Keys, never names.

All of it stands in the hub's store and the warehouse, so that it works when the model's files are gone. The trace is
about named-by-key persons: it goes to one analyst's folder of the outbox, readable by this account alone, with a last
day in its name; the look itself is logged about everybody in it.
"""

from __future__ import annotations

import csv
import getpass
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from models.risk.queue import MODEL_CHANNEL
from models.risk.standing import Week
from pipelines.assets.review import COMPOSED
from pipelines.assurance_pages import write_private
from pipelines.clock import LONDON
from pipelines.hub import Hub, HubProblem
from pipelines.progress import tell
from pipelines.risk_followed import Followed
from pipelines.risk_registry import find, standing
from pipelines.risk_trace_page import summary_page

TRACED = "model.traced"
KEPT_DAYS = 14
PEOPLE = (
    "person_key", "week", "team", "document", "version", "other_channels", "released_to", "first_released",
    "decision", "decided_on", "outcome_on", "outcome", "outcome_known_on", "days_after_the_week", "person_today",
)  # fmt: skip
LOOKS = ("person_key", "at", "who", "what", "purpose", "document", "recipient")
_USE_UNTIL = re.compile(r"^model-trace_.*_use-until-(\d{4}-\d{2}-\d{2})_\w+\.(?:csv|html)$")


def trace(console: Console, model: str, by: str, why: str) -> list[Path]:
    """Write a model's trace for one analyst and say where it is.

    Raises:
        HubProblem: the registry knows no such model, or who and why are missing.
    """
    if not by.strip() or not why.strip():
        raise HubProblem(
            "A trace is made for somebody, for a reason, and both are logged: say --by WHO and --why TEXT."
        )
    hub = Hub.from_environment()
    known = standing(hub)
    weeks = find(hub, known, model)
    people = listed_by(hub, [one for one in weeks if one.spoke])
    tell(f"trace: {len({one['person_key'] for one in people})} {hub.people} listed")
    keys = sorted({one["person_key"] for one in people})
    looks = looks_at(hub, people)
    with hub.zones.open("warehouse", read_only=True) as con:
        after = what_followed(con, people, hub.declaration("risk.yml")["target"]["name"], hub.present())
    for one in people:
        one |= after.get((one["person_key"], one["week"]), {})
    name = weeks[-1].model
    retired = known.retirement_of(weeks[-1].content_hash, weeks[-1].recipe)
    today = datetime.now(UTC).astimezone(LONDON).date()
    until = today + timedelta(days=KEPT_DAYS)
    remove_expired_traces(hub.settings.outbox, today)
    texts = {
        "people.csv": as_csv(PEOPLE, people),
        "looks.csv": as_csv(LOOKS, looks),
        "summary.html": summary_page(hub, name, weeks, people, looks, retired, until),
    }
    folder = hub.settings.outbox / f"analyst-{_slug(by)}"
    files = {folder / f"model-trace_{name}_use-until-{until.isoformat()}_{part}": text for part, text in texts.items()}
    hub.store.audit.append(
        who=getpass.getuser(),
        what=TRACED,
        purpose=why.strip(),
        about=keys,
        detail={
            "model": name,
            "by": by.strip(),
            "files": {one.name: hashlib.sha256(text.encode()).hexdigest() for one, text in files.items()},
        },
    )
    for file, text in files.items():
        write_private(file, text)
    listed, spoken = len([one for one in people if one["document"]]), len({w.as_of for w in weeks if w.spoke})
    console.print(
        f"{name} spoke in {spoken} {'week' if spoken == 1 else 'weeks'} and pointed to {len(keys)} {hub.people}:"
        f" {listed} entries on issued lists. The files are removed after {until:%d %B %Y}:",
        soft_wrap=True,
    )
    for file in files:
        console.print(f"  {file}", soft_wrap=True)
    return list(files)


def listed_by(hub: Hub, weeks: Sequence[Week]) -> list[dict[str, Any]]:
    """A row for every person the model pointed to and every version of a list that holds them for it."""
    composed: dict[str, list[str]] = {}
    for entry in hub.store.audit.entries(what=[COMPOSED]):
        composed.setdefault(str(entry.detail["batch_id"]), []).extend(entry.detail["documents"])
    decided = {(one["document_id"], one["person_key"]): one for one in hub.store.decisions()}
    released: dict[str, list[Mapping[str, Any]]] = {}
    for one in hub.store.releases():
        released.setdefault(str(one["document_id"]), []).append(one)
    of_weeks: dict[date, list[Any]] = {}
    for facts in hub.store.issued("weekly_list.v1", latest_only=False):
        of_weeks.setdefault(facts.as_of_date, []).append(facts)
    rows = []
    for week in weeks:
        batch = week.batch_id or hub.store.latest_batch(week.as_of)
        pointed = {
            one["person_key"]: one
            for one in hub.store.candidates(batch)["candidates"]
            if MODEL_CHANNEL in one["channel"]
        }
        on_list: set[str] = set()
        ours = set(composed.get(batch, ()))
        for facts in of_weeks.get(week.as_of, []):
            if ours and facts.document_id not in ours:
                continue
            for family in hub.store.document(facts.document_id)["families"]:
                for child in family["children"]:
                    key = child["person_key"]
                    if key in pointed:
                        on_list.add(key)
                        told = decided.get((facts.document_id, key))
                        rows.append(_row(week, pointed[key], facts, released.get(facts.document_id, ()), told))
        rows += [_row(week, one, None, (), None) for key, one in pointed.items() if key not in on_list]
    unique = {(one["person_key"], one["week"], one["document"]): one for one in rows}
    return sorted(unique.values(), key=lambda one: (one["week"], one["team"], one["person_key"], one["version"]))


def _row(
    week: Week,
    candidate: Mapping[str, Any],
    facts: Any | None,
    releases: Iterable[Mapping[str, Any]],
    decision: Mapping[str, Any] | None,
) -> dict[str, Any]:
    went = [one for one in releases if one["form"] == "html"] or list(releases)
    return {
        "person_key": candidate["person_key"],
        "week": week.as_of.isoformat(),
        "team": candidate["area_team"],
        "document": facts.document_id if facts else "",
        "version": facts.version if facts else "",
        "other_channels": ", ".join(one for one in candidate["channel"] if one != MODEL_CHANNEL),
        "released_to": ", ".join(dict.fromkeys(str(one["recipient"]) for one in went)),
        "first_released": min((one["released_at"] for one in went), default=None),
        "decision": decision["decision"] if decision else "",
        "decided_on": decision["decided_on"] if decision else None,
    }


def looks_at(hub: Hub, people: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every entry of the audit log about one of the people from the first week on that lists them, in order."""
    audit = hub.store.audit
    first: dict[str, str] = {}
    for one in people:
        first[one["person_key"]] = min(one["week"], first.get(one["person_key"], one["week"]))
    by_subject = {audit.subject_of(key): key for key in first}
    rows = []
    for entry in audit.entries():
        for subject in entry.subjects:
            key = by_subject.get(subject)
            # An entry may carry the logical moment of its week, so the week itself counts.
            if key is not None and entry.at.date().isoformat() >= first[key]:
                rows.append(
                    {
                        "person_key": key,
                        "at": entry.at.isoformat(timespec="seconds"),
                        "who": entry.detail.get("by") or entry.who,
                        "what": entry.what,
                        "purpose": entry.purpose,
                        "document": entry.detail.get("document_id", ""),
                        "recipient": entry.detail.get("recipient", ""),
                    }
                )
    return rows


def what_followed(
    con: duckdb.DuckDBPyConnection, people: Sequence[Mapping[str, Any]], target: str, now: datetime
) -> dict[tuple[str, str], dict[str, Any]]:
    """By key and week the first outcome after the week as known now, and what became of the key itself."""
    after = Followed(con, ((one["person_key"], date.fromisoformat(one["week"])) for one in people), now)
    outcomes, keys = after.outcomes(target), after.keys_today()
    found = {}
    for key, as_of in after.pairs:
        on, outcome, known = outcomes.get((key, as_of), (None, "", None))
        found[key, as_of.isoformat()] = {
            "outcome_on": on,
            "outcome": outcome,
            "outcome_known_on": known.date() if known else None,
            "days_after_the_week": (on - as_of).days if on else "",
            "person_today": _today(key, keys[key, as_of]),
        }
    return found


def _today(key: str, keys: Sequence[str]) -> str:
    """What the key of then has become."""
    if not keys:
        return "no record left"
    if list(keys) == [key]:
        return "same"
    return f"{'joined into' if len(keys) == 1 else 'parted into'} {', '.join(sorted(keys))}"


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV text; what a row does not have is empty, and no text that somebody typed becomes a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")) else value


def remove_expired_traces(outbox: Path, today: date) -> list[Path]:
    """Delete traces whose last day is over; returns what was deleted."""
    gone = []
    for file in outbox.glob("analyst-*/model-trace_*"):
        told = _USE_UNTIL.match(file.name)
        if told and date.fromisoformat(told.group(1)) < today:
            file.unlink()
            gone.append(file)
            if not any(file.parent.iterdir()):
                file.parent.rmdir()
    return gone


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "unnamed"
