"""Ways in which a drop can be wrong: its values, its structure, its bytes, its manifest, the way it lies in the folder.

A mutation takes a `Draft` and a seeded `random.Random` and changes the draft. Several in a row make one fuzzed drop;
their names say afterwards what was done, so that a finding can be told in words and made again from its seed.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from benchmarks.fuzz_formats import count_rows, write_table
from data_quality.contract import FeedContract

CANARY = "Zyxwquist"
# What a person, an export program or an attacker puts into a cell.
STRANGE_VALUES = (
    "", " ", "\t", "NULL", "null", "None", "N/A", "-", "NaN", "nan", "inf", "-inf", "-0", "0", "-1", "1e309", "1E5",
    "9" * 19, "9" * 40, "1.5", "1,234", "£12", "Y", "maybe", "TRUE", "2026-02-30", "2025-02-29", "2024-02-29",
    "29/02/2024", "31/12/2026", "12/31/2026", "0001-01-01", "1899-12-31", "9999-12-31", "10000-01-01", "2026-13-45",
    "2026-10-25 01:30:00", "2026-03-29 01:30:00", "25/10/2026 01:30", "2026-10-05T18:00:00Z", "46300", "1A", "OLD",
    "zz", "deleted", "DELETED", "Unchanged", "=cmd|'/C calc'!A0", "@SUM(1)", "'; drop table x; --", "'", '"', '""',
    "a\nb", "a\r\nb", "a\rb", "\ufeff", "\u202e", "e\u0301", "\u00e9", "\U0001d518", "\x1f", "\x01", "\x7f", "\u00a7",
    "\ufffd", "{}", "[]", "{", "[", '["1A"]', '["1A", "ZZ"]', '{"a": NaN}', '{"a": {"b": [1, 2, {"c": null}]}}', '"x"',
    "[" * 600, "x" * 5_000, "%s%n", "$.x", "a,b", "a;b", "a|b", "943 476 5919", "9434765919", "943-476-5919",
    "A123456789012", "NM1 1AA", "ZZ99 3VZ", "../../etc/passwd", "<script>alert(1)</script>", "\\", "\\N",
)  # fmt: skip
_DELIMITERS = (";", "\t", "|", ":", "~")
_INSTANTS = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00",
    "1969-12-31T23:59:59Z", "2026-10-05", "2026-10-05T18:00:00", "2026-10-05T18:00:00+01:00", "2026-W41-1T00:00:00Z",
    "20261005T180000Z", "2026-10-05T18:00:00.123456Z", "2026-02-30T00:00:00Z", "tomorrow", "", "2262-04-12T00:00:00Z",
    "294247-01-10T04:00:54Z", "2026-10-05T24:00:00Z",
)  # fmt: skip
_ODD_FIELDS: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1.5, 10**30, True, False, [], {}, [[]], "x" * 300, "\u0000", "\ud800", "a\nb", "'", '"', "é",
    "../x.csv", "/etc/passwd", ".", "..", "x/y.csv", "a\\b.csv", "*", "[a-z].csv", float("nan"), {"a": 1}, "True",
    ".hidden.csv", "x.manifest.json", CANARY,
)  # fmt: skip


@dataclass
class Draft:
    """A drop being made: the table as long as it is one, then its bytes, its manifest and its place.

    Attributes:
        rows: text cells as sent, header apart.
        types: text, agreed or guessed (see fuzz_formats); a text file has none.
        content: the file's bytes; None until the table is written.
        table: the bytes as the table was written, before any of them was damaged.
        honest: the manifest tells the checksum and the row count of what is really sent.
        placement: what is odd about how the two files lie in the folder.
        steps: names of the mutations so far.
    """

    contract: FeedContract
    file: str
    header: list[str]
    rows: list[list[str]]
    manifest: dict[str, Any]
    encoding: str
    delimiter: str
    line_end: str = "\n"
    quoting: Literal[0, 1, 2, 3] = csv.QUOTE_MINIMAL
    types: str = "text"
    content: bytes | None = None
    table: bytes | None = None
    manifest_bytes: bytes | None = None
    honest: bool = True
    placement: str = "ordinary"
    steps: list[str] = field(default_factory=list)

    def written(self) -> bytes:
        """The file's bytes, writing the table if that has not been done."""
        if self.content is None:
            dialect = {"delimiter": self.delimiter, "lineterminator": self.line_end, "quoting": self.quoting}
            self.content = self.table = write_table(
                self.contract, self.header, self.rows, self.types, dialect, self.encoding
            )
        return self.content

    def count(self) -> int | None:
        """The records a plain reader finds in the file (see fuzz_formats.count_rows)."""
        content = self.written()
        return count_rows(content, self.contract, self.header, self.rows, damaged=content != self.table)

    @property
    def suffix(self) -> str:
        """What a good file of this feed ends with."""
        return f".{self.contract.delivery.format}"

    @property
    def manifest_name(self) -> str:
        """The manifest that goes with the file."""
        return f"{self.file.removesuffix(self.suffix)}.manifest.json"


