"""XML in the manner of the CIN census: one element is a row, columns are paths from it, also up to its parents.

    <Message><Children><Child>                            rowPath: Children/Child/CINdetails
        <ChildIdentifiers><LAchildID>DfE1</LAchildID>     path: ../ChildIdentifiers/LAchildID
        <CINdetails><CINreferralDate>2026-04-01           path: CINreferralDate
            <Assessments><AssessmentFactors>2A, 3B        path: Assessments/AssessmentFactors (repeated: joined)

The file is read twice as a stream: once for its shape, once for its rows. What is kept at a time is the highest
element that a column climbs to (a child), so memory does not grow with the file. Document types, and with them
entities, are refused: no agency needs them, and they are how an XML file opens other files or fills the memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import duckdb

from data_quality.contract import ColumnContract, FeedContract
from data_quality.drop import Drop
from data_quality.formats.common import (
    Batch,
    MalformedLine,
    Shape,
    Take,
    Unreadable,
    match_columns,
    refuse_large,
    take_rows,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_UP = "../"
# A census nests eight levels deep.
_DEEPEST = 64
_BROKEN = (ParseError, ValueError, LookupError)


def look(drop: Drop, contract: FeedContract, size: int) -> Shape:
    """Read the whole file once: well formed, no document type, and which paths occur in it.

    An element may be left out where it is empty; a required one that no row has was renamed or forgotten.

    Raises:
        DropRefused: not XML, cut short, a document type, or a required column that never occurs.
    """
    from defusedxml.common import DefusedXmlException

    again = "Export the file again, as plain XML in the agreed form."
    plan = _Plan(contract)
    seen: set[str] = set()
    unknown: dict[str, None] = {}
    rows = 0
    # A column that climbs to the root keeps the whole file in memory, some ten times its size.
    refuse_large(drop, size if plan.unit else size * 10, "read whole, it takes")
    try:
        for unit in _units(drop.path, plan):
            for lineage in _lineages(unit, plan.below):
                rows += 1
                for name, path in plan.paths.items():
                    if name not in seen and _find(lineage, path):
                        seen.add(name)
                plan.note_unknown(lineage[-1], unknown)
    except DefusedXmlException:
        raise drop.refuse("unsafe_xml", "it declares a document type or entities.", again) from None
    except ParseError as error:
        raise drop.refuse(
            "not_xml", f"line {error.position[0]} is not well formed, or the file ends there.", again
        ) from None
    except _BROKEN:
        raise drop.refuse("not_xml", "it cannot be read as XML in the encoding it names.", again) from None
    if not rows and drop.manifest.rows:
        raise drop.refuse(
            "row_path",
            f"it has no element {contract.delivery.row_path} below its root.",
            "Send the elements as agreed, or agree another rowPath in the contract.",
        )
    optional = frozenset(column.name for column in contract.columns if not column.required)
    present = [name for name in plan.paths if name in seen or not rows]
    return match_columns(drop, contract, [*present, *(f"./{path}" for path in unknown)], size, may_lack=optional)


def read(con: duckdb.DuckDBPyConnection, path: Path, shape: Shape, contract: FeedContract, take: Take) -> Batch:
    """Hand the rows over.

    Raises:
        Unreadable: the file changed since it was looked at.
    """
    try:
        return take_rows(con, contract, _rows(path, contract), take)
    except (*_BROKEN, duckdb.Error):
        raise Unreadable from None


class _Plan:
    """Where rows and columns stand.

    Attributes:
        unit: tags from below the root down to the highest element a column climbs to.
        below: tags from that element down to the row.
        paths: column -> (steps up from the row, tags down, attribute or None).
    """

    def __init__(self, contract: FeedContract) -> None:
        row = str(contract.delivery.row_path).split("/")
        self.paths = {column.name: _parts(column) for column in contract.columns}
        climb = min(max(up for up, _, _ in self.paths.values()), len(row))
        self.unit = row[: len(row) - climb]
        self.below = row[len(row) - climb :]
        self._known = {"/".join(down) for up, down, _ in self.paths.values() if up == 0}

    def note_unknown(self, row: Element, unknown: dict[str, None]) -> None:
        """Remember the paths of the row's own elements with text that the contract does not know."""
        for child in row:
            self._walk(child, _tag(child), unknown)

    def _walk(self, element: Element, path: str, unknown: dict[str, None]) -> None:
        if path in self._known:
            return
        if len(element) == 0 and (element.text or "").strip():
            unknown[path] = None
        for child in element:
            self._walk(child, f"{path}/{_tag(child)}", unknown)


def _parts(column: ColumnContract) -> tuple[int, tuple[str, ...], str | None]:
    path = column.path or column.name
    up = 0
    while path.startswith(_UP):
        path, up = path[len(_UP) :], up + 1
    down = [part for part in path.split("/") if part != "."]
    attribute = down.pop()[1:] if down and down[-1].startswith("@") else None
    return up, tuple(down), attribute


def _units(path: Path, plan: _Plan) -> Iterator[list[Element]]:
    """Each highest element, whole, with its ancestors (root first); forgotten when the next one is asked for."""
    from defusedxml.ElementTree import iterparse

    stack: list[Any] = []
    depth = len(plan.unit) + 1
    is_inside = False
    for event, element in iterparse(str(path), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            stack.append(element)
            if len(stack) > _DEEPEST:
                raise ValueError("nested too deeply")
            is_inside = is_inside or (len(stack) == depth and [_tag(open_) for open_ in stack[1:]] == plan.unit)
            continue
        if is_inside and len(stack) == depth:
            yield list(stack)
            is_inside = False
        stack.pop()
        if stack and not is_inside:
            stack[-1].remove(element)


def _lineages(unit: list[Element], below: list[str]) -> Iterator[list[Element]]:
    """For every row under a highest element, its ancestors and itself, root first."""
    if not below:
        yield unit
        return
    for child in unit[-1]:
        if _tag(child) == below[0]:
            yield from _lineages([*unit, child], below[1:])


def _rows(path: Path, contract: FeedContract) -> Iterator[tuple[int, Mapping[str, str | None]] | MalformedLine]:
    plan = _Plan(contract)
    row_no = 0
    for unit in _units(path, plan):
        for lineage in _lineages(unit, plan.below):
            row_no += 1
            yield _row(row_no, lineage, plan, contract)


def _row(
    row_no: int, lineage: list[Element], plan: _Plan, contract: FeedContract
) -> tuple[int, Mapping[str, str | None]] | MalformedLine:
    values: dict[str, str | None] = {}
    repeated: str | None = None
    for column in contract.columns:
        found = _find(lineage, plan.paths[column.name])
        if column.json_array:
            values[column.name] = json.dumps(found, ensure_ascii=False) if found else None
        elif column.separator:
            values[column.name] = column.separator.join(found)
        else:
            values[column.name] = found[0] if found else None
            if len(found) > 1:
                repeated = repeated or column.name
    if repeated is None:
        return row_no, values
    text = json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)
    return MalformedLine(row_no, "its element comes more than once in one row", text, repeated)


def _find(lineage: list[Element], path: tuple[int, tuple[str, ...], str | None]) -> list[str]:
    """Every non-empty text at a path, in file order."""
    up, down, attribute = path
    if up >= len(lineage):
        return []
    elements = [lineage[len(lineage) - 1 - up]]
    for tag in down:
        elements = [child for element in elements for child in element if _tag(child) == tag]
    texts = (element.get(attribute) if attribute else element.text for element in elements)
    return [text.strip() for text in texts if text and text.strip()]


def _tag(element: Any) -> str:
    """The local name, whatever the namespace; comments and instructions have none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
