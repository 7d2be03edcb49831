"""Writing names and values into generated SQL safely."""

from __future__ import annotations


def quoted(name: str) -> str:
    """An identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text value in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def raw_table(zone: str, feed_name: str) -> str:
    """The raw table of a feed in a zone: identity, warehouse, or audit (which lies in the warehouse)."""
    return f"warehouse.audit.{quoted(feed_name)}" if zone == "audit" else f"{zone}.raw.{quoted(feed_name)}"
