"""One night of linkage, from records to persons, homes and areas. The order of the steps is the order of the law:
barriers first, evidence between, barriers last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import attention, barriers, decisions, duck, history, keep, quality, queue
from models.linkage.ledger import OPEN
from models.linkage.model import LinkageModel
from models.linkage.person_table import OrderHash, lives, person_table
from models.linkage.persons import assign
from models.linkage.places import place
from models.linkage.settings import LinkageSettings
from models.linkage.solve import Solved, solve
from models.linkage.stand_ins import speak_for_the_gone
from models.linkage.standardise import standardise

EDGE_COLUMNS = [
    "record_key_l", "record_key_r", "kind", "rule", "match_weight", "adjusted_weight", "adjusted_by", "weights",
]  # fmt: skip


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
    deprivation: pd.DataFrame
    """``person_id, deprivation_quintile`` of persons' latest homes; for the fairness audit, never stored here."""
    queue: pd.DataFrame
    attention: pd.DataFrame
    quality: dict[str, pd.DataFrame] = field(default_factory=dict)
    records: pd.DataFrame | None = field(default=None, repr=False)
    """The standardised records that name a person, in content order; never stored."""


def link(
    con: Any,
    *,
    model: LinkageModel | None,
    settings: LinkageSettings,
    now: datetime,
    run_id: str,
    order_hash: OrderHash,
    areas: Mapping[str, str],
    deprivation: Mapping[str, str] | None = None,
    on_open_list: Collection[str] = (),
    canonical: str = "canonical",
    state: str = "linkage",
) -> LinkageResult:
    """Link everything known at ``now`` from the ledger's last state; writes nothing (see :func:`write`).

    ``con``: a DuckDB connection whose current catalog is the identity zone. ``now``: naive UTC. ``order_hash``:
    integers (0 to 2**53) for texts, the only order any result may depend on. ``areas``: outward code -> team.
    ``deprivation``: area (see area.py) -> its fifth of deprivation, where the partnership has such a table.
    ``on_open_list``: ids of persons who stand on a list in use: two of them become one by a person's decision alone.
    ``model``: None keeps yesterday's persons and edges (see keep.py): records that have gone stay as they last were.
    Raises ``ValueError`` if a record has two current versions, ``BarrierBroken`` rather than cross a barrier.
    """
    at = pd.Timestamp(now)
    # Of a million records one copy is enough: what was sent goes when it is standardised, and so on.
    sent = duck.read_records(con, now, canonical, state, gone=model is None)
    if sent["record_key"].duplicated().any():
        raise ValueError("a record has two current versions: person_record must have one per record_key")
    # Python standardises on one core while DuckDB reads the rest on the other.
    with ThreadPoolExecutor(1) as beside:
        rest = beside.submit(duck.read, con, now, canonical, state, gone=model is None)
        known, placeholders = standardise(sent, settings)
        tables = rest.result()
    names_someone = known["names_a_person"].fillna(True).astype(bool) & (
        known[settings.naming_columns].notna().any(axis=1)
    )
    records = known[names_someone].reset_index(drop=True)
    nameless = known.loc[~names_someone, ["record_key", "home_postcode", "home_uprn", "first_known"]]
    del sent, known
    position = _positions(records["record_key"], tables)
    apart = barriers.sides(tables["linkage_barrier"], position)
    decided_on = speak_for_the_gone(tables["clerical_decision"], tables["person_assignment"], position)
    stands = decisions.standing(decided_on, at)
    before, listed = _yesterday(records, tables["person_assignment"], on_open_list)
    last, _ = history.last_night(con, now, state)
    steady = np.ones(len(records), dtype=bool) if last is None else (records["known_from"] <= last).to_numpy()
    kept = None
    if model is None:
        kept = keep.yesterday(records, apart, tables["person_assignment"])
        solved = _unsolved(kept.cluster)
    else:
        decided = decisions.by_position(stands, position)
        held = np.where(listed, before, -1)
        solved = solve(
            records,
            model=model,
            settings=settings,
            apart=apart,
            decided=decided,
            before=before,
            held=held,
            steady=steady,
        )
    of_record = solved.cluster[solved.node] if len(records) else np.zeros(0, dtype="int64")
    forbidden = barriers.forbidden_clusters(of_record, apart)
    ends = [solved.cluster[solved.edges[c].to_numpy()] for c in ("node_l", "node_r")]
    spans = barriers.spans(ends[0], ends[1], forbidden)
    # A copy of all edges is a tenth of a large night's memory.
    allowed = solved.edges[~spans] if spans.any() else solved.edges
    first = np.unique(solved.node, return_index=True)[1]
    left, right = (first[allowed[c].to_numpy()] for c in ("node_l", "node_r"))
    barriers.verify(of_record, apart, left, right)

    joined = allowed["joined"].to_numpy()
    joins = (allowed["node_l"].to_numpy()[joined], allowed["node_r"].to_numpy()[joined])
    basis = kept.basis if kept else _basis(solved.node, of_record, allowed)
    ledger = tables["person_assignment"]
    aside = keep.not_sent(ledger, records) if kept else np.zeros(len(ledger), dtype=bool)
    persons = assign(
        records,
        of_record,
        solved.node,
        joins,
        basis,
        ledger[~aside],
        tables["person_event"],
        forbidden,
        at,
        run_id,
        steady,
    )
    assignment = persons.assignment
    if kept:
        assignment = keep.marked(assignment, ledger, aside)
    if kept:
        nameless = nameless[~nameless["record_key"].isin(assignment["record_key"])]
    nameless.columns = pd.Index(["record_key", "postcode", "uprn", "known_from"])
    # Homes need no more than the persons, and nothing else here needs the homes before the end: the second core's work.
    beside = ThreadPoolExecutor(1)
    placing = beside.submit(
        place, records, of_record, persons.ids, nameless.reset_index(drop=True), tables, areas, deprivation or {}, at,
        settings,
    )  # fmt: skip
    beside.shutdown(wait=False)
    agency, feed, source = (records[c].astype("str") for c in ("agency", "feed", "source_key"))
    text = agency + "\x1f" + feed + "\x1f" + source
    town = queue.Town(
        records["record_key"].to_numpy(dtype=object), text, records["agency"].to_numpy(dtype=object), of_record,
        persons.ids, before, listed, queue.number_by_cluster(records["nhs_number"], of_record), forbidden,
    )  # fmt: skip
    if kept:
        asked = queue.yesterday(town, tables["review_queue"], kept.parted, position)
        attend = tables["needs_attention"]
        gone = set(town.keys[kept.parted])
        attend = attend.loc[[gone.isdisjoint(keys) for keys in attend["record_keys"]]]
    else:
        frozen = attention.speakable(solved.frozen, of_record, forbidden)
        pairs = allowed.assign(l=left, r=right)
        previous = tables["review_queue"]
        asked = queue.build(town, solved.held, frozen, pairs, stands, position, previous, at, order_hash, settings)
        attend = attention.table(
            frozen, text, town.keys, of_record, persons.ids, tables["needs_attention"], at, order_hash
        )
    counted = {
        "placeholders": pd.concat([placeholders, solved.shared], ignore_index=True),
        "blocking": solved.blocking,
        "feeds": quality.feeds(records),
        "link_rates": quality.link_rates(records["agency"], of_record),
        "conflicts": quality.conflicts(records, of_record),
        "cluster_sizes": quality.cluster_sizes(of_record),
        "edges_by_kind": quality.edges_by_kind(allowed, joined),
        "queue": queue.counts(asked, at),
        "decisions": decisions.counts(stands, solved.idle, len(attend)),
        "night": quality.night(
            persons.events, len(persons.ids), len(records), len(tables["linkage_barrier"]), solved.cluster
        ),
    }
    of_persons = lives(assignment, records, text, order_hash)
    places = placing.result()
    person = person_table(of_persons, places.person_area)
    # After the homes, not beside them: the two together would be the most memory a night takes.
    edges = (
        keep.edges(tables["edge"], records, kept)
        if kept
        else _edge_table(records, solved.node, first, allowed, left, right, settings.deterministic_weight)
    )
    homes = places.household_first
    # Two homes of one person begin with the same record: the household's own number keeps them apart, or a tie between
    # them would be broken by chance.
    begins = text.to_numpy(dtype=object)[homes["position"].to_numpy()]
    home_texts = [f"{one}\x1f{home}" for one, home in zip(begins, homes["household_id"].tolist(), strict=True)]
    homes = homes.assign(sort_no=np.array(order_hash(home_texts), dtype="int64") if home_texts else [])
    return LinkageResult(
        assignment,
        persons.events,
        persons.redirects,
        edges,
        places.household_spell,
        places.record_household,
        places.person_area,
        person,
        homes[["household_id", "sort_no"]],
        places.deprivation,
        asked,
        attend,
        counted,
        records,
    )


