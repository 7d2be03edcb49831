"""Nothing is published by a run that did not make everything it should have.

A skipped asset can sit inside a green run (Dagster issue 33351), so a run counts for itself: every asset it set out to
make before this point has to have been made, or said to be carried, in this very run.
"""

from __future__ import annotations

import dagster as dg

_TOLD = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION}


class RunIncomplete(Exception):
    """Assets that this run should have made and did not."""


def made_in_run(instance: dg.DagsterInstance, run_id: str) -> set[dg.AssetKey]:
    """Keys of all assets that a run has so far materialised, or observed to be carried."""
    return {
        entry.dagster_event.asset_key
        for entry in instance.all_logs(run_id, of_type=_TOLD)
        if entry.dagster_event is not None and entry.dagster_event.asset_key is not None
    }


def require_complete(context: dg.AssetExecutionContext, asking: dg.AssetKey) -> int:
    """How many assets the run has made, if none of those that `asking` stands on is missing.

    What the run makes besides, because more was chosen in the UI, may still be to come and is not asked for.

    Raises:
        RunIncomplete: names what is missing.
    """
    layer = context.job_def.asset_layer
    expected = layer.asset_graph.get_ancestor_asset_keys(asking) & set(layer.selected_asset_keys)
    made = made_in_run(context.instance, context.run_id)
    missing = sorted(key.to_user_string() for key in expected - {asking} - made)
    if missing:
        raise RunIncomplete(
            f"{len(missing)} assets were not made in this run ({', '.join(missing[:8])}"
            f"{' ...' if len(missing) > 8 else ''}), so nothing is published. "
            "Look for the first red or grey step above them in the run page, mend it, and run again."
        )
    return len(made)
