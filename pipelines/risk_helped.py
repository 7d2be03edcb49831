"""Was anyone helped? The figures behind the page: lists, decisions and what followed, counted and then forgotten.

A week is mature when what came of its families can be known. Of mature weeks those who just missed are made again from
the registered model and the records as known then; of younger weeks only what was decided is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from models.risk.helped import Followed as Came
from models.risk.helped import compare, first_stand, listed_figures
from models.risk.labels import latest_mature
from models.risk.margin import Near, chosen_again, families_near, same_as_then
from models.risk.queue import MODEL_CHANNEL, RULES_CHANNEL
from models.risk.registry import ModelFileError, rules_hash
from models.risk.rescore import CannotRescore, Seen, rescore, see, with_features
from models.risk.standing import Standing, Week
from pipelines.clock import as_of_known_at, weekly_cutoff
from pipelines.hub import Hub
from pipelines.progress import tell
from pipelines.risk_followed import Followed
from pipelines.risk_pack import load_declarations
from pipelines.risk_registry import load, standing

# A year of lists is compared; older ones told what they could.
MOST_WEEKS = 52
_EPOCH = date(1970, 1, 1)
NOT_RECORDED = "the run did not record by what it chose"
NO_MODEL = "the model's files are gone or are not those registered"
RULES_CHANGED = "the named patterns were declared otherwise then"
RECORDS_CHANGED = "the records of then can no longer be read as they were"
NOT_IN_MARTS = "the weekly marts do not reach it"
OTHER_PEOPLE = "choosing again did not choose the same people"


@dataclass(frozen=True)
class Helped:
    """What the page tells; aggregates alone. weeks: mature and compared, too young, left out by reason."""

    compared: list[dict[str, Any]]
    listed: dict[str, Any]
    decided: int
    weeks_compared: list[date]
    weeks_young: int
    left_out: dict[str, int]
    draws: list[dict[str, Any]]
    lottery_rule: str
    seed: int | None
    first_known: date | None
    horizon_days: int
    taken_up_days: int | None


def helped(hub: Hub, con: duckdb.DuckDBPyConnection, now: datetime, marts: str = "warehouse.marts") -> Helped:
    """Count, compare and forget; `con` has the warehouse attached, nothing known after `now` (naive UTC) is read."""
    config, book = load_declarations(hub)
    newest = latest_mature(config.target, as_of_known_at(now))
    known, lists = standing(hub), _lists(hub, as_of_known_at(now))
    weeks = sorted(lists)
    mature = [w for w in weeks if w <= newest][-MOST_WEEKS:]
    batches = {w: hub.store.candidates(hub.store.latest_batch(w)) for w in weeks}
    near, compared, left_out = _all_near(hub, con, known, {w: batches[w] for w in mature}, config, book, marts)
    near = first_stand(near)
    young = [one for week in weeks if week > newest for one in _listed_alone(week, batches[week])]
    days = hub.declaration("wording.yml").get("help_taken_up")
    followed = _follow(hub, con, [*near, *young], config, now, newest, lists, days)
    least = config.evaluation.smallest_cell
    everybody = [f for n, f in zip([*near, *young], followed, strict=True) if n.listed]
    choices = [batch["choice"] for batch in batches.values() if batch.get("choice")]
    return Helped(
        compared=compare(near, followed[: len(near)], least),
        listed=listed_figures(everybody, least),
        decided=len(hub.store.decisions(now)),
        weeks_compared=compared,
        weeks_young=len([w for w in weeks if w > newest]),
        left_out=left_out,
        draws=_draws(choices, least),
        lottery_rule=choices[-1]["lottery"]["rule"] if choices else "",
        seed=choices[-1]["lottery"]["seed"] if choices else None,
        first_known=None if compared or not weeks else _known_from(weeks[0], config),
        horizon_days=config.target.horizon_days,
        taken_up_days=int(days["within_days"]) if days else None,
    )


def _lists(hub: Hub, until: date) -> dict[date, dict[str, set[str]]]:
    """By week up to a Sunday, and by the key of everybody on a version of its lists, the documents they are on."""
    found: dict[date, dict[str, set[str]]] = {}
    for facts in hub.store.issued("weekly_list.v1", latest_only=False):
        if facts.as_of_date > until:
            continue
        on = found.setdefault(facts.as_of_date, {})
        for family in hub.store.document(facts.document_id)["families"]:
            for child in family["children"]:
                on.setdefault(child["person_key"], set()).add(facts.document_id)
    return found


def _all_near(
    hub: Hub, con: Any, known: Standing, batches: Mapping[date, Mapping[str, Any]], config: Any, book: Any, marts: str
) -> tuple[list[Near], list[date], dict[str, int]]:
    """The families beside the margins of past weeks, the weeks they are of, and how many weeks are left out by why."""
    left_out: Counter[str] = Counter()
    ready: dict[date, Any] = {}
    for as_of, batch in batches.items():
        choice = batch.get("choice")
        if not choice:
            left_out[NOT_RECORDED] += 1
        elif choice["rules_hash"] != rules_hash(book):
            left_out[RULES_CHANGED] += 1
        elif not batch.get("model"):
            ready[as_of] = None
        else:
            try:
                ready[as_of] = load(hub, _week_of(known, as_of, str(batch["model"])))
            except ModelFileError:
                left_out[NO_MODEL] += 1
    held = [d for (d,) in con.execute(f"select distinct as_of_date from {marts}.person_week").fetchall()]
    left_out[NOT_IN_MARTS] += len(ready.keys() - set(held))
    ready = {as_of: ready[as_of] for as_of in sorted(ready.keys() & set(held))}
    if not ready:
        return [], [], _counted(left_out)
    tell(f"helped: {len(ready)} past weeks are scored once more")
    models = [one for one in ready.values() if one is not None]
    own = with_features(config, (f for fitted, _ in models[-1][0] for f in fitted.features)) if models else config
    seen = see(con, own, list(ready), [card for _, card in models], marts=marts)
    near: list[Near] = []
    compared = []
    for as_of, model in ready.items():
        found = _near_again(hub, con, as_of, batches[as_of], model, config, book, seen, marts)
        if isinstance(found, str):
            left_out[found] += 1
        else:
            near += found
            compared.append(as_of)
    return near, compared, _counted(left_out)


def _counted(left_out: Counter[str]) -> dict[str, int]:
    return {why: number for why, number in sorted(left_out.items()) if number}


def _near_again(
    hub: Hub,
    con: Any,
    as_of: date,
    batch: Mapping[str, Any],
    model: Any,
    config: Any,
    book: Any,
    seen: Seen,
    marts: str,
) -> list[Near] | str:
    """The families beside the margins of a past week, or why they cannot be told."""
    from review.freeze import listed_recently

    choice = batch["choice"]
    recently = listed_recently(hub.store, as_of, choice["relist_after_weeks"], until=weekly_cutoff(as_of))
    try:
        if model is None:
            now, log_odds = seen.on(as_of), None
        else:
            parts, card = model
            again = rescore(con, parts, card, config, as_of, marts=marts, seen=seen)
            if again.changed:
                return RECORDS_CHANGED
            now, log_odds = again.panel, again.log_odds
    except CannotRescore:
        return RECORDS_CHANGED
    held = chosen_again(now, log_odds, choice, config, book, recently)
    return families_near(now, held) if same_as_then(now, held, batch["candidates"]) else OTHER_PEOPLE


def _week_of(known: Standing, as_of: date, model: str) -> Week:
    found = [w for w in known.weeks if w.as_of == as_of and w.model == model]
    if not found:
        raise ModelFileError(f"The audit log does not know model {model} for that week.")
    return found[-1]


def _listed_alone(as_of: date, batch: Mapping[str, Any]) -> list[Near]:
    """The listed families of a week that is too young to be compared."""
    homes: dict[str, list[Mapping[str, Any]]] = {}
    for one in batch["candidates"]:
        homes.setdefault(str(one["household_key"] or one["person_key"]), []).append(one)
    out = []
    for people in homes.values():
        channel = MODEL_CHANNEL if any(MODEL_CHANNEL in p["channel"] for p in people) else RULES_CHANNEL
        members = tuple(str(p["person_key"]) for p in people)
        out.append(Near(channel, people[0]["area_team"], (as_of - _EPOCH).days, members, True, False, False))
    return out


def _follow(
    hub: Hub,
    con: Any,
    near: Sequence[Near],
    config: Any,
    now: Any,
    newest: date,
    lists: Mapping[date, Mapping[str, set[str]]],
    taken_up: Mapping[str, Any] | None,
) -> list[Came]:
    """What came of each family, as known now: decisions on its own list, or on later ones where it was missed."""
    pairs = [(key, _day(one)) for one in near for key in one.members]
    after = Followed(con, pairs, now)
    outcomes = after.outcomes(config.target.name)
    begun = after.begun(taken_up["episodes"], int(taken_up["within_days"])) if taken_up else set()
    decided = {(one["document_id"], one["person_key"]): one["kind"] for one in hub.store.decisions(now)}
    horizon = timedelta(days=config.target.horizon_days)
    out = []
    for one in near:
        week = _day(one)
        own = [lists.get(week, {}).get(key, set()) for key in one.members]
        after_it = [lists[w].get(key, set()) for w in lists if week < w <= week + horizon for key in one.members]
        later = set().union(*after_it)
        documents = set().union(*own) if one.listed else later
        kinds = [decided[d, k] for d in documents for k in one.members if (d, k) in decided]
        known = week <= newest
        up = any((k, week) in begun for k in one.members)
        young = taken_up is None or now.date() < week + timedelta(days=int(taken_up["within_days"]))
        need = any(week < outcomes[k, week][0] <= week + horizon for k in one.members if (k, week) in outcomes)
        offered = "offered" in kinds if kinds or not one.listed else None
        out.append(Came(offered, None if young else up, need if known else None, bool(later)))
    return out


def _draws(choices: Sequence[Mapping[str, Any]], least: int) -> list[dict[str, Any]]:
    """The lotteries of all weeks by channel: how many were held, how many stood equal, how many places were drawn."""
    out = []
    for channel in (MODEL_CHANNEL, RULES_CHANNEL):
        mine = [one for choice in choices for one in choice["lottery"]["draws"] if one["channel"] == channel]
        counts = (len(mine), sum(o["stood_equal"] for o in mine), sum(o["places_drawn"] for o in mine))
        small = any(0 < n < least for n in counts)
        out.append({"channel": channel, "counts": [None if small else n for n in counts]})
    return out


def _known_from(week: date, config: Any) -> date:
    """The day on which what came of a week's families can first be known."""
    return week + timedelta(days=config.target.horizon_days + config.target.maturity_days)


def _day(one: Near) -> date:
    return _EPOCH + timedelta(days=one.day)
