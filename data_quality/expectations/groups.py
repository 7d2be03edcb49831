"""An expectation about groups of rows: a school that falls silent inside a file that looks well as a whole."""

from __future__ import annotations

from typing import Any

from great_expectations.expectations.expectation import ColumnAggregateExpectation

from data_quality.expectations.lookup import looked_up
from data_quality.expectations.usual_groups import SILENT_FOR
from data_quality.expectations.volume import LAST


class ExpectColumnGroupsToBeSeenAgain(ColumnAggregateExpectation):
    """The groups that usually send rows (schools, wards, stations) have sent some lately (see `usual_groups`).

    Rows that are new or changed count, of the whole batch, also when the frame is a sample of it. Where most groups are
    silent (a holiday) it is not asked: that is the volume's business.

    Args:
        column: names the group.
        loads: how many earlier loads are looked at.
        silent_for: ordinary loads in a row without rows before a group counts as silent.
        mostly: share of the usual groups that must be there.
        groups: key of the lookup with one row per usual group and whether it is here (`seen`); set by the runner.
    """

    loads: int = LAST
    silent_for: int = SILENT_FOR
    mostly: float = 0.9
    groups: str | None = None

    success_keys = ("column", "loads", "silent_for", "mostly", "groups")

    def _validate(self, metrics: dict[Any, Any], *_: Any, **__: Any) -> dict[str, Any]:
        seen = list(looked_up(self.groups)["seen"]) if self.groups else []
        silent = sum(1 for here in seen if not here)
        return {
            "success": len(seen) == 0 or silent <= (1 - self.mostly) * len(seen) + 1e-9,
            "result": {"element_count": len(seen), "unexpected_count": silent},
        }
