"""`hub identity shadow|adopt|accept`: what a new model would change, its adoption, and letting one night pass.

Never part of a night. A model is adopted with a report of that very model at hand and by a named person; the first
night with it may then change as many ids as it must, and no later one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.hub import Hub, HubProblem

if TYPE_CHECKING:
    from models.linkage import LinkageModel


def print_shadow(console: Console, folder: Path) -> None:
    """Run a whole night with the model in `folder` and with the present one; write nothing but the report."""
    from models.linkage import history
    from models.linkage.shadow import shadow
    from pipelines.assurance_pages import write_private
    from pipelines.linkage_night import hidden_figures, how

    hub = Hub.from_environment()
    # A moment later, so that the last night counts as over even if nothing has come since.
    candidate, settings, now = _model(folder), hub.linkage_settings(), hub.present() + timedelta(seconds=1)
    with console.status("two nights on paper"), hub.zones.open("identity", "warehouse", read_only=True) as con:
        if history.last_night(con, now, "linkage")[0] is None:
            raise HubProblem("There is no night to compare with yet: `hub run nightly` first.")
        report = shadow(
            con,
            present=hub.linkage_model(),
            candidate=candidate,
            settings=settings,
            now=now,
            hidden=lambda result, model: hidden_figures(con, result, model, settings, now),
            **how(con, hub, now),
        )
    target = _report(hub, candidate.digest)
    write_private(target, json.dumps(report, indent=1) + "\n")
    _print_report(console, report)
    console.print(
        f"Kept as {target}. Adopt it: hub identity adopt --model {folder} --by NAME --why REASON", soft_wrap=True
    )


def adopt(console: Console, folder: Path, by: str, why: str) -> None:
    """Put a model into the pack and let the first night with it pass.

    Raises:
        HubProblem: there is no report of this model, it was made against another one, or nobody signs.
    """
    hub = Hub.from_environment()
    candidate = _model(folder)
    target = _report(hub, candidate.digest)
    if not target.is_file():
        raise HubProblem(
            f"There is no report on the model {candidate.digest[:12]}: run `hub identity shadow --model {folder}` and "
            "read it first."
        )
    report = json.loads(target.read_text(encoding="utf-8"))
    if report["present_model"] != hub.linkage_model().digest:
        raise HubProblem(
            "The report compares with a model that is not in use any more: run `hub identity shadow` again."
        )
    _sign(hub, candidate.digest, by, why, "identity.model_adopted")
    into = hub.settings.pack / "linkage"
    into.mkdir(exist_ok=True)
    # The hash goes last: a copy that was cut off does not match, is refused, and yesterday's persons stay.
    for name, content in sorted(_files(folder).items(), key=lambda item: item[0].endswith(".sha256")):
        partial = into / f".{name}.partial"
        partial.write_bytes(content)
        partial.replace(into / name)
    console.print(
        f"The model {candidate.digest[:12]} is in {into}, signed by {escape(by)}. The next night links with it and may "
        "change ids; `hub identity who` follows them.",
        soft_wrap=True,
    )


def accept(console: Console, by: str, why: str) -> None:
    """Let the next night pass whatever it changes, with the model in use."""
    hub = Hub.from_environment()
    _sign(hub, hub.linkage_model().digest, by, why, "identity.night_accepted")
    console.print(
        f"The next night's persons are taken over, whatever changes, says {escape(by)}. Then the guard is back."
    )


def _sign(hub: Hub, digest: str, by: str, why: str, what: str) -> None:
    from models.linkage import history

    if not by.strip() or not why.strip():
        raise HubProblem("A sign-off needs somebody who gives it and a reason that others can read.")
    now = hub.present()
    hub.store.audit.append(who=by.strip(), what=what, purpose=why.strip(), detail={"model": digest}, at=now)
    with hub.zones.open("identity") as con:
        history.sign(con, digest, by.strip(), why.strip(), now)


def _files(folder: Path) -> dict[str, bytes]:
    return (
        {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()} if folder.is_dir() else {}
    )


def _model(folder: Path) -> LinkageModel:
    from models.linkage import LinkageModel

    return LinkageModel.from_files(_files(folder))


def _report(hub: Hub, digest: str) -> Path:
    return hub.settings.root / "linkage" / f"shadow_{digest[:12]}.json"


def _print_report(console: Console, report: Mapping[str, Any]) -> None:
    present, candidate = report["present"], report["candidate"]
    table = Table("", f"present {report['present_model'][:12]}", f"candidate {report['model'][:12]}")
    for name in ("persons", "largest", "untouched", "ids_changed"):
        table.add_row(name.replace("_", " "), f"{present[name]:,}", f"{candidate[name]:,}")
    table.add_row("ids changed, share", f"{present['ids_changed_share']:.3%}", f"{candidate['ids_changed_share']:.3%}")
    for what in candidate["events"]:
        table.add_row(what, f"{present['events'][what]:,}", f"{candidate['events'][what]:,}")
    for what in candidate["conflicts"]:
        table.add_row(
            f"persons with {what.replace('_', ' ')}",
            f"{present['conflicts'][what]:,}",
            f"{candidate['conflicts'][what]:,}",
        )
    sides = [
        {(row["measure"], row["scope"]): row for row in side["hidden_identifier"]} for side in (present, candidate)
    ]
    for key in sides[1]:
        told = [_share(side.get(key)) for side in sides]
        # Of the groups only those that differ; all of them are in the file.
        if key[1] == "all" or told[0] != told[1]:
            table.add_row(", ".join(key), *told)
    console.print(table)
    moved = [
        (abs(rate - present["link_rates"].get(pair, 0.0)), pair, rate) for pair, rate in candidate["link_rates"].items()
    ]
    for change, pair, rate in sorted(moved, reverse=True)[:5]:
        if change > 0:
            console.print(
                f"link rate {pair}: {present['link_rates'].get(pair, 0.0):.1%} before, {rate:.1%} with the candidate"
            )
    for sentence in report["would_be_stopped"]:
        console.print(
            f"[yellow]Without a sign-off the guard would stop it:[/yellow] {escape(sentence)}", soft_wrap=True
        )


def _share(row: Mapping[str, Any] | None) -> str:
    if row is None or row["value"] is None:
        return "too few to tell"
    return f"{row['value']:.4f} ({row['low']:.3f} to {row['high']:.3f})"
