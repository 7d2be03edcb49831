"""Early help: the family-support case system. A person is recorded when an episode opens; NHS numbers for 65 %, UPRNs
for 70 %.

Needs are identified when the episode opens and marked met as work goes on; the end reason is known at the end. Entered
the next day; 0.1 % of needs a week are found to be entered on the wrong episode and deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time

import numpy as np
import pandas as pd

from synthetic.agencies.casework import as_text, closing, mapped, misfiled
from synthetic.agencies.corruption import key_hash, local_ids
from synthetic.agencies.ground import Ground, after, first_seen, keep_where, recorded
from synthetic.agencies.views import Feed, View, columns, stack_versions

AGENCY = "earlyhelp"
NHS_FILL, UPRN_FILL = 0.65, 0.70


def _feed(name: str, key: str, text: str, *, names_people: bool = False) -> Feed:
    return Feed(AGENCY, name, columns(text), (key,), "delta", time(21, 0), names_people=names_people)


PERSON = _feed(
    "person",
    "eh_person_id",
    "eh_person_id eh_forename eh_surname eh_dob:date eh_sex eh_nhs_number eh_postcode eh_uprn row_state",
    names_people=True,
)
EPISODES = _feed(
    "episodes",
    "earl_episode_id",
    "earl_episode_id earl_person_id earl_episode_start_date:date earl_episode_end_date:date earl_episode_reason"
    " earl_episode_end_reason earl_episode_organisation earl_episode_worker_id row_state",
)
NEEDS = _feed(
    "needs",
    "eh_need_id",
    "eh_need_id earl_episode_id sf_outcome_code identified_date:date met_date:date row_state",
)
WORKER = _feed("worker", "ehw_worker_id", "ehw_worker_id ehw_name ehw_role ehw_organisation row_state")

FEEDS = (PERSON, EPISODES, NEEDS, WORKER)


def build(ground: Ground) -> Iterator[View]:
    """Every early-help feed."""
    draws = ground.defects(AGENCY)
    episodes = ground.table("early_help")
    opened = first_seen([ground.days("early_help", "start_date")])
    people = pd.Series(
        local_ids(draws, key_hash(opened["person_id"]), "EH{:d}", 10_001), index=opened["person_id"].to_numpy()
    )
    workers = ground.table("professional")
    workers = workers[workers["professional_id"].isin(episodes["worker_id"])]
    names = pd.Series(
        local_ids(ground.defects(WORKER.label), key_hash(workers["professional_id"]), "W{:d}", 301),
        index=workers["professional_id"].to_numpy(),
    )
    yield View(PERSON, _people(ground, opened, people))
    yield from _work(ground, people, names)
    listed = pd.DataFrame(
        {
            "ehw_worker_id": names.to_numpy(),
            "ehw_name": as_text(workers["name"]),
            "ehw_role": as_text(workers["job_title"]),
            "ehw_organisation": as_text(workers["organisation"]),
            "_recorded_at": np.datetime64("2015-01-01T09:00:00", "s"),
        }
    )
    yield View(WORKER, stack_versions(WORKER, [listed]))


def _people(ground: Ground, opened: pd.DataFrame, people: pd.Series) -> pd.DataFrame:
    draws = ground.defects(AGENCY)
    homes = ground.address_versions(opened, draws, median_days=14, p95_days=90, noticed=0.85)
    hashes = key_hash(homes["person_id"])
    view = ground.identity(homes[["person_id", "postcode"]], hashes, draws)
    true = ground.of_person(homes["person_id"])
    rows = pd.DataFrame(
        {
            "eh_person_id": homes["person_id"].map(people),
            "eh_forename": view["forename"],
            "eh_surname": view["surname"],
            "eh_dob": view["birth_date"],
            "eh_sex": view["sex"],
            "eh_nhs_number": keep_where(true["nhs_number"], draws.chosen("nhs", hashes, NHS_FILL)),
            "eh_postcode": view["postcode"],
            "eh_uprn": keep_where(homes["uprn"], draws.chosen("uprn", hashes, UPRN_FILL)),
            "_recorded_at": recorded(
                after(homes["learnt_on"], 1), draws, "person", key_hash(homes["person_address_id"])
            ),
            "_person_id": homes["person_id"],
            "_flags": view["flags"],
        }
    )
    step = homes.groupby("person_id").cumcount().to_numpy()
    return stack_versions(PERSON, [rows[step == n] for n in range(int(step.max(initial=0)) + 1)])


def _work(ground: Ground, people: pd.Series, workers: pd.Series) -> Iterator[View]:
    draws = ground.defects(EPISODES.label)
    true = ground.table("early_help")
    hashes = key_hash(true["episode_id"])
    ids = pd.Series(local_ids(draws, hashes, "EP{:d}", 50_001), index=true["episode_id"].to_numpy())
    rows = pd.DataFrame(
        {
            "earl_episode_id": ids.to_numpy(),
            "earl_person_id": as_text(true["person_id"].map(people)),
            "earl_episode_start_date": true["start_date"],
            "earl_episode_end_date": pd.NaT,
            "earl_episode_reason": mapped(true["reason"], "early_help_reason"),
            "earl_episode_end_reason": None,
            "earl_episode_organisation": mapped(true["organisation"], "early_help_organisation"),
            "earl_episode_worker_id": as_text(true["worker_id"].map(workers)),
            "_recorded_at": recorded(after(true["start_date"], 1), draws, "open", hashes),
        }
    )
    over = closing(
        rows,
        draws,
        hashes,
        pd.Series(after(true["end_date"], 1)),
        earl_episode_end_date=true["end_date"],
        earl_episode_end_reason=true["end_reason"],
    )
    yield View(EPISODES, stack_versions(EPISODES, [rows, over]))

    draws = ground.defects(NEEDS.label)
    need = ground.table("early_help_need")
    hashes = key_hash(need["need_id"])
    rows = pd.DataFrame(
        {
            "eh_need_id": local_ids(draws, hashes, "N{:d}", 100_001),
            "earl_episode_id": as_text(need["episode_id"].map(ids)),
            "sf_outcome_code": need["outcome_code"].astype(int).astype(str).astype(object),
            "identified_date": need["identified_date"],
            "met_date": pd.NaT,
            "_recorded_at": recorded(after(need["identified_date"], 1), draws, "open", hashes),
        }
    )
    met = closing(rows, draws, hashes, pd.Series(after(need["met_date"], 1)), met_date=need["met_date"])
    wrong = misfiled(rows, draws, hashes, "eh_need_id", "NX{:d}", "earl_episode_id")
    yield View(NEEDS, stack_versions(NEEDS, [rows, met, *wrong]))
