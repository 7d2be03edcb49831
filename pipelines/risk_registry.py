"""The registry of models: files under `var/<partnership>/models`, acts on them in the audit log.

The files can be read by anybody who may read the state; what was done with a model (which weeks it stood behind, who
approved or retired it) stands in the log, which can only be added to and whose chain shows every change. A model is
loaded only when its files, its card and the log agree.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from models.risk.registry import ModelFileError, card_hash, recipe_of, unpack_model
from models.risk.standing import WEEKLY_LIST, Standing, Week, read_acts
from pipelines.clock import LONDON
from pipelines.hub import Hub, HubProblem
from pipelines.risk_pack import JUDGED

APPROVED, RETIRED = "model.approved", "model.retired"
_ACTS = {JUDGED: "judged", APPROVED: "approved", RETIRED: "retired"}


def folder(hub: Hub) -> Path:
    """Where the models' files lie."""
    return hub.settings.root / "models"


def standing(hub: Hub) -> Standing:
    """Every act on every model.

    Raises:
        AuditBroken: the log was changed, so nobody can say who approved what.
    """
    hub.store.audit.require_intact()
    return read_acts([(_ACTS[entry.what], entry.detail) for entry in hub.store.audit.entries(what=_ACTS)])


def judged_detail(model: Any) -> dict[str, Any]:
    """What the log keeps of the model that stood behind a week: enough to notice any other file in its place, and the
    registration it was judged by."""
    return {
        "model": model.name,
        "content_hash": model.card["content_hash"],
        "card_hash": card_hash(model.card),
        "recipe": recipe_of(model.card["hashes"]),
        "registration": model.card.get("registration"),
    }


def may_speak(hub: Hub, on: date) -> Callable[[str, Mapping[str, str]], str]:
    """What the weekly run asks before its model speaks: empty when it may, else why not (`Standing.why_silent`)."""
    known = standing(hub)
    live = hub.partnership.mode == "live"
    return lambda name, hashes: known.why_silent(hashes["content"], recipe_of(hashes), on, approval_needed=live)


def find(hub: Hub, known: Standing, name: str) -> list[Week]:
    """The weeks of a model, by its name or the beginning of it or of its hash.

    Raises:
        HubProblem: there is no such model, or more than one.
    """
    models = known.by_model()
    found = [one for one in models if one == name] or [
        one
        for one, weeks in models.items()
        if name and (one.startswith(name) or weeks[0].content_hash.startswith(name))
    ]
    if len(found) != 1:
        what = f"{len(found)} models of the registry begin with" if found else "No model of the registry is called"
        raise HubProblem(f"{what} {name!r}; `hub risk models` lists them.")
    return models[found[0]]


def load(hub: Hub, week: Week) -> tuple[list[Any], dict[str, Any]]:
    """A model's parts and card, checked against its files' hashes and what the log says of it.

    Raises:
        ModelFileError: its files are gone, changed or another model's.
    """
    place = folder(hub) / week.model
    if not place.is_dir():
        raise ModelFileError(f"The files of model {week.model} are not in the registry any more ({place}).")
    try:
        parts, card = unpack_model({one.name: one.read_bytes() for one in place.iterdir() if one.is_file()}, week.model)
    except ModelFileError as error:
        raise ModelFileError(
            f"Model {week.model} is refused: {error}. Put back its files from a backup (`hub restore`), or retire it."
        ) from None
    if week.content_hash and card["content_hash"] != week.content_hash:
        raise ModelFileError(
            f"Model {week.model} is refused: the audit log knows it by another hash than its files have."
        )
    return parts, card


def check_card(week: Week, card: Mapping[str, Any]) -> None:
    """Refuse a card that is not the one the log knows.

    Raises:
        ModelFileError: the card was changed after the model was registered.
    """
    if week.card_hash and card_hash(card) != week.card_hash:
        raise ModelFileError(f"Model {week.model} is refused: its card is not the one that was registered.")


def state_of_files(hub: Hub, week: Week) -> str:
    """`intact`, or what is wrong with a model's files, for the list of models."""
    try:
        _, card = load(hub, week)
        check_card(week, card)
    except ModelFileError as error:
        return "gone" if "not in the registry" in str(error) else "changed"
    return "intact"


def card_of(hub: Hub, model: str) -> dict[str, Any]:
    """A model's card as it lies there, unchecked; empty when it cannot be read."""
    try:
        return json.loads((folder(hub) / model / "card.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def model_of_week(hub: Hub, as_of: date) -> Week:
    """The last run of a week whose model is registered.

    Raises:
        HubProblem: no run of that week left a model.
    """
    weeks = [one for one in standing(hub).weeks if one.as_of == as_of]
    if not weeks:
        raise HubProblem(
            f"No model is registered for the week that ended on {as_of.isoformat()}: no run of it could fit one, or it"
            " was never run. `hub risk models` lists the weeks that have one."
        )
    return ([one for one in weeks if one.spoke] or weeks)[-1]


def approve(hub: Hub, name: str, by: str, reason: str, until: date, purpose: str = WEEKLY_LIST) -> Week:
    """Write down that somebody stands for a model's recipe, for a purpose, until a day.

    Raises:
        HubProblem: the model is unknown or retired, its files are not the registered ones, or the day is over.
    """
    known = standing(hub)
    week = find(hub, known, name)[-1]
    recipe = _recipe(hub, week)
    if known.retirement_of(week.content_hash, recipe):
        raise HubProblem(f"{week.model} was retired, and a retired model is not approved again.")
    today = present_day(hub)
    if until < today:
        raise HubProblem(f"An approval until {until.isoformat()} would be over on the day it is given.")
    _, card = load(hub, week)
    check_card(week, card)
    _write(hub, APPROVED, week, by, reason, {"recipe": recipe, "purpose": purpose, "until": until.isoformat()})
    return week


def retire(hub: Hub, name: str, by: str, reason: str, with_recipe: bool) -> Week:
    """Take a model's word from it, for good; with its recipe, from every one made alike. Its files stay."""
    known = standing(hub)
    week = find(hub, known, name)[-1]
    recipe = _recipe(hub, week) if with_recipe else None
    _write(hub, RETIRED, week, by, reason, {"recipe": recipe})
    return week


def present_day(hub: Hub) -> date:
    """Today where the partnership goes by the wall clock, else the demonstration's present day."""
    return hub.present().replace(tzinfo=UTC).astimezone(LONDON).date()


def _recipe(hub: Hub, week: Week) -> str:
    """The recipe of a model as the log has it, or its card where the log is older than recipes."""
    if week.recipe:
        return week.recipe
    _, card = load(hub, week)
    return recipe_of(card["hashes"])


def _write(hub: Hub, what: str, week: Week, by: str, reason: str, more: Mapping[str, Any]) -> None:
    if not by.strip() or not reason.strip():
        raise HubProblem("It must be said who does this and why: --by WHO and --reason TEXT.")
    hub.store.audit.append(
        who=getpass.getuser(),
        what=what,
        purpose="standing of the model behind the weekly lists",
        detail={
            "model": week.model,
            "content_hash": week.content_hash or card_of(hub, week.model).get("content_hash", ""),
            "by": by.strip(),
            "reason": reason.strip(),
            "on": present_day(hub).isoformat(),
            **more,
        },
        at=datetime.now(UTC),
    )
