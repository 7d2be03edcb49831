"""All figures of the weeks judged: what was found, who was missed, for whom it works less well, how steady it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.risk.declare import RiskConfig
from models.risk.panel import Panel
from models.risk.rolling import Rolled, figures_of


def assess(panel: Panel, rolled: Rolled, config: RiskConfig, capacity: Mapping[str, int]) -> dict[str, Any]:
    """Aggregates of the back-test's weeks as one dict."""
    assert rolled.judged is not None
    return figures_of(rolled.judged, capacity, config)
