"""Does the generated world look like England? A table of published figures beside the world's own.

Rates may differ by 10 %, shares by 3 percentage points. Figures are averages over the seen history; social-care
stocks are averages over quarter-ends of its last three years (the first two still show the start). Children in the
history only, one row per identity.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.parameters import DAYS_PER_YEAR
from synthetic.world import World

RATE, SHARE = 0.10, 3.0
Ints = NDArray[np.int64]


def _days(column: pd.Series) -> Ints:
    """Days since 1970; missing is far in the future."""
    days = column.to_numpy().astype("datetime64[D]").astype(np.int64)
    return np.where(column.isna().to_numpy(), 2_000_000, days)


class _Measure:
    """Lookups shared by the groups of figures."""

    def __init__(self, world: World) -> None:
        self.t = world.tables
        self.low = int(np.datetime64(world.parameters.history_start, "D").astype(np.int64))
        self.high = int(np.datetime64(world.parameters.history_end, "D").astype(np.int64))
        self.years = (self.high - self.low + 1) / DAYS_PER_YEAR
        child = self.t["person"][self.t["person"]["role"] == "child"]
        self.child = child
        self.birth = _days(child["birth_date"])
        start, end = (
            np.maximum(_days(child["resident_from"]), self.birth),
            np.minimum(_days(child["resident_to"]), self.birth + 6574),
        )
        self.start, self.end = start, end
        stay = np.maximum(np.minimum(end, self.high + 1) - np.maximum(start, self.low), 0)
        self.person_years = float(stay.sum()) / DAYS_PER_YEAR
        self.quarters = list(range(self.high, max(self.low + 370, self.high - 3 * 365), -91))
        # children with two identities are one row each; both are resident in turn
        self.present = {day: float(((start <= day) & (end > day)).sum()) for day in self.quarters}
        self.rows: list[tuple[str, str, float, float, float]] = []

    def seen(self, name: str, column: str) -> pd.DataFrame:
        table = self.t[name]
        day = _days(table[column])
        return table[(day >= self.low) & (day <= self.high)]

    def rate(self, label: str, target: float, count: float) -> None:
        self.rows.append((label, "per 10,000 children a year", target, count / self.person_years * 10_000, RATE))

    def share(self, label: str, target: float, value: float) -> None:
        self.rows.append((label, "%", target, 100 * value, SHARE))

    def plain(self, label: str, unit: str, target: float, value: float) -> None:
        self.rows.append((label, unit, target, value, RATE))

    def stock(self, label: str, target: float, start: Ints, end: Ints) -> None:
        values = [float(((start <= day) & (end > day)).sum()) / self.present[day] for day in self.quarters]
        self.rows.append((label, "per 10,000 children on a day", target, 10_000 * sum(values) / len(values), RATE))

    def person_age(self, table: pd.DataFrame, column: str) -> NDArray[np.float64]:
        birth = _days(self.t["person"]["birth_date"])[table["person_id"].to_numpy() - 1]
        return (_days(table[column]) - birth) / DAYS_PER_YEAR

    def years_aged(self, low: float, high: float) -> float:
        """Person-years between two ages inside the history."""
        begin = np.maximum(np.maximum(self.start, self.low), self.birth + low * DAYS_PER_YEAR)
        stop = np.minimum(np.minimum(self.end, self.high + 1), self.birth + high * DAYS_PER_YEAR)
        return float(np.maximum(stop - begin, 0).sum()) / DAYS_PER_YEAR


def calibrate(world: World) -> pd.DataFrame:
    """Table of measure, unit, target, generated, tolerance, within."""
    m = _Measure(world)
    _front_door(m)
    _plans(m)
    _police_health(m)
    _schools(m)
    _families(m)
    out = pd.DataFrame(m.rows, columns=["measure", "unit", "target", "generated", "tolerance"])
    gap = (out["generated"] - out["target"]).abs()
    limit = np.where(out["unit"] == "%", out["tolerance"], out["tolerance"] * out["target"])
    out["within"] = gap <= limit
    return out


def _front_door(m: _Measure) -> None:
    contact, referral = m.seen("csc_contact", "contact_date"), m.seen("csc_referral", "referral_date")
    assessment = m.t["csc_assessment"]
    m.rate("contacts at the front door", 2083, len(contact))
    m.rate("referrals", 519, len(referral))
    source = referral["source_code"].astype(str)
    for label, target, codes in (
        ("police", 28, ["6"]),
        ("schools and education", 21, ["2A", "2B"]),
        ("health", 15, ["3A", "3B", "3C", "3D", "3E", "3F"]),
        ("council services", 14, ["5A", "5B", "5C", "5D"]),
        ("individuals", 8, ["1A", "1B", "1C", "1D"]),
    ):
        m.share(f"referrals from {label}", target, float(source.isin(codes).mean()))
    m.share("referrals with no further action", 7.1, float(referral["nfa"].mean()))
    merged = referral.merge(
        assessment[["referral_id", "outcome_nfa", "start_date", "auth_date"]], on="referral_id", how="left"
    )
    m.share("referrals assessed as not in need", 29.9, float((merged["outcome_nfa"] == True).mean()))  # noqa: E712  (missing is neither)
    m.rate("children newly found in need", 331, float((merged["outcome_nfa"] == False).sum()))  # noqa: E712
    m.plain(
        "assessment, mean length",
        "days",
        33,
        float((_days(merged["auth_date"].dropna()) - _days(merged["start_date"].dropna())).mean()),
    )
    every = m.t["csc_referral"].sort_values(["person_id", "referral_date"], kind="stable")
    day = _days(every["referral_date"])
    again = np.append(
        False, (every["person_id"].to_numpy()[1:] == every["person_id"].to_numpy()[:-1]) & (day[1:] - day[:-1] <= 365)
    )
    late = (day >= m.low + 366) & (day <= m.high)
    m.share("referrals within 12 months of another", 22.6, float(again[late].mean()))
    m.share("primary need abuse or neglect", 57, float((referral["primary_need"] == "N1").mean()))
    factors = assessment.loc[_days(assessment["auth_date"]) <= m.high, "factors"].astype(str)
    m.share("assessments naming parental domestic abuse (3B)", 24, float(factors.str.contains("3B").mean()))
    m.share("assessments naming parental mental health (4B)", 25, float(factors.str.contains("4B").mean()))


def _plans(m: _Measure) -> None:
    referral = m.t["csc_referral"]
    m.stock(
        "children in need open",
        330,
        _days(referral["referral_date"]),
        np.minimum(_days(referral["close_date"]), 2_000_000),
    )
    plan, care = m.t["csc_cp_plan"], m.t["csc_cla"]
    m.stock("protection plans", 41, _days(plan["start_date"]), _days(plan["end_date"]))
    m.stock("children looked after", 67, _days(care["start_date"]), _days(care["end_date"]))
    help_ = m.t["early_help"]
    m.stock("early help open", 250, _days(help_["start_date"]), _days(help_["end_date"]))
    m.rate("section 47 enquiries", 185, len(m.seen("csc_s47", "start_date")))
    m.rate("initial protection conferences", 60, len(m.seen("csc_icpc", "icpc_date")))
    starts = m.seen("csc_cp_plan", "start_date")
    m.rate("protection plans begun", 52, len(starts))
    m.share("plans for neglect", 49, float((starts["initial_category"] == "NEG").mean()))
    m.share("plans for emotional abuse", 37, float((starts["initial_category"] == "EMO").mean()))


def _police_health(m: _Measure) -> None:
    incident = m.seen("police_incident", "occurred_at")
    subject = m.t["police_subject"].merge(
        incident[incident["kind"] == "DA"][["incident_id", "occurred_at"]], on="incident_id"
    )
    subject = subject[subject["role"] != "VICTIM"].sort_values(["person_id", "occurred_at"], kind="stable")
    year = (_days(subject["occurred_at"]) - m.low) // 365
    m.rate(
        "children with a domestic-abuse notification in a year",
        300,
        float(len(pd.DataFrame({"p": subject["person_id"], "y": year}).drop_duplicates())),
    )
    day, person = _days(subject["occurred_at"]), subject["person_id"].to_numpy()
    follow = np.append((person[1:] == person[:-1]) & (day[1:] - day[:-1] <= 365), False)
    m.share(
        "domestic-abuse notifications followed by another in 12 months", 40, float(follow[day <= m.high - 365].mean())
    )
    missing = m.seen("police_missing", "reported_at")
    m.rate("missing incidents", 143, len(missing))
    attendance = m.seen("ed_attendance", "arrival_at")
    age = m.person_age(attendance, "arrival_at")
    for label, target, low, high in (("0-4", 660, 0, 5), ("5-14", 325, 5, 15), ("15-17", 400, 15, 18)):
        m.plain(
            f"emergency attendances, ages {label}",
            "per 1,000 a year",
            target,
            1000 * float(((age >= low) & (age < high)).sum()) / m.years_aged(low, high),
        )


def _schools(m: _Measure) -> None:
    possible = m.seen("possible_sessions", "week_beginning")
    pupils = float(possible.groupby("week_beginning")["roll"].sum().mean())
    lost = m.t["attendance"]
    day = lost["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    away = (~lost["code"].isin(["L", "D", "B", "X", "Y2"])).to_numpy() & (day >= m.low) & (day <= m.high)
    total = float(possible["possible_sessions"].sum())
    m.plain("absence", "% of sessions", 6.4, 100 * float(away.sum()) / total)
    unauthorised = away & lost["code"].isin(["O", "G", "N", "U"]).to_numpy()
    m.plain("unauthorised absence", "% of sessions", 2.0, 100 * float(unauthorised.sum()) / total)
    suspended = m.seen("exclusion", "start_date")
    m.plain(
        "suspensions",
        "per 100 pupils a year",
        11.31,
        100 * float((suspended["category"] == "SUSP").sum()) / (pupils * m.years),
    )
    # Persistent absence over the last whole academic year, of pupils on one roll all year.
    begin, stop = (int(np.datetime64(d, "D").astype(np.int64)) for d in ("2025-09-01", "2026-07-31"))
    roll = m.t["enrolment"]
    whole = np.unique(
        roll.loc[
            (_days(roll["entry_date"]) <= begin + 7) & (_days(roll["leaving_date"]) > stop), "person_id"
        ].to_numpy()
    )
    count = np.bincount(
        lost["person_id"].to_numpy()[away & (day >= begin) & (day <= stop)], minlength=int(lost["person_id"].max()) + 1
    )[whole[whole <= lost["person_id"].max()]]
    m.share("pupils persistently absent (10 % or more)", 18.5, float((count >= 38).mean()))


def _families(m: _Measure) -> None:
    now = (m.start <= m.high) & (m.end > m.high)
    size = m.child[now].groupby("family_id").size()
    m.share("families with one child", 45, float((size == 1).mean()))
    m.share("families with two children", 41, float((size == 2).mean()))
    m.share("families with three or more", 14, float((size >= 3).mean()))
    family = m.t["family"].set_index("family_id").loc[size.index]
    m.share("lone-parent families", 22, float(family["lone_parent"].mean()))
    m.share("children who are twins", 3, float(m.child[now]["twin_group"].notna().mean()))
    second = m.t["person_address"]
    has = np.unique(
        second.loc[(second["use"] == "second_home") & (_days(second["start_date"]) <= m.high), "person_id"].to_numpy()
    )
    m.share("children with two addresses", 8, float(np.isin(m.child[now]["person_id"].to_numpy(), has).mean()))
    m.share("children White", 71.5, float(m.child[now]["ethnicity"].astype(str).str.startswith("W").mean()))
    families = len(size)
    m.plain(
        "homelessness duties",
        "% of families a year",
        1.2,
        100 * len(m.seen("housing_application", "application_date")) / m.years / families,
    )
    stay = m.t["temporary_accommodation"]
    inside = [float(((_days(stay["start_date"]) <= d) & (_days(stay["end_date"]) > d)).sum()) for d in m.quarters]
    m.plain(
        "families in temporary accommodation", "% of families on a day", 0.8, 100 * sum(inside) / len(inside) / families
    )


def print_calibration(table: pd.DataFrame, say: Callable[[str], None] = print) -> None:
    """Print the table, one line a measure."""
    say(f"{'measure':<62}{'target':>9}{'world':>9}  unit")
    for row in table.itertuples(index=False):
        say(f"{row.measure:<62}{row.target:>9.1f}{row.generated:>9.1f}  {row.unit}{'' if row.within else '   OUTSIDE'}")
