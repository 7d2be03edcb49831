"""One night of linkage, from records to persons, homes and areas. The order of the steps is the order of the law:
barriers first, evidence between, barriers last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import adjust, barriers, duck, edges, nodes, quality
from models.linkage.cluster import Constraints, cluster
from models.linkage.ledger import OPEN
from models.linkage.model import LinkageModel
from models.linkage.persons import assign
from models.linkage.places import place
from models.linkage.settings import LinkageSettings
from models.linkage.standardise import standardise

OrderHash = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class LinkageResult:
    """Frames in the shapes of the linkage tables (see the package docstring)."""

    assignment: pd.DataFrame
    events: pd.DataFrame
    redirects: pd.DataFrame
    edges: pd.DataFrame
    household_spell: pd.DataFrame
    record_household: pd.DataFrame
    person_area: pd.DataFrame
    person: pd.DataFrame
    household: pd.DataFrame
    quality: dict[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class _Solved:
    """What identity evidence alone says: node per record, cluster per node, edges (nodes) and which of them joined."""

    node: np.ndarray
    cluster: np.ndarray
    edges: pd.DataFrame
    joined: np.ndarray
    blocking: pd.DataFrame
    shared: pd.DataFrame


def link(
    con: Any,
    *,
    model: LinkageModel,
    settings: LinkageSettings,
    now: datetime,
    run_id: str,
    order_hash: OrderHash,
    areas: Mapping[str, str],
    canonical: str = "canonical",
    state: str = "linkage",
) -> LinkageResult:
    """Link everything known at ``now`` from the ledger's last state; writes nothing (see :func:`write`).

    ``con``: a DuckDB connection whose current catalog is the identity zone. ``now``: naive UTC. ``order_hash``:
    integers (0 to 2**53) for texts, the only order any result may depend on. ``areas``: postcode prefix -> team.
    Raises ``ValueError`` if a record has two current versions, ``BarrierBroken`` rather than cross a barrier.
    """
    tables = duck.read(con, now, canonical, state)
    at = pd.Timestamp(now)
    sent = tables["person_record"]
    if sent["record_key"].duplicated().any():
        raise ValueError("a record has two current versions: person_record must have one per record_key")
    known, placeholders = standardise(sent, settings)
    names_someone = known["names_a_person"].fillna(True).astype(bool) & (
        known[["forename", "surname", "nhs_number", "upn"]].notna().any(axis=1)
    )
    records = known[names_someone].reset_index(drop=True)
    position = {key: i for i, key in enumerate(records["record_key"])}
    apart = barriers.sides(tables["linkage_barrier"], position)
    solved = _solve(records, apart, position, tables, model, at, settings)
    of_record = solved.cluster[solved.node] if len(records) else np.zeros(0, dtype="int64")
    forbidden = barriers.forbidden_clusters(of_record, apart)
    ends = [solved.cluster[solved.edges[c].to_numpy()] for c in ("node_l", "node_r")]
    allowed = solved.edges[~barriers.spans(ends[0], ends[1], forbidden)]
    first = np.unique(solved.node, return_index=True)[1]
    left, right = (first[allowed[c].to_numpy()] for c in ("node_l", "node_r"))
    barriers.verify(of_record, apart, left, right)

    joined = allowed["joined"].to_numpy()
    joins = (allowed["node_l"].to_numpy()[joined], allowed["node_r"].to_numpy()[joined])
    basis = _basis(solved.node, of_record, allowed)
    persons = assign(
        records,
        of_record,
        solved.node,
        joins,
        basis,
        tables["person_assignment"],
        tables["person_event"],
        forbidden,
        at,
        run_id,
    )
    nameless = known.loc[~names_someone, ["record_key", "home_postcode", "home_uprn", "first_known"]]
    nameless.columns = pd.Index(["record_key", "postcode", "uprn", "known_from"])
    places = place(records, of_record, persons.ids, nameless.reset_index(drop=True), tables, areas, at, settings)
    text = (
        records["agency"].astype(object)
        + "\x1f"
        + records["feed"].astype(object)
        + "\x1f"
        + records["source_key"].astype(object)
    )
    person = _person_table(persons.assignment, places.person_area, records, text, position, order_hash)
    homes = places.household_first
    # Two homes of one person begin with the same record: the household's own number keeps them apart, or a tie between
    # them would be broken by chance.
    home_texts = [
        f"{one}\x1f{home}" for one, home in zip(text.iloc[homes["position"]], homes["household_id"], strict=True)
    ]
    homes = homes.assign(sort_no=np.array(order_hash(home_texts), dtype="int64") if home_texts else [])
    return LinkageResult(
        persons.assignment,
        persons.events,
        persons.redirects,
        _edge_table(records, solved.node, first, allowed, left, right, settings.deterministic_weight),
        places.household_spell,
        places.record_household,
        places.person_area,
        person,
        homes[["household_id", "sort_no"]],
        {
            "placeholders": pd.concat([placeholders, solved.shared], ignore_index=True),
            "blocking": solved.blocking,
            "link_rates": quality.link_rates(records["agency"], of_record),
            "cluster_sizes": quality.cluster_sizes(of_record),
            "edges_by_kind": quality.edges_by_kind(allowed, joined),
            "night": quality.night(
                persons.assignment, tables["person_assignment"], persons.events, len(persons.ids), len(records)
            ),
        },
    )


def _solve(
    records: pd.DataFrame,
    apart: np.ndarray,
    position: Mapping[str, int],
    tables: Mapping[str, pd.DataFrame],
    model: LinkageModel,
    now: pd.Timestamp,
    settings: LinkageSettings,
) -> _Solved:
    """Contract, score, adjust, constrain, cluster."""
    decisions = _decisions(tables["clerical_decision"], position, now)
    alone = np.zeros(len(records), dtype=bool)
    alone[apart.ravel()] = True
    for pairs in decisions.values():
        alone[pairs.ravel()] = True
    node = nodes.contract(records, alone)
    frame, shared = edges.quarantine_shared(nodes.node_frame(records, node), settings)
    own = pd.factorize(records["agency"].astype(object) + "\x1f" + records["local_id"].astype(object))[0]
    looked_at = pd.concat([edges.pairs_within(own, node, 40), *(_node_pairs(node[p]) for p in decisions.values())])
    scored, blocking = edges.build(frame, looked_at.drop_duplicates(), model, settings)
    scored = adjust.adjust(scored, settings)
    scored = _apply_decisions(scored, decisions, node, settings)
    kept = (scored["match_weight"] >= settings.keep_weight) | (scored["kind"] != "probabilistic")
    scored = scored[kept].reset_index(drop=True)
    forbidden = np.concatenate([node[apart], node[decisions["cannot_link"]]])
    left, right = scored["node_l"].to_numpy(), scored["node_r"].to_numpy()
    direct = barriers.spans(left, right, {(min(a, b), max(a, b)) for a, b in node[apart].tolist()})
    scored = scored[~direct].reset_index(drop=True)
    left, right = left[~direct], right[~direct]
    weight = scored["adjusted_weight"].to_numpy()
    before = _yesterday(node, records, tables["person_assignment"])
    constraints = Constraints(pd.factorize(frame["nhs_number"])[0], forbidden.reshape(-1, 2))
    found = cluster(len(frame), left, right, weight, constraints, settings, before)
    scored["joined"] = (found[left] == found[right]) & (weight >= settings.stay_weight)
    return _Solved(node, found, scored, scored["joined"].to_numpy(), blocking, shared)


def _decisions(table: pd.DataFrame, position: Mapping[str, int], now: pd.Timestamp) -> dict[str, np.ndarray]:
    """Record positions of the pairs people decided on, the latest decision on a pair counting."""
    bind = table[(table["decided_at"] <= now) & ~(table["expires_on"] <= now)]
    last = bind.sort_values("decided_at").drop_duplicates(["record_key_l", "record_key_r"], keep="last")
    out = {}
    for kind in ("must_link", "cannot_link"):
        rows = last[last["decision"] == kind]
        pairs = [
            (position[a], position[b])
            for a, b in zip(rows["record_key_l"], rows["record_key_r"], strict=True)
            if a in position and b in position
        ]
        out[kind] = np.sort(np.array(pairs, dtype="int64").reshape(-1, 2), axis=1)
    return out


def _node_pairs(pairs: np.ndarray) -> pd.DataFrame:
    """Node pairs, smaller first."""
    return pd.DataFrame(np.sort(pairs, axis=1), columns=["node_l", "node_r"]).astype("int64")


def _apply_decisions(
    scored: pd.DataFrame, decisions: Mapping[str, np.ndarray], node: np.ndarray, settings: LinkageSettings
) -> pd.DataFrame:
    """A must-link outweighs every other evidence; a cannot-link is a constraint and needs no weight."""
    must = {tuple(sorted(p)) for p in node[decisions["must_link"]].tolist()}
    if must:
        hit = np.fromiter(
            ((a, b) in must for a, b in zip(scored["node_l"], scored["node_r"], strict=True)),
            dtype=bool,
            count=len(scored),
        )
        scored.loc[hit, ["kind", "rule", "adjusted_by"]] = ["deterministic", "decision", None]
        scored.loc[hit, "adjusted_weight"] = 10 * settings.deterministic_weight
    return scored


def _yesterday(node: np.ndarray, records: pd.DataFrame, previous: pd.DataFrame) -> np.ndarray:
    """Number of the person each node was in the ledger's last state, -1 if none."""
    live = previous[previous["known_to"] == OPEN].drop_duplicates("record_key", keep="last")
    person = live.set_index("record_key")["person_id"].reindex(records["record_key"])
    of_node = np.full(int(node.max(initial=-1)) + 1, -1)
    np.maximum.at(of_node, node, pd.factorize(person)[0])
    return of_node


