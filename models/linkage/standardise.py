"""From values as sent to values that can be compared; what means nothing becomes NULL, with a reason and a count.

Every rule is a plain function of one value. They run once per *distinct* value and are taken back to the rows, which
is what makes half a million records a matter of seconds.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from models.linkage import identifiers, names
from models.linkage.cluster import components
from models.linkage.settings import LinkageSettings

_POSTCODE = re.compile(r"^[A-Z]{1,2}[0-9][0-9A-Z]?[0-9][A-Z]{2}$")
_NOT_A_PLACE = ("ZZ99", "XX99", "AA11AA", "ZZ11ZZ")
_STOCK_DATES = frozenset({"1888-08-08", "1899-12-30", "1899-12-31", "1911-11-11", "1999-09-09", "2000-02-02"})
Verdict = tuple[Any, str | None]


def birth_date(value: dt.date) -> Verdict:
    """ISO text of a believable birth date; 1 January of any year and stock dates are placeholders.

    >>> birth_date(dt.date(2012, 3, 4)), birth_date(dt.date(2012, 1, 1)), birth_date(dt.date(1870, 5, 5))
    (('2012-03-04', None), (None, 'birth_date_first_january'), (None, 'birth_date_impossible'))
    """
    text = value.isoformat()[:10]
    if text[5:] == "01-01":
        return None, "birth_date_first_january"
    if text in _STOCK_DATES:
        return None, "birth_date_placeholder"
    return (text, None) if value.year >= 1900 else (None, "birth_date_impossible")


def sex(value: str) -> Verdict:
    """``M`` or ``F``; anything else says nothing.

    >>> sex("female"), sex("1"), sex("U")
    (('F', None), ('M', None), (None, None))
    """
    code = value.strip().upper()[:1]
    return {"M": "M", "F": "F", "1": "M", "2": "F"}.get(code), None


def postcode(value: str) -> Verdict:
    """A full postcode in capitals without a space; unit-less and pseudo postcodes are placeholders.

    >>> postcode("nm1 2ab"), postcode("ZZ99 3VZ"), postcode("NM1")
    (('NM12AB', None), (None, 'postcode_placeholder'), (None, 'postcode_malformed'))
    """
    text = "".join(value.upper().split())
    if text.startswith(_NOT_A_PLACE):
        return None, "postcode_placeholder"
    return (text, None) if _POSTCODE.match(text) else (None, "postcode_malformed")


def uprn(value: str) -> Verdict:
    """A UPRN without leading zeros.

    >>> uprn("000123456789"), uprn("n/a")
    (('123456789', None), (None, 'uprn_malformed'))
    """
    text = value.strip().lstrip("0")
    return (text, None) if text.isdigit() and len(text) <= 12 else (None, "uprn_malformed")


def _identifier(check: Callable[[str], str | None], reason: str) -> Callable[[str], Verdict]:
    def verdict(value: str) -> Verdict:
        good = check(value)
        return good, None if good else reason

    return verdict


def _name(parse: Callable[[str], tuple[str, tuple[str, ...]]]) -> Callable[[str], Verdict]:
    def verdict(value: str) -> Verdict:
        reason = names.placeholder_reason(value)
        return (None, reason) if reason else (parse(value), None)

    return verdict


def apply_rule(values: pd.Series, rule: Callable[[Any], Verdict]) -> tuple[np.ndarray, pd.Series]:
    """Run ``rule`` once per distinct value; returns the values (objects, ``None`` where NULL) and reason counts."""
    codes, distinct = pd.factorize(values)
    verdicts = [rule(v) if v != "" else (None, None) for v in distinct.tolist()] if len(distinct) else []
    table = np.empty(len(verdicts) + 1, dtype=object)
    for i, (value, _) in enumerate(verdicts):
        table[i] = value
    table[-1] = None
    counts = np.bincount(codes[codes >= 0], minlength=len(verdicts)) if len(verdicts) else np.zeros(0, int)
    reasons: dict[str, int] = {}
    for (_, reason), n in zip(verdicts, counts, strict=True):
        if reason:
            reasons[reason] = reasons.get(reason, 0) + int(n)
    return table[codes], pd.Series(reasons, dtype="int64")


def _hubs(frame: pd.DataFrame, column: str, limit: int) -> set[str]:
    """Addresses holding more unlike surnames than a family or a street could.

    A double surname as eight agencies write it is one surname here, not a dozen.
    """
    seen = frame.loc[frame[column].notna() & frame["surname"].notna(), [column, "surname", "surname_parts"]]
    seen = seen.drop_duplicates([column, "surname"])
    per = seen[column].value_counts()
    # A dense town has long streets: a postcode is a hub against its own kind as well as against the fixed limit.
    floor = max(limit, 4 * int(np.quantile(per.to_numpy(), 0.95))) if column == "postcode" and len(per) > 50 else limit
    many = seen[seen[column].isin(list(per.index[per > floor]))]
    return {str(place) for place, held in many.groupby(column)["surname_parts"] if _unlike(held.tolist()) > floor}


def _unlike(spellings: list[tuple[str, ...]]) -> int:
    """How many surnames are left when spellings that share a mark count once.

    >>> _unlike([("ray", "rayscott", "scott"), ("rayscot",), ("scott",), ("low",)])
    2
    """
    by_mark: dict[str, list[int]] = {}
    for i, parts in enumerate(spellings):
        for mark in names.marks(parts):
            by_mark.setdefault(mark, []).append(i)
    pairs = np.array([(held[0], i) for held in by_mark.values() for i in held], dtype="int64")
    return int(components(len(spellings), pairs[:, 0], pairs[:, 1]).max()) + 1


def standardise(records: pd.DataFrame, settings: LinkageSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Standardised copy of ``records`` and the counts ``(reason, records)`` of what was set to NULL.

    In: one row a record with ``forename, surname, birth_date, sex, postcode, uprn, nhs_number, upn`` as sent (any of
    them wholly NULL). Out: the same rows and order; names comparable (``forename``, ``forename_forms``, ``surname``,
    ``surname_parts``), ``birth_date`` ISO text, hub addresses NULL with ``home_postcode`` and ``home_uprn`` keeping
    what was sent for the household stage, ``hub`` saying which those were, and by what: ``uprn`` or ``postcode``.

    >>> rows = pd.DataFrame({"forename": ["Jo", "UNKNOWN"], "surname": ["Ray", "Ray"], "sex": ["F", "F"],
    ...     "birth_date": [dt.date(2011, 2, 3)] * 2, "postcode": ["NM1 1AA", None],
    ...     "uprn": [None] * 2, "nhs_number": [None] * 2, "upn": [None] * 2})
    >>> good, counts = standardise(rows, LinkageSettings())
    >>> good["forename"].tolist(), counts["reason"].tolist()
    (['jo', None], ['forename_placeholder'])
    """
    out = records.copy()
    reasons: list[pd.Series] = []
    for column, parse in (("forename", names.forename), ("surname", names.surname)):
        pairs, found = apply_rule(records[column], _name(parse))
        for part, target in enumerate((column, "forename_forms" if column == "forename" else "surname_parts")):
            values = np.empty(len(out), dtype=object)
            values[:] = [None if pair is None else pair[part] for pair in pairs]
            out[target] = pd.Series(values, index=out.index, dtype=object)
        found.index = pd.Index([str(reason).replace("name", column, 1) for reason in found.index])
        reasons.append(found)
    rules: dict[str, Callable[[Any], Verdict]] = {
        "birth_date": birth_date,
        "sex": sex,
        "postcode": postcode,
        "uprn": uprn,
        "nhs_number": _identifier(identifiers.nhs_number, "nhs_number_check_digit"),
        "upn": _identifier(identifiers.upn, "upn_check_letter"),
    }
    for column, rule in rules.items():
        values, found = apply_rule(records[column], rule)
        out[column] = pd.Series(values, index=out.index, dtype=object)
        reasons.append(found)
    out["home_postcode"], out["home_uprn"] = out["postcode"], out["uprn"]
    out["hub"] = pd.Series(None, index=out.index, dtype=object)
    for column, limit in (("uprn", settings.hub_surnames), ("postcode", settings.hub_postcode_surnames)):
        at_hub = out[column].isin(_hubs(out, column, limit)).to_numpy()
        if at_hub.any():
            out.loc[at_hub, ["postcode", "uprn"]] = None
            out.loc[at_hub, "hub"] = column
            reasons.append(pd.Series({f"{column}_hub": int(at_hub.sum())}))
    counts = pd.concat(reasons).groupby(level=0).sum().sort_index()
    return out, pd.DataFrame({"reason": counts.index.astype(str), "records": counts.to_numpy(dtype="int64")})
