"""Held rows that come back by themselves when a code set was updated.

A row held only because its code was unknown is tried again once per change of the code sets. What passes now enters
as a small drop of its own (mode `retry`): it keeps the *extraction* instant of the drop it came with, so it takes its
right place among the versions, and is known from the run that let it in.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from data_quality.code_sets import CodeSets
from data_quality.contract import FeedContract
from data_quality.drop import Manifest
from data_quality.drop_log import GateFailed
from data_quality.gate import DropReport, Step, take_batch
from data_quality.row_rules import rules_of
from data_quality.sql import literal, quoted
from data_quality.staging import clear, roll_back, settle, staging

_HELD = (
    "from quarantine.gate.quarantined_row where agency = ? and feed = ? and resolved_by_drop is null "
    "and row_as_sent is not null and failures is not null "
    "and len(list_filter(json_extract_string(failures, '$[*].rule'), rule -> rule <> 'code_set')) = 0"
)


def retry_held(
    con: duckdb.DuckDBPyConnection, contract: FeedContract, code_sets: CodeSets, now: datetime, step: Step
) -> list[DropReport]:
    """Try the feed's rows held for a code again, if the code sets changed since the last try.

    Raises:
        GateFailed: an unforeseen database error.
    """
    feed = [contract.agency, contract.feed]
    if not any(column.code_set for column in contract.columns):
        return []
    seen = con.execute("select code_sets from quarantine.gate.retried where agency = ? and feed = ?", feed).fetchall()
    if seen and seen[0][0] == code_sets.fingerprint:
        return []
    reports = []
    try:
        drops = con.execute(f"select distinct drop_id {_HELD} order by drop_id", feed).fetchall()
        for (drop_id,) in drops:
            report = _retry_drop(con, contract, code_sets, drop_id, now, step)
            if report is not None:
                reports.append(report)
        con.execute("begin transaction")
        con.execute("delete from quarantine.gate.retried where agency = ? and feed = ?", feed)
        con.execute("insert into quarantine.gate.retried values (?, ?, ?)", [*feed, code_sets.fingerprint])
        con.execute("commit")
    except duckdb.Error as error:
        raise GateFailed(f"{contract.name}: held rows could not be tried again ({type(error).__name__}).") from None
    finally:
        roll_back(con)
        clear(con)
    return reports


def _retry_drop(
    con: duckdb.DuckDBPyConnection,
    contract: FeedContract,
    code_sets: CodeSets,
    drop_id: object,
    now: datetime,
    step: Step,
) -> DropReport | None:
    file, history, extracted_at = con.execute(
        "select file_name, history, extracted_at from quarantine.gate.drop_log where drop_id = ?", [drop_id]
    ).fetchall()[0]
    sent = {
        column.name: f"json_extract_string(row_as_sent, {literal(f'$.{quoted(column.name)}')})"
        for column in contract.columns
    }
    clear(con)
    con.execute(
        f"create or replace temp table gate_sent as select row_no, row_as_sent {_HELD} and drop_id = ? order by row_no",
        [contract.agency, contract.feed, drop_id],
    )
    manifest = Manifest(
        agency=contract.agency,
        feed=contract.feed,
        file=file,
        mode="delta",
        history=bool(history),
        extracted_at=extracted_at,
        received_at=now,
        rows=0,
        sha256=f"{drop_id}:{code_sets.fingerprint}",
    )
    rules = rules_of(contract, code_sets, extracted_at.date())
    staging(con, contract, rules)("temp.gate_sent", sent, "row_no")
    con.execute("drop table temp.gate_sent")
    con.execute("delete from temp.gate_staged where is_bad")
    settle(con, contract)
    passing = con.execute("select count(*) from temp.gate_staged").fetchall()[0][0]
    if not passing:
        return None
    return take_batch(con, manifest, contract, rules, (), "retry", (), False, None, step)
