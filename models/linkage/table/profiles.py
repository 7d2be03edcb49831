"""One line for everything a person's records say together.

A record with a name and a date, and one with the same name and a postcode, may share nothing that would join them; a
person who has both in other records meets both. So persons found in one round are described by the value most of their
records give in each column, and compared again as if they were records.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_FORMS = {
    "forename_forms": "forename",
    "forename_marks": "forename",
    "surname_parts": "surname",
    "surname_marks": "surname",
    "birth_day": "birth_date",
}


def describe(nodes: pd.DataFrame, person: np.ndarray, records: np.ndarray) -> pd.DataFrame:
    """A node per person: the value most records give in each column but ``source``, the least value of a tie.

    ``person``: number of each node's person (0 ...). ``records``: how many records each node stands for.

    >>> nodes = pd.DataFrame({"node": [0, 1, 2], "postcode": ["A1", "B2", None]})
    >>> describe(nodes, np.array([0, 0, 0]), np.array([1, 3, 1]))["postcode"].tolist()
    ['B2']
    """
    people = pd.RangeIndex(int(person.max(initial=-1)) + 1)
    out = pd.DataFrame({"node": people.to_numpy(dtype="int64")})
    for column in nodes.columns:
        if column in ("node", "source") or column in _FORMS:
            continue
        said = pd.DataFrame({"person": person, "value": nodes[column].to_numpy(dtype=object), "records": records})
        said = said.dropna(subset=["value"]).groupby(["person", "value"], sort=True)["records"].sum().reset_index()
        said = said.sort_values(["person", "records", "value"], ascending=[True, False, True])
        most = said.drop_duplicates("person")
        values = np.full(len(people), None, dtype=object)
        values[most["person"].to_numpy(dtype="int64")] = most["value"].to_numpy(dtype=object)
        out[column] = pd.Series(values, dtype=object)
    for forms, word in _FORMS.items():
        if forms in nodes.columns:
            known = nodes[[word, forms]].dropna().drop_duplicates(word)
            table = dict(zip(known[word], known[forms], strict=True))
            held = np.empty(len(people), dtype=object)
            held[:] = [table.get(value) for value in out[word]]
            out[forms] = pd.Series(held, dtype=object)
    return out
