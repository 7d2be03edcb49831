"""What a partnership declares about itself in partnership.yml, checked on reading."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_quality.contract import FeedContract

# A subject's name becomes part of names of models and tables.
_SUBJECT = "^[a-z][a-z_]*$"
_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


class PartnershipProblem(Exception):
    """partnership.yml is missing something or says something that cannot be; the message names the field."""


class _Declared(BaseModel):
    """What nobody reads is refused: a misspelt setting would otherwise be a decision that nobody carries out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Team(_Declared):
    """A team that gets its own list, and how it is reached."""

    name: str
    title: str
    telephone: str
    email: str


class Areas(_Declared):
    """The teams; which home is whose stands in codes/area_team.csv."""

    teams: list[Team]


class Capacity(_Declared):
    """How many children can be talked about in a week."""

    per_60000_children: float | None = None
    at_least_per_team: int = 1
    by_team: dict[str, int] | None = None


class Calendar(_Declared):
    """Until when the frozen calendars under codes/ reach; no run goes beyond."""

    valid_until: date


class Schedule(_Declared):
    """When things run by themselves while the UI or a Dagster daemon is up (Europe/London).

    A night knows what came before 02:00, and a week what was known then on Monday, so neither can begin sooner, nor the
    week before Monday's night.
    """

    nightly: str = Field(default="02:00", pattern=_TIME)
    weekly: str = Field(default="Monday 06:00", pattern=f"^Monday {_TIME[1:]}")

    @model_validator(mode="after")
    def _in_order(self) -> Schedule:
        if self.nightly < "02:00":
            raise ValueError("nightly cannot be before 02:00, up to which a night knows what came")
        if self.weekly.removeprefix("Monday ") <= self.nightly:
            raise ValueError("weekly must be later than nightly: the week is made from Monday's night")
        return self

    @property
    def crons(self) -> tuple[str, str]:
        """Of the night and of the week.

        >>> Schedule().crons
        ('0 2 * * *', '0 6 * * 1')
        """
        (night_hour, night_minute), (hour, minute) = (
            map(int, one[-5:].split(":")) for one in (self.nightly, self.weekly)
        )
        return f"{night_minute} {night_hour} * * *", f"{minute} {hour} * * 1"


class Retention(_Declared):
    """For how long the partnership decided to keep what is the hub's own, in days or months.

    `quarantine_days` is carried out every night, and the history gate reckons with `event_months`. The others are the
    partnership's decision on what no program deletes yet (docs/service.md).
    """

    quarantine_days: int | None = None
    event_months: int | None = None
    identity_months_after_last_seen: int | None = None
    list_months: int | None = None
    audit_log_months: int | None = None
    age_out: dict[str, int] = Field(default_factory=dict)


class Agency(_Declared):
    """An agency's name for people, its colour (never shown without the name), and whom to ring.

    `subject` names whom its records are about when they are not about the persons this hub is for; `sign_off` names
    the entry of `sign_offs` without which the agency is off.
    """

    title: str
    phrase: str | None = None
    colour: str | None = None
    sealed: bool = False
    subject: str | None = Field(default=None, pattern=_SUBJECT)
    sign_off: str | None = None
    contact: dict[str, str] = Field(default_factory=dict)

    @property
    def whom_to_ring(self) -> str:
        """Role and telephone number; empty where none is declared."""
        return ", ".join(part for key in ("role", "telephone") if (part := self.contact.get(key)))


class SignOff(_Declared):
    """Who answers for something, from when and until when. An incomplete one is no sign-off."""

    name: str | None = None
    by: str | None = None
    reference: str | None = None
    signed: date | None = None
    expires: date | None = None

    def holds_on(self, day: date | None) -> bool:
        """Whether it is complete and in force; without a day, whether it ever was meant to be."""
        if not (self.name and self.by and self.signed and self.expires) or self.expires < self.signed:
            return False
        return day is None or self.signed <= day <= self.expires


class Partnership(_Declared):
    """The whole declaration."""

    name: str
    title: str
    mode: Literal["shadow", "pilot", "live"]
    clock: Literal["wall", "drops"] = "wall"
    timezone: str = "Europe/London"
    history_from: date | None = None
    schedule: Schedule = Schedule()
    areas: Areas
    weekly_capacity: Capacity | None = None
    calendar: Calendar
    agencies: dict[str, Agency]
    sign_offs: dict[str, SignOff] = Field(default_factory=dict)
    gate_overrides: list[dict[str, Any]] | None = None
    sunset: date | None = None
    front_door: dict[str, str] = Field(default_factory=dict)
    data_team: dict[str, str] = Field(default_factory=dict)
    transparency: dict[str, Any] = Field(default_factory=dict)
    retention: Retention = Retention()
    label: Literal["synthetic", "replay"] | None = None
    linkage: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Partnership:
        """Read and check a declaration.

        Raises:
            PartnershipProblem: a field is missing or wrong; says which.
        """
        try:
            return cls.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise PartnershipProblem(f"{path.name} of the partnership cannot be used. {wrong}.") from None
        except yaml.YAMLError as error:
            raise PartnershipProblem(f"{path.name} is not valid YAML: {error}") from None

    @property
    def team_names(self) -> list[str]:
        """The teams, in the order the pack lists them."""
        return [team.name for team in self.areas.teams]

    def subject_of(self, contract: FeedContract) -> str | None:
        """Whom a feed is about: its contract's `subject`, else its agency's; None for the persons this hub is for."""
        agency = self.agencies.get(contract.agency)
        subject = contract.extra.get("subject") or (agency.subject if agency else None)
        if subject is not None and not re.fullmatch(_SUBJECT, str(subject)):
            raise PartnershipProblem(f"{contract.name}: its subject must be small letters and _, such as adult.")
        return subject

    def sign_offs_of(self, contract: FeedContract) -> list[str]:
        """The sign-offs a feed waits for: its agency's, and those of every agency that is there for its subject.

        So what the police know of adults waits for the sign-off of the agency for adults, as that agency's own does.
        """
        subject = self.subject_of(contract)
        return sorted(
            {
                agency.sign_off
                for key, agency in self.agencies.items()
                if agency.sign_off and (key == contract.agency or (subject is not None and agency.subject == subject))
            }
        )

    def missing_sign_offs(self, contract: FeedContract, day: date | None) -> list[str]:
        """Those of them that do not hold on a day; the feed is off while there is one."""
        given = self.sign_offs
        return [name for name in self.sign_offs_of(contract) if name not in given or not given[name].holds_on(day)]

    def capacity(self, children: int) -> dict[str, int | None]:
        """Children a week and team for an authority of that many children; None where none was set.

        The whole capacity is shared evenly; what does not divide goes to the teams listed first.

        >>> Partnership.model_construct(
        ...     areas=Areas.model_construct(teams=[Team.model_construct(name=name) for name in ("North", "South")]),
        ...     weekly_capacity=Capacity(per_60000_children=24),
        ... ).capacity(7_500)
        {'North': 2, 'South': 1}
        """
        declared, teams = self.weekly_capacity, self.team_names
        if declared is None:
            return dict.fromkeys(teams)
        if declared.by_team is not None:
            return {team: declared.by_team.get(team) for team in teams}
        if declared.per_60000_children is None:
            return dict.fromkeys(teams)
        total = round(declared.per_60000_children * children / 60_000)
        share, rest = divmod(total, len(teams))
        return {team: max(declared.at_least_per_team, share + (place < rest)) for place, team in enumerate(teams)}
