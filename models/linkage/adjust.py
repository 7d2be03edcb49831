"""What the model cannot know about families: in one home, surname, address and (for twins) birth date go together.

Fellegi-Sunter counts each agreement as independent evidence; between siblings they are one fact told three times. Each
rule here lowers a weight and says so; the raw weight stays beside it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.linkage.settings import LinkageSettings


def adjust(edges: pd.DataFrame, settings: LinkageSettings) -> pd.DataFrame:
    """Add ``adjusted_weight`` and ``adjusted_by`` (rule name or ``None``) to classified edges.

    Rules, the first that applies wins:

    - ``id_conflict``: an equal identifier contradicted by birth date and names.
    - ``id_disagreement``: two checked NHS numbers differ (a heavy penalty), two UPNs differ (a light one: a child may
      hold a temporary and a permanent one).
    - ``possible_twins``: one birth date, one family or address, and forenames that are not each other's nickname,
      misspelling, initial or swap; or different sexes with different forenames.
    - ``namesake``: one name and address, births at least ``namesake_years`` apart: a parent and child.
    """
    e = edges
    sure = (e["kind"] == "deterministic").to_numpy()
    forenames_differ = (
        e["both_forename"] & ~e["same_forename"] & ~e["forename_meets"] & (e["forename_edits"] > 1)
        & ((e["forename_likeness"] < 0.84) | e["other_sex"])
    )  # fmt: skip
    twins = e["same_birth"] & (e["near_surname"] | e["same_postcode"]) & forenames_differ & ~sure
    namesake = (e["years_apart"] >= settings.namesake_years) & ~sure
    raw = e["match_weight"].to_numpy(dtype=float)
    rules: list[tuple[str, np.ndarray, np.ndarray]] = [
        ("id_conflict", (e["kind"] == "id_conflict").to_numpy(), np.minimum(raw, -10.0)),
        ("id_disagreement", (e["other_nhs"] & ~sure).to_numpy(), np.minimum(raw + settings.nhs_disagreement, 0.0)),
        ("possible_twins", twins.to_numpy(), np.minimum(raw, settings.twin_weight)),
        ("namesake", namesake.to_numpy(), np.minimum(raw, settings.namesake_weight)),
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
