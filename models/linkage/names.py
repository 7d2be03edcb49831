"""Names as people give them, brought to a form that can be compared.

A forename becomes one comparable word and a set of *forms*: every word it may stand for, through nicknames, hyphens,
second names and aliases in brackets. Two forenames are *compatible* when their forms meet. Sets, not one canonical
word, because nicknames are not a partition: Alex is Alexander and Alexandra, who are not each other.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib import resources

_PLAIN = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "đ": "d", "Đ": "D", "ı": "i",
     "'": "", "’": "", "`": "", "ʼ": "", ".": " ", ",": " ", "/": " ", "–": "-", "‑": "-"}
)  # fmt: skip
_TITLES = frozenset({"mr", "mrs", "miss", "ms", "mx", "dr", "master", "mstr", "rev", "sir"})
_SUFFIXES = frozenset({"jr", "jnr", "junior", "sr", "snr", "senior", "ii", "iii"})
# Written where no name is known, in either field.
_NOBODY = frozenset(
    [
        "unknown",
        "unk",
        "unkown",
        "notknown",
        "nk",
        "na",
        "none",
        "null",
        "nil",
        "nameless",
        "noname",
        "notgiven",
        "notrecorded",
        "notstated",
        "notapplicable",
        "tbc",
        "tba",
        "tbd",
        "anon",
        "anonymous",
        "x",
        "xx",
        "xxx",
        "zz",
        "zzz",
        "baby",
        "babyboy",
        "babygirl",
        "infant",
        "newborn",
        "neonate",
        "unborn",
        "test",
        "tester",
        "testing",
        "dummy",
        "duplicate",
        "donotuse",
        "dnu",
        "withheld",
        "refused",
        "awaiting",
        "fnu",
        "lnu",
        "nfn",
        "nln",
        "person",
        "patient",
        "pupil",
        "juvenile",
    ]
)
# Nobody is called this, but families are (Child, Boy, Male, Subject): placeholders for a forename alone.
_NO_FORENAME = frozenset(["male", "female", "boy", "girl", "child", "subject", "twin", "triplet", "mother", "father"])
_OF_SOMEBODY = re.compile(
    r"^(baby( boy| girl)?|infant|child|bb|b o|twin( one| two| i| ii| a| b)?|unborn( baby| child)?) of\b|^b o "
)
_ALIAS = re.compile(r"\b(?:a\.?k\.?a\.?|also known as|known as|n[eé]e|formerly|previously|was)\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[\"“](.*?)[)\]\"”]")


def plain(text: str) -> str:
    """Lower case, without diacritics, apostrophes or punctuation; hyphens stay, spaces are single.

    >>> plain("  Zoë  O’Brien-Łukasz ")
    'zoe obrien-lukasz'
    """
    if text.isascii() and text.isalpha():
        return text.lower()
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = "".join(c for c in bare if c.isalpha() or c in " -")
    return " ".join(kept.lower().replace(" -", "-").replace("- ", "-").split())


@cache
def _formal_names() -> dict[str, tuple[str, ...]]:
    """Nickname -> the names it may be short for, spelling -> the commonest one, from the tables of this package."""
    table: dict[str, set[str]] = {}
    for file in ("nicknames.csv", "spellings.csv"):
        text = (resources.files("models.linkage") / "data" / file).read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            table.setdefault(row["name2"].lower(), set()).add(row["name1"].lower())
    return {short: tuple(sorted(full)) for short, full in table.items()}


def placeholder_reason(text: str, is_surname: bool = False) -> str | None:
    """Why a name is no name, or ``None`` when it may be one.

    >>> placeholder_reason("BABY OF JANE"), placeholder_reason("Unknown"), placeholder_reason("Male 1")
    ('name_baby_of', 'name_placeholder', 'name_placeholder')
    >>> placeholder_reason("Jo") is None, placeholder_reason("Child", is_surname=True) is None
    (True, True)
    """
    bare = plain(text)
    if not bare:
        return "name_empty"
    if bare.isalpha():
        return (
            "name_placeholder"
            if bare in _NOBODY or (bare in _NO_FORENAME and not is_surname) or bare in _TITLES
            else None
        )
    if _OF_SOMEBODY.match(bare):
        return "name_baby_of"
    words = [w for w in bare.replace("-", " ").split() if w not in _TITLES]
    nobody = _NOBODY if is_surname else _NOBODY | _NO_FORENAME
    # "Male 1" and "Twin II" are numbered, not named.
    named = [w for w in words if w not in nobody and not (len(words) > 1 and w in {"one", "two", "i", "ii", "a", "b"})]
    if not named or "".join(words) in nobody:
        return "name_placeholder"
    if words[0] in {"unknown", "test", "baby", "unborn"}:
        return "name_placeholder"
    return None


def _split_aliases(text: str) -> tuple[str, list[str]]:
    """The name itself, and what stands in brackets or after "aka", "née" and the like."""
    if text.isalpha():
        return text, []
    first, *others = _ALIAS.split(_BRACKETS.sub(" ", text))
    # What stands in brackets may itself begin with such a word.
    aliases = [_ALIAS.sub("", found) for found in _BRACKETS.findall(text)] + others
    return (first, aliases) if plain(first) else (" ".join(aliases), [])


def _words(text: str) -> list[str]:
    """Words of a name without titles, and without a suffix unless it is all there is."""
    words = [w for w in plain(text).split() if w not in _TITLES] or plain(text).split()
    while len(words) > 1 and words[-1] in _SUFFIXES:
        words.pop()
    return words


def forename(text: str) -> tuple[str, tuple[str, ...]]:
    """The comparable first name and its forms (sorted). Call only when ``placeholder_reason`` is ``None``.

    >>> forename("Anne-Marie Louise")[0], forename("Ray, Jo")[0]
    ('annemarie', 'jo')
    >>> set(forename("Lizzie")[1]) >= {"lizzie", "elizabeth"}
    True
    >>> forename("Robert (Bobby)")[0], "bobby" in forename("Robert aka Bobby")[1]
    ('robert', True)
    """
    own, aliases = _split_aliases(text)
    # "Surname, Forename" in one field.
    _, comma, after = own.partition(",")
    words = _words(after if comma and plain(after) else own)
    first = words[0].replace("-", "")
    spoken = {first, *("".join(_words(a)).replace("-", "") for a in aliases if plain(a))}
    spoken |= {part for part in words[0].split("-") if len(part) > 2}
    if len(words) > 1 and len(words[1]) > 2:
        spoken |= {first + words[1].replace("-", "")}
    forms = set(spoken)
    for word in spoken:
        forms.update(_formal_names().get(word, ()))
    return first, tuple(sorted(forms))


def surname(text: str) -> tuple[str, tuple[str, ...]]:
    """The comparable surname and its parts (of double-barrelled names, and of earlier names told with it).

    >>> surname("Smith-Jones"), surname("de la Cruz")[0], surname("Ray, Jo")[0]
    (('smithjones', ('jones', 'smith', 'smithjones')), 'delacruz', 'ray')
    >>> surname("Ray (née Low)")
    ('ray', ('low', 'ray'))
    """
    own, aliases = _split_aliases(text)
    before, comma, _ = own.partition(",")
    parts = " ".join(_words(before if comma and plain(before) else own)).replace("-", " ").split()
    whole = "".join(parts)
    said = [*parts, *(word for alias in aliases for word in " ".join(_words(alias)).replace("-", " ").split())]
    return whole, tuple(sorted({whole, *(p for p in said if len(p) > 2)}))


def marks(parts: tuple[str, ...]) -> frozenset[str]:
    """What two spellings of one surname have in common: a part, or a part with one letter after the first left out.

    >>> bool(marks(("hermann",)) & marks(("herman",))), bool(marks(("taylor",)) & marks(("naylor",)))
    (True, False)
    >>> bool(marks(surname("Smith-Jones")[1]) & marks(surname("Jones")[1]))
    True
    """
    found = set(parts)
    for part in parts:
        # In a short name one letter is most of what tells it from another.
        if len(part) > 5:
            found.update(part[:i] + part[i + 1 :] for i in range(1, len(part)))
    return frozenset(found)
