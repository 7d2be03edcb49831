"""The linkage model as files in the pack: what is compared, the trained weights, the frozen term frequencies, a hash.

Term frequencies are frozen with the model: recomputed nightly, every score would drift a little every night and ids
would flap. The hash is over the other files, so a model that was edited by hand is refused, not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pandas as pd

MODEL_FILE, HASH_FILE = "model.json", "model.sha256"
TF_COLUMNS = ("forename", "surname")
FIRST_JANUARY = "1 January"
_BLOCKING = "blocking_rules_to_generate_predictions"

# Exact blocking keys: nodes share one where each part, a SQL expression over the columns of a node, is the same. All
# are capped (see blocking.py).
BLOCKING_KEYS: dict[str, tuple[str, ...]] = {
    "b_nhs": ("nhs_number",),
    "b_upn": ("upn",),
    "b_surname_birth": ("surname", "birth_date"),
    "b_forename_birth": ("forename", "birth_date"),
    "b_names_year": ("forename", "surname", "birth_date[1:4]"),
    "b_birth_postcode": ("birth_date", "postcode"),
    "b_surname_postcode": ("surname", "postcode", "forename[1:1]"),
    "b_initials_birth": ("forename[1:1]", "surname[1:1]", "birth_date"),
    "b_names": ("forename", "surname"),
    "b_swapped": ("least(forename, surname)", "greatest(forename, surname)", "birth_date"),
}


class ModelMismatch(ValueError):
    """The model's files are not the ones its hash was made of, or one is missing."""


def _level(condition: str, label: str, **extra: Any) -> dict[str, Any]:
    return {"sql_condition": condition, "label_for_charts": label, **extra}


def _comparison(column: str, *levels: dict[str, Any]) -> dict[str, Any]:
    null = _level(f"{column}_l IS NULL OR {column}_r IS NULL", "missing", is_null_level=True)
    return {"output_column_name": column, "comparison_levels": [null, *levels, _level("ELSE", "different")]}


def comparisons() -> list[dict[str, Any]]:
    """What is compared and how finely, most alike first; Splink comparison dictionaries.

    A swapped pair of names is evidence once, in the forename: the surname then counts as missing.
    """
    swapped = "forename_l = surname_r AND surname_l = forename_r AND forename_l <> surname_l"
    surname = _comparison(
        "surname",
        _level("surname_l = surname_r", "same", tf_adjustment_column="surname", tf_adjustment_weight=1.0),
        _level("list_has_any(surname_parts_l, surname_parts_r)", "shares a part"),
        _level("jaro_winkler_similarity(surname_l, surname_r) >= 0.9", "very alike"),
        _level("jaro_winkler_similarity(surname_l, surname_r) >= 0.8", "alike"),
    )
    surname["comparison_levels"][0]["sql_condition"] += f" OR ({swapped})"
    return [
        _comparison(
            "forename",
            _level("forename_l = forename_r", "same", tf_adjustment_column="forename", tf_adjustment_weight=1.0),
            _level("list_has_any(forename_forms_l, forename_forms_r)", "nickname or second name"),
            _level(swapped, "names swapped"),
            _level("jaro_winkler_similarity(forename_l, forename_r) >= 0.9", "very alike"),
            _level(
                "(length(forename_l) = 1 OR length(forename_r) = 1) AND forename_l[1:1] = forename_r[1:1]", "initial"
            ),
            _level("jaro_winkler_similarity(forename_l, forename_r) >= 0.8", "alike"),
        ),
        surname,
        _birth_date(),
        _comparison("sex", _level("sex_l = sex_r", "same")),
        _comparison(
            "postcode",
            _level("postcode_l = postcode_r", "same"),
            _level("postcode_l[1:length(postcode_l)-2] = postcode_r[1:length(postcode_r)-2]", "same sector"),
            _level("postcode_l[1:length(postcode_l)-3] = postcode_r[1:length(postcode_r)-3]", "same district"),
        ),
        _identifier("nhs_number", agree=0.97, chance=1e-6),
        _identifier("upn", agree=0.95, chance=2e-6),
    ]


