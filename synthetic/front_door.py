"""What police, schools and hospitals sent to the front door, and which of it was lost on the way.

Most contacts of social care answer a notification that another agency sent. The world's contacts come first (the laws
of the simulation make them); here each contact from the police about an incident, from an emergency department or from
a school gets the notification it answers, and a few notifications are added that nobody ever recorded.

Worked example: on Tuesday at 21:40 police attend a family with two children at home and send the notice at 23:10;
social care records a contact for each child on Wednesday. In the same week another school's notification goes into an
inbox that is full. The first two notifications have a contact, the third is `lost`: no contact is made and none taken
away, so contacts are what they would be without this module.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthetic.context import Context

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: Share of the notifications sent that nobody records, by who sent them.
LOST = {"police": 0.015, "education": 0.02, "acute_trust": 0.03}
#: Share of the lost that went down together while an inbox was full: over one weekend, or four in one school day.
TOGETHER, SCHOOL_BATCH = 0.4, 4
#: Schools telephone a few contacts and send nothing.
TELEPHONED = 0.05
#: Nobody adds a lost notification of a child about whom the school was in touch so few days before or after.
APART_DAYS = 14
_DAY = np.timedelta64(86400, "s")


def sent_notifications(context: Context, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per notification about a child: notification_id, sender, person_id, sent_at, lost, and what it is about.

    `incident_id` (police), `ed_id` (hospital) or `urn` (the school that sent) say what; the others are missing.
    `sent_at` is London wall-clock time, for schools the day. Reads the world's tables before their days become dates.
    """
    contact = tables["csc_contact"]
    contact = contact[contact["contact_date"] <= context.high]
    parts = [
        _from_police(context, tables, contact),
        _from_hospital(context, tables, contact),
        _from_schools(context, tables, contact),
    ]
    columns = ["sender", "person_id", "sent_at", "lost", "incident_id", "ed_id", "urn"]
    table = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    table = table.sort_values(["sent_at", "sender", "person_id"], kind="stable", ignore_index=True)
    table.insert(0, "notification_id", np.arange(1, len(table) + 1))
    for column in ("incident_id", "ed_id", "urn"):
        table[column] = table[column].astype("Int64")
    # In a small world one of the senders may have sent nothing.
    return table.astype({"person_id": "int64", "lost": "bool"})


def _from_police(context: Context, tables: dict[str, pd.DataFrame], contact: pd.DataFrame) -> pd.DataFrame:
    """Notices of incidents that led to a contact, about the children contacted; and lost ones, about every child.

    A child in care who is named in a notice is dealt with by its own social worker, not at the front door.
    """
    rng = context.rng("front_door", "police")
    incident = tables["police_incident"].set_index("incident_id")
    child = tables["police_subject"].merge(
        tables["person"].loc[tables["person"]["role"] == "child", ["person_id"]], on="person_id"
    )[["incident_id", "person_id"]]
    mine = contact[contact["trigger"] == "police_incident"]
    answered = pd.DataFrame(
        {"incident_id": mine["trigger_id"].astype("int64"), "person_id": mine["person_id"], "day": mine["contact_date"]}
    )
    recorded_on = answered.groupby("incident_id")["day"].min()
    recorded = child.merge(answered[["incident_id", "person_id"]].drop_duplicates(), on=["incident_id", "person_id"])
    silent = np.setdiff1d(np.unique(child["incident_id"]), recorded_on.index.to_numpy())
    count = _lost_of(recorded["incident_id"].nunique(), "police")
    gone = silent[_chosen(rng, _days(incident.loc[silent, "occurred_at"]), count)]
    sent = pd.concat(
        [recorded.assign(lost=False), child[child["incident_id"].isin(gone)].assign(lost=True)], ignore_index=True
    )
    when = sorted({*sent["incident_id"].tolist()})
    occurred = incident.loc[when, "occurred_at"].to_numpy().astype("datetime64[s]")
    moment = occurred + rng.integers(20, 240, len(when)) * np.timedelta64(60, "s")
    # Nobody records what has not been sent: a late evening's notice goes out before midnight where it was recorded
    # the same day.
    by = recorded_on.reindex(when).to_numpy()
    known = ~np.isnan(by)
    midnight = by[known].astype(np.int64).astype("datetime64[D]").astype("datetime64[s]") + _DAY
    moment[known] = np.maximum(occurred[known], np.minimum(moment[known], midnight - np.timedelta64(60, "s")))
    sent["sent_at"] = sent["incident_id"].map(pd.Series(moment, index=when))
    return sent.assign(sender="police")


def _from_hospital(context: Context, tables: dict[str, pd.DataFrame], contact: pd.DataFrame) -> pd.DataFrame:
    """Attendances whose concern was passed on. Lost are some where staff were worried and no contact followed."""
    rng = context.rng("front_door", "hospital")
    attendance = tables["ed_attendance"]
    answered = contact.loc[contact["trigger"] == "ed_attendance", "trigger_id"].astype("int64")
    recorded = attendance["ed_id"].isin(answered).to_numpy()
    worried = np.flatnonzero(attendance["safeguarding_concern"].to_numpy().astype(bool) & ~recorded)
    count = _lost_of(int(recorded.sum()), "acute_trust")
    lost = np.zeros(len(attendance), dtype=bool)
    lost[worried[_chosen(rng, _days(attendance["arrival_at"].iloc[worried]), count)]] = True
    sent = attendance[recorded | lost]
    return pd.DataFrame(
        {
            "person_id": sent["person_id"],
            "lost": lost[recorded | lost],
            "sent_at": sent["arrival_at"],
            "sender": "acute_trust",
            "ed_id": sent["ed_id"],
        }
    )


def _from_schools(context: Context, tables: dict[str, pd.DataFrame], contact: pd.DataFrame) -> pd.DataFrame:
    """Schools' contacts about children on their roll, sent that day or the school day before; and lost ones."""
    rng = context.rng("front_door", "schools")
    spell = tables["enrolment"][["person_id", "urn", "entry_date", "leaving_date"]]
    spell = spell[spell["person_id"].isin(tables["person"].loc[tables["person"]["upn"].notna(), "person_id"])]
    mine = contact[contact["source_code"].isin(["2A", "2B"])]
    day = mine["contact_date"].to_numpy() - rng.integers(0, 2, len(mine))
    day = day - np.array([0, 0, 0, 0, 0, 1, 2])[(day + 3) % 7]
    asked = pd.DataFrame({"person_id": mine["person_id"].to_numpy(), "day": day})[rng.random(len(mine)) >= TELEPHONED]
    sent = _on_roll(asked[asked["day"] >= context.low], spell).assign(lost=False)
    gone = _lost_at_school(rng, sent, spell, contact)
    sent = pd.concat([sent, gone], ignore_index=True)
    sent["sent_at"] = sent.pop("day").to_numpy().astype("datetime64[D]").astype("datetime64[s]")
    return sent.assign(sender="education")


def _on_roll(asked: pd.DataFrame, spell: pd.DataFrame) -> pd.DataFrame:
    """person_id, day and the school of those on a roll that day."""
    asked = asked.reset_index(drop=True)
    found = asked.reset_index().merge(spell, on="person_id")
    found = found[(found["entry_date"] <= found["day"]) & (found["leaving_date"] > found["day"])]
    return found.drop_duplicates("index", keep="last")[["person_id", "day", "urn"]].reset_index(drop=True)


def _lost_at_school(
    rng: np.random.Generator, sent: pd.DataFrame, spell: pd.DataFrame, contact: pd.DataFrame
) -> pd.DataFrame:
    """Notifications nobody recorded: sent by a school on a day on which schools sent some, about another pupil."""
    count = _lost_of(len(sent), "education")
    like = sent.iloc[np.sort(rng.integers(0, max(len(sent), 1), count if len(sent) else 0))].reset_index(drop=True)
    day = like["day"].to_numpy().copy()
    together = round(TOGETHER * len(day) / SCHOOL_BATCH)
    for batch in range(together):
        day[batch * SCHOOL_BATCH : (batch + 1) * SCHOOL_BATCH] = day[batch * SCHOOL_BATCH]
    in_touch = contact.groupby("person_id")["contact_date"].agg(list).to_dict()
    rows = []
    for urn, on in zip(like["urn"].tolist(), day.tolist(), strict=True):
        pupils = spell.loc[
            (spell["urn"] == urn) & (spell["entry_date"] <= on) & (spell["leaving_date"] > on), "person_id"
        ]
        free = [one for one in pupils.tolist() if all(abs(on - other) > APART_DAYS for other in in_touch.get(one, ()))]
        if free:
            rows.append((free[int(rng.integers(0, len(free)))], on, urn))
    frame = pd.DataFrame(rows, columns=["person_id", "day", "urn"]).drop_duplicates(["person_id", "day"])
    return frame.assign(lost=True)


def _chosen(rng: np.random.Generator, day: Ints, count: int) -> Bools:
    """Which of some candidates (by day) were lost: a share of them over whole weekends, the rest one by one."""
    chosen = np.zeros(len(day), dtype=bool)
    # Day 1 of the epoch was a Friday.
    weekend, place = (day - 1) // 7, (day - 1) % 7
    for full in rng.permutation(np.unique(weekend)).tolist():
        if chosen.sum() >= TOGETHER * count:
            break
        inside = (weekend == full) & (place <= 2)
        if inside.sum() >= 2:
            chosen |= inside
    rest = rng.permutation(np.flatnonzero(~chosen))
    chosen[rest[: max(0, count - int(chosen.sum()))]] = True
    return chosen


def _lost_of(recorded: int, sender: str) -> int:
    """How many lost ones there are beside those recorded, so that the share of all sent comes out."""
    return round(recorded * LOST[sender] / (1 - LOST[sender]))


def _days(moments: pd.Series) -> Ints:
    return moments.to_numpy().astype("datetime64[D]").astype(np.int64)
