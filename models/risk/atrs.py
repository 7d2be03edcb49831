"""The transparency record: the fields of the Algorithmic Transparency Recording Standard, answered from declarations.

Fields and numbers follow version 2.1 (tier 1, tiers 2.1 to 2.5) as far as they are numbered there. The record says of
each answer where it comes from. An answer that only people can give stands in partnership.yml (`transparency:`); where
it is missing the record says whose it is and invents nothing. It is a draft for a person to publish, not a publication.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.risk.card import WAYS
from models.risk.card_pack import (
    Feed,
    Pack,
    day,
    joined,
    looked_up,
    not_answered,
    notice,
    percent,
    share,
    table,
    titled,
)

VERSION = "2.1"


def record(pack: Pack, run: Mapping[str, Any] | None = None) -> str:
    """The record as Markdown; run: a week's figures for the performance (as for card.run_figures), else none."""
    config = pack.config
    return joined(
        [
            f"# Algorithmic transparency record: {pack.partnership['title']}",
            notice(pack),
            "Drafted from the partnership's declarations for a person to check and publish.",
            "## Metadata",
            _fields(
                ("Identifier", _said(pack, "record_id", "information governance lead")),
                ("Standard version", VERSION),
                ("Date of completion", _said(pack, "completed_on", "information governance lead")),
                ("Date of last update", _said(pack, "updated_on", "information governance lead")),
                ("Organisation", pack.partnership["title"]),
                ("Phase", _said(pack, "phase", "senior responsible owner")),
                ("Function", _said(pack, "function", "senior responsible owner")),
                ("Region", _said(pack, "region", "information governance lead")),
            ),
            "## Tier 1: summary",
            _fields(
                ("1.1 Name", _said(pack, "tool_name", "senior responsible owner")),
                ("1.2 Description", _said(pack, "purpose", "senior responsible owner")),
                ("1.3 Website", _said(pack, "website", "partnership's manager")),
                ("1.4 Contact", _said(pack, "contact_email", "partnership's manager")),
            ),
            "## Tier 2.1: owner and responsibility",
            _fields(
                ("2.1.1 Organisation", pack.partnership["title"]),
                ("2.1.2 Team", _said(pack, "team", "partnership's manager")),
                ("2.1.3 Senior responsible owner", _owner(pack)),
                ("2.1.4 External supplier involvement", _supplier(pack)),
            ),
            "## Tier 2.2: description and rationale",
            _fields(
                ("Detailed description", _detail(pack)),
                ("Scope", _said(pack, "scope", "senior responsible owner")),
                ("Benefit", _said(pack, "benefit", "senior responsible owner")),
                ("Previous process", _said(pack, "previous_process", "head of the front door")),
                ("Alternatives considered", _said(pack, "alternatives", "senior responsible owner")),
                ("Model name and version", f"{config.target.name}, version {config.version}"),
                ("Model type", _types(pack)),
                ("Model performance", _performance(run)),
                (
                    "Frequency of use",
                    f"once a week ({pack.partnership.get('schedule', {}).get('weekly', 'as scheduled')})",
                ),
            ),
            "## Tier 2.3: decision-making process",
            _fields(
                ("Process integration", _said(pack, "process", "head of the front door")),
                ("Provided information", _said(pack, "provided_information", "head of the front door")),
                ("Human decisions and review", _said(pack, "human_decisions", "senior responsible owner")),
                ("Required training", _said(pack, "training", "partnership's manager")),
                ("Appeals and review", _said(pack, "appeals", "information governance lead")),
            ),
            "## Tier 2.4: tool specification and data",
            _fields(
                ("System architecture", _said(pack, "architecture", "head of analysis")),
                (
                    "Model specification",
                    f"{len(config.model_features)} features; the model card (`model_card.md`) names every one.",
                ),
                ("Sensitive attributes", _sensitive(pack)),
                ("Completeness and representativeness", _said(pack, "representativeness", "head of analysis")),
                ("Data cleaning", _said(pack, "cleaning", "data officer")),
                ("Access and storage", _said(pack, "storage", "data officer")),
            ),
            "### Datasets",
            _datasets(pack),
            "### Lawful bases",
            _bases(pack),
            "## Tier 2.5: risks, mitigations and impact assessments",
            _assessments(pack),
            _risks(pack),
        ]
    )


def unanswered(pack: Pack) -> list[str]:
    """The headings of fields nobody has answered."""
    found = []
    for line in record(pack).splitlines():
        if "**Not answered.**" in line:
            name, _, _ = line.lstrip("|- *").partition(" |" if line.startswith("|") else "**")
            found.append(name)
    return found


def _fields(*fields: tuple[str, str]) -> str:
    """One line a field; a list stands below its heading."""
    out = []
    for name, answer in fields:
        listed = answer.startswith("- ")
        indented = "\n".join("  " + line for line in answer.splitlines())
        out.append(f"- **{name}**:\n{indented}" if listed else f"- **{name}**: {' '.join(answer.split())}")
    return "\n".join(out)


def _said(pack: Pack, key: str, whose: str) -> str:
    value = pack.transparency.get(key)
    return day(value) if key.endswith("_on") and value else pack.answer(key, whose)


