"""`hub risk explain`: one score of one week for an analyst, under pseudonym; the look is logged, the score not kept."""

from __future__ import annotations

import getpass
from datetime import date
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from models.risk.explain_person import Explained, explain_person
from models.risk.queue import MODEL_CHANNEL
from models.risk.registry import rules_hash
from models.risk.rescore import CannotRescore, rescore
from models.risk.standing import Week
from pipelines.hub import Hub, HubProblem
from pipelines.risk_pack import load_declarations
from pipelines.risk_registry import check_card, load, model_of_week

EXPLAINED = "risk.explained"
_MARTS = "warehouse.marts"
_BAR = 24


def explain(console: Console, key: str, as_of: date, by: str, why: str, although_changed: bool) -> None:
    """Print the score of a person key on a Sunday, taken apart.

    Raises:
        HubProblem: no model of that week is registered, the key is none of that week, or who and why are missing.
        ModelFileError: the model's files are gone or are not those registered.
        CannotRescore: what was known then can no longer be read as it was.
    """
    if not by.strip() or not why.strip():
        raise HubProblem(
            "A score is shown to somebody, for a reason, and both are logged: say --by WHO and --why TEXT."
        )
    hub = Hub.from_environment()
    config, book = load_declarations(hub)
    week = model_of_week(hub, as_of)
    parts, card = load(hub, week)
    check_card(week, card)
    with hub.zones.open("warehouse", read_only=True) as con:
        _require_in_cohort(con, key, as_of)
        with console.status("the week is scored again"):
            again = rescore(con, parts, card, config, as_of, marts=_MARTS)
    if again.changed and not although_changed:
        raise CannotRescore(
            f"What was known on {as_of.isoformat()} can no longer be read as it was scored: {'; '.join(again.changed)}."
            " Records may have been deleted at the end of their retention, or the declarations or code that make"
            " features have changed. --although-changed shows what the same model says of what can be read today."
        )
    channels = _channels(hub, week, key)
    told = explain_person(again, book, key, _listed_by_model(hub, week))
    hub.store.audit.append(
        who=getpass.getuser(),
        what=EXPLAINED,
        purpose=why.strip(),
        about=[key],
        detail={"as_of_date": as_of.isoformat(), "model": week.model, "by": by.strip(), "changed": bool(again.changed)},
    )
    _print(console, hub, week, as_of, told, channels)
    if again.changed:
        console.print(f"[red]Not what stood then:[/red] {'; '.join(again.changed)}.", soft_wrap=True)
    if card["hashes"]["rules"] != rules_hash(book):
        console.print("[yellow]rules.yml has changed since[/yellow]: the patterns above are those declared today.")


def _require_in_cohort(con: duckdb.DuckDBPyConnection, key: str, as_of: date) -> None:
    """Refuse a key that nobody was scored under, and say why."""
    rows = con.execute(
        f"select exclusion_reason from {_MARTS}.person_week where person_key::varchar = ? and as_of_date = ?",
        [key, as_of],
    ).fetchall()
    if (
        not rows
        and not con.execute(f"select 1 from {_MARTS}.person_week where as_of_date = ? limit 1", [as_of]).fetchall()
    ):
        raise HubProblem(
            f"The weekly marts do not hold the week that ended on {as_of.isoformat()}: they reach as far as the last"
            f" weekly run. `hub run weekly` brings them up to date."
        )
    if not rows:
        raise HubProblem(
            f"Nobody goes by this key in the week that ended on {as_of.isoformat()}. Records of one key may since have"
            " been joined with those of another: `hub risk trace` follows them."
        )
    if rows[0][0] is not None:
        raise HubProblem(
            f"No score was made under this key in the week that ended on {as_of.isoformat()}: the cohort leaves it out"
            f" ({rows[0][0]})."
        )


def _batch(hub: Hub, week: Week) -> dict[str, Any]:
    return hub.store.candidates(week.batch_id or hub.store.latest_batch(week.as_of))


def _channels(hub: Hub, week: Week, key: str) -> list[str]:
    """The ways by which the key came onto that week's list; empty when it did not."""
    return next((c["channel"] for c in _batch(hub, week)["candidates"] if c["person_key"] == key), [])


def _listed_by_model(hub: Hub, week: Week) -> set[str]:
    return {c["person_key"] for c in _batch(hub, week)["candidates"] if MODEL_CHANNEL in c["channel"]}


def _print(console: Console, hub: Hub, week: Week, as_of: date, told: Explained, channels: list[str]) -> None:
    facts = Table(show_header=False, title=f"Week that ended on {as_of:%d %B %Y}, as known on Monday at two")
    facts.add_column()
    facts.add_column()
    cut = "the model listed nobody of this team" if told.cut_off is None else f"{told.cut_off:.5f}"
    rows = {
        "model": f"{week.model} ({'spoke' if week.spoke else 'did not speak'}); its files, card and log entry agree",
        "scored by": f"part {told.part} of {told.parts}, which learnt from no record of this family"
        if told.parts > 1
        else "the one part there is; families were not kept apart",
        "chance": f"{told.chance:.5f} (log-odds {told.log_odds:+.4f})",
        "place in the team": f"{told.place[0]:,} of {told.of[0]:,} ({told.team})",
        "place in all": f"{told.place[1]:,} of {told.of[1]:,}",
        "cut-off of the team": cut,
        "named patterns that hold": "; ".join(told.patterns) or "none",
        "listed that week": f"yes, by {', '.join(channels)}" if channels else "no",
    }
    for name, told_value in rows.items():
        facts.add_row(name, told_value)
    console.print(facts)
    most = max((abs(c) for *_, c in told.contributions), default=1.0) or 1.0
    table = Table(
        "feature", "theme", "value", "log-odds", "so far", "", title="From nobody in particular to this score"
    )
    so_far = told.base
    table.add_row("nobody in particular", "", "", "", f"{so_far:+.4f}", "")
    for _, label, of_theme, value, part in told.contributions:
        if abs(part) < 5e-5:
            continue
        so_far += part
        length = "█" * max(1, round(_BAR * abs(part) / most))
        bar = f"[red]+{length}[/]" if part > 0 else f"[blue]-{length}[/]"
        table.add_row(label, of_theme, f"{value:g}", f"{part:+.4f}", f"{so_far:+.4f}", bar)
    rest = told.log_odds - so_far
    table.add_row("all others together", "", "", f"{rest:+.4f}", f"{told.log_odds:+.4f}", "")
    console.print(table)
    themes = Table("theme", "log-odds", title="By theme")
    for title, part in told.themes:
        themes.add_row(title, f"{part:+.4f}")
    console.print(themes)
    console.print(
        "Contributions are in calibrated log-odds and sum to the score. They say what the model used, not what caused"
        " anything. The look is in the audit log; nothing of it was kept.",
        soft_wrap=True,
    )
    if hub.partnership.label:
        console.print(f"[yellow]{hub.partnership.label}[/yellow]: nothing here is about a real person.")
