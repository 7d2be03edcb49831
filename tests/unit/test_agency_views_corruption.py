"""Defects come from keys alone: at their rates, the same every time, whatever else is in the table."""

import numpy as np
import pandas as pd
import pytest

from synthetic.agencies.corruption import (
    POLICE_RATES,
    Defects,
    Rates,
    garble,
    join_flags,
    key_hash,
    local_ids,
    respell,
    vary_name,
)

ROWS = 60_000


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    born = np.datetime64("2008-01-01", "s") + (rng.integers(0, 6500, ROWS) * 86400).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "forename": rng.choice(["William", "Elizabeth", "Amir", "Abigail", "Jack", "Zoë"], ROWS),
            "surname": rng.choice(["Smith", "O'Brien", "Taylor-Green", "Khan", "Phillips"], ROWS),
            "birth_date": born,
            "sex": rng.choice(["M", "F"], ROWS),
            "postcode": "ZM1 1AA",
        }
    )


@pytest.fixture(scope="module")
def hashes() -> np.ndarray:
    return key_hash(np.arange(ROWS))


def _share(flags: pd.Series, name: str) -> float:
    return float(flags.str.split(";").map(lambda held: name in held).mean())


@pytest.mark.parametrize(
    ("flag", "rates", "expected"),
    [
        ("name_variant", Rates(), 0.06),
        ("date_swap", Rates(), 0.004),
        ("placeholder_date", Rates(), 0.006),
        ("placeholder_date", POLICE_RATES, 0.03 * 0.88),
        ("wrong_sex", Rates(), 0.002),
        ("missing_postcode", Rates(), 0.02),
        ("missing_postcode", POLICE_RATES, 0.15),
        ("no_birth_date", POLICE_RATES, 0.12),
    ],
)
def test_each_defect_occurs_at_its_rate(people, hashes, flag, rates, expected):
    found = _share(garble(people, hashes, Defects(7, "x"), rates)["flags"], flag)
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected / ROWS))


def test_the_error_multiplier_scales_defects_and_not_fill_rates(people, hashes):
    twice = Defects(7, "x", multiplier=2.0)
    assert _share(garble(people, hashes, twice)["flags"], "name_variant") == pytest.approx(0.12, abs=0.006)
    assert twice.chosen("nhs", hashes, 0.82).mean() == pytest.approx(0.82, abs=0.006)


def test_no_defects_without_errors(people, hashes):
    clean = garble(people, hashes, Defects(7, "x", multiplier=0.0), POLICE_RATES)
    pd.testing.assert_frame_equal(clean.drop(columns="flags"), people)
    assert set(clean["flags"]) == {""}


def test_a_row_goes_wrong_the_same_way_in_any_company(people, hashes):
    whole = garble(people, hashes, Defects(7, "x"))
    some = np.arange(ROWS)[::-7]
    part = garble(people.iloc[some], hashes[some], Defects(7, "x"))
    pd.testing.assert_frame_equal(part, whole.iloc[some])


def test_scopes_and_seeds_draw_apart(hashes):
    draws = [Defects(7, "police").uniform("a", hashes), Defects(7, "csc").uniform("a", hashes)]
    draws += [Defects(8, "police").uniform("a", hashes), Defects(7, "police").uniform("b", hashes)]
    assert np.abs(np.corrcoef(draws) - np.eye(4)).max() < 0.02


def test_flags_say_what_was_done(people, hashes):
    view = garble(people, hashes, Defects(7, "x"), POLICE_RATES)
    held = view["flags"].str.split(";")
    swapped = held.map(lambda flags: "date_swap" in flags)
    old, new = people.loc[swapped, "birth_date"], view.loc[swapped, "birth_date"]
    assert ((old.dt.day == new.dt.month) & (old.dt.month == new.dt.day) & (old != new)).all()
    placeholder = view.loc[held.map(lambda flags: "placeholder_date" in flags), "birth_date"]
    assert ((placeholder.dt.day == 1) & (placeholder.dt.month == 1)).all()
    plain = ~held.map(lambda flags: "name_variant" in flags)
    assert (view.loc[plain, "surname"] == people.loc[plain, "surname"]).all()
    changed = (view["forename"] != people["forename"]) | (view["surname"] != people["surname"])
    assert changed[~plain].mean() > 0.97


def test_normal_and_lognormal_have_the_moments_asked_for(hashes):
    draws = Defects(7, "lags")
    lags = draws.lognormal("lag", hashes, 2.0, 10.0)
    assert np.median(lags) == pytest.approx(2.0, rel=0.03)
    assert np.quantile(lags, 0.95) == pytest.approx(10.0, rel=0.05)
    assert draws.normal("n", hashes).std() == pytest.approx(1.0, rel=0.02)


def test_pick_and_integers_keep_to_their_range(hashes):
    draws = Defects(7, "x")
    assert (draws.pick("p", hashes, {"a": 3.0, "b": 1.0}) == "a").mean() == pytest.approx(0.75, abs=0.01)
    numbers = draws.integers("i", hashes, 3, 9)
    assert (numbers.min(), numbers.max()) == (3, 8)


def test_local_ids_are_distinct_and_say_nothing_of_the_order():
    hashes = key_hash(np.arange(5_000))
    ids = local_ids(Defects(7, "csc"), hashes, "P{:d}", 1_001)
    assert len(set(ids)) == 5_000
    numbers = np.array([int(text[1:]) for text in ids])
    assert abs(np.corrcoef(np.arange(5_000), numbers)[0, 1]) < 0.05


@pytest.mark.parametrize("draw", range(0, 4_000, 37))
@pytest.mark.parametrize("kind", ["nickname", "phonetic", "optical", "double_barrel"])
def test_variants_are_names_still(kind, draw):
    for pair in (("Elizabeth", "O'Brien"), ("Ng", "Ng"), ("Zoë", "Taylor-Green"), ("Al", "Li")):
        for name in vary_name(*pair, kind, draw):
            assert len(name) >= 1
            assert name[0].isupper()
            assert not any(letter.isdigit() for letter in name)


def test_respelling_uses_a_rule_or_swaps_two_letters():
    assert respell("Philip", (("START", "ph", "f"),), 0) == "Filip"
    assert respell("Abcd", (), 0) == "Acbd"


def test_key_hash_is_the_same_on_every_machine():
    assert key_hash(np.array([0, 1, 2])).tolist() == [
        16294208416658607535, 10451216379200822465, 10905525725756348110,
    ]  # fmt: skip
    assert key_hash(pd.Series(["a", "b"])).tolist() == key_hash(pd.Series(["a", "b"])).tolist()


def test_joined_flags():
    flags = join_flags(3, [("a", np.array([True, False, True])), ("b", np.array([False, False, True]))])
    assert flags.tolist() == ["a", "", "a;b"]
