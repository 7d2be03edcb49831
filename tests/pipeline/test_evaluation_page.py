"""The week leaves its evaluation as a page of counts, and the best a list could be is asked of a made world alone."""

from __future__ import annotations

import json

from tests.demo_hub import DemoHub


def test_the_week_leaves_its_page_with_figures_and_without_a_key(finished: DemoHub) -> None:
    assurance = finished.root / "assurance"
    told = json.loads((assurance / "evaluation.json").read_text(encoding="utf-8"))
    page = (assurance / "evaluation.html").read_text(encoding="utf-8")
    with finished.zones.open("warehouse", read_only=True) as con:
        found = con.execute("select distinct person_key::varchar from marts.person_week").fetchall()
    everything = json.dumps(told) + page
    assert len(found) > 300 and not [key for (key,) in found if key in everything]
    assert "What to know first" in page and "<script" not in page and 'src="' not in page
    assert {g["id"] for g in told["gates"]} >= {"beats_contact_count", "fairness", "stability"}
    # In a world this small nobody can be told what a model would find, and the page says why.
    assert "there was no model in the weeks judged" in page or "no past week could be judged" in page


def test_the_best_possible_is_refused_without_a_model_and_says_so(finished: DemoHub) -> None:
    told = finished.run("demo", "oracle", fails=True)
    assert (
        "had no model in the weeks it could judge" in told
        and not (finished.root / "assurance" / "oracle.json").exists()
    )
