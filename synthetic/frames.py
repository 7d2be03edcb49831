"""Tables between the world's arrays and files: coded text, missing ids, days that become dates, Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthetic.population import FAR

DAY_COLUMNS = ("_date", "_from", "_to", "_on")


def coded(codes: NDArray, names: Sequence[str]) -> pd.Series:
    """Categorical column from small whole numbers and their names."""
    return pd.Series(pd.Categorical.from_codes(np.asarray(codes, dtype=np.int8), pd.Index(list(names))))


def text_or_none(keep: NDArray[np.bool_], text: NDArray) -> NDArray[np.object_]:
    """Text where `keep`, else None."""
    out = np.full(len(text), None, dtype=object)
    out[keep] = text[keep]
    return out


def nullable(values: NDArray[np.int64]) -> pd.Series:
    """Zero becomes missing."""
    out = pd.Series(pd.array(values, dtype="Int64"))
    out[values == 0] = pd.NA
    return out


def dated(table: pd.DataFrame) -> pd.DataFrame:
    """Day numbers become dates (FAR and beyond become NaT); repeated text becomes categories."""
    out = {}
    for name, column in table.items():
        label = str(name)
        if label in {"date", "week_beginning"} or label.endswith(DAY_COLUMNS):
            if column.dtype.kind == "i":
                days = column.to_numpy().astype(np.int64)
                values = np.where(np.abs(days) >= FAR - 1, np.datetime64("NaT").astype(np.int64), days).view(
                    "datetime64[D]"
                )
                out[label] = pd.Series(values.astype("datetime64[s]"))
            else:
                out[label] = column.astype("datetime64[s]")
        elif column.dtype.kind == "M":
            out[label] = column.astype("datetime64[s]")
        else:
            out[label] = column
    return pd.DataFrame(out)


def to_arrow(table: pd.DataFrame) -> pa.Table:
    """Arrow table with DATE for columns of days and TIMESTAMP for moments."""
    arrays, names = [], []
    for name, column in table.items():
        label = str(name)
        text = pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)
        categories = isinstance(column.dtype, pd.CategoricalDtype)
        array = (
            pa.array(column, type=pa.string(), from_pandas=True)
            if text and not categories
            else pa.Array.from_pandas(column)
        )
        if column.dtype.kind == "M" and not label.endswith("_at"):
            array = array.cast(pa.date32())
        arrays.append(array)
        names.append(label)
    return pa.Table.from_arrays(arrays, names=names)


def read_table(path: Path) -> pd.DataFrame:
    """A written table, days and moments as datetime64[s]."""
    frame = pq.read_table(path).to_pandas(date_as_object=False)
    for name, column in frame.items():
        if column.dtype.kind == "M":
            frame[name] = column.astype("datetime64[s]")
    return frame