Mutation = Callable[[Draft, random.Random], None]


# ---- values ----------------------------------------------------------------------------------------------------------
def strange_cells(draft: Draft, draw: random.Random) -> None:
    """One to four cells hold what they should not."""
    for _ in range(draw.randint(1, 4)):
        _set_cell(draft, draw, draw.choice(STRANGE_VALUES))


def personal_cells(draft: Draft, draw: random.Random) -> None:
    """A name where a code, a date or a number belongs: it may not come back in any message."""
    for _ in range(draw.randint(1, 3)):
        _set_cell(draft, draw, f"{CANARY} {draw.randint(0, 999)}")


def noisy_cells(draft: Draft, draw: random.Random) -> None:
    """Random characters of every plane."""
    for _ in range(draw.randint(1, 3)):
        _set_cell(draft, draw, "".join(_character(draw) for _ in range(draw.randint(1, 30))))


def damaged_cells(draft: Draft, draw: random.Random) -> None:
    """A character of a good cell lost, doubled, swapped or replaced."""
    for _ in range(draw.randint(1, 4)):
        if draft.rows and (row := draw.choice(draft.rows)):
            place = draw.randrange(len(row))
            text = list(row[place])
            if text:
                at = draw.randrange(len(text))
                text[at : at + 1] = draw.choice(([], [text[at]] * 2, [_character(draw)], [text[at].swapcase()]))
                row[place] = "".join(text)


def long_cell(draft: Draft, draw: random.Random) -> None:
    """One cell of a hundred thousand characters."""
    _set_cell(draft, draw, draw.choice(("x", "é", '"', "\n", CANARY[0])) * 100_000)


def same_key(draft: Draft, draw: random.Random) -> None:
    """A row comes again: the same, or with another cell changed."""
    if draft.rows:
        for _ in range(draw.randint(1, 3)):
            again = list(draw.choice(draft.rows))
            draft.rows.insert(draw.randint(0, len(draft.rows)), again)
            if draw.random() < 0.5:
                _set_cell(draft, draw, draw.choice(STRANGE_VALUES))


# ---- structure -------------------------------------------------------------------------------------------------------
def lost_column(draft: Draft, draw: random.Random) -> None:
    """A column is not sent."""
    if len(draft.header) > 1:
        place = draw.randrange(len(draft.header))
        del draft.header[place]
        for row in draft.rows:
            del row[place : place + 1]


def renamed_column(draft: Draft, draw: random.Random) -> None:
    """A column has another name: a real one, a personal one, an empty one, one too long."""
    place = draw.randrange(len(draft.header))
    name = draft.header[place]
    draft.header[place] = draw.choice(
        (f"{name}_new", name.upper(), f" {name} ", "", CANARY, '"', "a,b", "x" * 3_000, name[:-1], "row_no", "c0",
         "record_key", "\x1f", "é", f"{name}\n", f"{name}§")
    )  # fmt: skip


def new_column(draft: Draft, draw: random.Random) -> None:
    """A column nobody agreed on, or one twice."""
    place = draw.randint(0, len(draft.header))
    name = draw.choice((CANARY, "note", "", "drop_id", draw.choice(draft.header)))
    draft.header.insert(place, name)
    for row in draft.rows:
        row.insert(place, draw.choice((CANARY, "", "1")))


def shuffled_columns(draft: Draft, draw: random.Random) -> None:
    """The columns in another order, their cells with them or not."""
    order = list(range(len(draft.header)))
    draw.shuffle(order)
    draft.header = [draft.header[place] for place in order]
    if draw.random() < 0.7:
        draft.rows = [[row[place] for place in order if place < len(row)] for row in draft.rows]


def ragged_rows(draft: Draft, draw: random.Random) -> None:
    """Rows with too few or too many cells, empty rows."""
    for _ in range(draw.randint(1, 3)):
        if draft.rows:
            row = draw.choice(draft.rows)
            if draw.random() < 0.5:
                del row[draw.randint(0, len(row)) :]
            else:
                row += [CANARY] * draw.randint(1, 3)


def other_row_count(draft: Draft, draw: random.Random) -> None:
    """No rows, one, or many more."""
    count = draw.choice((0, 0, 1, 300))
    if count == 300 and draft.rows:
        draft.rows = [list(draft.rows[place % len(draft.rows)]) for place in range(count)]
    else:
        draft.rows = draft.rows[:count]


