"""The second partnership with a few of its students alone: the same files, fewer rows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import shutil
from pathlib import Path

PACK = Path(__file__).parent.parent / "partnerships" / "oulad"
_BY_STUDENT = ("student_info", "student_registration", "student_assessment")


def few_students(folder: Path, in_256: int) -> Path:
    """A copy of the pack under `folder` with about `in_256` of every 256 students, chosen by their number's hash."""
    pack = folder / PACK.name
    shutil.copytree(PACK, pack)
    for name in _BY_STUDENT:
        file = pack / "data" / f"{name}.csv.gz"
        header, *rows = csv.reader(io.StringIO(gzip.decompress(file.read_bytes()).decode()))
        who = header.index("id_student")
        kept = [row for row in rows if hashlib.sha256(row[who].encode()).digest()[0] < in_256]
        with gzip.open(file, "wt", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([header, *kept])
    return pack
