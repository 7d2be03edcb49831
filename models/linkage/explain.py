"""Why two records are thought to be one person, as weights and as a sentence without a name in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
    "id_disagreement": "their identifiers differ",
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
        sentence = f"The records {_RULES[edge['rule']]}."
    else:
        agree = [_SPOKEN[c] for c, w in sorted(weights.items(), key=lambda item: -item[1]) if w > 0.5 and c in _SPOKEN]
        differ = [_SPOKEN[c] for c, w in sorted(weights.items(), key=lambda item: item[1]) if w < -0.5 and c in _SPOKEN]
        said = [f"agree on {_listed(agree)}"] if agree else []
        said += [f"differ on {_listed(differ)}"] if differ else []
        sentence = f"The records {', and '.join(said) or 'say too little to compare'}."
    if edge["adjusted_by"]:
        sentence += f" Held apart because {_ADJUSTED[edge['adjusted_by']]}."
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
