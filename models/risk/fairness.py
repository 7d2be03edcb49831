"""For whom does it work less well? Figures by protected attribute, beside those of everybody else.

The attributes lie apart and come in as a frame used here alone; no feature reads them and only aggregates leave.
Missing is a group: those whose ethnicity nobody wrote down are people too. Intervals draw whole families again; small
numbers are withheld, and where one alone would be withheld the next smallest goes with it: totals are published.

*Flagged because watched?* A group about whom more is recorded is listed more often. Of the weeks of people who turned
out to need nothing, `listed_without_need` is the share in which they were listed, `given_recording` what it would be if
only the number of recorded contacts mattered (everybody's share at the same number, weighted by the group's). Where the
first exceeds the second, the group is listed for more than being watched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from models.risk.bootstrap import FamilyBootstrap, ListStatistics
from models.risk.calibrate import chance
from models.risk.declare import RiskConfig
from models.risk.gate_declare import AuditAttribute
from models.risk.measures import linear_ratio, rounded
from models.risk.panel import Panel

COUNTS = ("people", "listed_people", "people_in_need")
MEASURES = ("selection", "precision", "missed", "calibration")
RECORDING_BANDS = np.array([1, 2, 4, 8, 16])


def groups_of(panel: Panel, at: np.ndarray, attributes: pd.DataFrame, config: RiskConfig) -> dict[str, np.ndarray]:
    """The group of each of the panel's rows at the positions, by attribute.

    attributes: a column `person_key` (text) and one for each audited attribute; text, missing where not recorded.
    """
    missing = config.fairness.missing
    known = attributes.set_index(attributes["person_key"].astype(str))
    # Once a person, not once a row: a person has dozens of rows.
    person = panel.rows["person_key"].iloc[at].astype("category").cat
    keys = person.categories.astype(str)
    out = {}
    for one in config.fairness.attributes:
        if one.feature is not None:
            out[one.name] = _banded(panel.column(one.feature)[at], one)
        elif one.name in known:
            value = known[one.name].astype(object).reindex(keys)
            out[one.name] = value.where(value.notna(), missing).astype(str).to_numpy().astype(object)[person.codes]
        else:
            out[one.name] = np.full(len(at), missing, dtype=object)
    return out


def audit(
    groups: Mapping[str, np.ndarray],
    y: np.ndarray,
    listed: np.ndarray,
    log_odds: np.ndarray,
    person: np.ndarray,
    family: np.ndarray,
    contacts: np.ndarray,
    period: np.ndarray,
    config: RiskConfig,
) -> dict[str, Any]:
    """The audit of one list.

    All arrays have one length: group by attribute, outcome, whether listed, calibrated log-odds, person, family,
    recorded contacts, and a label of the time the row belongs to (figures over time are given by it).
    """
    settings = config.evaluation
    p = chance(log_odds)

    def look(here: np.ndarray) -> ListStatistics:
        boot = FamilyBootstrap(family[here], settings.bootstrap, settings.level, config.training.seed)
        return ListStatistics(boot, y[here], person[here])

    everything = np.ones(len(y), dtype=bool)
    whole = look(everything)
    expected = _given_recording(listed, y, contacts)
    times = [(str(t), period == t) for t in np.unique(period)]
    parts = [(t, here, look(here)) for t, here in times] if len(times) > 1 else []
    attributes = []
    for one in config.fairness.attributes:
        value = groups[one.name]
        rows = []
        for name in _in_order(value, one):
            mine = value == name
            row = _figures(whole, mine, listed, p, settings.smallest_cell)
            row |= {"group": name, "recording": _recording(whole, mine, listed, contacts, expected)}
            row["over_time"] = [
                {"period": t} | _measures(stats, mine[here], listed[here], p[here], settings.smallest_cell)
                for t, here, stats in parts
            ]
            rows.append(row)
        _withhold(rows, settings.smallest_cell)
        attributes.append({"name": one.name, "title": one.title, "groups": rows})
    return {"attributes": attributes, "smallest_cell": settings.smallest_cell}


def _figures(stats: ListStatistics, mine: np.ndarray, listed: np.ndarray, p: np.ndarray, least: int) -> dict[str, Any]:
    """Counts and measures of a group, and its differences from everybody else."""
    rest = ~mine
    people, ever = stats.once(mine), stats.once(mine & listed)
    reached, need = stats.recall(listed & mine, mine)
    found, shown = stats.precision(listed & mine)
    others_reached, others_need = stats.recall(listed & rest, rest)
    out: dict[str, Any] = {
        "people": int(people.sum()),
        "listed_people": int(ever.sum()),
        "people_in_need": int(need.sum()),
        **_measures(stats, mine, listed, p, least),
        "sizes": {"precision": int(shown.sum()), "missed": int(need.sum())},
    }
    apart = {
        "precision": ((found, shown), stats.precision(listed & rest)),
        "missed": ((need - reached, need), (others_need - others_reached, others_need)),
    }
    # Without anybody else there is nothing to differ from; and what is withheld is not told by a difference.
    out["difference"] = {
        measure: stats.boot.difference(ours, theirs) | {"events": out["sizes"][measure]}
        if rest.any() and out[measure] is not None
        else None
        for measure, (ours, theirs) in apart.items()
    }
    return out


def _measures(stats: ListStatistics, mine: np.ndarray, listed: np.ndarray, p: np.ndarray, least: int) -> dict[str, Any]:
    """Selection, precision, missed and calibration of a group with intervals; None where too few stand behind one."""
    y, boot = stats.y, stats.boot
    people, ever = stats.once(mine), stats.once(mine & listed)
    reached, need = stats.recall(listed & mine, mine)
    found, shown = stats.precision(listed & mine)
    few = {
        "selection": _small(people.sum(), ever.sum(), least),
        "precision": _small(shown.sum(), found.sum(), least),
        "missed": _small(need.sum(), reached.sum(), least),
        "calibration": need.sum() < least,
    }
    told = {
        "selection": lambda: linear_ratio(*boot.totals(ever, people).T),
        "precision": lambda: boot.share(found, shown),
        "missed": lambda: boot.share(need - reached, need),
        "calibration": lambda: linear_ratio(*boot.totals(mine & y, np.where(mine, p, 0.0)).T),
    }
    return {measure: None if few[measure] else told[measure]() for measure in MEASURES}


def _given_recording(listed: np.ndarray, y: np.ndarray, contacts: np.ndarray) -> np.ndarray:
    """For each row everybody's share of rows listed, among rows without an outcome, at its number of contacts."""
    band = np.digitize(contacts, RECORDING_BANDS)
    no_need = ~y
    rows = np.bincount(band[no_need], minlength=len(RECORDING_BANDS) + 1)
    hits = np.bincount(band[no_need & listed], minlength=len(RECORDING_BANDS) + 1)
    return (hits / np.maximum(rows, 1))[band]


