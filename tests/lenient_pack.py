"""The demo partnership's pack as its model may speak in a world of 400 children: asked for terms, not for evidence."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from models.risk.declare import load_risk
from models.risk.gate_declare import ASKED_ANYWHERE
from models.risk.registration import registration_hash

PACK = Path(__file__).parents[1] / "partnerships" / "northmere"


def lenient_pack(folder: Path) -> Path:
    """A copy of the pack under `folder`, of the same name: gates on the terms of running alone, two outcomes enough."""
    pack = folder / PACK.name
    shutil.copytree(PACK, pack)
    declared = yaml.safe_load((pack / "risk.yml").read_text(encoding="utf-8"))
    declared["gates"] = [gate for gate in declared["gates"] if gate["kind"] in ASKED_ANYWHERE]
    declared["target"]["minimum_positives"] = 2
    config = load_risk(declared | {"registrations": []})
    line = {"version": config.version, "registered_on": config.registered_on, "hash": registration_hash(config)}
    declared["registrations"] = [line]
    (pack / "risk.yml").write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return pack
