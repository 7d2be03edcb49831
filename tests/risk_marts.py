"""Small generated marts for the risk tests: families with a hidden stress, events that follow it, and untidy clocks.

The tables have the columns of the real marts. `mess` makes rows late, corrected, moved to another day, retracted, owned
by a household alone, and households change; `signal` scales how far need follows the stress. One housing row stands for
most children of a family, once each; one police incident makes rows for several of them at the same moment.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import yaml

from models.risk.asof import knowledge_cutoff
from models.risk.declare import RiskConfig, RuleBook, load_risk, load_rules
from models.risk.gate_declare import Registration
from models.risk.registration import registration_hash

PACK = Path(__file__).parent.parent / "partnerships" / "northmere"
START = date(2021, 10, 10)
FAR = pd.Timestamp("9999-12-31")
RATES = {
    "police_da_notification": ("police", 0.004),
    "police_child_notification": ("police", 0.003),
    "police_missing_report": ("police", 0.001),
    "csc_contact": ("csc", 0.005),
    "csc_referral": ("csc", 0.002),
    "csc_assessment_completed": ("csc", 0.002),
    "csc_assessment_factor": ("csc", 0.003),
    "eh_need_identified": ("earlyhelp", 0.002),
    "absence_unauthorised": ("education", 0.15),
    "absence_illness": ("education", 0.2),
    "suspension": ("education", 0.002),
    "school_move": ("education", 0.002),
    "ed_attendance": ("acute_trust", 0.01),
    "ed_injury_attendance": ("acute_trust", 0.003),
    "health_contact_attended": ("community_health", 0.01),
    "health_contact_not_brought": ("community_health", 0.006),
    "homelessness_application": ("housing", 0.0008),
    "ta_placement": ("housing", 0.0008),
}
DETAILS = {"csc_assessment_completed": ["need_found", "no_need"], "csc_assessment_factor": ["3A", "16A", "1B", "21"]}


def configuration(**changes: dict) -> tuple[RiskConfig, RuleBook]:
    """The demo pack's declarations, with parts replaced (nested dicts are merged one level deep)."""
    raw = yaml.safe_load((PACK / "risk.yml").read_text(encoding="utf-8"))
    for key, value in changes.items():
        raw[key] = raw[key] | value if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
    config = registered(load_risk(raw))
    return config, load_rules(yaml.safe_load((PACK / "rules.yml").read_text(encoding="utf-8")), config)


def registered(config: RiskConfig) -> RiskConfig:
    """The declarations with a registration that fits them, as somebody who changes them writes one."""
    line = {"version": config.version, "registered_on": config.registered_on, "hash": registration_hash(config)}
    return config.model_copy(update={"registrations": (Registration(**line),)})


def sundays(weeks: int) -> list[date]:
    """The first `weeks` Sundays of the generated history."""
    return [START + timedelta(weeks=i) for i in range(weeks)]