def _basis(node: np.ndarray, cluster_of: np.ndarray, found: pd.DataFrame) -> np.ndarray:
    """How sure: ``deterministic`` when an identifier or an equal identity ties the record to its person."""
    records_in = np.bincount(node)
    sure = records_in > 1
    hard = found[found["joined"] & (found["kind"] == "deterministic")]
    sure[hard["node_l"]] = True
    sure[hard["node_r"]] = True
    alone = np.bincount(cluster_of)[cluster_of] == 1
    return np.select([alone, sure[node]], ["single", "deterministic"], "probabilistic").astype(object)


def _edge_table(
    records: pd.DataFrame,
    node: np.ndarray,
    first: np.ndarray,
    found: pd.DataFrame,
    left: np.ndarray,
    right: np.ndarray,
    weight: float,
) -> pd.DataFrame:
    """Edges between records: each scored pair by the first record of its nodes, and equal records to that first one."""
    key = records["record_key"].to_numpy(dtype=object)
    scored = found[["kind", "rule", "match_weight", "adjusted_weight", "adjusted_by", "weights"]].assign(
        record_key_l=key[left], record_key_r=key[right]
    )
    rest = np.flatnonzero(first[node] != np.arange(len(node)))
    equal = pd.DataFrame(
        {
            "record_key_l": key[first[node[rest]]],
            "record_key_r": key[rest],
            "kind": "deterministic",
            "rule": "identical",
        }
    )
    equal = equal.assign(match_weight=weight, adjusted_weight=weight, adjusted_by=None, weights=None)
    columns = [
        "record_key_l",
        "record_key_r",
        "kind",
        "rule",
        "match_weight",
        "adjusted_weight",
        "adjusted_by",
        "weights",
    ]
    parts = [t[columns] for t in (scored, equal) if len(t)]
    return pd.concat(parts, ignore_index=True) if parts else scored[columns]


