"""What the simulation leaves behind: events, decisions, levels, and who was open to whom, week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.calendar import school_days

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
OUTCOMES = ("NFA", "EH_REFERRAL", "NEW_REFERRAL", "EXISTING_REFERRAL")
PATH_NONE, PATH_CIN, PATH_CP, PATH_CLA = 0, 1, 2, 3


@dataclass
class History:
    """What happened, in simulation order.

    Attributes:
        start: first day of week 0 (days since 1970), a Monday.
        family_level, child_level: int8 [week, family] and [week, child].
        family_event: week, family, kind, day, contact, referral (family kinds); `child_event` likewise with child.
        contact: child, day, family_channel, kind, event (row number in its event frame), outcome (see OUTCOMES),
            referral (row or -1).
        referral: child, day, family_channel, kind, nfa, found, path, family_level, child_level, assessment_days,
            plan_days, close_day.
        early_help: family, day, end_day, reason (0 direct, 1 contact, 2 after assessment).
        care: child, day, end_day of care spells that did not begin with a referral in the simulation.
        open_week, helped_week, active_week: bool [week, child]: open to social care on the Sunday or within 28 days
            before; open early help; resident all week.
        help_family, known_family: bool [week, family] help in place at the start of the week; a case closed in the
            year before.
        care_week: bool [week, child] in care at the start of the week.
    """

    start: int
    family_level: NDArray[np.int8]
    child_level: NDArray[np.int8]
    family_event: pd.DataFrame
    child_event: pd.DataFrame
    contact: pd.DataFrame
    referral: pd.DataFrame
    early_help: pd.DataFrame
    care: pd.DataFrame
    open_week: Bools
    helped_week: Bools
    active_week: Bools
    help_family: Bools
    care_week: Bools
    known_family: Bools


def open_weeks(start: int, weeks: int) -> NDArray[np.int64]:
    """Days schools are open in each simulated week."""
    day = school_days()["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    week = (day - start) // 7
    inside = (week >= 0) & (week < weeks)
    return np.bincount(week[inside], minlength=weeks)


class Rows:
    """Columns collected week by week."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.parts: list[tuple[NDArray, ...]] = []
        self.size = 0

    def add(self, *values: NDArray) -> Ints:
        """Append rows; returns their row numbers."""
        rows = np.arange(self.size, self.size + len(values[0]))
        self.parts.append(values)
        self.size += len(values[0])
        return rows

    def frame(self) -> pd.DataFrame:
        """All rows."""
        columns = zip(*self.parts, strict=True) if self.parts else [() for _ in self.names]
        return pd.DataFrame(
            {
                name: np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
                for name, parts in zip(self.names, columns, strict=True)
            }
        )
