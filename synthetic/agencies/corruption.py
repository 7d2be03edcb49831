"""How an agency's record of a person goes wrong: seeded, vectorised, the same in every drop.

Every draw is a hash of (seed, agency or feed, kind of defect, the row's own key), never a position in a table or a
running random state. So a row that is sent again next week is misspelt exactly as it was, whatever else has been added
around it.

Worked example: with ``Defects(seed=7, scope="police.ppn")`` the key ``"PPN0004711"`` always gives the same uniform
number for ``"wrong_sex"``; below the wrong-sex rate its sex is flipped, in the history drop as in a correction two
years later.

Rates are those a multi-agency partnership meets (day/month swaps 0.4 %, placeholder birth dates 0.6 % and 3 % in
police records, name variants 6 %, wrong sex 0.2 %, no postcode 2 % and 15 % in police records); ``multiplier`` scales
them all.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NAMES = Path(__file__).resolve().parents[1] / "data" / "names"

#: Share of birth dates whose day and month can be told apart after a swap (day <= 12, day differs from month).
_SWAPPABLE = 0.36

#: Kinds of name variant and their shares; a kind that does not fit a name falls through to the next.
_VARIANTS = (("nickname", 0.40), ("phonetic", 0.30), ("optical", 0.12), ("double_barrel", 0.18))


def key_hash(keys: pd.Series | npt.NDArray[np.generic]) -> Hashes:
    """64-bit hash of each key (text or integer), equal on every machine."""
    values = keys.to_numpy() if isinstance(keys, pd.Series) else np.asarray(keys)
    if np.issubdtype(values.dtype, np.integer):
        return _mix(values.astype(np.uint64))
    return pd.util.hash_array(values.astype(object), categorize=False)


def _mix(x: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014): spreads every input bit over the whole word."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


@dataclass(frozen=True)
class Rates:
    """Shares of an agency's records that carry a defect, before the error multiplier."""

    name_variant: float = 0.06
    date_swap: float = 0.004
    placeholder_date: float = 0.006
    wrong_sex: float = 0.002
    missing_postcode: float = 0.02
    missing_birth_date: float = 0.0


POLICE_RATES = Rates(placeholder_date=0.03, missing_postcode=0.15, missing_birth_date=0.12)


