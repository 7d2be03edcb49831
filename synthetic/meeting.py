"""A meeting that never was: fills in a list's workbook as invented people might, by a seed.

What is chosen owes nothing to the child: no truth of the world and no reason on the list is read, so that whatever
follows a decision in the demo follows by chance.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

# How often each kind of decision is made; kinds that the pack does not have are passed over.
SHARES = {
    "offered": 0.40, "known": 0.15, "consult": 0.20, "referred": 0.05, "again": 0.08, "nothing": 0.10, "wrong": 0.02,
}  # fmt: skip
_STILL_OPEN = 0.05
_ANSWERS = (0.75, 0.05, 0.08, 0.05, 0.07)
_AGAIN_AFTER = timedelta(weeks=6)
WHO = "Synthetic meeting"


def fill_in(content: bytes, kinds: Mapping[str, str], answers: Sequence[str], on: date, seed: int) -> bytes:
    """A workbook as it might come back from its meeting.

    Args:
        content: the released workbook.
        kinds: what each decision of the pack means (`decision_kinds` of wording.yml).
        answers: what may be said of a reason, the usual one first.
        on: the day of the meeting.
        seed: the same seed and workbook give the same decisions.
    """
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content))
    rng = np.random.default_rng([seed, on.toordinal()])
    words = [word for word, kind in kinds.items() if kind in SHARES]
    weights = np.array([SHARES[kinds[word]] for word in words])
    for line in _lines(book["Decisions"]):
        chosen, told = str(rng.choice(words, p=weights / weights.sum())), rng.random()
        if rng.random() < _STILL_OPEN:
            continue
        line["Decision"].value = chosen
        line["Decided by"].value = WHO
        line["Decided on"].value = datetime(on.year, on.month, on.day)
        line["Family told?"].value = "yes" if told < 0.6 else "not yet"
        if kinds[chosen] == "again":
            again = on + _AGAIN_AFTER
            line["Look again on"].value = datetime(again.year, again.month, again.day)
            line["Why"].value = "to see how it goes on"
    usual = np.array([*_ANSWERS, *[0.0] * len(answers)][: len(answers)])
    for line in _lines(book["Reasons"]):
        if rng.random() < 0.5:
            line["Is it so?"].value = str(rng.choice(list(answers), p=usual / usual.sum()))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _lines(sheet: Any) -> list[dict[str, Any]]:
    """The cells of each line by the column's name; lines without a reference are none."""
    names = [cell.value for cell in sheet[1]]
    rows = (dict(zip(names, row, strict=False)) for row in sheet.iter_rows(min_row=2))
    return [cells for cells in rows if cells["Ref"].value]
