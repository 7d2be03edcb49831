"""Which planted mistakes were caught: `planted_defects` says what that means, here it is worked out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pandas as pd

from synthetic.agencies.incidents import CALENDAR
from synthetic.agencies.views import FIRST_DROP_DATE

FEED = ["agency", "feed"]
FILE = [*FEED, "file_name"]
CAUGHT = "caught"


@dataclass(frozen=True)
class Seen:
    """A demo's truth beside what the hub recorded of it.

    Attributes:
        truth: planted_defect.parquet.
        log: drop_log. held: quarantined_row. checks: batch_check.
        versions: every version in the home zones, with the drop that brought the record's next one.
        said: what each night said (`planted_defects.simulate`).
        latency: days after which a feed is late, by name.
        known_codes: drops received after this instant met the September code list (naive UTC).
    """

    truth: pd.DataFrame
    log: pd.DataFrame
    held: pd.DataFrame
    checks: pd.DataFrame
    versions: pd.DataFrame
    said: list[dict[str, Any]]
    latency: dict[str, float | None]
    known_codes: datetime


def judge(seen: Seen) -> dict[str, Any]:
    """By kind what was planted and caught, and the good rows held."""
    files = seen.log[seen.log["mode"] != "retry"].drop_duplicates(FILE, keep="last")
    truth = seen.truth.merge(files[[*FILE, "drop_id", "status", "received_at"]], on=FILE, how="left")
    truth["verdict"] = None
    of_row = truth["row_no"].notna()
    truth.loc[of_row & truth["status"].ne("loaded"), "verdict"] = "its drop was not loaded"
    open_ = truth["verdict"].isna()
    beyond: Counter[str] = Counter()
    for expected, of_rows, verdicts in (
        ("quarantine", True, _held), ("resolve", True, _resolved), ("inform", True, _counted), ("check", True, _stood),
        ("inform", False, _failed_check), ("check", False, _failed_meanwhile), ("refuse", False, _refused),
        ("late", False, _late),
    ):  # fmt: skip
        mine = open_ & (of_row == of_rows) & truth["expected"].eq(expected)
        if mine.any():
            truth.loc[mine, "verdict"] = verdicts(seen, truth[mine].copy(), beyond)
    truth.loc[truth["expected"].eq("none"), "verdict"] = None
    return {"kinds": list(_by_kind(truth)), **_good_rows(seen, truth, files), "counted_beyond": dict(+beyond)}


def _held(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    """Held under the expected rule, as the row or, of two copies, as either of them."""
    pairs = zip(seen.held["rule"], seen.held["failures"].fillna(""), strict=True)
    held = seen.held.assign(rules=pd.Series([_rules(*pair) for pair in pairs], seen.held.index, dtype=object))
    of_row = {(one.drop_id, one.row_no): one for one in _each(held)}
    copies = Counter(zip(held["drop_id"], held["rule"], strict=True))
    verdicts = []
    for row in _each(rows):
        found = of_row.get((row.drop_id, row.row_no))
        if row.kind == "september_code_set" and row.received_at > seen.known_codes:
            verdicts.append(CAUGHT if found is None else "held although the list is known")
        elif found is not None and row.expected_rule in found.rules:
            is_back = row.kind != "september_code_set" or found.is_resolved
            verdicts.append(CAUGHT if is_back else "did not come back")
        elif row.kind == "duplicate_row" and copies[row.drop_id, "duplicate_row"] > 0:
            copies[row.drop_id, "duplicate_row"] -= 1
            verdicts.append(CAUGHT)
        else:
            verdicts.append("not held" if found is None else f"held as {found.rule}")
    return verdicts


def _rules(first: str, failures: str) -> set[str]:
    return {first, *(one["rule"] for one in json.loads(failures or "[]"))}


def _resolved(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    """Taken in; and what was taken back is not current."""
    held = set(zip(seen.held["drop_id"], seen.held["row_no"], strict=True))
    version = {(one.drop_id, one.row_no): one for one in _each(seen.versions[seen.versions["row_no"].notna()])}
    verdicts = []
    for row in _each(rows):
        found = version.get((row.drop_id, row.row_no))
        if (row.drop_id, row.row_no) in held:
            verdicts.append("held")
        elif found is not None and row.kind == "retraction" and not found.is_deleted:
            verdicts.append("still current")
        else:
            verdicts.append(CAUGHT)  # without a version of its own it said nothing new
    return verdicts


def _counted(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    """As many as planted are counted for the drop's column."""
    checks = seen.checks[seen.checks["scope"] == "row"]
    counts = {(one.drop_id, one.expectation, one.column_name): int(one.unexpected) for one in _each(checks)}
    names = {"nhs_number": "nhs_numbers", "upn": "upns", "postcode": "uk_postcodes"}
    verdicts = pd.Series("nobody asked", rows.index, dtype=object)
    for key, group in rows.groupby(["drop_id", "expected_rule", "column_name"]):
        drop_id, rule, column = (str(part) for part in cast(tuple[Any, ...], key))
        name = f"expect_column_values_to_be_{names.get(rule, rule)}"
        counted = counts.get((drop_id, name, column), counts.get((drop_id, rule, column)))
        if counted is not None:
            verdicts[group.index[:counted]] = CAUGHT
            verdicts[group.index[counted:]] = "not counted"
            beyond[f"{rule} {column}"] += max(0, counted - len(group))
    return verdicts.tolist()


