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
_TITLES = frozenset({"mr", "mrs", "miss", "ms", "dr", "master", "mstr", "rev", "sir"})
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
        "tbc",
        "tba",
        "anon",
        "anonymous",
        "x",
        "xx",
        "xxx",
        "baby",
        "babyboy",
        "babygirl",
        "infant",
        "newborn",
        "neonate",
        "unborn",
        "child",
        "test",
        "tester",
        "testing",
        "dummy",
        "male",
        "female",
        "boy",
        "girl",
        "person",
        "patient",
        "pupil",
        "subject",
        "juvenile",
    ]
)
_BRACKETS = re.compile(r"[(\[\"“](.*?)[)\]\"”]")


def plain(text: str) -> str:
    """Lower case, without diacritics, apostrophes or punctuation; hyphens stay, spaces are single.

    >>> plain("  Zoë  O’Brien-Łukasz ")
    'zoe obrien-lukasz'
    """
    bare = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = "".join(c for c in bare if c.isalpha() or c in " -")
    return " ".join(kept.lower().replace(" -", "-").replace("- ", "-").split())


@cache
def _formal_names() -> dict[str, tuple[str, ...]]:
    """Nickname -> the names it may be short for, from the table that ships with this package."""
    table: dict[str, set[str]] = {}
    text = (resources.files("models.linkage") / "data" / "nicknames.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        table.setdefault(row["name2"].lower(), set()).add(row["name1"].lower())
    return {short: tuple(sorted(full)) for short, full in table.items()}


def placeholder_reason(text: str) -> str | None:
    """Why a name is no name, or ``None`` when it may be one.

    >>> placeholder_reason("BABY OF JANE"), placeholder_reason("Unknown"), placeholder_reason("Male 1")
    ('name_baby_of', 'name_placeholder', 'name_placeholder')
    >>> placeholder_reason("Jo") is None
    True
    """
    bare = plain(text)
    if not bare:
        return "name_empty"
    if re.match(r"^(baby|infant|child|bb|twin( one| two)?) of\b", bare):
        return "name_baby_of"
    words = [w for w in bare.replace("-", " ").split() if w not in _TITLES]
    if not words or "".join(words) in _NOBODY or all(w in _NOBODY for w in words):
        return "name_placeholder"
    if words[0] in {"unknown", "test", "baby", "unborn"}:
        return "name_placeholder"
    return None


def forename(text: str) -> tuple[str, tuple[str, ...]]:
    """The comparable first name and its forms (sorted). Call only when ``placeholder_reason`` is ``None``.

    >>> forename("Anne-Marie Louise")[0]
    'annemarie'
    >>> set(forename("Lizzie")[1]) >= {"lizzie", "elizabeth"}
    True
    >>> forename("Robert (Bobby)")[0], "bobby" in forename("Robert (Bobby)")[1]
    ('robert', True)
    """
    aliases = [plain(found) for found in _BRACKETS.findall(text)]
    words = [w for w in plain(_BRACKETS.sub(" ", text)).split() if w not in _TITLES] or [
        w for a in aliases for w in a.split()
    ]
    first = words[0].replace("-", "")
    spoken = {first, *(a.replace(" ", "").replace("-", "") for a in aliases if a)}
    spoken |= {part for part in words[0].split("-") if len(part) > 2}
    if len(words) > 1 and len(words[1]) > 2:
        spoken |= {first + words[1].replace("-", "")}
    forms = set(spoken)
    for word in spoken:
        forms.update(_formal_names().get(word, ()))
    return first, tuple(sorted(forms))


def surname(text: str) -> tuple[str, tuple[str, ...]]:
    """The comparable surname and its parts (for double-barrelled names).

    >>> surname("Smith-Jones"), surname("de la Cruz")[0]
    (('smithjones', ('jones', 'smith', 'smithjones')), 'delacruz')
    """
    bare = " ".join(w for w in plain(_BRACKETS.sub(" ", text)).split() if w not in _TITLES) or plain(text)
    parts = bare.replace("-", " ").split()
    whole = "".join(parts)
    return whole, tuple(sorted({whole, *(p for p in parts if len(p) > 2)}))


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
