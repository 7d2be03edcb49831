"""Fail closed: a night that would turn too many people into others is stopped, and yesterday's persons are kept.

A model swapped by mistake, a feed that came empty, a column that moved: each gives a complete and wrong answer to who
is who. So tonight's answer is compared with the ledger before it is written. It is not written when

- more than ``churn_share`` of the *untouched* records would change person. Untouched: present and unchanged since the
  last night whose answer was taken, and of no person whom somebody decided about since;
- the largest person is made of more than ``largest_person`` distinct identities and has grown;
- a feed that had records has lost more than half of them, or half of the barriers are gone, or nobody is left at all;
- the model's files are not those its hash was made of, or a result would have crossed a barrier.

Yesterday's persons are then kept as :mod:`models.linkage.night` says (``keep``): records that have gone stay as they
were, new ones stand alone (each a person of its own, ``reason`` = ``held``), so that what they report is seen and the
marts build; the first good night gives them to the persons they belong to. A barrier is obeyed on such a night too.

The first load has nothing to be compared with. A named person's sign-off lets one night pass, whatever it changes,
when the model is the one the sign-off is for (``linkage.sign_off``); it is used up by the first night with that model,
needed or not. Nothing lets a broken hash or barrier pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd

from models.linkage import history
from models.linkage.barriers import BarrierBroken
from models.linkage.ledger import OPEN
from models.linkage.model import LinkageModel, ModelMismatch
from models.linkage.night import LinkageResult, link
from models.linkage.settings import LinkageSettings


@dataclass(frozen=True)
class Before:
    """What the last night whose answer was taken left behind; counts, and the person of every untouched record.

    ``night``: its instant, None before the first. ``untouched``: person id by record key. ``by_feed``: records by
    ``agency/feed``. ``barriers``: how many were obeyed. ``largest``: distinct identities of the largest person.
    ``signed``: hash of the model -> who signed.
    """

    night: pd.Timestamp | None
    untouched: pd.Series
    by_feed: Mapping[str, int] = field(default_factory=dict)
    barriers: int = 0
    largest: int = 0
    signed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tonight:
    """What tonight's answer is judged by; the fields are those of :class:`Before`, ``person`` of all records."""

    person: pd.Series
    by_feed: Mapping[str, int] = field(default_factory=dict)
    barriers: int = 0
    largest: int = 0

    @classmethod
    def of(cls, result: LinkageResult) -> Tonight:
        """Read off a result of :func:`link`."""
        live = result.assignment[result.assignment["known_to"] == OPEN]
        counts = result.quality["feeds"]
        by_feed = dict(zip(counts["agency"] + "/" + counts["feed"], counts["records"].tolist(), strict=True))
        night = result.quality["night"].set_index("measure")["value"].astype("int64")
        return cls(live.set_index("record_key")["person_id"], by_feed, int(night["barriers"]), int(night["largest"]))


