"""A night of linkage as a step of a run: the guard, the figures, and what is written where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from governance.order import order_hash_with
from governance.pseudonym import Pseudonym
from pipelines.hub import Hub
from pipelines.identity_lists import on_open_lists

if TYPE_CHECKING:
    from models.linkage import LinkageModel, LinkageResult, LinkageSettings
    from models.linkage.guard import Verdict

# Measures with one figure a night whose course is shown.
TRENDS = ["persons", "merged", "split", "ids_changed_share", "recall", "precision"]


@dataclass(frozen=True)
class LinkageNight:
    """What a night came to. `figures`: rows of linkage.quality. `trend`: night, measure, value of the last nights."""

    result: LinkageResult
    verdict: Verdict
    figures: pd.DataFrame
    trend: pd.DataFrame
    lagging: list[str]


def night_of_linkage(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime, run_id: str) -> LinkageNight:
    """Link under the guard, store persons and figures. `con` has identity (first) and warehouse."""
    from models.linkage import history, write
    from models.linkage.guard import guarded
    from models.linkage.hidden_identifier import lagging
    from models.linkage.quality import figures

    settings = hub.linkage_settings()
    done = guarded(con, model=hub.linkage_model, settings=settings, now=now, run_id=run_id, **how(con, hub, now))
    counts = dict(done.result.quality)
    if not done.verdict.kept and not settings.number_names_a_person:
        counts["hidden"] = hidden_figures(con, done.result, hub.linkage_model(), settings, now)
    rows = figures(counts, done.verdict.figures)
    signed, told = done.verdict.signed_by is not None, done.verdict.row(run_id)
    write(con, done.result, beside=lambda: history.record(con, told, rows, signed=signed, now=now))
    return LinkageNight(
        done.result,
        done.verdict,
        rows,
        history.trend(con, "linkage", now, TRENDS),
        lagging(counts["hidden"]) if "hidden" in counts else [],
    )


def how(con: duckdb.DuckDBPyConnection, hub: Hub, now: datetime) -> dict[str, Any]:
    """What linkage asks for besides records, model and settings: order, areas, and who stands on a list in use."""
    return {
        "order_hash": order_hash_with(hub.keys.order_seed),
        "areas": hub.area_teams(),
        "deprivation": hub.area_deprivation(),
        "on_open_list": on_open_lists(con, hub.store, Pseudonym(hub.keys.pseudonym), now),
    }


def hidden_figures(
    con: duckdb.DuckDBPyConnection,
    result: LinkageResult,
    model: LinkageModel,
    settings: LinkageSettings,
    now: datetime,
) -> pd.DataFrame:
    """Hide-the-identifier precision and recall by group (see models/linkage/hidden_identifier.py)."""
    from models.linkage import history
    from models.linkage.hidden_identifier import hidden_identifier

    if result.records is None:
        raise ValueError("the result holds no records: it was not made by link()")
    live = result.assignment[result.assignment["known_to"].dt.year == 9999]
    apart = history.walled(con, now, "canonical", live)
    return hidden_identifier(
        result.records, result.edges, apart, ethnicities(con, now), model, settings, pd.Timestamp(now)
    )


def ethnicities(con: duckdb.DuckDBPyConnection, now: datetime) -> pd.DataFrame:
    """`record_key, ethnicity` from the audit schema: joined in memory, and only shares by group leave this process.

    As known in the night before, since tonight's marts come after linkage: a night that was killed behind them and is
    run again must find what it found at first. So the first night has none.
    """
    before = con.execute("select max(night) from identity.linkage.night where night < ?", [now]).fetchall()[0][0]
    there = con.execute(
        "select 1 from duckdb_views() where database_name = 'warehouse' and schema_name = 'audit' "
        "and view_name = 'person_attribute_version'"
    ).fetchall()
    if before is None or not there:
        return pd.DataFrame({"record_key": [], "ethnicity": []})
    return con.execute(
        "select record_key::varchar as record_key, arg_max(value, known_from) as ethnicity "
        "from warehouse.audit.person_attribute_version "
        "where attribute = 'ethnicity_group' and known_from <= $now and known_to > $now group by 1",
        {"now": before},
    ).df()
