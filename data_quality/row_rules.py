"""Row rules as SQL, generated from a contract.

For each column the contract yields one typed expression and some rules. A rule is a condition that is *true when the
row is bad*; conditions are written so that NULL never makes a row bad except for `required`. All rules of a row are
judged in one pass over the batch; only rows that failed are then asked which rules they failed.

>>> [rule.rule for rule in rules_of(contract, code_sets, extracted_on)]          # doctest: +SKIP
['required', 'date', 'plausible_date', 'code_set', ...]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from data_quality.code_sets import EARLIEST, LATEST, CodeSets
from data_quality.contract import TYPES, ColumnContract, FeedContract
from data_quality.row_checks import CHECKS
from data_quality.sql import literal, quoted

SEPARATOR = "chr(31)"
EARLIEST_PLAUSIBLE = date(1900, 1, 1)
# Planned dates (a conference, an expected birth, the end of a plan) lie ahead; happened ones cannot.
PLANNING_HORIZON = timedelta(days=731)
_CLOCK_SLACK = timedelta(days=1)
_TRUE, _FALSE = ("1", "y", "yes", "t", "true"), ("0", "n", "no", "f", "false")

# (SQL of a text, name of a code set) -> SQL that is true where the text is a code of it on its day
Known = Callable[[str, str], str]


@dataclass(frozen=True)
class RowRule:
    """One rule of one column.

    Attributes:
        bad: SQL over the staged columns that is true for a bad row.
        why: sentence for people, without any value.
        severity: inform, quarantine or refuse (what `stop` stops is judged over the batch; its rows are loaded).
        refuse_above: share of a drop's rows past which a rule of severity `refuse` refuses the drop.
        on_deletions: whether rows that only announce a deletion must keep it, too.
        keeps_content: False for rows whose content must not even be quarantined.
    """

    column: str
    rule: str
    bad: str
    why: str
    severity: str = "quarantine"
    on_deletions: bool = False
    keeps_content: bool = True
    refuse_above: float = 1.0

    @property
    def holds(self) -> bool:
        """Whether a row that breaks it waits in quarantine."""
        return self.severity in ("quarantine", "refuse")

    @property
    def fails(self) -> str:
        """SQL that is true for a row that fails it, deletions spared where they need not keep it."""
        return f"({self.bad})" if self.on_deletions else f"(not is_deletion and ({self.bad}))"


def text_of(column: ColumnContract) -> str:
    """The column as sent but for surrounding blanks, empty as NULL: its name in the batch."""
    return quoted(f"{column.name}§")


def typed(column: ColumnContract, contract: FeedContract, text: str) -> str:
    """The text in the column's type; NULL where it is not of that type.

    Instants become naive UTC, from the wall-clock time in `local_column`.
    """
    if column.type == "date":
        return f"try_strptime({text}, {literal(column.format or contract.delivery.date_format)})::date"
    if column.type == "timestamp":
        return utc(local_column(column), contract.delivery.timezone)
    if column.type == "integer":
        # DuckDB rounds '1.5' when it casts, which would change what the agency said.
        return f"case when regexp_full_match({text}, '[+-]?[0-9]{{1,18}}') then try_cast({text} as bigint) end"
    if column.type == "number":
        return f"case when isfinite(try_cast({text} as double)) then try_cast({text} as double) end"
    if column.type == "boolean":
        return (
            f"case when lower({text}) in {_in_list(_TRUE)} then true "
            f"when lower({text}) in {_in_list(_FALSE)} then false end"
        )
    return text


def local_column(column: ColumnContract) -> str:
    """Where the batch keeps a timestamp's wall-clock time on its way to UTC."""
    return quoted(f"{column.name}§local")


def local_time(column: ColumnContract, contract: FeedContract, text: str) -> str:
    """The wall-clock time the agency wrote."""
    return f"try_strptime({text}, {literal(column.format or contract.delivery.timestamp_format)})"


def utc(local: str, zone: str) -> str:
    """Wall-clock time in a zone as naive UTC.

    The calendar library costs more than all other rules of a row together, so for London it is asked only in the two
    months in which clocks change; since 1972 April to September is always UTC+1 and November to February always UTC.
    """
    exact = f"timezone('UTC', timezone({literal(zone)}, {local}))"
    if zone != "Europe/London":
        return exact
    return (
        f"case when year({local}) < 1972 or month({local}) in (3, 10) then {exact} "
        f"when month({local}) between 4 and 9 then {local} - interval 1 hour else {local} end"
    )


