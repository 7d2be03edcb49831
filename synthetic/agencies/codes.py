"""The world's plain words as the agencies' national codes. A word that is not here is sent as it is."""

from __future__ import annotations

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
        "POLICE": "1048001000000106",
    },
    "ed_source": {
        "SELF": "1991000124105",
        "CARER": "1065391000000104",
        "PRIMARY_CARE": "276491000",
        "NHS111": "879591000000102",
        "SOCIAL_CARE": "877171000000103",
        "AMBULANCE": "198261000000104",
        "POLICE": "889801000000100",
    },
    "ed_injury_intent": {
        "ACCIDENTAL": "242056005",
        "SELF": "276853009",
        "ASSAULT": "361269008",
        "UNDETERMINED": "269735005",
        "NONE": None,
    },
    "ed_discharge": {
        "HOME": "306689006",
        "LEFT": "306689006",
        "ADMITTED": "306706006",
        "TRANSFERRED": "19712007",
    },
}
