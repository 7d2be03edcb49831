"""Mistakes of a case system that show only when its tables are put side by side: the children in need rules.

Each breaks one published rule and no other: a referral closed before it was made is one nobody ever worked on, a birth
date still to come belongs to somebody who was never referred. So what a validator reports is what was planted.

Worked example: of a thousand enquiries two are filed under an earlier referral of the same child that was closed by
then; the census calls that rule 8565, activity after closure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.corruption import Bools, Defects, key_hash
from synthetic.agencies.views import FAR_FUTURE, FIRST_DROP_AT

Places = npt.NDArray[np.intp]

#: Shares of the rows that fit (see each method), before the error multiplier.
RATES = {
    "cin_8520": 0.001,
    "cin_8525Q": 0.0015,
    "cin_8606": 0.01,
    "cin_8630": 0.01,
    "cin_8815": 0.01,
    "cin_8820": 0.001,
    "cin_1103": 0.002,
    "cin_1104": 0.006,
    "cin_1105": 0.006,
    "cin_8565": 0.02,
    "cin_4016": 0.05,
}
_FIRST = pd.Timestamp(FIRST_DROP_AT.replace(tzinfo=None))
#: No child is referred this long after birth.
_CHILDHOOD = 7_000


@dataclass(frozen=True)
class Slip:
    """Wrong texts for some rows of a view, by position.

    `as_another` adds a row like each instead of spoiling it; when a newer version follows, the added row is withdrawn.
    """

    kind: str
    at: Places
    column: str
    texts: list[str]
    as_another: bool = False


def casework_slips(views: Mapping[str, pd.DataFrame], draws: Defects) -> dict[str, list[Slip]]:
    """Slips by feed, from the views of social care's feeds by name."""
    case = _Case(views, draws)
    return {
        "person": [case.born_twice(), case.not_yet_born()],
        "cin_episodes": [case.before_birth(), case.closed_too_soon(), case.two_open(), case.overlapping()],
        "cin_assessments": [case.before_referral("cin_1103", "cin_assessments", "cina_assessment_start_date", "cina")],
        "initial_cp_conference": [case.before_referral("cin_1104", "initial_cp_conference", "icpc_icpc_date", "icpc")],
        "cp_plans": [case.before_referral("cin_1105", "cp_plans", "cppl_cp_plan_start_date", "cppl")],
        "s47_enquiry": [case.after_closure()],
        "cin_plans": [case.beside_protection()],
    }


