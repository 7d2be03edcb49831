"""dbt run by this process: a start of its own, which reads all its libraries again, costs more than many a night's SQL.

dbt works in a thread and tells what it does, event by event; Dagster's own translation makes asset events of that. When
it is done nothing of it stays: no open database, no lock.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

_TOLD = ("info", "warn", "error")
_QUIET = ("--log-level", "none", "--no-use-colors", "--no-send-anonymous-usage-stats")


class DbtProblem(Exception):
    """dbt could not parse or build; the message is dbt's own."""


def build(context: dg.AssetExecutionContext, project: Path, target: str, target_path: Path) -> Iterator[Any]:
    """Build what the step `context` selects, without unit tests; asset events as dbt tells of them.

    Args:
        project: folder of the dbt project and its profiles.
        target: of the profile; its environment must stand until the last event.
        target_path: where dbt keeps its artifacts and log; its partial parse stays valid from one time to the next.

    Raises:
        DbtProblem: a model or test failed, or dbt could not begin.
    """
    from dagster_dbt import DagsterDbtTranslator
    from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

    # The manifest and translator are those the step was made from; what is given here is only a default.
    chosen = get_updated_cli_invocation_params_for_context(context, {}, DagsterDbtTranslator())
    words = ["build", "--target", target, "--exclude-resource-type", "unit_test", *chosen.selection_args]
    if chosen.indirect_selection:
        words += ["--indirect-selection", chosen.indirect_selection]
    for raw in run(words, project, target_path):
        event = DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})
        yield from event.to_default_asset_events(
            manifest=chosen.manifest,
            dagster_dbt_translator=chosen.dagster_dbt_translator,
            context=context,
            target_path=target_path,
        )


def run(words: Sequence[str], project: Path, target_path: Path) -> Iterator[dict[str, Any]]:
    """Run one dbt command; its events as dbt's JSON log has them, from `info` up.

    Raises:
        DbtProblem: it did not succeed.
    """
    _import_quietly()
    from dbt.cli.main import dbtRunner, dbtRunnerResult
    from dbt_common.events.base_types import EventMsg
    from dbt_common.events.functions import msg_to_dict

    told: SimpleQueue[dict[str, Any] | dbtRunnerResult | None] = SimpleQueue()
    folders = {"--project-dir": project, "--profiles-dir": project, "--target-path": target_path}
    folders["--log-path"] = target_path
    options = [str(part) for option in folders.items() for part in option]

    def tell(event: EventMsg) -> None:
        if event.info.level in _TOLD:
            told.put(msg_to_dict(event))

    def work() -> None:
        done = None
        try:
            done = dbtRunner(callbacks=[tell]).invoke([*words, *options, *_QUIET])
            _let_go()
        finally:
            # Whatever happened, the run is not to wait for ever.
            told.put(done)

    thread = Thread(target=work, name="dbt", daemon=True)
    thread.start()
    errors: list[str] = []
    try:
        while isinstance(event := told.get(), dict):
            if event["info"]["level"] == "error":
                errors.append(event["info"]["msg"])
            yield event
    except BaseException:
        # The run was told to stop: so is the query, and dbt ends by itself.
        while thread.is_alive():
            _interrupt()
            thread.join(timeout=0.5)
        raise
    thread.join()
    if event is None or not event.success:
        raise DbtProblem("\n\n".join(errors) or str((event and event.exception) or "dbt ended without a result."))


def _import_quietly() -> None:
    """A library of dbt's gives the whole process a log on the terminal when it is read; nobody asked for one."""
    before = list(logging.root.handlers)
    import_module("dbt.cli.main")
    logging.root.handlers = before


def _interrupt() -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    with suppress(Exception):
        # dbt-duckdb declares only the base of the environment it makes for a file.
        DuckDBConnectionManager.env().conn.interrupt()  # type: ignore[attr-defined]


def _let_go() -> None:
    """Close what dbt-duckdb keeps open for the life of a process, so that the next step may open the zone."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    reset_adapters()
    with suppress(Exception):
        DuckDBConnectionManager.env().close()
    DuckDBConnectionManager.close_all_connections()
