"""Which mistakes are planted in which feed's rows, how often, and what a good gate does with each.

One table, `ROW_DEFECTS`: a kind of mistake, the feed and column it is made in, the share of rows, how the text is
spoilt, and the handling it calls for. Slips that a record carries from the day it was typed (another spelling, the
wrong sex, 1 January) are made where the agency's view is made (`corruption.garble`); `CARRIED` says what becomes of
those.

Worked example: one notice in a thousand has a birth date such as 31/02/2014. The row is held under the rule ``date``
of column ``subject_dob``; most agencies put it right within a fortnight of hearing of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

Spoil = Callable[[str, int, str], str]


@dataclass(frozen=True)
class Handling:
    """What should become of a planted mistake.

    Attributes:
        expected: ``quarantine`` (the row is held), ``inform`` (counted), ``check`` (a check over the batch counts it),
            ``refuse`` (the whole file), ``late``, ``resolve`` (it puts right or withdraws something sent before), or
            ``none`` (nobody can see it in the file).
        rule: the gate's name of the rule that catches it.
        column: the column in which it is.
    """

    expected: str
    rule: str | None = None
    column: str | None = None


@dataclass(frozen=True)
class RowDefect:
    """One kind of mistake in one column of one feed.

    Attributes:
        rate: share of row versions, before the error multiplier.
        spoil: (text as it should be, 64 random bits, the feed's date format) -> text as written; the same text
            where the mistake does not fit.
        source: column whose text is spoilt, when it is not `column` itself (an end made from a start).
        repaired: the agency puts most of them right.
    """

    kind: str
    feed: str
    column: str
    rate: float
    spoil: Spoil
    expected: str
    rule: str
    source: str | None = None
    repaired: bool = True

    @property
    def handling(self) -> Handling:
        """What should become of it."""
        return Handling(self.expected, self.rule, self.column)


#: Mistakes a record carries; others among a view's flags are facts and no mistakes.
CARRIED: dict[str, Handling] = {
    "name_variant": Handling("none"),
    "date_swap": Handling("none"),
    "placeholder_date": Handling("none"),
    "no_birth_date": Handling("none"),
    "wrong_sex": Handling("none"),
    "missing_postcode": Handling("none"),
    "twin": Handling("none"),
    "second_record": Handling("none"),
    "leap_day_birth": Handling("none"),
    "unnamed": Handling("none"),
    "handling_c": Handling("quarantine", "not_to_be_shared", "handling_code"),
}


def wrong_check_digit(text: str, bits: int, _: str) -> str:
    """The last digit is another: no number with one wrong digit passes modulus 11."""
    return text[:-1] + str((int(text[-1]) + 1 + bits % 9) % 10)


def wrong_check_letter(text: str, bits: int, _: str) -> str:
    """A UPN with another check letter."""
    letters = "ABCDEFGHJKLMNPQRTUVWXYZ"
    return letters[(letters.index(text[0]) + 1 + bits % (len(letters) - 1)) % len(letters)] + text[1:]


def cut_postcode(text: str, bits: int, _: str) -> str:
    """A postcode cut short, or with the letter O for a nought and no space that helps."""
    return text[:-2] if bits & 1 else text.replace(" ", " O", 1)


def impossible_day(text: str, bits: int, form: str) -> str:
    """31 February, or 29 February of a year that has none, in the feed's own way of writing dates."""
    day = datetime.strptime(text, form)
    year = day.year + (1 if day.year % 4 == 0 else 0)
    return form.replace("%Y", str(year)).replace("%m", "02").replace("%d", "31" if bits & 1 else "29")


def other_century(text: str, _: int, form: str) -> str:
    """The year 0206 where 2006 was meant: readable, and nobody's."""
    year = str(datetime.strptime(text, form).year)
    return text.replace(year, f"0{year[0]}{year[2:]}", 1)


def years_ahead(text: str, bits: int, form: str) -> str:
    """A day some decades ahead."""
    year = datetime.strptime(text, form).year
    return text.replace(str(year), str(year + 30 + bits % 60), 1).replace("29/02", "28/02").replace("02-29", "02-28")


def american(text: str, _: int, form: str) -> str:
    """Year first in a feed that writes the day first, and the other way round."""
    other = "%Y-%m-%d" if form.startswith("%d") else "%d/%m/%Y"
    return datetime.strptime(text, form).strftime(other)


def before(days: int) -> Spoil:
    """A day at least this long before the one given."""

    def spoil(text: str, bits: int, form: str) -> str:
        moment = datetime.strptime(text, form)
        return (moment - timedelta(days=days + bits % 20)).strftime(form)

    return spoil


def instead(*codes: str) -> Spoil:
    """A code no list has."""
    return lambda text, bits, form: codes[bits % len(codes)]


def too_long(length: int) -> Spoil:
    """The text again and again, as when a note was pasted into the field."""
    return lambda text, bits, form: (f"{text or 'see notes'}; " * (length // 4))[: length + 1 + bits % 50]


def empty(text: str, bits: int, form: str) -> str:
    """Left empty."""
    return ""


def cut_short(text: str, bits: int, form: str) -> str:
    """An object cut off in the middle."""
    return text[: max(2, len(text) // 2)]


def in_words(text: str, bits: int, form: str) -> str:
    """A number with its unit."""
    return f"{text} min"


def with_factor(code: str) -> Spoil:
    """A list of factors with one more, where it has others."""

    def spoil(text: str, bits: int, form: str) -> str:
        held = json.loads(text)
        return text if code in held else json.dumps([*held, code], separators=(",", ":"))

    return spoil


ROW_DEFECTS: tuple[RowDefect, ...] = (
    *(
        RowDefect("invalid_nhs_number", feed, column, rate, wrong_check_digit, "inform", "nhs_number", repaired=False)
        for feed, column, rate in (
            ("csc.person", "pers_common_child_id", 0.003),
            ("earlyhelp.person", "eh_nhs_number", 0.003),
            ("acute_trust.ed_attendance", "NHSNumber", 0.002),
            ("community_health.patient", "NHSNumber", 0.001),
        )
    ),
    RowDefect("invalid_upn", "csc.send", "send_upn", 0.004, wrong_check_letter, "inform", "upn", repaired=False),
    RowDefect("invalid_upn", "education.pupil", "UPN", 0.0005, wrong_check_letter, "quarantine", "upn"),
    *(
        RowDefect("invalid_postcode", feed, column, rate, cut_postcode, "inform", "postcode", repaired=False)
        for feed, column, rate in (
            ("csc.address", "addr_address_postcode", 0.003),
            ("earlyhelp.person", "eh_postcode", 0.003),
            ("education.pupil", "Postcode", 0.002),
            ("police.ppn", "postcode", 0.005),
            ("housing.application", "PreviousPostcode", 0.004),
        )
    ),
    *(
        RowDefect("impossible_date", feed, column, 0.001, impossible_day, "quarantine", "date")
        for feed, column in (
            ("police.ppn", "subject_dob"),
            ("housing.person", "PersonDOB"),
            ("community_health.care_contact", "Contact_Date"),
        )
    ),
    *(
        RowDefect("implausible_date", feed, column, rate, other_century, "quarantine", "plausible_date")
        for feed, column, rate in (
            ("csc.person", "pers_dob", 0.0005),
            ("police.missing", "subject_dob", 0.001),
            ("earlyhelp.needs", "identified_date", 0.001),
            ("housing.tenancy_notice", "IssuedDate", 0.001),
        )
    ),
    *(
        RowDefect("future_date", feed, column, rate, years_ahead, "quarantine", "plausible_date")
        for feed, column, rate in (
            ("community_health.referral", "ReferralRequest_ReceivedDate", 0.0005),
            ("csc.cin_episodes", "cine_referral_date", 0.0005),
        )
    ),
    RowDefect("mixed_date_format", "education.enrolment", "LeavingDate", 0.002, american, "quarantine", "date"),
    *(
        RowDefect("unknown_code", feed, column, rate, instead(*codes), "quarantine", "code_set")
        for feed, column, rate, codes in (
            ("csc.contacts", "cont_contact_source_code", 0.001, ("6Z", "11")),
            ("police.ppn", "ppn_type", 0.001, ("DV", "PPN1")),
            ("acute_trust.ed_attendance", "AttendanceCategory", 0.0005, ("7", "NEW")),
            ("housing.application", "DutyOwed", 0.002, ("MAIN DUTY",)),
            ("education.attendance", "AttendanceCode", 0.0001, ("A", "H9")),
        )
    ),
    RowDefect("over_long_text", "police.ppn", "address_text", 0.001, too_long(200), "quarantine", "length"),
    RowDefect(
        "over_long_text", "csc.s47_enquiry", "s47e_s47_outcome_json", 0.0, too_long(1000), "quarantine", "length"
    ),
    RowDefect("over_long_text", "acute_trust.ed_attendance", "Surname", 0.0003, too_long(100), "quarantine", "length"),
    RowDefect("malformed_json", "csc.contacts", "cont_contact_outcome_json", 0.0005, cut_short, "quarantine", "json"),
    RowDefect("not_a_number", "education.attendance", "MinutesLate", 0.0005, in_words, "quarantine", "integer"),
    RowDefect("missing_child_id", "csc.cin_plans", "cinp_person_id", 0.001, empty, "quarantine", "required"),
    RowDefect(
        "cin_8869",
        "csc.assessment_factors",
        "cinf_assessment_factors_json",
        0.003,
        with_factor("21"),
        "check",
        "cin_8869",
    ),
    *(
        RowDefect("end_before_start", feed, end, 0.002, before(8), "check", "spell_in_order", source=start)
        for feed, start, end in (
            ("csc.involvements", "invo_involvement_start_date", "invo_involvement_end_date"),
            ("csc.cla_episodes", "clae_cla_episode_start_date", "clae_cla_episode_ceased_date"),
            ("earlyhelp.episodes", "earl_episode_start_date", "earl_episode_end_date"),
            ("education.enrolment", "EntryDate", "LeavingDate"),
            ("housing.temporary_accommodation", "TAStart", "TAEnd"),
        )
    ),
)

#: Feeds whose rows are events, and the column (two values) in which a row sent twice under one id differs.
EVENTS: dict[str, tuple[str, tuple[str, str]]] = {
    "csc.contacts": ("cont_contact_source_code", ("1D", "8")),
    "education.attendance": ("AttendanceCode", ("I", "O")),
    "education.exclusions": ("StartSession", ("AM", "PM")),
    "police.ppn": ("officer_risk", ("STANDARD", "MEDIUM")),
    "police.missing": ("risk_grade", ("LOW", "MEDIUM")),
    "acute_trust.ed_attendance": ("LeftBeforeTreatment", ("Y", "N")),
    "community_health.care_contact": ("Consultation_MediumUsed", ("01", "02")),
    "housing.tenancy_notice": ("NoticeType", ("S21", "S8")),
}
DUPLICATE_ROW, DUPLICATE_KEY = 0.004, 0.001
REPAIRED = 0.8

#: Rules about several tables (`casework_defects`), with the column that was written wrongly.
CASEWORK = {
    "cin_8520": "pers_dob",
    "cin_8525Q": "pers_expected_dob",
    "cin_8606": "cine_referral_date",
    "cin_8630": "cine_close_date",
    "cin_8815": "cine_referral_id",
    "cin_8820": "cine_referral_id",
    "cin_1103": "cina_assessment_start_date",
    "cin_1104": "icpc_icpc_date",
    "cin_1105": "cppl_cp_plan_start_date",
    "cin_8565": "s47e_referral_id",
    "cin_4016": "cinp_cin_plan_end_date",
}

_HANDLING: dict[tuple[str, str], Handling] = {(d.feed, d.kind): d.handling for d in ROW_DEFECTS}


def handling(feed: str, kind: str) -> Handling | None:
    """What should become of a mistake planted in a feed's row; None for a flag that is no mistake."""
    if kind == "duplicate_row":
        return Handling("quarantine", "duplicate_row")
    if kind == "duplicate_key":
        return Handling("quarantine", "duplicate_key")
    if kind == "september_code_set":
        return Handling("quarantine", "code_set", "AttendanceCode")
    if kind in ("retraction", "n_code_resolved"):
        return Handling("resolve")
    if kind in CASEWORK:
        return Handling("check", kind, CASEWORK[kind])
    if kind in ("clock_repeated_hour", "clock_missing_hour"):
        return Handling("none")
    return _HANDLING.get((feed, kind)) or CARRIED.get(kind)