@dataclass(frozen=True)
class Verdict:
    """Whether tonight's answer stands. ``why``: sentences of counts, for people; ``figures``: the numbers compared."""

    kept: bool
    why: tuple[str, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    model_digest: str | None = None
    signed_by: str | None = None

    def row(self, run_id: str) -> dict[str, Any]:
        """This night as a row of ``linkage.night``."""
        passed = f" Let pass by {self.signed_by}." if self.why and self.signed_by else ""
        return {
            "run_id": run_id,
            "model_digest": self.model_digest,
            "kept": self.kept,
            "why": " ".join(self.why) + passed,
            "largest": int(self.figures.get("largest", 0)),
        }


@dataclass(frozen=True)
class Guarded:
    """What is to be written tonight, and the verdict it rests on."""

    result: LinkageResult
    verdict: Verdict


def judge(before: Before, tonight: Tonight, digest: str, settings: LinkageSettings) -> Verdict:
    """Compare tonight's answer, made with the model of hash ``digest``, with what was there.

    >>> before = Before(pd.Timestamp("2026-10-05"), pd.Series({"a": "P1", "b": "P2", "c": "P3"}))
    >>> wild = Tonight(pd.Series({"a": "P1", "b": "P1", "c": "P1"}))
    >>> judge(before, wild, "x", LinkageSettings(churn_least=1)).why
    ('2 of 3 untouched records (66.67 %) would belong to another person; at most 0.5 % may.',)
    """
    if before.night is None:
        return Verdict(False, figures={"largest": tonight.largest}, model_digest=digest)
    both = before.untouched.index.intersection(tonight.person.index)
    changed = int((before.untouched.loc[both] != tonight.person.loc[both]).sum())
    share = changed / len(both) if len(both) else 0.0
    why = []
    if changed >= settings.churn_least and share > settings.churn_share:
        why.append(
            f"{changed:,} of {len(both):,} untouched records ({100 * share:.2f} %) would belong to another person; "
            f"at most {100 * settings.churn_share:g} % may."
        )
    if tonight.largest > max(settings.largest_person, before.largest):
        why.append(
            f"The largest person would be made of {tonight.largest:,} different descriptions; "
            f"{settings.largest_person} is the limit, and it was {before.largest:,}."
        )
    if 2 * tonight.barriers < before.barriers:
        why.append(f"{tonight.barriers:,} linkage barriers are left of {before.barriers:,}.")
    if before.by_feed and not sum(tonight.by_feed.values()):
        why.append(f"No record is left of the {sum(before.by_feed.values()):,} there were.")
    else:
        left = {feed: tonight.by_feed.get(feed, 0) for feed in sorted(before.by_feed)}
        why += [
            f"{feed} has {now:,} records left of {before.by_feed[feed]:,}."
            for feed, now in left.items()
            if before.by_feed[feed] >= settings.feed_least and 2 * now < before.by_feed[feed]
        ]
    figures = {
        "untouched": len(both),
        "ids_changed": changed,
        "ids_changed_share": round(share, 6),
        "largest": tonight.largest,
    }
    signed = before.signed.get(digest)
    return Verdict(bool(why) and signed is None, tuple(why), figures, digest, signed)


def guarded(
    con: Any,
    *,
    model: Callable[[], LinkageModel],
    settings: LinkageSettings,
    now: datetime,
    canonical: str = "canonical",
    state: str = "linkage",
    **how: Any,
) -> Guarded:
    """:func:`link`, and yesterday's persons instead where its answer may not stand; writes nothing.

    ``model``: reads the model; what it raises as :class:`ModelMismatch` keeps yesterday's persons. ``how``: everything
    else :func:`link` asks for. Raises :class:`ModelMismatch` where there is no yesterday to keep.
    """
    before = read_before(con, now, canonical, state)
    ask = {"settings": settings, "now": now, "canonical": canonical, "state": state, **how}
    digest = None
    try:
        trained = model()
        digest = trained.digest
        result = link(con, model=trained, **ask)
    except (ModelMismatch, BarrierBroken) as problem:
        if before.night is None:
            raise
        verdict = Verdict(True, (f"{str(problem).rstrip('.')}.".capitalize(),), model_digest=digest)
    else:
        verdict = judge(before, Tonight.of(result), trained.digest, settings)
    if verdict.kept:
        result = link(con, model=None, **ask)
    return Guarded(result, verdict)


def read_before(con: Any, now: datetime, canonical: str = "canonical", state: str = "linkage") -> Before:
    """What the last night before ``now`` whose answer was taken left in the tables."""
    night, largest_then = history.last_night(con, now, state)
    if night is None:
        return Before(None, pd.Series(dtype=object))
    counts = history.quality_at(con, night, state, "records", "barriers").set_index(["measure", "scope"])["value"]
    return Before(
        night,
        history.untouched(con, night, now, canonical, state),
        counts["records"].drop("all").astype("int64").to_dict(),
        int(counts["barriers"]["all"]),
        largest_then,
        history.sign_offs(con, now, state),
    )
