"""Which team's patch a person lives in, and since when we knew."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd


def team_of(postcode: str | None, areas: Mapping[str, str]) -> str | None:
    """The team whose prefix is the longest that fits.

    >>> team_of("NM12AB", {"NM1": "North", "NM12": "East"}), team_of("ZZ11AA", {"NM1": "North"})
    ('East', None)
    """
    text = postcode or ""
    return next((areas[text[:n]] for n in range(len(text), 0, -1) if text[:n] in areas), None)


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
    prefixes = {p.replace(" ", "").upper(): team for p, team in areas.items()}
    codes, distinct = pd.factorize(homes["postcode"])
    teams = np.array([*(team_of(p, prefixes) for p in distinct), None], dtype=object)[codes]
    since = np.maximum(homes["known_from"], homes["started_on"].astype(homes["known_from"].dtype))
    rows = pd.DataFrame(
        {"person": homes["person"], "area_team": pd.Series(teams, index=homes.index, dtype=object), "known_from": since}
    )
    rows = (
        rows[rows["area_team"].notna()]
        .sort_values(["person", "known_from", "area_team"])
        .drop_duplicates(["person", "known_from"], keep="last")
    )
    changed = (rows["person"] != rows["person"].shift()) | (rows["area_team"] != rows["area_team"].shift())
    return rows[changed].reset_index(drop=True)
