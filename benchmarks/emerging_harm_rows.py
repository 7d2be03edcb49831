"""The rows that a planted pattern leaves in the world's true tables, and those of the need it ends with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

DAY = np.timedelta64(1, "D")
Made = dict[str, list[dict[str, Any]]]


class Sower:
    """New rows by table, added to the world's at the end. `made` holds those of one child until it is sure to be sown;
    `one` is the child's row, `home` an address and `urn` the school."""

    def __init__(self, tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> None:
        self.tables, self.rng = tables, rng
        self.new: Made = {}
        person = tables["person"]
        self.person = person.set_index("person_id", drop=False)
        children = person[person["role"].astype(str) == "child"]
        self.family_children = children.groupby("family_id")["person_id"].agg(list).to_dict()
        self.caseload = tables["health_referral"].groupby("person_id")
        self.area = tables["address"].set_index("address_id")["area_team"].astype(str)
        staff = tables["professional"]
        self.workers = staff[staff["kind"].astype(str) == "social_worker"]

    def sow(self, kind: str, made: Made, one: pd.Series, day: np.datetime64, home: int, urn: int | None) -> None:
        """Add what an agency sees of this kind (emerging_harm_patterns.py) on a day."""
        getattr(self, f"_{kind}")(made, one, day, home, urn)

    def keep(self, made: Made) -> None:
        """The rows of one child stand."""
        for table, rows in made.items():
            self.new.setdefault(table, []).extend(rows)

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

    def _number(self, made: Made, table: str, column: str) -> int:
        """The next free number of a table."""
        return int(self.tables[table][column].max()) + 1 + len(self.new.get(table, [])) + len(made.get(table, []))

    def _moment(self, day: np.datetime64, low: int, high: int) -> np.datetime64:
        return day.astype("datetime64[s]") + int(self.rng.integers(low * 3600, high * 3600))

    def _domestic_abuse(self, made, one, day, home, urn, kind: str = "DA") -> None:
        number = self._number(made, "police_incident", "incident_id")
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

    def _child_concern(self, made, one, day, home, urn) -> None:
        self._domestic_abuse(made, one, day, home, urn, kind="CHILD")

    def _lives_here(self, person: int, day: np.datetime64) -> bool:
        one = self.person.loc[person]
        born, came, went = (day_of(one[c]) for c in ("birth_date", "resident_from", "resident_to"))
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

    def need(self, made: Made, one: pd.Series, need: np.datetime64, home: int) -> None:
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


def day_of(value: Any) -> np.datetime64:
    """A day of a table, not-a-time where it is missing."""
    return np.datetime64("NaT", "D") if pd.isna(value) else pd.Timestamp(value).to_datetime64().astype("datetime64[D]")
