"""Approvals of a recipe, champion, retirement: what the list of acts says, and what it makes of the week's model."""

from __future__ import annotations

from datetime import date

import pytest

from models.risk.standing import WEEKLY_LIST, challengers, read_acts

ON = date(2026, 10, 5)


def judged(week: str, model: str, channel: str = "model+rules", recipe: str = "r1") -> tuple[str, dict]:
    marks = {"content_hash": f"hash of {model}", "card_hash": "c", "recipe": recipe, "batch_id": f"{week}-b"}
    return "judged", {"as_of_date": week, "channel": channel, "model": model, **marks}


def retired(model: str, recipe: str | None = None) -> tuple[str, dict]:
    said = {"content_hash": f"hash of {model}", "by": "R. Example", "reason": "a feed was wrong", "on": "2026-10-05"}
    return "retired", {"model": model, "recipe": recipe, **said}


def approved(recipe: str = "r1", on: str = "2026-10-01", until: str = "2026-12-31") -> tuple[str, dict]:
    said = {"model": "a", "purpose": WEEKLY_LIST, "by": "R. Example", "reason": "figures read"}
    return "approved", {"recipe": recipe, "on": on, "until": until, **said}


def test_the_champion_is_the_newest_model_that_spoke_and_was_not_retired():
    acts = [judged("2026-09-20", "a"), judged("2026-10-04", "c", "rules"), judged("2026-09-27", "b")]
    assert read_acts(acts).champion().model == "b"
    assert read_acts([*acts, retired("b")]).champion().model == "a"
    assert read_acts([*acts, retired("b", "r1")]).champion() is None
    assert read_acts([]).champion() is None


def test_of_a_week_run_twice_the_later_run_counts():
    assert read_acts([judged("2026-10-04", "first"), judged("2026-10-04", "again")]).champion().model == "again"


def test_a_week_without_a_model_is_no_week_of_a_model():
    acts = [("judged", {"as_of_date": "2026-10-04", "channel": "rules", "model": None})]
    assert read_acts(acts).weeks == ()


def test_a_retired_hash_is_silent_and_next_weeks_refit_is_not():
    known = read_acts([judged("2026-10-04", "a"), retired("a")])
    assert known.why_silent("hash of a", "r1", ON, False) == "Its model was retired on 05 October 2026."
    assert known.why_silent("hash of b", "r1", ON, False) == ""


def test_a_retired_recipe_silences_every_refit_but_no_other_recipe():
    known = read_acts([judged("2026-10-04", "a"), retired("a", "r1")])
    assert "Models made like this one were retired" in known.why_silent("hash of b", "r1", ON, False)
    assert known.why_silent("hash of b", "r2", ON, False) == ""


def test_what_is_not_known_of_old_models_matches_nothing():
    known = read_acts([("retired", {**retired("a")[1], "content_hash": ""})])
    assert known.why_silent("", "", ON, False) == ""


@pytest.mark.parametrize(
    ("act", "silent"),
    [
        (approved(), False),
        (approved(recipe="r2"), True),
        (approved(until="2026-10-04"), True),
        (approved(on="2026-10-06"), True),
        (approved(on="2026-10-05", until="2026-10-05"), False),
    ],
)
def test_live_lists_need_an_approval_of_the_recipe_in_force(act, silent):
    known = read_acts([judged("2026-10-04", "a"), act])
    assert bool(known.why_silent("hash of new", "r1", ON, True)) is silent
    assert known.why_silent("hash of new", "r1", ON, False) == ""


def test_challengers_are_the_candidates_that_lost_in_each_part():
    card = {"parts": [{"candidate": "boosting", "candidates_compared": {"logistic": 0.10, "boosting": 0.12}}]}
    assert [(c["candidate"], c["chosen"]) for c in challengers(card)] == [("boosting", True), ("logistic", False)]
    assert challengers({}) == []
