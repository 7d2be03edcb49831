"""Where a person lives, and since when: one line of spells per person and address from what every agency sent.

Registers (a social care address, a school's pupil file) say "lives here" until they say otherwise; one-off sightings
(an emergency attendance) say "lived here that day". A sighting never ends what a register holds open. Of a person no
register holds anywhere, the last sighting is the best that is known, and stands until something else is said.
Registers go stale: an open spell ends when a later one starts, except that the two latest-started stay open side by
side, because a child may have two homes. The *primary* one is first.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_HOMES = ("home", "temporary", "unknown")


def address_evidence(records: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Rows ``position, postcode, uprn, started_on, ended_on, known_from`` per record and address, placements left out.

    ``records`` (index = position) has ``record_key, home_postcode, home_uprn, hub, known_from``; a record without any
    address spell speaks for its own address on the day it was known. ``spells`` are standardised address spells.
    """
    position = pd.Series(records.index, index=records["record_key"])
    at = position.index.get_indexer(pd.Index(spells["record_key"]))
    is_home = spells["address_type"].isin(_HOMES).to_numpy() & (at >= 0)
    kept = spells[is_home].assign(position=position.to_numpy()[at[is_home]])
    kept["started_on"] = kept["started_on"].fillna(kept["known_from"].dt.normalize())
    silent = np.ones(len(records), dtype=bool)
    silent[at[at >= 0]] = False
    silent &= records["home_postcode"].notna().to_numpy() & (records["hub"] != "postcode").to_numpy()
    own = records.loc[silent, ["home_postcode", "home_uprn", "known_from"]]
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


def timelines(evidence: pd.DataFrame, person: np.ndarray, placed: np.ndarray) -> pd.DataFrame:
    """Spells ``person, postcode, uprn, started_on, ended_on, known_from, rank``, one a person and address; 0 = primary.

    ``person``: number of the person of each evidence row. ``placed``: numbers of those living in a placement, for whom
    no sighting stands: it was most likely there that they were living.

    >>> t = pd.Timestamp
    >>> rows = pd.DataFrame({"postcode": ["A", "B", "A"], "uprn": ["1", "2", "1"],
    ...     "started_on": [t("2022-01-01"), t("2024-01-01"), t("2023-01-01")],
    ...     "ended_on": [pd.NaT, pd.NaT, t("2023-01-01")],
    ...     "known_from": [t("2022-01-02"), t("2024-01-02"), t("2023-01-01")]})
    >>> timelines(rows, np.array([7, 7, 7]), np.zeros(0))[["uprn", "rank"]].to_numpy().tolist()
    [['2', 0], ['1', 1]]
    """
    # Texts are sorted once, and numbers from here: the address of a bare postcode, "P...", comes before "U...", a UPRN.
    place, postcodes = pd.factorize(evidence["postcode"], sort=True)
    house, uprns = pd.factorize(evidence["uprn"], sort=True)
    # A bare postcode takes the UPRN the same person has inside it.
    rows = pd.DataFrame({"person": person, "place": place, "house": house})
    inside = rows[house >= 0].drop_duplicates(["person", "place"]).rename(columns={"house": "inside"})
    found = rows.merge(inside, on=["person", "place"], how="left")["inside"].fillna(-1).to_numpy(dtype="int64")
    house = np.where(house < 0, found, house)
    address = np.where(house < 0, place, len(postcodes) + house)
    order = np.lexsort((evidence["started_on"].to_numpy(), address, person))
    person, address, place, house = (numbers[order] for numbers in (person, address, place, house))
    starts = np.flatnonzero((np.diff(person, prepend=-1) != 0) | (np.diff(address, prepend=-1) != 0))
    row = np.arange(len(order))
    postcode = np.append(place, -1)[np.minimum.reduceat(np.where(place < 0, len(row), row), starts)]
    one_day = evidence["ended_on"] == evidence["started_on"]

    def of_each(least_or_most: np.ufunc, values: pd.Series) -> np.ndarray:
        return np.asarray(least_or_most.reduceat(values.to_numpy()[order], starts))

    spells = pd.DataFrame(
        {
            "person": person[starts],
            "address": address[starts],
            "postcode": np.array([*postcodes, None], dtype=object)[postcode],
            "uprn": np.array([*uprns, None], dtype=object)[house[starts]],
            "started_on": of_each(np.fmin, evidence["started_on"]),
            "open": of_each(np.logical_or, evidence["ended_on"].isna()),
            "ended_on": of_each(np.fmax, evidence["ended_on"]),
            "sighted_on": of_each(np.fmax, evidence["ended_on"].where(one_day)),
            "left_on": of_each(np.fmax, evidence["ended_on"].where(~one_day)),
            "known_from": of_each(np.fmin, evidence["known_from"]),
        }
    )
    spells["open"] |= _last_seen(spells) & ~spells["person"].isin(placed)
    spells = spells.drop(columns=["sighted_on", "left_on"])
    spells.loc[spells["open"], "ended_on"] = pd.NaT
    spells = spells.sort_values(["person", "open", "started_on", "address"], ascending=[True, False, False, True])
    spells["address"] = np.array([*("P" + postcodes), *("U" + uprns)], dtype=object)[spells["address"]]
    spells["rank"] = spells.groupby("person").cumcount()
    # The third open home back is stale: it ended when the one after it began.
    later = spells.groupby("person")["started_on"].shift(1)
    stale = spells["open"] & (spells["rank"] >= 2)
    spells.loc[stale, "ended_on"] = later[stale]
    return spells.drop(columns="open").reset_index(drop=True)


def _last_seen(spells: pd.DataFrame) -> pd.Series:
    """The spell of the last sighting of those no register holds anywhere, unless a register ended a spell since."""
    held = spells.groupby("person")["open"].transform("any")
    left = spells.groupby("person")["left_on"].transform("max")
    last = spells.groupby("person")["sighted_on"].transform("max")
    is_last = (spells["sighted_on"] == last) & ~(left >= last) & ~held
    # Seen at two places on one day: neither is the better known.
    return is_last & (is_last.groupby(spells["person"]).transform("sum") == 1)
