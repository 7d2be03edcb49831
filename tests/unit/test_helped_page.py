"""The page on whether anybody was helped: what it says with figures, without them, and of invented people."""

from __future__ import annotations

import re
from datetime import date
from types import SimpleNamespace

import yaml

from models.risk.helped import Followed, compare, listed_figures
from models.risk.margin import Near
from pipelines.helped_page import page_of
from pipelines.risk_helped import Helped
from review.render import render_page
from tests.risk_marts import PACK


def hub(label: str | None = "synthetic") -> SimpleNamespace:
    return SimpleNamespace(
        partnership=SimpleNamespace(title="Northmere", label=label),
        declaration=lambda name: yaml.safe_load((PACK / name).read_text(encoding="utf-8")),
    )


def families(listed: int, need: int) -> tuple[list[Near], list[Followed]]:
    near = [Near("rules", "N", 0, (f"{listed}{need}{i}",), True, True, True) for i in range(listed)]
    return near, [Followed(i % 2 == 0, i % 3 == 0, i < need, False) for i in range(listed)]


def helped(**changes) -> Helped:
    ours, theirs = families(60, 30), families(80, 20)
    near = [*ours[0], *[Near(**{**vars(n), "listed": False}) for n in theirs[0]]]
    known = {
        "compared": compare(near, [*ours[1], *theirs[1]], 6), "listed": listed_figures(ours[1], 6), "decided": 50,
        "weeks_compared": [date(2025, 12, 28)], "weeks_young": 1, "left_out": {"the weekly marts do not reach it": 2},
        "draws": [{"channel": "model", "counts": [None] * 3}, {"channel": "rules", "counts": [12, 90, 20]}],
        "lottery_rule": "By lot.", "seed": 7, "first_known": None, "horizon_days": 182, "taken_up_days": 91,
    }  # fmt: skip
    return Helped(**known | changes)


def text_of(found: Helped, label: str | None = "synthetic") -> str:
    page = render_page("helped", page_of(hub(label), found))
    assert "<script" not in page and not re.search(r"https?://", page)
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main")[1]).split())


def test_the_answer_is_a_sentence_with_its_interval() -> None:
    text = text_of(helped())
    assert (
        "Chosen by named patterns, beside the margin: of a hundred families listed 25 more were found in need" in text
    )
    assert "This is beyond chance." in text and "50 % (38 to 62) of 60" in text and "25 % (17 to 35) of 80" in text
    assert "the true effect of a list here is none" in text
    assert "It cannot" not in text and "cannot tell" in text and "what is looked at is found" in text
    assert "Left out: 2, because the weekly marts do not reach it." in text
    assert "withheld withheld withheld" in text and "12 90 20" in text and "Seed 7" in text


def test_of_real_people_it_does_not_say_that_they_are_invented() -> None:
    assert "invented" not in text_of(helped(), None)


def test_without_decisions_and_before_anything_is_known_it_says_so() -> None:
    nothing = listed_figures([Followed(None, None, None, False)] * 8, 6)
    text = text_of(
        helped(compared=[], listed=nothing, decided=0, weeks_compared=[], first_known=date(2027, 7, 3), left_out={})
    )
    assert "No decision has come back yet" in text and "it can be known on 3 July 2027" in text
    assert "Beside the margin" not in text and "not known yet" in text
