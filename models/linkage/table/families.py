"""Whether a table holds families, learnt from the table: a rule against twins costs matches where there are none.

Two records of one home and birth date with two forenames are twins, or one person misnamed; two of one name and home
born a generation apart are parent and child, or one person misdated. Which of the two cannot be told from the pair. It
can be told from the table, because errors of one column do not depend on those of another and families do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.linkage.adjust import forenames_differ
from models.linkage.settings import LinkageSettings

# Twins, like strangers, are of two sexes in about half of the pairs; the records of one person seldom are.
_TWO_SEXES, _ENOUGH = 0.1, 20
# Of two siblings about this share are twins (1.5 % of UK maternities are multiple: ONS, Birth characteristics).
_TWINS_AMONG_SIBLINGS = 0.04
# A rule is on where errors explain less than half of what it speaks against.
_UNEXPLAINED = 2.0
NEVER = 10_000
"""Years between births that no two people reach: the namesake rule is off."""


@dataclass(frozen=True)
class Rules:
    """``settings`` with each rule of adjust.py on or off; ``odds``: see :func:`kin_odds`."""

    settings: LinkageSettings
    odds: float | None


def family_rules(
    pairs: pd.DataFrame, home: Home, model: Mapping[str, Any], possible: float, settings: LinkageSettings
) -> Rules:
    """The rules against twins, siblings and namesakes that are called for by the people in a table.

    ``pairs``: scored pairs with ``kind``, ``both_sex`` and the features of features.py. ``home``: what
    :func:`count_homes` counted over all pairs of one home that were compared, whatever they weigh: the better the
    model tells brothers from sisters, the fewer of them are left among ``pairs``. ``model``: Splink settings with
    learnt chances. ``possible``: how many pairs of nodes may be one person.
    """
    met = possible * _near_surname(model) * _chances(model, "postcode", "u_probability")["same"]
    home = dataclasses.replace(home, strangers=met)
    on = dataclasses.replace(
        settings,
        twin_weight=settings.twin_weight if twins_expected(may_be_kin(pairs), _chances(model, "sex")) else None,
        sibling_weight=settings.twin_weight if siblings_expected(home) else None,
        namesake_years=settings.namesake_years if namesakes_expected(home) else NEVER,
    )
    return Rules(on, kin_odds(home))


@dataclass(frozen=True)
class Home:
    """Pairs of one home and surname, counted.

    Attributes:
        one_name: pairs of one forename with one birth date, with dates unlike and fewer years apart than a parent and
            child, and with dates further apart.
        two_names: pairs of two forenames with one birth date, and with dates unlike.
        strangers_far: strangers whose births are that far apart, for each whose births are not.
        strangers: pairs of two names that chance alone brings together (a postcode may be a whole town).
    """

    one_name: tuple[int, int, int]
    two_names: tuple[int, int]
    strangers_far: float
    strangers: float = 0.0


def may_be_kin(pairs: pd.DataFrame) -> pd.DataFrame:
    """Those of ``pairs`` that no identifier makes one person, of one surname and with forename and birth date known.

    ``two_names``: whether their forenames differ.
    """
    unsure = (pairs["kind"] == "probabilistic") & pairs["near_surname"] & pairs["both_birth"] & pairs["both_forename"]
    return pairs[unsure].assign(two_names=forenames_differ(pairs)[unsure])


def count_homes(kin: pd.DataFrame, birth_years: np.ndarray, years: int) -> Home:
    """Count pairs of one home. ``birth_years``: of everybody in the table; ``years``: least between parent and child.

    >>> pair = {"two_names": False, "same_postcode": True, "same_birth": False, "near_birth": False}
    >>> pairs = pd.DataFrame([pair | {"years_apart": apart} for apart in (3, 30, 31)])
    >>> count_homes(pairs, np.array([1980, 1982, 2010]), 12)
    Home(one_name=(0, 1, 2), two_names=(0, 0), strangers_far=2.0, strangers=0.0)
    """
    home = kin[kin["same_postcode"]]
    one, far, unlike = ~home["two_names"], home["years_apart"] >= years, ~home["near_birth"]

    def count(which: pd.Series) -> int:
        return int(which.sum())

    born = np.bincount(birth_years - birth_years.min(initial=10_000)).astype(float)
    apart = np.correlate(born, born, "full")[len(born) - 1 :] if len(born) else born
    return Home(
        one_name=(count(one & home["same_birth"]), count(one & unlike & ~far), count(one & unlike & far)),
        two_names=(count(~one & home["same_birth"]), count(~one & unlike)),
        strangers_far=float(apart[years:].sum() / max(apart[1:years].sum(), 1.0)),
    )


def twins_expected(kin: pd.DataFrame, sexes: Mapping[str, float]) -> bool:
    """Whether pairs of one surname and birth date with two forenames are twins, rather than one person misnamed.

    Where sexes are known they tell; else the number of brothers and sisters does.

    >>> alike = {"two_names": True, "same_birth": True, "same_postcode": True, "near_birth": True, "both_sex": True}
    >>> kin = pd.DataFrame([alike | {"other_sex": False}] * 15 + [alike | {"other_sex": True}] * 15)
    >>> misnamed = pd.concat([kin[:15], kin[:16]])
    >>> twins_expected(kin, {"different": 0.03}), twins_expected(misnamed, {"different": 0.03})
    (True, False)
    >>> siblings = pd.DataFrame([alike | {"same_birth": False, "near_birth": False, "both_sex": False}] * 50)
    >>> twins_expected(pd.concat([siblings, kin[:3]]), {}), twins_expected(pd.concat([siblings, kin[:9]]), {})
    (True, False)
    """
    alike = kin[kin["two_names"] & kin["same_birth"]]
    sexed = alike[alike["both_sex"]]
    if len(sexed) >= _ENOUGH:
        return float(sexed["other_sex"].mean()) - sexes["different"] >= _TWO_SEXES
    siblings = (kin["two_names"] & kin["same_postcode"] & ~kin["near_birth"]).sum()
    return bool(siblings and _TWINS_AMONG_SIBLINGS * siblings >= 0.5 * alike["same_postcode"].sum())


def siblings_expected(home: Home) -> bool:
    """Whether pairs of one home with two forenames and two births are two people, rather than one with two errors.

    Who is misnamed is misdated no more often than others, and the pairs of one name tell how often that is.

    >>> siblings_expected(Home(one_name=(100, 10, 2), two_names=(80, 15), strangers_far=0.3))
    False
    >>> siblings_expected(Home(one_name=(100, 10, 30), two_names=(8, 15), strangers_far=0.3))
    True
    >>> siblings_expected(Home(one_name=(100, 10, 30), two_names=(8, 15), strangers_far=0.3, strangers=14.0))
    False
    """
    same, near, _ = home.one_name
    misnamed, both = home.two_names
    misdated = misnamed * (near + 1) * (1 + home.strangers_far) / max(same, 1)
    return both > _UNEXPLAINED * (misdated + home.strangers)


def kin_odds(home: Home) -> float | None:
    """Binary logarithm of the odds that two records of one home and surname are one person; None without families.

    Twice told is not twice known: in a home of families the surname and the address are shared by all, so what they
    say of two records is this and no more.

    >>> kin_odds(Home(one_name=(100, 10, 2), two_names=(80, 15), strangers_far=0.3)) is None
    True
    >>> kin_odds(Home(one_name=(230, 11, 2), two_names=(8, 999), strangers_far=0.3))
    -2.0
    """
    if not siblings_expected(home):
        return None
    one = sum(home.one_name[:2]) + home.two_names[0]
    return round(float(np.log2((one + 1) / (home.two_names[1] - home.strangers + 1))), 1)


def among_kin(pairs: pd.DataFrame, shared: np.ndarray, birth: np.ndarray, odds: float | None) -> pd.DataFrame:
    """``pairs`` (adjusted) weighed against kin where they may be kin: one home, one surname, no identifier.

    ``shared``: bits that surname, postcode and prior give each pair; ``odds`` takes their place. ``birth``: bits of the
    birth date. One birth date is much less rare among kin than among strangers, because of twins.

    >>> home = {"kind": "probabilistic", "near_surname": True, "same_postcode": True, "both_birth": True}
    >>> pair = home | {"both_forename": True, "same_birth": False, "adjusted_weight": 7.0, "adjusted_by": None}
    >>> pairs = pd.DataFrame([pair, pair | {"kind": "deterministic"}])
    >>> weighed = among_kin(pairs, np.full(2, 9.0), np.full(2, -5.0), -2)
    >>> weighed[["adjusted_weight", "adjusted_by"]].to_numpy().tolist()
    [[-4.0, 'kin'], [7.0, None]]
    """
    if odds is None:
        return pairs
    may_be = (pairs["kind"] == "probabilistic") & pairs["near_surname"] & pairs["same_postcode"]
    may_be &= pairs["both_birth"] & pairs["both_forename"]
    twins = np.where(pairs["same_birth"], np.minimum(birth, -np.log2(_TWINS_AMONG_SIBLINGS)) - birth, 0.0)
    weight = pairs["adjusted_weight"].to_numpy()
    against = np.where(may_be, np.minimum(weight, weight - shared + odds + twins), weight).round(6)
    by = pairs["adjusted_by"].to_numpy(dtype=object).copy()
    by[(against < weight) & pairs["adjusted_by"].isna().to_numpy()] = "kin"
    return pairs.assign(adjusted_weight=against, adjusted_by=pd.Series(by, index=pairs.index, dtype="object"))


def namesakes_expected(home: Home) -> bool:
    """Whether pairs of one home and one name, born far apart, are parent and child rather than one person misdated.

    A date written wrongly altogether is as far from the right one as two strangers' dates are; the pairs whose dates
    differ by fewer years than a parent and child tell how many such dates there are.

    >>> namesakes_expected(Home(one_name=(100, 10, 4), two_names=(0, 0), strangers_far=0.3))
    False
    >>> namesakes_expected(Home(one_name=(100, 10, 19), two_names=(0, 0), strangers_far=0.3))
    True
    """
    _, near, far = home.one_name
    return far > _UNEXPLAINED * (near + 1) * home.strangers_far


def _near_surname(model: Mapping[str, Any]) -> float:
    """Learnt chance that two strangers' surnames are near."""
    chances = _chances(model, "surname", "u_probability")
    return sum(chances[label] for label in ("same", "shares a part", "one letter out", "very alike"))


def _chances(model: Mapping[str, Any], column: str, kind: str = "m_probability") -> dict[str, float]:
    """Learnt chance of each level of a column, by label: among one person's records, or among strangers'."""
    levels = next(c["comparison_levels"] for c in model["comparisons"] if c["output_column_name"] == column)
    return {level["label_for_charts"]: level[kind] for level in levels if not level.get("is_null_level")}
