"""The exact panel: one row a person and as-of date, each feature as it was known at that date.

How it is exact and still fast. A version of an event adds to a windowed count on exactly those as-of dates for which
`D - 7w < occurred_on <= D` and `known_from <= cutoff(D) < known_to`. Every one of the four conditions holds from some
date on, or up to some date, so the dates form one contiguous range: a +1 where it begins, a -1 where it ends, one
cumulative sum along the weeks, and all dates of all windows are done. Late rows, corrections and retractions need no
other path.

Worked example, Sundays 1, 8, 15, 22 (indices 0..3), window 2 weeks. An event of the 3rd, known on the 10th, and
corrected away on the 20th: it has happened by index 1, is known by index 2, leaves the window at index 3, and is
withdrawn by index 3: range [2, 3), so only the 15th sees it.

The latest day (for days_since) is a running maximum of the days of versions that are never withdrawn, joined with
those of withdrawn versions written out week by week; the latter are few and short-lived, which keeps it exact.

The ranges come from `relations`, their sums from `grids`, the value of each kind of feature from `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd

from models.risk.asof import as_sundays
from models.risk.declare import Feature, RiskConfig
from models.risk.kinds import Kinds
from models.risk.relations import forget, give_back, read_spine

LARGE = 10**9  # bytes


@dataclass(frozen=True)
class Panel:
    """Feature values with the rows they belong to.

    rows: person (number), person_key, as_of_date, area_team, peer_group, household (number, -1 none), exclusion_reason,
    routed_to, sort_no, ordered by as_of_date, sort_no. X: float32, shape (rows, features), no missing values.
    """

    rows: pd.DataFrame
    X: np.ndarray
    names: tuple[str, ...]

    def column(self, name: str) -> np.ndarray:
        """Values of one feature, shape (rows,)."""
        return self.X[:, self.names.index(name)]

    def take(self, positions: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """Values of several features on some rows, shape (positions, names)."""
        out = np.empty((len(positions), len(names)), dtype=np.float32, order="F")
        # Column by column: X is stored that way, and a plain row selection would read all of it.
        for place, name in enumerate(names):
            out[:, place] = self.X[positions, self.names.index(name)]
        return out

    def where(self, mask: np.ndarray) -> Panel:
        """The panel of the rows for which the mask holds."""
        return Panel(self.rows[mask].reset_index(drop=True), self.X[mask], self.names)


def build_panel(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    dates: Iterable[date],
    *,
    marts: str = "warehouse.marts",
    cohort_only: bool = True,
    features: Sequence[str] | None = None,
) -> Panel:
    """The panel at the given Sundays, from the marts readable on `con`.

    cohort_only leaves out people with an exclusion reason (they still count for their siblings). features: names to
    build, all declared ones when None. Raises ValueError for a date that is no Sunday or an empty spine.
    """
    sundays = as_sundays(dates)
    chosen = list(config.features) if features is None else [config.feature(n) for n in features]
    needed = _with_bases(chosen, config)
    try:
        spine = read_spine(con, sundays, marts)
        if spine.rows.empty:
            raise ValueError("the spine holds nobody on the dates asked for")
        keep = spine.rows["exclusion_reason"].isna().to_numpy() if cohort_only else np.ones(len(spine.rows), dtype=bool)
        rows = spine.rows if keep.all() else spine.rows[keep].reset_index(drop=True)
        kinds = Kinds(con, spine, needed, keep, rows, marts)
        people = spine.people["person_key"]
        del spine, keep
    finally:
        forget(con)
    X = np.empty((len(rows), len(chosen)), dtype=np.float32, order="F")
    if X.nbytes > LARGE:
        give_back(con)
    for position, feature in enumerate(chosen):
        X[:, position] = kinds.values(feature)
    del kinds
    rows.insert(0, "as_of_date", np.array(sundays, dtype="datetime64[s]")[rows["week"].to_numpy()])
    # A key is text of 36 characters, a person has hundreds of rows: keep each key once.
    keys = pd.Index(people, dtype=object)
    codes = rows["person"].to_numpy()
    rows.insert(1, "person_key", pd.Series(pd.Categorical.from_codes(codes, categories=keys)))
    return Panel(rows.drop(columns=["week"]), X, tuple(f.name for f in chosen))


def _with_bases(features: Sequence[Feature], config: RiskConfig) -> list[Feature]:
    """The features and those they are relative to."""
    return list({f.name: f for g in features for f in ([config.feature(g.base), g] if g.base else [g])}.values())
