"""The demo pack's event types agree: staging makes what features read, wording can say it, an echo is no concern."""

from pathlib import Path

import yaml

PACK = Path(__file__).parents[2] / "partnerships" / "northmere"
RISK = yaml.safe_load((PACK / "risk.yml").read_text(encoding="utf-8"))
FEATURES = {feature["name"]: feature for feature in RISK["features"]}
# What a row of another agency tells already, or what is nobody's concern.
ECHOES = {"csc_contact_passed_on", "csc_missing_episode", "csc_referral", "ed_attendance", "ed_injury_attendance"}


def test_features_read_only_events_that_staging_makes_and_wording_can_say():
    staging = "\n".join(path.read_text(encoding="utf-8") for path in (PACK / "staging").rglob("*__event.sql"))
    words = yaml.safe_load((PACK / "wording.yml").read_text(encoding="utf-8"))["event_types"]
    read = {event for feature in FEATURES.values() for event in feature.get("events", ())}
    assert {event for event in read if f"'{event}'" not in staging} == set()
    # A specialist service's event is sealed: nothing may have words for it.
    assert read - set(words) <= {"da_service_engaged"}


def test_an_echo_or_an_accident_is_no_concern():
    concerns = {name for name in FEATURES if name.startswith(("concern", "agencies_", "kinds_"))}
    assert len(concerns) >= 8
    for name in concerns:
        assert not ECHOES & set(FEATURES[name]["events"]), name


def test_the_count_the_model_has_to_beat_keeps_every_record():
    counted = set(FEATURES[RISK["comparators"]["contact_count"]]["events"])
    assert ECHOES - {"ed_attendance"} <= counted
    # An injury that was no accident is told besides the injury, which is counted already.
    assert set(FEATURES["concerns_52w"]["events"]) - counted == {"ed_injury_not_accidental"}