def other_dialect(draft: Draft, draw: random.Random) -> None:
    """Another delimiter, line end or habit of quoting."""
    what = draw.randrange(3)
    if what == 0:
        draft.delimiter = draw.choice(_DELIMITERS)
    elif what == 1:
        draft.line_end = draw.choice(("\r\n", "\r", "\n\n", "\r\r\n", "\u2028"))
    else:
        draft.quoting = draw.choice((csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC))


def other_encoding(draft: Draft, draw: random.Random) -> None:
    """Written in an encoding nobody declared."""
    draft.encoding = draw.choice(("utf-8", "cp1252", "latin-1", "utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp500"))
    if draw.random() < 0.5:
        _set_cell(draft, draw, draw.choice(("Zoë", "O’Neill", "Łukasz", "–")))


def guessed_types(draft: Draft, draw: random.Random) -> None:
    """An export program looked at the cells and made numbers and dates of them."""
    draft.types = "guessed"


# ---- bytes -----------------------------------------------------------------------------------------------------------
def flipped_bits(draft: Draft, draw: random.Random) -> None:
    """A few bits flipped anywhere."""
    content = bytearray(draft.written())
    for _ in range(draw.choice((1, 1, 3, 20))):
        if content:
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    draft.content = bytes(content)


def moved_slice(draft: Draft, draw: random.Random) -> None:
    """A stretch of bytes lost, doubled, or put elsewhere."""
    content = draft.written()
    start = draw.randint(0, len(content))
    end = min(len(content), start + draw.choice((1, 2, 10, 200)))
    piece, rest = content[start:end], content[:start] + content[end:]
    at = draw.randint(0, len(rest))
    draft.content = draw.choice((rest, content[:end] + piece + content[end:], rest[:at] + piece + rest[at:]))


def cut_short(draft: Draft, draw: random.Random) -> None:
    """The file ends early."""
    content = draft.written()
    draft.content = content[: draw.randint(0, len(content))]


def inserted_bytes(draft: Draft, draw: random.Random) -> None:
    """Bytes that mean something to a reader of text, put anywhere."""
    content = draft.written()
    at = draw.choice((0, len(content), draw.randint(0, len(content))))
    extra = draw.choice(
        (b"\0", b'"', b'""', b"\n", b"\r", b"\r\n", b"\n\n\n", b",", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1a", b"\xc3",
         b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1f", b"#", b"\\", b"'", b"\x0b\x0c", b"sep=,\n",
         draw.randbytes(8))
    )  # fmt: skip
    draft.content = content[:at] + extra + content[at:]


def another_file(draft: Draft, draw: random.Random) -> None:
    """Something else altogether under that name."""
    content = draft.written()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x", content)
    draft.content = draw.choice(
        (b"", b"\n", b"\xef\xbb\xbf", draw.randbytes(500), gzip.compress(content), archive.getvalue(), b"%PDF-1.7",
         b"<html><body>Sign in</body></html>", b"{}", b'"', b"," * 1000, b"\r" * 50, content[:1], b"PAR1" + content,
         b"\0" * 100, content * 2)
    )  # fmt: skip


# ---- manifest --------------------------------------------------------------------------------------------------------
def odd_field(draft: Draft, draw: random.Random) -> None:
    """A field of the manifest is missing or senseless."""
    for _ in range(draw.choice((1, 1, 2))):
        name = draw.choice(sorted(draft.manifest))
        if draw.random() < 0.2:
            del draft.manifest[name]
        else:
            # A file is told of by its name, whatever it is called.
            draft.manifest[name] = draw.choice(_ODD_FIELDS[:-1] if name == "file" else _ODD_FIELDS)
        draft.honest = draft.honest and name not in ("rows", "sha256")


def odd_instant(draft: Draft, draw: random.Random) -> None:
    """An instant at the end of the calendar, without a zone, or none."""
    name = draw.choice(("extracted_at", "received_at"))
    draft.manifest[name] = draw.choice(_INSTANTS)


def other_promise(draft: Draft, draw: random.Random) -> None:
    """Another count, checksum or mode than is sent."""
    what = draw.randrange(4)
    if what == 0:
        draft.honest = False
        draft.manifest["rows"] = max(0, len(draft.rows) + draw.choice((-1, 1, 100, 10**12)))
        draft.manifest["sha256"] = hashlib.sha256(draft.written()).hexdigest()
    elif what == 1:
        draft.honest = False
        draft.manifest |= {"sha256": draw.choice(("0" * 64, "g" * 64, "é" * 64)), "rows": len(draft.rows)}
    elif what == 2:
        draft.manifest["mode"] = draw.choice(("full", "delta", "FULL", "replace"))
    else:
        draft.manifest["history"] = draw.choice((True, "true", 1))


