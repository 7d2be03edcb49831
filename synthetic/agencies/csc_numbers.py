"""Social care's own numbers, and the shape its feeds share."""

from __future__ import annotations

from datetime import time

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.casework import as_text
from synthetic.agencies.corruption import Hashes, key_hash, local_ids
from synthetic.agencies.ground import Ground
from synthetic.agencies.views import Feed, columns

AGENCY = "csc"


def nightly(name: str, key: str, text: str, *, names_people: bool = False) -> Feed:
    """A feed of changes, sent at ten every night; ``text`` lists the columns."""
    return Feed(AGENCY, name, columns(text), (key,), "delta", time(22, 0), names_people=names_people)


class Numbers:
    """Social care's own numbers: a child's, a referral's, a worker's, and those of any table's rows."""

    def __init__(self, ground: Ground, people: pd.Series, second: pd.DataFrame) -> None:
        self.ground = ground
        self.people = people
        self.second = second.set_index("person_id")
        self.referral = self.table("csc_referral", "referral_id", "R{:d}", 400_001)
        self.worker = self.table("professional", "professional_id", "P{:d}", 5_001)

    def table(self, table: str, column: str, template: str, first: int) -> pd.Series:
        """Local ids of a true table's rows, by true id."""
        ids = self.ground.table(table)[column]
        draws = self.ground.defects(f"{AGENCY}.{table}")
        return pd.Series(local_ids(draws, key_hash(ids), template, first), index=ids.to_numpy())

    def person(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        """Social care's numbers of people."""
        return as_text(ids.map(self.people))

    def of_contact(self, ids: pd.Series, days: pd.Series, hashes: Hashes) -> npt.NDArray[np.object_]:
        """Numbers of people as a contact has them: half of those after a second record was made are put on that."""
        draws = self.ground.defects(f"{AGENCY}.second_record")
        theirs = self.second.reindex(ids.to_numpy())
        on_second = (days.to_numpy() >= theirs["opened_on"].to_numpy()) & draws.chosen("contact", hashes, 0.5)
        return np.where(on_second, theirs["local_id"].to_numpy(dtype=object), self.person(ids))

    def of_referral(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        """Numbers of referrals."""
        return as_text(ids.map(self.referral))

    def of_worker(self, ids: pd.Series) -> npt.NDArray[np.object_]:
        """Numbers of workers."""
        return as_text(ids.map(self.worker))