def source_key(contract: FeedContract) -> str:
    """Key columns as trimmed text joined with U+001F, the text `record_key` is made of; NULL if one is empty."""
    return "(" + f" || {SEPARATOR} || ".join(text_of(column) for column in contract.keys) + ")"


def is_deletion(contract: FeedContract) -> str:
    """True for a row that only says its key is gone."""
    column = contract.tombstone
    return f"coalesce(lower({text_of(column)}) = 'deleted', false)" if column else "false"


def rules_of(contract: FeedContract, code_sets: CodeSets, extracted_on: date) -> list[RowRule]:
    """Every rule of a feed in the order of its columns.

    Raises:
        CodeSetProblem: a column names a code set the pack does not have.
    """
    known = _known_codes(contract, code_sets, extracted_on)
    rules: list[RowRule] = []
    for column in contract.columns:
        rules += _content_rules(column)
        rules += _type_rules(column, contract, extracted_on)
        rules += _value_rules(column)
        rules += _json_rules(column, contract, known)
        if column.code_set:
            rules.append(_code_rule(column, known))
        if column.check:
            rules.append(_check_rule(column))
    return rules


def _content_rules(column: ColumnContract) -> list[RowRule]:
    text, name = text_of(column), column.name
    rules = []
    if column.reject_values:
        rules.append(
            RowRule(name, "not_to_be_shared", f"coalesce({text} in {_in_list(column.reject_values)}, false)",
                    "its handling forbids sharing; the content was not kept", keeps_content=False, on_deletions=True)
        )  # fmt: skip
    if column.required:
        is_key = column.key_position is not None
        rules.append(
            RowRule(
                name,
                "required",
                f"{text} is null",
                "it is empty but must be filled",
                "refuse" if column.severity == "refuse" else "quarantine",
                on_deletions=is_key,
                refuse_above=column.refuse_above,
            )
        )
    if column.key_position is not None or column.references:
        bad = f"coalesce(contains({text}, {SEPARATOR}), false)"
        rules.append(RowRule(name, "control_character", bad, "it holds a control character", on_deletions=True))
    if column.tombstone and not column.code_set:
        # The states of the social care data standard (SSD).
        bad = f"coalesce(lower({text}) not in ('new', 'updated', 'unchanged', 'deleted'), false)"
        rules.append(
            RowRule(name, "row_state", bad, "it must be new, updated, unchanged or deleted", on_deletions=True)
        )
    return rules


def _type_rules(column: ColumnContract, contract: FeedContract, extracted_on: date) -> list[RowRule]:
    if column.type == "string":
        return []
    text, value = text_of(column), quoted(column.name)
    shapes = {"date": contract.delivery.date_format, "timestamp": contract.delivery.timestamp_format}
    expected = column.format or shapes.get(column.type, column.type)
    bad = f"({text} is not null and {value} is null)"
    kind = "a whole number" if column.type == "integer" else f"a {column.type} ({expected})"
    rules = [_rule(column, column.type, bad, f"it is not {kind}")]
    if column.type in ("date", "timestamp"):
        earliest = column.minimum or EARLIEST_PLAUSIBLE
        happened = column.occurred_on or column.recorded_at
        latest = column.maximum or extracted_on + (_CLOCK_SLACK if happened else PLANNING_HORIZON)
        bad = f"{value}::date not between date {literal(str(earliest))} and date {literal(str(latest))}"
        rules.append(_rule(column, "plausible_date", bad, f"it lies outside {earliest} to {latest}"))
    elif column.type in ("integer", "number"):
        limits = [f"{value} < {float(column.minimum)}"] if column.minimum is not None else []
        limits += [f"{value} > {float(column.maximum)}"] if column.maximum is not None else []
        if limits:
            why = f"it lies outside {column.minimum} to {column.maximum}"
            rules.append(_rule(column, "range", " or ".join(limits), why))
    return rules


def _value_rules(column: ColumnContract) -> list[RowRule]:
    text, rules = text_of(column), []
    if column.pattern:
        bad = f"not regexp_full_match({text}, {literal(column.pattern)})"
        rules.append(_rule(column, "pattern", bad, "it does not have the agreed shape"))
    lengths = [f"length({text}) > {int(column.max_length)}"] if column.max_length is not None else []
    lengths += [f"length({text}) < {int(column.min_length)}"] if column.min_length is not None else []
    if lengths:
        why = f"its length is not {column.min_length or 0} to {column.max_length or 'any'}"
        rules.append(_rule(column, "length", " or ".join(lengths), why))
    return rules


