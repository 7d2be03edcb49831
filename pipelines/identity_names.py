"""Names of persons on the command line: shown to somebody, for a reason, one look at a time, and logged first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from governance.pseudonym import Pseudonym
from pipelines.hub import Hub, HubProblem


def require_reason(names: bool, by: str | None, why: str | None) -> None:
    """Refuse to show names to nobody, or for no reason.

    Raises:
        HubProblem: names are asked for without who asks and why.
    """
    if names and not (by and by.strip() and why and why.strip()):
        raise HubProblem("Names are shown to somebody, for a reason, and both are logged: say --by WHO and --why TEXT.")


def log_look(hub: Hub, by: str | None, why: str | None, person_ids: Iterable[str], detail: dict[str, Any]) -> None:
    """Write the look into the audit log; to be called before a name is printed."""
    key_of = Pseudonym(hub.keys.pseudonym).key_of
    hub.store.audit.append(
        who=str(by),
        what="identity.names_shown",
        purpose=str(why),
        about=sorted({str(key_of("person", person)) for person in person_ids}),
        detail=detail,
    )
