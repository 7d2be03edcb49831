"""Which steps are tried again when they fail: those that may be run twice without harm.

The gate, dbt, linkage, the panel and the pages repeat safely: each ends the same however often it is begun
(docs/decisions/0004). A release is no such step: every one is a fact in the audit log, and is not made by a machine
that only tries again.
"""

from __future__ import annotations

import dagster as dg

from pipelines.settings import Settings

_TIMES = 2


def again() -> dg.RetryPolicy:
    """Twice more, after HUB_RETRY_SECONDS and after twice that: a lock or a full disk may have passed by then."""
    return dg.RetryPolicy(max_retries=_TIMES, delay=Settings().retry_seconds, backoff=dg.Backoff.EXPONENTIAL)
