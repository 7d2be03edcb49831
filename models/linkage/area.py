"""What the place where a person lives says: which team's patch it is and since when, and how deprived its area is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

_LETTERS = re.compile(r"[A-Z]+")
_FULL = re.compile(r"^([A-Z0-9]+)([0-9][A-Z]{2})$")


def of_area(postcode: str | None, said: Mapping[str, str]) -> str | None:
    """What is said of the smallest area a postcode lies in: itself, its sector, its outward code, its letters.

    ``postcode``: standardised, without a space. ``said``: by area as :func:`area_as_written` writes one. Without a
    space the first letters do not tell an area: NM1 1AA begins like NM11 4QS.

    >>> said = {"NM1": "North", "NM11": "East", "NM11 4": "South", "NM": "Town", "NM1 2AB": "West"}
    >>> [of_area(p, said) for p in ("NM11AA", "NM113QS", "NM114QS", "NM9A1AA", "NM12AB", "ZZ11AA", None)]
    ['North', 'East', 'South', 'Town', 'West', None, None]
    """
    if not postcode:
        return None
    outward, inward = postcode[:-3], postcode[-3:]
    letters = _LETTERS.match(outward)
    areas = (f"{outward} {inward}", f"{outward} {inward[:1]}", outward, letters.group() if letters else "")
    return next((said[area] for area in areas if area in said), None)


def area_as_written(area: str) -> str:
    """An area in capitals, with one space before the inward part, which a full postcode may lack.

    >>> area_as_written("nm1  2"), area_as_written("NM12AB"), area_as_written(" nm12")
    ('NM1 2', 'NM1 2AB', 'NM12')
    """
    return _FULL.sub(r"\1 \2", " ".join(area.upper().split()))


def area_spells(homes: pd.DataFrame, areas: Mapping[str, str]) -> pd.DataFrame:
    """Rows ``person, area_team, known_from`` from residence timelines: a new row whenever the team changes.

    A home counts from the moment it was both known and begun. Addresses outside every area change nothing.

    >>> t = pd.Timestamp
    >>> homes = pd.DataFrame({"person": [1, 1], "postcode": ["NM21AA", "NM11AA"],
    ...     "started_on": [t("2024-05-01"), t("2022-01-01")],
    ...     "known_from": [t("2024-06-01"), t("2022-01-02")]})
    >>> area_spells(homes, {"NM1": "North", "NM2": "South"})["area_team"].tolist()
    ['North', 'South']
    """
    teams = _said_of(homes["postcode"], areas)
    since = np.maximum(homes["known_from"], homes["started_on"].astype(homes["known_from"].dtype))
    rows = pd.DataFrame({"person": homes["person"], "area_team": teams, "known_from": since})
    rows = (
        rows[rows["area_team"].notna()]
        .sort_values(["person", "known_from", "area_team"])
        .drop_duplicates(["person", "known_from"], keep="last")
    )
    changed = (rows["person"] != rows["person"].shift()) | (rows["area_team"] != rows["area_team"].shift())
    return rows[changed].reset_index(drop=True)


def deprivation_of_homes(homes: pd.DataFrame, fifths: Mapping[str, str]) -> pd.DataFrame:
    """Rows ``person, deprivation_quintile``: of the first of a person's homes, by rank, whose area is known.

    ``fifths``: fifth of deprivation by postcode, sector or outward code. A home outside every area says nothing, and a
    person without any other has no row.

    >>> homes = pd.DataFrame({"person": [1, 1, 2, 3], "postcode": ["NM21AA", "NM11AA", "NM11AB", "ZZ11AA"],
    ...     "rank": [1, 0, 0, 0]})
    >>> deprivation_of_homes(homes, {"NM1": "5", "NM1 1AB": "2", "NM2": "1"}).to_numpy().tolist()
    [[1, '5'], [2, '2']]
    """
    rows = homes[["person", "rank"]].assign(deprivation_quintile=_said_of(homes["postcode"], fifths))
    rows = rows[rows["deprivation_quintile"].notna()].sort_values(["person", "rank"]).drop_duplicates("person")
    return rows[["person", "deprivation_quintile"]].reset_index(drop=True)


def _said_of(postcodes: pd.Series, said: Mapping[str, str]) -> pd.Series:
    """What is said of the area of each postcode, missing where nothing is."""
    if not said:
        return pd.Series(None, index=postcodes.index, dtype=object)
    written = {area_as_written(area): words for area, words in said.items()}
    codes, distinct = pd.factorize(postcodes)
    words = np.array([*(of_area(p, written) for p in distinct), None], dtype=object)
    return pd.Series(words[codes], index=postcodes.index, dtype=object)
