"""The document behind every product: its schema, its content hash, its order.

The content hash must be the same on two machines with different keys, so it is taken over a projection that leaves
out every key, identifier of a run, version and reference, and that puts families, children and evidence into an
order given by their own content. The printed order then follows from the hash itself: within each talk-by date,
families are shuffled by sha256(content hash, family). Nobody can read a meaning into it, and a re-run repeats it.
A family's letters come from its source rows alone, so that another wording leaves them as they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

_SCHEMAS = Path(__file__).parent / "schemas"
# What identifies a run, a version, a key or a line, and is therefore no content.
_NOT_CONTENT = frozenset(
    {
        "list_id", "notice_id", "version", "cause", "content_hash", "ref",
        "person_key", "household_key", "event_key", "worker_record_key",
    }
)  # fmt: skip
# Lists whose order carries no meaning of its own: sorted by content before hashing.
_UNORDERED = frozenset(
    {"families", "children", "others_in_home", "rows", "evidence", "feeds", "reaches", "people", "unanswered"}
)
# No vowels, so that no word can arise from three letters.
_LETTERS = "BCDFGHJKLMNPRSTVWXZ"
LEAST_LETTERS, MOST_LETTERS = 3, 12  # as the schemas say


class DocumentProblem(Exception):
    """The document does not fit its schema; the message names the place in it, never a value."""


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema `name` ("weekly_list.v1", "notice.v1", "subject_list.v1")."""
    path = _SCHEMAS / f"{name}.schema.json"
    if not path.exists():
        raise DocumentProblem(f"This version knows no document of schema {name!r}; install the version that wrote it.")
    return json.loads(path.read_text(encoding="utf-8"))


def validate(document: Mapping[str, Any]) -> None:
    """Check a document against the schema it names and its own content hash.

    Raises:
        DocumentProblem: it does not fit, or the hash is not that of the content.
    """
    validator = Draft202012Validator(schema(str(document.get("schema"))))
    faults = sorted(validator.iter_errors(dict(document)), key=lambda fault: list(map(str, fault.absolute_path)))
    if faults:
        place = "/".join(str(part) for part in faults[0].absolute_path) or "the top"
        raise DocumentProblem(
            f"A {document.get('schema')} document breaks its schema at {place} (rule {faults[0].validator!r}); "
            f"{len(faults)} places in all."
        )
    if document["content_hash"] != content_hash(document):
        raise DocumentProblem(f"A {document['schema']} document was changed after its hash was taken.")


def canonical(value: Any) -> str:
    """Canonical JSON: sorted names, no spaces, Unicode as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_of(value: Any, name: str = "") -> Any:
    """The key-free projection of a document or of a part of it."""
    if isinstance(value, Mapping):
        return {key: content_of(inner, key) for key, inner in value.items() if key not in _NOT_CONTENT}
    if isinstance(value, list | tuple):
        parts = [content_of(inner, name) for inner in value]
        return sorted(parts, key=canonical) if name in _UNORDERED else parts
    return value


def content_hash(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical content, in hex."""
    return _digest(canonical(content_of(document)))


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Give a composed weekly list its hash, its shuffled order and its references, in place."""
    document["content_hash"] = content_hash(document)
    digests = {id(family): _digest(canonical(content_of(family))) for family in document["families"]}
    document["families"].sort(
        key=lambda family: (family["talk_by"], _digest(document["content_hash"] + digests[id(family)]))
    )
    taken: set[str] = set()
    letters = {
        id(family): _digest(canonical([document["as_of_date"], facts_of(family)])) for family in document["families"]
    }
    for family in sorted(document["families"], key=lambda one: (letters[id(one)], digests[id(one)])):
        family["ref"] = _letters(letters[id(family)], taken)
        for number, child in enumerate(family["children"], start=1):
            _refer(child, f"{family['ref']}-{number}")
    return document


def finish_people(document: dict[str, Any]) -> dict[str, Any]:
    """Give a composed `subject_list.v1` its hash, its shuffled order and its letters, in place."""
    document["content_hash"] = content_hash(document)
    digests = {id(person): _digest(canonical(content_of(person))) for person in document["people"]}
    document["people"].sort(key=lambda person: _digest(document["content_hash"] + digests[id(person)]))
    taken: set[str] = set()
    for person in sorted(document["people"], key=lambda one: digests[id(one)]):
        person["ref"] = _letters(digests[id(person)], taken)
    return document


def facts_of(part: Mapping[str, Any]) -> list[Any]:
    """What a family, or a child alone, is on the list for: names and source rows, without a word of the pack.

    Letters are made from this, so that notes taken with one version can be matched with the next one when only
    wording changed.
    """
    children = part.get("children") or [part]
    told = []
    for child in children:
        rows = {
            canonical([line["agency"], line["feed"], row["event_type"], row["occurred_on"]])
            for reason in child["reasons"]
            for line in reason["evidence"]
            for row in line["rows"]
        }
        told.append([child["name"], sorted(rows)])
    return sorted(told)


def _refer(child: dict[str, Any], ref: str) -> None:
    child["ref"] = ref
    for number, reason in enumerate(child["reasons"], start=1):
        reason["ref"] = f"{ref}/{number}"
        for line, evidence in enumerate(reason["evidence"], start=1):
            evidence["ref"] = f"{reason['ref']}/{line}"
    for number, good in enumerate(child["going_well"], start=1):
        for line, evidence in enumerate(good["evidence"], start=1):
            evidence["ref"] = f"{ref}/w{number}/{line}"


def trace(document: Mapping[str, Any], ref: str) -> list[dict[str, Any]]:
    """The source rows behind a printed reference of an evidence line, a reason or a child.

    Returns:
        One dict a row: event_key, event_type, occurred_on, release, and the agency and feed it came from.
    """
    found: list[dict[str, Any]] = []
    for family in document["families"]:
        for child in family["children"]:
            for told in [*child["reasons"], *child["going_well"]]:
                for line in told["evidence"]:
                    if line["ref"] == ref or line["ref"].startswith(f"{ref}/"):
                        found += [{"agency": line["agency"], "feed": line["feed"], **row} for row in line["rows"]]
    return found


def _letters(digest: str, taken: set[str]) -> str:
    """The first letters of a digest that are free, at least three; when the longest are taken too (families of whom
    nothing is known but the same facts), those of a digest made from it and a running number."""
    for turn in count():
        number = int(_digest(f"{digest}:{turn}") if turn else digest, 16)
        letters = ""
        while len(letters) < MOST_LETTERS:
            number, place = divmod(number, len(_LETTERS))
            letters += _LETTERS[place]
            if len(letters) >= LEAST_LETTERS and letters not in taken:
                taken.add(letters)
                return letters
    raise AssertionError("numbers do not end")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
