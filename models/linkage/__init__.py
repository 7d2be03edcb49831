"""Who is who: records of many agencies in, persons and households that keep their ids out.

Pure statistics: connections, relations and frames in, results out; no path, no clock, no randomness, no key. Order and
ties depend on content alone (agency, feed, source key), so two machines with different pseudonym keys agree.

The way through, one module a step::

    standardise -> nodes (contract equal records) -> edges (score: blocking, then the model) -> adjust (families)
        -> constrain (cluster under barriers, holds and people's decisions; what contradicts freezes)
        -> ledger + backlog (persistent ids, both clocks) -> places (homes, households, areas)
    barriers come first and last;  duck reads and writes tables, values asks DuckDB about pairs;  train asks Splink
    guard keeps yesterday's persons (keep) where tonight's may not stand;  hidden_identifier and quality measure;
    explain and who answer people;  shadow says what another model would change;  sensitive hides addresses

:func:`link` runs one night and writes nothing; :func:`write` stores its result in one transaction. A
:class:`LinkageResult` holds (all times naive UTC, open ``known_to`` 9999-12-31):

===================  ========================================================================================
``assignment``       record_key, person_id, known_from, known_to, link_basis (single | deterministic |
                     probabilistic), reason, run_id: the whole table, history included
``events``           person_id, event (minted | merged | split | retired | reinstated), other_person_id,
                     happened_at, run_id: tonight's, to append
``redirects``        person_id, to_person_id, redirected_at: tonight's, kept for ever
``edges``            record_key_l, record_key_r, kind (deterministic | probabilistic | id_conflict), rule,
                     match_weight, adjusted_weight (bits), adjusted_by, weights (JSON of bits per column)
``household_spell``  person_id, household_id, started_on, ended_on, known_from, known_to: the whole table
``record_household`` record_key, household_id, known_from, known_to: records that name nobody
``person_area``      person_id, area_team, known_from, known_to
``person``           person_id, birth_month, area_team, sort_no, known_from, known_to: for export
``household``        household_id, sort_no: for export
``deprivation``      person_id, deprivation_quintile of their latest home: for export to the audit alone
``queue``            linkage.review_queue: what waits for a person, most useful first; replaces the table
``attention``        linkage.needs_attention: clusters frozen because decisions contradict; replaces the table
``quality``          placeholders, blocking, feeds, link_rates, conflicts, cluster_sizes, edges_by_kind, queue,
                     decisions, night: frames of counts
===================  ========================================================================================
"""

from models.linkage.barriers import BarrierBroken
from models.linkage.guard import Guarded, guarded
from models.linkage.model import LinkageModel, ModelMismatch
from models.linkage.night import LinkageResult, link, write
from models.linkage.settings import LinkageSettings
from models.linkage.who import Who, who_was, why

__all__ = [
    "BarrierBroken",
    "Guarded",
    "LinkageModel",
    "LinkageResult",
    "LinkageSettings",
    "ModelMismatch",
    "Who",
    "guarded",
    "link",
    "who_was",
    "why",
    "write",
]
