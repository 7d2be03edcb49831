"""Addresses from which nothing may be concluded: a refuge, the home of somebody who hides.

The rule. An address is *sensitive for a family* when a record of one of its members gives it as of a sensitive type.
Then no record of any member of that family, whichever agency's, says anything by it: there is no household there, no
area, no sibling, and no earlier home ends because of it. What was concluded before the address was known to be
sensitive is not closed but told anew, as if it had never been said, because a closed row would still show it.

For everybody else at that address nothing changes: their households are those they would have if the family had never
come, so that neither a household that appears nor one that disappears tells of them. (One thing is shared: whether an
address is a hub is counted over everybody's surnames; see standardise.py.)

A household never holds both sides of a barrier either: the identity before it is left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage.ledger import OPEN

TYPES = ("refuge", "protected")


def withheld(
    evidence: pd.DataFrame, person: np.ndarray, spells: pd.DataFrame, cluster_of: pd.Series, family: np.ndarray
) -> tuple[np.ndarray, set[int]]:
    """Which rows of ``evidence`` are about an address sensitive for their family; and the persons of such families.

    ``evidence``: ``postcode, uprn`` per row. ``person``: number of the person of each row. ``spells``: standardised
    address spells (``record_key, postcode, uprn, address_type``). ``cluster_of``: person number by record key.
    ``family``: family number by person number, by agencies' word.

    >>> spells = pd.DataFrame({"record_key": ["r"], "postcode": ["A"], "uprn": [None], "address_type": ["refuge"]})
    >>> rows = pd.DataFrame({"postcode": ["A", "A", "B"], "uprn": [None] * 3})
    >>> hidden, who = withheld(rows, np.array([1, 2, 1]), spells, pd.Series({"r": 0}), np.array([5, 5, 6]))
    >>> hidden.tolist(), sorted(who)
    ([True, False, False], [0, 1])
    """
    marked = spells[spells["address_type"].isin(TYPES)]
    owner = cluster_of.reindex(marked["record_key"]).to_numpy()
    marked, owner = marked[owner == owner], owner[owner == owner].astype("int64")
    out = np.zeros(len(evidence), dtype=bool)
    if marked.empty:
        return out, set()
    of_row = pd.Series(family[person], index=evidence.index)
    for column in ("uprn", "postcode"):
        places = set(zip(family[owner].tolist(), marked[column].tolist(), strict=True))
        at = zip(of_row.tolist(), evidence[column].tolist(), strict=True)
        out |= np.fromiter(((f, place) in places and place is not None for f, place in at), dtype=bool, count=len(out))
    hiding = np.isin(family, family[owner])
    return out, set(np.flatnonzero(hiding).tolist())


def told_anew(previous: pd.DataFrame, now: pd.DataFrame, key: list[str], persons: set[str]) -> pd.DataFrame:
    """``previous`` without every row of those ``persons`` of whom an open row would be closed: a past made again.

    ``now``: what is true tonight. ``key``: the columns that make a row the same.

    >>> far = pd.Timestamp("9999-12-31")
    >>> old = pd.DataFrame({"person_id": ["P1", "P1", "P2"], "home": list("ABC"), "known_to": [far] * 3})
    >>> told_anew(old, old.head(1), ["person_id", "home"], {"P1", "P2"})["home"].tolist()
    []
    >>> told_anew(old, old.head(1), ["person_id", "home"], {"P2"})["home"].tolist()
    ['A', 'B']
    """
    if not persons:
        return previous
    mine = previous[previous["person_id"].isin(persons) & (previous["known_to"] == OPEN)]
    still = mine.merge(now[key].drop_duplicates(), on=key, how="left", indicator=True)["_merge"] == "both"
    lost = set(mine.loc[~still.to_numpy(), "person_id"])
    return previous[~previous["person_id"].isin(lost)].reset_index(drop=True)


def parted(made: pd.DataFrame, barrier: pd.DataFrame, cluster_of: pd.Series) -> np.ndarray:
    """Rows of households (``person, household``) to leave out: of the person before a barrier, where the one after it
    lives too."""
    before = cluster_of.reindex(barrier["record_key_before"]).to_numpy()
    after = cluster_of.reindex(barrier["record_key_after"]).to_numpy()
    sides = made[made["person"].isin(np.concatenate([before, after]))]
    homes = sides.groupby("person")["household"].agg(set)
    out = np.zeros(len(made), dtype=bool)
    for one, other in zip(before, after, strict=True):
        if one in homes.index and other in homes.index:
            both = homes[one] & homes[other]
            out |= ((made["person"] == one) & made["household"].isin(both)).to_numpy()
    return out
