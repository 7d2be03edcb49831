"""Social care's own records in the shape of the children in need census, for the agency that sent them.

    Message
      Header            CollectionDetails, Source
      Children/Child    ChildIdentifiers, ChildCharacteristics, CINdetails (one an episode)

Elements stand in the order of the published schema; what is empty is left out. A return says how things stood on its
reference date, 31 March: the year runs from 1 April before it, and what happened later (a closure, the end of a plan, a
birth) is left out. A child is in it with a referral made in the year or an episode open in it, an assessment if it was
finished in the year or begun in it and not finished, an enquiry if it or its conference falls into the year, a plan if
it ran in the year.

What the hub does not hold stays out: FormerUPN, AssessmentInternalReviewDate, the reviews of protection plans, why a
child of school age has no UPN (so rule 8770Q asks). Declared defaults, each where the record says nothing:

    UPNunknown            UN7 when every referral ended without action, UN1 below school age
    Ethnicity             NOBT, not obtained
    Disability            NONE, of a child who is born
    ReferralNFA           0
    ICPCnotRequired       1 when the enquiry is over and no conference was its outcome, else 0
    NumberOfPreviousCPP   earlier plans among those the hub holds
    ExpectedPersonBirthDate  the birth date itself, of a child born after the reference date; the sex is then U

Source: Department for Education, children in need census 2025 to 2026, guide and XML schema.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

#: A row of a feed: column of the Standard Safeguarding Dataset -> value; dates as `date`, what is empty as None.
Row = Mapping[str, Any]

#: What is read of each feed.
COLUMNS: dict[str, tuple[str, ...]] = {
    "person": (
        "pers_person_id", "pers_sex", "pers_ethnicity", "pers_dob", "pers_expected_dob", "pers_death_date",
    ),
    "send": ("send_person_id", "send_upn"),
    "linked_identifiers": ("link_person_id", "link_identifier_type", "link_identifier_value"),
    "disability": ("disa_person_id", "disa_disability_code"),
    "cin_episodes": (
        "cine_referral_id", "cine_person_id", "cine_referral_date", "cine_referral_source_code",
        "cine_cin_primary_need_code", "cine_referral_nfa", "cine_close_date", "cine_close_reason",
    ),
    "cin_assessments": (
        "cina_assessment_id", "cina_referral_id", "cina_assessment_start_date", "cina_assessment_auth_date",
    ),
    "assessment_factors": ("cinf_assessment_id", "cinf_assessment_factors_json"),
    "cin_plans": ("cinp_cin_plan_id", "cinp_referral_id", "cinp_cin_plan_start_date", "cinp_cin_plan_end_date"),
    "s47_enquiry": (
        "s47e_s47_enquiry_id", "s47e_referral_id", "s47e_s47_start_date", "s47e_s47_end_date", "s47e_s47_outcome_json",
    ),
    "initial_cp_conference": (
        "icpc_icpc_id", "icpc_s47_enquiry_id", "icpc_referral_id", "icpc_icpc_target_date", "icpc_icpc_date",
    ),
    "cp_plans": (
        "cppl_cp_plan_id", "cppl_referral_id", "cppl_person_id", "cppl_cp_plan_start_date", "cppl_cp_plan_end_date",
        "cppl_cp_plan_initial_category", "cppl_cp_plan_latest_category",
    ),
}  # fmt: skip
_UPN = "Unique Pupil Number"


@dataclass(frozen=True)
class Year:
    """A collection year: from 1 April to 31 March, its reference date.

    >>> Year(2026).starts, Year(2026).ends
    (datetime.date(2025, 4, 1), datetime.date(2026, 3, 31))
    """

    year: int

    @property
    def starts(self) -> date:
        """Its first day."""
        return date(self.year - 1, 4, 1)

    @property
    def ends(self) -> date:
        """The reference date."""
        return date(self.year, 3, 31)

    def holds(self, day: date | None) -> bool:
        """Whether a day falls into it."""
        return day is not None and self.starts <= day <= self.ends

    def by_then(self, day: date | None) -> date | None:
        """A day as the reference date knows it: nothing of what came later."""
        return day if day is not None and day <= self.ends else None

    def overlaps(self, start: date, end: date | None) -> bool:
        """Whether a spell was open on some day of it, or began in it."""
        return self.holds(start) or (start <= self.ends and (end is None or end >= self.starts))

    def is_of_school_age(self, born: date) -> bool:
        """Whether a child starts school in the September after the reference date, or has started."""
        return born < date(self.year - 4, 9, 1)


@dataclass(frozen=True)
class CinCensus:
    """A return.

    Attributes:
        content: the XML file, UTF-8.
        children: social care's numbers of the children in it, in file order.
    """

    content: bytes
    children: tuple[str, ...]


def cin_census(rows: Mapping[str, Sequence[Row]], year: Year, lea: str, made_at: datetime) -> CinCensus:
    """The return of a collection year.

    Args:
        rows: current rows by feed, with the columns in `COLUMNS`.
        lea: the authority's three digits.
        made_at: the instant up to which the rows are known; equal rows and instant give equal bytes.
    """
    held = _Held(rows, year)
    message = Element("Message")
    _header(message, year, lea, made_at)
    children = SubElement(message, "Children")
    ids = sorted(held.episodes)
    for child_id in ids:
        _child(children, held, child_id, made_at.date())
    indent(message)
    return CinCensus(tostring(message, encoding="utf-8", xml_declaration=True) + b"\n", tuple(ids))


@dataclass
class _Held:
    """The rows, found by what they belong to: episodes by child, what was done by referral."""

    rows: Mapping[str, Sequence[Row]]
    year: Year
    persons: dict[str, Row] = field(init=False)
    upns: dict[str, str] = field(init=False)
    episodes: dict[str, list[Row]] = field(init=False)
    conferences: dict[str, list[Row]] = field(init=False)

    def __post_init__(self) -> None:
        rows, year = self.rows, self.year
        self.persons = {row["pers_person_id"]: row for row in rows["person"]}
        linked = [row for row in rows["linked_identifiers"] if row["link_identifier_type"] == _UPN]
        self.upns = {row["link_person_id"]: row["link_identifier_value"] for row in linked}
        self.upns |= {row["send_person_id"]: row["send_upn"] for row in rows["send"] if row["send_upn"]}
        self.disabilities = _grouped(rows["disability"], "disa_person_id", "disa_disability_code")
        self.episodes = _grouped(
            (row for row in rows["cin_episodes"] if year.overlaps(row["cine_referral_date"], row["cine_close_date"])),
            "cine_person_id", "cine_referral_date", "cine_referral_id",
        )  # fmt: skip
        inside = {row["cine_referral_id"] for own in self.episodes.values() for row in own}
        self.assessments = _grouped(
            filter(self._is_of_year, rows["cin_assessments"]),
            "cina_referral_id", "cina_assessment_start_date", "cina_assessment_id",
        )  # fmt: skip
        self.factors = {row["cinf_assessment_id"]: row for row in rows["assessment_factors"]}
        self.cin_plans = self._spells("cin_plans", "cinp_referral_id", "cinp_cin_plan_", "cinp_cin_plan_id")
        self.cp_plans = self._spells("cp_plans", "cppl_referral_id", "cppl_cp_plan_", "cppl_cp_plan_id")
        self.all_cp_plans = _grouped(rows["cp_plans"], "cppl_person_id", "cppl_cp_plan_start_date")

        held = [row for row in rows["initial_cp_conference"] if year.holds(row["icpc_icpc_date"])]
        by_enquiry = {row["icpc_s47_enquiry_id"]: row for row in held}
        enquiries = [
            {**row, **by_enquiry.get(row["s47e_s47_enquiry_id"], {})}
            for row in rows["s47_enquiry"]
            if row["s47e_referral_id"] in inside
            and (year.holds(row["s47e_s47_start_date"]) or row["s47e_s47_enquiry_id"] in by_enquiry)
        ]
        self.enquiries = _grouped(enquiries, "s47e_referral_id", "s47e_s47_start_date", "s47e_s47_enquiry_id")
        told = {row["s47e_s47_enquiry_id"] for row in enquiries}
        # A conference stands with its enquiry; without one, with the episode.
        alone = (row for row in held if row["icpc_s47_enquiry_id"] not in told)
        self.conferences = _grouped(alone, "icpc_referral_id", "icpc_icpc_date")

    def _is_of_year(self, assessment: Row) -> bool:
        start, done = assessment["cina_assessment_start_date"], assessment["cina_assessment_auth_date"]
        return self.year.holds(done) or (self.year.holds(start) and self.year.by_then(done) is None)

    def _spells(self, feed: str, parent: str, prefix: str, key: str) -> dict[str, list[Row]]:
        start, end = f"{prefix}start_date", f"{prefix}end_date"
        return _grouped(
            (row for row in self.rows[feed] if self.year.overlaps(row[start], row[end])), parent, start, key
        )


def _header(message: Element, year: Year, lea: str, made_at: datetime) -> None:
    header = SubElement(message, "Header")
    _texts(
        SubElement(header, "CollectionDetails"),
        {"Collection": "CIN", "Year": str(year.year), "ReferenceDate": year.ends},
    )
    _texts(
        SubElement(header, "Source"),
        {
            "SourceLevel": "L",
            "LEA": lea,
            "SoftwareCode": "Safeguarding hub",
            "SerialNo": "001",
            "DateTime": made_at.replace(microsecond=0).isoformat(),
        },
    )


def _child(children: Element, held: _Held, child_id: str, today: date) -> None:
    year, person, episodes = held.year, held.persons.get(child_id, {}), held.episodes[child_id]
    born, expected = person.get("pers_dob"), person.get("pers_expected_dob")
    is_unborn = born is None or year.ends < born <= today
    if is_unborn:
        born, expected = None, expected or born
    upn = held.upns.get(child_id)
    without_action = all(_is_nfa(row) for row in episodes)
    young = is_unborn or not year.is_of_school_age(born or year.ends)
    child = SubElement(children, "Child")
    _texts(
        SubElement(child, "ChildIdentifiers"),
        {
            "LAchildID": child_id,
            "UPN": upn,
            "UPNunknown": None if upn else "UN7" if without_action else "UN1" if young else None,
            "PersonBirthDate": born,
            "ExpectedPersonBirthDate": expected,
            "Sex": "U" if is_unborn else person.get("pers_sex"),
            "PersonDeathDate": year.by_then(person.get("pers_death_date")),
        },
    )
    traits = SubElement(child, "ChildCharacteristics")
    _texts(traits, {"Ethnicity": person.get("pers_ethnicity") or "NOBT"})
    codes = [row["disa_disability_code"] for row in held.disabilities.get(child_id, ())]
    if codes or not is_unborn:
        disabilities = SubElement(traits, "Disabilities")
        for code in codes or ["NONE"]:
            _texts(disabilities, {"Disability": code})
    for episode in episodes:
        _episode(child, held, episode)


def _episode(child: Element, held: _Held, episode: Row) -> None:
    year, referral = held.year, episode["cine_referral_id"]
    closed = year.by_then(episode["cine_close_date"])
    details = SubElement(child, "CINdetails")
    conferences = held.conferences.get(referral, [])
    _texts(
        details,
        {
            "CINreferralDate": episode["cine_referral_date"],
            "ReferralSource": episode["cine_referral_source_code"],
            "PrimaryNeedCode": episode["cine_cin_primary_need_code"],
            "CINclosureDate": closed,
            "ReasonForClosure": episode["cine_close_reason"] if closed else None,
            "DateOfInitialCPC": conferences[0]["icpc_icpc_date"] if conferences else None,
        },
    )
    for row in held.assessments.get(referral, ()):
        _assessment(SubElement(details, "Assessments"), held, row)
    for row in held.cin_plans.get(referral, ()):
        _texts(
            SubElement(details, "CINPlanDates"),
            {
                "CINPlanStartDate": row["cinp_cin_plan_start_date"],
                "CINPlanEndDate": year.by_then(row["cinp_cin_plan_end_date"]),
            },
        )
    for row in held.enquiries.get(referral, ()):
        _texts(
            SubElement(details, "Section47"),
            {
                "S47ActualStartDate": row["s47e_s47_start_date"],
                "InitialCPCtarget": row.get("icpc_icpc_target_date"),
                "DateOfInitialCPC": row.get("icpc_icpc_date"),
                "ICPCnotRequired": "1" if _ended_without_conference(row, year) else "0",
            },
        )
    _texts(details, {"ReferralNFA": "1" if _is_nfa(episode) else "0"})
    for row in held.cp_plans.get(referral, ()):
        start = row["cppl_cp_plan_start_date"]
        before = [one for one in held.all_cp_plans[row["cppl_person_id"]] if one["cppl_cp_plan_start_date"] < start]
        _texts(
            SubElement(details, "ChildProtectionPlans"),
            {
                "CPPstartDate": start,
                "CPPendDate": year.by_then(row["cppl_cp_plan_end_date"]),
                "InitialCategoryOfAbuse": row["cppl_cp_plan_initial_category"],
                "LatestCategoryOfAbuse": row["cppl_cp_plan_latest_category"],
                "NumberOfPreviousCPP": str(len(before)),
            },
        )


def _assessment(element: Element, held: _Held, row: Row) -> None:
    done = held.year.by_then(row["cina_assessment_auth_date"])
    _texts(
        element,
        {"AssessmentActualStartDate": row["cina_assessment_start_date"], "AssessmentAuthorisationDate": done},
    )
    factors = held.factors.get(row["cina_assessment_id"], {}).get("cinf_assessment_factors_json") if done else None
    codes = json.loads(factors) if factors else []
    if codes:
        found = SubElement(element, "FactorsIdentifiedAtAssessment")
        for code in codes:
            _texts(found, {"AssessmentFactors": code})


def _is_nfa(episode: Row) -> bool:
    return bool(episode["cine_referral_nfa"] == "Y")


def _ended_without_conference(enquiry: Row, year: Year) -> bool:
    if enquiry.get("icpc_icpc_date") is not None or year.by_then(enquiry["s47e_s47_end_date"]) is None:
        return False
    outcome = json.loads(enquiry["s47e_s47_outcome_json"] or "{}")
    return bool(outcome.get("OUTCOME_CP_CONFERENCE_FLAG") != "Y")


def _texts(parent: Element, values: Mapping[str, str | date | None]) -> None:
    """Elements with text below a parent, in this order; none for what is empty."""
    for tag, value in values.items():
        if value not in (None, ""):
            SubElement(parent, tag).text = value.isoformat() if isinstance(value, date) else str(value)


def _grouped(rows: Iterable[Row], parent: str, *order: str) -> dict[str, list[Row]]:
    """Rows by what they belong to, in order; those that belong to nothing are left out."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row[parent] is not None:
            groups[row[parent]].append(row)
    for own in groups.values():
        own.sort(key=lambda row: tuple(row[column] for column in order))
    return dict(groups)
