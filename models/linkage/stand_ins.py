"""For a record that is no longer sent: the records that were one person with it when it last was.

Somebody decided about two *records*, and meant two people. When an agency retracts one of the two, what was decided
binds those that stood beside it: all that were its person when it went and are still sent. Who came later came by
evidence, and is bound by nothing.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

SIDES = ("record_key_l", "record_key_r")


def beside(gone: Collection[str], ledger: pd.DataFrame, sent: Collection[str]) -> pd.DataFrame:
    """``record_key, record_key_beside``: each record that is ``gone``, and who stands in for it; no row, nobody does.

    ``ledger``: ``record_key, person_id, known_from, known_to``, at least all rows of every person a gone record was.
    ``sent``: keys of the records at hand; a container with a quick ``in``.
    """
    rows = ledger[ledger["record_key"].isin(list(gone))].sort_values("known_from", kind="stable")
    last = rows.drop_duplicates("record_key", keep="last")[["record_key", "person_id", "known_to"]]
    there = ledger.loc[
        ledger["person_id"].isin(last["person_id"]), ["record_key", "person_id", "known_from", "known_to"]
    ]
    both = last.merge(there, on="person_id", suffixes=("", "_beside"))
    # The row of a record that went today is still open: tonight closes it.
    then = (both["known_from"] < both["known_to"]) & (both["known_to_beside"] >= both["known_to"])
    stands = both[then & both["record_key_beside"].map(sent.__contains__).astype(bool)]
    return stands[["record_key", "record_key_beside"]].drop_duplicates()


def speak_for_the_gone(decided: pd.DataFrame, ledger: pd.DataFrame, sent: Collection[str]) -> pd.DataFrame:
    """``linkage.clerical_decision`` with a row per stand-in where a record is gone; as it was where nobody stands in.

    ``ledger`` as the night finds it, and ``sent``: see :func:`beside`. A later decision on one of the stand-ins counts
    in place of one inherited, as any later decision does.

    >>> t, far = pd.Timestamp, pd.Timestamp("9999-12-31")
    >>> ledger = pd.DataFrame([("a", "P1", t("2026-01-01"), t("2026-02-01")), ("b", "P1", t("2026-01-01"), far),
    ...     ("c", "P1", t("2026-03-01"), far)], columns=["record_key", "person_id", "known_from", "known_to"])
    >>> said = pd.DataFrame({"decision_id": ["D1"], "record_key_l": ["a"], "record_key_r": ["z"]})
    >>> speak_for_the_gone(said, ledger, {"b", "c", "z"})[["record_key_l", "record_key_r"]].to_numpy().tolist()
    [['b', 'z']]
    """
    gone = {key for side in SIDES for key in decided[side].tolist() if key not in sent}
    if not gone:
        return decided
    stands = beside(gone, ledger, sent)
    out = decided
    for side in SIDES:
        named = out.merge(stands.rename(columns={"record_key": side}), on=side, how="left")
        named[side] = named["record_key_beside"].where(named["record_key_beside"].notna(), named[side])
        out = named.drop(columns="record_key_beside")
    return out[out[SIDES[0]] != out[SIDES[1]]].reset_index(drop=True)
