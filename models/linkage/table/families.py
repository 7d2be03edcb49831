"""Whether a table holds families, learnt from the table: a rule against twins costs matches where there are none.

Two records of one home and birth date with two forenames are twins, or one person misnamed; two of one name and home
born a generation apart are parent and child, or one person misdated. Which of the two cannot be told from the pair. It
can be told from the table, because errors of one column do not depend on those of another and families do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

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


def family_rules(pairs: pd.DataFrame, model: Mapping[str, Any], settings: LinkageSettings) -> LinkageSettings:
    """Settings with the rules against twins, siblings and namesakes on where such people are to be expected.

    ``pairs``: scored pairs with ``kind``, ``both_sex`` and the features of ``duck.FAMILY_FEATURES``. ``model``: Splink
    settings with learnt chances.
    """
    unsure = (pairs["kind"] == "probabilistic") & pairs["near_surname"] & pairs["both_birth"] & pairs["both_forename"]
    differ = forenames_differ(pairs)
    kin = pairs[unsure].assign(two_names=differ[unsure])
    born, sexes = _chances(model, "birth_date"), _chances(model, "sex")
    years = settings.namesake_years if namesakes_expected(kin, born, settings.namesake_years) else NEVER
    return dataclasses.replace(
        settings,
        twin_weight=settings.twin_weight if twins_expected(kin, sexes) else None,
        sibling_weight=settings.twin_weight if siblings_expected(kin, born) else None,
        namesake_years=years,
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


def siblings_expected(kin: pd.DataFrame, born: Mapping[str, float]) -> bool:
    """Whether pairs of one home with two forenames and two births are two people, rather than one with two errors.

    Who is misnamed is misdated no more often than others: misnamed pairs with the right date tell how many to expect.

    >>> right = {"two_names": True, "same_postcode": True, "same_birth": True, "near_birth": True}
    >>> wrong = right | {"same_birth": False, "near_birth": False}
    >>> born = {"same": 0.8, "day and month swapped": 0.0, "one digit out": 0.1}
    >>> siblings_expected(pd.DataFrame([right] * 80 + [wrong] * 15), born)
    False
    >>> siblings_expected(pd.DataFrame([right] * 8 + [wrong] * 15), born)
    True
    """
    home = kin[kin["two_names"] & kin["same_postcode"]]
    misdated = 1 - born["same"] - born["day and month swapped"] - born["one digit out"]
    return bool((~home["near_birth"]).sum() > _UNEXPLAINED * home["same_birth"].sum() * misdated / born["same"])


def namesakes_expected(kin: pd.DataFrame, born: Mapping[str, float], years: int) -> bool:
    """Whether pairs of one home and one name, born ``years`` or more apart, are parent and child.

    >>> right = {"two_names": False, "same_postcode": True, "same_birth": True, "near_birth": True, "years_apart": 0}
    >>> far = right | {"same_birth": False, "near_birth": False, "years_apart": 30}
    >>> born = {"same": 0.8, "different": 0.05, "year one digit out": 0.06}
    >>> namesakes_expected(pd.DataFrame([right] * 80 + [far] * 9), born, 12)
    False
    >>> namesakes_expected(pd.DataFrame([right] * 80 + [far] * 19), born, 12)
    True
    """
    home = kin[~kin["two_names"] & kin["same_postcode"]]
    far = ((home["years_apart"] >= years) & ~home["near_birth"]).sum()
    misdated = born["different"] + 0.5 * born["year one digit out"]
    return bool(far > _UNEXPLAINED * home["same_birth"].sum() * misdated / born["same"])


def _chances(model: Mapping[str, Any], column: str) -> dict[str, float]:
    """Learnt chance among one person's records of each level of a column, by label."""
    levels = next(c["comparison_levels"] for c in model["comparisons"] if c["output_column_name"] == column)
    return {level["label_for_charts"]: level["m_probability"] for level in levels if not level.get("is_null_level")}
