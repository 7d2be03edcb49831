"""Plant patterns of emerging harm into a synthetic world, before any agency writes down what it sees of it.

Rows are added to the world's true tables; the agencies' views, with their misspellings, lateness and gaps, are made
from them as from every other row, and so are the drops, the links and the marts. Nothing of a child's own is taken
away. Planted are children with a quiet year behind them: nobody of the family known to police, social care, family
help or housing in it, none excluded or missing, the child never on a plan or in care; one child a family.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from benchmarks.emerging_harm_patterns import Pattern, draw_pattern
from benchmarks.emerging_harm_rows import DAY, Made, Sower, day_of
from synthetic.world import World

QUIET_DAYS = 364
#: Half-days without agreement that a child may have in any ten weeks, all of them counted.
MOST_ABSENT, ABSENT_WINDOW = 9, 70
UNAGREED = ("O", "U", "N", "G")


@dataclass
class Planted:
    """What was planted: a row a child (person_id, begins, need_on, beginning, agencies) and a row a thing seen."""

    children: pd.DataFrame = field(default_factory=pd.DataFrame)
    seen: pd.DataFrame = field(default_factory=pd.DataFrame)


def planter(seed: int, children: int, first_need: date, last_need: date, into: Planted) -> Callable[[World], None]:
    """A change of a world that plants so many patterns whose needs lie between two days; `into` is filled with them.

    Raises ValueError when the world has too few quiet children.
    """

    def plant(world: World) -> None:
        rng = np.random.default_rng(seed)
        field_ = _Field(world.tables, rng)
        rows, seen = [], []
        for person in field_.candidates(first_need, last_need):
            if len(rows) == children:
                break
            span = (last_need - first_need).days
            need = np.datetime64(first_need, "D") + int(rng.integers(span + 1)) * DAY
            need -= max(0, int((need.astype(int) + 3) % 7) - 4) * DAY  # a referral is taken on a working day
            told = field_.plant(int(person), need)
            if told is not None:
                pattern, things = told
                begins = need - pattern.days * DAY
                rows.append((int(person), begins, need, pattern.beginning, ";".join(pattern.agencies)))
                seen += [(int(person), *thing) for thing in things]
        if len(rows) < children:
            raise ValueError(f"only {len(rows)} children of this world are quiet enough; {children} are asked for")
        world.tables.update(field_.sower.finished())
        into.children = pd.DataFrame(rows, columns=["person_id", "begins", "need_on", "beginning", "agencies"])
        into.seen = pd.DataFrame(seen, columns=["person_id", "agency", "kind", "day"])

    return plant


class _Field:
    """Who of the world is how quiet, and what is sown in whom."""

    def __init__(self, tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> None:
        self.tables, self.rng, self.sower = tables, rng, Sower(tables, rng)
        person = tables["person"]
        self.person = self.sower.person
        self.children = person[person["role"].astype(str) == "child"]
        self.loud = self._loud()
        marks = tables["attendance"]
        unagreed = marks[marks["code"].isin(UNAGREED)]
        self.absent = unagreed.groupby("person_id")["date"].agg(list).to_dict()
        self.spells = tables["enrolment"].groupby("person_id")
        self.on_roll = set(tables["enrolment"]["person_id"])
        self.school_days = np.sort(tables["school_day"]["date"].to_numpy().astype("datetime64[D]"))
        self.homes = tables["person_address"]
        self.homes = self.homes[self.homes["use"].astype(str) == "home"].groupby("person_id")

    def _loud(self) -> dict[int, np.ndarray]:
        """By family the days on which somebody of it was seen by an agency that would act."""
        t, family = self.tables, self.person["family_id"]
        days = [
            (family.loc[t["police_subject"]["person_id"]].to_numpy(),
             t["police_subject"].merge(t["police_incident"], on="incident_id")["occurred_at"]),
        ]  # fmt: skip
        for table, column in (("police_missing", "reported_at"), ("csc_contact", "contact_date"),
                              ("csc_referral", "referral_date"), ("csc_referral", "close_date"),
                              ("early_help", "start_date"), ("early_help", "end_date"),
                              ("exclusion", "start_date"), ("health_factor", "recorded_date")):  # fmt: skip
            days.append((family.loc[t[table]["person_id"]].to_numpy(), t[table][column]))
        for table, column in (("housing_application", "application_date"), ("temporary_accommodation", "end_date"),
                              ("tenancy_notice", "issued_date")):  # fmt: skip
            days.append((t[table]["family_id"].to_numpy(), t[table][column]))
        ed = t["ed_attendance"][t["ed_attendance"]["safeguarding_concern"].astype(bool)]
        days.append((family.loc[ed["person_id"]].to_numpy(), ed["arrival_at"]))
        whole = pd.concat(
            [pd.DataFrame({"family": f, "day": d.to_numpy().astype("datetime64[D]")}) for f, d in days],
            ignore_index=True,
        )
        # An episode that has not ended is still there on any later day.
        whole["day"] = whole["day"].fillna(pd.Timestamp("2100-01-01"))
        return {int(f): np.sort(d.to_numpy().astype("datetime64[D]")) for f, d in whole.groupby("family")["day"]}

    def candidates(self, first_need: date, last_need: date) -> np.ndarray:
        """Children in a random order who live here throughout, of an age for a pattern, one a family."""
        born = self.children["birth_date"].to_numpy().astype("datetime64[D]")
        early, late = np.datetime64(first_need, "D"), np.datetime64(last_need, "D")
        came = self.children["resident_from"].to_numpy().astype("datetime64[D]")
        went = self.children["resident_to"].to_numpy().astype("datetime64[D]")
        here = (came < early - 400 * DAY) & (np.isnat(went) | (went > late + 400 * DAY))
        here &= (born < early - 600 * DAY) & (born > late - 365 * 17 * DAY) & self.children["death_date"].isna()
        barred = {*self.tables["barrier"]["person_id_before"], *self.tables["barrier"]["person_id_after"]}
        here &= ~self.children["person_id"].isin(barred).to_numpy()
        free = self.children[here].sample(frac=1, random_state=int(self.rng.integers(2**31)))
        never = set(self.tables["csc_cla"]["person_id"]) | set(self.tables["csc_cp_plan"]["person_id"])
        never |= set(self.tables["csc_cin_plan"]["person_id"])
        free = free[~free["person_id"].isin(never)]
        return free.drop_duplicates("family_id")["person_id"].to_numpy()

    def plant(self, person: int, need: np.datetime64) -> tuple[Pattern, list[tuple[str, str, np.datetime64]]] | None:
        """Plant one pattern; None when the child is not quiet enough or cannot be seen by three agencies."""
        one = self.person.loc[person]
        age = int((need - day_of(one["birth_date"])).astype(int) // 365.25)
        pattern = draw_pattern(self.rng, age)
        begins = need - pattern.days * DAY
        loud = self.loud.get(int(one["family_id"]), np.empty(0, "datetime64[D]"))
        if ((loud > begins - QUIET_DAYS * DAY) & (loud < need + 182 * DAY)).any() or len(pattern.agencies) < 3:
            return None
        urn = self._school(person, begins, need)
        if "education" in pattern.agencies and (urn is None or pd.isna(one["upn"])):
            return None
        home = self._home(person, need)
        if home is None:
            return None
        made: Made = {}
        things = []
        absent = [np.datetime64(d, "D") for d in self.absent.get(person, [])]
        last = {}
        for seen in pattern.seen:
            day = begins + int(seen.at * (pattern.days - 3)) * DAY
            if seen.kind in {"absence", "suspension"}:
                later = self.school_days[(self.school_days >= day) & (self.school_days < need)]
                day = later[0] if len(later) else day
            if seen.kind == "domestic_abuse" and seen.kind in last and day - last[seen.kind] < 14 * DAY:
                day = min(last[seen.kind] + 14 * DAY, need - 3 * DAY)
            if seen.kind == "absence":
                near = sum(abs(int((day - other).astype(int))) < ABSENT_WINDOW for other in absent)
                if near + 1 > MOST_ABSENT or day in set(absent) or day not in set(self.school_days):
                    continue
                absent.append(day)
            last[seen.kind] = day
            self.sower.sow(seen.kind, made, one, day, home, urn)
            things.append((seen.agency, seen.kind, day))
        if len({agency for agency, _, _ in things}) < 3:
            return None
        self.sower.need(made, one, need, home)
        self.sower.keep(made)
        return pattern, things

    # --- what is there ------------------------------------------------------------------------------------------------

    def _school(self, person: int, begins: np.datetime64, need: np.datetime64) -> int | None:
        """The school whose roll the child is on from beginning to end, None without one."""
        if person not in self.on_roll:
            return None
        spells = self.spells.get_group(person)
        entry = spells["entry_date"].to_numpy().astype("datetime64[D]")
        leaving = spells["leaving_date"].to_numpy().astype("datetime64[D]")
        throughout = (entry <= begins) & (np.isnat(leaving) | (leaving > need))
        return int(spells["urn"].to_numpy()[throughout][0]) if throughout.any() else None

    def _home(self, person: int, need: np.datetime64) -> int | None:
        """The address the child lives at when the need comes."""
        homes = self.homes.get_group(person)
        start = homes["start_date"].to_numpy().astype("datetime64[D]")
        end = homes["end_date"].to_numpy().astype("datetime64[D]")
        there = (start <= need - 400 * DAY) & (np.isnat(end) | (end > need))
        return int(homes["address_id"].to_numpy()[there][0]) if there.any() else None