def _recording(stats: ListStatistics, mine, listed, contacts, expected) -> dict[str, Any]:
    """Whether a group is listed because more is recorded about it (per 1,000 person-weeks without need)."""
    here = mine & ~stats.y
    n = max(int(here.sum()), 1)
    return {
        "contacts": rounded(contacts[mine].mean()),
        "contacts_of_others": rounded(contacts[~mine].mean()) if (~mine).any() else None,
        "listed_without_need": rounded(1000 * (listed & here).sum() / n),
        "given_recording": rounded(1000 * expected[here].sum() / n),
    }


def _withhold(rows: list[dict[str, Any]], least: int) -> None:
    """Blank small counts; where one group alone is blanked, in counts or shares, the next smallest goes with it: the
    totals would give it away."""
    for field in COUNTS:
        hidden = [r for r in rows if 0 < r[field] < least]
        if len(hidden) == 1:
            others = sorted((r for r in rows if r[field] >= least), key=lambda r: (r[field], r["group"]))
            hidden += others[:1]
        for row in hidden:
            row[field] = None
    for measure in ("precision", "missed"):
        shown = [(r["sizes"][measure], r["group"], r) for r in rows if r[measure] is not None]
        if sum(r[measure] is None and r["sizes"][measure] > 0 for r in rows) == 1 and shown:
            _, _, smallest = min(shown, key=lambda s: s[:2])
            smallest[measure] = smallest["difference"][measure] = None
    for row in rows:
        del row["sizes"]
        if row["people"] is None or row["listed_people"] is None:
            row["selection"] = None
            row["recording"] = dict.fromkeys(row["recording"])
        if row["people_in_need"] is None:
            row["missed"] = row["calibration"] = None
        # A figure that is withheld as a whole is not told by its parts.
        for part in row["over_time"]:
            part.update(dict.fromkeys(m for m in part if m in MEASURES and row[m] is None))


def _small(under: float, over: float, least: int) -> bool:
    """Whether a share rests on too few people, or would show a small number of them."""
    return under < least or 0 < over < least


def _in_order(value: np.ndarray, one: AuditAttribute) -> list[str]:
    """The groups there are: bands from the lowest up, others by name."""
    there = set(value.tolist())
    return [name for name in _bands(one.edges) if name in there] if one.edges else sorted(there)


def _banded(values: np.ndarray, one: AuditAttribute) -> np.ndarray:
    """Bands of a feature as words, such as "2 to 4"."""
    return np.array(_bands(one.edges), dtype=object)[np.digitize(values, one.edges)]


def _bands(edges: Sequence[int]) -> list[str]:
    """Names of the bands with the given first values."""
    names = [f"under {edges[0]}"]
    names += [f"{a} to {b - 1}" if b - a > 1 else str(a) for a, b in pairwise(edges)]
    return [*names, f"{edges[-1]} and over"]