@dataclass(frozen=True)
class Defects:
    """Draws for one scope (an agency, or a feed where people are keyed afresh in every row)."""

    seed: int
    scope: str
    multiplier: float = 1.0

    def bits(self, label: str, hashes: Hashes) -> Hashes:
        """64 independent bits per key for this label."""
        salt = hashlib.blake2b(f"{self.seed}|{self.scope}|{label}".encode(), digest_size=8).digest()
        return _mix(hashes ^ np.uint64(int.from_bytes(salt, "big")))

    def uniform(self, label: str, hashes: Hashes) -> Floats:
        """A number in [0, 1) per key."""
        return (self.bits(label, hashes) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def chosen(self, label: str, hashes: Hashes, rate: float | Floats) -> Bools:
        """True for a share ``rate`` of the keys. Not scaled: for facts that are no defect, such as fill rates."""
        return self.uniform(label, hashes) < rate

    def hit(self, label: str, hashes: Hashes, rate: float) -> Bools:
        """True for a share ``rate x multiplier`` (at most 0.95) of the keys."""
        return self.chosen(label, hashes, min(0.95, rate * self.multiplier))

    def integers(self, label: str, hashes: Hashes, low: int, high: int) -> npt.NDArray[np.int64]:
        """Whole numbers in [low, high) per key."""
        return low + (self.uniform(label, hashes) * (high - low)).astype(np.int64)

    def normal(self, label: str, hashes: Hashes) -> Floats:
        """Standard normal numbers per key (Box and Muller 1958)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(label + "/r", hashes)))
        return radius * np.cos(2.0 * np.pi * self.uniform(label + "/a", hashes))

    def lognormal(self, label: str, hashes: Hashes, median: float, p95: float) -> Floats:
        """Positive numbers with the given median and 95th percentile."""
        return median * np.exp(self.normal(label, hashes) * np.log(p95 / median) / 1.6448536269514722)

    def pick(self, label: str, hashes: Hashes, options: dict[str, float]) -> npt.NDArray[np.object_]:
        """One option per key, by weight."""
        edges = np.cumsum(np.array(list(options.values()), dtype=float))
        index = np.searchsorted(edges / edges[-1], self.uniform(label, hashes), side="right")
        return np.array(list(options), dtype=object)[np.minimum(index, len(options) - 1)]


def local_ids(defects: Defects, hashes: Hashes, template: str, first: int) -> npt.NDArray[np.object_]:
    """An agency's own numbers for its rows, in an order that says nothing about theirs: ``template.format(number)``."""
    order = np.argsort(defects.bits("local_id", hashes), kind="stable")
    numbers = np.empty(len(hashes), dtype=np.int64)
    numbers[order] = np.arange(first, first + len(hashes))
    return np.array([template.format(n) for n in numbers.tolist()], dtype=object)


def garble(
    people: pd.DataFrame,
    hashes: Hashes,
    defects: Defects,
    rates: Rates = Rates(),
    names_differ: Hashes | None = None,
) -> pd.DataFrame:
    """The agency's version of ``forename, surname, birth_date, sex, postcode`` (those present), plus column ``flags``.

    ``people`` is not changed. ``names_differ`` gives other keys for the name draws, for feeds in which one record
    holds a name typed afresh while the rest is carried over. ``flags`` names the defects of each row, joined by ``;``.
    """
    out = people.copy()
    flags: list[tuple[str, Bools]] = []
    name_keys = hashes if names_differ is None else names_differ
    if {"forename", "surname"} <= set(out.columns):
        variant = defects.hit("name_variant", name_keys, rates.name_variant)
        _vary_names(out, name_keys, defects, np.flatnonzero(variant))
        flags.append(("name_variant", variant))
    if "birth_date" in out.columns:
        flags += _garble_birth_date(out, hashes, defects, rates)
    if "sex" in out.columns:
        wrong = defects.hit("wrong_sex", hashes, rates.wrong_sex)
        out["sex"] = np.where(wrong, out["sex"].map({"M": "F", "F": "M"}).fillna("U"), out["sex"])
        flags.append(("wrong_sex", wrong))
    if "postcode" in out.columns:
        missing = defects.hit("missing_postcode", hashes, rates.missing_postcode)
        out["postcode"] = out["postcode"].where(~missing, None)
        flags.append(("missing_postcode", missing))
    out["flags"] = join_flags(len(out), flags)
    return out


def join_flags(rows: int, flags: list[tuple[str, Bools]]) -> npt.NDArray[np.object_]:
    """One text per row naming the flags that hold, joined by ``;`` (empty where none does)."""
    text = np.full(rows, "", dtype=object)
    for name, holds in flags:
        at = np.flatnonzero(holds)
        text[at] = [f"{before};{name}" if before else name for before in text[at]]
    return text


def _garble_birth_date(out: pd.DataFrame, hashes: Hashes, defects: Defects, rates: Rates) -> list[tuple[str, Bools]]:
    born = pd.to_datetime(out["birth_date"])
    day, month, year = born.dt.day, born.dt.month, born.dt.year
    placeholder = defects.hit("placeholder_date", hashes, rates.placeholder_date) & born.notna().to_numpy()
    swap = (
        defects.hit("date_swap", hashes, rates.date_swap / _SWAPPABLE)
        & ((day <= 12) & (day != month)).to_numpy()
        & ~placeholder
    )
    new_day = np.where(placeholder, 1, np.where(swap, month, day))
    new_month = np.where(placeholder, 1, np.where(swap, day, month))
    changed = placeholder | swap
    made = pd.to_datetime(pd.DataFrame({"year": year, "month": new_month, "day": new_day})[changed])
    born = born.mask(changed, made.reindex(born.index))
    missing = defects.hit("missing_birth_date", hashes, rates.missing_birth_date)
    out["birth_date"] = born.mask(missing)
    return [("date_swap", swap & ~missing), ("placeholder_date", placeholder & ~missing), ("no_birth_date", missing)]


def _vary_names(out: pd.DataFrame, hashes: Hashes, defects: Defects, at: npt.NDArray[np.intp]) -> None:
    if not len(at):
        return
    forenames = out["forename"].to_numpy(dtype=object).copy()
    surnames = out["surname"].to_numpy(dtype=object).copy()
    kinds = defects.pick("variant_kind", hashes[at], dict(_VARIANTS))
    draws = defects.bits("variant_draw", hashes[at])
    for row, kind, draw in zip(at.tolist(), kinds.tolist(), draws.tolist(), strict=True):
        if isinstance(forenames[row], str) and isinstance(surnames[row], str):
            forenames[row], surnames[row] = vary_name(forenames[row], surnames[row], kind, draw)
    out["forename"], out["surname"] = forenames, surnames


def vary_name(forename: str, surname: str, kind: str, draw: int) -> tuple[str, str]:
    """The pair as another clerk would have typed it; ``draw`` (64 bits) chooses among the possibilities."""
    if kind == "nickname":
        known = _nicknames().get(forename.lower(), ())
        if known:
            return known[draw % len(known)].title(), surname
    if kind == "double_barrel":
        if "-" in surname:
            halves = surname.split("-")
            return forename, halves[draw % len(halves)]
        others = _surnames()
        return forename, f"{surname}-{others[draw % len(others)].title()}"
    rules = _rules("ocr" if kind == "optical" else "pho")
    if draw & 1:
        return respell(forename, rules, draw >> 1), surname
    return forename, respell(surname, rules, draw >> 1)


def respell(name: str, rules: tuple[tuple[str, str, str], ...], draw: int) -> str:
    """``name`` after one rule (where, from, to) that fits it, or with two neighbouring letters swapped if none does."""
    lower = name.lower()
    fits = [
        rule
        for rule in rules
        if (rule[0] == "END" and lower.endswith(rule[1]))
        or (rule[0] == "START" and lower.startswith(rule[1]))
        or (rule[0] == "ALL" and rule[1] in lower)
    ]
    if fits:
        where, old, new = fits[draw % len(fits)]
        start = lower.rfind(old) if where == "END" else lower.find(old)
        changed = lower[:start] + new + lower[start + len(old) :]
        if len(changed) >= 2 and changed != lower:
            return _title(changed)
    if len(lower) < 3:
        return name
    cut = 1 + draw % (len(lower) - 2)
    return _title(lower[:cut] + lower[cut + 1] + lower[cut] + lower[cut + 2 :])


def _title(name: str) -> str:
    """Capitals after spaces, hyphens and apostrophes alone (``str.title`` would raise the s in "king's" too)."""
    return "".join(c.upper() if i == 0 or name[i - 1] in " -'" else c for i, c in enumerate(name))


@lru_cache(maxsize=1)
def _nicknames() -> dict[str, tuple[str, ...]]:
    pairs = pd.read_csv(NAMES / "nicknames.csv")
    known: dict[str, set[str]] = {}
    for name, other in zip(pairs["name1"], pairs["name2"], strict=True):
        known.setdefault(str(name), set()).add(str(other))
        known.setdefault(str(other), set()).add(str(name))
    return {name: tuple(sorted(others)) for name, others in known.items()}


@lru_cache(maxsize=1)
def _surnames() -> tuple[str, ...]:
    return tuple(pd.read_parquet(NAMES / "sdglinkage_lastname_uk.parquet")["surname"].head(400))


@lru_cache(maxsize=2)
def _rules(kind: str) -> tuple[tuple[str, str, str], ...]:
    """Rules (where, from, to) whose result is still letters and that hold without a further condition; ``@`` is
    nothing.
    """
    table = pd.read_parquet(NAMES / f"sdglinkage_{kind}_rules.parquet").rename(columns={"postion": "where"})
    conditions = [c for c in ("precond", "postcond", "existcond", "startcond") if c in table.columns]
    for column in conditions:
        table = table[table[column].isna() | table[column].isin(["None", ""])]
    rules = []
    for where, old, new in zip(table["where"], table["orgpat"], table["newpat"], strict=True):
        old, new = str(old).lower(), str(new).lower().replace("@", "")
        if where in ("ALL", "END", "START") and old.isalpha() and (new.isalpha() or new == "") and old != new:
            rules.append((str(where), old, new))
    return tuple(dict.fromkeys(rules))
