"""What the family rules (adjust.py) and the rules about identifiers (edges.py) ask of a pair of nodes."""

from __future__ import annotations

import numpy as np

from models.linkage.values import Values

_BIRTH = {
    "years_apart": (
        "case when birth_date_l <> birth_date_r then abs(birth_date_l[1:4]::int - birth_date_r[1:4]::int) else 0 end"
    ),
    # The condition of a CASE puts its dear questions only to those whom the cheap ones before them left open.
    "near_birth": (
        "case when birth_date_l = birth_date_r or damerau_levenshtein(birth_date_l, birth_date_r) <= 1 "
        "or (birth_date_l[1:4] = birth_date_r[1:4] and '01-01' in (birth_date_l[6:10], birth_date_r[6:10])) "
        "or (birth_date_l[1:4] = birth_date_r[1:4] and birth_date_l[6:7] = birth_date_r[9:10] "
        "and birth_date_l[9:10] = birth_date_r[6:7]) then true else false end"
    ),
}
_FORENAME = {
    "forename_likeness": (
        "case when forename_l = forename_r then 1.0::double when forename_l <> forename_r "
        "then jaro_winkler_similarity(forename_l, forename_r) else 0 end"
    ),
    "forename_edits": (
        "case when forename_l = forename_r then 0 when forename_l <> forename_r "
        "then damerau_levenshtein(forename_l, forename_r) else 99 end"
    ),
}
_NEAR_SURNAME = (
    "surname_l = surname_r",
    "list_has_any(surname_parts_l, surname_parts_r)",
    "jaro_winkler_similarity(surname_l, surname_r) >= 0.9",
)
_FORENAME_MEETS = (
    "forename_l = forename_r",
    "list_has_any(forename_forms_l, forename_forms_r)",
    "least(length(forename_l), length(forename_r)) = 1 and forename_l[1:1] = forename_r[1:1]",
    "forename_l = surname_r and surname_l = forename_r",
)


def family_features(values: Values, left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """By name, of each pair: what is known on both sides, what is the same, what is nearly so."""
    pair = left, right
    return {
        "same_birth": values.same("birth_date", *pair),
        "both_birth": values.both("birth_date", *pair),
        "same_postcode": values.same("postcode", *pair),
        "other_sex": values.differ("sex", *pair),
        "near_surname": values.first(_NEAR_SURNAME, *pair) < len(_NEAR_SURNAME),
        "both_surname": values.both("surname", *pair),
        "both_forename": values.both("forename", *pair),
        "same_forename": values.same("forename", *pair),
        "forename_meets": values.first(_FORENAME_MEETS, *pair) < len(_FORENAME_MEETS),
        **values.ask(_BIRTH | _FORENAME, *pair),
    }
