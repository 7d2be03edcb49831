"""A pack's declarations are refused with the entry's name and the reason, before any row is read."""

from __future__ import annotations

import copy

import pytest
import yaml

from models.risk.declare import DeclarationError, load_risk, load_rules
from models.risk.lineage import Step, require_clean_lineage
from tests.risk_marts import PACK, configuration

RISK = yaml.safe_load((PACK / "risk.yml").read_text(encoding="utf-8"))
RULES = yaml.safe_load((PACK / "rules.yml").read_text(encoding="utf-8"))


def with_feature(**feature) -> dict:
    """The demo declarations and one more feature."""
    raw = copy.deepcopy(RISK)
    defaults = {
        "name": "extra",
        "kind": "count",
        "theme": "police",
        "label": "x",
        "events": ["ed_attendance"],
        "window_weeks": 4,
    }
    raw["features"].append({k: v for k, v in (defaults | feature).items() if v is not None})
    return raw


def test_the_demo_pack_declares_enough():
    config, book = configuration()
    assert len(config.features) >= 60 and len(config.model_features) >= 40 and len(book.rules) == 9
    kinds = {f.kind for f in config.features}
    assert {"change", "relative_to_peers", "distinct_agencies", "open_episode", "days_since"} <= kinds
    assert any(f.scope == "household_others" for f in config.features) and any(f.protective for f in config.features)


@pytest.mark.parametrize(
    ("feature", "words"),
    [
        ({"name": "ethnicity_white"}, "ethnicity is never used"),
        ({"events": ["csc_assessment_factor"], "details": ["4B"]}, "4B is never used"),
        ({"events": ["health_contact_not_brought"]}, "may not count on its own"),
        ({"kind": "days_since", "scope": "household_others"}, "cannot leave out the person"),
        ({"once": "incident"}, "is for events of a household"),
        ({"window_weeks": None}, "window_weeks is missing"),
        ({"episodes": ["cla"]}, "episodes has no meaning"),
        ({"kind": "change"}, "prior_weeks is missing"),
        ({"kind": "count_since_end"}, "episodes is missing"),
        ({"kind": "count_since_end", "episodes": ["cla"], "scope": "household"}, "has no scope"),
        ({"theme": "weather"}, "theme weather is not declared"),
        ({"name": "police_da_4w"}, "declared twice"),
        ({"sentence": "{height} metres"}, "height"),
        ({"kind": "relative_to_peers", "base": "nowhere", "events": None, "window_weeks": None}, "base nowhere"),
        ({"monotone": 2}, "monotone"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_feature_is_named_with_its_fault(feature, words):
    with pytest.raises(DeclarationError) as refusal:
        load_risk(with_feature(**feature))
    assert words in str(refusal.value) and "pydantic" not in str(refusal.value)


def test_a_denied_attribute_is_found_through_the_feature_built_on_it():
    raw = with_feature(name="benefits_count")
    raw["features"].append(
        {"name": "harmless", "kind": "relative_to_peers", "theme": "police", "label": "x", "base": "benefits_count"}
    )
    raw["never_features"] = [{"term": "benefits", "why": "poverty is not a warning sign"}]
    with pytest.raises(DeclarationError, match="benefits is never used"):
        load_risk(raw)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"all": [{"feature": "nobody_declared", "at_least": 1}]}, "nobody_declared"),
        ({"all": []}, "no condition"),
        ({"all": [{"feature": "police_da_12w"}]}, "has no bound"),
        ({"sentence": "{shoe_size}"}, "shoe_size"),
        ({"id": "attendance_fall"}, "same id"),
        ({"several": {"at_least": 2, "of": [{"feature": "nobody_declared", "at_least": 1}] * 2}}, "nobody_declared"),
        ({"several": {"at_least": 2, "of": [{"feature": "police_12w", "at_least": 1}]}}, "can never hold"),
    ],
)
def test_a_bad_rule_is_named_with_its_fault(change, words):
    config = load_risk(RISK)
    raw = copy.deepcopy(RULES)
    raw["rules"][0] |= change
    with pytest.raises(DeclarationError, match=words):
        load_rules(raw, config)


def test_no_sentence_speaks_of_scores_shares_or_strength():
    from review.words import forbidden_in

    config, book = configuration()
    for text in (
        [f.sentence for f in config.features]
        + [r.sentence for r in book.rules]
        + [q for r in book.rules for q in r.questions]
    ):
        assert forbidden_in(text) == [], text


def steps(**changes: Step) -> dict[str, Step]:
    """A build in which facts come from one staging model of one source."""
    return {
        "event": Step("marts", "select * from stg", ("stg",)),
        "stg": Step("canonical", "select day, 'absence' as event_type from source -- not by ethnicity", ("raw.marks",)),
        "raw.marks": Step("raw", "", ()),
    } | changes


def test_the_deny_list_is_held_against_the_columns_behind_the_facts():
    config, _ = configuration()
    require_clean_lineage(config, steps())
    with pytest.raises(DeclarationError, match="stg reads pupil_ethnicity: ethnicity is never used"):
        require_clean_lineage(config, steps(stg=Step("canonical", "select pupil_ethnicity", ("raw.marks",))))
    with pytest.raises(DeclarationError, match=r"built on audit.pupil, of the audit zone"):
        reads_audit = steps(stg=Step("canonical", "select 1", ("audit.pupil",)))
        require_clean_lineage(config, reads_audit | {"audit.pupil": Step("audit", "", ())})
    moved = {"stg_education__event": Step("canonical", "select entry.urn <> earlier.urn", ("raw.marks",))}
    require_clean_lineage(config, steps(event=Step("marts", "", ("stg_education__event",))) | moved)
    bare = config.model_copy(update={"never_exceptions": ()})
    with pytest.raises(DeclarationError, match="never_exceptions"):
        require_clean_lineage(bare, steps(event=Step("marts", "x", ("stg_education__event",))) | moved)