def _person_table(
    assignment: pd.DataFrame,
    person_area: pd.DataFrame,
    records: pd.DataFrame,
    text: pd.Series,
    position: Mapping[str, int],
    order_hash: OrderHash,
) -> pd.DataFrame:
    """``person_id, birth_month, area_team, sort_no, known_from, known_to``: a row per person and spell in one area."""
    rows = assignment.assign(position=assignment["record_key"].map(position)).dropna(subset=["position"])
    rows["position"] = rows["position"].astype("int64")
    rows["birth"] = records["birth_date"].to_numpy(dtype=object)[rows["position"]]
    born = rows.dropna(subset=["birth"]).groupby(["person_id", "birth"]).size().rename("n").reset_index()
    born = born.sort_values(["person_id", "n", "birth"], ascending=[True, False, True]).drop_duplicates("person_id")
    month = pd.to_datetime(born.set_index("person_id")["birth"].str.slice(0, 7) + "-01").astype("datetime64[us]")
    life = rows.groupby("person_id").agg(known_from=("known_from", "min"), known_to=("known_to", "max")).reset_index()
    # A person in use is ordered by the records it has; one out of use by those it had, told apart by its own id.
    live = rows[rows["known_to"] == OPEN].groupby("person_id")["position"].min()
    had = rows.groupby("person_id")["position"].min()
    texts = _order_texts(life["person_id"], live, had, text)
    life["sort_no"] = np.array(order_hash(texts), dtype="int64") if len(life) else np.zeros(0, dtype="int64")
    life["birth_month"] = month.reindex(life["person_id"]).to_numpy()
    spells = _area_spells(life, person_area)
    out = spells.merge(life[["person_id", "birth_month", "sort_no"]], on="person_id")
    return out[["person_id", "birth_month", "area_team", "sort_no", "known_from", "known_to"]]


