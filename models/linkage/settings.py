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

    join_weight: float = 6.0
    stay_weight: float = 3.5
    keep_weight: float = -2.0
    """Edges below this weight are not kept: they can neither join, nor be worth a reviewer's minute."""
    deterministic_weight: float = 30.0
    twin_weight: float | None = -10.0
    """What is left of the weight of possible twins; None where the records hold no families (see table/link.py)."""
    sibling_weight: float | None = None
    """What is left of the weight of two forenames and two birth dates in one home; None leaves it to the model."""
    namesake_weight: float = -10.0
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
    not_homes: tuple[str, ...] = ()
    """Postcodes known to be no home (surgeries, schools, custody suites), written where an address was asked for."""
    household_max: int = 9
    """More people than this living at one address at once form no household."""
    churn_share: float = 0.005
    """A night that gives more than this share of untouched records another person is stopped (see guard.py)."""
    churn_least: int = 25
    """Fewer changed records than this stop no night: in a small partnership one family would."""
    largest_person: int = 40
    """A night whose largest person is made of more distinct identities than this, and grew, is stopped."""
    feed_least: int = 50
    """A feed that had at least this many records and lost more than half of them stops a night."""
    number_names_a_person: bool = False
    """Whether an agency's own number says who somebody is, where a record holds nothing else (no names are shared)."""
    unsure_days: int = 90
    """How long a pair somebody was unsure about stays out of the queue, where they named no day."""
    threads: int = 2
    memory_limit: str = "5GB"

    @property
    def naming_columns(self) -> list[str]:
        """Columns of which one at least must be filled for a record to be somebody's, not only a household's."""
        return ["forename", "surname", "nhs_number", "upn", *(["local_id"] if self.number_names_a_person else [])]
