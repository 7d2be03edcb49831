"""Contract records that say exactly the same thing about a person into one node, so that the rest scores each once.

Five years of emergency attendances repeat the same child dozens of times. Only records that say *enough* are
contracted: an identifier, or names, birth date and postcode together. Two bare "John Smith" rows stay two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

IDENTITY = ["forename", "surname", "birth_date", "sex", "postcode", "nhs_number", "upn"]


def contract(records: pd.DataFrame, apart: np.ndarray) -> np.ndarray:
    """Node number of every record (``int64``), numbered by first appearance, so that content order is kept.

    ``apart``: boolean mask of records never contracted (those a barrier names). Records must be in content order.

    >>> full, bare = ["jo", "ray", "2011-02-03", "F", "NM11AA", None, None], ["jo", "ray", None, "F", None, None, None]
    >>> rows = pd.DataFrame([full] * 2 + [bare] * 2,
    ...     columns=IDENTITY)
    >>> contract(rows, np.zeros(4, bool)).tolist()
    [0, 0, 1, 2]
    """
    known = {column: records[column].notna().to_numpy() for column in IDENTITY}
    # 1 January is a year more than a date.
    date_code, dates = pd.factorize(records["birth_date"])
    full_date = np.array([*(not str(date).endswith("-01-01") for date in dates), False], dtype=bool)[date_code]
    described = known["forename"] & known["surname"] & full_date & known["postcode"]
    return equal_rows(records[IDENTITY], ~(known["nhs_number"] | known["upn"] | described) | apart)


def equal_rows(rows: pd.DataFrame, alone: np.ndarray) -> np.ndarray:
    """Group number of every row, equal rows in one group, rows marked ``alone`` each in their own; by first appearance.

    >>> equal_rows(pd.DataFrame({"a": ["x", "y", "x", "x"]}), np.array([False, False, False, True])).tolist()
    [0, 1, 0, 2]
    """
    single = np.zeros(len(rows), dtype="int64")
    single[alone] = np.arange(1, int(alone.sum()) + 1)
    codes = [pd.factorize(rows[column])[0] for column in rows.columns]
    return pd.factorize(combined([single, *codes]))[0].astype("int64")


def combined(codes: Sequence[np.ndarray]) -> np.ndarray:
    """One number (``int64``, not negative) for each row of codes of -1 and more, equal where all of them are.

    >>> combined([np.array([0, -1, 0]), np.array([2, 2, 2])]).tolist()
    [7, 3, 7]
    """
    out, span = np.zeros(len(codes[0]), dtype="int64"), 1
    for code in codes:
        width = int(code.max(initial=-1)) + 2
        if span > np.iinfo("int64").max // width:
            # Numbered anew before the mixed-radix number overflows.
            out = pd.factorize(out)[0].astype("int64")
            span = len(out) + 1
        out, span = out * width + code + 1, span * width
    return out


def node_frame(records: pd.DataFrame, node: np.ndarray) -> pd.DataFrame:
    """One row a node, index = node number: the comparable columns of its first record."""
    first = np.unique(node, return_index=True)[1]
    keep = [*IDENTITY, "forename_forms", "surname_parts"]
    frame = records.iloc[first][keep].reset_index(drop=True)
    frame.insert(0, "node", np.arange(len(frame), dtype="int64"))
    return frame
