"""What another model would do to who is who: a whole night with each, from the same ledger, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pandas as pd

from models.linkage.guard import Before, Tonight, judge, read_before
from models.linkage.ledger import OPEN
from models.linkage.model import LinkageModel
from models.linkage.night import LinkageResult, link
from models.linkage.settings import LinkageSettings

Hidden = Callable[[LinkageResult, LinkageModel], pd.DataFrame]


def shadow(
    con: Any,
    *,
    present: LinkageModel,
    candidate: LinkageModel,
    settings: LinkageSettings,
    now: datetime,
    hidden: Hidden,
    **how: Any,
) -> dict[str, Any]:
    """The report on a candidate: counts and shares only, ready for JSON.

    ``hidden``: hide-the-identifier figures of a result and the model it was made with. ``how``: everything else
    :func:`link` asks for. Ids are compared with the ledger's, over records untouched since the last night.
    """
    before = read_before(con, now)
    report: dict[str, Any] = {
        "model": candidate.digest,
        "present_model": present.digest,
        "known_until": now.isoformat(),
    }
    for name, model in (("present", present), ("candidate", candidate)):
        result = link(con, model=model, settings=settings, now=now, run_id="shadow", **how)
        report[name] = _side(before, result, hidden(result, model), model.digest, settings)
    report["would_be_stopped"] = report["candidate"].pop("why")
    report["present"].pop("why")
    return report


def _side(
    before: Before, result: LinkageResult, hidden: pd.DataFrame, digest: str, settings: LinkageSettings
) -> dict[str, Any]:
    """What one of the two models comes to."""
    verdict = judge(before, Tonight.of(result), digest, settings)
    events = result.events["event"].value_counts()
    rates, odd = result.quality["link_rates"], result.quality["conflicts"]
    return {
        "why": list(verdict.why),
        "persons": int(result.quality["night"].set_index("measure")["value"]["persons"]),
        "largest": int(verdict.figures["largest"]),
        "untouched": int(verdict.figures.get("untouched", 0)),
        "ids_changed": int(verdict.figures.get("ids_changed", 0)),
        "ids_changed_share": float(verdict.figures.get("ids_changed_share", 0.0)),
        "ids_changed_by_agency": _by_agency(before, result),
        "events": {what: int(events.get(what, 0)) for what in ("minted", "merged", "split", "retired", "reinstated")},
        "link_rates": dict(zip(rates["agency"] + " > " + rates["other_agency"], rates["rate"].tolist(), strict=True)),
        "conflicts": dict(zip(odd["conflict"], odd["persons"].tolist(), strict=True)),
        "hidden_identifier": [
            {"measure": measure, "scope": scope, **_told(value, low, high, n)}
            for measure, scope, value, low, high, n in hidden.itertuples(index=False)
        ],
    }


def _told(value: float, low: float, high: float, n: int) -> dict[str, Any]:
    """An estimate with its interval; nothing of a group too small to tell."""
    return {"value": value, "low": low, "high": high, "pairs": int(n)} if value == value else {"value": None}


def _by_agency(before: Before, result: LinkageResult) -> dict[str, dict[str, int]]:
    """Untouched records by agency, and how many of them would change person."""
    if result.records is None:
        return {}
    live = result.assignment[result.assignment["known_to"] == OPEN].set_index("record_key")["person_id"]
    both = before.untouched.index.intersection(live.index)
    agency = result.records.set_index("record_key")["agency"].reindex(both)
    changed = (before.untouched.loc[both] != live.loc[both]).groupby(agency.to_numpy())
    return {str(name): {"untouched": len(one), "changed": int(one.sum())} for name, one in changed}
