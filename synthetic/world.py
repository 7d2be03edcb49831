"""Create, write and read a synthetic world.

`create_world` runs the parts in order: population, hidden need and events (`simulate`), homes, people, then the true
rows of every agency, and last the best possible forecast (`difficulty`). The world's tables say what truly happened;
the agencies' files, written from them by `synthetic.agencies`, say what each agency recorded of it. `truth` is for
tests and benchmarks alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from synthetic.attendance import make_attendance
from synthetic.calendar import school_days
from synthetic.context import Context
from synthetic.difficulty import make_truth
from synthetic.early_help import early_help_tables
from synthetic.frames import coded, dated, read_table, to_arrow
from synthetic.front_door import sent_notifications
from synthetic.health import community_tables, emergency
from synthetic.housing import housing_tables, service_table, temporary_stays
from synthetic.latent import make_hazards
from synthetic.parameters import AREA_TEAMS, WEEKS_AHEAD, WorldParameters
from synthetic.people import make_people, make_professionals
from synthetic.places import (
    AddressBook,
    first_homes,
    hub_addresses,
    make_homes,
    person_addresses,
    team_of_outward,
)
from synthetic.police import police_tables
from synthetic.population import make_population
from synthetic.protection import care_placements
from synthetic.schools import enrolment_table, exclusion_table, make_enrolments, make_schools, possible_sessions
from synthetic.simulate import simulate
from synthetic.social_care import social_care_tables

Progress = Callable[[str, float], None]
# Tables whose rows are things that happened on a day: rows after the simulated period do not exist.
HAPPENED = {
    "csc_contact": "contact_date",
    "csc_referral": "referral_date",
    "csc_assessment": "start_date",
    "csc_cin_plan": "start_date",
    "csc_s47": "start_date",
    "csc_icpc": "icpc_date",
    "csc_cp_plan": "start_date",
    "csc_cla": "start_date",
    "csc_involvement": "start_date",
    "early_help": "start_date",
    "early_help_need": "identified_date",
    "housing_application": "application_date",
    "temporary_accommodation": "start_date",
    "tenancy_notice": "issued_date",
    "da_service": "engaged_date",
    "health_referral": "received_date",
    "health_contact": "contact_date",
    "health_factor": "recorded_date",
    "exclusion": "start_date",
}


@dataclass
class World:
    """A finished world.

    Attributes:
        parameters: what was asked for.
        tables: true tables by name.
        truth: who is who, need, best possible chances (None when not read).
        notes: difficulty and other results as JSON-able dicts.
    """

    parameters: WorldParameters
    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame] | None
    notes: dict[str, dict[str, object]]

    def write(self, directory: Path) -> None:
        """Write `world/` and `truth/` under `directory` (Parquet and JSON, the same bytes for the same world)."""
        for folder, tables in (("world", self.tables), ("truth", self.truth or {})):
            path = Path(directory) / folder
            path.mkdir(parents=True, exist_ok=True)
            for name, table in tables.items():
                pq.write_table(to_arrow(table), path / f"{name}.parquet", compression="zstd", store_schema=False)
        (Path(directory) / "world" / "parameters.json").write_text(
            json.dumps(self.parameters.describe(), indent=1, sort_keys=True)
        )
        for name, note in self.notes.items():
            (Path(directory) / "truth" / f"{name}.json").write_text(json.dumps(note, indent=1, sort_keys=True))

    @classmethod
    def read(cls, directory: Path, truth: bool = False) -> World:
        """Read a written world; truth only on request."""
        path = Path(directory)
        kept = json.loads((path / "world" / "parameters.json").read_text())
        parameters = WorldParameters(
            kept["children"], kept["years"], kept["seed"], kept["world"], kept["error"], weeks_ahead=kept["weeks_ahead"]
        )
        if parameters.dynamics.digest() != kept["dynamics_sha256"]:
            raise ValueError(f"the world in {path} was made by other laws than this version's; create it again")
        tables = {p.stem: read_table(p) for p in sorted((path / "world").glob("*.parquet"))}
        hidden = {p.stem: read_table(p) for p in sorted((path / "truth").glob("*.parquet"))} if truth else None
        notes = {p.stem: json.loads(p.read_text()) for p in sorted((path / "truth").glob("*.json"))} if truth else {}
        return cls(parameters, tables, hidden, notes)


def create_world(
    children: int,
    years: int = 5,
    seed: int = 1,
    world: str = "passes",
    error: float = 1.0,
    weeks_ahead: int = WEEKS_AHEAD,
    progress: Progress | None = None,
) -> World:
    """Make a world.

    Args:
        children: children living in the authority on the last seen day.
        years: seen years; two unobserved years come before.
        seed: decides everything.
        world: `passes`, `no-signal` or `biased`.
        error: multiplier of the agencies' error rates (carried in the parameters).
        weeks_ahead: weeks simulated past the last seen day.
        progress: called with a stage's name and its share done.
    """
    say = progress or (lambda stage, done: None)
    parameters = WorldParameters(children, years, seed, world, error, weeks_ahead=weeks_ahead)
    say("population", 0.0)
    population = make_population(parameters)
    hazards = make_hazards(parameters.laws, signal=world != "no-signal")
    first = first_homes(parameters, population.families)
    history = simulate(parameters, population, hazards, team_of_outward(first), say)
    say("homes", 0.0)
    book = AddressBook(seed)
    hubs = hub_addresses(parameters, book)
    stays = temporary_stays(parameters, population, history, book, hubs, first)
    homes = make_homes(parameters, population, history, book, first, stays)
    placements = care_placements(parameters, population, history, hubs)
    people = make_people(parameters, population)
    professionals, staff = make_professionals(parameters)
    context = Context(parameters, population, hazards, history, homes, people, staff, book.outward())

    say("agencies", 0.0)
    tables: dict[str, pd.DataFrame] = {
        "person": people.table,
        "family": people.family,
        "address": book.table(),
        "professional": professionals,
    }
    adults = people.table[people.table["role"] != "child"][["person_id", "family_id"]]
    adults = pd.DataFrame({"person_id": adults["person_id"], "family": adults["family_id"] - 1})
    tables["person_address"] = person_addresses(population, homes, placements, adults, people.child_person)
    tables["barrier"] = _barriers(context)
    police, links = police_tables(context, placements)
    tables |= police
    tables["ed_attendance"], ed_links = emergency(context)
    tables |= community_tables(context)
    tables |= housing_tables(context, stays)
    tables["da_service"] = service_table(context, tables["police_incident"])
    tables |= early_help_tables(context)
    tables |= social_care_tables(context, placements, links, ed_links)
    schools = make_schools(parameters)
    spell = make_enrolments(context, schools)
    tables["enrolment"] = enrolment_table(context, spell, schools)
    tables["possible_sessions"] = possible_sessions(context, spell, schools)
    tables["exclusion"] = exclusion_table(context, spell, schools)
    urn, phase = schools["urn"].to_numpy(), schools["phase"].to_numpy()
    sent = sent_notifications(context, tables)
    tables["front_door_notification"] = sent
    # A hospital's concern is what it passed on; who was worried and passed nothing on left no mark.
    tables["ed_attendance"]["safeguarding_concern"] = tables["ed_attendance"]["ed_id"].isin(sent["ed_id"].dropna())
    tables["attendance"], away, onroll = make_attendance(context, spell, urn, phase, tables["exclusion"], say)
    schools["area_team"] = coded(schools.pop("area").to_numpy(), AREA_TEAMS)
    tables["school"] = schools
    tables["school_day"] = school_days()
    _expected_dates(tables, context)
    say("truth", 0.0)
    truth, notes = make_truth(context, away, onroll, say)
    for frames in (tables, truth):
        for name, table in frames.items():
            frames[name] = dated(
                table[table[HAPPENED[name]] <= context.high].reset_index(drop=True) if name in HAPPENED else table
            )
    say("done", 1.0)
    return World(parameters, tables, truth, notes)


def _barriers(context: Context) -> pd.DataFrame:
    """Identity changes of children, and of the mothers of protected families."""
    child, family, people = context.population.barrier, context.population.family_barrier, context.people
    frame = pd.concat(
        [
            pd.DataFrame(
                {
                    "person_id_before": people.child_person[child["before"].to_numpy()],
                    "person_id_after": people.child_person[child["after"].to_numpy()],
                    "barrier_type": child["kind"],
                    "effective_date": child["day"],
                }
            ),
            pd.DataFrame(
                {
                    "person_id_before": people.mother[family["before"].to_numpy()],
                    "person_id_after": people.mother[family["after"].to_numpy()],
                    "barrier_type": family["kind"],
                    "effective_date": family["day"],
                }
            ),
        ],
        ignore_index=True,
    ).sort_values(["effective_date", "person_id_before"], kind="stable", ignore_index=True)
    frame.insert(0, "barrier_id", np.arange(1, len(frame) + 1))
    return frame


def _expected_dates(tables: dict[str, pd.DataFrame], context: Context) -> None:
    """Children referred before birth have an expected date of birth near the true one."""
    person, referral = tables["person"], tables["csc_referral"]
    birth = person["birth_date"].to_numpy()
    who = np.unique(
        referral["person_id"].to_numpy()[
            referral["referral_date"].to_numpy() < birth[referral["person_id"].to_numpy() - 1]
        ]
    )
    expected = person["expected_date"].to_numpy().copy()
    expected[who - 1] = birth[who - 1] + context.rng("expected").integers(-12, 13, len(who))
    person["expected_date"] = expected
