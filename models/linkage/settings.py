"""The dials of linkage, in one place, with what each one does.

Weights are in bits: a match weight of ``w`` means odds of ``2**w`` to one that two records are one person, the prior
included (Splink's ``match_weight``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LinkageSettings:
    """Everything a partnership may turn; the defaults are what the demonstration runs on.

    ``join_weight`` and ``stay_weight`` are two thresholds on purpose: records that were one person yesterday stay
    together down to the lower one, so that an id does not flap when a weight moves by a hair.

    >>> LinkageSettings().join_weight > LinkageSettings().stay_weight
    True
    """

    join_weight: float = 7.0
    stay_weight: float = 4.0
    keep_weight: float = -2.0
    """Edges below this weight are not kept: they can neither join, nor be worth a reviewer's minute."""
    deterministic_weight: float = 30.0
    twin_weight: float | None = -8.0
    """What is left of the weight of possible twins; None where the records hold no families (see table/link.py)."""
    sibling_weight: float | None = None
    """What is left of the weight of two forenames and two birth dates in one home; None leaves it to the model."""
    namesake_weight: float = -8.0
    nhs_disagreement: float = -12.0
    upn_disagreement: float = -8.0
    namesake_years: int = 12
    unscored_weight: float = -3.0
    """What average linkage assumes of two records that blocking never compared."""
    max_cluster_nodes: int = 60
    """More distinct identities than this in one person is refused (identical records count once)."""
    id_fanout: int = 6
    """An identifier on more distinct (birth date, surname) pairs than this is shared: quarantined, it links nobody."""
    block_cap: int = 80
    """A blocking key shared by more nodes than this is cut, and counted."""
    hub_surnames: int = 9
    """A UPRN with more distinct surnames than this is a hub (refuge, hostel, home, surgery): no evidence, no family."""
    hub_postcode_surnames: int = 60
    """The same for a postcode, which may lawfully hold many households."""
    household_max: int = 9
    """More people than this living at one address at once form no household."""
    threads: int = 2
    memory_limit: str = "5GB"
