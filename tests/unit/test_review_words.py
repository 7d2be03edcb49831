"""Plain words: dates, numbers, plural, and what may never be said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import yaml
from review_samples import ROOT, event, pack_words, words

from review.words import Wording, WordingProblem, age_words, between_words, forbidden_in, joined, weeks_words

FACTS: dict[str, Any] = {
    "count": 3,
    "window_weeks": 8,
    "prior_count": 0,
    "first_on": "2026-08-14",
    "last_on": "2026-09-28",
}


@pytest.mark.parametrize(
    ("first", "last", "text"),
    [
        (date(2026, 5, 3), date(2026, 5, 3), "on 3 May 2026"),
        (date(2026, 5, 3), date(2026, 5, 9), "between 3 and 9 May 2026"),
        (date(2026, 4, 30), date(2026, 5, 9), "between 30 April and 9 May 2026"),
        (date(2025, 12, 30), date(2026, 1, 2), "between 30 December 2025 and 2 January 2026"),
        (date(2024, 2, 29), date(2024, 2, 29), "on 29 February 2024"),
    ],
)
def test_dates_are_said_once(first: date, last: date, text: str) -> None:
    assert between_words(first, last) == text


@pytest.mark.parametrize(
    ("born", "text"),
    [
        (date(2026, 9, 27), "1 week old"),
        (date(2026, 10, 4), "0 weeks old"),
        (date(2026, 5, 5), "4 months old"),
        (date(2024, 10, 5), "23 months old"),
        (date(2024, 10, 4), "2 years old"),
        (date(2012, 2, 29), "14 years old"),
        (date(2008, 10, 5), "17 years old"),
        (None, "age not known"),
        (date(2026, 12, 1), "age not known"),
    ],
)
def test_ages_are_said_as_people_do(born: date | None, text: str) -> None:
    assert age_words(born, date(2026, 10, 4), "age not known") == text


def test_the_sentence_of_the_brief() -> None:
    rows = [event("k", "police", "ppn", "police_da_notification", date(2026, 8, 14))]
    said = words().sentence("{things} {from_agencies} {between}{before}.", FACTS, rows)
    assert said == (
        "3 domestic abuse notifications from the police between 14 August and 28 September 2026;"
        " none in the year before."
    )


def test_plural_follows_the_count() -> None:
    template = "{count} [child|children] {between}{before}."
    assert (
        words()
        .sentence(template, {**FACTS, "count": 1, "prior_count": 2, "prior_weeks": 8})
        .startswith("1 child between")
    )
    assert words().sentence(template, {**FACTS, "count": 0}).startswith("0 children")
    assert (
        words().sentence("{things}.", {"count": 1}, [event("k", "education", "e", "suspension", date(2026, 1, 1))])
        == "1 suspension."
    )


def test_several_kinds_are_counted_apart() -> None:
    rows = [
        event("k", "education", "exclusions", kind, date(2026, 9, day))
        for day, kind in enumerate(["suspension", "suspension", "permanent_exclusion"], 1)
    ]
    assert words().sentence("{things}.", {"count": 3}, rows) == "1 permanent exclusion and 2 suspensions."


def test_a_missing_fact_names_the_sentence() -> None:
    with pytest.raises(WordingProblem, match="asks for 'peers'"):
        words().sentence("{count} against {peers}.", FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "a 40% chance",
        "40 per cent",
        "percentage",
        "score of 3",
        "High risk",
        "at risk",
        "likelihood",
        "likely to",
        "ranked first",
        "top 5",
        "RAG status",
        "BRAG rating",
        "rated red",
        "Amber",
        "GREEN",
        "traffic light",
        "strong evidence",
        "moderately",
        "0.73",
        ".5",
        "a contributing factor",
        "significant harm",
        "priority",
        "predicted",
        "severe",
        "high concern",
    ],
)
def test_what_may_never_be_said(text: str) -> None:
    assert forbidden_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "Greenfield Primary",
        "on 3 May 2026",
        "3 visits; 2 before",
        "Redcar",
        "brisk walk",
        "the highest court",
        "frank talk",
    ],
)
def test_ordinary_words_pass(text: str) -> None:
    assert not forbidden_in(text)


def test_a_pack_that_rates_people_is_refused() -> None:
    with pytest.raises(WordingProblem, match="'da' says 'risk'"):
        Wording(pack_words(), {"da": "High risk at home."})
    pack = pack_words()
    pack["statements"]["purpose"] = "Scores are secret."
    with pytest.raises(WordingProblem, match=r"statements\.purpose"):
        Wording(pack)


def declared() -> list[tuple[str, str]]:
    found = []
    for name in ("risk.yml", "rules.yml"):
        file = ROOT / "partnerships/northmere" / name
        content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
        for part in ("features", "rules"):
            found += [
                (one.get("name") or one["id"], one["sentence"]) for one in content.get(part, []) if one.get("sentence")
            ]
    return found


@pytest.mark.parametrize(("name", "sentence"), declared())
def test_every_sentence_of_the_pack_can_be_said(name: str, sentence: str) -> None:
    rows = [event("k", "police", "ppn", "police_da_notification", date(2026, 9, day)) for day in (1, 2, 3)]
    extra = {"total": 4, "kinds": 2, "peers": 1, "days": 12, "agencies_count": 2}
    said = words().sentence(sentence, {**FACTS, **extra}, rows)
    assert not forbidden_in(said)
    assert "{" not in said
    assert "[" not in said
    assert "the last the last" not in said
    assert said.endswith(".")
    assert len(said.split()) <= 40


def test_fixed_sentences_are_short_and_plain() -> None:
    pack = pack_words()
    texts = [*pack["statements"].values(), *pack["questions"].values(), *pack["link_basis"].values()]
    for text in texts:
        for sentence in text.replace(";", ".").replace(":", ".").split(". "):
            assert len(sentence.split()) <= 25, sentence
    letters = sum(len(word.strip(".,;:?!'")) for text in texts for word in text.split())
    assert letters / sum(len(text.split()) for text in texts) < 5


def test_small_helpers() -> None:
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert [weeks_words(weeks) for weeks in (1, 8, 26, 52, 208)] == ["week", "8 weeks", "6 months", "year", "4 years"]
