"""Who is who in any table, without a trained model and without code: the one public function.

The way through::

    standardise -> equal rows are one node -> candidates -> weights (stated chances) -> first persons, with a high bar
        -> twice: learn from the persons found -> weights -> family rules -> persons
                  -> describe every person by one line, compare those lines, join; until nothing joins

Every union is made by average linkage (:mod:`models.linkage.cluster`), never by connected components, and no union
joins two records that the caller says are ``apart``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import duck, nodes, weigh
from models.linkage.adjust import adjust
from models.linkage.cluster import Constraints, cluster
from models.linkage.edges import quarantine_shared
from models.linkage.features import family_features
from models.linkage.settings import LinkageSettings
from models.linkage.table import comparisons, learn
from models.linkage.table.candidates import candidate_pairs
from models.linkage.table.families import Rules, among_kin, count_homes, family_rules, may_be_kin
from models.linkage.table.profiles import describe
from models.linkage.table.rarity import Frequencies
from models.linkage.table.sources import Sources, sources_of
from models.linkage.table.standardise import standardise_table
from models.linkage.values import Values

COLUMNS = ("forename", "surname", "birth_date", "sex", "postcode")
# Even odds join: a table names its own errors, and the family rules have already spoken against the dangerous pairs.
TABLE_SETTINGS = LinkageSettings(
    join_weight=0.0, stay_weight=0.0, unscored_weight=-1.0, max_cluster_nodes=200, block_cap=150, keep_weight=-10.0
)
_FIRST_BAR = 3.0
# How often persons are compared again, after each step of learning.
_LEARNING_ROUNDS = (1, 4)


@dataclass(frozen=True)
class LinkedTable:
    """Who is who in a table.

    Attributes:
        persons: ``record_id, person`` (number from 0, by first record), in the table's order.
        edges: ``record_id_l, record_id_r, match_weight, adjusted_weight`` (bits), ``adjusted_by`` (family rule or
            None), ``weights`` (JSON, bits per column): the compared pairs of distinct rows, prior included.
        placeholders: ``reason, records``: values set to NULL.
        blocking: ``rule, pairs, cut_keys, cut_pairs``: what was compared and what the size guard cut.
        model: Splink settings with the chances learnt from this table.
    """

    persons: pd.DataFrame
    edges: pd.DataFrame
    placeholders: pd.DataFrame
    blocking: pd.DataFrame
    model: dict[str, Any]


@dataclass(frozen=True)
class _Taught:
    """All that weighing needs: Splink settings with learnt chances, how common each value is, rules in force."""

    model: dict[str, Any]
    frequencies: Frequencies
    rules: Rules

    def adjusted(self, pairs: pd.DataFrame, compared: weigh.Compared, rarity: weigh.Rarity) -> pd.DataFrame:
        """Pairs (``row``: their place in ``compared``) with the family rules applied."""
        here = compared.take(pairs["row"].to_numpy())
        surname, postcode, birth = (
            weigh.match_weights(here, self.model, rarity, column) for column in ("surname", "postcode", "birth_date")
        )
        prior = float(self.model["probability_two_random_records_match"])
        shared = surname + postcode + np.log2(prior / (1 - prior))
        return among_kin(adjust(pairs, self.rules.settings), shared, birth, self.rules.odds)


def link_table(
    records: pd.DataFrame,
    *,
    record_id: str = "record_id",
    columns: Mapping[str, str] | None = None,
    identifiers: Sequence[str] = (),
    apart: Iterable[tuple[Any, Any]] = (),
    source: str | None = None,
    link_type: str = "dedupe_only",
    settings: LinkageSettings = TABLE_SETTINGS,
) -> LinkedTable:
    """Find out which rows of a table are one person; the model is learnt from the table, nothing is labelled.

    Args:
        records: one row a record. Any column but ``record_id`` may be partly or wholly missing, or absent.
        record_id: column with a unique id per row.
        columns: our name -> the table's, for ``forename, surname, birth_date, sex, postcode``; a name not given is
            looked for as it stands. Dates may be dates or text in any usual order.
        identifiers: columns of near-unique numbers (NHS number, UPN, social security number), none by default.
            ``nhs_number`` and ``upn`` are held to their check digits.
        apart: pairs of record ids that may never be one person (barriers, people's decisions).
        source: column that says which of several tables a row comes from; not for ``dedupe_only``.
        link_type: as in Splink. ``dedupe_only``: one table. ``link_only``: several, none of which holds anybody twice;
            rows of one source are not compared, and a person has at most one row of each. ``link_and_dedupe``: several
            tables, within each of which people may be found twice too.
        settings: thresholds in bits; see :class:`models.linkage.LinkageSettings`.

    Raises:
        ValueError: the record id is missing, empty or not unique, a named column is not in the table, or the source
            does not go with the link type.

    >>> rows = pd.DataFrame({"record_id": [1, 2, 3], "forename": ["Jo", "Jo", "Al"], "surname": ["Ray", "Ray", "Low"],
    ...     "birth_date": ["2011-02-03", "03/02/2011", None], "postcode": ["NM1 1AA", "nm11aa", None]})
    >>> link_table(rows).persons["person"].tolist()
    [0, 0, 1]
    """
    named = _checked(records, record_id, columns or {}, identifiers)
    sources = sources_of(records, source, link_type)
    known, placeholders = standardise_table(records, named, identifiers)
    known, shared = quarantine_shared(known, settings, tuple(identifiers))
    position = {value: place for place, value in enumerate(records[record_id].tolist())}
    kept_apart = np.array(
        [(position[a], position[b]) for a, b in apart if a in position and b in position], dtype="int64"
    ).reshape(-1, 2)
    node = _nodes(known, identifiers, np.append(kept_apart, np.flatnonzero(sources.only >= 0)))
    first = np.unique(node, return_index=True)[1]
    frame = known.iloc[first].reset_index(drop=True)
    frame.insert(0, "node", np.arange(len(frame), dtype="int64"))
    sources = Sources(sources.codes[:, first])
    person, pairs, blocking, model = _solve(frame, np.bincount(node), node[kept_apart], sources, identifiers, settings)
    ids = records[record_id].to_numpy()
    of_record = _by_first_appearance(person[node]) if len(node) else node
    edges = pairs[["match_weight", "adjusted_weight", "adjusted_by", "weights"]].copy()
    edges.insert(0, "record_id_l", ids[first[pairs["node_l"]]])
    edges.insert(1, "record_id_r", ids[first[pairs["node_r"]]])
    return LinkedTable(
        persons=pd.DataFrame({"record_id": ids, "person": of_record}),
        edges=edges,
        placeholders=pd.concat([placeholders, shared], ignore_index=True),
        blocking=blocking,
        model=model,
    )


def _checked(
    records: pd.DataFrame, record_id: str, columns: Mapping[str, str], identifiers: Sequence[str]
) -> dict[str, str]:
    if record_id not in records.columns:
        raise ValueError(f"the table has no column {record_id!r} that tells its records apart; name it by record_id=")
    if records[record_id].isna().any() or records[record_id].duplicated().any():
        raise ValueError(f"column {record_id!r} must give every record an id of its own")
    unknown = sorted(set(columns) - set(COLUMNS))
    absent = [name for name in [*columns.values(), *identifiers] if name not in records.columns]
    if unknown or absent:
        raise ValueError(f"not compared: {', '.join(unknown) or '-'}; not in the table: {', '.join(absent) or '-'}")
    return {name: columns.get(name, name) for name in COLUMNS}


def _nodes(known: pd.DataFrame, identifiers: Sequence[str], lone: np.ndarray) -> np.ndarray:
    """Rows that say the same, and say enough, are one node: three of name, date and place, or one and an identifier.

    ``lone``: rows that stay nodes of their own whatever they say.
    """
    if not len(known):
        return np.zeros(0, dtype="int64")
    said = known[["forename", "surname", "birth_date", "postcode"]].notna().sum(axis=1).to_numpy()
    numbered = known[list(identifiers)].notna().any(axis=1).to_numpy() if identifiers else np.zeros(len(known), bool)
    alone = ~((said >= 3) | (numbered & (said >= 1)))
    alone[lone] = True
    return nodes.equal_rows(
        known[["forename", "forename_forms", "surname", "birth_date", "birth_year", "sex", "postcode", *identifiers]],
        alone,
    )


def _solve(
    frame: pd.DataFrame,
    records: np.ndarray,
    apart: np.ndarray,
    sources: Sources,
    identifiers: Sequence[str],
    settings: LinkageSettings,
) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Person of every node, the weighted pairs of nodes, what blocking made of them, and the model."""
    untaught = comparisons.settings(identifiers)
    born = pd.to_numeric(frame["birth_year"], errors="coerce").dropna().to_numpy(dtype="int64")
    possible = sources.pairs()
    with duck.scratch(settings) as con:
        duck.load_nodes(con, frame.assign(source=sources.names()))
        left, right, blocking = candidate_pairs(con, identifiers, settings.block_cap)
        values = Values(con, frame)
        among_all = learn.all_pair_shares(values, untaught["comparisons"], sources)
        compared = weigh.compare(values, untaught["comparisons"], left, right)
        asked = _Features(values, compared, identifiers)
        neighbours = np.flatnonzero(values.same("postcode", left, right))
        home = count_homes(may_be_kin(asked.of(neighbours)), born, settings.namesake_years)

        def weighed(person: np.ndarray, so_far: learn.Weighed | None) -> tuple[_Taught, pd.DataFrame]:
            model = learn.learn(values, untaught, among_all, person, possible, so_far)
            frequencies = Frequencies.among(values, person)
            rarity = frequencies.of(frame)
            pairs = asked.worth(weigh.match_weights(compared, model, rarity), settings.keep_weight)
            taught = _Taught(model, frequencies, family_rules(pairs, home, model, possible, settings))
            return taught, taught.adjusted(pairs, compared, rarity)

        taught, pairs = weighed(np.arange(len(frame)), None)
        bar = dataclasses.replace(settings, join_weight=settings.join_weight + _FIRST_BAR)
        person = _cluster(pairs, apart, sources, bar)
        for rounds in _LEARNING_ROUNDS:
            so_far = learn.Weighed(
                compared.take(pairs["row"].to_numpy()),
                pairs["adjusted_weight"].to_numpy(),
                taught.model,
                taught.frequencies.of(frame),
            )
            taught, pairs = weighed(person, so_far)
            person = _cluster(pairs, apart, sources, settings)
            person = _join_persons(frame, records, person, apart, sources, identifiers, taught, rounds, settings)
        kept = compared.take(pairs["row"].to_numpy())
        pairs["weights"] = weigh.weights_by_column(con, kept, taught.model, taught.frequencies.of(frame))
    return person, pairs, blocking, taught.model


class _Features:
    """What the family rules ask of pairs, found out once for each pair that is worth it."""

    def __init__(self, values: Values, compared: weigh.Compared, identifiers: Sequence[str]) -> None:
        self._values, self._compared, self._identifiers = values, compared, identifiers
        self._place = np.full(len(compared.left), -1, dtype="int64")
        self._known: list[pd.DataFrame] = []
        self._size = 0

    def worth(self, weight: np.ndarray, least: float) -> pd.DataFrame:
        """Pairs of at least this weight: ``row, node_l, node_r, match_weight`` and features."""
        rows = np.flatnonzero(weight >= least)
        ends = {"node_l": self._compared.left[rows], "node_r": self._compared.right[rows]}
        return self.of(rows).assign(row=rows, **ends, match_weight=weight[rows])

    def of(self, rows: np.ndarray) -> pd.DataFrame:
        """Features of the pairs at these places of what was compared."""
        new = rows[self._place[rows] < 0]
        if len(new) or not self._known:
            left, right = self._compared.left[new], self._compared.right[new]
            self._known.append(_features(self._values, left, right, self._identifiers))
            self._place[new] = self._size + np.arange(len(new))
            self._size += len(new)
            self._known = [pd.concat(self._known, ignore_index=True)] if len(self._known) > 1 else self._known
        return self._known[0].iloc[self._place[rows]].reset_index(drop=True)


def _features(values: Values, left: np.ndarray, right: np.ndarray, identifiers: Sequence[str]) -> pd.DataFrame:
    """What the family rules ask of pairs, in the order given."""
    numbered = np.zeros(len(left), dtype=bool)
    for column in identifiers:
        numbered |= values.same(column, left, right)
    return pd.DataFrame(
        {
            "kind": np.where(numbered, "deterministic", "probabilistic").astype(object),
            "other_nhs": False,
            "other_upn": False,
            "both_sex": values.both("sex", left, right),
            **family_features(values, left, right),
        }
    )


def _join_persons(
    frame: pd.DataFrame,
    records: np.ndarray,
    person: np.ndarray,
    apart: np.ndarray,
    sources: Sources,
    identifiers: Sequence[str],
    taught: _Taught,
    rounds: int,
    settings: LinkageSettings,
) -> np.ndarray:
    """Compare persons as if they were records until no two of them join, at most ``rounds`` times."""
    touched: np.ndarray | None = None
    for _ in range(rounds):
        people, known_in = describe(frame, person, records), sources.of_persons(person)
        with duck.scratch(settings) as con:
            duck.load_nodes(con, people.assign(source=known_in.names()))
            left, right, _ = candidate_pairs(con, identifiers, settings.block_cap, touched)
            values = Values(con, people)
            compared = weigh.compare(values, taught.model["comparisons"], left, right)
            rarity = taught.frequencies.of(people)
            weight = weigh.match_weights(compared, taught.model, rarity)
            worth = _Features(values, compared, identifiers).worth(weight, settings.keep_weight)
            pairs = taught.adjusted(worth, compared, rarity)
        joined = _cluster(pairs, person[apart], known_in, settings)
        if joined.max(initial=-1) + 1 == len(people):
            break
        # Only who has changed can meet anybody new.
        touched = np.flatnonzero(np.bincount(joined) > 1)
        person = joined[person]
    return person


def _cluster(pairs: pd.DataFrame, apart: np.ndarray, sources: Sources, settings: LinkageSettings) -> np.ndarray:
    n = sources.codes.shape[1]
    left, right, weight = (pairs[c].to_numpy() for c in ("node_l", "node_r", "adjusted_weight"))
    rule = Constraints(np.full(n, -1), apart, others=sources.codes)
    return cluster(n, left, right, weight.astype(float), rule, settings)


def _by_first_appearance(labels: np.ndarray) -> np.ndarray:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype="int64")
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
