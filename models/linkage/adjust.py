"""What the model cannot know about families: in one home, surname, address and (for twins) birth date go together.

Fellegi-Sunter counts each agreement as independent evidence; between siblings they are one fact told three times. Each
rule here lowers a weight and says so; the raw weight stays beside it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage.settings import LinkageSettings

Rule = tuple[str, np.ndarray, np.ndarray]


def forenames_differ(edges: pd.DataFrame) -> pd.Series:
    """Two known forenames that are not each other's nickname, misspelling, initial or swap."""
    return (
        edges["both_forename"] & ~edges["same_forename"] & ~edges["forename_meets"] & (edges["forename_edits"] > 1)
        & ((edges["forename_likeness"] < 0.84) | edges["other_sex"])
    )  # fmt: skip


def adjust(edges: pd.DataFrame, settings: LinkageSettings) -> pd.DataFrame:
    """Add ``adjusted_weight`` and ``adjusted_by`` (rule name or ``None``) to classified edges.

    Rules, the first that applies wins:

    - ``id_conflict``: an equal identifier contradicted by birth date and names.
    - ``id_disagreement``: two checked NHS numbers differ (a heavy penalty), two UPNs differ (a light one: a child may
      hold a temporary and a permanent one).
    - ``possible_twins``: one birth date, one family or address, and forenames that are not each other's nickname,
      misspelling, initial or swap; or different sexes with different forenames.
    - ``siblings``: one surname and address, two forenames and two birth dates. Not needed, and off, where the model
      was trained on checked numbers.
    - ``namesake``: one name and address, births at least ``namesake_years`` apart and more than one digit: a parent
      and child. (A parent and child whose birth dates differ by one digit share day and month: 1 in 365.)
    """
    e = edges
    sure = (e["kind"] == "deterministic").to_numpy()
    twins = e["same_birth"] & (e["near_surname"] | e["same_postcode"]) & forenames_differ(e) & ~sure
    namesake = (e["years_apart"] >= settings.namesake_years) & ~e["near_birth"] & ~sure
    raw = e["match_weight"].to_numpy(dtype=float)
    rules: list[Rule] = [
        ("id_conflict", (e["kind"] == "id_conflict").to_numpy(), np.minimum(raw, -10.0)),
        ("id_disagreement", (e["other_nhs"] & ~sure).to_numpy(), np.minimum(raw + settings.nhs_disagreement, 0.0)),
        *_twin_rule(twins.to_numpy(), raw, settings),
        ("namesake", namesake.to_numpy(), np.minimum(raw, settings.namesake_weight)),
        *_sibling_rule(edges, sure, raw, settings),
        ("id_disagreement", (e["other_upn"] & ~sure).to_numpy(), raw + settings.upn_disagreement),
    ]
    out = edges.copy()
    out["adjusted_weight"] = np.select([hit for _, hit, _ in rules], [value for *_, value in rules], raw).round(6)
    # One value a rule as objects, because NULL must stay NULL and not become the word "None".
    by = np.full(len(out), None, dtype=object)
    for name, hit, _ in reversed(rules):
        by[hit] = name
    out["adjusted_by"] = pd.Series(by, index=out.index, dtype="object")
    return out


def _twin_rule(twins: np.ndarray, raw: np.ndarray, settings: LinkageSettings) -> list[Rule]:
    if settings.twin_weight is None:
        return []
    return [("possible_twins", twins, np.minimum(raw, settings.twin_weight))]


def _sibling_rule(edges: pd.DataFrame, sure: np.ndarray, raw: np.ndarray, settings: LinkageSettings) -> list[Rule]:
    if settings.sibling_weight is None:
        return []
    siblings = edges["near_surname"] & edges["same_postcode"] & forenames_differ(edges) & ~edges["same_birth"] & ~sure
    return [("siblings", siblings.to_numpy(), np.minimum(raw, settings.sibling_weight))]
