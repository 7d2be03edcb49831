"""Where a person lives, and since when: one line of spells per person and address from what every agency sent.

Registers (a social care address, a school's pupil file) say "lives here" until they say otherwise; one-off sightings
(an emergency attendance) say "lived here that day". Registers go stale: an open spell ends when a later one starts,
except that the two latest-started stay open side by side, because a child may have two homes. The *primary*
one is first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_HOMES = ("home", "temporary", "unknown")


def address_evidence(records: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Rows ``position, postcode, uprn, started_on, ended_on, known_from`` per record and address, placements left out.

    ``records`` (index = position) has ``record_key, home_postcode, home_uprn, is_hub, known_from``; a record without an
    address spell speaks for its own address on the day it was known. ``spells`` are standardised address spells.
    """
    position = pd.Series(records.index, index=records["record_key"])
    kept = spells[spells["address_type"].isin(_HOMES) & spells["record_key"].isin(position.index)].copy()
    kept["position"] = position.reindex(kept["record_key"]).to_numpy()
    kept["started_on"] = kept["started_on"].fillna(kept["known_from"].dt.normalize())
    own = records[
        records["home_postcode"].notna() & ~records["is_hub"] & ~records["record_key"].isin(set(spells["record_key"]))
    ]
    day = own["known_from"].dt.normalize()
    seen = pd.DataFrame(
        {
            "position": own.index,
            "postcode": own["home_postcode"].to_numpy(),
            "uprn": own["home_uprn"].to_numpy(),
            "started_on": day.to_numpy(),
            "ended_on": day.to_numpy(),
            "known_from": own["known_from"].to_numpy(),
        }
    )
    columns = list(seen.columns)
    return pd.concat([kept[columns], seen], ignore_index=True) if len(kept) else seen


def timelines(evidence: pd.DataFrame, person: np.ndarray) -> pd.DataFrame:
    """Spells ``person, postcode, uprn, started_on, ended_on, known_from, rank``, one a person and address; 0 = primary.

    ``person``: number of the person of each evidence row.

    >>> t = pd.Timestamp
    >>> rows = pd.DataFrame({"postcode": ["A", "B", "A"], "uprn": ["1", "2", "1"],
    ...     "started_on": [t("2022-01-01"), t("2024-01-01"), t("2023-01-01")],
    ...     "ended_on": [pd.NaT, pd.NaT, t("2023-01-01")],
    ...     "known_from": [t("2022-01-02"), t("2024-01-02"), t("2023-01-01")]})
    >>> timelines(rows, np.array([7, 7, 7]))[["uprn", "rank", "known_from"]].astype(str).to_numpy().tolist()
    [['2', '0', '2024-01-02'], ['1', '1', '2022-01-02']]
    """
    rows = evidence.assign(person=person, open=evidence["ended_on"].isna())
    # A bare postcode takes the UPRN the same person has inside it.
    with_uprn = rows[rows["uprn"].notna()].drop_duplicates(["person", "postcode"])[["person", "postcode", "uprn"]]
    rows = rows.merge(with_uprn.rename(columns={"uprn": "_uprn"}), on=["person", "postcode"], how="left")
    rows["uprn"] = rows["uprn"].where(rows["uprn"].notna(), rows.pop("_uprn"))
    rows["address"] = np.where(rows["uprn"].notna(), "U" + rows["uprn"].fillna(""), "P" + rows["postcode"].fillna(""))
    spells = (
        rows.sort_values(["person", "address", "started_on"])
        .groupby(["person", "address"], sort=True)
        .agg(
            postcode=("postcode", "first"),
            uprn=("uprn", "first"),
            started_on=("started_on", "min"),
            open=("open", "max"),
            ended_on=("ended_on", "max"),
            known_from=("known_from", "min"),
        )
        .reset_index()
    )
    spells.loc[spells["open"], "ended_on"] = pd.NaT
    spells = spells.sort_values(["person", "open", "started_on", "address"], ascending=[True, False, False, True])
    spells["rank"] = spells.groupby("person").cumcount()
    # The third open home back is stale: it ended when the one after it began.
    later = spells.groupby("person")["started_on"].shift(1)
    stale = spells["open"] & (spells["rank"] >= 2)
    spells.loc[stale, "ended_on"] = later[stale]
    return spells.drop(columns="open").reset_index(drop=True)
