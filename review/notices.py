"""Notices to workers who already lead: the person is not listed, but whoever works with them is told.

A notice leaves the hub, so it says less than a list: what the owning agency marked as shareable is told in words, what
needs its agreement is only announced, and of sealed information there is no trace. What the recipient's own agency
recorded is told plainly with its date: the recipient may read it there anyway.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from review.child import evidence_lines, reason_sentence
from review.compose import page_words, statements, who_is
from review.document import content_hash, validate
from review.families import Candidate
from review.sealed import is_sealed
from review.settings import ListSettings
from review.words import Wording, clean, to_date

# Episodes whose worker leads, most binding first; `involvement` names a worker without saying for what.
_LEADING = ("cp_plan", "cla", "s47", "cin_plan", "assessment", "referral", "early_help", "involvement")


@dataclass(frozen=True)
class Lead:
    """Who gets a notice: name for people, key of the worker's record, and the agency they work for, where known."""

    name: str
    key: str | None
    agency: str | None


def compose_notices(
    candidates: Sequence[Candidate],
    *,
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    identities: Mapping[str, Mapping[str, Any]],
    professionals: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """One finished `notice.v1` document per worker, or per team where no worker is named.

    Args:
        candidates: persons with an open case: person_key, area_team, exclusion_reason, reasons (may be empty), and
            routed_to {agency, team, worker_record_key} or an involvement to find the worker in.
        settings, wording, as_of, identities, professionals: as for `review.compose.compose_lists`.
    """
    by_worker: dict[tuple[str, Lead], list[Candidate]] = {}
    for candidate in candidates:
        lead = _lead(candidate, professionals or {}, settings, wording)
        by_worker.setdefault((str(candidate["area_team"]), lead), []).append(candidate)
    documents = [
        _notice(team, lead, group, settings, wording, as_of, identities) for (team, lead), group in by_worker.items()
    ]
    return sorted(documents, key=lambda document: (document["area_team"], document["worker"], document["content_hash"]))


def _notice(
    team: str,
    lead: Lead,
    group: Sequence[Candidate],
    settings: ListSettings,
    wording: Wording,
    as_of: date,
    identities: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    children = []
    for candidate in group:
        key = str(candidate["person_key"])
        who = who_is(key, identities, as_of, wording)
        reason = str(candidate.get("exclusion_reason") or "open_statutory")
        children.append(
            {"person_key": key, **who, "why_noticed": reason, "lines": _lines(candidate, lead.agency, wording)}
        )
    children.sort(key=lambda one: (str(one["name"]), str(one["age"]), str(one["lines"])))
    document: dict[str, Any] = {
        "schema": "notice.v1",
        "partnership": settings.partnership,
        "partnership_name": settings.partnership_name,
        "synthetic": settings.synthetic,
        "mode": settings.mode,
        "notice_id": None,
        "version": None,
        "cause": None,
        "as_of_date": as_of.isoformat(),
        "expires_on": settings.expires_on(as_of).isoformat(),
        "area_team": team,
        "team_name": settings.team_name(team),
        "team_contact": settings.team_contacts.get(team),
        "worker": lead.name,
        "worker_record_key": lead.key,
        "content_hash": "",
        "intro": wording.phrase("notice_intro"),
        "statements": statements(wording, settings, ("purpose",)),
        "children": children,
        "page": page_words(wording, ()),
    }
    document["content_hash"] = content_hash(document)
    validate(document)
    return document


def _lines(candidate: Candidate, own: str | None, wording: Wording) -> list[dict[str, Any]]:
    """What may be said outside the hub: shareable reasons in words, rows of the recipient's own agency with their
    date, the rest as 'ask the owner', sealed not at all."""
    told: list[dict[str, Any]] = []
    own_rows: dict[str, Mapping[str, Any]] = {}
    to_ask: set[str] = set()
    for reason in candidate.get("reasons") or []:
        rows = [*(reason.get("evidence") or []), *(reason.get("supporting") or [])]
        open_rows = [row for row in rows if not is_sealed(row, wording)]
        agencies = sorted({str(row["agency"]) for row in open_rows})
        # A sentence over rows of which some are sealed would give those away by its count.
        if rows and len(open_rows) == len(rows) and all(_shareable(row) for row in rows):
            name = " and ".join(wording.agency(agency) for agency in agencies)
            told.append({"sentence": reason_sentence(reason, wording), "agency": agencies[0], "agency_name": name})
        else:
            # The sentence may count what others recorded, so that of the own agency's rows only themselves are told.
            own_rows |= {str(row["event_key"]): row for row in open_rows if row["agency"] == own}
            to_ask |= set(agencies) - {own}
    told.sort(key=lambda line: str(line["sentence"]))
    for line in evidence_lines(list(own_rows.values()), wording):
        sentence = f"{line['when']}: {line['what']}."
        told.append({"sentence": sentence, "agency": own, "agency_name": line["agency_name"]})
    if not told and own:
        told += _own_record(candidate, own, wording)
    for agency in sorted(to_ask):
        sentence = wording.sentence(wording.phrase("notice_ask_owner"), {"inline": wording.inline(agency)})
        told.append({"sentence": sentence, "agency": agency, "agency_name": wording.agency(agency)})
    return told or [{"sentence": wording.phrase("notice_nothing"), "agency": None, "agency_name": None}]


def _own_record(candidate: Candidate, own: str, wording: Wording) -> list[dict[str, Any]]:
    """What the recipient's agency itself has open, so that a notice of others' news still says what it is about."""
    kinds: Mapping[str, str] = wording.pack.get("episode_types", {})
    lines = set()
    for row in candidate.get("involvement") or []:
        since = to_date(row.get("started_on"))
        if row["agency"] == own and since and not is_sealed(row, wording):
            kind = str(row["episode_type"])
            facts = {"what": kinds.get(kind) or kind.replace("_", " ").capitalize(), "on": since}
            lines.add((since, wording.sentence(wording.phrase("notice_own_record"), facts)))
    return [
        {"sentence": sentence, "agency": own, "agency_name": wording.agency(own)} for _, sentence in sorted(lines)[-1:]
    ]


def _shareable(row: Mapping[str, Any]) -> bool:
    return str(row.get("release", "")).startswith("shareable")


def _lead(
    candidate: Candidate, professionals: Mapping[str, Mapping[str, Any]], settings: ListSettings, wording: Wording
) -> Lead:
    """Whoever leads: by role where a worker has one, else by the most binding, newest episode."""
    rows = [row for row in candidate.get("involvement") or [] if not is_sealed(row, wording)]
    leading = [row for row in rows if row["episode_type"] in _LEADING]
    roles = {str(role): place for place, role in enumerate(wording.pack.get("leading_roles", ()))}

    def order(row: Mapping[str, Any]) -> tuple[int, int]:
        return roles.get(str(row.get("organisation")), len(roles)), _LEADING.index(row["episode_type"])

    leading.sort(key=lambda row: str(row.get("started_on")), reverse=True)
    leading.sort(key=order)
    for row in leading:
        key = str(row["worker_record_key"]) if row.get("worker_record_key") else None
        worker = professionals.get(key, {}) if key else {}
        if worker.get("name"):
            return Lead(clean(worker["name"]), key, _agency_of(worker, str(row["agency"]), wording))
    for row in leading:
        if row.get("team"):
            return Lead(f"Duty worker, {clean(row['team'])}", None, str(row["agency"]))
    return Lead(f"Duty worker, {settings.team_name(str(candidate['area_team']))}", None, None)


def _agency_of(worker: Mapping[str, Any], recorded_by: str, wording: Wording) -> str:
    """A worker's own agency: the one their organisation is named after, else the one that recorded their work.

    One agency's register also names workers of others; theirs are the rows of the agency they work for.
    """
    place = str(worker.get("organisation") or "").casefold()
    named = [agency for agency in sorted(wording.agencies) if wording.agency(agency).casefold() in place]
    return named[0] if named else recorded_by
