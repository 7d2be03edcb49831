"""Why records are thought to be one person, as weights and as sentences without a name in them.

Two records that were compared have an edge, and :func:`explain` says what it rests on. Any two records of a person have
a *strongest path*: of all ways from one to the other along edges, the one whose weakest link is strongest, which is the
path in the maximum spanning tree. Nothing is ever said about two records that a barrier parts, not even that: the
answer is the one for two records that have nothing to do with each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

_SPOKEN = {
    "forename": "first name",
    "surname": "surname",
    "birth_date": "date of birth",
    "sex": "sex",
    "postcode": "postcode",
    "nhs_number": "NHS number",
    "upn": "unique pupil number",
}
_RULES = {
    "nhs_number": "carry the same NHS number",
    "upn": "carry the same unique pupil number",
    "agency_id": "carry the same number in one agency's system",
    "identical": "say exactly the same",
    "decision": "were joined by a person's decision",
}
_ADJUSTED = {
    "possible_twins": "they may be twins: same birth date and family, different first names",
    "namesake": "they may be a parent and child of one name",
    "siblings": "they may be brothers or sisters: one home and surname, different first names and birth dates",
    "kin": "they may be of one family, whose surname and address say little about who is who",
    "id_disagreement": "their identifiers differ",
    "decision": "a person decided that they are two people",
    "id_conflict": "they share an identifier but neither birth date nor names agree",
}


def explain(edge: Mapping[str, Any]) -> dict[str, Any]:
    """``{"sentence": ..., "weights": {column: bits}}`` for one row of the edge table.

    >>> explain({"kind": "probabilistic", "rule": "model", "adjusted_by": None,
    ...     "weights": '{"forename": 9.1, "tf_adj_forename": 0.4, "surname": -3.0, "birth_date": 11.9}'})["sentence"]
    'The records agree on date of birth and first name, and differ on surname.'
    """
    weights = _by_column(json.loads(edge["weights"] or "{}"))
    if edge["kind"] == "deterministic":
        sentence = f"The records {_RULES.get(edge['rule'], 'agree by the rule ' + edge['rule'])}."
    else:
        agree = [_SPOKEN[c] for c, w in sorted(weights.items(), key=lambda item: -item[1]) if w > 0.5 and c in _SPOKEN]
        differ = [_SPOKEN[c] for c, w in sorted(weights.items(), key=lambda item: item[1]) if w < -0.5 and c in _SPOKEN]
        said = [f"agree on {_listed(agree)}"] if agree else []
        said += [f"differ on {_listed(differ)}"] if differ else []
        sentence = f"The records {', and '.join(said) or 'say too little to compare'}."
    if edge["adjusted_by"]:
        sentence += f" Weighed down because {_ADJUSTED.get(edge['adjusted_by'], edge['adjusted_by'])}."
    return {"sentence": sentence, "weights": weights}


def _by_column(parts: Mapping[str, float | None]) -> dict[str, float]:
    """Bits per column, the rarity of a value (its term frequency) added to the column it belongs to."""
    out: dict[str, float] = {}
    for name, bits in parts.items():
        column = name.removeprefix("tf_adj_")
        out[column] = round(out.get(column, 0.0) + (bits or 0.0), 2)
    return out


def _listed(words: list[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


@dataclass(frozen=True)
class Hop:
    """One step of an explanation: two record keys, what joins them in words, and the weights in bits.

    ``rule``: the deterministic rule, or ``model``. ``adjusted_by``: the family rule that lowered ``raw`` to ``weight``.
    ``by_column``: bits of the model by column; empty where no model was asked.
    """

    left: str
    right: str
    sentence: str
    weight: float
    raw: float
    rule: str
    adjusted_by: str | None
    by_column: Mapping[str, float]


def rows(edges: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the edge table as dictionaries, NULL as None."""
    clean = edges.astype(object).where(edges.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in clean.to_dict("records")]


def hop(edge: Mapping[str, Any], left: str) -> Hop:
    """A row of the edge table as a step that starts at record ``left``."""
    ends = [str(edge["record_key_l"]), str(edge["record_key_r"])]
    said = explain(edge)
    return Hop(
        left,
        ends[0] if ends[1] == left else ends[1],
        said["sentence"],
        float(edge["adjusted_weight"]),
        float(edge["match_weight"]),
        str(edge["rule"]),
        edge["adjusted_by"] or None,
        said["weights"],
    )


def path(edges: pd.DataFrame, start: str, end: str) -> list[Hop]:
    """The strongest path from record ``start`` to ``end`` along ``edges`` (rows of the edge table of one person).

    Edges of equal weight are taken in the order in which they are given. Empty where no path leads there.

    >>> row = {"kind": "deterministic", "rule": "upn", "match_weight": 30.0, "adjusted_by": None, "weights": None}
    >>> table = pd.DataFrame([row | {"record_key_l": a, "record_key_r": b, "adjusted_weight": w}
    ...     for a, b, w in (("a", "c", 8.0), ("a", "b", 30.0), ("b", "c", 20.0))])
    >>> [(one.left, one.right, one.weight) for one in path(table, "a", "c")]
    [('a', 'b', 30.0), ('b', 'c', 20.0)]
    """
    ordered = rows(edges.sort_values("adjusted_weight", ascending=False, kind="stable"))
    tree: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    group: dict[str, set[str]] = {}
    for edge in ordered:
        a, b = str(edge["record_key_l"]), str(edge["record_key_r"])
        one, other = group.setdefault(a, {a}), group.setdefault(b, {b})
        if one is other:
            continue
        tree.setdefault(a, []).append((b, edge))
        tree.setdefault(b, []).append((a, edge))
        one |= other
        group.update(dict.fromkeys(other, one))
        if start in one and end in one:
            break
    came: dict[str, Hop | None] = {start: None}
    waiting = [start]
    while waiting and end not in came:
        here = waiting.pop()
        for there, edge in tree.get(here, []):
            if there not in came:
                came[there] = hop(edge, here)
                waiting.append(there)
    hops: list[Hop] = []
    at = end
    while (step := came.get(at)) is not None:
        hops.insert(0, step)
        at = step.left
    return hops
