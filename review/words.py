"""Plain words for facts: dates, counts, sentences, and the words that may never appear.

A reason arrives as evidence rows and a few facts; its sentence comes from a template of the pack.

>>> wording = Wording({"event_types": {"visit": {"one": "visit", "many": "visits"}}},
...                   agencies={"police": {"title": "Police", "phrase": "the police"}})
>>> wording.sentence("{things} {from_agencies} {between}{before}.",
...     {"count": 2, "first_on": "2026-08-14", "last_on": "2026-09-28", "prior_count": 0},
...     [{"event_type": "visit", "agency": "police"}])
'2 visits from the police between 14 August and 28 September 2026; none in the year before.'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

# What no product about a person may say: shares, scores, places in a queue, strength words, traffic lights.
FORBIDDEN: tuple[re.Pattern[str], ...] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"%|\bper ?cent(age)?s?\b",
        r"\bscor(e|es|ed|ing)\b",
        r"\brank(s|ed|ing|ings)?\b|\btop \d+\b|\bpriorit(y|ies|ised)\b|\burgency\b",
        r"\b(likelihood|likely|unlikely|probab(le|ly|ility|ilities)|odds|predict(s|ed|ion|ions|ive)?|percentile)\b",
        r"\brisk(s|y|ier|iest)?\b|\b(high|medium|low|elevated|raised|serious)[- ](concern|need|level|likelihood)\b",
        r"\b(strong(ly|er|est)?|moderate(ly)?|weak(ly|er)?|contributing|severe(ly)?|significant(ly)?)\b",
        r"\b(b?rag)[- ](rated|rating|status)\b|\bb?rag:|\btraffic[- ]lights?\b|\b(red|amber|green|blue)\b",
        r"(?<![\w.])\d*\.\d+",
    )
)
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_CHOICE = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August",
    "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class WordingProblem(Exception):
    """The pack's words cannot be used; the message names the sentence, never a person."""


def forbidden_in(text: str) -> list[str]:
    """Every stretch of `text` a product may not say, in order of the rules; empty when it is fit to print."""
    return [found.group(0) for pattern in FORBIDDEN for found in pattern.finditer(text)]


def clean(text: Any) -> str:
    """A name as sent, without what cannot be printed: control, direction-changing and unassigned characters.

    The two joiners that some scripts spell with stay. Without this a name could break a workbook or turn a line round.
    """
    kept = "".join(mark if mark.isprintable() or mark in "\u200c\u200d" else " " for mark in str(text))
    return " ".join(kept.split())


def to_date(value: Any) -> date | None:
    """A date from a date, a timestamp or ISO text; None stays None."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value)[:10])


def on_words(day: date, weekday: bool = False) -> str:
    """'14 August 2026', or 'Friday 14 August 2026'."""
    text = f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{_DAYS[day.weekday()]} {text}" if weekday else text


def month_words(day: date) -> str:
    """'August 2026'."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


def between_words(first: date, last: date) -> str:
    """'on 3 May 2026', 'between 3 and 9 May 2026', 'between 30 April and 9 May 2026'."""
    if first == last:
        return f"on {on_words(last)}"
    start = str(first.day)
    if (first.year, first.month) != (last.year, last.month):
        start += f" {_MONTHS[first.month - 1]}"
    if first.year != last.year:
        start += f" {first.year}"
    return f"between {start} and {on_words(last)}"


def weeks_words(weeks: int) -> str:
    """'year' for 52 weeks, '4 years' for 208, else '8 weeks'; for use after 'the' or 'the last'."""
    spoken = {1: "week", 13: "3 months", 26: "6 months", 52: "year", 104: "2 years", 208: "4 years"}
    return spoken.get(weeks, f"{weeks} weeks")


