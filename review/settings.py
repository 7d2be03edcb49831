"""What a partnership decided about its lists, and its working days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True)
class ListSettings:
    """What the partnership decided about its lists.

    Attributes:
        partnership, partnership_name: folder name and name for people.
        capacity: persons a week for each area team; a team that is absent gets no list.
        team_names: name for people of each area team.
        team_contacts: how to reach each area team, in words.
        synthetic: True when nobody in the data can be met (invented, or data of the past); every product then says so.
        mode: shadow, pilot or live.
        expires_after_days: days after the list's Monday on which the list ends (when the next is issued). Families
            without a rule's date are talked about by the last working day before that.
        front_door: `telephone` and `out_of_hours` of whoever takes referrals; may be empty.
        bank_holidays: days that are no working days, besides Saturdays and Sundays.
    """

    partnership: str
    partnership_name: str
    capacity: Mapping[str, int]
    team_names: Mapping[str, str] = field(default_factory=dict)
    team_contacts: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = True
    mode: str = "shadow"
    expires_after_days: int = 7
    bank_holidays: frozenset[date] = frozenset()
    front_door: Mapping[str, str] = field(default_factory=dict)

    def team_name(self, team: str) -> str:
        """An area team's name for people."""
        return self.team_names.get(team) or team.replace("_", " ").capitalize()

    def expires_on(self, as_of: date) -> date:
        """The last day on which a list of this week may be used."""
        return as_of + timedelta(days=1 + self.expires_after_days)

    def last_working_day(self, as_of: date) -> date:
        """The last working day before the list ends; the Monday itself when there is none."""
        monday, day = as_of + timedelta(days=1), self.expires_on(as_of) - timedelta(days=1)
        while day > monday and not self._works(day):
            day -= timedelta(days=1)
        return day

    def working_days_after(self, as_of: date, days: int) -> date:
        """The day that many working days after the list's Monday."""
        day = as_of + timedelta(days=1)
        while days > 0:
            day += timedelta(days=1)
            days -= self._works(day)
        return day

    def _works(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.bank_holidays