def _birth_date() -> dict[str, Any]:
    """Dates, 1 January apart: as often a placeholder for a year as a birthday, it agrees and differs by year alone."""
    first = "birth_date_{side}[6:10] = '01-01'"
    left, right = first.format(side="l"), first.format(side="r")
    return _comparison(
        "birth_date",
        _level(f"birth_date_l = birth_date_r AND NOT ({left})", "same"),
        _level("birth_date_l = birth_date_r", f"same, but {FIRST_JANUARY}"),
        _level(
            "birth_date_l[1:4] = birth_date_r[1:4] AND birth_date_l[6:7] = birth_date_r[9:10] "
            "AND birth_date_l[9:10] = birth_date_r[6:7]",
            "day and month swapped",
        ),
        _level(f"damerau_levenshtein(birth_date_l, birth_date_r) <= 1 AND NOT ({left} OR {right})", "one digit out"),
        _level(f"birth_date_l[1:4] = birth_date_r[1:4] AND ({left} OR {right})", f"same year, one {FIRST_JANUARY}"),
        _level("birth_date_l[1:4] = birth_date_r[1:4]", "same year"),
        _level(f"{left} OR {right}", f"another year, one {FIRST_JANUARY}"),
    )


def _identifier(column: str, agree: float, chance: float) -> dict[str, Any]:
    """A near-unique number: its chance agreement is never seen in a sample, so both probabilities are stated."""
    made = _comparison(column, _level(f"{column}_l = {column}_r", "same"))
    for level, m, u in zip(made["comparison_levels"][1:], (agree, 1 - agree), (chance, 1 - chance), strict=True):
        level.update(m_probability=m, u_probability=u, fix_m_probability=True, fix_u_probability=True)
    return made


def settings_dict() -> dict[str, Any]:
    """Splink settings of an untrained model."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "node",
        "probability_two_random_records_match": 1e-5,
        "retain_intermediate_calculation_columns": True,
        "retain_matching_columns": False,
        _BLOCKING: [f"l.{key} = r.{key}" for key in BLOCKING_KEYS],
        "comparisons": comparisons(),
    }


@dataclass(frozen=True, repr=False)
class LinkageModel:
    """A trained model: Splink settings and frozen term frequencies (column -> frame ``value, frequency``)."""

    settings: dict[str, Any]
    frequencies: dict[str, pd.DataFrame]
    digest: str

    def __repr__(self) -> str:
        """The hash alone: term frequencies are names, and a representation may reach a log."""
        return f"LinkageModel({self.digest[:12]})"

    @property
    def blocking_keys(self) -> list[str]:
        """Those of ``BLOCKING_KEYS`` that the pairs of this model share one of."""
        rules = [r if isinstance(r, str) else r["blocking_rule"] for r in self.settings[_BLOCKING]]
        return [key for key in BLOCKING_KEYS if f"l.{key} = r.{key}" in rules]

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LinkageModel:
        """Read the pack's linkage files, by name; raises :class:`ModelMismatch` when hash and content differ."""
        needed = [MODEL_FILE, *(f"tf_{c}.csv" for c in TF_COLUMNS)]
        missing = [name for name in [*needed, HASH_FILE] if name not in files]
        if missing:
            raise ModelMismatch(f"linkage model is incomplete: {', '.join(missing)} missing")
        digest = content_hash({name: files[name] for name in needed})
        if files[HASH_FILE].decode().split()[0] != digest:
            raise ModelMismatch(
                "linkage model does not match its hash: refuse to link with it; retrain or restore the files"
            )
        frequencies = {
            c: pd.read_csv(BytesIO(files[f"tf_{c}.csv"]), dtype={"value": str}, keep_default_na=False)
            for c in TF_COLUMNS
        }
        return cls(json.loads(files[MODEL_FILE]), frequencies, digest)


def content_hash(files: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents, in name order; line endings do not count.

    >>> content_hash({"a": b"1\\r\\n"}) == content_hash({"a": b"1\\n"})
    True
    """
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name].replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def to_files(settings: Mapping[str, Any], frequencies: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """The files of a trained model, its hash included, ready to be written into a pack."""
    files = {MODEL_FILE: (json.dumps(settings, indent=1, sort_keys=True) + "\n").encode()}
    for column, frame in frequencies.items():
        files[f"tf_{column}.csv"] = frame.to_csv(index=False, lineterminator="\n").encode()
    files[HASH_FILE] = (content_hash(files) + "\n").encode()
    return files
