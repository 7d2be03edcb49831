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
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.emerging_harm_patterns import Pattern, draw_pattern
from synthetic.world import World

DAY = np.timedelta64(1, "D")
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
        world.tables.update(field_.finished())
        into.children = pd.DataFrame(rows, columns=["person_id", "begins", "need_on", "beginning", "agencies"])
        into.seen = pd.DataFrame(seen, columns=["person_id", "agency", "kind", "day"])

    return plant


class _Field:
    """The world's tables as they are planted in: new rows by table, and who is how quiet."""

    def __init__(self, tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> None:
        self.tables, self.rng = tables, rng
        self.new: dict[str, list[dict[str, Any]]] = {}
        person = tables["person"]
        self.person = person.set_index("person_id", drop=False)
        self.children = person[person["role"].astype(str) == "child"]
        self.family_children = self.children.groupby("family_id")["person_id"].agg(list).to_dict()
        self.loud = self._loud()
        marks = tables["attendance"]
        unagreed = marks[marks["code"].isin(UNAGREED)]
        self.absent = unagreed.groupby("person_id")["date"].agg(list).to_dict()
        self.spells = tables["enrolment"].groupby("person_id")
        self.on_roll = set(tables["enrolment"]["person_id"])
        self.school_days = np.sort(tables["school_day"]["date"].to_numpy().astype("datetime64[D]"))
        self.homes = tables["person_address"]
        self.homes = self.homes[self.homes["use"].astype(str) == "home"].groupby("person_id")
        self.caseload = tables["health_referral"].groupby("person_id")
        self.area = tables["address"].set_index("address_id")["area_team"].astype(str)
        staff = tables["professional"]
        self.workers = staff[staff["kind"].astype(str) == "social_worker"]

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
        age = int((need - _day(one["birth_date"])).astype(int) // 365.25)
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
        made: dict[str, list[dict[str, Any]]] = {}
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
            getattr(self, f"_{seen.kind}")(made, one, day, home, urn)
            things.append((seen.agency, seen.kind, day))
        if len({agency for agency, _, _ in things}) < 3:
            return None
        self._need(made, one, need, home)
        for table, rows in made.items():
            self.new.setdefault(table, []).extend(rows)
        return pattern, things

    def finished(self) -> dict[str, pd.DataFrame]:
        """The tables with their new rows, kinds of columns as they were; numbers go on from the highest."""
        out = {}
        for name, rows in self.new.items():
            old = self.tables[name]
            new = pd.DataFrame(rows, columns=old.columns)
            for column in old.columns:
                kind = old[column].dtype
                if isinstance(kind, pd.CategoricalDtype):
                    held = kind.categories.union(pd.Index(new[column].dropna().unique()), sort=False)
                    old = old.assign(**{column: old[column].cat.set_categories(held)})
                    new[column] = pd.Categorical(new[column], categories=held)
                else:
                    new[column] = new[column].astype(kind)
            out[name] = pd.concat([old, new], ignore_index=True)
        return out

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

    def _number(self, made: dict[str, list[dict[str, Any]]], table: str, column: str) -> int:
        """The next free number of a table."""
        return int(self.tables[table][column].max()) + 1 + len(self.new.get(table, [])) + len(made.get(table, []))

    def _moment(self, day: np.datetime64, low: int, high: int) -> np.datetime64:
        return day.astype("datetime64[s]") + int(self.rng.integers(low * 3600, high * 3600))

    # --- what is seen -------------------------------------------------------------------------------------------------

    def _domestic_abuse(self, made, one, day, home, urn, kind: str = "DA") -> None:
        number = self._police_number(made)
        made.setdefault("police_incident", []).append({
            "incident_id": number, "kind": kind, "occurred_at": self._moment(day, 17, 24),
            "family_id": one["family_id"], "address_id": home, "officer_risk": "STANDARD",
            "dash_risk": "STANDARD" if kind == "DA" else None,
            "child_seen": bool(self.rng.random() < 0.58), "voice_recorded": bool(self.rng.random() < 0.36),
            "op_encompass_sent": kind == "DA", "marac_referred": False,
        })  # fmt: skip
        together = self.family_children[one["family_id"]] if kind == "DA" else [one["person_id"]]
        at_home = [p for p in together if p == one["person_id"] or self._lives_here(p, day)]
        for place, child in enumerate(at_home, 1):
            made.setdefault("police_subject", []).append({
                "incident_id": number, "subject_no": place, "person_id": child,
                "role": "CHILD_IN_HOUSEHOLD" if kind == "DA" else "CHILD_PRESENT",
            })  # fmt: skip

    def _police_number(self, made) -> int:
        return self._number(made, "police_incident", "incident_id")

    def _child_concern(self, made, one, day, home, urn) -> None:
        self._domestic_abuse(made, one, day, home, urn, kind="CHILD")

    def _lives_here(self, person: int, day: np.datetime64) -> bool:
        one = self.person.loc[person]
        born, came, went = (_day(one[c]) for c in ("birth_date", "resident_from", "resident_to"))
        return bool(born <= day < born + 6574 * DAY and came <= day and (np.isnat(went) or day < went))

    def _absence(self, made, one, day, home, urn) -> None:
        session = "PM" if self.rng.random() < 0.5 else "AM"
        made.setdefault("attendance", []).append({
            "person_id": one["person_id"], "urn": urn, "date": day, "session": session, "code": "O",
            "minutes_late": 0, "initial_code": "O", "resolved_on": pd.NaT,
        })  # fmt: skip

    def _suspension(self, made, one, day, home, urn) -> None:
        made.setdefault("exclusion", []).append({
            "exclusion_id": self._number(made, "exclusion", "exclusion_id"), "person_id": one["person_id"], "urn": urn,
            "category": "SUSP", "reason1": "DB", "start_date": day, "start_session": "AM", "sessions_lost": 2,
        })  # fmt: skip

    def _visit(self, made, one, day, home, urn) -> None:
        hurt = self.rng.random() < 0.45
        made.setdefault("ed_attendance", []).append({
            "ed_id": self._number(made, "ed_attendance", "ed_id"), "person_id": one["person_id"], "site_code": "NMA01",
            "arrival_at": self._moment(day, 9, 22), "category": 1, "source": "SELF", "arrival_mode": "OWN", "acuity": 4,
            "complaint": "INJURY" if hurt else "ILLNESS", "injury_intent": "ACCIDENTAL" if hurt else "NONE",
            "safeguarding_concern": False, "left_before_treatment": False, "discharge": "HOME",
        })  # fmt: skip

    def _not_brought(self, made, one, day, home, urn) -> None:
        made.setdefault("health_contact", []).append({
            "health_contact_id": self._number(made, "health_contact", "health_contact_id"),
            "health_referral_id": self._request(made, one, day), "person_id": one["person_id"], "contact_date": day,
            "medium": "CLINIC", "attended": False, "review_type": None,
        })  # fmt: skip

    def _request(self, made, one, day) -> int:
        """A caseload the child is on that day; a new one, as a family doctor would ask for, where there is none."""
        person = one["person_id"]
        for row in (r for r in made.get("health_referral", []) if r["person_id"] == person):
            return int(row["health_referral_id"])
        if person in self.caseload.groups:
            held = self.caseload.get_group(person)
            since = held["received_date"].to_numpy().astype("datetime64[D]")
            until = held["discharge_date"].to_numpy().astype("datetime64[D]")
            on = (since <= day) & (np.isnat(until) | (until > day + 200 * DAY))
            if on.any():
                return int(held["health_referral_id"].to_numpy()[on][0])
        number = self._number(made, "health_referral", "health_referral_id")
        made.setdefault("health_referral", []).append({
            "health_referral_id": number, "person_id": person, "team_type": "CCH", "received_date": day - 28 * DAY,
            "source": "GP", "reason": "DEVELOPMENT", "discharge_date": day + 300 * DAY,
        })  # fmt: skip
        return number

    def _note(self, made, one, day, home, urn) -> None:
        made.setdefault("health_factor", []).append({
            "health_factor_id": self._number(made, "health_factor", "health_factor_id"),
            "person_id": one["person_id"], "factor_type": "PARENTAL_MH", "recorded_date": day,
        })  # fmt: skip

    def _application(self, made, one, day, home, urn) -> None:
        made.setdefault("housing_application", []).append({
            "case_id": self._number(made, "housing_application", "case_id"), "family_id": one["family_id"],
            "address_id": home, "application_date": day, "household_type": "COUPLE_CHILDREN", "reason": "END_PRS",
            "duty": "PREVENTION", "duty_end_date": day + 250 * DAY, "duty_end_reason": "SECURED_PRS",
            "support_needs": "NONE",
        })  # fmt: skip

    def _need(self, made, one, need, home) -> None:
        """The referral and the assessment that finds need."""
        area = self.area.loc[home]
        near = self.workers[self.workers["team"].astype(str) == area]
        worker = int((near if len(near) else self.workers)["professional_id"].iloc[0])
        number = self._number(made, "csc_referral", "referral_id")
        signed = need + int(self.rng.integers(25, 45)) * DAY
        common = {"person_id": one["person_id"], "referral_id": number, "team": f"{area} Assessment"}
        made.setdefault("csc_contact", []).append({
            "contact_id": self._number(made, "csc_contact", "contact_id"), "person_id": one["person_id"],
            "contact_date": need, "source_code": "1D", "outcome": "NEW_REFERRAL", "referral_id": number,
            "trigger": "none",
        })  # fmt: skip
        made.setdefault("csc_referral", []).append(common | {
            "referral_date": need, "source_code": "1D", "primary_need": "N1", "nfa": False,
            "outcome": "SINGLE_ASSESSMENT", "close_date": need + 250 * DAY, "close_reason": "RC7", "worker_id": worker,
        })  # fmt: skip
        made.setdefault("csc_assessment", []).append(common | {
            "assessment_id": self._number(made, "csc_assessment", "assessment_id"), "start_date": need,
            "auth_date": signed, "child_seen": True, "outcome_nfa": False, "outcome": "CIN_PLAN", "factors": "3B",
            "worker_id": worker,
        })  # fmt: skip
        made.setdefault("csc_involvement", []).append({
            "involvement_id": self._number(made, "csc_involvement", "involvement_id"), "person_id": one["person_id"],
            "referral_id": number, "professional_id": worker, "role": "ASSESSOR", "team": f"{area} Assessment",
            "start_date": need, "end_date": signed,
        })  # fmt: skip


def _day(value: Any) -> np.datetime64:
    """A day of a table, not-a-time where it is missing."""
    return np.datetime64("NaT", "D") if pd.isna(value) else pd.Timestamp(value).to_datetime64().astype("datetime64[D]")
