"""A suite over a frame, in an ephemeral context: nothing is stored, nothing is sent, and only counts come out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from data_quality.expectations.lookup import lent
from data_quality.expectations.suite import Asked

# The library shows unexpected values by default; with this none is even collected.
_COUNTS_ALONE = {"result_format": "BASIC", "partial_unexpected_count": 0}


@dataclass(frozen=True)
class Answer:
    """How one expectation went; counts are None where it could not be asked."""

    asked: Asked
    passed: bool
    checked: int | None
    unexpected: int | None
    promised: float | None


def validate(
    asked: Sequence[Asked], frame: pd.DataFrame, lookups: Mapping[str, pd.DataFrame] | None = None
) -> list[Answer]:
    """Ask every expectation of the frame, in order.

    An expectation that raises (a missing column, a type it cannot compare) is an answer that did not pass, with no
    counts; it is never a reason to lose the others.

    Args:
        lookups: frames of other feeds that expectations name by key.
    """
    import great_expectations as gx

    _context()
    batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(name="batch")
    for place, one in enumerate(asked):
        one.expectation.meta = {"place": place}
        suite.add_expectation(one.expectation)
    with lent(lookups or {}):
        result = batch.validate(suite, result_format=_COUNTS_ALONE)
    answers = {item.expectation_config.meta["place"]: item for item in result.results}
    return [_answer(one, answers[place]) for place, one in enumerate(asked)]


def _answer(asked: Asked, item: Any) -> Answer:
    outcome = item.result or {}
    total, empty = outcome.get("element_count"), outcome.get("missing_count") or 0
    return Answer(
        asked,
        bool(item.success),
        # An empty value is not a value to be judged, but for the expectation about empty values itself.
        None if total is None else int(total) - (0 if "not_be_null" in item.expectation_config.type else int(empty)),
        None if outcome.get("unexpected_count") is None else int(outcome["unexpected_count"]),
        getattr(asked.expectation, "mostly", None),
    )


@cache
def _context() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    return context


@cache
def _batch_definition() -> Any:
    source = _context().data_sources.add_pandas("tonight")
    return source.add_dataframe_asset("batch").add_batch_definition_whole_dataframe("whole")
