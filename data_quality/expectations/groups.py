"""An expectation about groups of rows: a school that falls silent inside a file that looks well as a whole."""

from __future__ import annotations

from typing import Any

from great_expectations.expectations.expectation import ColumnAggregateExpectation

from data_quality.expectations.lookup import looked_up


class ExpectColumnGroupsToBeSeenAgain(ColumnAggregateExpectation):
    """The groups that usually send rows (schools, wards, stations) sent some again.

    In a delta, a usual group is one with rows in at least half of the last loads; in a full copy, one with rows in
    the copy before. The whole batch is counted, also when the frame is a sample of it.

    Args:
        column: names the group.
        loads: how many earlier loads are looked at.
        mostly: share of the usual groups that must be there.
        groups: key of the lookup with one row per usual group and whether it is here (`seen`); set by the runner.
    """

    loads: int = 8
    mostly: float = 0.9
    groups: str | None = None

    success_keys = ("column", "loads", "mostly", "groups")

    def _validate(self, metrics: dict[Any, Any], *_: Any, **__: Any) -> dict[str, Any]:
        seen = list(looked_up(self.groups)["seen"]) if self.groups else []
        silent = sum(1 for here in seen if not here)
        return {
            "success": len(seen) == 0 or silent <= (1 - self.mostly) * len(seen) + 1e-9,
            "result": {"element_count": len(seen), "unexpected_count": silent},
        }
