"""A past week's scores once more, by the model that was registered for it and by nothing newer.

Scores are never kept, so whoever must explain one makes it again: the model out of its files, the features as its own
declarations say, every person's part (families.py) dealt from the weeks it learnt from, all as known on the day. Its
card holds a mark of the rows it scored, feature by feature; where the rows made again leave another mark, what was
known then can no longer be read, and the score would not be the one that stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from models.risk.backtest import Rotation, positions_of
from models.risk.calibrate import Calibration
from models.risk.declare import Feature, RiskConfig
from models.risk.families import deal
from models.risk.panel import Panel, build_panel
from models.risk.parts import Part
from models.risk.registry import digest
from models.risk.splits import Split
from models.risk.train import Fitted


class CannotRescore(ValueError):
    """The week cannot be scored again by this model; the message says why."""


@dataclass(frozen=True)
class Rescored:
    """A week scored again.

    panel: the cohort on the as-of date with every declared feature; rotation: the registered parts, `fold` and `apart`
    a row of the panel each; config: the declarations with the model's own features; changed: in words what differs
    from the rows that were scored then, empty when nothing does.
    """

    panel: Panel
    rotation: Rotation
    config: RiskConfig
    log_odds: np.ndarray
    changed: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What several weeks need, read once. rows: the cohort of every week that taught or was scored; panel: that of the
    weeks to score, with every feature of `config`."""

    config: RiskConfig
    rows: pd.DataFrame
    panel: Panel

    def on(self, as_of: date) -> Panel:
        """The panel of one of the weeks."""
        day = self.panel.rows["as_of_date"].to_numpy().astype("datetime64[D]")
        start, end = np.searchsorted(day, [np.datetime64(as_of, "D"), np.datetime64(as_of, "D") + 1])
        if start == end:
            raise CannotRescore(f"Nobody of the week that ended on {as_of.isoformat()} can be read any more.")
        rows = self.panel.rows.iloc[start:end].reset_index(drop=True)
        return Panel(rows, self.panel.X[start:end], self.panel.names)


def see(
    con: duckdb.DuckDBPyConnection,
    config: RiskConfig,
    as_of_dates: Sequence[date],
    cards: Iterable[Mapping[str, Any]],
    *,
    marts: str = "warehouse.marts",
) -> Seen:
    """Read what is needed to score these weeks by the models of these cards; a week costs little more than none."""
    taught = {date.fromisoformat(d) for card in cards for d in (card.get("scored") or {}).get("weeks", [])}
    # Families are dealt over all weeks, features are needed of those scored.
    rows = build_panel(con, config, {*taught, *as_of_dates}, marts=marts, features=()).rows
    return Seen(config, rows, build_panel(con, config, as_of_dates, marts=marts))


def fingerprint(panel: Panel, learnt: Rotation) -> dict[str, Any]:
    """The mark of the rows that the newest week's scores were made of, and of how families were dealt. No key in it."""
    at = positions_of(panel, learnt.split.test[-1:])
    names = list(dict.fromkeys(f.name for p in learnt.parts for f in p.fitted.features))
    return {
        "weeks": [d.isoformat() for d in (*learnt.split.train, *learnt.split.test)],
        "trained_on": learnt.split.trained_on.isoformat(),
        "as_of_date": learnt.split.test[-1].isoformat(),
        **_mark(panel, at, names, learnt.fold[at]),
    }