def broken_manifest(draft: Draft, draw: random.Random) -> None:
    """The manifest is no JSON object in UTF-8."""
    good = json.dumps(draft.manifest).encode()
    draft.manifest_bytes = draw.choice(
        (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", good[: draw.randint(0, len(good))],
         good.decode().encode("utf-16"),
         b"\xef\xbb\xbf" + good, b"[" * 100_000, good + good, b'{"rows": ' + b"9" * 5_000 + b"}", b"\0" * 64,
         good.replace(b'"rows"', b'"rows": 1, "rows"'), b"<xml/>", draw.randbytes(60))
    )  # fmt: skip


def odd_place(draft: Draft, draw: random.Random) -> None:
    """The files lie in the folder in an odd way; the runner makes it so."""
    draft.placement = draw.choice(
        ("no manifest", "no file", "folder for a file", "dangling link", "second manifest", "half sent", "subfolder",
         "folder for a manifest", "younger file")
    )  # fmt: skip


def odd_name(draft: Draft, draw: random.Random) -> None:
    """A file name that means something to a shell, to SQL, or to a reader of patterns."""
    stem, end = draft.file.removesuffix(draft.suffix), draft.suffix
    draft.file = draw.choice(
        (f"{stem}*{end}", f"{stem}[0-9]{end}", f"*{end}", f"{stem}'{end}", f'{stem}"{end}', f"{stem} copy (1){end}",
         f"{stem}{end.upper()}", f"{stem}é{end}", f"{stem}\n{end}", f"{stem}{end}.gz", f"{stem}.txt", stem,
         f"{stem};drop{end}", f"{stem}%20{end}", f"{'x' * 230}{end}", f"{stem}{'.csv' if end != '.csv' else '.pdf'}",
         f"{stem}$(id){end}", f"-{stem}{end}", f"{stem}?{end}", f"{stem}{{a,b}}{end}")
    )  # fmt: skip


VALUES = (strange_cells, strange_cells, personal_cells, noisy_cells, damaged_cells, damaged_cells, long_cell, same_key)
STRUCTURE = (
    lost_column, renamed_column, new_column, shuffled_columns, ragged_rows, other_row_count, other_dialect,
    other_encoding, guessed_types,
)  # fmt: skip
BYTES = (flipped_bits, moved_slice, cut_short, inserted_bytes, inserted_bytes, another_file)
MANIFEST = (odd_field, odd_field, odd_instant, other_promise, broken_manifest, odd_place, odd_name)


def mutate(draft: Draft, draw: random.Random) -> None:
    """Change a draft in one to three ways, in the order in which a drop is made: cells, table, bytes, manifest."""
    kinds = draw.choices((VALUES, STRUCTURE, BYTES, MANIFEST), weights=(4, 3, 3, 2), k=draw.choice((1, 1, 2, 3)))
    for family in (VALUES, STRUCTURE, BYTES, MANIFEST):
        for _ in range(sum(kind is family for kind in kinds)):
            mutation: Mutation = draw.choice(family)
            mutation(draft, draw)
            draft.steps.append(mutation.__name__)


def seal_manifest(draft: Draft) -> bytes:
    """The manifest's bytes; an honest one tells the checksum and, where they can be counted, the rows sent."""
    if draft.honest:
        rows = draft.count()
        draft.manifest |= {
            "sha256": hashlib.sha256(draft.written()).hexdigest(),
            "rows": len(draft.rows) if rows is None else rows,
        }
    return json.dumps(draft.manifest).encode() if draft.manifest_bytes is None else draft.manifest_bytes


def good_manifest(contract: FeedContract, file: str, mode: str, extracted: datetime, received: datetime) -> dict:
    """What a supplier says about a good drop, rows and checksum still to be filled in."""
    return {
        "agency": contract.agency, "feed": contract.feed, "file": file, "mode": mode, "history": False,
        "extracted_at": f"{extracted.isoformat()}Z", "received_at": f"{received.isoformat()}Z",
        "window": {"from": "2026-10-01", "to": "2026-10-05"}, "rows": 0, "sha256": "", "schema_version": "1.0.0",
        "code_set_version": "2026-09",
    }  # fmt: skip


def _set_cell(draft: Draft, draw: random.Random, value: str) -> None:
    if draft.rows:
        row = draw.choice(draft.rows)
        if row:
            row[draw.randrange(len(row))] = value


def _character(draw: random.Random) -> str:
    code = draw.choice((draw.randrange(0x80), draw.randrange(0x100), draw.randrange(0xD800), draw.randrange(0x110000)))
    return chr(code if not 0xD800 <= code < 0xE000 else 0xFFFD)
