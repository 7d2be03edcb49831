"""Rules whose failure keeps the weekly list from being issued, and who decided that it may be issued all the same.

A stop begins with the drop that breaks a rule of severity `stop` and ends with a later drop of the feed that keeps it,
or while an override of the pack's `overrides.yml` holds:

    overrides:
      - feed: education__attendance
        rule: volume_collapse
        by: "R. Example, Director of Children's Services"
        reason: "Two schools are closed by flooding; their pupils' marks are not missing."
        until: 2026-10-20

An override has a name, a reason and a last day, and stands wherever the list is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import yaml

from data_quality.contract import FeedContract
from data_quality.expectations.history import CheckRow, newest
from data_quality.expectations.volume import day_of

_FIELDS = ("feed", "rule", "by", "reason", "until")
_GENERATED = {
    "volume_collapse": "A file has about as many rows as this feed usually brings on such a day.",
    "expect_table_columns_to_match_set": "A batch has the agreed columns.",
    "expect_column_values_to_not_be_null": "What must be filled is filled.",
    "expect_column_values_to_be_unique": "A key comes once.",
    "expect_compound_columns_to_be_unique": "A key comes once.",
}


class OverrideRefused(Exception):
    """overrides.yml cannot be used; the message says which entry lacks what."""


@dataclass(frozen=True)
class Override:
    """A named person's decision to issue lists although a rule is broken, until a day (inclusive)."""

    feed: str
    rule: str
    by: str
    reason: str
    until: date

    def sentence(self) -> str:
        """For the list and for people who look after it."""
        return f"Issued all the same until {self.until:%d %B %Y} by decision of {self.by}: {self.reason}"


@dataclass(frozen=True)
class Stop:
    """A rule of severity `stop` that the newest data of a feed breaks.

    Attributes:
        since: when the drop that breaks it was received (naive UTC).
        why: what must hold, in a sentence.
        override: the decision that lets lists be issued, None if there is none.
    """

    agency: str
    feed: str
    rule: str
    column: str
    since: datetime
    checked: int | None
    unexpected: int | None
    promised: float | None
    why: str
    override: Override | None

    @property
    def name(self) -> str:
        """The feed as `agency__feed`."""
        return f"{self.agency}__{self.feed}"

    def counts(self) -> str:
        """What was counted."""
        if self.rule.startswith("volume_"):
            return f"{self.checked or 0:,} rows, where about {self.promised or 0:,.0f} are usual"
        return f"{self.unexpected or 0:,} of {self.checked or 0:,} rows"


def load_overrides(path: Path) -> tuple[Override, ...]:
    """The overrides of a pack; none when it has no such file.

    Raises:
        OverrideRefused: see the class.
    """
    if not path.is_file():
        return ()
    try:
        given = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("overrides") or []
    except (yaml.YAMLError, AttributeError) as error:
        raise OverrideRefused(f"{path.name} is not valid YAML with a list `overrides`: {error}") from None
    found = []
    for place, item in enumerate(given, start=1):
        missing = [name for name in _FIELDS if not (isinstance(item, dict) and item.get(name))]
        until = None if missing else item["until"]
        if not isinstance(until, date):
            needs = ", ".join(missing) or "a last day (until) such as 2026-10-20"
            raise OverrideRefused(
                f"{path.name}, entry {place}: it needs {needs}. "
                "An override names its feed, its rule, who decided, why, and the last day it holds."
            )
        feed, rule, by, reason = (str(item[name]).strip() for name in _FIELDS[:4])
        found.append(Override(feed, rule, by, reason, until))
    return tuple(found)


def stops(
    con: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, FeedContract],
    overrides: Sequence[Override],
    now: datetime,
) -> list[Stop]:
    """Every stop that holds at a knowledge instant (naive UTC), those overridden among them.

    A rule that the contract no longer declares, or no longer with severity `stop`, stops nothing.
    """
    found = []
    for row in newest(con, until=now):
        contract = contracts.get(row.name)
        if contract is None or row.passed or row.severity != "stop":
            continue
        declared = {rule.name: rule for rule in contract.quality}
        rule = declared.get(row.expectation)
        is_generated = row.expectation.startswith(("expect_", "volume_"))
        if not is_generated and (rule is None or rule.severity != "stop"):
            continue
        why = (rule.description if rule else "") or _GENERATED.get(row.expectation, row.expectation.replace("_", " "))
        counts = (row.checked, row.unexpected, row.promised)
        decided = _override(row, overrides, day_of(now))
        found.append(
            Stop(row.agency, row.feed, row.expectation, row.column_name, row.received_at, *counts, why, decided)
        )
    return found


def _override(row: CheckRow, overrides: Sequence[Override], today: date) -> Override | None:
    mine = [one for one in overrides if (one.feed, one.rule) == (row.name, row.expectation) and today <= one.until]
    return max(mine, key=lambda one: one.until, default=None)
