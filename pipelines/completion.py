"""Nothing is published by a run that did not make everything it should have.

A skipped asset can sit inside a green run (Dagster issue 33351), so a run counts for itself: every asset it set out to
make has to have been made in this very run.
"""

from __future__ import annotations

import dagster as dg


class RunIncomplete(Exception):
    """Assets that this run should have made and did not."""


def made_in_run(instance: dg.DagsterInstance, run_id: str) -> set[dg.AssetKey]:
    """Keys of all assets materialised by a run so far."""
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {
        entry.dagster_event.asset_key
        for entry in logs
        if entry.dagster_event is not None and entry.dagster_event.asset_key is not None
    }


def require_complete(
    instance: dg.DagsterInstance, run_id: str, selected: set[dg.AssetKey], not_yet: set[dg.AssetKey]
) -> int:
    """How many assets the run has made, if none is missing.

    Args:
        selected: what the run set out to make.
        not_yet: what is made after this check, by the asset that asks.

    Raises:
        RunIncomplete: names what is missing.
    """
    made = made_in_run(instance, run_id)
    missing = sorted(key.to_user_string() for key in selected - not_yet - made)
    if missing:
        raise RunIncomplete(
            f"{len(missing)} assets were not made in this run ({', '.join(missing[:8])}"
            f"{' ...' if len(missing) > 8 else ''}), so nothing is published. "
            "Look for the first red or grey step above them in the run page, mend it, and run again."
        )
    return len(made)