def make_marts(
    people: int, weeks: int, seed: int, *, mess: bool = True, signal: float = 1.0, key_seed: int = 0, rate: float = 1.0
) -> duckdb.DuckDBPyConnection:
    """A connection holding `warehouse.marts`; `key_seed` changes every key and nothing else."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], size=people, p=[0.45, 0.41, 0.14])
    family = np.repeat(np.arange(people), sizes)[:people]
    families = int(family.max()) + 1
    keys = [str(uuid.UUID(int=int(x))) for x in _keys(key_seed, people)]
    homes = [str(uuid.UUID(int=int(x))) for x in _keys(key_seed + 1, families)]
    age0 = rng.integers(-40, 190, size=people)
    stress = _stress(rng, families, weeks)
    con = duckdb.connect()
    con.execute("set threads = 2")
    con.execute("attach ':memory:' as warehouse")
    con.execute("create schema warehouse.marts")
    days = sundays(weeks)
    events = _events(rng, family, stress, weeks, mess, rate)
    episodes = _episodes(rng, people, weeks)
    events["person_key"] = [None if h else keys[p] for p, h in zip(events["person"], events["home_only"], strict=True)]
    events["household_key"] = [
        homes[family[p]] if h else None for p, h in zip(events["person"], events["home_only"], strict=True)
    ]
    episodes["person_key"] = [keys[p] for p in episodes["person"]]
    episodes["household_key"] = None
    label = _labels(rng, family, stress, weeks, signal)
    label["person_key"] = [keys[p] for p in label["person"]]
    label["target"] = "statutory_need_182d"
    label["source_record_key"] = [str(uuid.UUID(int=i + 1)) for i in range(len(label))]
    _store(con, "event", events.drop(columns=["person", "home_only"]))
    _store(con, "episode", episodes.drop(columns=["person"]))
    _store(con, "label", label.drop(columns=["person"]))
    _spine(con, rng, family, keys, homes, age0, days, episodes, mess)
    con.execute(
        "create table warehouse.marts.feed_status as select * from (values"
        " ('police','ppn',false), ('csc','contacts',false), ('csc','cin_episodes',false), ('csc','cin_assessments',"
        " false), ('education','attendance',false), ('acute_trust','ed_attendance',false)) as t(agency, feed, is_late)"
    )
    return con


def attributes_of(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The audit's frame for everybody of the spine: attributes that follow the sort number, some not recorded."""
    people = con.execute(
        "select person_key::varchar as person_key, min(sort_no) as n from warehouse.marts.person_week group by 1"
    ).df()
    n = people.pop("n").to_numpy() // 3
    people["sex"] = np.where(n % 2 == 0, "F", "M")
    people["ethnicity_group"] = np.select([n % 10 == 0, n % 5 == 1], [None, "Asian"], "White")
    people["send"], people["disability"], people["fsm"] = "no", None, np.where(n % 4 == 0, "yes", "no")
    people["imd_quintile"] = np.array([*"12345", None], dtype=object)[n % 6]
    return people


def _keys(seed: int, n: int) -> np.ndarray:
    """Distinct 62-bit keys in a random order of their own."""
    return np.random.default_rng(seed + 10_000).permutation(n).astype(np.int64) * 7919 + (seed + 1) * 10**12


def _stress(rng: np.random.Generator, families: int, weeks: int) -> np.ndarray:
    """Log stress per family and week: a slow mean-reverting walk around a family's own level."""
    level = rng.normal(0, 0.7, size=families)
    walk = np.zeros((families, weeks))
    state = rng.normal(0, 0.9, size=families)
    for week in range(weeks):
        state = 0.97 * state + rng.normal(0, 0.22, size=families)
        walk[:, week] = level + state
    return walk


def _events(rng, family, stress, weeks: int, mess: bool, rate: float) -> pd.DataFrame:
    """Event versions, each with the week-level rate of its type times the family's stress."""
    parts = []
    for name, (agency, base) in RATES.items():
        drive = np.exp(1.1 * stress[family]) if agency != "education" else np.exp(0.4 * stress[family])
        person, week = np.nonzero(rng.random((len(family), weeks)) < np.minimum(rate * base * drive, 0.9))
        n = len(person)
        day = np.array(START, dtype="datetime64[D]") + 7 * week + rng.integers(-6, 1, size=n)
        parts.append(
            pd.DataFrame(
                {
                    "person": person,
                    "agency": agency,
                    "feed": name,
                    "event_type": name,
                    "occurred_on": day,
                    "value": rng.integers(1, 11, size=n) / 2 if name == "suspension" else 1.0,
                    "detail": rng.choice(DETAILS[name], size=n) if name in DETAILS else None,
                    "home_only": (rng.random(n) < 0.1) & mess & (agency in ("police", "housing")),
                }
            )
        )
    frame = _for_the_family(rng, pd.concat(parts, ignore_index=True), family)
    n = len(frame)
    lag = rng.exponential(3 if mess else 0.3, size=n) + np.where(rng.random(n) < 0.05, 40.0, 0.0) * mess
    frame["known_from"] = frame["occurred_on"].astype("datetime64[us]") + pd.to_timedelta(
        (lag * 86400).astype(int), unit="s"
    )
    frame["known_to"] = FAR
    frame["event_key"] = [f"{i:08d}" for i in range(n)]
    if mess:
        frame = _versions(rng, frame)
    frame["record_key"] = None
    frame["release"] = "ask_owner"
    return frame