def _json_rules(column: ColumnContract, contract: FeedContract, known: Known) -> list[RowRule]:
    """That it is JSON of the agreed kind, and an object's keys and values."""
    if not (column.json or column.json_array):
        return []
    text = text_of(column)
    # DuckDB's JSON functions stop at what is no JSON, and nothing says which of two conditions it looks at first.
    valid = f"(case when json_valid({text}) then {text} end)"
    kind = "ARRAY" if column.json_array else "OBJECT" if column.json_keys else None
    shape = f" or json_type({valid}) <> '{kind}'" if kind else ""
    rules = [_rule(column, "json", f"not json_valid({text}){shape}", "it is not valid JSON of the agreed kind")]
    if not column.json_keys:
        return rules
    keys = f"json_keys({valid})"
    names = ", ".join(literal(key) for key, _ in column.json_keys)
    unknown = f"len(list_filter({keys}, key -> key not in ({names}))) > 0 or len({keys}) <> len(list_distinct({keys}))"
    wrong, unlisted = [], []
    for key, kind_of in column.json_keys:
        path = literal(f"$.{quoted(key)}")
        value = f"nullif(json_extract_string({valid}, {path}), '')"
        wrong.append(f"json_type({valid}, {path}) in ('OBJECT', 'ARRAY')")
        if kind_of not in TYPES:
            unlisted.append(f"({value} is not null and not {known(value, kind_of)})")
        elif kind_of != "string":
            item = replace(column, type=kind_of, format=None)
            typed_value = local_time(item, contract, value) if kind_of == "timestamp" else typed(item, contract, value)
            wrong.append(f"({value} is not null and ({typed_value}) is null)")
    rules.append(_rule(column, "json_key", unknown, "it holds a key that is not agreed, or one twice"))
    rules.append(_rule(column, "json_value", " or ".join(wrong), "one of its values is not of the agreed kind"))
    if unlisted:
        sets = ", ".join(sorted({kind_of for _, kind_of in column.json_keys if kind_of not in TYPES}))
        rules.append(_rule(column, "code_set", " or ".join(unlisted), f"one of its codes is not in {sets} on its day"))
    return rules


def _known_codes(contract: FeedContract, code_sets: CodeSets, extracted_on: date) -> Known:
    """A code must be valid on the day it happened; without an occurrence, on the day of the extract."""
    happened = contract.occurred_on
    on = f"coalesce({quoted(happened.name)}::date, date '{extracted_on}')" if happened else f"date '{extracted_on}'"

    def known(item: str, code_set: str) -> str:
        tests = []
        for (first, last), codes in code_sets.get(code_set).spells().items():
            test = f"{item} in {_in_list(codes)}"
            if (first, last) != (EARLIEST, LATEST):
                test = f"({test} and {on} between date '{first.isoformat()}' and date '{last.isoformat()}')"
            tests.append(test)
        return f"({' or '.join(tests)})" if tests else "false"

    return known


def _code_rule(column: ColumnContract, known: Known) -> RowRule:
    text, name = text_of(column), str(column.code_set)
    if column.json_array:
        items = f"case when json_valid({text}) then json_extract_string({text}, '$[*]') else [] end"
    elif column.separator:
        items = f"list_filter(string_split({text}, {literal(column.separator)}), part -> trim(part) <> '')"
    else:
        bad = f"({text} is not null and not {known(text, name)})"
        return _rule(column, "code_set", bad, f"it is no code of {name} on its day")
    bad = f"({text} is not null and len(list_filter({items}, item -> not {known('trim(item)', name)})) > 0)"
    return _rule(column, "code_set", bad, f"one of its codes is not in {name} on its day")


def _check_rule(column: ColumnContract) -> RowRule:
    test, why = CHECKS[str(column.check)]
    return _rule(column, str(column.check), test(text_of(column)), why)


def _rule(column: ColumnContract, rule: str, bad: str, why: str) -> RowRule:
    """A rule whose severity is the column's; NULL breaks none."""
    severity = "inform" if column.severity == "stop" else column.severity
    return RowRule(column.name, rule, f"coalesce({bad}, false)", why, severity, refuse_above=column.refuse_above)


def _in_list(values: Any) -> str:
    return "(" + ", ".join(literal(str(value)) for value in values) + ")"
