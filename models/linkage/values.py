"""What SQL says of pairs of nodes, asked once for every pair of *values* instead of once for every pair of nodes.

People share names, dates and postcodes, and a condition on ``birth_date_l`` and ``birth_date_r`` depends on nothing but
the two dates. So every value is a number, the distinct pairs of numbers are found first, DuckDB answers for those, and
the answer is taken back to the pairs of nodes. The conditions stay Splink's, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from models.linkage import duck
from models.linkage.nodes import combined

Columns = tuple[str, ...]

# One edit away: of two texts of one length at most two places differ, and lengths differ by one at most. That is cheap
# to find out and seldom so; DuckDB counts the edits of the rest.
_ONE_EDIT = re.compile(r"\bdamerau_levenshtein\((\w+), (\w+)\) <= 1\b")
_CHEAP_FIRST = (
    r"(case when strlen(\1) = strlen(\2) then hamming(\1, \2) <= 2 else abs(strlen(\1) - strlen(\2)) = 1 end and \g<0>)"
)


class Values:
    """The columns of ``nodes`` (row n is node n) as numbers, and questions in SQL about nodes and pairs of nodes.

    A question about a pair names a column of its first node ``<column>_l`` and of the other ``<column>_r``.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, nodes: pd.DataFrame) -> None:
        self._con, self._nodes = con, nodes
        self._codes: dict[str, tuple[np.ndarray, pd.Index]] = {}
        self._arrays: dict[str, pa.Array] = {}
        self._rows: dict[Columns, tuple[np.ndarray, np.ndarray]] = {}
        self._named = re.compile(rf"\b({'|'.join(map(re.escape, nodes.columns))})(?:_[lr])?\b")

    def codes(self, column: str) -> tuple[np.ndarray, pd.Index]:
        """Number of each node's value, -1 where it has none; the values by number."""
        if column not in self._codes:
            code, distinct = pd.factorize(self._nodes[column])
            self._codes[column] = code, pd.Index(distinct)
        return self._codes[column]

    def both(self, column: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Which pairs have a value on both sides."""
        known = self.codes(column)[0] >= 0
        return np.asarray(known[left] & known[right])

    def same(self, column: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Which pairs have one value on both sides."""
        code = self.codes(column)[0]
        return np.asarray((code[left] == code[right]) & (code[left] >= 0))

    def differ(self, column: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Which pairs have two values."""
        return self.both(column, left, right) & ~self.same(column, left, right)

    def key(self, parts: Sequence[str]) -> np.ndarray:
        """A number of each node, equal where all ``parts`` (SQL over a node's columns) are; -1 where one is NULL."""
        answers = [self._of_nodes(part) for part in parts]
        return np.where(np.min(answers, axis=0) >= 0, combined(answers), -1)

    def ask(self, questions: Mapping[str, str], left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
        """The answer to each question (SQL that is never NULL) about every pair, by name."""
        out: dict[str, np.ndarray] = {}

        def asks(name: str) -> Columns:
            return self._asks(questions[name])

        for columns, names in groupby(sorted(questions, key=asks), key=asks):
            code, first = self._rows_of(columns)
            pair, distinct = _numbered(code[left] * len(first) + code[right], len(first) ** 2)
            sides = {"_l": first[distinct // len(first)], "_r": first[distinct % len(first)]}
            table = pa.table({c + side: self._taken(c, rows) for c in columns for side, rows in sides.items()})
            answers = self._answers(table, {name: questions[name] for name in names})
            out |= {str(name): answer.to_numpy()[pair] for name, answer in answers.items()}
        return out

    def first(self, conditions: Sequence[str], left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Place of the first condition that holds of each pair, ``len(conditions)`` where none does (``uint8``).

        As in a CASE: a dear condition is put only to pairs that those before it left open.
        """
        out = np.full(len(left), len(conditions), dtype="uint8")
        still = np.arange(len(left))
        for _, run in groupby(enumerate(conditions), key=lambda one: self._asks(one[1])):
            whens = " ".join(f"when {sql} then {place}" for place, sql in run)
            question = {"place": f"(case {whens} else {len(conditions)} end)::utinyint"}
            place = self.ask(question, left[still], right[still])["place"]
            out[still] = place
            still = still[place == len(conditions)]
        return out

    def _asks(self, question: str) -> Columns:
        """The columns a question names."""
        return tuple(sorted(set(self._named.findall(question))))

    def _of_nodes(self, part: str) -> np.ndarray:
        """Number of the value of an SQL expression over each node's columns, -1 where NULL."""
        columns = self._asks(part)
        if (part,) == columns:
            return self.codes(part)[0]
        code, first = self._rows_of(columns)
        table = pa.table({column: self._taken(column, first) for column in columns})
        return np.asarray(pd.factorize(self._answers(table, {"part": part})["part"])[0][code])

    def _rows_of(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """Number of what each node says in all of ``columns`` (NULL is something to say); by number the first node."""
        if columns not in self._rows:
            code, distinct = pd.factorize(combined([self.codes(column)[0] for column in columns]))
            first = np.empty(len(distinct), dtype="int64")
            first[code[::-1]] = np.arange(len(code))[::-1]
            self._rows[columns] = code, first
        return self._rows[columns]

    def _taken(self, column: str, rows: np.ndarray) -> pa.Array:
        """The values of a column at some nodes."""
        code, distinct = self.codes(column)
        if column not in self._arrays:
            self._arrays[column] = pa.array([*distinct, None], type=duck.arrow_type(column))
        return self._arrays[column].take(pa.array(np.where(code[rows] < 0, len(distinct), code[rows])))

    def _answers(self, table: pa.Table, questions: Mapping[str, str]) -> pd.DataFrame:
        """The answers over the rows of a table, in their order."""
        asked = {name: _ONE_EDIT.sub(_CHEAP_FIRST, sql) for name, sql in questions.items()}
        selected = ", ".join(f'{sql} as "{name}"' for name, sql in asked.items())
        # A cursor of its own, so that two threads may ask at a time.
        with self._con.cursor() as own:
            own.register("asked", table)
            return own.sql(f"select {selected} from asked").df()


def _numbered(code: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes below ``size`` numbered anew without gaps: the number of each, and the code by number.

    >>> [part.tolist() for part in _numbered(np.array([4, 2, 4]), 5)]
    [[1, 0, 1], [2, 4]]
    """
    if size > 2 * len(code):
        number, distinct = pd.factorize(code)
        return number, np.asarray(distinct)
    seen = np.zeros(size, dtype=bool)
    seen[code] = True
    return (np.cumsum(seen) - 1)[code], np.flatnonzero(seen)