def _for_the_family(rng, frame: pd.DataFrame, family: np.ndarray) -> pd.DataFrame:
    """The events, and copies for brothers and sisters: of one source row (housing), or of one moment (police)."""
    police = frame["agency"] == "police"
    frame["occurred_at"] = pd.NaT
    minutes = pd.to_timedelta(rng.integers(0, 1440, size=len(frame)), unit="min")
    frame.loc[police, "occurred_at"] = (frame["occurred_on"].astype("datetime64[us]") + minutes)[police]
    frame["source_record_key"] = np.arange(len(frame)) + 1
    members = {f: np.flatnonzero(family == f) for f in np.unique(family)}
    copies = []
    for agency, share in (("housing", 0.8), ("police", 0.5)):
        for position in np.flatnonzero((frame["agency"] == agency) & ~frame["home_only"]):
            row = frame.iloc[position]
            others = [m for m in members[family[row["person"]]] if m != row["person"]]
            copies += [{**row, "person": m} for m in others if rng.random() < share]
    more = pd.DataFrame(copies, columns=frame.columns)
    own_row = (more["agency"] == "police").to_numpy()
    more.loc[own_row, "source_record_key"] = len(frame) + 1 + np.flatnonzero(own_row)
    both = pd.concat([frame, more.astype(frame.dtypes)], ignore_index=True)
    both["source_record_key"] = [str(uuid.UUID(int=int(n))) for n in both["source_record_key"]]
    return both


