"""From the staged batch into the zones: append-only versions, held rows, and the drop log.

Each function writes one attached database and is meant to run inside one transaction of its own, because DuckDB
commits one database at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from data_quality.contract import FeedContract
from data_quality.drop import Manifest
from data_quality.formats import MalformedLine
from data_quality.raw_tables import content_columns, day_column
from data_quality.row_rules import RowRule, text_of
from data_quality.sql import literal, quoted, raw_table
from data_quality.staging import NO_CONTENT, database_of

# A register without dates, read for the first time, has "always" been so.
ALWAYS = "2000-01-01 00:00:00"


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a drop: rows_in = loaded + unchanged + quarantined."""

    rows_in: int
    loaded: int
    unchanged: int
    quarantined: int
    vanished: int
    columns_dropped: int


def known_clock(contract: FeedContract, manifest: Manifest) -> tuple[str, str]:
    """SQL for (known_from, known_basis): when we knew a row, and how we know that we knew.

    Received for every ordinary drop. In an initial-history drop the time it was recorded, else the day it happened
    plus the contract's lag, at 02:00 UTC, never later than received.
    """
    received = f"timestamp '{manifest.received_at.isoformat(sep=' ')}'"
    if not manifest.history:
        return received, "'received'"
    recorded, happened = contract.recorded_at, contract.occurred_on
    if recorded:
        value = quoted(recorded.name)
        moment = value if recorded.type == "timestamp" else f"{value} + interval 2 hours"
        basis = "recorded"
    elif happened:
        day = quoted(day_column(happened) if happened.type == "timestamp" else happened.name)
        moment = f"{day}::timestamp + interval '{contract.assumed_lag_days * 24 + 2} hours'"
        basis = "assumed"
    else:
        return f"least(timestamp '{ALWAYS}', {received})", "'assumed'"
    return (
        f"least(coalesce({moment}, {received}), {received})",
        f"case when ({moment}) < {received} then '{basis}' else 'received' end",
    )


def write_versions(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest, zone: str) -> None:
    """Append the new versions, deletions and vanished keys to the feed's raw table in one zone."""
    known_from, basis = known_clock(contract, manifest)
    received = f"timestamp '{manifest.received_at.isoformat(sep=' ')}'"
    names = [name for name, _ in content_columns(contract, zone)]
    home = zone == contract.home_zone
    meta = (
        f"record_key, '{manifest.drop_id}'::uuid as drop_id, row_no, "
        f"timestamp '{manifest.extracted_at.isoformat(sep=' ')}' as extracted_at, {{known}}, superseded_on_arrival"
        + (", content_hash" if home else "")
    )
    table = raw_table(zone, contract.name)
    living = meta.format(known=f"{known_from} as known_from, {basis} as known_basis, false as is_deleted")
    gone = meta.format(known=f"{received} as known_from, 'received' as known_basis, true as is_deleted")
    where = "where not is_deletion" if contract.tombstone else ""
    con.execute(
        f"insert into {table} by name select {', '.join(quoted(name) for name in names)}, {living} "
        f"from temp.gate_new {where}"
    )
    if contract.tombstone:
        con.execute(f"insert into {table} by name select {gone} from temp.gate_new where is_deletion")
    if manifest.mode == "full":
        con.execute(
            f"insert into {table} by name select {gone} from (select record_key, null::bigint as row_no, "
            f"false as superseded_on_arrival, {NO_CONTENT} as content_hash from temp.gate_vanished)"
        )


def write_confirmations(con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest) -> None:
    """Remember which keys a delta repeated unchanged (see `staging._overruled`)."""
    if manifest.mode == "full":
        return
    con.execute(
        f"insert into {database_of(contract)}.gate.confirmed select ?, ?, record_key, ?, ? "
        "from temp.gate_verdict where is_unchanged",
        [contract.agency, contract.feed, manifest.extracted_at, manifest.drop_id],
    )


