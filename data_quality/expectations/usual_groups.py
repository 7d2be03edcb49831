"""Which groups (schools, wards, stations) usually send rows, and which have fallen silent.

>>> week = [{"A", "B", "C", "D"}, {"A", "B", "C"}, {"D"}, {"A", "B", "C", "D"}, {"A", "C", "D"}]   # newest first
>>> silent_groups({"A", "B", "C"}, week, silent_for=1)         # the load of D alone was a weekend
{'A': True, 'B': True, 'C': True, 'D': False}
>>> silent_groups({"A", "B", "C"}, week, silent_for=2)         # D was there the time before
{'A': True, 'B': True, 'C': True, 'D': True}
>>> silent_groups({"D"}, week, silent_for=1)                   # most are silent: a day off, or the volume's business
{}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

SILENT_FOR = 3
# Fewer ordinary loads teach nothing yet.
_LEAST_LOADS = 3


def silent_groups(now: Set[str], earlier: Sequence[Set[str]], silent_for: int) -> dict[str, bool]:
    """By usual group whether it has sent rows lately; empty where that cannot be said.

    Ordinary is a load in which at least half as many groups spoke as in the fullest one; others (weekends, holidays)
    neither teach nor judge. Usual is a group that spoke in at least half of the ordinary loads.

    Args:
        now: groups with rows in this load.
        earlier: the same of earlier loads, newest first.
        silent_for: ordinary loads in a row, this one among them, without which a group counts as silent. A small
            school has nothing to say on many a day, but seldom on three.
    """
    fullest = max((len(load) for load in [now, *earlier]), default=0)
    ordinary = [load for load in earlier if load and 2 * len(load) >= fullest]
    if len(ordinary) < _LEAST_LOADS or not now or 2 * len(now) < fullest:
        return {}
    times = Counter(name for load in ordinary for name in load)
    lately = set(now).union(*ordinary[: silent_for - 1])
    return {name: name in lately for name, count in sorted(times.items()) if 2 * count >= len(ordinary)}
