"""What is reported of a list, each measure on examples small enough to check by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from models.risk import fairness, maturation, missed, recorders, steadiness
from models.risk.asof import knowledge_cutoff
from models.risk.bootstrap import FamilyBootstrap, ListStatistics
from models.risk.declare import DeclarationError, Target
from models.risk.labels import Outcomes, require_kept
from models.risk.measures import average_precision, calibration, linear_ratio
from tests.risk_marts import configuration, make_marts, sundays

CONFIG, _ = configuration(evaluation={"bootstrap": 200})
TARGET = Target(name="t", description="d", horizon_days=182, maturity_days=90, minimum_positives=1)
RNG = np.random.default_rng(7)


def statistics(y, person=None, family=None, times=200) -> ListStatistics:
    person = np.arange(len(y)) if person is None else np.asarray(person)
    boot = FamilyBootstrap(person if family is None else np.asarray(family), times, 0.95, 1)
    return ListStatistics(boot, np.asarray(y, dtype=bool), person)


# --- intervals ------------------------------------------------------------------------------------------------------


def test_larger_families_make_wider_intervals():
    y = np.repeat(RNG.random(400) < 0.3, 5)
    listed = np.ones(len(y), dtype=bool)
    alone = statistics(y).at_capacity(listed)["precision"]
    together = statistics(y, family=np.repeat(np.arange(400), 5)).at_capacity(listed)["precision"]
    assert alone["estimate"] == together["estimate"] == pytest.approx(y.mean(), abs=1e-6)
    assert together["high"] - together["low"] > 1.8 * (alone["high"] - alone["low"])


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    inside = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        y = np.repeat(rng.random(150) < 0.3, 2)
        stats = ListStatistics(FamilyBootstrap(np.repeat(np.arange(150), 2), 200, 0.95, seed), y, np.arange(300))
        got = stats.boot.share(*stats.precision(np.ones(300, dtype=bool)))
        inside += got["low"] <= 0.3 <= got["high"]
    assert inside / 120 > 0.89


def test_rows_that_do_not_count_change_no_average_precision():
    y, score, lot = RNG.random(50) < 0.3, RNG.random(50), RNG.random(50)
    weight = np.where(score > 0.8, 0.0, 1.0)
    kept = weight > 0
    assert average_precision(y, score, lot, weight) == pytest.approx(average_precision(y[kept], score[kept], lot[kept]))
    assert average_precision(y, score, lot, np.zeros(50)) == 0.0


def test_a_lift_has_an_interval_where_both_found_somebody():
    boot = FamilyBootstrap(np.arange(400), 200, 0.95, 1)
    stats = ListStatistics(boot, np.arange(400) % 4 == 0, np.arange(400))
    half, rare = np.arange(400) % 2 == 0, np.arange(400) % 8 == 1
    ours, all_ = stats.precision(half), stats.precision(np.ones(400, dtype=bool))
    told = boot.lift(ours, all_)
    assert told["lift_low"] < 2 < told["lift_high"] and boot.difference(ours, all_)["lift"] == 2
    assert boot.lift(ours, stats.precision(rare)) == {"lift_low": None, "lift_high": None}
    few = np.zeros(400, dtype=bool)
    few[[0, 1, 2, 3]] = True  # one found of four: in many draws nobody is, so there is no upper end
    assert boot.lift(ours, stats.precision(few))["lift_high"] is None


def test_nothing_found_is_not_certainty():
    stats = statistics(np.zeros(60, dtype=bool))
    share = stats.boot.share(*stats.precision(np.ones(60, dtype=bool)))
    assert share["estimate"] == 0 and 0.03 < share["high"] < 0.1
    half = np.arange(60) < 30
    apart = stats.boot.difference(stats.precision(half), stats.precision(~half))
    assert apart["low"] < -0.05 and apart["high"] > 0.05


def test_recall_counts_people_once_and_only_when_listed_in_time():
    y, person = [1, 1, 0, 1], [5, 5, 6, 7]
    stats = statistics(y, person)
    reached, need = stats.recall(np.array([False, True, True, False]))
    assert need.sum() == 2 and reached.sum() == 1


def test_the_calibration_slope_has_an_interval_with_families_as_units():
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(-2, 1, size=2_000), 3)
    y = np.repeat(rng.random(2_000) < 1 / (1 + np.exp(-x[::3])), 3)
    one = calibration(y, x, np.arange(len(x)))
    real = calibration(y, x, np.repeat(np.arange(2_000), 3))
    assert one["slope"] == real["slope"] and real["slope_low"] < 1 < real["slope_high"]
    assert (real["slope_high"] - real["slope_low"]) > 1.5 * (one["slope_high"] - one["slope_low"])


def test_figures_of_calibration_are_those_of_another_hand():
    rng = np.random.default_rng(2)
    x = rng.normal(-2, 1.2, size=4_000)
    y = rng.random(4_000) < 1 / (1 + np.exp(-(0.4 + 0.8 * x)))
    p = 1 / (1 + np.exp(-x))
    got = calibration(y, x)
    assert got["brier"] == pytest.approx(brier_score_loss(y, p), abs=1e-6)
    line = LogisticRegression(C=1e12, tol=1e-10).fit(x[:, None], y)
    assert got["slope"] == pytest.approx(line.coef_[0, 0], abs=1e-4)
    assert got["intercept"] == pytest.approx(line.intercept_[0], abs=1e-4)
    # Tenths of the rows by chance, the highest tenth parted again at its last hundredth of all.
    ordered = sorted(zip(p.tolist(), y.tolist(), strict=True))
    bins = [ordered[400 * i : 400 * (i + 1)] for i in range(9)] + [ordered[3600:3960], ordered[3960:]]
    apart = [abs(sum(a for a, _ in one) - sum(b for _, b in one)) for one in bins]
    assert got["ece"] == pytest.approx(sum(apart) / 4_000, abs=2e-6) and got["ece"] > 0.01
    assert [one["n"] for one in got["curve"]] == [len(one) for one in bins]


def test_observed_over_expected_has_an_interval_around_one():
    p = RNG.uniform(0.01, 0.3, size=5_000)
    got = linear_ratio((RNG.random(5_000) < p).astype(float), p)
    assert got["low"] < 1 < got["high"] and got["high"] - got["low"] < 0.2


# --- who is missed, and how early -----------------------------------------------------------------------------------


def test_who_is_missed_is_asked_at_the_first_row_and_small_numbers_are_withheld():
    person = np.repeat(np.arange(40), 2)
    y = np.ones(80, dtype=bool)
    listed = np.zeros(80, dtype=bool)
    listed[1:20:2] = True  # ten people, at their second row
    late = np.tile([False, True], 40)
    told = {m["name"]: m for m in missed.missed_by({"all": y, "late": late}, statistics(y, person), listed, 6)}
    assert told["all"]["in_need"] == 40 and told["all"]["missed"]["estimate"] == 0.75
    assert told["late"] == {"name": "late", "in_need": 0, "missed": None}
    few = missed.missed_by({"few": person < 3}, statistics(y, person), listed, 6)
    assert few == [{"name": "few", "in_need": None, "missed": None}]


def test_lead_time_runs_from_the_first_listing():
    listed = np.array([True, True] * 10 + [True])
    days = np.array([100, 10] * 10 + [0])
    person = np.array([n for n in range(10) for _ in range(2)] + [99])
    got = missed.lead_times(listed, days, person, 6)
    assert got == {"people": 10, "quarter": 100.0, "median": 100.0, "three_quarters": 100.0, "early": 1.0}
    assert missed.lead_times(listed[:4], days[:4], person[:4], 6)["people"] is None


# --- outcomes, when known -------------------------------------------------------------------------------------------


def outcomes(*rows: tuple[str, date, datetime]) -> Outcomes:
    frame = pd.DataFrame(rows, columns=["person_key", "day", "known_from"])
    frame["day"] = frame["day"].to_numpy().astype("datetime64[D]").astype(np.int64)
    frame["known_from"] = frame["known_from"].to_numpy().astype("datetime64[us]").astype(np.int64)
    frame["known_to"] = np.int64(2**62)
    return Outcomes(frame)


def test_the_maturation_curve_rises_to_what_is_known_in_the_end():
    rows = pd.DataFrame({"person_key": list("abcd"), "as_of_date": pd.to_datetime([date(2024, 1, 7)] * 4)})
    known = outcomes(
        ("a", date(2024, 2, 1), datetime(2024, 3, 1)),  # long before the window ended on 7 July
        ("b", date(2024, 6, 1), datetime(2024, 8, 1)),  # 24 days after
        ("c", date(2024, 7, 1), datetime(2024, 11, 1)),  # 116 days after: too late for the declared maturity
    )
    got = maturation.maturation_curve(known, rows, TARGET, date(2025, 6, 1))
    curve = {c["days"]: c["share"] for c in got["curve"]}
    assert got["outcomes"] == 3 and got["at_maturity"] == curve[90] == pytest.approx(2 / 3, abs=1e-6)
    assert curve[0] == pytest.approx(1 / 3, abs=1e-6) and curve[28] == curve[90] and curve[120] == 1
    fresh = maturation.maturation_curve(known, rows, TARGET, date(2024, 12, 1))
    assert fresh["curve"] == [] and fresh["at_maturity"] is None


def test_hindsight_is_what_was_not_known_on_the_day_of_training():
    rows = pd.DataFrame({"person_key": list("ab"), "as_of_date": pd.to_datetime([date(2024, 1, 7)] * 2)})
    known = outcomes(("a", date(2024, 2, 1), datetime(2024, 3, 1)), ("b", date(2024, 6, 1), datetime(2024, 12, 1)))
    gap = maturation.hindsight_gap(known, rows, TARGET, date(2024, 10, 6), date(2025, 6, 1))
    assert (gap["known_then"], gap["known_since"], gap["not_yet_known"]) == (1, 2, 0.5)


def test_a_pack_that_forgets_before_its_gates_could_speak_is_refused_with_the_sum():
    require_kept(CONFIG, {"police__ppn": 2_000})
    with pytest.raises(DeclarationError, match=r"police__ppn is not kept .* = 1272 days needed; 900 days are there"):
        require_kept(CONFIG, {"police__ppn": 900, "csc__person": 2_000})


# --- steadiness -----------------------------------------------------------------------------------------------------


def weeks(*people: list[int]) -> pd.DataFrame:
    rows = [(pd.Timestamp("2025-01-05") + pd.Timedelta(weeks=i), p) for i, one in enumerate(people) for p in one]
    return pd.DataFrame(rows, columns=["as_of_date", "person"])


def test_people_enter_and_leave_for_what_moved_most():
    rows = weeks([1, 2, 3], [1, 3, 4])
    pointed = np.array([True, True, False, False, True, True])
    themes = pd.DataFrame({"school": [0.9, 0, 0.1, 0.2, 0.8, 0], "police": [0.0, 0, 0.1, 0.1, 0.2, 0]})
    got = steadiness.turnover(rows, pointed, np.zeros(6), lambda at: themes.iloc[at], least=1)
    assert got["turnover"] == 1.0 and got["at_new_model"] is None
    assert got["entry"] == [{"reason": "new in the cohort", "times": 1}, {"reason": "school", "times": 1}]
    assert got["exit"] == [{"reason": "no longer in the cohort", "times": 1}, {"reason": "school", "times": 1}]
    same = steadiness.turnover(rows, pointed, np.array([0, 0, 0, 1, 1, 1]), lambda at: themes.iloc[at], least=1)
    assert same["turnover"] is None and same["at_new_model"] == 1.0
    assert got["detectable"] is None, "of one step nothing can be told"
    # Two places and three steps in which none, one and both are new: a standard deviation of one half.
    rows = weeks([1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4])
    pointed = np.zeros(16, dtype=bool)
    pointed[[0, 1, 4, 5, 8, 10, 13, 15]] = True
    got = steadiness.turnover(rows, pointed, np.zeros(16), lambda at: themes.iloc[at % 6], least=1)
    assert got["turnover"] == 0.5 and got["detectable"] == pytest.approx(2.801585 * 0.5 / 3**0.5, abs=1e-6)


def test_overlap_and_kept_reasons():
    rows = weeks([1, 2, 3, 4], [1, 2, 3, 4])
    one = np.array([1, 1, 0, 0, 1, 1, 0, 0], dtype=bool)
    other = np.array([1, 1, 0, 0, 1, 0, 1, 0], dtype=bool)
    assert steadiness.overlap(rows, one, other) == 0.75
    before, after = np.array([[3.0, 2, 1, 0.5], [1, 0, 0, 0]]), np.array([[3.0, 2, 0, 0.5], [-1, 1, 0, 0]])
    assert steadiness.kept_reasons(before, after) == {"kept": pytest.approx(1 / 3), "first_kept": 0.5}


def test_small_changes_stay_small_and_above_zero():
    X = np.zeros((2_000, 3), dtype=np.float32)
    moved = steadiness.shaken(X, ["count", "relative_to_peers", "age"], seed=1)
    assert (moved[:, 0] >= 0).all() and set(np.unique(moved[:, 1])) == {-0.5, 0.0, 0.5} and not moved[:, 2].any()
    assert 0.03 < (moved[:, 0] > 0).mean() < 0.07


# --- who records ----------------------------------------------------------------------------------------------------


def test_a_recorder_who_explains_the_score_is_a_warning_and_amount_alone_is_not():
    contacts = RNG.integers(0, 20, size=3_000)
    who = RNG.choice(["police", "school"], size=3_000).astype(object)
    by_amount = recorders.recorder_effect(0.3 * contacts, contacts, who, 6, 0.2)
    assert by_amount["beyond_amount"] < 0.05 and not by_amount["warning"]
    by_who = recorders.recorder_effect(0.3 * contacts + 3 * (who == "police"), contacts, who, 6, 0.2)
    assert by_who["beyond_amount"] > 0.8 and by_who["warning"]
    # A busy recorder is no warning when the families are those about whom more is recorded.
    busy = np.where(contacts > 10, "police", "school").astype(object)
    got = recorders.recorder_effect(0.3 * contacts + RNG.normal(size=3_000), contacts, busy, 6, 0.2)
    assert got["raw"] > 0.3 and got["beyond_amount"] < 0.1
    assert recorders.recorder_effect(contacts, contacts, np.full(3_000, recorders.NOBODY), 6, 0.2)["raw"] is None


# --- fairness -------------------------------------------------------------------------------------------------------


def audited(gap: float = 0.0, n: int = 6_000, seed: int = 3, watched: float = 0.0, singled_out: float = 0.0) -> dict:
    """An audit of a world in which a group's people in need are listed less often, by the gap.

    Group b has six recorded contacts to a's three. Of people without need each contact lists by the chance `watched`,
    and belonging to b by `singled_out`.
    """
    rng = np.random.default_rng(seed)
    person = np.arange(n)
    group = np.where(rng.random(n) < 0.4, "b", "a").astype(object)
    y = rng.random(n) < 0.2
    contacts = rng.poisson(3, size=n) + 3 * (group == "b")
    chance = np.where(y, 0.5 - gap * (group == "b"), 0.05 + watched * contacts + singled_out * (group == "b"))
    listed = rng.random(n) < chance
    config = CONFIG.model_copy(
        update={
            "fairness": CONFIG.fairness.model_copy(
                update={"attributes": tuple(a for a in CONFIG.fairness.attributes if a.name == "sex")}
            )
        }
    )
    period = np.where(person < n // 2, "2025Q1", "2025Q2")
    log_odds = np.full(n, np.log(0.2 / 0.8))
    return fairness.audit({"sex": group}, y, listed, log_odds, person, person, contacts, period, config)


def test_a_planted_gap_is_seen_and_none_is_not_invented():
    (attribute,) = audited(gap=0.2)["attributes"]
    b = next(g for g in attribute["groups"] if g["group"] == "b")
    assert b["difference"]["missed"]["low"] > 0.1 and b["difference"]["missed"]["estimate"] == pytest.approx(
        0.2, abs=0.06
    )
    assert [t["period"] for t in b["over_time"]] == ["2025Q1", "2025Q2"]
    assert b["calibration"]["low"] < 1 < b["calibration"]["high"]
    # Of b a fifth is in need: .2 * .3 + .8 * .05 are listed.
    assert b["selection"]["estimate"] == pytest.approx(0.1, abs=0.02)
    for part in b["over_time"]:
        assert part["selection"]["low"] < 0.1 < part["selection"]["high"] and part["selection"]["low"] > 0.05
        assert part["calibration"]["estimate"] == pytest.approx(1, abs=0.2)
        assert part["missed"]["low"] < 0.7 < part["missed"]["high"]
    (attribute,) = audited(seed=101)["attributes"]
    for g in attribute["groups"]:
        assert g["difference"]["missed"]["low"] < 0 < g["difference"]["missed"]["high"]


def test_being_listed_for_being_watched_is_told_from_being_listed_for_more():
    def recording(**world: float) -> dict:
        (attribute,) = audited(n=20_000, **world)["attributes"]
        b = next(g for g in attribute["groups"] if g["group"] == "b")["recording"]
        assert b["contacts"] > b["contacts_of_others"] + 2
        return b

    # What is recorded lists: b far more often than a, and no more than its contacts say.
    watched = recording(watched=0.03)
    assert watched["listed_without_need"] == pytest.approx(230, rel=0.06)
    assert watched["given_recording"] == pytest.approx(watched["listed_without_need"], rel=0.08)
    # Being of b lists: its contacts do not account for it.
    singled_out = recording(singled_out=0.2)
    assert singled_out["listed_without_need"] == pytest.approx(250, rel=0.06)
    assert singled_out["given_recording"] < 0.88 * singled_out["listed_without_need"]


def test_missing_is_a_group_and_small_groups_are_withheld_with_the_next_smallest():
    rows = [
        {"group": g, "people": n, "listed_people": n, "people_in_need": n, "selection": 1, "calibration": 1}
        | {"precision": 1, "missed": None if n < 6 else 1}
        | {"recording": {"contacts": 17.0, "contacts_of_others": 3.0, "listed_without_need": 1, "given_recording": 2}}
        | {"over_time": [{"period": "2025Q1", "selection": 1, "precision": 1, "missed": 1, "calibration": 1}]}
        | {"sizes": {"precision": n, "missed": n}, "difference": {"precision": 1, "missed": 1}}
        for g, n in (("a", 50), ("b", 9), ("c", 3))
    ]
    fairness._withhold(rows, 6)
    assert [r["people"] for r in rows] == [50, None, None] and rows[1]["selection"] is None
    assert [r["missed"] for r in rows] == [1, None, None] and rows[1]["difference"]["missed"] is None
    assert [r["precision"] for r in rows] == [1, 1, 1] and "sizes" not in rows[0]
    # Of whom a count is withheld, nothing about recording is told, and nothing by quarter of what is withheld.
    assert [set(r["recording"].values()) for r in rows] == [{17.0, 3.0, 1, 2}, {None}, {None}]
    by_quarter = [[part[m] for m in fairness.MEASURES] for r in rows for part in r["over_time"]]
    assert by_quarter == [[1, 1, 1, 1], [None, 1, None, None], [None, 1, None, None]]

    class Panel:
        rows = pd.DataFrame({"person_key": ["x", "y", "z"]})

        @staticmethod
        def column(name):
            return np.array([1.0, 12.0, 17.0])

    frame = pd.DataFrame({"person_key": ["x", "y"], "sex": ["F", None]})
    groups = fairness.groups_of(Panel, np.arange(3), frame, CONFIG)
    assert groups["sex"].tolist() == ["F", "not recorded", "not recorded"]
    assert groups["age"].tolist() == ["under 2", "11 to 15", "16 and over"]
    assert set(groups["disability"]) == {"not recorded"}


def test_the_recorder_of_a_person_is_who_recorded_most_of_what_is_counted_as_known_then():
    con = make_marts(150, 70, 4, rate=4.0)
    con.execute("update warehouse.marts.episode set team = 'Team ' || (hash(episode_key) % 3)")
    day = sundays(70)[60]
    cutoff = knowledge_cutoff(day)
    counted = set(CONFIG.feature(CONFIG.comparators.contact_count).events)
    columns = "person_key::varchar, known_from, known_to"
    events = con.execute(f"select {columns}, occurred_on, event_type, agency from warehouse.marts.event").fetchall()
    episodes = con.execute(f"select {columns}, started_on, team from warehouse.marts.episode").fetchall()
    amounts: dict[str, Counter] = defaultdict(Counter)
    for key, since, until, on, kind, agency in events:
        if key and since <= cutoff < until and day - timedelta(days=364) < on <= day and kind in counted:
            amounts[key][agency] += 1
    newest: dict[str, tuple] = {}
    for key, since, until, on, team in episodes:
        if since <= cutoff < until and on <= day:
            newest[key] = max(newest.get(key, (date.min, "")), (on, team))
    told = recorders.recorders_of(con, CONFIG, "warehouse.marts", day)
    most = {key: max((n, agency) for agency, n in one.items())[1] for key, one in amounts.items()}
    assert told["agency"] == most and len(set(most.values())) > 2
    assert told["team"] == {key: team for key, (_, team) in newest.items()} and len(newest) > 20
