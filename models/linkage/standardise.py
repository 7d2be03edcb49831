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
# NHS pseudo postcodes (ZZ99: no fixed abode, not known), and what is typed to get past a form.
_NOT_A_PLACE = ("ZZ99", "XX99", "AA11AA", "ZZ11ZZ", "ZZ999ZZ", "XX11XX")
# 1 January of the two years that systems start to count from, and dates typed by holding a key.
_STOCK_DATES = frozenset(
    [
        "1900-01-01",
        "1901-01-01",
        "1970-01-01",
        "1888-08-08",
        "1899-12-30",
        "1899-12-31",
        "1911-11-11",
        "1999-09-09",
        "2000-02-02",
    ]
)
_SEXES = {"M": "M", "MALE": "M", "BOY": "M", "1": "M", "F": "F", "FEMALE": "F", "GIRL": "F", "2": "F"}
_DIGIT_MEANT = str.maketrans("OI", "01")
FIRST_JANUARY = "-01-01"
Verdict = tuple[Any, str | None]


def birth_date(value: dt.date) -> Verdict:
    """ISO text of a believable birth date; stock dates are placeholders.

    1 January stays: it is the true birthday of some, what is given to those who know their year alone (many who came
    as refugees), and the placeholder of many systems. So it is kept as *weak* evidence: compared by year, see
    ``model.comparisons``. It is counted, under ``birth_date_first_january``, which is no NULL.

    >>> birth_date(dt.date(2012, 3, 4)), birth_date(dt.date(1900, 1, 1)), birth_date(dt.date(1870, 5, 5))
    (('2012-03-04', None), (None, 'birth_date_placeholder'), (None, 'birth_date_impossible'))
    >>> birth_date(dt.date(2012, 1, 1))
    ('2012-01-01', 'birth_date_first_january')
    """
    text = value.isoformat()[:10]
    if text in _STOCK_DATES:
        return None, "birth_date_placeholder"
    if value.year < 1900:
        return None, "birth_date_impossible"
    return text, "birth_date_first_january" if text.endswith(FIRST_JANUARY) else None


def sex(value: str) -> Verdict:
    """``M`` or ``F``; anything else says nothing.

    >>> sex("female"), sex("1"), sex("U")
    (('F', None), ('M', None), (None, 'sex_not_stated'))
    """
    code = _SEXES.get(value.strip().upper())
    return code, None if code else "sex_not_stated"


def postcode(value: str) -> Verdict:
    """A full postcode in capitals without a space; unit-less and pseudo postcodes are placeholders.

    The inward part begins with a digit, so a letter O or I there was meant as one.

    >>> postcode("nm1 2ab"), postcode("NM1 OAB"), postcode("ZZ99 3VZ"), postcode("NM1")
    (('NM12AB', None), ('NM10AB', None), (None, 'postcode_placeholder'), (None, 'postcode_malformed'))
    """
    text = "".join(value.upper().replace("-", "").split())
    if len(text) > 4:
        text = text[:-3] + text[-3].translate(_DIGIT_MEANT) + text[-2:]
    if text.startswith(_NOT_A_PLACE):
        return None, "postcode_placeholder"
    return (text, None) if _POSTCODE.match(text) else (None, "postcode_malformed")


def uprn(value: str) -> Verdict:
    """A UPRN without leading zeros.

    >>> uprn("000123456789"), uprn("n/a"), uprn("999999999999")
    (('123456789', None), (None, 'uprn_malformed'), (None, 'uprn_placeholder'))
    """
    text = value.strip().lstrip("0")
    if len(text) > 3 and len(set(text)) == 1:
        return None, "uprn_placeholder"
    return (text, None) if text.isdigit() and len(text) <= 12 else (None, "uprn_malformed")


def _reasons(check: Callable[[list[str]], list[str | None]], reason: str) -> Callable[[list[str]], list[Verdict]]:
    return lambda values: [(good, None if good else reason) for good in check(values)]


def _name(parse: Callable[[str], tuple[str, tuple[str, ...]]], is_surname: bool) -> Callable[[str], Verdict]:
    def verdict(value: str) -> Verdict:
        reason = names.placeholder_reason(value, is_surname)
        return (None, reason) if reason else (parse(value), None)

    return verdict


def _each(rule: Callable[[Any], Verdict]) -> Callable[[list[Any]], list[Verdict]]:
    return lambda values: [rule(value) for value in values]


def apply_rule(values: pd.Series, rule: Callable[[Any], Verdict]) -> tuple[np.ndarray, pd.Series]:
    """Run ``rule`` once per distinct value; returns the values (objects, ``None`` where NULL) and reason counts."""
    codes, verdicts, reasons = _judge(values, _each(rule))
    return _objects([value for value, _ in verdicts])[codes], reasons


def _judge(
    values: pd.Series, rule: Callable[[list[Any]], list[Verdict]]
) -> tuple[np.ndarray, list[Verdict], pd.Series]:
    """Code of each row, verdict by code (the last, -1, is for NULL), and how many rows each reason has."""
    codes, distinct = pd.factorize(values)
    sent = distinct.tolist() if len(distinct) else []
    said = [i for i, value in enumerate(sent) if value != ""]
    verdicts: list[Verdict] = [(None, None)] * (len(sent) + 1)
    for i, verdict in zip(said, rule([sent[i] for i in said]), strict=True):
        verdicts[i] = verdict
    counts = np.bincount(codes[codes >= 0], minlength=len(sent))
    reasons: dict[str, int] = {}
    for (_, reason), n in zip(verdicts, counts.tolist(), strict=False):
        if reason:
            reasons[reason] = reasons.get(reason, 0) + n
    return codes, verdicts, pd.Series(reasons, dtype="int64")


def _objects(values: list[Any]) -> np.ndarray:
    """An array of objects, tuples left whole, with ``None`` at the end for code -1."""
    table = np.empty(len(values), dtype=object)
    table[:] = values
    return table


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
    for column, forms, parse in (
        ("forename", "forename_forms", names.forename),
        ("surname", "surname_parts", names.surname),
    ):
        codes, verdicts, found = _judge(records[column], _each(_name(parse, column == "surname")))
        pairs = [value or (None, None) for value, _ in verdicts]
        for part, target in enumerate((column, forms)):
            out[target] = pd.Series(_objects([pair[part] for pair in pairs])[codes], index=out.index, dtype=object)
        found.index = pd.Index([str(reason).replace("name", column, 1) for reason in found.index])
        reasons.append(found)
    for column, rule in _RULES.items():
        codes, verdicts, found = _judge(records[column], rule)
        values = _objects([value for value, _ in verdicts])[codes]
        out[column] = pd.Series(values, index=out.index, dtype=object)
        reasons.append(found)
    not_homes = out["postcode"].isin([postcode(listed)[0] for listed in settings.not_homes]).to_numpy()
    if not_homes.any():
        out.loc[not_homes, ["postcode", "uprn"]] = None
        reasons.append(pd.Series({"postcode_not_a_home": int(not_homes.sum())}))
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


_RULES: dict[str, Callable[[list[Any]], list[Verdict]]] = {
    "birth_date": _each(birth_date),
    "sex": _each(sex),
    "postcode": _each(postcode),
    "uprn": _each(uprn),
    "nhs_number": _reasons(identifiers.nhs_numbers, "nhs_number_check_digit"),
    "upn": _reasons(identifiers.upns, "upn_check_letter"),
}
