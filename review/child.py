"""One person's entry on a list: why now, what is going well, who is involved, and how sure we are.

Two rules hold everywhere here. What is sealed loses agency, date, kind and number: one line says that a specialist
service holds information. And order never depends on a key: reasons and rows stand by date, newest reasons first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from review.sealed import is_sealed
from review.words import Wording, between_words, capital, clean, forbidden_in, to_date

MOST_REASONS = 5
MOST_QUESTIONS = 3
TOO_FEW = "too few so far to say"  # what the statistics say of a reason instead of a frequency
# More single events than this are told as one line a month.
_LINES_ONE_BY_ONE = 6


class EntryProblem(Exception):
    """A candidate cannot be told in words; the message names the reason, never the person."""


def reasons(candidate: Mapping[str, Any], wording: Wording) -> list[dict[str, Any]]:
    """At most five reasons as sentences with their evidence, newest first.

    Raises:
        EntryProblem: more than five, or one without evidence: every reason must lead to source rows.
    """
    handed = candidate["reasons"]
    if not 0 < len(handed) <= MOST_REASONS:
        raise EntryProblem(f"A candidate has {len(handed)} reasons; a list shows one to {MOST_REASONS}.")
    told = [_reason(reason, wording) for reason in handed]
    told.sort(key=lambda pair: (pair[0] is None, -(pair[0].toordinal() if pair[0] else 0), pair[1]["name"]))
    seen: set[str] = set()
    for _, reason in told:
        reason["note"] = None if reason["sealed"] else _repeats(reason, seen, wording)
        seen |= {row["event_key"] for line in reason["evidence"] for row in line["rows"]}
    return [reason for _, reason in told]


def _repeats(reason: Mapping[str, Any], seen: set[str], wording: Wording) -> str | None:
    """Said of a reason that rests on records told above: the same records twice are no second worry."""
    rows = [row for line in reason["evidence"] for row in line["rows"]]
    new = [row for row in rows if row["event_key"] not in seen]
    if len(new) == len(rows):
        return None
    if not new:
        return wording.phrase("same_records")
    return wording.sentence(wording.phrase("partly_same_records"), {"new": wording.kinds(new)})


def _news(rows: Sequence[Mapping[str, Any]], wording: Wording) -> str | None:
    """Which of the records behind a reason came in the last week, where the pack has words for it."""
    new = [row for row in rows if row.get("is_new")]
    template = wording.pack["phrases"].get("new_since_last_week")
    return wording.sentence(str(template), {"new": wording.kinds(new)}) if new and template else None


def _reason(reason: Mapping[str, Any], wording: Wording) -> tuple[date | None, dict[str, Any]]:
    evidence = reason.get("evidence") or []
    if not evidence:
        raise EntryProblem(f"Reason {reason.get('name')!r} has no evidence rows, so it cannot be traced to a source.")
    evidence = [*evidence, *(reason.get("supporting") or [])]
    sealed = any(is_sealed(row, wording) for row in evidence)
    open_rows = [row for row in evidence if not is_sealed(row, wording)]
    if sealed:
        # A count over mixed rows would tell how many are sealed, so the whole sentence is replaced.
        sentence = wording.sentences.get("from_specialist") or wording.phrase("sealed_note")
    else:
        sentence = " ".join(filter(None, [reason_sentence(reason, wording), _news(open_rows, wording)]))
    days = [day for row in open_rows if (day := to_date(row.get("occurred_on")))]
    return (max(days) if days else None), {
        "ref": "",
        "name": "specialist" if sealed else str(reason["name"]),
        "theme": "specialist" if sealed else str(reason.get("theme") or ""),
        "sentence": sentence,
        "frequency": None if sealed else _frequency(reason, wording),
        "sealed": sealed,
        "agencies": _agencies(open_rows, wording),
        "evidence": evidence_lines(evidence, wording),
    }


def _frequency(reason: Mapping[str, Any], wording: Wording) -> str | None:
    """What came of the people shown for this reason before, with its interval in words; about the reason, never about
    this person. None where nobody counts it.

    Raises:
        EntryProblem: it says something a product may not say.
    """
    words = reason.get("yield")
    if not words:
        return None
    many = str(wording.pack.get("person", {}).get("many", "people"))
    told = str(words).replace("of ten people", f"of ten {many}")
    sentence = (
        f"{capital(told)}." if told != TOO_FEW else f"Too few {many} were shown for this so far to say what came of it."
    )
    if found := forbidden_in(sentence):
        raise EntryProblem(f"Reason {reason['name']!r} says {found[0]!r}, which a product about a person may not say.")
    return sentence


def reason_sentence(told: Mapping[str, Any], wording: Wording, fallback: str = "default") -> str:
    """The sentence of a reason or a good sign: its own template, else the pack's, else the fallback.

    Raises:
        EntryProblem: it says something a product may not say.
    """
    key = str(told.get("sentence_key") or told["name"])
    template = str(told.get("sentence") or wording.sentences.get(key) or wording.sentences[fallback])
    sentence = wording.sentence(template, told.get("facts") or {}, told.get("evidence") or [])
    found = forbidden_in(sentence)
    if found:
        raise EntryProblem(f"Reason {told['name']!r} says {found[0]!r}, which a product about a person may not say.")
    return sentence


def going_well(candidate: Mapping[str, Any], wording: Wording) -> list[dict[str, Any]]:
    """What is going well, with evidence; anything sealed is left out whole."""
    told = []
    for good in candidate.get("protective") or []:
        evidence = good.get("evidence") or []
        if evidence and not any(is_sealed(row, wording) for row in evidence):
            told.append(
                {
                    "name": str(good["name"]),
                    "sentence": reason_sentence(good, wording, "default_good"),
                    "agencies": _agencies(evidence, wording),
                    "evidence": evidence_lines(evidence, wording),
                }
            )
    return sorted(told, key=lambda good: (good["sentence"], good["name"]))


def _agencies(rows: Iterable[Mapping[str, Any]], wording: Wording) -> list[dict[str, str]]:
    names = sorted({str(row["agency"]) for row in rows})
    return [{"agency": name, "agency_name": wording.agency(name)} for name in names]


def evidence_lines(evidence: Sequence[Mapping[str, Any]], wording: Wording) -> list[dict[str, Any]]:
    """Source rows as printed lines, newest first; many small events are told month by month.

    Every line keeps the keys of its rows, so that its reference leads back to them. Sealed rows share one line
    which keeps nothing but their keys.
    """
    grouped: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    open_rows = [row for row in evidence if not is_sealed(row, wording)]
    monthly = len(open_rows) > _LINES_ONE_BY_ONE
    for place, row in enumerate(open_rows):
        day = to_date(row.get("occurred_on"))
        kind = (str(row["agency"]), str(row.get("feed")), str(row.get("event_type")))
        apart: tuple[Any, ...] = (day.year, day.month) if monthly and day else (day, place)
        grouped.setdefault((*kind, *apart), []).append(row)
    dated = [_line(kind[0], kind[1], kind[2], rows, wording) for kind, rows in grouped.items()]
    dated.sort(key=lambda pair: (-pair[0].toordinal(), pair[1]["agency"], pair[1]["what"], pair[1]["when"]))
    lines = [line for _, line in dated]
    sealed = [str(row["event_key"]) for row in evidence if is_sealed(row, wording)]
    if sealed:
        blank = dict.fromkeys(("ref", "agency", "agency_name", "feed", "feed_name", "when"), "")
        # Nothing but the keys, so that the hub can still trace the line.
        kept = {"event_type": None, "occurred_on": None, "release": "sealed"}
        rows = [{"event_key": key, **kept} for key in sealed]
        lines.append({**blank, "sealed": True, "what": wording.phrase("sealed_note"), "rows": rows})
    return lines


def _line(
    agency: str, feed: str, event_type: str, rows: Sequence[Mapping[str, Any]], wording: Wording
) -> tuple[date, dict[str, Any]]:
    days = sorted(day for row in rows if (day := to_date(row.get("occurred_on"))))
    single = len(rows) == 1
    what = wording.event(event_type, len(rows), rows[0].get("detail") if single else None)
    return (days[-1] if days else date.min), {
        "ref": "",
        "sealed": False,
        "agency": agency,
        "agency_name": wording.agency(agency),
        "feed": feed,
        "feed_name": wording.feed(agency, feed),
        "when": capital(between_words(days[0], days[-1])) if days else "Date not recorded",
        "what": capital(what) if single else f"{len(rows)} {what}",
        "rows": [_row(row) for row in _by_content(rows)],
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    day = to_date(row.get("occurred_on"))
    return {
        "event_key": str(row["event_key"]),
        "event_type": str(row["event_type"]),
        "occurred_on": day.isoformat() if day else None,
        "release": str(row.get("release") or "ask_owner"),
    }


def _by_content(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(
        rows, key=lambda row: (str(row.get("occurred_on")), str(row.get("event_type")), str(row.get("value")))
    )


def involved(
    candidate: Mapping[str, Any],
    professionals: Mapping[str, Mapping[str, Any]],
    organisations: Mapping[str, str],
    wording: Wording,
) -> list[dict[str, Any]]:
    """Who already works with this person, longest first: what, who, role, team, since when."""
    told: dict[tuple[Any, ...], dict[str, Any]] = {}
    names: Mapping[str, str] = wording.pack.get("episode_types", {})
    for row in candidate.get("involvement") or []:
        if is_sealed(row, wording):
            continue
        key = str(row["worker_record_key"]) if row.get("worker_record_key") else None
        worker = professionals.get(key, {}) if key else {}
        organisation = str(row["organisation"]) if row.get("organisation") else None
        place = organisations.get(organisation) if organisation else None
        since = to_date(row.get("started_on"))
        kind = str(row["episode_type"])
        entry = {
            "agency": str(row["agency"]),
            "agency_name": wording.agency(str(row["agency"])),
            "what": str(names.get(kind) or kind.replace("_", " ").capitalize()),
            "who": _cleaned(worker.get("name")),
            # An involvement names its role where other episodes name an organisation.
            "role": _cleaned((place if kind == "involvement" else None) or worker.get("role")),
            "team": _cleaned(
                (None if kind == "involvement" else place) or row.get("team") or worker.get("organisation")
            ),
            "since": since.isoformat() if since else None,
            "worker_record_key": key,
        }
        told.setdefault(tuple(str(entry[name]) for name in ("agency", "what", "who", "team")), entry)
    return sorted(told.values(), key=lambda one: (str(one["since"]), one["agency"], one["what"], str(one["who"])))


def sureness(candidate: Mapping[str, Any], wording: Wording) -> list[dict[str, Any]]:
    """How sure we are that each agency's records are this one person, in words; what to check comes first."""
    by_basis: dict[str, list[str]] = {}
    for agency, basis in (candidate.get("link_basis") or {}).items():
        if not wording.sealed_agency(agency):
            by_basis.setdefault(str(basis), []).append(wording.agency(agency))
    words = wording.pack.get("link_basis", {})
    order = ("probabilistic", "single", "deterministic")
    known = sorted(by_basis, key=lambda basis: order.index(basis) if basis in order else len(order))
    return [{"agencies": sorted(by_basis[basis]), "sentence": str(words.get(basis, basis))} for basis in known]


def questions(candidate: Mapping[str, Any], told: Sequence[Mapping[str, Any]], wording: Wording) -> list[str]:
    """Things to consider: those of the rules that hold, then by what the reasons are about; never an instruction."""
    known = wording.pack.get("questions", {})
    of_rules = [
        str(question)
        for reason in sorted(candidate["reasons"], key=lambda reason: str(reason["name"]))
        for question in reason.get("questions") or []
        if not any(is_sealed(row, wording) for row in reason["evidence"])
    ]
    topics = [
        str(known[topic])
        for reason in told
        for line in reason["evidence"]
        for row in line["rows"]
        if (topic := wording.event_setting(str(row["event_type"]), "topic")) in known
    ]
    chosen = list(dict.fromkeys([*of_rules, *topics]))[: MOST_QUESTIONS - 1]
    return chosen + ([str(known["always"])] if "always" in known else [])


def _cleaned(text: Any) -> str | None:
    return clean(text) or None if text else None
