"""Who is who: dbt's identity models, linkage, and the little that leaves the identity zone."""

from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from governance.pseudonym import Pseudonym
from pipelines.checks.linkage import linkage_check_results, linkage_check_specs
from pipelines.hub import Hub
from pipelines.linkage_night import night_of_linkage
from pipelines.linkage_pages import night_metadata
from pipelines.metadata import numbers
from pipelines.progress import tell
from pipelines.retries import again
from pipelines.run import instant_of

if TYPE_CHECKING:
    from models.linkage import LinkageResult

PERSONS = dg.AssetKey(["identity", "persons"])
HOUSEHOLDS = dg.AssetKey(["identity", "households"])
# What is shown as an asset: all but the figures about linkage, which are the persons' own metadata.
EXPORTED = tuple(
    dg.AssetKey(list(key))
    for key in (
        ("identity_export", "record_person"),
        ("identity_export", "record_household"),
        ("identity_export", "household_spell"),
        ("identity_export", "person"),
        ("identity_export", "household"),
        ("identity_export", "record_maybe_person"),
        ("audit", "person_deprivation"),
    )
)

# What crosses the firewall, and nothing else. `pseudonym` turns an opaque id into a keyed one.
_EXPORTS = {
    "identity_export.record_person": """
        select record_key, pseudonym('person' || chr(31) || person_id) as person_key, known_from, known_to, link_basis
        from identity.linkage.person_assignment""",
    "identity_export.record_household": """
        select record_key, pseudonym('household' || chr(31) || household_id) as household_key, known_from, known_to
        from identity.linkage.record_household""",
    "identity_export.household_spell": """
        select pseudonym('person' || chr(31) || person_id) as person_key,
               pseudonym('household' || chr(31) || household_id) as household_key,
               started_on, ended_on, known_from, known_to
        from identity.linkage.household_spell""",
    "identity_export.person": """
        select pseudonym('person' || chr(31) || person_id) as person_key,
               birth_month, area_team, sort_no, known_from, known_to
        from linked_person""",
    "identity_export.linkage_quality": """
        select night, measure, scope, value, low, high, n from identity.linkage.quality""",
    "identity_export.household": """
        select pseudonym('household' || chr(31) || household_id) as household_key, sort_no
        from linked_household""",
    # For the fairness audit, in the schema that no feature may read: the fifth alone, never the area.
    "audit.person_deprivation": """
        select pseudonym('person' || chr(31) || person_id) as person_key, deprivation_quintile
        from linked_deprivation""",
    # Links too weak to join records: the likeliest other person of a record, where it is likelier than not. Never
    # across a barrier: what parts two identities parts guesses too.
    "identity_export.record_maybe_person": """
        with pair as (
            select record_key_l as record_key, record_key_r as other_key, adjusted_weight, adjusted_by
            from identity.linkage.edge
            union all
            select record_key_r, record_key_l, adjusted_weight, adjusted_by from identity.linkage.edge
        ), parted as (
            select distinct before.person_id as l, after.person_id as r
            from identity.canonical.linkage_barrier as barrier
            join identity.linkage.person_assignment as before on barrier.record_key_before = before.record_key
            join identity.linkage.person_assignment as after on barrier.record_key_after = after.record_key
        )
        select pair.record_key, pseudonym('person' || chr(31) || other.person_id) as person_key
        from pair
        join identity.linkage.person_assignment as own
            on pair.record_key = own.record_key and own.known_to = timestamp '9999-12-31'
        join identity.linkage.person_assignment as other
            on pair.other_key = other.record_key and other.known_to = timestamp '9999-12-31'
        join linked_person on other.person_id = linked_person.person_id
        where own.person_id <> other.person_id and pair.adjusted_weight > 0 and pair.adjusted_by is null
            and not exists (
                from parted
                where (parted.l, parted.r) in (
                    (own.person_id, other.person_id), (other.person_id, own.person_id))
            )
        qualify row_number() over (
            partition by pair.record_key order by pair.adjusted_weight desc, linked_person.sort_no
        ) = 1""",
}


def identity_assets(canonical_keys: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The linkage step; `canonical_keys` are the identity tables it reads."""
    owner = ["team:linkage"]

    @dg.multi_asset(
        name="who_is_who",
        pool="databases",
        retry_policy=again(),
        required_resource_keys={"hub"},
        specs=[
            dg.AssetSpec(
                PERSONS,
                deps=canonical_keys,
                group_name="identity",
                kinds={"splink", "duckdb"},
                owners=owner,
                description="Which records are one person, with persistent ids; barriers applied first and last.",
            ),
            dg.AssetSpec(
                HOUSEHOLDS,
                deps=[*canonical_keys, PERSONS],
                group_name="identity",
                kinds={"python", "duckdb"},
                owners=owner,
                description="People who share an address over the same time. Hubs and institutions form none.",
            ),
            *[
                dg.AssetSpec(
                    key,
                    deps=[PERSONS, HOUSEHOLDS],
                    group_name="identity",
                    kinds={"duckdb"},
                    owners=owner,
                    description="Leaves the identity zone: keys, spells, month of birth, team; for the audit the "
                    "fifth of deprivation. No name, no identifier, no address.",
                )
                for key in EXPORTED
            ],
        ],
        check_specs=list(linkage_check_specs(PERSONS)),
    )
    def who_is_who(context: dg.AssetExecutionContext):
        hub: Hub = context.resources.hub
        tell("identity: finding out which records are one person")
        with hub.zones.open("identity", "warehouse") as con:
            night = night_of_linkage(con, hub, instant_of(context.run.tags, hub), context.run_id)
            result = night.result
            counts = export(con, result, hub.keys.pseudonym)
        records = counts["identity_export.record_person"]
        tell(f"identity: {records:,} records are {result.person.person_id.nunique():,} persons")
        for sentence in night.verdict.why:
            tell(f"identity: {'yesterday is kept' if night.verdict.kept else 'let pass'}: {sentence}")
        yield dg.MaterializeResult(asset_key=PERSONS, metadata=night_metadata(night, records))
        yield dg.MaterializeResult(asset_key=HOUSEHOLDS, metadata=numbers({"households": len(result.household)}))
        for key in EXPORTED:
            rows = counts[".".join(key.path)]
            yield dg.MaterializeResult(asset_key=key, metadata=numbers({"dagster/row_count": rows}))
        yield from linkage_check_results(PERSONS, night)

    return [who_is_who]


def export(con: duckdb.DuckDBPyConnection, result: "LinkageResult", pseudonym_key: bytes) -> dict[str, int]:
    """Replace what the warehouse knows of identity, in one transaction; returns rows per table."""
    Pseudonym(pseudonym_key).install(con)
    frames = {"person": result.person, "household": result.household, "deprivation": result.deprivation}
    for name, frame in frames.items():
        con.register(f"linked_{name}", frame)
    counts: dict[str, int] = {}
    con.execute("begin transaction")
    for table, sql in _EXPORTS.items():
        con.execute(f"delete from warehouse.{table}")
        rows = con.execute(f"insert into warehouse.{table} {sql}").fetchall()
        counts[table] = int(rows[0][0])
    con.execute("commit")
    for name in frames:
        con.unregister(f"linked_{name}")
    return counts
