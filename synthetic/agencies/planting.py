"""Plants the mistakes of ``row_defects`` in an agency's row versions, and remembers each.

A view gains three columns that no file shows:

``_planted``       the kinds of mistake in this version, joined by ``;``
``_wrong_column``  the column written wrongly, and
``_wrong_text``    what is written there instead

The true value stays beside the wrong one, so putting a row right later is one more version without the wrong text.
Every draw hangs on the row's key and the instant of the version: a row is spoilt alike whatever is around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from synthetic.agencies.casework_defects import Slip
from synthetic.agencies.corruption import Bools, Defects, Hashes, key_hash
from synthetic.agencies.incidents import Incident
from synthetic.agencies.row_defects import (
    CARRIED,
    DUPLICATE_KEY,
    DUPLICATE_ROW,
    EVENTS,
    REPAIRED,
    ROW_DEFECTS,
)
from synthetic.agencies.views import FAR_FUTURE, FIRST_DROP_AT, PLANTED, Feed, Times

Places = npt.NDArray[np.intp]

_FIRST = np.datetime64(FIRST_DROP_AT.replace(tzinfo=None), "s")
_DAY = np.timedelta64(86400, "s")

#: What one supplier's schools write from the September code list, and what they wrote before.
OLD_CODE, NEW_CODE = "M", "M1"


def plant(
    feed: Feed,
    table: pa.Table,
    flags: pd.Series | None,
    draws: Defects,
    incidents: tuple[Incident, ...] = (),
    slips: Sequence[Slip] = (),
) -> pa.Table:
    """Row versions with mistakes planted and the three columns that say so.

    Args:
        table: the feed's columns and `views.HIDDEN`, one row a version; not changed.
        flags: what each version carries already (``name_variant;twin``), for feeds that name people.
        draws: of this feed's mistakes; its multiplier scales all rates.
        incidents: the calendar, for what changes rows from a night on (a code list, the clocks).
        slips: mistakes found by looking across tables (`casework_defects`).
    """
    rows = _Versions(feed, table)
    _note_what_is_there(rows, flags)
    for incident in (incident for incident in incidents if incident.feed == feed.label):
        if incident.kind == "september_code_set":
            _new_code(rows, incident)
        elif incident.kind in ("clock_repeated_hour", "clock_missing_hour"):
            _odd_hour(rows, incident)
    for slip in slips:
        _slip(rows, slip)
    for defect in ROW_DEFECTS:
        if defect.feed != feed.label or not defect.rate:
            continue
        label = f"{defect.kind}/{defect.column}"
        base = defect.source or defect.column
        at = np.flatnonzero(draws.hit(label, rows.hashes, defect.rate) & rows.untouched)
        at = at[rows.filled(base, at) & rows.filled(defect.column, at)]
        form = feed.form(base)
        right = rows.written(base, at)
        how = draws.bits(f"{label}/how", rows.hashes[at]).tolist()
        wrong = [defect.spoil(text, bits, form) for text, bits in zip(right, how, strict=True)]
        fits = np.array([new != old for new, old in zip(wrong, right, strict=True)], dtype=bool)
        texts = [text for text, kept in zip(wrong, fits.tolist(), strict=True) if kept]
        rows.spoil(defect.kind, at[fits], defect.column, texts, repaired=defect.repaired)
    if feed.label in EVENTS:
        _send_twice(rows, draws)
    _put_right(rows, draws)
    return rows.finished()


class _Versions:
    """The versions of one feed and the mistakes made in them so far; versions added are numbered from the table's
    end on.
    """

    def __init__(self, feed: Feed, table: pa.Table) -> None:
        self.feed, self.table = feed, table
        self.recorded = self._times("_recorded_at")
        self.superseded = self._times("_superseded_at").copy()
        self.kinds: dict[int, str] = {}
        self.wrong: dict[int, tuple[str, str]] = {}
        self.to_repair: dict[int, None] = {}
        self.added: list[tuple[int, np.datetime64, np.datetime64, str | None]] = []
        op = _encoded(table.column("_row_op"))
        self.deleted: Bools = _equal(op, "deleted")
        self.updated: Bools = _equal(op, "updated")
        self.untouched: Bools = (self.superseded > _FIRST) & ~self.deleted
        instant = self.recorded.astype(np.int64).astype(np.uint64)
        with np.errstate(over="ignore"):
            self.hashes: Hashes = _key_hashes(feed, table) ^ (instant * np.uint64(0x9E3779B97F4A7C15))

    def note(self, kind: str, at: Places) -> None:
        """Remember a kind of mistake at these rows."""
        for row in at.tolist():
            self.kinds[row] = f"{self.kinds[row]};{kind}" if row in self.kinds else kind

    def spoil(self, kind: str, at: Places, column: str, texts: list[str], *, repaired: bool) -> None:
        """Write other texts at these rows, which are left alone from then on."""
        self.note(kind, at)
        self.wrong |= {row: (column, text) for row, text in zip(at.tolist(), texts, strict=True)}
        self.untouched[at] = False
        if repaired:
            self.to_repair |= dict.fromkeys(at.tolist())

    def add(self, row: int, since: np.datetime64, until: np.datetime64, op: str | None = None) -> int:
        """One more version made of a row's, for this time, as it is or ``updated`` or ``deleted``; returns its
        number.
        """
        self.added.append((row, since, until, op))
        return len(self.table) + len(self.added) - 1

    def filled(self, column: str, at: Places) -> Bools:
        """Which of these rows have something in the column."""
        return ~self.table.column(column).take(pa.array(at)).is_null().to_numpy(zero_copy_only=False)

    def written(self, column: str, at: Places) -> list[str]:
        """The texts of a column at these rows as the feed writes them; all are filled."""
        values = self.table.column(column).take(pa.array(at)).to_pylist()
        form = self.feed.form(column)
        return [value.strftime(form) if form else str(value) for value in values]

    def finished(self) -> pa.Table:
        """The table with added versions and the three columns of `views.PLANTED`."""
        table = _with_times(self.table, "_superseded_at", self.superseded)
        if self.added:
            more = self.table.take(pa.array([row for row, *_ in self.added]))
            more = _with_times(more, "_recorded_at", np.array([added[1] for added in self.added]))
            more = _with_times(more, "_superseded_at", np.array([added[2] for added in self.added]))
            ops = np.array([added[3] for added in self.added], dtype=object)
            for column in ("_row_op", *(("row_state",) if "row_state" in self.feed.column_names else ())):
                kind = more.schema.field(column).type
                kept = more.column(column).cast(pa.string()).to_numpy(zero_copy_only=False)
                value = pa.array(np.where(pd.isna(ops), kept, ops), pa.string())
                more = more.set_column(
                    more.schema.get_field_index(column), column,
                    value.dictionary_encode() if pa.types.is_dictionary(kind) else value,
                )  # fmt: skip
            table = pa.concat_tables([table, more], promote_options="permissive")
        rows = len(table)
        planted = _sparse(rows, self.kinds)
        columns = _sparse(rows, {row: column for row, (column, _) in self.wrong.items()})
        texts = _sparse(rows, {row: text for row, (_, text) in self.wrong.items()})
        for name, values in zip(PLANTED, (planted, columns, texts), strict=True):
            table = table.append_column(name, values)
        return table

    def _times(self, column: str) -> Times:
        return self.table.column(column).to_numpy().astype("datetime64[s]")


def _note_what_is_there(rows: _Versions, flags: pd.Series | None) -> None:
    """Mistakes the view was made with, and versions that put something right."""
    if flags is not None:
        held = flags.to_numpy(dtype=object)
        for row in np.flatnonzero(held != "").tolist():
            kinds = [kind for kind in held[row].split(";") if kind in CARRIED]
            if kinds:
                rows.kinds[row] = ";".join(kinds)
            if "handling_c" in kinds:
                rows.untouched[row] = False
    for column in rows.feed.birth_dates:
        born = rows.table.column(column).to_numpy(zero_copy_only=False).astype("datetime64[D]")
        month = born.astype("datetime64[M]")
        leap = (month.astype(np.int64) % 12 == 1) & ((born - month).astype(np.int64) == 28) & ~np.isnat(born)
        rows.note("leap_day_birth", np.flatnonzero(leap))
    rows.note("retraction", np.flatnonzero(rows.deleted))
    if rows.feed.label == "education.attendance":
        rows.note("n_code_resolved", np.flatnonzero(rows.updated))


def _new_code(rows: _Versions, incident: Incident) -> None:
    """From a night on, one group of schools writes a code of the new list that the pack does not have yet."""
    began = np.datetime64(rows.feed.extracted_at(incident.first).replace(tzinfo=None), "s") - _DAY
    at = np.flatnonzero((rows.recorded > began) & rows.untouched)
    column = str(incident.column)
    schools = sorted(set(_encoded(rows.table.column("URN")).dictionary.to_pylist()))[1::4]
    chosen = [
        (code, urn in schools) for code, urn in zip(rows.written(column, at), rows.written("URN", at), strict=True)
    ]
    at = at[[code == OLD_CODE and mine for code, mine in chosen]]
    rows.spoil(incident.kind, at, column, [NEW_CODE] * len(at), repaired=False)


def _odd_hour(rows: _Versions, incident: Incident) -> None:
    """The first row of the day on which clocks change is moved into the hour that came twice, or not at all."""
    column = str(incident.column)
    change = np.datetime64(incident.first, "s") + np.timedelta64(90 * 60, "s")
    when = rows.table.column(column).to_numpy().astype("datetime64[s]")
    late = np.flatnonzero((when >= change) & rows.untouched & ~rows.updated)
    if len(late):
        at = late[np.lexsort((rows.hashes[late], when[late]))[:1]]
        rows.spoil(incident.kind, at, column, [str(change.item().strftime(rows.feed.form(column)))], repaired=False)


def _slip(rows: _Versions, slip: Slip) -> None:
    """A mistake across tables: in the row itself, or as another row made like it."""
    if not slip.as_another:
        rows.spoil(slip.kind, slip.at, slip.column, slip.texts, repaired=True)
        return
    rows.untouched[slip.at] = False
    for row, text in zip(slip.at.tolist(), slip.texts, strict=True):
        made, ended = rows.recorded[row], rows.superseded[row]
        twin = rows.add(row, made, ended)
        rows.kinds[twin], rows.wrong[twin] = slip.kind, (slip.column, text)
        if ended < FAR_FUTURE:
            gone = rows.add(row, ended, FAR_FUTURE, "deleted")
            rows.kinds[gone], rows.wrong[gone] = "retraction", (slip.column, text)


def _send_twice(rows: _Versions, draws: Defects) -> None:
    """Events sent twice: the same row again, or another row under the same number."""
    column, codes = EVENTS[rows.feed.label]
    again = np.flatnonzero(draws.hit("duplicate_row", rows.hashes, DUPLICATE_ROW) & rows.untouched)
    rows.untouched[again] = False
    for row in again.tolist():
        rows.kinds[rows.add(row, rows.recorded[row], rows.superseded[row])] = "duplicate_row"
    other = np.flatnonzero(draws.hit("duplicate_key", rows.hashes, DUPLICATE_KEY) & rows.untouched)
    rows.untouched[other] = False
    rows.note("duplicate_key", other)
    rows.to_repair |= dict.fromkeys(other.tolist())
    for row, text in zip(other.tolist(), rows.written(column, other), strict=True):
        twin = rows.add(row, rows.recorded[row], rows.superseded[row])
        rows.kinds[twin] = "duplicate_key"
        rows.wrong[twin] = (column, codes[0] if text != codes[0] else codes[1])


def _put_right(rows: _Versions, draws: Defects) -> None:
    """Most held rows are sent again, as they should be, two to fourteen days after the agency could have heard."""
    at = np.array(sorted(rows.to_repair), dtype=np.intp)
    at = at[draws.chosen("put_right", rows.hashes[at], REPAIRED)]
    days = draws.integers("put_right/days", rows.hashes[at], 2, 15) * _DAY
    heard = np.maximum(rows.recorded[at], _FIRST) + days
    twins = {row: place for place, (row, *_) in enumerate(rows.added)}
    for row, instant in zip(at.tolist(), heard, strict=True):
        if instant < rows.superseded[row]:
            rows.add(row, instant, rows.superseded[row], "updated")
            rows.superseded[row] = instant
            if row in twins:
                source, recorded, _, op = rows.added[twins[row]]
                rows.added[twins[row]] = (source, recorded, instant, op)


def _key_hashes(feed: Feed, table: pa.Table) -> Hashes:
    """One number per row from its key, equal on every machine; each text is hashed once."""
    out = np.zeros(len(table), dtype=np.uint64)
    for name in feed.key:
        column = table.column(name)
        if feed.form(name):
            part = key_hash(column.to_numpy().astype("datetime64[s]").astype(np.int64))
        else:
            held = _encoded(column)
            texts = held.dictionary.to_numpy(zero_copy_only=False).astype(object)
            part = key_hash(texts)[held.indices.to_numpy()]
        with np.errstate(over="ignore"):
            out = out * np.uint64(0xBF58476D1CE4E5B9) + part
    return out


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A text column as one dictionary."""
    held = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    held = held.unify_dictionaries().combine_chunks()
    return held.chunk(0) if isinstance(held, pa.ChunkedArray) else held


def _equal(held: pa.DictionaryArray, text: str) -> Bools:
    texts = held.dictionary.to_pylist()
    return held.indices.to_numpy() == texts.index(text) if text in texts else np.zeros(len(held), dtype=bool)


def _sparse(rows: int, values: dict[int, str]) -> pa.DictionaryArray:
    """A text column that is empty nearly everywhere."""
    texts = sorted(set(values.values()))
    number = {text: place for place, text in enumerate(texts)}
    codes = np.full(rows, -1, dtype=np.int32)
    codes[list(values)] = [number[text] for text in values.values()]
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(texts, pa.string()))


def _with_times(table: pa.Table, name: str, values: Times) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, name, pa.array(values.astype("datetime64[s]")))
