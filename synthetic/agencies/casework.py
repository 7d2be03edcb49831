"""What happens to rows after they are written: closed, corrected, found to be on the wrong person and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.codes import CODES
from synthetic.agencies.corruption import Defects, join_flags, local_ids
from synthetic.agencies.ground import recorded

#: A row found to be wrong is deleted within this many days; 0.1 % a week over that time.
RETRACTION_DAYS, RETRACTED = 70, 0.01

#: Flag of a row whose notification to the front door nobody recorded.
LOST = "lost_notification"


def closing(
    rows: pd.DataFrame, draws: Defects, hashes: npt.NDArray[np.uint64], ended_on: pd.Series, **values: Any
) -> pd.DataFrame:
    """The versions written when something ended: ``rows`` that have an end, with ``values`` filled in on that day."""
    over = ended_on.notna().to_numpy()
    last = rows[over].copy()
    for name, value in values.items():
        last[name] = np.asarray(_plain(value))[over]
    last["_recorded_at"] = recorded(ended_on[over], draws, "closed", hashes[over])
    return last


def corrected(
    rows: pd.DataFrame,
    draws: Defects,
    hashes: npt.NDArray[np.uint64],
    column: str,
    share: float,
    wrong: tuple[str, ...],
    median_days: float = 7.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(first versions, corrections): a share of the rows first hold a wrong value in ``column``, put right some days
    later.
    """
    hit = draws.hit(f"corrected/{column}", hashes, share)
    first, right = rows.copy(), rows[hit].copy()
    values = np.asarray(wrong, dtype=object)[draws.integers(f"wrong/{column}", hashes, 0, len(wrong))]
    first[column] = np.where(hit, values, rows[column].to_numpy(dtype=object))
    delay = draws.lognormal(f"delay/{column}", hashes[hit], median_days, median_days * 5)
    wait = (np.clip(delay, 1.0, 120.0) * 86400).astype("timedelta64[s]")
    right["_recorded_at"] = right["_recorded_at"].to_numpy() + wait
    return first, right


def misfiled(
    rows: pd.DataFrame,
    draws: Defects,
    hashes: npt.NDArray[np.uint64],
    id_column: str,
    template: str,
    person_column: str,
) -> list[pd.DataFrame]:
    """Rows put on the wrong person by mistake, and their deletion: two frames of versions with ids of their own.

    They are copies of a share ``RETRACTED`` of ``rows``, given to the person of another row.
    """
    at = np.flatnonzero(draws.hit("misfiled", hashes, RETRACTED))
    if len(at) == 0 or len(rows) < 2:
        return []
    made = rows.iloc[at].copy()
    other = draws.integers("misfiled_to", hashes[at], 0, len(rows))
    made[person_column] = rows[person_column].to_numpy()[other]
    made[id_column] = local_ids(draws, hashes[at], template, 1)
    gone = made.copy()
    days = draws.integers("misfiled_days", hashes[at], 1, RETRACTION_DAYS)
    gone["_recorded_at"] = made["_recorded_at"].to_numpy() + days.astype("timedelta64[D]").astype("timedelta64[s]")
    gone["_row_op"] = "deleted"
    return [made, gone]


def flags_json(values: pd.Series, flags: Mapping[str, tuple[str, ...]]) -> npt.NDArray[np.object_]:
    """``{"OUTCOME_NFA_FLAG":"N",...}`` per row: a flag is Y where the value is one of its list."""
    known = {
        value: json.dumps(
            {f"OUTCOME_{flag}_FLAG": "Y" if value in those else "N" for flag, those in flags.items()},
            separators=(",", ":"),
        )
        for value in values.astype(str).unique()
    }
    return values.astype(str).map(known).to_numpy(dtype=object)


def more_flags(flags: pd.Series, more: list[tuple[str, npt.NDArray[np.bool_]]]) -> list[str]:
    """Each row's flags with the names of those that hold added."""
    added = join_flags(len(flags), more)
    return [";".join(part for part in pair if part) for pair in zip(flags, added, strict=True)]


def as_text(values: pd.Series) -> npt.NDArray[np.object_]:
    """The values as texts by position, missing ones as None."""
    out = values.astype("str").to_numpy(dtype=object).copy()
    out[pd.isna(out)] = None
    return out


def _plain(value: Any) -> Any:
    """Series by position, categories as text."""
    if isinstance(value, pd.Series):
        return value.to_numpy() if value.dtype.kind == "M" else as_text(value.astype(object))
    return value


def mapped(values: pd.Series, name: str) -> npt.NDArray[np.object_]:
    """The agency's code for each of the world's words (table ``name`` of ``codes.CODES``; unknown words stay)."""
    words = values.astype(str).where(values.notna(), None)
    table = CODES.get(name, {})
    return as_text(words.map({word: table.get(word, word) for word in words.dropna().unique()}))