def _stood(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    """At the drop's check, the rule counted at least the planted records that stood then."""
    received = seen.log.set_index("drop_id")["received_at"]
    versions = seen.versions[seen.versions["row_no"].notna()]
    rows = rows.reset_index().merge(versions[["drop_id", "row_no", "next_drop"]], on=["drop_id", "row_no"], how="left")
    rows["until"] = rows["next_drop"].map(received)
    verdicts = pd.Series("nobody asked", rows["index"], dtype=object)
    for (agency, feed, rule), group in rows.groupby([*FEED, "expected_rule"]):
        checks = seen.checks[
            (seen.checks["agency"] == agency) & (seen.checks["feed"] == feed) & (seen.checks["expectation"] == rule)
        ].set_index("drop_id")
        for drop_id, mine in group.groupby("drop_id"):
            if drop_id not in checks.index:
                continue
            check: Any = checks.loc[str(drop_id)]
            standing = mine
            if check["scope"] == "standing":
                at = check["received_at"]
                standing = group[(group["received_at"] <= at) & ~(group["until"] <= at)]
            missing = max(0, len(standing) - int(check["unexpected"]))
            beyond[f"{agency} {feed} {rule}"] += max(0, int(check["unexpected"]) - len(standing))
            kept = max(0, len(mine) - missing)
            verdicts[mine["index"].iloc[:kept]] = CAUGHT
            verdicts[mine["index"].iloc[kept:]] = "not counted"
    return [str(verdict) for verdict in verdicts]


def _failed_check(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    failed = seen.checks[~seen.checks["passed"].astype(bool)]
    found = set(zip(failed["drop_id"], failed["expectation"], strict=True))
    return [CAUGHT if (row.drop_id, row.expected_rule) in found else "not said" for row in _each(rows)]


def _failed_meanwhile(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    """The rule failed for the feed on one of the nights that the incident lasted and the demo has seen."""
    verdicts = []
    for row in _each(rows):
        lasted = _incident(row)
        failed = seen.checks[
            (seen.checks["agency"] == row.agency) & (seen.checks["feed"] == row.feed)
            & (seen.checks["expectation"] == row.expected_rule) & ~seen.checks["passed"].astype(bool)
            & (seen.checks["received_at"] >= pd.Timestamp(lasted.first))
            & (seen.checks["received_at"] < pd.Timestamp(lasted.last) + pd.Timedelta(days=2))
        ]  # fmt: skip
        is_over = len(seen.said) - 1 > (lasted.last - FIRST_DROP_DATE).days
        verdicts.append(CAUGHT if len(failed) else "not said" if is_over else "the demo ends while it lasts")
    return verdicts


def _refused(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str]:
    said = {(feed, file): rule for night in seen.said for feed, file, rule in night["refused"]}
    verdicts = []
    for row in _each(rows):
        rule = said.get((f"{row.agency}__{row.feed}", row.file_name))
        verdicts.append(CAUGHT if rule == row.expected_rule else f"refused as {rule}" if rule else "not refused")
    return verdicts


def _late(seen: Seen, rows: pd.DataFrame, beyond: Counter[str]) -> list[str | None]:
    verdicts: list[str | None] = []
    for row in _each(rows):
        feed, lasted = f"{row.agency}__{row.feed}", _incident(row)
        first, last = (lasted.first - FIRST_DROP_DATE).days, (lasted.last - FIRST_DROP_DATE).days
        nights = [night for night in seen.said if first <= night["night"] <= last]
        if row.kind == "half_written_file":
            named = any(
                name == feed and str(row.file_name) in why for night in nights for name, why in night["waiting"]
            )
            verdicts.append(CAUGHT if named else "not named as waiting")
        elif any(feed in night["late"] for night in nights):
            verdicts.append(CAUGHT)
        else:
            allowed = seen.latency[feed]
            is_long = allowed is not None and len(nights) > allowed
            verdicts.append("not called late" if is_long else None)
    return verdicts


def _incident(row: Any) -> Any:
    label = f"{row.agency}.{row.feed}"
    return next(one for one in CALENDAR if one.kind == row.kind and one.feed == label and one.is_on(row.night))


def _each(rows: pd.DataFrame) -> Iterator[Any]:
    """Its rows, by column name."""
    return iter(rows.itertuples())


def _by_kind(truth: pd.DataFrame) -> Iterable[dict[str, Any]]:
    """Rows whose drop was not loaded, and incidents still going on, say nothing either way and are told apart."""
    aside = ["its drop was not loaded", "the demo ends while it lasts"]
    for (kind, expected), rows in truth.groupby(["kind", "expected"]):
        counted = rows[rows["verdict"].notna() & ~rows["verdict"].isin(aside)]
        caught = int(counted["verdict"].eq(CAUGHT).sum())
        why = rows["verdict"].fillna("").astype(str) + " (" + rows["agency"] + " " + rows["feed"] + ")"
        yield {
            "kind": kind, "expected": expected, "planted": len(rows), "judged": len(counted), "caught": caught,
            "share": caught / len(counted) if len(counted) else None,
            "missed": why[rows["verdict"].notna() & rows["verdict"].ne(CAUGHT)].value_counts().to_dict(),
        }  # fmt: skip


def _good_rows(seen: Seen, truth: pd.DataFrame, files: pd.DataFrame) -> dict[str, Any]:
    """Held rows that no planted mistake explains, over all rows of loaded drops that carry none."""
    loaded = files[files["status"] == "loaded"]
    bad = truth[truth["row_no"].notna() & truth["expected"].eq("quarantine")]
    places = set(zip(bad["drop_id"], bad["row_no"], strict=True))
    copies = Counter(bad.loc[bad["kind"] == "duplicate_row", "drop_id"])
    unexplained: Counter[str] = Counter()
    for one in _each(seen.held[seen.held["drop_id"].isin(loaded["drop_id"])]):
        if (one.drop_id, one.row_no) in places:
            continue
        if one.rule == "duplicate_row" and copies[one.drop_id] > 0:
            copies[one.drop_id] -= 1
            continue
        unexplained[f"{one.agency} {one.feed} {one.rule}"] += 1
    good = int(loaded["rows_in"].sum()) - len(places)
    count = sum(unexplained.values())
    return {
        "good_rows": good,
        "good_rows_held": count,
        "good_rows_held_share": count / good,
        "held_without_cause": dict(unexplained),
    }
