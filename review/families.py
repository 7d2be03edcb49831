"""Brothers and sisters together, within what a team can talk about in a week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Candidate = Mapping[str, Any]


@dataclass
class Group:
    """A family on the list: who is listed, and who of it found no room."""

    listed: list[Candidate]
    held_back: list[Candidate]


def group_families(candidates: Sequence[Candidate], capacity: int) -> tuple[list[Group], int]:
    """Put brothers and sisters together and fill the capacity in order of choice.

    A family takes its place with its first-chosen child; brothers and sisters who are candidates too come with it
    while there is room. One for whom there is no room is named with the family, not on another list.

    Returns:
        The families that are listed, and how many candidates found no room.
    """
    groups: list[list[Candidate]] = []
    home: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        names = [f"person {key}" for key in (candidate["person_key"], *(candidate.get("siblings") or []))]
        if candidate.get("household_key"):
            names.append(f"household {candidate['household_key']}")
        merged: list[Candidate] = []
        for group in {id(home[name]): home[name] for name in names if name in home}.values():
            merged += group
            groups = [other for other in groups if other is not group]
            for name, held in list(home.items()):
                if held is group:
                    home[name] = merged
        merged.append(candidate)
        groups.append(merged)
        for name in names:
            home[name] = merged
    order = {str(candidate["person_key"]): place for place, candidate in enumerate(candidates)}
    for group in groups:
        group.sort(key=lambda one: order[str(one["person_key"])])
    groups.sort(key=lambda group: order[str(group[0]["person_key"])])
    listed: list[Group] = []
    room, left_out = capacity, 0
    for group in groups:
        taken, rest = group[:room], group[room:]
        room -= len(taken)
        left_out += len(rest)
        if taken:
            listed.append(Group(taken, rest))
    return listed, left_out
