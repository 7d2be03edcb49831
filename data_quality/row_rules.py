"""Row rules as SQL, generated from a contract.

For each column the contract yields one typed expression and some rules. A rule is a condition that is *true when the
row is bad*; conditions are written so that NULL never makes a row bad except for `required`. All rules of a row are
judged in one pass over the batch; only rows that failed are then asked which rules they failed.

>>> [rule.rule for rule in rules_of(contract, code_sets, extracted_on)]          # doctest: +SKIP
['required', 'date', 'plausible_date', 'code_set', ...]
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from data_quality.code_sets import EARLIEST, LATEST, CodeSets
from data_quality.contract import ColumnContract, FeedContract
from data_quality.sql import literal, quoted

SEPARATOR = "chr(31)"
EARLIEST_PLAUSIBLE = date(1900, 1, 1)
# Planned dates (a conference, an expected birth, the end of a plan) lie ahead; happened ones cannot.
PLANNING_HORIZON = timedelta(days=731)
_CLOCK_SLACK = timedelta(days=1)
_TRUE, _FALSE = ("1", "y", "yes", "t", "true"), ("0", "n", "no", "f", "false")
# GOV.UK bulk data transfer shape, plus GIR 0AA and the NHS ZZ99 pseudo-postcodes, which have the same shape.
_POSTCODE = r"(GIR ?0AA|[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][A-Z]{2})"
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


@dataclass(frozen=True)
class RowRule:
    """One rule of one column.

    Attributes:
        bad: SQL over the staged columns that is true for a bad row.
        why: sentence for people, without any value.
        severity: quarantine or inform.
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


def text_of(column: ColumnContract) -> str:
    """The column as sent but for surrounding blanks, empty as NULL: its name in the batch."""
    return quoted(f"{column.name}§")


def typed(column: ColumnContract, contract: FeedContract, text: str) -> str:
    """The text in the column's type; NULL where it is not of that type. Instants become naive UTC."""
    if column.type == "date":
        return f"try_strptime({text}, {literal(column.format or contract.delivery.date_format)})::date"
    if column.type == "timestamp":
        return utc(local_time(column, contract, text), contract.delivery.timezone)
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
    rules: list[RowRule] = []
    for column in contract.columns:
        rules += _content_rules(column)
        rules += _type_rules(column, contract, extracted_on)
        rules += _value_rules(column)
        if column.code_set:
            rules.append(_code_rule(column, contract, code_sets, extracted_on))
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
            RowRule(name, "required", f"{text} is null", "it is empty but must be filled", on_deletions=is_key)
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
    text, value, name = text_of(column), quoted(column.name), column.name
    shapes = {"date": contract.delivery.date_format, "timestamp": contract.delivery.timestamp_format}
    expected = column.format or shapes.get(column.type, column.type)
    bad = f"({text} is not null and {value} is null)"
    rules = [RowRule(name, column.type, bad, f"it is not a {column.type} ({expected})", column.severity)]
    if column.type in ("date", "timestamp"):
        earliest = column.minimum or EARLIEST_PLAUSIBLE
        happened = column.occurred_on or column.recorded_at
        latest = column.maximum or extracted_on + (_CLOCK_SLACK if happened else PLANNING_HORIZON)
        bad = (
            f"coalesce({value}::date not between date {literal(str(earliest))} and date {literal(str(latest))}, false)"
        )
        why = f"it lies outside {earliest} to {latest}"
        rules.append(RowRule(name, "plausible_date", bad, why, column.severity))
    elif column.type in ("integer", "number"):
        limits = [f"{value} < {float(column.minimum)}"] if column.minimum is not None else []
        limits += [f"{value} > {float(column.maximum)}"] if column.maximum is not None else []
        if limits:
            why = f"it lies outside {column.minimum} to {column.maximum}"
            rules.append(RowRule(name, "range", f"coalesce({' or '.join(limits)}, false)", why, column.severity))
    return rules


def _value_rules(column: ColumnContract) -> list[RowRule]:
    text, name, rules = text_of(column), column.name, []
    if column.pattern:
        bad = f"coalesce(not regexp_full_match({text}, {literal(column.pattern)}), false)"
        rules.append(RowRule(name, "pattern", bad, "it does not have the agreed shape", column.severity))
    lengths = [f"length({text}) > {int(column.max_length)}"] if column.max_length is not None else []
    lengths += [f"length({text}) < {int(column.min_length)}"] if column.min_length is not None else []
    if lengths:
        why = f"its length is not {column.min_length or 0} to {column.max_length or 'any'}"
        rules.append(RowRule(name, "length", f"coalesce({' or '.join(lengths)}, false)", why, column.severity))
    if column.json or column.json_array:
        shape = f" or json_type({text}) <> 'ARRAY'" if column.json_array else ""
        bad = f"coalesce(case when not json_valid({text}) then true else false{shape} end, false)"
        rules.append(RowRule(name, "json", bad, "it is not valid JSON of the agreed kind", column.severity))
    return rules


