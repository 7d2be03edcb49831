"""One partnership, opened: its pack, its keys, its zones. What every step of a run is handed as the resource `hub`."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import yaml

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract, load_pack_contracts
from data_quality.expectations.stops import Override, load_overrides
from governance.backup import HUB_FILE
from governance.hub_store import HubStore
from governance.keys import Keys, load_keys
from governance.pseudonym import Pseudonym
from governance.zones import Zones
from pipelines.clock import LONDON, next_night, nightly_cutoff
from pipelines.partnership import Agency, Partnership
from pipelines.quiet_days import QuietDays
from pipelines.settings import Settings

# The night in a drop's file name.
_STAMP = re.compile(r"_(\d{8})_(?:full|delta)\.")

FIFTHS = ("1", "2", "3", "4", "5")


class HubProblem(Exception):
    """Something about the partnership's folder or state that a person has to mend; the message says what."""


class Hub:
    """Reads the pack once; opens zones on demand.

    Attributes:
        known_until: the instant the run this was opened for knows the world up to (naive UTC), None outside a run.
    """

    known_until: datetime | None = None

    def __init__(self, settings: Settings, create_keys: bool = False) -> None:
        self.settings = settings
        self._create_keys = create_keys

    @classmethod
    def from_environment(cls, create_keys: bool = False) -> Hub:
        """The partnership that the environment names. `create_keys` makes demo keys at first run."""
        return cls(Settings(), create_keys)

    @cached_property
    def partnership(self) -> Partnership:
        """What partnership.yml declares."""
        return Partnership.load(self.settings.pack / "partnership.yml")

    @cached_property
    def declared_contracts(self) -> dict[str, FeedContract]:
        """Every feed's contract, by `<agency>__<feed>`, agencies in the pack's order; feeds that are off too."""
        contracts = load_pack_contracts(self.settings.pack / "feeds")
        order = {agency: place for place, agency in enumerate(self.partnership.agencies)}
        return dict(sorted(contracts.items(), key=lambda item: (order.get(item[1].agency, len(order)), item[0])))

    @cached_property
    def feeds_off(self) -> dict[str, list[str]]:
        """Feeds that wait for a sign-off, with the names of those missing: not read, and no model of them is built."""
        day = self._sign_off_day()
        missing = {
            name: self.partnership.missing_sign_offs(contract, day)
            for name, contract in self.declared_contracts.items()
        }
        return {name: names for name, names in missing.items() if names}

    @cached_property
    def contracts(self) -> dict[str, FeedContract]:
        """The contracts of the feeds that are on, in the pack's order: all that a run works with."""
        off = self.feeds_off
        return {name: contract for name, contract in self.declared_contracts.items() if name not in off}

    @cached_property
    def subjects(self) -> dict[str, str]:
        """Whom a feed is about, by feed, for those of the pack that are not about the persons this hub is for."""
        found = {name: self.partnership.subject_of(one) for name, one in self.declared_contracts.items()}
        return {name: subject for name, subject in found.items() if subject}

    @property
    def other_subjects(self) -> list[str]:
        """Subjects besides the persons this hub is for that some feed which is on is about."""
        return sorted({subject for name, subject in self.subjects.items() if name in self.contracts})

    @cached_property
    def agencies(self) -> dict[str, Agency]:
        """Every agency with a contract, by key; one that partnership.yml does not describe goes by its key."""
        described = self.partnership.agencies
        named = dict.fromkeys(contract.agency for contract in self.contracts.values())
        return {key: described.get(key) or Agency(title=key.replace("_", " ").capitalize()) for key in named}

    @cached_property
    def code_sets(self) -> CodeSets:
        """The pack's dated code sets."""
        return CodeSets.from_folder(self.settings.pack / "codes")

    @cached_property
    def keys(self) -> Keys:
        """The partnership's keys; a demo's are made at first run, never beside databases that other keys wrote."""
        is_new = not any(self.settings.root.glob("*.duckdb"))
        return load_keys(self.settings.name, create=self._create_keys and is_new)

    @cached_property
    def zones(self) -> Zones:
        """The encrypted databases."""
        return Zones(self.settings.root, self.keys, self.settings.duckdb_threads, self.settings.duckdb_memory_limit)

    @cached_property
    def store(self) -> HubStore:
        """Zone Z3: frozen lists, releases, the audit log."""
        return HubStore(self.settings.root / HUB_FILE, self.keys.hub, Pseudonym(self.keys.pseudonym).key_of)

    def prepare(self) -> None:
        """Bring databases to this version, and the dbt project and its manifest to this pack."""
        from pipelines.dbt_runs import ensure_manifest

        self.zones.migrate()
        ensure_manifest(self)

    def declaration(self, name: str) -> dict[str, Any]:
        """A YAML file of the pack as a dictionary; empty when the pack has none."""
        path = self.settings.pack / name
        if not path.is_file():
            return {}
        # The loader of libyaml: as safe as Python's and ten times as fast; a night reads its declarations twenty times.
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}

    @property
    def people(self) -> str:
        """What the pack calls those its lists are about: children, students."""
        return str(self.declaration("wording.yml").get("person", {}).get("many", "people"))

    def area_teams(self) -> dict[str, str]:
        """Area team by outward code, the first part of a postcode."""
        return {row["outward_code"]: row["area_team"] for row in self._code_rows("area_team")}

    def area_deprivation(self) -> dict[str, str]:
        """Fifth of deprivation, "1" the most deprived, by area: an outward code, a sector or a whole postcode.

        Empty where the pack has no such table. Read where addresses are, and for the fairness audit alone.

        Raises:
            HubProblem: an area has no fifth from 1 to 5, or two; says in which line.
        """
        from models.linkage.area import area_as_written

        found: dict[str, str] = {}
        for line, row in enumerate(self._code_rows("area_deprivation"), start=2):
            area, fifth = area_as_written(row.get("area") or ""), (row.get("imd_quintile") or "").strip()
            if not area or fifth not in FIFTHS or area in found:
                raise HubProblem(
                    f"codes/area_deprivation.csv of the partnership, line {line}: write each area once, as an outward "
                    f"code, a sector or a postcode, with a fifth from 1 (most deprived) to 5."
                )
            found[area] = fifth
        return found

    def bank_holidays(self) -> frozenset[date]:
        """Days that are no working days, besides weekends."""
        return frozenset(date.fromisoformat(row["date"]) for row in self._code_rows("bank_holidays"))

    @cached_property
    def quiet_days(self) -> QuietDays:
        """Days on which a feed has no reason to bring its usual rows."""
        return QuietDays(self._code_rows("school_calendar"), self.bank_holidays())

    def overrides(self) -> tuple[Override, ...]:
        """Who decided that a list may be issued although a rule that stops it is broken."""
        return load_overrides(self.settings.pack / "overrides.yml")

    def labels(self, *code_sets: str) -> dict[str, str]:
        """Words for the codes of some code sets; empty for a set the pack does not have."""
        return {row["code"]: row["label"] for name in code_sets for row in self._code_rows(name)}

    def _code_rows(self, name: str) -> list[dict[str, str]]:
        path = self.settings.pack / "codes" / f"{name}.csv"
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def present(self) -> datetime:
        """The instant a run started now may know up to, as naive UTC.

        With `clock: wall` it is now. With `clock: drops` (the demo) it is the next 02:00 after the newest drop, so
        that a demo behaves the same whenever it is run.

        Raises:
            HubProblem: the clock follows the drops and there are none.
        """
        if self.partnership.clock == "wall":
            return datetime.now(UTC).replace(tzinfo=None)
        newest = max([*self._landed(), *self._logged()], default=None)
        if newest is None:
            raise HubProblem(
                f"Nothing has been delivered to {self.settings.landing} yet. For the demo run `hub demo create`; "
                "an agency leaves its file and then its manifest there."
            )
        return nightly_cutoff(next_night(newest))

    def require_calendar(self, instant: datetime) -> None:
        """Refuse to work beyond the frozen calendars: weeks and working days would be guesses.

        Raises:
            HubProblem: the instant is after `calendar.valid_until` of partnership.yml.
        """
        until = self.partnership.calendar.valid_until
        if instant.date() > until:
            raise HubProblem(
                f"The calendars of {self.settings.name} end on {until:%d %B %Y}; this run is for {instant:%d %B %Y}. "
                "Add the next school year and bank holidays under codes/, then move calendar.valid_until."
            )

    def subject_was_on(self, subject: str, day: date) -> bool:
        """Whether every sign-off that feeds about a subject wait for held on a day."""
        return not any(
            self.partnership.missing_sign_offs(self.declared_contracts[name], day)
            for name, about in self.subjects.items()
            if about == subject
        )

    def _sign_off_day(self) -> date | None:
        """The day on which sign-offs are judged: today, or with `clock: drops` that of the newest drop.

        Read from the names of the files in landing alone (a run may hold the databases), and from feeds alone that
        wait for nobody, so that an agency cannot bring its own sign-off forward. None before anything came.
        """
        if self.partnership.clock == "wall":
            return datetime.now(LONDON).date()
        stamps = [
            found.group(1)
            for contract in self.declared_contracts.values()
            if not self.partnership.sign_offs_of(contract)
            for manifest in (self.settings.landing / contract.agency / contract.feed).rglob("*.manifest.json*")
            if (found := _STAMP.search(manifest.name))
        ]
        return datetime.strptime(max(stamps), "%Y%m%d").date() if stamps else None

    def _landed(self) -> list[datetime]:
        """When the drops that wait in landing were received; nobody looks at those of a feed that is off."""
        found = []
        for manifest in self.settings.landing.glob("*/*/*.manifest.json"):
            if "__".join(manifest.parts[-3:-1]) in self.feeds_off:
                continue
            try:
                text = json.loads(manifest.read_text(encoding="utf-8"))["received_at"]
                found.append(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None))
            except (ValueError, KeyError, TypeError):
                continue  # the gate refuses it and says why
        return found

    def _logged(self) -> list[datetime]:
        """When the newest drop that was taken in was received."""
        if not self.zones.path("quarantine").exists():
            return []
        with self.zones.open("quarantine", read_only=True) as con:
            rows = con.execute("select max(received_at) from gate.drop_log").fetchall()
        return [rows[0][0]] if rows[0][0] else []

    def linkage_model(self) -> Any:
        """The pack's trained linkage model, its hash checked on reading; without one, numbers alone link."""
        from models.linkage import LinkageModel
        from models.linkage.numbers import numbers_alone

        folder = self.settings.pack / "linkage"
        if not folder.is_dir():
            return numbers_alone()
        return LinkageModel.from_files({path.name: path.read_bytes() for path in sorted(folder.iterdir())})

    def linkage_settings(self) -> Any:
        """Thresholds of linkage: the engine's, with what `linkage:` of partnership.yml changes."""
        from models.linkage import LinkageSettings

        return LinkageSettings(**self.partnership.linkage)

    def capacity(self, children: int) -> dict[str, int | None]:
        """How many children each team can talk about in a week."""
        return self.partnership.capacity(children)