def _order_texts(person: pd.Series, live: pd.Series, had: pd.Series, text: pd.Series) -> list[str]:
    """The text each person is ordered by."""
    values = text.to_numpy(dtype=object)
    least = live.reindex(person).to_numpy()
    old = had.reindex(person).to_numpy()
    return [
        values[int(now)] if now == now else f"{values[int(then)]}\x1f{p}"
        for p, now, then in zip(person, least, old, strict=True)
    ]


def _area_spells(life: pd.DataFrame, person_area: pd.DataFrame) -> pd.DataFrame:
    """The life of each person cut where the area changes; before any area is known it is NULL."""
    spells = person_area.merge(life[["person_id", "known_from", "known_to"]], on="person_id", suffixes=("", "_life"))
    spells["known_from"] = spells[["known_from", "known_from_life"]].max(axis=1)
    spells["known_to"] = spells[["known_to", "known_to_life"]].min(axis=1)
    spells = spells.loc[spells["known_from"] < spells["known_to"], ["person_id", "area_team", "known_from", "known_to"]]
    start = spells.groupby("person_id")["known_from"].min().rename("starts")
    early = life[["person_id", "known_from", "known_to"]].merge(start, on="person_id", how="left")
    early = early[early["starts"].isna() | (early["starts"] > early["known_from"])]
    early = early.assign(known_to=early["starts"].fillna(early["known_to"]), area_team=None).drop(columns="starts")
    return pd.concat([p for p in (spells, early) if len(p)] or [spells], ignore_index=True)


def write(con: Any, result: LinkageResult, state: str = "linkage") -> None:
    """Store ``result`` in the linkage tables, in one transaction."""
    replaced = {
        "person_assignment": result.assignment,
        "edge": result.edges,
        "household_spell": result.household_spell,
        "record_household": result.record_household,
        "person_area": result.person_area,
    }
    duck.write(con, replaced, {"person_event": result.events, "person_redirect": result.redirects}, state)
