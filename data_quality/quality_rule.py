"""Rules about a batch, or about all current rows of a feed, that a contract declares in ODCS `quality`.

    quality:
      - name: cin_1103
        type: custom
        engine: greatExpectations
        severity: inform                 # or stop: no weekly list is issued while it is broken
        description: "An assessment begins on or after the day of its referral."
        implementation:
          type: expect_column_pair_dates_in_order
          kwargs: {column_A: cina_referral_id.cine_referral_date, column_B: cina_assessment_start_date, mostly: 1.0}

Any expectation of Great Expectations can be named, and every one of `data_quality/expectations/`. A column written
`reference.column` is a column of the record that `reference` points to; a rule that uses one, and a rule about spells,
is judged over all current rows (*standing*), any other over the rows of the drop. `type: library, metric: rowCount`
bounds the rows of a drop. Rules a single row can break and
that must keep the row out are no business of this module: they belong to the column (`row_rules.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

SEVERITIES = ("inform", "stop")
ENGINE = "greatExpectations"
# Expectations about all rows of a child can only be answered where all of them are.
SPELLS = ("expect_one_open_spell", "expect_spells_apart")
GROUPS = "expect_column_groups_to_be_seen_again"
# Kwargs that name one column or several.
_COLUMN_KWARGS = ("column", "column_A", "column_B", "column_list", "column_set")
_NAME = re.compile(r"[a-z][A-Za-z0-9_]*")


@dataclass(frozen=True)
class QualityRule:
    """One declared rule.

    Attributes:
        name: what the history and every page call it.
        column: the column it is written at, empty for a rule of the table.
        severity: `inform` counts, `stop` also keeps the weekly list from being issued.
        expectation: type name of the expectation.
        description: what must hold, in a sentence for people.
    """

    name: str
    column: str
    severity: str
    expectation: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it looks at, references to other feeds (`reference.column`) among them."""
        found: list[str] = []
        for key in _COLUMN_KWARGS:
            value = self.kwargs.get(key)
            found += [value] if isinstance(value, str) else list(value or ())
        return tuple(dict.fromkeys(found))

    @property
    def is_standing(self) -> bool:
        """Judged over all current rows and not over the rows of a drop."""
        return self.expectation in SPELLS or any("." in name for name in self.columns)

    @property
    def is_of_groups(self) -> bool:
        """Compares the groups of a drop with those of earlier drops."""
        return self.expectation == GROUPS


def rules_of_table(
    table: Any, kept: Collection[str], references: Collection[str], say: Callable[[str], None]
) -> tuple[QualityRule, ...]:
    """The rules declared at a table and at its columns; `say` is told of everything that cannot be used.

    Args:
        table: ODCS schema object.
        kept: names of the columns the gate keeps. references: those of them that point to a record.
    """
    rules = list(_read(table.quality, "", say))
    for item in table.properties or []:
        rules += _read(item.quality, item.name or "", say)
    for rule in rules:
        for name in rule.columns:
            if name.split(".")[0] not in (references if "." in name else kept):
                say(f"quality rule {rule.name}: {name} is neither a column that is kept nor `reference.column`")
    names = [rule.name for rule in rules]
    for name in sorted({name for name in names if names.count(name) > 1}):
        say(f"quality rule {name} is written twice")
    return tuple(rules)


def row_bounds(table: Any) -> tuple[int | None, int | None]:
    """(least, most) rows of a drop by `metric: rowCount`; with a least, an empty full drop is refused."""
    least, most = None, None
    for item in table.quality or ():
        if _counts_rows(item):
            between = item.mustBeBetween or (None, None)
            above, below = item.mustBeGreaterThan, item.mustBeLessThan
            least = next((n for n in (item.mustBeGreaterOrEqualTo, between[0]) if n is not None), least)
            most = next((n for n in (item.mustBeLessOrEqualTo, between[1]) if n is not None), most)
            least, most = (least if above is None else above + 1), (most if below is None else below - 1)
    return least, most


def _counts_rows(item: Any) -> bool:
    return item.type == "library" and (item.metric or item.rule) == "rowCount"


def _read(items: Iterable[Any] | None, column: str, say: Callable[[str], None]) -> Iterator[QualityRule]:
    """The rules of one `quality` list; text rules (`type: text`) are for people and skipped."""
    for item in items or ():
        if item.type == "text" or _counts_rows(item):
            continue
        where = f"quality rule {item.name!r}"
        if not _NAME.fullmatch(item.name or ""):
            say(f"{where}: its name must be letters, digits and _")
            continue
        if item.type != "custom" or item.engine != ENGINE:
            say(f"{where}: write `type: custom` and `engine: {ENGINE}`, or `type: library` and `metric: rowCount`")
            continue
        wanted = yaml.safe_load(item.implementation) if isinstance(item.implementation, str) else item.implementation
        if not isinstance(wanted, dict) or not str(wanted.get("type", "")).startswith("expect_"):
            say(f"{where}: implementation must hold the `type` of an expectation, and its `kwargs`")
            continue
        if item.severity not in SEVERITIES:
            say(f"{where}: severity must be one of {', '.join(SEVERITIES)}")
            continue
        kwargs = dict(wanted.get("kwargs") or {})
        if column and not any(key in kwargs for key in _COLUMN_KWARGS):
            kwargs["column"] = column
        yield QualityRule(
            item.name, column, str(item.severity), str(wanted["type"]), kwargs, (item.description or "").strip()
        )
