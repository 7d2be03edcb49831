"""The world's plain words as the agencies' codes, and codes as they were before a national list changed.

A word that is not in its table is sent as it is. Agencies write the codes of the day: before 19 August 2024 a part-time
timetable (C2) was leave (C), before 1 May 2026 vaping (VR) was a drug or alcohol matter (DA).
"""

from __future__ import annotations

from datetime import date

CODES: dict[str, dict[str, str | None]] = {
    "ed_acuity": {
        "1": "1064891000000107",
        "2": "1064911000000105",
        "3": "1064901000000108",
        "4": "1077241000000103",
        "5": "1077251000000100",
    },
    "ed_arrival_mode": {
        "OWN": "1048071000000103",
        "PUBLIC": "1048061000000105",
        "AMBULANCE": "1048031000000100",
    },
    "ed_source": {
        "SELF": "1991000124105",
        "GP": "276491000",
        "EMERGENCY_SERVICES": "198261000000104",
        "SCHOOL": "1065401000000101",
        "NHS111": "879591000000102",
    },
    "ed_injury_intent": {
        "ACCIDENTAL": "242056005",
        "SELF": "276853009",
        "ASSAULT": "361269008",
        "UNDETERMINED": "269735005",
        "NONE": None,
    },
    "health_source": {"MATERNITY": "MIDWIFE", "PARENT": "SELF", "TRANSFER_IN": "MOVED_IN"},
    "health_reason": {"EMOTIONAL_HEALTH": "EMOTIONAL", "LONG_TERM_CONDITION": "LONG_TERM"},
    "health_medium": {"HOME": "01", "CLINIC": "01", "SCHOOL": "01", "PHONE": "02", "VIDEO": "11"},
    "household_type": {"LONE_PARENT": "LONE_PARENT_F"},
    "home_loss_reason": {
        "END_PRS": "PRIVATE_RENT_END",
        "FAMILY_NO_LONGER_WILLING": "FAMILY",
        "DA": "DOMESTIC_ABUSE",
        "RELATIONSHIP_BREAKDOWN": "RELATIONSHIP",
        "EVICTION_SOCIAL": "SOCIAL_RENT_END",
    },
    "duty_end_reason": {"SECURED_PRS": "SECURED", "SECURED_SOCIAL": "SECURED", "LOST_CONTACT": "CONTACT_LOST"},
    "support_need": {
        "MENTAL_HEALTH": "MH",
        "PHYSICAL_HEALTH": "PH",
        "YOUNG_PARENT": "YPARENT",
        "DRUG_ALCOHOL": "DRUG",
        "LEARNING_DISABILITY": "LD",
        "OFFENDING": "OFF",
        "REPEAT_HOMELESSNESS": "REP",
        "NONE": None,
    },
    "early_help_reason": {"FAMILY_MENTAL_HEALTH": "PARENT_MENTAL_HEALTH"},
    "early_help_organisation": {
        "Northmere Family Hubs": "FAMILY_HELP",
        "School-led": "SCHOOL",
        "Health visiting": "HEALTH_VISITING",
        "Voluntary sector": "VOLUNTARY",
    },
    "professional_role": {"ALLOCATED": "ALLOCATED_SW", "ASSESSOR": "ASSESSING_SW"},
    "s47_outcome": {"ICPC": "CP_CONFERENCE", "S17_SERVICES": "SERVICES"},
    "cla_cease_reason": {"E4": "E17"},
    "ed_discharge": {
        "HOME": "306689006",
        "LEFT": "306689006",
        "ADMITTED": "306706006",
        "TRANSFERRED": "19712007",
    },
}

#: Registration codes introduced on this day, and what schools wrote before.
ATTENDANCE_CODES_FROM = date(2024, 8, 19)
ATTENDANCE_CODES_BEFORE = {"C1": "C", "C2": "C", "J1": "J", "K": "B", "Q": "X"} | {f"Y{n}": "Y" for n in range(1, 8)}

#: Reasons for exclusion introduced on this day, and what schools wrote before.
EXCLUSION_REASONS_FROM = date(2026, 5, 1)
EXCLUSION_REASONS_BEFORE = {
    "BW": "OW", "TB": "BU", "SB": "SM", "MB": "LG", "AB": "LG", "DR": "DA", "AR": "DA", "SR": "DA", "VR": "DA",
    "LD": "DB", "CB": "DB", "MP": "DB", "OS": "DB",
}  # fmt: skip

#: Reasons withdrawn after this day, and what schools have written since.
EXCLUSION_REASONS_UNTIL = date(2026, 8, 31)
EXCLUSION_REASONS_AFTER = {"DA": "DR", "DB": "CB"}
