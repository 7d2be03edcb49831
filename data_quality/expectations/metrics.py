"""How our expectations judge rows: a function over a column, a pair of columns or several, as a metric of the library.

_nhs = row_metric("column", "nhs_number", lambda column: flags(...))

class ExpectColumnValuesToBeNhsNumbers(ColumnMapExpectation):
    map_metric = _nhs
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import duckdb
import pandas as pd
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    ColumnPairMapMetricProvider,
    MulticolumnMapMetricProvider,
    column_condition_partial,
    column_pair_condition_partial,
    multicolumn_condition_partial,
)

_KINDS: dict[str, tuple[Any, Any, str]] = {
    "column": (ColumnMapMetricProvider, column_condition_partial, "column_values"),
    "pair": (ColumnPairMapMetricProvider, column_pair_condition_partial, "column_pair_values"),
    "several": (MulticolumnMapMetricProvider, multicolumn_condition_partial, "multicolumn_values"),
}


def row_metric(
    kind: Literal["column", "pair", "several"], name: str, judge: Callable[..., pd.Series], *arguments: str
) -> str:
    """Make a metric of a function that says of every row whether it keeps the rule; returns the metric's name.

    Args:
        kind: what the function is given first: a column, two columns, or a frame of several.
        arguments: names of the expectation's own fields that the function is given besides.
    """
    base, partial, prefix = _KINDS[kind]
    full_name = f"{prefix}.hub_{name}"

    def condition(_cls: type, *columns: Any, **given: Any) -> pd.Series:
        return judge(*columns, **{key: given[key] for key in arguments})

    # The library's metaclass registers a metric when its class is made.
    type(
        f"Hub{name.title().replace('_', '')}",
        (base,),
        {
            "condition_metric_name": full_name,
            "condition_value_keys": arguments,
            "_pandas": partial(engine=PandasExecutionEngine)(condition),
        },
    )
    return full_name


def flags(frame: pd.DataFrame, condition: str, **others: pd.DataFrame) -> pd.Series:
    """A condition in SQL for every row of a frame, as booleans on the frame's index; NULL counts as kept.

    The gate already says in SQL what an NHS number or a UPN is; so every rule is written once, and 200,000 rows cost
    milliseconds.

    Args:
        frame: seen by the condition as table `r`.
        others: further frames the condition may look into, by name.
    """
    con = _connection().cursor()
    try:
        con.register("given", frame.assign(n_=range(len(frame))))
        for name, other in others.items():
            con.register(name, other)
        kept = con.execute(f"select coalesce(({condition}), true) as kept from given as r order by r.n_").df()["kept"]
    finally:
        con.close()
    return pd.Series(kept.to_numpy(dtype=bool), index=frame.index)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