def rescore(
    con: duckdb.DuckDBPyConnection,
    parts: Sequence[tuple[Fitted, Calibration]],
    card: Mapping[str, Any],
    config: RiskConfig,
    as_of: date,
    *,
    marts: str = "warehouse.marts",
    seen: Seen | None = None,
) -> Rescored:
    """Score the cohort of `as_of` with a registered model, as known then.

    parts, card: as `unpack_model` returns them; config: today's declarations; seen: what was read for several weeks,
    used where the model's declarations are those it was read by. Raises CannotRescore when the model did not score that
    week, or nobody of it is left to read.
    """
    scored = card.get("scored")
    if scored is None:
        raise CannotRescore("The model's card was written by a version that did not say which rows it scored.")
    if scored.get("as_of_date") != as_of.isoformat():
        raise CannotRescore(
            f"The model registered for the week that ended on {as_of.isoformat()} did not score that week: it was made"
            " for the back-test alone and named nobody."
        )
    own = with_features(config, (f for fitted, _ in parts for f in fitted.features))
    weeks = [date.fromisoformat(d) for d in scored["weeks"]]
    trained_on = date.fromisoformat(scored["trained_on"])
    if seen is None or _computed(seen.config) != _computed(own):
        try:
            seen = see(con, own, [as_of], [card], marts=marts)
        except ValueError as error:
            raise CannotRescore(
                f"The week that ended on {as_of.isoformat()} cannot be read any more: {error}."
            ) from None
    panel = seen.on(as_of)
    known = seen.rows["as_of_date"].to_numpy().astype("datetime64[D]")
    rows = seen.rows[np.isin(known, np.array(weeks, dtype="datetime64[D]"))]
    day = rows["as_of_date"].to_numpy().astype("datetime64[D]")
    fold, apart = deal(rows, day <= np.datetime64(trained_on, "D"), len(parts), own.training.seed)
    here = day == np.datetime64(as_of, "D")
    if list(rows["person_key"][here].astype(str)) != list(panel.rows["person_key"].astype(str)):
        raise CannotRescore(f"The people of the week that ended on {as_of.isoformat()} cannot be put in order again.")
    split = Split("list", trained_on, tuple(weeks[:-1]), (as_of,), None)
    rotation = Rotation(split, tuple(_part(f, c) for f, c in parts), fold[here], apart[here])
    everybody = np.arange(len(panel.rows))
    names = list(dict.fromkeys(f.name for fitted, _ in parts for f in fitted.features))
    found = _mark(panel, everybody, names, rotation.fold)
    return Rescored(panel, rotation, own, rotation.log_odds(panel, everybody), tuple(_differences(scored, found, own)))


def with_features(config: RiskConfig, features: Iterable[Feature]) -> RiskConfig:
    """The declarations with a registered model's own features in place of today's of the same name."""
    own = {f.name: f for f in features}
    kept = [own.pop(f.name, f.model_copy(update={"model": False})) for f in config.features]
    return config.model_copy(update={"features": (*kept, *own.values())})


def _computed(config: RiskConfig) -> list[Feature]:
    """The declarations as far as they say how a value is computed; which of them a model reads is another matter."""
    return [f.model_copy(update={"model": False}) for f in config.features]


def _mark(panel: Panel, at: np.ndarray, names: Sequence[str], fold: np.ndarray) -> dict[str, Any]:
    return {
        "rows": len(at),
        "parts": _digest(np.asarray(fold, dtype=np.int8)),
        "features": {name: _digest(np.ascontiguousarray(panel.column(name)[at])) for name in names},
    }


def _differences(then: Mapping[str, Any], now: Mapping[str, Any], config: RiskConfig) -> Iterable[str]:
    """What differs between the rows scored then and those made again, a sentence each."""
    if then["rows"] != now["rows"]:
        yield f"{then['rows']:,} people were scored then, {now['rows']:,} can be read today"
        return
    if then["parts"] != now["parts"]:
        yield "families are dealt into parts differently"
    other = [name for name, mark in then["features"].items() if now["features"].get(name) != mark]
    if other:
        named = ", ".join([f'"{config.feature(n).label}"' for n in other[:3]] + ["..."] * (len(other) > 3))
        yield f"{len(other)} of {len(then['features'])} features have other values ({named})"


def _part(fitted: Fitted, calibration: Calibration) -> Part:
    """A registered part; of what it was learnt from the card tells."""
    return Part(fitted, calibration, {}, 0, 0, 0, (), "")


def _digest(values: np.ndarray) -> str:
    return digest([values.tobytes()])[:16]