class _Case:
    """The last version of every row, and what is known of a referral or a child across tables."""

    def __init__(self, views: Mapping[str, pd.DataFrame], draws: Defects) -> None:
        self.views, self.draws = views, draws
        self.referrals = self._last("cin_episodes")
        self.by_id = self.referrals.set_index("cine_referral_id")
        worked = [self._last(name)[column].dropna() for name, column in _REFERRAL_OF.items()]
        self.worked_on = set(pd.concat(worked))

    def born_twice(self) -> Slip:
        """A birth date and an expected one (8525Q)."""
        rows = self._last("person")
        rows = rows[rows["pers_dob"].notna() & rows["pers_expected_dob"].isna()]
        return self._slip("cin_8525Q", rows, "pers_expected_dob", rows["pers_dob"] - pd.Timedelta(days=4))

    def not_yet_born(self) -> Slip:
        """A birth date after the extract (8520), of somebody without a referral."""
        rows = self._last("person")
        rows = rows[rows["pers_dob"].notna() & ~rows["pers_person_id"].isin(self.referrals["cine_person_id"])]
        ahead = pd.Series(pd.Timestamp("2028-03-01"), rows.index) + (rows["pers_dob"].dt.day * pd.Timedelta(days=1))
        return self._slip("cin_8520", rows, "pers_dob", ahead)

    def before_birth(self) -> Slip:
        """Referred long before birth (8606): a child's only referral, on which nobody has worked."""
        rows = self.referrals
        born = rows["cine_person_id"].map(self._last("person").set_index("pers_person_id")["pers_dob"])
        once = ~rows["cine_person_id"].duplicated(keep=False)
        rows = rows[once & born.notna() & ~self._is_worked_on(rows)]
        return self._slip(
            "cin_8606", rows, "cine_referral_date", rows["cine_referral_date"] - pd.Timedelta(days=_CHILDHOOD)
        )

    def closed_too_soon(self) -> Slip:
        """Closed before it was made (8630): a child's only referral, on which nobody has worked."""
        rows = self.referrals
        once = ~rows["cine_person_id"].duplicated(keep=False)
        rows = rows[once & rows["cine_close_date"].notna() & ~self._is_worked_on(rows)]
        return self._slip("cin_8630", rows, "cine_close_date", rows["cine_referral_date"] - pd.Timedelta(days=9))

    def two_open(self) -> Slip:
        """The same referral open under a second number, until either is closed (8815)."""
        rows = self.views["cin_episodes"]
        lasts = rows["_superseded_at"] - np.maximum(rows["_recorded_at"], _FIRST.to_datetime64()) > pd.Timedelta(
            days=20
        )
        first = rows["_row_op"].eq("new") | rows["_recorded_at"].le(_FIRST)
        rows = rows[rows["cine_close_date"].isna() & lasts & first & rows["_row_op"].ne("deleted")]
        return self._slip("cin_8815", rows, "cine_referral_id", "RX" + rows["cine_referral_id"].str[1:], True)

    def overlapping(self) -> Slip:
        """The same closed referral under a second number (8820)."""
        rows = self.referrals
        lasted = rows["cine_close_date"] - rows["cine_referral_date"] > pd.Timedelta(days=10)
        rows = rows[rows["cine_close_date"].notna() & lasted]
        return self._slip("cin_8820", rows, "cine_referral_id", "RY" + rows["cine_referral_id"].str[1:], True)

    def before_referral(self, kind: str, feed: str, column: str, prefix: str) -> Slip:
        """Something done before the referral it belongs to (1103, 1104, 1105)."""
        rows = self._last(feed)
        made = rows[_REFERRAL_OF[feed]].map(self.by_id["cine_referral_date"])
        earlier = rows[f"{prefix}_person_id"].map(self.referrals.groupby("cine_person_id")["cine_referral_date"].min())
        rows, made = rows[made.eq(earlier)], made[made.eq(earlier)]
        return self._slip(kind, rows, column, made - pd.Timedelta(days=12))

    def after_closure(self) -> Slip:
        """An enquiry filed under an earlier referral, closed by then (8565)."""
        rows = self._last("s47_enquiry").sort_values("s47e_s47_start_date", kind="stable")
        closed = self.referrals[self.referrals["cine_close_date"].notna()].sort_values("cine_close_date", kind="stable")
        closed = closed.astype({"cine_close_date": "datetime64[s]"})
        found = pd.merge_asof(
            rows.assign(_row=rows.index),
            closed[["cine_person_id", "cine_close_date", "cine_referral_id"]],
            left_on="s47e_s47_start_date",
            right_on="cine_close_date",
            left_by="s47e_person_id",
            right_by="cine_person_id",
            allow_exact_matches=False,
        ).set_index("_row")
        has = found["cine_referral_id"].notna() & found["cine_referral_id"].ne(found["s47e_referral_id"])
        found = found[has].sort_index()
        return self._slip("cin_8565", rows.loc[found.index], "s47e_referral_id", found["cine_referral_id"])

    def beside_protection(self) -> Slip:
        """A child in need plan that goes on beside a protection plan (4016)."""
        plans = self._last("cin_plans")
        guarded = self._last("cp_plans").set_index("cppl_person_id")["cppl_cp_plan_start_date"]
        guarded = guarded[~guarded.index.duplicated(keep=False)]
        since = plans["cinp_person_id"].map(guarded)
        rows = plans[since.notna() & (plans["cinp_cin_plan_end_date"] <= since) & (since < _FIRST)]
        return self._slip("cin_4016", rows, "cinp_cin_plan_end_date", since.loc[rows.index] + pd.Timedelta(days=6))

    def _last(self, name: str) -> pd.DataFrame:
        """Rows of a view as they stand in the end, deleted ones left out; the index is the position in the view."""
        rows = self.views[name]
        return rows[rows["_superseded_at"].eq(FAR_FUTURE) & rows["_row_op"].ne("deleted")]

    def _is_worked_on(self, rows: pd.DataFrame) -> pd.Series:
        return rows["cine_referral_id"].isin(self.worked_on)

    def _slip(self, kind: str, rows: pd.DataFrame, column: str, values: pd.Series, as_another: bool = False) -> Slip:
        """A share of the rows, and what is written there."""
        hit: Bools = self.draws.hit(kind, key_hash(rows.iloc[:, 0]), RATES[kind])
        wrong = values[hit]
        texts = wrong.dt.strftime("%Y-%m-%d") if wrong.dtype.kind == "M" else wrong.astype(str)
        return Slip(kind, rows.index[hit].to_numpy(dtype=np.intp), column, texts.tolist(), as_another)


_REFERRAL_OF = {
    "cin_assessments": "cina_referral_id",
    "cin_plans": "cinp_referral_id",
    "s47_enquiry": "s47e_referral_id",
    "initial_cp_conference": "icpc_referral_id",
    "cp_plans": "cppl_referral_id",
}
