"""The ledger: who a record is, since when we knew, and what became of every id ever given out.

A cluster label means nothing tomorrow; a ``person_id`` must. Each night's clusters are matched to yesterday's persons:

- a cluster keeps the person most of its records belong to (ties: the older person), and a person goes to one cluster;
- a cluster left without a person is *minted* a new one (or has an old one *reinstated* when its records once were it);
- a person left without a cluster is *merged* (its records went elsewhere: a redirect for ever) or *retired*.

Worked example: yesterday A = {1, 2, 3}, B = {4}. Tonight {1, 2, 4} and {3}: A keeps {1, 2, 4}, B merges into A, {3} is
minted C, an event says C split from A.

Ids come from a counter, in the order of content (least agency, feed, source key), never of a keyed hash, so that two
machines with different keys give the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.linkage.nodes import equal_rows


@dataclass
class Mint:
    """Gives out ids ``<prefix>000000001`` onwards; ``last`` is the last number given.

    >>> m = Mint("P", 41)
    >>> m.take(), m.take()
    ('P000000042', 'P000000043')
    """

    prefix: str
    last: int = 0

    def take(self) -> str:
        """The next id."""
        self.last += 1
        return f"{self.prefix}{self.last:09d}"

    @classmethod
    def after(cls, prefix: str, used: pd.Series) -> Mint:
        """A mint that continues after every id in ``used``."""
        numbers = used.dropna().str[len(prefix) :].astype("int64") if len(used) else pd.Series([], dtype="int64")
        return cls(prefix, int(numbers.max()) if len(numbers) else 0)


@dataclass
class Settled:
    """Which id each cluster has, and what happened: rows ``(id, event, other id or None)``."""

    ids: list[str]
    events: list[tuple[str, str, str | None]] = field(default_factory=list)


def settle(
    cluster: np.ndarray, before: pd.Series, age: pd.Series, mint: Mint, *, former: pd.Series | None = None,
    silent: set[int] | None = None, steady: np.ndarray | None = None,
) -> Settled:  # fmt: skip
    """Give every cluster its id.

    ``cluster``: label per record (0..k-1, numbered in content order). ``before``: the id each record had, NULL if none.
    ``age``: index = every id that had records, value = rank, 0 the oldest. ``former``: an id the record had earlier and
    that is out of use. ``silent``: clusters whose split must leave no trace of where from (a barrier parted them).
    ``steady``: mask of records that say what they said; of two equal parts of a person theirs keeps the id.

    >>> before, age = pd.Series(["P1", "P1", "P1", "P2"]), pd.Series({"P1": 0, "P2": 1})
    >>> s = settle(np.array([0, 0, 1, 0]), before, age, Mint("P", 2))
    >>> s.ids, s.events
    (['P1', 'P000000003'], [('P000000003', 'minted', None), ('P000000003', 'split', 'P1'), ('P2', 'merged', 'P1')])
    """
    k = int(cluster.max(initial=-1)) + 1
    labels, names, alone = _claims(cluster, before, age, former, steady)
    ids = np.full(k, None, dtype=object)
    ids[labels[alone]] = names[alone]
    taken = set(names[alone].tolist())
    for label, claimed in zip(labels[~alone].tolist(), names[~alone].tolist(), strict=True):
        if ids[label] is None and claimed not in taken:
            ids[label] = claimed
            taken.add(claimed)
    # The first claim in this order is the strongest, and a later entry of a dictionary replaces an earlier one.
    main_source = dict(zip(labels[::-1].tolist(), names[::-1].tolist(), strict=True))
    goes_to = dict(zip(names[::-1].tolist(), labels[::-1].tolist(), strict=True))
    out = Settled([])
    old = _former_ids(cluster, former, taken) if former is not None else {}
    for label in np.flatnonzero(pd.isna(ids)).tolist():
        again = old.get(label)
        name = ids[label] = again if again is not None and again not in taken else mint.take()
        out.events.append((name, "reinstated" if name == again else "minted", None))
        taken.add(name)
        if label in main_source and label not in (silent or ()):
            out.events.append((name, "split", main_source[label]))
    out.ids = ids.tolist()
    for name in [name for name in age.sort_values().index.tolist() if name not in taken]:
        out.events.append((name, "merged", out.ids[goes_to[name]]) if name in goes_to else (name, "retired", None))
    return out


def _claims(
    cluster: np.ndarray, before: pd.Series, age: pd.Series, former: pd.Series | None, steady: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clusters and the ids whose records they hold, side by side, the strongest claim first; and which claims nobody
    contests: the only one of its cluster, and the only one of its id.

    More records, then the older id; of two equal claims of one id the better is from those who always were this person,
    not from those who came by a merge, and then from those who say what they said.
    """
    code, ids = pd.factorize(before)
    had = code >= 0
    claim, which, n = np.unique(cluster[had] * (len(ids) + 1) + code[had], return_inverse=True, return_counts=True)
    native = former.isna().to_numpy()[had] if former is not None else np.ones(int(had.sum()))
    label, code = claim // (len(ids) + 1), claim % (len(ids) + 1)
    alone = (np.bincount(label)[label] == 1) & (np.bincount(code)[code] == 1)
    rank = age.reindex(ids).to_numpy()[code] if len(ids) else np.zeros(0)
    same = np.ones(len(which)) if steady is None else steady[had]
    equal = [-np.bincount(which, weights=weights, minlength=len(claim)) for weights in (same, native)]
    order = np.lexsort((label, *equal, rank, -n))
    return label[order], np.asarray(ids, dtype=object)[code[order]], alone[order]


