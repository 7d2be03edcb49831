"""Model card and transparency record: as declared, renewed by one command, and nothing answered by a machine."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from models.risk import atrs, card
from models.risk.card_pack import day, share, table
from models.risk.declare import load_risk
from pipelines.hub import Hub
from pipelines.risk_card import RENEW, differences, pack_of, write_copies
from pipelines.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hub() -> Hub:
    return Hub(Settings(partnership=str(ROOT / "partnerships" / "northmere")))


@pytest.fixture(scope="module")
def pack(hub):
    return pack_of(hub)


def test_the_copies_in_docs_say_what_is_declared(hub):
    """A changed declaration changes these two documents in the same commit."""
    found = differences(hub, ROOT / "docs")
    assert not found, "\n".join([f"Renew them: {RENEW}", *found[:60]])


def test_a_changed_declaration_is_told_as_a_difference(hub, tmp_path):
    write_copies(hub, tmp_path)
    assert differences(hub, tmp_path) == []
    kept = tmp_path / "model_card.md"
    kept.write_text(kept.read_text(encoding="utf-8").replace("within 182 days", "within 90 days"), encoding="utf-8")
    found = differences(hub, tmp_path)
    assert any(line.startswith("-") and "90 days" in line for line in found)
    assert any(line.startswith("+") and "182 days" in line for line in found)
    kept.unlink()
    assert differences(hub, tmp_path)


def test_every_declared_thing_stands_on_the_card(pack):
    text = card.model_card(pack)
    config = pack.config
    for said in (
        *(f.label for f in config.features),
        *(n.why for n in config.never_features),
        *(g.title for g in config.gates),
        *(r.title for r in pack.book.rules),
        *(o["reason"] for o in pack.partnership["gate_overrides"]),
        *(s["by"] for s in pack.partnership["sign_offs"].values()),
        config.target.description,
        config.registrations[-1].hash,
    ):
        assert " ".join(said.split()) in text, said
    assert "invented" in text.split("##")[0]


def test_the_record_has_every_tier_and_every_feed_with_its_lawful_basis(pack):
    text = atrs.record(pack)
    for heading in ("Metadata", "Tier 1", "Tier 2.1", "Tier 2.2", "Tier 2.3", "Tier 2.4", "Tier 2.5"):
        assert re.search(rf"^## {re.escape(heading)}\b", text, re.M), heading
    own = [f for f in pack.feeds if f.subject is None]
    assert len(own) > 40 and all(f.description in text and f.lawful_basis in text for f in own)
    others = [f for f in pack.feeds if f.subject is not None]
    assert others and not any(f.description in text for f in others)


def test_a_sealed_agency_goes_by_its_title_alone(pack):
    sealed = [key for key, one in pack.partnership["agencies"].items() if one.get("sealed")]
    text = atrs.record(pack) + card.model_card(pack)
    assert sealed and not [key for key in sealed if key in text]


def test_what_nobody_answered_is_shown_with_whose_answer_it_is(pack):
    assert atrs.unanswered(pack) == ["Equality impact assessment"]
    bare = replace(
        pack, partnership={k: v for k, v in pack.partnership.items() if k not in {"transparency", "sign_offs"}}
    )
    text = atrs.record(bare)
    assert "**1.2 Description**: **Not answered.** It is for the senior responsible owner to say" in text
    assert "**2.1.3 Senior responsible owner**: **Not answered.**" in text
    assert "**2.1.4 External supplier involvement**: **Not answered.**" in text
    assert {"1.1 Name", "Appeals and review", "Required training"} <= set(atrs.unanswered(bare))
    assert "**Nobody has signed it off.**" in card.model_card(bare)


def test_a_supplier_is_told_field_by_field_and_a_gap_stays_a_gap(pack):
    given = dict(pack.transparency) | {"supplier": {"name": "Example Ltd", "role": "hosting"}}
    text = atrs.record(replace(pack, partnership={**pack.partnership, "transparency": given}))
    assert "2.1.4.1 Name: Example Ltd" in text and "2.1.4.2 Companies House number: **Not answered.**" in text


def test_any_pack_has_a_card(hub):
    other = pack_of(Hub(Settings(partnership=str(ROOT / "partnerships" / "oulad"))))
    text = card.model_card(other) + atrs.record(other)
    assert "nothing about safeguarding" in text and "Families are dealt" not in text
    raw = yaml.safe_load((ROOT / "partnerships" / "northmere" / "risk.yml").read_text(encoding="utf-8"))
    bare = replace(pack_of(hub), config=load_risk(raw | {"registrations": []}), cohort={})
    assert "**not registered**" in card.model_card(bare) and "declares no cohort" in card.model_card(bare)


RUN = {
    "as_of_date": "2026-10-04",
    "statement": "",
    "accepted": ["Fairness is open. Accepted until 28 February 2027 by C. Example: Small."],
    "gates": [
        {
            "title": "Fair",
            "status": "not enough evidence",
            "words": "Open.",
            "accepted": {"until": "2027-02-28", "by": "C."},
        }
    ],
    "evaluation": {
        "base_rate": 0.0123,
        "at_capacity": {
            "model": {
                "listed": 100,
                "found": 20,
                "precision": {"estimate": 0.2, "low": 0.1, "high": 0.3},
                "recall": None,
            }
        },
        "average_precision": {"model": 0.05, "random": 0.012},
    },
    "model": None,
    "drift": {"warnings": [{"words": "Police tells less.", "do": "Ring."}]},
}


def test_a_weeks_figures_are_told_and_what_is_withheld_stays_so(pack):
    text = card.run_figures(RUN)
    assert "20.0 % (10.0 to 30.0)" in text and "withheld" in text and "Base rate: 1.23 %" in text
    assert "accepted until 28 February 2027" in text and "Police tells less. Ring." in text
    assert "No model could be learnt" in text
    assert "precision 20.0 % (10.0 to 30.0), recall withheld" in atrs.record(pack, RUN)
    nothing = RUN | {"evaluation": {}, "statement": "From the patterns alone.", "drift": {"warnings": []}}
    assert "No week has matured" in card.run_figures(nothing) and "Nothing could be judged" in atrs.record(
        pack, nothing
    )


def test_a_small_worlds_figures_are_withheld_and_the_card_is_written_all_the_same(pack):
    """As pipelines.evaluation.withheld leaves them where fewer than six had an outcome."""
    part = {"listed": None, "found": None, "precision": None, "recall": None}
    small = RUN | {
        "evaluation": {
            "base_rate": None,
            "at_capacity": {"model": part},
            "average_precision": {"model": None},
            "calibration": {"slope": 1.0, "ece": 0.01, "brier": 0.01, "mean": 0.01, "observed": None},
            "fairness": {
                "attributes": [
                    {"title": "Sex", "groups": [{"group": "F", "selection": None, "precision": None, "missed": None}]}
                ]
            },
        }
    }
    text = card.run_figures(small)
    assert "Base rate: withheld" in text and "observed withheld" in text and "Average precision: withheld" in text
    assert "base rate withheld" in atrs.record(pack, small)


def test_cells_keep_to_their_line():
    assert table(["a"], [["x | y\nz"]]).splitlines()[-1] == "| x / y z |"
    assert day(None) == "" and day("2026-09-01") == "1 September 2026" and share(None) == "withheld"
