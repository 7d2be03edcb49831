"""Nights whose persons were not taken over: the same words for the check, the alert, `hub status` and the page."""

from __future__ import annotations

from datetime import datetime

import duckdb


def why_kept(why: str, model_digest: str | None) -> str:
    """What happened, what stands, what to do.

    `model_digest`: None where the model's own files are the trouble.
    """
    act = (
        "Look for a file that came empty or changed, or a model that was swapped. If the change is meant, a named "
        "person lets the next night pass: `hub identity accept --by NAME --why REASON`."
        if model_digest
        else "Put the model's files in linkage/ of the pack back as they were; no sign-off replaces that."
    )
    return (
        f"Tonight's persons were not taken over and yesterday's are kept. {why} Records that came since stand alone "
        f"until a night is good again. {act}"
    )


def kept_since(con: duckdb.DuckDBPyConnection, now: datetime | None = None) -> tuple[str, str] | None:
    """Whose persons stand, and why, where the last night (at `now`) was not taken over; None where its own stand.

    `con`: with the identity zone as `identity`.
    """
    rows = con.execute(
        """
        select
            night, kept, why, model_digest,
            (select max(night) from identity.linkage.night as good where not good.kept and good.night <= latest.night)
        from identity.linkage.night as latest
        where night <= coalesce($now, night)
        order by night desc limit 1
        """,
        {"now": now},
    ).fetchall()
    if not rows or not rows[0][1]:
        return None
    night, _, why, digest, good = rows[0]
    stands = f"persons are those of {good:%d %B %Y}" if good else "no night has put persons together yet"
    return stands, f"{why_kept(why, digest)} (Night of {night:%d %B %Y}.)"
