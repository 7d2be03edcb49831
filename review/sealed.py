"""What stays in the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from review.words import Wording


def is_sealed(row: Mapping[str, Any], wording: Wording) -> bool:
    """Whether a row stays in the hub: marked so itself, or its agency's rows all are."""
    return row.get("release") == "sealed" or wording.sealed_agency(str(row.get("agency") or ""))