def _versions(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """Correct a tenth of the rows (some move to another day, some come back with a new detail) and retract some."""
    changed = np.flatnonzero(rng.random(len(frame)) < 0.12)
    closed = frame["known_from"].iloc[changed] + pd.to_timedelta(
        rng.integers(1, 80 * 86400, size=len(changed)), unit="s"
    )
    second = frame.iloc[changed].copy()
    frame.loc[frame.index[changed], "known_to"] = closed.to_numpy()
    second["known_from"] = closed.to_numpy()
    shift = rng.integers(-20, 21, size=len(changed)) * (rng.random(len(changed)) < 0.5)
    second["occurred_on"] = second["occurred_on"] + pd.to_timedelta(shift, unit="D")
    second["value"] = second["value"] + 0.5
    stays = rng.random(len(changed)) < 0.7
    return pd.concat([frame, second[stays]], ignore_index=True)


def _episodes(rng: np.random.Generator, people: int, weeks: int) -> pd.DataFrame:
    """Episodes of help: known while open, then known with their end; some of it late."""
    rows = []
    for kind, agency, share in (
        ("referral", "csc", 0.15),
        ("cin_plan", "csc", 0.05),
        ("early_help", "earlyhelp", 0.15),
        ("health_caseload", "community_health", 0.3),
        ("temporary_accommodation", "housing", 0.05),
    ):
        for person in np.flatnonzero(rng.random(people) < share):
            start = START + timedelta(days=int(rng.integers(-200, 7 * weeks)))
            end = start + timedelta(days=int(rng.integers(5, 300)))
            known = pd.Timestamp(start) + timedelta(hours=int(rng.integers(1, 300)))
            ended = max(pd.Timestamp(end), known) + timedelta(hours=int(rng.integers(1, 300)))
            rows.append((person, agency, kind, start, None, known, ended))
            rows.append((person, agency, kind, start, end, ended, FAR))
    frame = pd.DataFrame(
        rows, columns=["person", "agency", "episode_type", "started_on", "ended_on", "known_from", "known_to"]
    )
    frame["feed"] = frame["episode_type"]
    frame["episode_key"] = [f"e{i // 2:07d}" for i in range(len(frame))]
    for column in (
        "source_record_key",
        "record_key",
        "outcome",
        "plan_level",
        "team",
        "worker_record_key",
        "organisation",
    ):
        frame[column] = None
    frame["release"] = "ask_owner"
    return frame


def _labels(rng, family, stress, weeks: int, signal: float) -> pd.DataFrame:
    """Referral dates of need found, following the stress as far as the signal goes, known six weeks later."""
    drive = np.exp(signal * 1.3 * stress[family])
    person, week = np.nonzero(rng.random((len(family), weeks)) < np.minimum(0.0007 * drive / drive.mean(), 0.5))
    day = np.array(START, dtype="datetime64[D]") + 7 * week - rng.integers(0, 7, size=len(week))
    known = day.astype("datetime64[us]") + pd.to_timedelta(rng.integers(20, 85, size=len(week)), unit="D").to_numpy()
    return pd.DataFrame({"person": person, "occurred_on": day, "known_from": known, "known_to": FAR})


def _spine(con, rng, family, keys, homes, age0, days, episodes: pd.DataFrame, mess: bool) -> None:
    """person_week, household and person; a few people have no household or change it half-way."""
    people, weeks = len(family), len(days)
    no_home = (rng.random(people) < 0.05) & mess
    mover = (rng.random(people) < 0.05) & mess
    target = rng.integers(0, len(homes), size=people)
    person = np.tile(np.arange(people), weeks)
    week = np.repeat(np.arange(weeks), people)
    home = np.where(mover[person] & (week > weeks // 2), target[person], family[person])
    age = age0[person] + week // 4
    frame = pd.DataFrame(
        {
            "person_key": np.array(keys, dtype=object)[person],
            "as_of_date": np.array(days, dtype="datetime64[s]")[week],
            "area_team": np.array(["North", "South"])[family[person] % 2],
            "age_months": age,
            "peer_group": np.select([age < 24, age < 60, age < 132], ["infant", "preschool", "primary"], "secondary"),
            "household_key": np.where(no_home[person], None, np.array(homes, dtype=object)[home]),
            "sort_no": person * 3 + 5,
        }
    )
    _store(con, "spine0", frame[(age >= 0) & (age < 216)])
    cut = pd.DataFrame(
        {"as_of_date": np.array(days, dtype="datetime64[s]"), "cutoff": [knowledge_cutoff(d) for d in days]}
    )
    _store(con, "cut", cut)
    con.execute(
        """create table warehouse.marts.person_week as
        select s.*, case when open.person_key is not null then 'referral_open' end as exclusion_reason,
            case when open.person_key is not null then 'named_worker' end as routed_to
        from warehouse.marts.spine0 as s left join (
            select distinct e.person_key, c.as_of_date from warehouse.marts.episode as e join warehouse.marts.cut as c
            on e.episode_type in ('referral', 'cin_plan') and e.started_on <= c.as_of_date
            and (e.ended_on is null or e.ended_on > c.as_of_date) and e.known_from <= c.cutoff and c.cutoff < e.known_to
        ) as open using (person_key, as_of_date)"""
    )
    con.execute("drop table warehouse.marts.spine0")
    con.execute("drop table warehouse.marts.cut")
    spells = [
        (homes[family[p]], keys[p], days[0] - timedelta(days=200), None, "2021-01-01", FAR) for p in range(people)
    ]
    spells += [
        (homes[target[p]], keys[p], days[weeks // 2], None, str(days[weeks // 2]), FAR) for p in np.flatnonzero(mover)
    ]
    frame = pd.DataFrame(
        spells, columns=["household_key", "person_key", "started_on", "ended_on", "known_from", "known_to"]
    )
    frame["sort_no"] = 0
    _store(con, "household", frame)


def _store(con: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """Write a frame as a mart, with keys as UUID and dates as DATE."""
    con.register("frame", frame)
    casts = []
    for column in frame.columns:
        if column in ("person_key", "household_key", "source_record_key", "record_key", "worker_record_key"):
            casts.append(f"{column}::varchar::uuid as {column}")
        elif column in ("occurred_on", "started_on", "ended_on", "as_of_date"):
            casts.append(f"{column}::date as {column}")
        elif column in ("known_from", "known_to", "occurred_at"):
            casts.append(f"{column}::timestamp as {column}")
        elif frame[column].isna().all():
            casts.append(f"{column}::varchar as {column}")
        else:
            casts.append(column)
    con.execute(f"create table warehouse.marts.{name} as select {', '.join(casts)} from frame")
    con.unregister("frame")
