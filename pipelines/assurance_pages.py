"""What pages about the partnership's work have in common: who they come from, and how they are written to disk."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipelines.clock import LONDON
from pipelines.hub import Hub


def head(hub: Hub) -> dict[str, str]:
    """What every page of the partnership says about itself."""
    pack = hub.declaration("partnership.yml")
    statements = hub.declaration("wording.yml").get("statements", {})
    front_door = pack.get("front_door", {}).get("telephone")
    return {
        "owner": f"{hub.partnership.title} · confidential",
        "synthetic": statements.get("synthetic", "") if pack.get("label") else "",
        "danger_now": "If you think a child is in danger now, refer now and do not wait for this page"
        + (f": call the front door on {front_door}." if front_door else ".")
        + " If there is immediate danger call 999.",
    }


def title(hub: Hub, agency: str) -> str:
    """An agency's name for people."""
    known = hub.agencies.get(agency)
    return known.title if known else agency


def listed(names: list[str]) -> str:
    """`Police, Schools and Housing`; empty for none."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def local(instant: datetime) -> datetime:
    """A naive UTC instant on the London clock."""
    return instant.replace(tzinfo=UTC).astimezone(LONDON)


def day(instant: datetime) -> str:
    """`Monday 5 October 2026`, in London."""
    return f"{local(instant):%A} {local(instant).day} {local(instant):%B %Y}"


def write_private(target: Path, text: str) -> None:
    """Write a file whole or not at all, readable by this account alone."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.chmod(0o600)
    partial.replace(target)
