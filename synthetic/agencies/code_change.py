"""The September code list the demo's pack does not have yet.

From a night in October one supplier's schools write a code of it (`incidents.CALENDAR`, ``september_code_set``). The
gate holds those marks until the pack's dated code set knows the code, then lets them in by itself. Whether and when a
partnership takes the new list in is its own doing, so nothing here happens by itself: ``hub demo update-codes`` does
what a data steward would do by hand.
"""

from __future__ import annotations

from pathlib import Path

from synthetic.agencies.planting import NEW_CODE

FILE = "attendance_code.csv"
LINE = f"{NEW_CODE},medical appointment with evidence seen,2026-09-01,"


def update_codes(codes: Path) -> bool:
    """Adds the new code, with its first day, to the pack's code set in the folder ``codes``; False if it is there."""
    path = codes / FILE
    text = path.read_text("utf-8")
    if any(line.split(",")[0] == NEW_CODE for line in text.splitlines()):
        return False
    path.write_text(f"{text.rstrip()}\n{LINE}\n", encoding="utf-8")
    return True