def _code_rule(column: ColumnContract, contract: FeedContract, code_sets: CodeSets, extracted_on: date) -> RowRule:
    """A code must be valid on the day it happened; without an occurrence, on the day of the extract."""
    happened = contract.occurred_on
    on = f"coalesce({quoted(happened.name)}::date, date '{extracted_on}')" if happened else f"date '{extracted_on}'"
    text = text_of(column)
    spells = code_sets.get(str(column.code_set)).spells()

    def known(item: str) -> str:
        tests = []
        for (first, last), codes in spells.items():
            test = f"{item} in {_in_list(codes)}"
            if (first, last) != (EARLIEST, LATEST):
                test = f"({test} and {on} between date '{first.isoformat()}' and date '{last.isoformat()}')"
            tests.append(test)
        return f"({' or '.join(tests)})" if tests else "false"

    if column.json_array:
        items = f"case when json_valid({text}) then json_extract_string({text}, '$[*]') else [] end"
    elif column.separator:
        items = f"list_filter(string_split({text}, {literal(column.separator)}), part -> trim(part) <> '')"
    else:
        bad = f"({text} is not null and not {known(text)})"
        return RowRule(column.name, "code_set", bad, f"it is no code of {column.code_set} on its day", column.severity)
    test = known("trim(item)")
    bad = f"({text} is not null and len(list_filter({items}, item -> not {test})) > 0)"
    why = f"one of its codes is not in {column.code_set} on its day"
    return RowRule(column.name, "code_set", bad, why, column.severity)


def _check_rule(column: ColumnContract) -> RowRule:
    text = text_of(column)
    bad, why = {
        "nhs_number": (_bad_nhs_number(text), "it is not an NHS number (10 digits, modulus 11)"),
        "upn": (_bad_upn(text), "it is not a UPN (check letter)"),
        "postcode": (f"not regexp_full_match(upper({text}), {literal(_POSTCODE)})", "it is not shaped like a postcode"),
    }[str(column.check)]
    return RowRule(column.name, str(column.check), f"coalesce({bad}, false)", why, column.severity)


def _bad_nhs_number(text: str) -> str:
    """Modulus 11 of the NHS Data Dictionary: weights 10 to 2, remainder from 11, 11 counts as 0, 10 is never valid."""
    digits = f"replace(replace({text}, ' ', ''), '-', '')"
    number = f"try_cast({digits} as bigint)"
    total = " + ".join(f"{weight} * {_digit(number, weight - 1)}" for weight in range(10, 1, -1))
    check = f"(11 - ({total}) % 11) % 11"
    return f"case when not regexp_full_match({digits}, '[0-9]{{10}}') then true else {check} <> {number} % 10 end"


def _bad_upn(text: str) -> str:
    """DfE UPN guide: the letter is table[sum of weights 2 to 13 times characters 2 to 13, modulo 23].

    The 13th character of a temporary UPN is a letter, which counts as its place in the same table.
    """
    upn = f"upper({text})"
    number = f"try_cast(substr({upn}, 2, 11) as bigint)"
    values = [_digit(number, power) for power in range(10, -1, -1)]
    last = f"substr({upn}, 13, 1)"
    letter_value = f"strpos('{_UPN_LETTERS}', {last})"
    values.append(f"(case when {letter_value} > 0 then {letter_value} - 1 else ascii({last}) - 48 end)")
    total = " + ".join(f"{weight} * {value}" for weight, value in zip(range(2, 14), values, strict=True))
    letter = f"substr('{_UPN_LETTERS}', ({total}) % 23 + 1, 1)"
    shape = f"[{_UPN_LETTERS}][0-9]{{11}}[0-9{_UPN_LETTERS}]"
    return f"case when not regexp_full_match({upn}, '{shape}') then true else {letter} <> substr({upn}, 1, 1) end"


def _digit(number: str, power: int) -> str:
    return f"(({number} // {10**power}) % 10)"


def _in_list(values: Any) -> str:
    return "(" + ", ".join(literal(str(value)) for value in values) + ")"