def joined(names: Sequence[str]) -> str:
    """'the police', 'the police and schools', 'the police, schools and housing'."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def first_sentence(text: str) -> str:
    """Up to and with the first full stop, exclamation or question mark; with a full stop where there is none."""
    found = re.match(r".*?[.!?](?=\s|$)", text.strip(), re.DOTALL)
    return found.group(0) if found else f"{text.strip()}."


def age_words(birth_date: date | None, on: date, unknown: str) -> str:
    """An age as people say it: weeks under 3 months, months under 2 years, then years."""
    if birth_date is None or birth_date > on:
        return unknown
    days = (on - birth_date).days
    months = (on.year - birth_date.year) * 12 + on.month - birth_date.month - (on.day < birth_date.day)
    if months < 3:
        return _counted(days // 7, "week") + " old"
    if months < 24:
        return _counted(months, "month") + " old"
    return _counted(months // 12, "year") + " old"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


class Wording:
    """The words of one pack.

    Args:
        pack: `wording.yml` as read.
        sentences: templates of `risk.yml` and `rules.yml` by their key; they win over those of `wording.yml`.
        agencies: `agencies` of `partnership.yml`: title, phrase (inside a sentence), colour, sealed.
        codes: by code set: label of each code; an event type or episode line names the set its details are from.

    Raises:
        WordingProblem: a template says something a product may not say.
    """

    def __init__(
        self,
        pack: Mapping[str, Any],
        sentences: Mapping[str, str] | None = None,
        agencies: Mapping[str, Mapping[str, Any]] | None = None,
        codes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.pack = pack
        self.agencies = agencies or {}
        self.codes = codes or {}
        self.sentences = {**pack.get("sentences", {}), **(sentences or {})}
        self.sentences.setdefault("default", "{things} recorded by {agencies} {between}{before}.")
        self.sentences.setdefault("default_good", "{things} {between}.")
        for key, text in self._all_texts():
            found = forbidden_in(text)
            if found:
                raise WordingProblem(f"Wording {key!r} says {found[0]!r}, which a product about a person may not say.")

    def agency(self, agency: str) -> str:
        """An agency's name for a heading or badge."""
        return str(self.agencies.get(agency, {}).get("title") or agency.replace("_", " ").capitalize())

    def inline(self, agency: str) -> str:
        """An agency's name inside a sentence ('the police')."""
        return str(self.agencies.get(agency, {}).get("phrase") or self.agency(agency))

    def sealed_agency(self, agency: str) -> bool:
        """Whether everything of this agency stays in the hub."""
        return bool(self.agencies.get(agency, {}).get("sealed", False))

    def feed(self, agency: str, feed: str) -> str:
        """What a feed holds, in words."""
        return str(self.pack.get("feeds", {}).get(f"{agency}__{feed}") or feed.replace("_", " "))

    @property
    def group(self) -> dict[str, str]:
        """What people are listed together as, one and many: families, unless the pack has another word."""
        return dict(self.pack.get("group", {"one": "family", "many": "families"}))

    def phrase(self, key: str) -> str:
        """A fixed phrase of the pack."""
        return str(self.pack["phrases"][key])

    def statement(self, key: str, front_door: Mapping[str, str] | None = None) -> str:
        """A fixed statement every product carries; `front_door` says how to reach it."""
        reached = str(self.pack["phrases"].get("front_door", "")) if front_door else ""
        for name, value in (front_door or {}).items():
            reached = reached.replace(f"{{{name}}}", value)
        return str(self.pack["statements"][key]).replace("{front_door}", reached)

    def event(self, event_type: str, count: int = 1, detail: str | None = None) -> str:
        """What happened, in words ('domestic abuse notification'); a detail only when the pack has words for it."""
        words = self.pack.get("event_types", {}).get(event_type, {})
        plain = self.pack.get("episode_types", {}).get(event_type) or event_type.replace("_", " ")
        text = str(words.get("one" if count == 1 else "many") or plain)
        known = self._detail(event_type, detail)
        return f"{text}: {known}" if known else text

    def events(self, event_type: str, details: Sequence[str | None]) -> str:
        """Equal events of one day as a line: '2 early help needs met: housing; debt or money'."""
        if len(details) == 1:
            return capital(self.event(event_type, 1, details[0]))
        known = sorted({found for detail in details if (found := self._detail(event_type, detail))})
        text = f"{len(details)} {self.event(event_type, len(details))}"
        return f"{text}: {'; '.join(known)}" if known else text

    def kinds(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """What rows are, counted by kind: '2 suspensions and 1 missing report'; a spell is named, not counted."""
        counts = Counter(str(row["event_type"]) for row in rows)
        known = self.pack.get("event_types", {})
        return joined(
            [
                f"{number} {self.event(kind, number)}" if kind in known else self.event(kind).lower()
                for kind, number in sorted(counts.items())
            ]
        )

    def choose(self, text: str, count: int) -> str:
        """The text with each [one|many] decided by the count."""
        return _CHOICE.sub(lambda found: found.group(1 if count == 1 else 2), text)

    def label(self, code_set: str | None, code: str | None) -> str | None:
        """A code's label, or None where the pack does not tell it."""
        return self.codes.get(str(code_set), {}).get(str(code))

    def _detail(self, event_type: str, detail: str | None) -> str | None:
        words = self.pack.get("event_types", {}).get(event_type, {})
        return words.get("details", {}).get(detail) or self.label(words.get("codes"), detail)

    def event_setting(self, event_type: str, name: str) -> Any:
        """A setting of an event type (`topic`, `by_month`), or None."""
        return self.pack.get("event_types", {}).get(event_type, {}).get(name)

    def sentence(self, template: str, facts: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]] = ()) -> str:
        """Fill a template from facts and evidence.

        Raises:
            WordingProblem: the template asks for a fact that was not handed over.
        """
        known = self._known(facts, evidence)

        def fill(found: re.Match[str]) -> str:
            if found.group(1) not in known:
                raise WordingProblem(
                    f"The sentence {template!r} asks for {found.group(1)!r}, which is not a fact here."
                )
            return known[found.group(1)]

        chosen = self.choose(template, 1 if known.get("count") == "1" else 2)
        text = re.sub(r" +([.,;])", r"\1", re.sub(r" {2,}", " ", _PLACEHOLDER.sub(fill, chosen))).strip()
        return capital(text)

    def _known(self, facts: Mapping[str, Any], evidence: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        known = {name: _plain(value) for name, value in facts.items() if value is not None}
        days = sorted(day for row in evidence if (day := to_date(row.get("occurred_on"))))
        first = to_date(facts.get("first_on")) or (days[0] if days else None)
        last = to_date(facts.get("last_on")) or (days[-1] if days else None)
        count = round(float(facts["count"])) if facts.get("count") is not None else len(evidence)
        known["count"] = str(count)
        known["things"] = self._things(count, evidence)
        agencies = joined([self.inline(name) for name in sorted({str(row["agency"]) for row in evidence})])
        known["agencies"] = agencies
        known["from_agencies"] = f"from {agencies}" if agencies else ""
        known["between"] = between_words(first, last) if first and last else ""
        known["since"] = f"since {on_words(first)}" if first else ""
        known["latest"] = f"most recently on {on_words(last)}" if last else ""
        if facts.get("window_weeks") is not None:
            known["window"] = f"the last {weeks_words(int(facts['window_weeks']))}"
        known["before"] = _before(facts)
        return known

    def _things(self, count: int, evidence: Sequence[Mapping[str, Any]]) -> str:
        """'3 suspensions', or of several kinds '2 suspensions and 1 permanent exclusion'."""
        kinds = Counter(str(row["event_type"]) for row in evidence if row.get("event_type"))
        if len(kinds) == 1:
            return f"{count} {self.event(next(iter(kinds)), count)}"
        if kinds and sum(kinds.values()) == count:
            return joined([f"{number} {self.event(kind, number)}" for kind, number in sorted(kinds.items())])
        return f"{count} {'record' if count == 1 else 'records'}"

    def _all_texts(self) -> Iterable[tuple[str, str]]:
        yield from ((str(key), str(text)) for key, text in self.sentences.items())
        yield from _texts_of(self.pack, "")
        yield from _texts_of(self.codes, "codes")


def _before(facts: Mapping[str, Any]) -> str:
    if facts.get("prior_count") is None:
        return ""
    prior = round(float(facts["prior_count"]))
    return f"; {prior or 'none'} in the {weeks_words(int(facts.get('prior_weeks') or 52))} before"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return str(round(value))
    if isinstance(value, date | datetime) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        day = to_date(value)
        return on_words(day) if day else ""
    if isinstance(value, list | tuple):
        return joined([str(part) for part in value])
    return str(value)


def _texts_of(value: Any, at: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts_of(inner, f"{at}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _texts_of(inner, f"{at}.{number}")
    elif isinstance(value, str):
        yield at, value