def _former_ids(cluster: np.ndarray, former: pd.Series, in_use: set[str]) -> dict[int, str]:
    """Cluster -> the disused id that more than half of its records once had."""
    known = former.notna().to_numpy()
    if not known.any():
        return {}
    size = np.bincount(cluster)
    counts = pd.DataFrame({"cluster": cluster[known], "id": former[known].to_numpy(dtype=object)})
    counts = counts.value_counts().rename("n").reset_index()
    most = counts[2 * counts["n"] > size[counts["cluster"]]]
    return {label: name for label, name in zip(most["cluster"], most["id"], strict=True) if name not in in_use}


OPEN = pd.Timestamp("9999-12-31")


def codes(one: pd.DataFrame, other: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """A number for each row of two frames of the same columns, equal where rows are; below the rows of both together.

    >>> [side.tolist() for side in codes(pd.DataFrame({"k": ["a", "b"]}), pd.DataFrame({"k": ["b", "c"]}))]
    [[0, 1], [1, 2]]
    """
    rows = pd.concat([one, other], ignore_index=True)
    number = equal_rows(rows, np.zeros(len(rows), dtype=bool))
    return number[: len(one)], number[len(one) :]


def advance(
    previous: pd.DataFrame, current: pd.DataFrame, key: list[str], value: list[str], now: pd.Timestamp
) -> pd.DataFrame:
    """Next state of a versioned table: unchanged rows keep their interval, changed ones close and open.

    ``previous`` has ``key + value + known_from, known_to`` (and other columns, kept); ``current`` is the truth now, one
    row a key, with a proposed ``known_from`` that counts when the key has no open row; a changed row starts at ``now``.
    Key and value columns must not be NULL where they decide sameness, except in ``value`` (NULL equals NULL).

    >>> t = pd.Timestamp
    >>> old = pd.DataFrame({"k": [1, 2], "v": ["a", "b"], "known_from": [t("2026-01-01")] * 2, "known_to": [OPEN] * 2})
    >>> since = [t("2026-01-01"), t("2026-01-01"), t("2026-01-05")]
    >>> new = pd.DataFrame({"k": [1, 2, 3], "v": ["a", "c", "d"], "known_from": since})
    >>> advance(old, new, ["k"], ["v"], t("2026-01-09"))[["k", "v"]].to_numpy().tolist()
    [[1, 'a'], [2, 'b'], [2, 'c'], [3, 'd']]
    """
    current = current.reset_index(drop=True)
    if previous.empty:
        return current.assign(known_to=OPEN).sort_values([*key, "known_from"]).reset_index(drop=True)
    is_open = previous["known_to"] == OPEN
    live = previous[is_open]
    was, now_is = codes(live[key], current[key])
    then = np.full(len(live) + len(current), -1)
    then[now_is] = np.arange(len(current))
    then = then[was]
    met = np.flatnonzero(then >= 0)
    same = np.ones(len(met), dtype=bool)
    for column in value:
        a, b = live[column].take(met).reset_index(drop=True), current[column].take(then[met]).reset_index(drop=True)
        same &= ((a == b) | (a.isna() & b.isna())).fillna(False).to_numpy(dtype=bool)
    keep = np.zeros(len(live), dtype=bool)
    keep[met[same]] = True
    # A row that opened at this very instant (the same night run twice) is replaced, not closed with an empty interval.
    closed = live[~keep & (live["known_from"] < now).to_numpy()].assign(known_to=now)
    known, kept = np.isin(now_is, was), np.isin(now_is, was[keep])
    fresh = current[~kept].copy()
    fresh.loc[(known & ~kept)[~kept], "known_from"] = now
    parts = [previous[~is_open], live[keep], closed, fresh.assign(known_to=OPEN)]
    return (
        pd.concat([p for p in parts if len(p)], ignore_index=True)
        .sort_values([*key, "known_from"])
        .reset_index(drop=True)
    )
