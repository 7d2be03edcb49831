"""Any table of people, brought to a form that can be compared; what means nothing becomes NULL, with a reason.

More tolerant than the hub's own standardising: postcodes of any country, dates as text in any usual order, dates that
cannot be (a digit typed wrongly still tells most of a birthday), identifiers nobody has described.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import identifiers as national
from models.linkage import names
from models.linkage.standardise import Verdict, apply_rule

# 1 January is one birthday in 365; a table where it is this common uses it for "day unknown".
_FIRST_JANUARY_SHARE = 0.015
_FIRST_JANUARY_LEAST = 10
_NO_VALUE = frozenset({"", "NA", "N/A", "NAN", "NONE", "NULL", "NIL", "UNKNOWN", "UNK", "NK", "NOTKNOWN", "X"})
_PSEUDO_POSTCODES = ("ZZ99", "XX99", "AA11AA", "ZZ11ZZ")
# Where more than this share of names are several words, and the other name column is empty, they are full names.
_FULL_NAMES = 0.5
# Years within which forenames are about equally common.
_GENERATION = 5
_NUMBERS = re.compile(r"\d+")


def birth_date(value: Any, month_first: bool = False) -> Verdict:
    """``YYYY-MM-DD`` as text, or the year alone; parts may be impossible, because a typing error keeps the others.

    >>> birth_date("1956-04-09"), birth_date("19560409"), birth_date("9/4/1956"), birth_date("1860-81-01")
    (('1956-04-09', None), ('1956-04-09', None), ('1956-04-09', None), ('1860-81-01', None))
    >>> birth_date("1956"), birth_date("4/9/1956", month_first=True), birth_date("someday")
    (('1956', None), ('1956-04-09', None), (None, 'birth_date_unreadable'))
    """
    if isinstance(value, dt.date | np.datetime64):
        return str(pd.Timestamp(value).date()), None
    text = str(value).strip()
    if text.upper().replace(" ", "") in _NO_VALUE:
        return None, None
    text = text.removesuffix(".0").split("T")[0].split(" 0")[0]
    parts = _NUMBERS.findall(text)
    if len(parts) == 1 and len(parts[0]) == 8:
        parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
    if len(parts) == 1 and len(parts[0]) == 4:
        return parts[0], None
    if len(parts) >= 3:
        if len(parts[0]) == 4:
            year, month, day = parts[:3]
        elif len(parts[2]) == 4:
            day, month, year = (parts[1], parts[0], parts[2]) if month_first else parts[:3]
        else:
            return None, "birth_date_unreadable"
        return f"{year}-{month.zfill(2)[-2:]}-{day.zfill(2)[-2:]}", None
    return None, "birth_date_unreadable"


def sex(value: Any) -> Verdict:
    """One letter; words that say that nobody knows say nothing.

    >>> sex("female"), sex(1), sex("U")
    (('F', None), ('M', None), (None, None))
    """
    code = str(value).strip().upper().removesuffix(".0")
    known = {"1": "M", "2": "F"}.get(code, code[:1])
    return (known if known.isalpha() and known not in "UNX" else None), None


def postcode(value: Any) -> Verdict:
    """Capitals and digits, of any country; pseudo postcodes are placeholders.

    >>> postcode("tq13 8df"), postcode(2119.0), postcode("ZZ99 3VZ")
    (('TQ138DF', None), ('2119', None), (None, 'postcode_placeholder'))
    """
    text = re.sub(r"[^A-Z0-9]", "", str(value).upper().removesuffix(".0"))
    if text in _NO_VALUE:
        return None, None
    return (None, "postcode_placeholder") if text.startswith(_PSEUDO_POSTCODES) else (text, None)


def identifier(value: Any) -> Verdict:
    """Capitals and digits; one digit repeated is a placeholder.

    >>> identifier("180-4974"), identifier("000000")
    (('1804974', None), (None, 'placeholder'))
    """
    text = re.sub(r"[^A-Z0-9]", "", str(value).upper().removesuffix(".0"))
    if text in _NO_VALUE:
        return None, None
    return (text, None) if len(set(text)) > 1 else (None, "placeholder")


def _checked(check: Callable[[str], str | None]) -> Callable[[Any], Verdict]:
    def verdict(value: Any) -> Verdict:
        text = str(value).removesuffix(".0")
        good = check(text)
        return good, None if good or text.strip().upper() in _NO_VALUE else "check_digit"

    return verdict


_NATIONAL = {"nhs_number": _checked(national.nhs_number), "upn": _checked(national.upn)}


def _name(parse: Callable[[str], tuple[str, tuple[str, ...]]]) -> Callable[[Any], Verdict]:
    def verdict(value: Any) -> Verdict:
        reason = names.placeholder_reason(str(value))
        return (None, reason) if reason else (parse(str(value)), None)

    return verdict


def spellings(word: str) -> tuple[str, ...]:
    """A word, and the word with any one letter left out: two words one letter apart share one of them.

    >>> set(spellings("fornish")) & set(spellings("cornish"))
    {'ornish'}
    """
    return tuple(sorted({word, *(word[:i] + word[i + 1 :] for i in range(len(word)))})) if len(word) > 3 else (word,)


def full_names(values: pd.Series) -> pd.DataFrame | None:
    """``forename, surname`` of a column of full names, or None where most of its values are single words.

    >>> full_names(pd.Series(["Ann Lee Ray", "RAY, Ann", None])).to_dict("list")
    {'forename': ['Ann Lee', 'Ann', None], 'surname': ['Ray', 'RAY', None]}
    >>> full_names(pd.Series(["Ann", "Mary Jo", "Al"])) is None
    True
    """
    sent = values.dropna().astype(str).str.strip()
    if not len(sent) or sent.str.contains(r"\S[\s,]+\S").mean() <= _FULL_NAMES:
        return None
    comma, space = sent.str.partition(","), sent.str.rpartition(" ")
    turned = comma[1] == ","
    split = pd.DataFrame({"forename": comma[2].where(turned, space[0]), "surname": comma[0].where(turned, space[2])})
    split = split.apply(lambda column: column.str.strip()).reindex(values.index).astype(object)
    return split.where(split.notna() & (split != ""), None)


def standardise_table(
    records: pd.DataFrame, columns: Mapping[str, str], identifiers: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Comparable columns of ``records`` and counts ``(reason, records)`` of values set to NULL.

    ``columns``: our name (forename, surname, birth_date, sex, postcode) -> the table's; a column the table does not
    have is wholly missing. Out: same rows and order; ``forename, forename_forms, forename_marks, surname,
    surname_parts, surname_marks, birth_date`` (``YYYY-MM-DD`` or NULL), ``birth_year``, ``birth_day`` (days since the
    year 1 as text, of dates that can be), ``generation`` (of birth years), ``forename_then`` (forename and generation),
    ``sex, postcode`` and each identifier.
    """
    for column, other in (("forename", "surname"), ("surname", "forename")):
        source, missing = columns.get(column), columns.get(other) not in records.columns
        if source in records.columns and (missing or records[columns[other]].isna().all()):
            split = full_names(records[source])
            if split is not None:
                records = records.assign(**{f"{part} of a full name": split[part] for part in split})
                columns = {**columns, **{part: f"{part} of a full name" for part in ("forename", "surname")}}
            break
    out = pd.DataFrame(index=pd.RangeIndex(len(records)))
    reasons: list[pd.Series] = []

    def take(target: str, source: str | None, rule: Callable[[Any], Verdict]) -> np.ndarray:
        sent = records[source] if source in records.columns else pd.Series([None] * len(records), dtype=object)
        sent = sent.astype(object).where(sent.notna(), None).reset_index(drop=True)
        values, found = apply_rule(sent, rule)
        found.index = pd.Index([str(r) if str(r).startswith(target) else f"{target}_{r}" for r in found.index])
        reasons.append(found)
        return values

    for target, parse, forms in (
        ("forename", names.forename, "forename_forms"),
        ("surname", names.surname, "surname_parts"),
    ):
        pairs = take(target, columns.get(target), _name(parse))
        out[target] = _objects([None if pair is None else pair[0] for pair in pairs])
        out[forms] = _objects([None if pair is None else pair[1] for pair in pairs])
        words = {word: spellings(word) for word in out[target].dropna().unique()}
        out[f"{target}_marks"] = _objects([words.get(word) for word in out[target]])
    source = columns.get("birth_date")
    month_first = source in records.columns and _month_first(records[source])
    dates = take("birth_date", source, lambda value: birth_date(value, month_first))
    _dates(out, dates, reasons)
    out["generation"] = _objects(
        [None if year is None else str(int(year) // _GENERATION) for year in out["birth_year"]]
    )
    told = zip(out["forename"], out["generation"], strict=True)
    out["forename_then"] = _objects([None if name is None else f"{name} {then or ''}" for name, then in told])
    out["sex"] = _objects(take("sex", columns.get("sex"), sex))
    out["postcode"] = _objects(take("postcode", columns.get("postcode"), postcode))
    for column in identifiers:
        out[column] = _objects(take(column, column, _NATIONAL.get(column.lower(), identifier)))
    counts = pd.concat(reasons).groupby(level=0).sum().sort_index()
    return out, pd.DataFrame({"reason": counts.index.astype(str), "records": counts.to_numpy(dtype="int64")})


def _dates(out: pd.DataFrame, dates: np.ndarray, reasons: list[pd.Series]) -> None:
    """Whole dates, and years of all dates. Where 1 January is far too common, it stands for a year alone."""
    year_alone = np.array([value is not None and len(value) == 4 for value in dates], dtype=bool)
    first = np.array([value is not None and value[4:] == "-01-01" for value in dates], dtype=bool)
    known = sum(value is not None for value in dates)
    if first.sum() >= _FIRST_JANUARY_LEAST and first.sum() > _FIRST_JANUARY_SHARE * known:
        year_alone |= first
        reasons.append(pd.Series({"birth_date_first_january": int(first.sum())}))
    out["birth_date"] = _objects([None if alone else value for value, alone in zip(dates, year_alone, strict=True)])
    out["birth_year"] = _objects([None if value is None else value[:4] for value in dates])
    days = {value: _day(value) for value in out["birth_date"].dropna().unique()}
    out["birth_day"] = _objects([days.get(value) for value in out["birth_date"]])


def _day(date: str) -> str | None:
    """Days since the year 1 as text, None of a date that cannot be.

    >>> _day("0001-01-02"), _day("1956-13-02")
    ('2', None)
    """
    try:
        return str(dt.date.fromisoformat(date).toordinal())
    except ValueError:
        return None


def _month_first(values: pd.Series) -> bool:
    """Whether dates with slashes are written month first: some second number is above 12 and no first number is."""
    parts = [_NUMBERS.findall(value) for value in values.dropna().unique() if isinstance(value, str)]
    pairs = [(int(p[0]), int(p[1])) for p in parts if len(p) >= 3 and len(p[0]) <= 2 and len(p[2]) == 4]
    return any(second > 12 for _, second in pairs) and not any(first > 12 for first, _ in pairs)


def _objects(values: Any) -> pd.Series:
    held = np.empty(len(values), dtype=object)
    held[:] = list(values)
    return pd.Series(held, dtype=object)