def collect_held(con: duckdb.DuckDBPyConnection, contract: FeedContract, rules: list[RowRule]) -> None:
    """Ask the bad rows which rules they failed: temporary table `gate_held`, one row per held row of the batch."""
    bad, repeated = con.execute(
        "select (select count(*) from temp.gate_staged where is_bad), (select count(*) from temp.gate_repeated)"
    ).fetchall()[0]
    if not bad and not repeated:
        con.execute(
            "create or replace temp table gate_held (row_no bigint, column_name varchar, rule varchar, why varchar, "
            "row_as_sent varchar, failures varchar, is_settled boolean)"
        )
        return
    holding = [rule for rule in rules if rule.holds]
    named = ", ".join(
        f"({place}, {literal(rule.column)}, {literal(rule.rule)}, {literal(rule.why)}, {rule.keeps_content})"
        for place, rule in enumerate(holding)
    )
    con.execute(
        "create or replace temp table gate_rules as "
        f"from (values {named or '(-1, null, null, null, true)'}) as rules(place, column_name, rule, why, keeps)"
    )
    tests = ", ".join(f"case when {rule.fails} then {place} end" for place, rule in enumerate(holding))
    sent = ", ".join(f"{literal(column.name)}, {text_of(column)}" for column in contract.columns)
    con.execute(
        "create or replace temp table gate_held as with failed as (select row_no, json_object("
        f"{sent})::varchar as row_as_sent, list_filter([{tests or 'null'}]::integer[], place -> place is not null) "
        "as places from temp.gate_typed where row_no in (select row_no from temp.gate_staged where is_bad)), "
        "named as (select failed.row_no, any_value(row_as_sent) as row_as_sent, "
        "arg_min(rules.column_name, rules.place) as column_name, arg_min(rules.rule, rules.place) as rule, "
        "arg_min(rules.why, rules.place) as why, bool_and(rules.keeps) as keeps, "
        "to_json(list({'column': rules.column_name, 'rule': rules.rule} order by rules.place))::varchar as failures "
        "from failed, unnest(failed.places) as each(place) join temp.gate_rules as rules on rules.place = each.place "
        "group by failed.row_no), "
        "repeated as (select row_no, json_object("
        f"{sent})::varchar as row_as_sent, contradict from temp.gate_typed join temp.gate_repeated using (row_no)) "
        "select row_no, column_name, rule, why, case when keeps then row_as_sent end as row_as_sent, failures, "
        "false as is_settled from named union all "
        f"select row_no, {literal(contract.keys[0].name)}, "
        "case when contradict then 'duplicate_key' else 'duplicate_row' end, "
        "case when contradict then 'its key comes more than once with different content' "
        "else 'the same row comes more than once' end, row_as_sent, null, not contradict from repeated"
    )


def write_quarantine(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, manifest: Manifest, malformed: tuple[MalformedLine, ...]
) -> None:
    """Write held rows and malformed lines, and settle earlier held rows this drop has corrected."""
    feed, drop_id = [contract.agency, contract.feed], manifest.drop_id
    con.execute(
        "insert into quarantine.gate.quarantined_row by name select ? as drop_id, ? as agency, ? as feed, "
        "? as file_name, held.row_no, held.column_name, held.rule, held.why as reason, "
        "staged.record_key as source_key_hash, held.row_as_sent, ?::timestamp as quarantined_at, "
        "case when held.is_settled then ? end as resolved_by_drop, held.failures "
        "from temp.gate_held as held join temp.gate_typed as staged using (row_no) order by held.row_no",
        [drop_id, *feed, manifest.file, manifest.received_at, drop_id],
    )
    if malformed:
        # A line that cannot be taken apart may hide a row that must not be shared.
        keeps = not any(column.reject_values for column in contract.columns)
        texts = {
            "column_name": [line.column for line in malformed],
            "reason": [f"the line is no row: {line.why}" for line in malformed],
            "row_as_sent": [json.dumps({"line": line.text}) if keeps else None for line in malformed],
        }
        told = {name: pa.array(values, pa.string()) for name, values in texts.items()}
        # All at once: a file in the wrong format may be a hundred thousand such lines.
        con.register("gate_malformed", pa.table({"row_no": [line.row_no for line in malformed], **told}))
        con.execute(
            "insert into quarantine.gate.quarantined_row by name select ? as drop_id, ? as agency, ? as feed, "
            "? as file_name, ?::timestamp as quarantined_at, 'malformed_row' as rule, * from gate_malformed",
            [drop_id, *feed, manifest.file, manifest.received_at],
        )
        con.unregister("gate_malformed")
    # A full drop restates everything, so whatever earlier ones held is settled: corrected, gone, or held anew.
    corrected = (
        "true"
        if manifest.mode == "full"
        else "(source_key_hash in (select record_key from temp.gate_accepted) "
        f"or (source_key_hash is null and file_name = {literal(manifest.file)}))"
    )
    con.execute(
        "update quarantine.gate.quarantined_row set resolved_by_drop = ? where agency = ? and feed = ? "
        f"and resolved_by_drop is null and drop_id <> ? and {corrected} and drop_id in (select drop_id "
        "from quarantine.gate.drop_log where agency = ? and feed = ? and (extracted_at, drop_id) < (?, ?))",
        [drop_id, *feed, drop_id, *feed, manifest.extracted_at, drop_id],
    )


def write_log(
    con: duckdb.DuckDBPyConnection, database: str, manifest: Manifest, mode: str, counts: Counts, reason: str | None
) -> None:
    """One line of the drop log in one database; the last statement of that database's transaction."""
    con.execute(f"delete from {database}.gate.drop_log where drop_id = ?", [manifest.drop_id])
    con.execute(
        f"insert into {database}.gate.drop_log values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, true, ?, ?)",
        [
            manifest.drop_id, manifest.agency, manifest.feed, manifest.file, mode, manifest.history,
            manifest.extracted_at, manifest.received_at, counts.rows_in, counts.loaded, counts.quarantined,
            counts.unchanged, counts.columns_dropped, manifest.sha256, "refused" if reason else "loaded", reason,
        ],
    )  # fmt: skip
