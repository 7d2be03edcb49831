"""From tonight's clusters to the ledger's rows: assignment with both clocks, events, redirects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage import backlog
from models.linkage.ledger import OPEN, Mint, advance, settle


@dataclass(frozen=True)
class Persons:
    """``ids``: person id by cluster number. The frames have the shapes of the linkage tables."""

    ids: np.ndarray
    assignment: pd.DataFrame
    events: pd.DataFrame
    redirects: pd.DataFrame


def assign(
    records: pd.DataFrame,
    cluster: np.ndarray,
    node: np.ndarray,
    joins: tuple[np.ndarray, np.ndarray],
    basis: np.ndarray,
    previous: pd.DataFrame,
    events: pd.DataFrame,
    forbidden: set[tuple[int, int]],
    now: pd.Timestamp,
    run_id: str,
    steady: np.ndarray | None = None,
) -> Persons:
    """Settle clusters into persons and bring the assignment up to ``now``.

    ``records`` (content order): ``record_key, first_known``, and ``known_from`` of the present version.
    ``joins``: node pairs that joined inside clusters.
    ``basis``: per record, ``single | deterministic | probabilistic``. ``previous``, ``events``: the ledger so far.
    ``steady``: mask of records that say what they said on the last night, all if not given.
    """
    # Keys and ids as numbers: a record's is its position, those that have gone follow in the ledger's order.
    earlier_key = previous["record_key"].astype(records["record_key"].dtype)
    of_row, keys = pd.factorize(pd.concat([records["record_key"], earlier_key], ignore_index=True))
    of_row = of_row[len(records) :]
    code, ids_so_far = pd.factorize(previous["person_id"])
    known_ids = np.asarray(ids_so_far, dtype=object)
    is_open = (previous["known_to"] == OPEN).to_numpy()
    in_use = np.zeros(len(known_ids), dtype=bool)
    in_use[code[is_open]] = True
    since = previous["known_from"].to_numpy()
    closed = np.flatnonzero(~in_use[code])
    closed = closed[np.argsort(since[closed], kind="stable")]
    was = _last(of_row[is_open], code[is_open], len(keys))[: len(records)]
    once = _last(of_row[closed], code[closed], len(keys))[: len(records)]
    names = np.array([*known_ids, None], dtype=object)
    mint = Mint.after("P", pd.concat([pd.Series(known_ids), events["person_id"]]))
    silent = {c for pair in forbidden for c in pair}
    age = _ages(code[is_open], since[is_open], names)
    before, former = pd.Series(names[was], dtype=object), pd.Series(names[once], dtype=object)
    settled = settle(cluster, before, age, mint, former=former, silent=silent, steady=steady)
    ids = np.array(settled.ids, dtype=object)
    mine = ids[cluster] if len(cluster) else np.array([], dtype=object)
    number = {name: n for n, name in enumerate(known_ids)}
    id_code = np.array([number.setdefault(name, len(number)) for name in settled.ids], dtype="int64")
    person = id_code[cluster] if len(cluster) else np.zeros(0, dtype="int64")
    new, stayed = was < 0, was == person
    known = records["first_known"].to_numpy().astype("datetime64[us]").astype("int64")
    back = new & (_last(of_row, np.ones(len(of_row), dtype="int64"), len(keys))[: len(records)] > 0)
    known = np.where(back, _back_since(records, previous, of_row), known)
    past = _replay(known, cluster, node, joins, stayed)
    start = np.maximum(known, past.joined_at[node]) if len(node) else known
    current = pd.DataFrame(
        {
            "record": np.arange(len(records)),
            "person": person,
            "known_from": start.astype("datetime64[us]"),
            "link_basis": basis,
            "reason": np.select([new, stayed], ["linked", "basis_changed"], "moved").astype(object),
            "run_id": run_id,
        }
    )
    earlier = previous[["known_from", "known_to", "link_basis", "reason", "run_id"]]
    earlier = earlier.assign(record=of_row, person=code)
    rows = advance(earlier, current, ["record"], ["person", "link_basis"], now)
    rows["person_id"] = np.array(list(number), dtype=object)[rows["person"].to_numpy()]
    log = [(name, event, other, now) for name, event, other in settled.events]
    redirects = [(name, other, now) for name, event, other in settled.events if event == "merged"]
    alone = _provisional(past, known, node, new, mine, mint, run_id, log, redirects)
    assignment = pd.concat([rows, *alone], ignore_index=True) if alone else rows
    assignment = assignment.sort_values(["record", "known_from"], kind="stable").reset_index(drop=True)
    assignment["record_key"] = keys.take(assignment["record"].to_numpy(dtype="int64"))
    assignment = _part_history(assignment, records, cluster, ids, forbidden)
    return Persons(
        ids,
        assignment[["record_key", "person_id", "known_from", "known_to", "link_basis", "reason", "run_id"]],
        pd.DataFrame(log, columns=["person_id", "event", "other_person_id", "happened_at"]).assign(run_id=run_id),
        pd.DataFrame(redirects, columns=["person_id", "to_person_id", "redirected_at"]),
    )


def _back_since(records: pd.DataFrame, previous: pd.DataFrame, of_row: np.ndarray) -> np.ndarray:
    """From when (microseconds) each record is known that had gone and has come back: never while it was gone, or it
    would have been two persons at once."""
    ended = np.full(max(len(records), int(of_row.max(initial=-1)) + 1), np.iinfo("int64").min)
    np.maximum.at(ended, of_row, previous["known_to"].to_numpy().astype("datetime64[us]").astype("int64"))
    sent = records["known_from"].to_numpy().astype("datetime64[us]").astype("int64")
    return np.maximum(sent, ended[: len(records)])


def _last(place: np.ndarray, value: np.ndarray, size: int) -> np.ndarray:
    """The last value given for each place, -1 where none is.

    >>> _last(np.array([2, 0, 2]), np.array([7, 8, 9]), 3).tolist()
    [8, -1, 9]
    """
    out = np.full(size, -1, dtype="int64")
    out[place] = value
    return out


def _ages(code: np.ndarray, since: np.ndarray, names: np.ndarray) -> pd.Series:
    """Age of the persons in use, 0 the oldest: by the earliest row that is still open, then by id."""
    order = np.lexsort((since, code))
    first = order[np.diff(code[order], prepend=-1) > 0]
    live = pd.DataFrame({"id": names[code[first]], "since": since[first]}).sort_values(["since", "id"])
    return pd.Series(np.arange(len(live)), index=live["id"])


def _replay(
    known: np.ndarray, cluster: np.ndarray, node: np.ndarray, joins: tuple[np.ndarray, np.ndarray], was_mine: np.ndarray
) -> backlog.Replay:
    """Replay at the level of nodes; a node is as old as its first record."""
    n = int(node.max(initial=-1)) + 1
    first = np.full(n, np.iinfo("int64").max)
    np.minimum.at(first, node, known)
    of_node = np.zeros(n, dtype="int64")
    of_node[node] = cluster
    settled = np.zeros(n, dtype=bool)
    settled[node[was_mine]] = True
    return backlog.replay(first, np.bincount(node, minlength=n), of_node, joins[0], joins[1], settled)


def _provisional(
    past: backlog.Replay,
    known: np.ndarray,
    node: np.ndarray,
    new: np.ndarray,
    mine: np.ndarray,
    mint: Mint,
    run_id: str,
    log: list[tuple[str, str, str | None, pd.Timestamp]],
    redirects: list[tuple[str, str | None, pd.Timestamp]],
) -> list[pd.DataFrame]:
    """Closed rows of those who stood alone until a later record joined them, with their events and redirects."""
    if not past.stays:
        return []
    stays = pd.DataFrame(past.stays).sort_values(["token", "node", "start"])
    held = pd.DataFrame({"node": node, "position": np.arange(len(node)), "known": known})[new].merge(stays, on="node")
    held["start"] = np.maximum(held["known"], held["start"])
    held = held[held["start"] < held["end"]]
    names: dict[int, str] = {}
    for token, position, start in held[["token", "position", "start"]].itertuples(index=False, name=None):
        if token not in names:
            names[token] = mint.take()
            target = mine[position]
            at = pd.Timestamp(past.merged[token], unit="us")
            log += [
                (names[token], "minted", None, pd.Timestamp(start, unit="us")),
                (names[token], "merged", target, at),
            ]
            redirects.append((names[token], target, at))
    return [
        pd.DataFrame(
            {
                "record": held["position"].to_numpy(),
                "person_id": held["token"].map(names).to_numpy(dtype=object),
                "known_from": held["start"].to_numpy().astype("datetime64[us]"),
                "known_to": held["end"].to_numpy().astype("datetime64[us]"),
                "link_basis": "single",
                "reason": "provisional",
                "run_id": run_id,
            }
        )
    ]


def _part_history(
    assignment: pd.DataFrame,
    records: pd.DataFrame,
    cluster: np.ndarray,
    ids: np.ndarray,
    forbidden: set[tuple[int, int]],
) -> pd.DataFrame:
    """No id, not even a closed one, may have held records from both sides of a barrier: the later side's rows move."""
    if not forbidden:
        return assignment
    touched = np.unique(np.array(sorted(forbidden)).ravel())
    here = np.flatnonzero(np.isin(cluster, touched))
    label = pd.Series(cluster[here], index=records["record_key"].to_numpy()[here])
    rows = np.flatnonzero(assignment["record_key"].isin(label.index).to_numpy())
    part = label.reindex(assignment["record_key"].to_numpy()[rows]).to_numpy()
    person = assignment["person_id"].to_numpy(dtype=object).copy()
    by_label = {int(c): rows[part == c] for c in touched}
    for a, b in sorted(forbidden):
        for keeper, mover in ((a, b), (b, a)):
            shared = {person[i] for i in by_label[mover]} & ({person[i] for i in by_label[keeper]} - {ids[mover]})
            for i in by_label[mover]:
                if person[i] in shared:
                    person[i] = ids[mover]
    return assignment.assign(person_id=person)
