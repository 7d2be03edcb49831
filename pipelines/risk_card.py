"""Model card and transparency record: written from the pack and kept with the code, and each week with its figures.

`hub risk card` shows them, `--write docs` renews the copies there, `--check docs` says what has changed since.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from pipelines.assurance_pages import write_private
from pipelines.hub import Hub

RENEW = "hub risk card --write docs"
DOCUMENTS = ("model_card.md", "atrs.md")
HEADER = (
    "<!-- Written by `hub risk card --write docs` from the pack's declarations. Change those, not this file. -->\n\n"
)


def pack_of(hub: Hub) -> Any:
    """The pack as the card reads it (models.risk.card_pack.Pack).

    Raises:
        DeclarationError: risk.yml or rules.yml cannot be used.
    """
    from models.risk.card_pack import Feed, Pack
    from models.risk.declare import load_risk, load_rules

    config = load_risk(hub.declaration("risk.yml"))
    feeds = []
    # Every feed with a contract, whatever a sign-off of some day turned off; the card leaves out other subjects' feeds.
    for name, contract in hub.declared_contracts.items():
        agreement = contract.agreement
        columns: dict[str, tuple[str, ...]] = {}
        for column in contract.columns:
            for zone in filter(None, (column.zone, column.also_zone)):
                columns[zone] = (*columns.get(zone, ()), column.name)
        feeds.append(
            Feed(
                name=name,
                agency=contract.agency,
                description=contract.description,
                purpose=contract.purpose,
                lawful_basis=agreement.lawful_basis if agreement else "",
                agreement=str(agreement.id) if agreement else "none",
                expires=agreement.expires if agreement else None,
                retention_months=contract.retention_months,
                columns=columns,
                subject=hub.subjects.get(name),
            )
        )
    return Pack(
        partnership=hub.declaration("partnership.yml"),
        cohort=hub.declaration("cohort.yml"),
        feeds=tuple(feeds),
        config=config,
        book=load_rules(hub.declaration("rules.yml"), config),
        people=hub.people,
        looks_up_deprivation=bool(hub.area_deprivation()),
    )


def documents(hub: Hub, run: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Both documents by file name; with a week's figures where `run` has them."""
    from models.risk import atrs, card

    pack = pack_of(hub)
    model_card = card.model_card(pack) + ("" if run is None else "\n" + card.run_figures(run))
    return {"model_card.md": model_card, "atrs.md": atrs.record(pack, run)}


def write_weekly(hub: Hub, run: Any, told: Mapping[str, Any], drifted: Mapping[str, Any]) -> list[Path]:
    """Write both to assurance/ with the figures of a run; told: figures with small counts withheld."""
    figures = {
        "as_of_date": told["as_of_date"],
        "statement": run.statement,
        "accepted": run.accepted,
        "gates": told["gates"],
        "evaluation": told["evaluation"],
        "model": None if run.model is None else {"name": run.model.name, "card": run.model.card},
        "drift": drifted,
    }
    folder = hub.settings.root / "assurance"
    for name, text in documents(hub, figures).items():
        write_private(folder / name, text)
    return [folder / name for name in DOCUMENTS]


def differences(hub: Hub, folder: Path) -> list[str]:
    """What the kept copies say otherwise than the declarations do now, as unified diffs; empty when nothing."""
    out: list[str] = []
    for name, text in documents(hub).items():
        path = folder / name
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        out += difflib.unified_diff(
            kept.splitlines(), (HEADER + text).splitlines(), f"{name} as kept", f"{name} as declared", lineterm="", n=1
        )
    return out


def write_copies(hub: Hub, folder: Path) -> list[Path]:
    """Renew the kept copies."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents(hub).items():
        (folder / name).write_text(HEADER + text, encoding="utf-8")
    return [folder / name for name in DOCUMENTS]


def card(console: Console, hub: Hub, write: Path | None, check: Path | None) -> bool:
    """Show, renew or check both documents; False when a check found them out of date."""
    from models.risk.atrs import unanswered

    if write is not None:
        for path in write_copies(hub, write):
            console.print(f"Written: {path}")
    elif check is not None:
        found = differences(hub, check)
        for line in found:
            console.print(line, markup=False)
        console.print(f"Out of date: renew with `{RENEW}`." if found else "Model card and record are as declared.")
        if found:
            return False
    else:
        for text in documents(hub).values():
            console.print(text, markup=False)
    if open_ := unanswered(pack_of(hub)):
        console.print(f"Not answered in the transparency record: {', '.join(open_)}.")
    return True
