"""What a partnership declares about itself in partnership.yml, checked on reading."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class PartnershipProblem(Exception):
    """partnership.yml is missing something or says something that cannot be; the message names the field."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Team(_Declared):
    """A team that gets its own list."""

    name: str


class Areas(_Declared):
    """Where teams work: a code file from postcode to team, and the teams."""

    teams: list[Team]


class Capacity(_Declared):
    """How many children can be talked about in a week."""

    per_60000_children: float | None = None
    at_least_per_team: int = 1
    by_team: dict[str, int] | None = None


class Calendar(_Declared):
    """Until when the frozen calendars reach; no run goes beyond."""

    valid_until: date


class Agency(_Declared):
    """An agency's name for people, its colour (never shown without the name), and whom to ring."""

    title: str
    colour: str | None = None
    sealed: bool = False
    contact: dict[str, str] = Field(default_factory=dict)


class Partnership(_Declared):
    """The whole declaration."""

    name: str
    title: str
    mode: Literal["shadow", "pilot", "live"]
    clock: Literal["wall", "drops"] = "wall"
    areas: Areas
    weekly_capacity: Capacity | None = None
    calendar: Calendar
    agencies: dict[str, Agency]
    linkage: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Partnership:
        """Read and check a declaration.

        Raises:
            PartnershipProblem: a field is missing or wrong; says which.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
            raise PartnershipProblem(f"{path.name} of the partnership cannot be used. {wrong}.") from None
        except yaml.YAMLError as error:
            raise PartnershipProblem(f"{path.name} is not valid YAML: {error}") from None

    @property
    def team_names(self) -> list[str]:
        """The teams, in the order the pack lists them."""
        return [team.name for team in self.areas.teams]

    def capacity(self, children: int) -> dict[str, int | None]:
        """Children a week and team for an authority of that many children; None where none was set.

        The whole capacity is shared evenly; what does not divide goes to the teams listed first.

        >>> Partnership.model_construct(
        ...     areas=Areas(teams=[Team(name="North"), Team(name="South")]),
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
