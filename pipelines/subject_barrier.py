"""Records about one subject never meet those about another: not in a table, not in a join, not in linkage.

Most of what a hub holds is about the persons it is for. Some feeds may be about others (adults, say). What keeps them
apart is not a filter that a model could forget: it is what a model may read at all, checked before dbt sees it.

- A model of the pack reads feeds about one subject, directly or through other models of the pack.
- A model about another subject fills no canonical table and builds on no model of the engine. The canonical tables are
  all that linkage, households, the panel and its features ever read, so another subject's record is never in them.
- What its own linkage hands over (`identity_export.subject_record`) is for such models alone; nothing else that the
  identity zone exports is for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

SOURCE = re.compile(r"source\(\s*['\"](\w+)['\"]\s*,\s*['\"](\w+)['\"]\s*\)")
REF = re.compile(r"ref\(\s*['\"](\w+)['\"]\s*\)")
_WORD = re.compile(r"\w+")
# What any model may read: the reference table of feeds, code sets, the gate's log of drops.
_NEUTRAL = ("feed",)
_CODES = "code_"
_GATE = "gate"
_EXPORT = "identity_export"
_OWN_EXPORT = "subject_record"


class SubjectsMixed(Exception):
    """A model reads records about more than one subject; the message names it."""


def models_off(models: Mapping[str, Path], off: Collection[str]) -> frozenset[str]:
    """Models that read a feed that is off, or that build on one that does.

    Args:
        models: by name, the pack's models.
        off: names of feeds.
    """
    reads = {name: _words(path) & set(off) for name, path in models.items()}
    return frozenset(name for name in models if off and any(reads[one] for one in _behind(name, models)))


def require_one_subject_each(
    models: Mapping[str, Path], subjects: Mapping[str, str], canonical: Callable[[str], bool]
) -> None:
    """Check every model of a pack against the rules above.

    Args:
        models: by name, the pack's models.
        subjects: by feed: whom it is about; a feed that is not in it is about the persons the hub is for.
        canonical: whether a model's name makes it part of a canonical table.

    Raises:
        SubjectsMixed: names the model and what it reads.
    """
    for name, path in models.items():
        found: dict[str | None, str] = {}
        for one in _behind(name, models):
            text = models[one].read_text(encoding="utf-8")
            for feed in sorted(_words(models[one]) & subjects.keys()):
                found.setdefault(subjects[feed], f"feed {feed}")
            for source, table in SOURCE.findall(text):
                if source != _GATE and table not in subjects and (source, table) != (_EXPORT, _OWN_EXPORT):
                    found.setdefault(None, f"source {source}.{table}")
            for other in REF.findall(text):
                if other not in models and other not in _NEUTRAL and not other.startswith(_CODES):
                    found.setdefault(None, f"model {other}")
        own_export = (_EXPORT, _OWN_EXPORT) in SOURCE.findall(path.read_text(encoding="utf-8"))
        others = sorted(subject for subject in found if subject)
        if len(found) > 1:
            said = "; ".join(f"{subject or 'the hub'}: {what}" for subject, what in sorted(found.items(), key=str))
            raise SubjectsMixed(f"{path.name} reads records about different subjects ({said}): keep them apart.")
        if others and canonical(name):
            raise SubjectsMixed(
                f"{path.name} would put records about {others[0]} into a canonical table, which linkage and features "
                "read: give the model another name and build marts of its own on it."
            )
        if own_export and not others:
            raise SubjectsMixed(f"{path.name} reads {_EXPORT}.{_OWN_EXPORT}, which holds other subjects alone.")


def _words(path: Path) -> set[str]:
    """Every word of a model: a feed counts as read wherever its name stands, in whatever way it is written."""
    return set(_WORD.findall(path.read_text(encoding="utf-8")))


def _behind(name: str, models: Mapping[str, Path]) -> set[str]:
    """A model and all of the pack's models it builds on."""
    seen, waiting = {name}, [name]
    while waiting:
        for other in REF.findall(models[waiting.pop()].read_text(encoding="utf-8")):
            if other in models and other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen
