"""What every agency's view is drawn from: the true tables, and look-ups into them that several agencies share.

Agencies do not know the truth: they ask ``Ground`` who someone is on a day and add their own gaps, delays and slips.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from synthetic.agencies.corruption import Defects, Rates, garble, key_hash
from synthetic.agencies.views import Times, ViewSettings, at_work

_DAY = np.timedelta64(86400, "s")


class Ground:
    """The true world with shared look-ups. ``tables`` are those of ``World.tables``; none of them is changed."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], settings: ViewSettings) -> None:
        self.tables = tables
        self.settings = settings

    def table(self, name: str) -> pd.DataFrame:
        """One true table (shared: copy before changing it)."""
        return self.tables[name]

    def defects(self, scope: str) -> Defects:
        """The draws of one agency or feed."""
        return Defects(self.settings.seed, scope, self.settings.error_multiplier)

    @cached_property
    def person(self) -> pd.DataFrame:
        """People by ``person_id``, with ``is_child`` and ``note``.

        The note joins by ``;``: twin, and for either identity of a barrier what it is (``pre_adoption``,
        ``post_protected`` ...).
        """
        person = self.tables["person"].set_index("person_id", drop=False)
        barrier = self.tables["barrier"]
        twin = person["twin_group"].notna().to_numpy()
        kind = barrier["barrier_type"].astype(str).str.lower()
        side: dict[int, str] = {}
        for when, column in (("pre", "person_id_before"), ("post", "person_id_after")):
            for who, what in zip(barrier[column].tolist(), kind.tolist(), strict=True):
                side[who] = f"{side[who]};{when}_{what}" if who in side else f"{when}_{what}"
        notes = [
            ";".join(part for part in ("twin" if is_twin else "", side.get(who, "")) if part)
            for who, is_twin in zip(person.index.tolist(), twin.tolist(), strict=True)
        ]
        return person.assign(is_child=(person["role"] == "child").to_numpy(), note=notes)

    @cached_property
    def homes(self) -> pd.DataFrame:
        """Home spells with their address: person_id, start_date, end_date, postcode, uprn, house, street, town."""
        spells = self.tables["person_address"]
        spells = spells[spells["use"].astype(str) == "home"]
        places = self.tables["address"].set_index("address_id")[["house", "street", "town", "postcode", "uprn"]]
        out = spells.join(places, on="address_id")
        return out.sort_values(["start_date", "person_id"], kind="stable", ignore_index=True)

    def days(self, table: str, column: str) -> pd.DataFrame:
        """person_id and ``opened_on`` of a true table's rows: the day each person was met there."""
        return self.tables[table][["person_id", column]].set_axis(["person_id", "opened_on"], axis=1)

    def of_person(self, person_ids: pd.Series | npt.NDArray[np.int64]) -> pd.DataFrame:
        """Rows of ``person`` in the order asked for, with a fresh index."""
        return self.person.loc[np.asarray(person_ids)].reset_index(drop=True)

    def home_on(self, person_ids: pd.Series, days: pd.Series | Times) -> pd.DataFrame:
        """Postcode and UPRN of each person's home on each day (the first home before any), in the order asked for."""
        asked = pd.DataFrame(
            {
                "person_id": np.asarray(person_ids),
                "day": np.asarray(days).astype("datetime64[s]"),
                "_at": np.arange(len(person_ids)),
            }
        ).sort_values("day", kind="stable")
        spells = self.homes[["person_id", "start_date", "postcode", "uprn"]].copy()
        spells["start_date"] = spells["start_date"].astype("datetime64[s]")
        found = pd.merge_asof(asked, spells, left_on="day", right_on="start_date", by="person_id")
        found = found.sort_values("_at", ignore_index=True)
        first = spells.drop_duplicates("person_id").set_index("person_id")
        for column in ("postcode", "uprn"):
            found[column] = found[column].fillna(found["person_id"].map(first[column]))
        return found[["postcode", "uprn"]]

    def family_members(self, families: pd.DataFrame, day: str) -> pd.DataFrame:
        """People of each row's ``family_id`` who live here on its ``day`` column and are born and alive: rows x
        people.
        """
        people = self.person.reset_index(drop=True)[
            ["person_id", "family_id", "role", "is_child", "birth_date", "death_date", "resident_from", "resident_to"]
        ]
        out = families.merge(people, on="family_id")
        on = out[day]
        here = (out["resident_from"] <= on) & (out["resident_to"].isna() | (on < out["resident_to"]))
        living = (out["birth_date"] <= on) & (out["death_date"].isna() | (on < out["death_date"]))
        minor = ~out["is_child"] | (on < out["birth_date"] + pd.DateOffset(years=18))
        return out[here & living & minor].reset_index(drop=True)

    def address_versions(
        self, opened: pd.DataFrame, draws: Defects, median_days: float, p95_days: float, noticed: float
    ) -> pd.DataFrame:
        """When an agency learns of each home: person_id, start_date, end_date, address columns, ``learnt_on``,
        ``first``.

        ``opened`` has ``person_id`` and ``opened_on`` (the day its record was made). The home of that day is known at
        once; later ones after a delay, and a share ``1 - noticed`` never.
        """
        spells = self.homes.merge(opened[["person_id", "opened_on"]], on="person_id")
        spells = spells[spells["end_date"].isna() | (spells["end_date"] > spells["opened_on"])]
        spells = spells.sort_values(["person_id", "start_date"], kind="stable", ignore_index=True)
        first = ~spells["person_id"].duplicated().to_numpy()
        hashes = key_hash(spells["person_address_id"])
        delay = np.minimum(draws.lognormal("address_delay", hashes, median_days, p95_days), 400.0)
        known = first | draws.chosen("address_noticed", hashes, noticed)
        start = np.maximum(spells["start_date"].to_numpy(), spells["opened_on"].to_numpy()).astype("datetime64[s]")
        late = (delay * 86400).astype("timedelta64[s]")
        spells["learnt_on"] = np.where(first, start, start + late).astype("datetime64[D]").astype("datetime64[s]")
        spells["first"] = first
        return spells[known].reset_index(drop=True)

    def identity(
        self,
        records: pd.DataFrame,
        hashes: npt.NDArray[np.uint64],
        draws: Defects,
        rates: Rates = Rates(),  # noqa: B008
    ) -> pd.DataFrame:
        """The agency's spelling of each row's ``person_id``: forename, surname, birth_date, sex, the postcode given,
        flags.

        ``records`` has ``person_id`` and, if the agency holds one, ``postcode``. ``flags`` starts with the person's
        note.
        """
        true = self.of_person(records["person_id"])
        people = true[["forename", "surname", "birth_date", "sex"]].copy()
        if "postcode" in records:
            people["postcode"] = records["postcode"].to_numpy()
        out = garble(people, hashes, draws, rates)
        out["flags"] = [
            ";".join(part for part in pair if part) for pair in zip(true["note"], out["flags"], strict=True)
        ]
        out["person_id"] = records["person_id"].to_numpy()
        return out


def first_seen(seen: list[pd.DataFrame]) -> pd.DataFrame:
    """person_id and the first ``opened_on`` (a date) of frames with those columns, by person_id."""
    days = pd.concat([frame.astype({"opened_on": "datetime64[s]"}) for frame in seen], ignore_index=True)
    days["opened_on"] = days["opened_on"].dt.floor("D")
    return days.groupby("person_id")[["opened_on"]].min().reset_index()


def recorded(days: pd.Series | Times, draws: Defects, label: str, hashes: npt.NDArray[np.uint64]) -> Times:
    """Office-hours instants (UTC) on the given London dates."""
    return at_work(days, draws.uniform(f"hour/{label}", hashes))


def after(days: pd.Series | Times, delay_days: npt.NDArray[np.float64] | npt.NDArray[np.int64] | float) -> Times:
    """Dates moved by a number of days (fractions dropped)."""
    moved = np.asarray(days).astype("datetime64[s]") + (np.asarray(delay_days) // 1).astype("int64") * _DAY
    return moved.astype("datetime64[D]").astype("datetime64[s]")


def yes_no(values: pd.Series | npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """``Y`` or ``N``."""
    return np.where(np.asarray(values).astype(bool), "Y", "N").astype(object)


def keep_where(
    values: pd.Series | npt.NDArray[np.object_] | list[str], keep: npt.NDArray[np.bool_]
) -> npt.NDArray[np.object_]:
    """Text where ``keep`` holds and the value is there, else None."""
    text = np.asarray(values, dtype=object)
    out = text.copy()
    out[~keep | pd.isna(text)] = None
    return out