def _positions(record_key: pd.Series, tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    """Place of each record that a barrier, a person's decision or yesterday's queue names; of every record where a
    decision names one that has gone, since another may speak for it."""
    named = {"linkage_barrier": ("before", "after"), "clerical_decision": ("l", "r"), "review_queue": ("l", "r")}
    keys = {
        table: pd.unique(pd.concat([tables[table][f"record_key_{side}"] for side in sides]).astype(record_key.dtype))
        for table, sides in named.items()
    }
    asked = np.flatnonzero(record_key.isin(np.concatenate([*keys.values()])))
    found = dict(zip(record_key.take(asked).tolist(), asked.tolist(), strict=True))
    if all(key in found for key in keys["clerical_decision"]):
        return found
    return dict(zip(record_key.tolist(), range(len(record_key)), strict=True))


def _unsolved(cluster_of: np.ndarray) -> Solved:
    """What stands in for an answer when yesterday's persons are kept: every record a node, nothing scored."""
    nothing = {"node_l": "int64", "node_r": "int64", "joined": "bool", "adjusted_weight": "float64"}
    columns = [*nothing, "kind", "rule", "adjusted_by"]
    scored = pd.DataFrame(columns=columns).astype(nothing)
    blocking = pd.DataFrame(columns=["rule", "pairs", "cut_keys", "cut_pairs"])
    return Solved(np.arange(len(cluster_of)), cluster_of, scored, blocking, pd.DataFrame(columns=["reason", "records"]))


def _yesterday(
    records: pd.DataFrame, previous: pd.DataFrame, on_open_list: Collection[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Code of the person each record was in the ledger's last state (-1 nobody); whether that one is on a list."""
    live = previous.loc[previous["known_to"] == OPEN, ["record_key", "person_id"]]
    at = pd.factorize(pd.concat([records["record_key"], live["record_key"]], ignore_index=True))[0][len(records) :]
    code, persons = pd.factorize(live["person_id"])
    of_record = np.full(max(len(records), at.max(initial=-1) + 1), -1, dtype="int64")
    of_record[at] = code
    listed = np.array([*pd.Index(persons).isin(list(on_open_list)), False], dtype=bool)
    return of_record[: len(records)], listed[of_record[: len(records)]]


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
    parts = [t[EDGE_COLUMNS] for t in (scored, equal) if len(t)]
    return pd.concat(parts, ignore_index=True) if parts else scored[EDGE_COLUMNS]


def write(con: Any, result: LinkageResult, state: str = "linkage", beside: Callable[[], None] = lambda: None) -> None:
    """Store ``result`` in the linkage tables, in one transaction, and ``beside`` in the same."""
    replaced = {
        "person_assignment": result.assignment,
        "edge": result.edges,
        "household_spell": result.household_spell,
        "record_household": result.record_household,
        "person_area": result.person_area,
        "review_queue": result.queue,
        "needs_attention": result.attention,
    }
    duck.write(con, replaced, {"person_event": result.events, "person_redirect": result.redirects}, state, beside)
