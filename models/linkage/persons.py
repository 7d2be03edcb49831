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
) -> Persons:
    """Settle clusters into persons and bring the assignment up to ``now``.

    ``records`` (content order): ``record_key, first_known``. ``joins``: node pairs that joined inside clusters.
    ``basis``: per record, ``single | deterministic | probabilistic``. ``previous``, ``events``: the ledger so far.
    """
    is_open = previous["known_to"] == OPEN
    before = _by_record(previous[is_open], records)
    disused = ~previous["person_id"].isin(previous.loc[is_open, "person_id"].unique())
    former = _by_record(previous[disused].sort_values("known_from"), records)
    live = (
        previous[is_open]
        .groupby("person_id")["known_from"]
        .min()
        .reset_index()
        .sort_values(["known_from", "person_id"])
    )
    age = pd.Series(np.arange(len(live)), index=live["person_id"])
    mint = Mint.after("P", pd.concat([previous["person_id"], events["person_id"]]))
    silent = {c for pair in forbidden for c in pair}
    settled = settle(cluster, before, age, mint, former=former, silent=silent)
    ids = np.array(settled.ids, dtype=object)
    mine = ids[cluster] if len(cluster) else np.array([], dtype=object)
    new = before.isna().to_numpy()
    known = records["first_known"].to_numpy().astype("datetime64[us]").astype("int64")
    past = _replay(known, cluster, node, joins, ~new & (before.to_numpy(dtype=object) == mine))
    start = np.maximum(known, past.joined_at[node]) if len(node) else known
    current = pd.DataFrame(
        {
            "record_key": records["record_key"],
            "person_id": mine,
            "known_from": start.astype("datetime64[us]"),
            "link_basis": basis,
        }
    )
    current = current.assign(
        reason=np.where(new, "linked", np.where(before.to_numpy(dtype=object) == mine, "basis_changed", "moved")),
        run_id=run_id,
    )
    rows = [advance(previous, current, ["record_key"], ["person_id", "link_basis"], now)]
    log = [(person, event, other, now) for person, event, other in settled.events]
    redirects = [(person, other, now) for person, event, other in settled.events if event == "merged"]
    rows += _provisional(past, records, known, node, new, mine, mint, run_id, log, redirects)
    assignment = pd.concat([r for r in rows if len(r)], ignore_index=True) if any(len(r) for r in rows) else rows[0]
    assignment = assignment.sort_values(["record_key", "known_from"]).reset_index(drop=True)
    assignment = _part_history(assignment, records, cluster, ids, forbidden)
    return Persons(
        ids,
        assignment[["record_key", "person_id", "known_from", "known_to", "link_basis", "reason", "run_id"]],
        pd.DataFrame(log, columns=["person_id", "event", "other_person_id", "happened_at"]).assign(run_id=run_id),
        pd.DataFrame(redirects, columns=["person_id", "to_person_id", "redirected_at"]),
    )


def _by_record(rows: pd.DataFrame, records: pd.DataFrame) -> pd.Series:
    """The (last) person id of each record among ``rows``, in record order."""
    last = rows.drop_duplicates("record_key", keep="last").set_index("record_key")["person_id"]
    return last.reindex(records["record_key"]).reset_index(drop=True).astype(object)


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
    records: pd.DataFrame,
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
                "record_key": records["record_key"].to_numpy()[held["position"]],
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