def _owner(pack: Pack) -> str:
    owner = (pack.partnership.get("sign_offs") or {}).get("senior_responsible_owner")
    if not owner or not owner.get("by"):
        return (
            "**Not answered.** Nobody has signed as senior responsible owner (`sign_offs: senior_responsible_owner` in"
            " partnership.yml)."
        )
    return f"{owner.get('name')} ({owner['by']}), signed {day(owner.get('signed'))}, until {day(owner.get('expires'))}"


def _supplier(pack: Pack) -> str:
    supplier = pack.transparency.get("supplier")
    if supplier is None:
        return not_answered("supplier", "head of procurement")
    if not supplier:
        return "None."
    names = ("name", "companies_house", "role", "procurement", "access_to_data")
    titles = ("2.1.4.1 Name", "2.1.4.2 Companies House number", "2.1.4.3 Role", "2.1.4.4 Procurement", "2.1.4.5 Access")
    return "\n".join(
        f"- {title}: {supplier.get(name) or not_answered(f'supplier: {name}', 'head of procurement')}"
        for title, name in zip(titles, names, strict=True)
    )


def _detail(pack: Pack) -> str:
    config = pack.config
    agencies = len({f.agency for f in _own(pack)})
    return (
        f"Every week a model and {len(pack.book.rules)} named patterns look at what {agencies} agencies have told about"
        f" {pack.people}, and point each area team to a few to talk about. What it learns to find:"
        f" {config.target.description} Practitioners see sentences with their evidence, and no score."
    )


def _types(pack: Pack) -> str:
    names = {
        "logistic": "elastic-net logistic regression",
        "boosting": "monotone gradient-boosted trees",
        "blend": "the mean of both",
    }
    chosen = " or ".join(names[c] for c in pack.config.training.candidates)
    return f"{chosen}, whichever does better on families it has not learnt from; named patterns beside it"


def _performance(run: Mapping[str, Any] | None) -> str:
    if run is None:
        return "Figures belong to a week: see `assurance/atrs.md` of a run, and the evaluation page beside it."
    found = (run.get("evaluation") or {}).get("at_capacity")
    if not found:
        return f"Nothing could be judged in the week that ended on {day(run['as_of_date'])}."
    told = "; ".join(
        f"{WAYS.get(name, name)}: precision {share(at['precision'])}, recall {share(at['recall'])}"
        for name, at in found.items()
    )
    base = percent(run["evaluation"]["base_rate"])
    week = day(run["as_of_date"])
    return f"At the teams' capacity, as judged by the week that ended on {week}: {told}; base rate {base}."


def _sensitive(pack: Pack) -> str:
    audit = sorted({column.replace("_", " ") for f in _own(pack) for column in f.columns.get("audit", ())})
    if not audit:
        return "None is sent."
    return (
        f"{', '.join(audit)}: kept apart, read for the fairness audit alone; no feature can read them.{looked_up(pack)}"
    )


def _datasets(pack: Pack) -> str:
    rows = [
        [
            titled(pack, f),
            f.description,
            f.purpose,
            f"{f.agreement} until {day(f.expires)}" if f.expires else f.agreement,
            sum(len(columns) for columns in f.columns.values()),
            f"{f.retention_months} months" if f.retention_months else "**not stated**",
        ]
        for f in _own(pack)
    ]
    return table(["dataset", "description", "collected and used for", "sharing agreement", "columns", "kept"], rows)


def _bases(pack: Pack) -> str:
    """One line for the feeds of an agency that stand on the same ground."""
    feeds: dict[tuple[str, str], list[str]] = {}
    for feed in _own(pack):
        agency, _, name = titled(pack, feed).partition(": ")
        feeds.setdefault((agency, feed.lawful_basis), []).append(name)
    rows = [[agency, ", ".join(names), basis or "**not stated**"] for (agency, basis), names in feeds.items()]
    return table(["agency", "datasets", "lawful basis"], rows)


def _assessments(pack: Pack) -> str:
    rows = []
    dpia = (pack.partnership.get("sign_offs") or {}).get("dpia") or {}
    rows.append(
        ["Data protection impact assessment", dpia.get("reference"), day(dpia.get("signed")), day(dpia.get("expires"))]
        if dpia.get("by")
        else ["Data protection impact assessment", "**not signed**", "", ""]
    )
    equality = pack.transparency.get("equality_impact") or {}
    rows.append(
        [
            "Equality impact assessment",
            equality.get("reference"),
            day(equality.get("signed")),
            day(equality.get("expires")),
        ]
        if equality
        else ["Equality impact assessment", not_answered("equality_impact", "equalities lead"), "", ""]
    )
    return table(["assessment", "reference", "signed", "until"], rows)


def _risks(pack: Pack) -> str:
    risks = pack.transparency.get("risks")
    if not risks:
        return not_answered("risks", "senior responsible owner")
    return table(
        ["risk", "description", "mitigation"], [[r.get("name"), r.get("risk"), r.get("mitigation")] for r in risks]
    )


def _own(pack: Pack) -> list[Feed]:
    """The feeds about those the lists are about; others have records of their own."""
    return [f for f in pack.feeds if f.subject is None]
