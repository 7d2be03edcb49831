"""Planted emerging harm: of children whom three agencies each see below threshold, how many does the list name in time?

A world is made as the demo makes one; before any agency writes down what it sees, patterns of emerging harm are
planted in it (`emerging_harm_patterns.py` says how they look and why, `emerging_harm_plant.py` how they are sown).
Drops, gate, links, marts, panel, model, rules and lists are the system's own. Counted are planted children whom a
weekly list names, after their pattern began, at least eight weeks before the referral that finds need, at normal
capacity (`emerging_harm_judge.py`).

The seed of the patterns is made of the hashes of `rules.yml` and of the features of `risk.yml`, both kept in the
result: patterns are drawn after both are frozen, and a change of either draws others.

Run it with HUB_VAR, HUB_DROPS and HUB_KEY_FILE naming folders of its own. A state that is there is judged again.

Example: python -m benchmarks.emerging_harm --children 60000 --plant 100
"""

from __future__ import annotations

import argparse
import hashlib
import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
from rich.console import Console

from benchmarks.emerging_harm_judge import JUDGED_WEEKS, judge
from benchmarks.emerging_harm_patterns import LONGEST
from benchmarks.emerging_harm_plant import Planted, planter
from benchmarks.machine import machine
from benchmarks.resume import keep_result
from models.risk.declare import load_risk
from models.risk.labels import latest_mature
from models.risk.registry import digest, to_json
from pipelines.hub import Hub
from synthetic.agencies.views import FIRST_DROP_DATE

BAR = {"planted": 100, "at_least": 60, "weeks_before": 8}


def frozen(hub: Hub) -> dict[str, Any]:
    """The hashes of rules and features, and the seed that follows from them."""
    config = load_risk(hub.declaration("risk.yml"))
    rules = hashlib.sha256((hub.settings.pack / "rules.yml").read_bytes()).hexdigest()
    said = [f.model_dump(mode="json") for f in config.features]
    features = digest([to_json({"features": said})])
    seed = int.from_bytes(hashlib.sha256(f"{rules}/{features}".encode()).digest()[:4], "big")
    return {"rules_yml": rules[:16], "features": features[:16], "seed": seed}


def needs_between(hub: Hub) -> tuple[date, date]:
    """The days of planted needs: within the weeks judged, so late that the longest pattern lies within them too."""
    config = load_risk(hub.declaration("risk.yml"))
    last = latest_mature(config.target, FIRST_DROP_DATE)
    return last - timedelta(weeks=JUDGED_WEEKS - LONGEST - 1), last


def make(hub: Hub, children: int, plant: int, world_seed: int, console: Console) -> None:
    """The world with its patterns, the drops, one night and one week."""
    from pipelines.run import run_nightly, run_weekly
    from synthetic.demo import create_demo

    first, last = needs_between(hub)
    planted = Planted()
    create_demo(
        out=hub.settings.synthetic_suppliers,
        deliver_to=hub.settings.landing,
        children=children,
        years=5,
        seed=world_seed,
        weeks_ahead=26,
        progress=console.print,
        amend=planter(frozen(hub)["seed"], plant, first, last, planted),
    )
    truth = hub.settings.synthetic_suppliers / "truth"
    planted.seen.to_parquet(truth / "planted_harm_seen.parquet")
    # Written last: a state without it is not finished.
    planted.children.to_parquet(truth / "planted_harm.parquet")
    if not (run_nightly(None, console) and run_weekly(None, console)):
        raise SystemExit("The night or the week did not finish; its message is above.")


def main() -> None:
    """Make the state unless it is there, judge it, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--children", type=int, default=60_000)
    parser.add_argument("--plant", type=int, default=BAR["planted"])
    parser.add_argument("--world-seed", type=int, default=20_261_129)
    parser.add_argument("--least-positives", type=int, default=100, help="fewer, to try it on a small world")
    parser.add_argument("--keep", action="store_true", help="write the result among the benchmarks' results")
    given = parser.parse_args()
    hub, console = Hub.from_environment(), Console()
    truth = hub.settings.synthetic_suppliers / "truth"
    if not (truth / "planted_harm.parquet").exists():
        make(hub, given.children, given.plant, given.world_seed, console)
        hub = Hub.from_environment()
    planted = Planted(*(pd.read_parquet(truth / f"planted_harm{part}.parquet") for part in ("", "_seen")))
    told = {"bar": BAR, "frozen": frozen(hub), "world_seed": given.world_seed}
    with hub.zones.open("warehouse", read_only=True) as con:
        told |= judge(hub, con, planted, console.print, given.least_positives)
    print(json.dumps(told | {"machine": machine()}, indent=1, default=str))
    if given.keep:
        keep_result("emerging_harm", json.loads(json.dumps(told, default=str)))


if __name__ == "__main__":
    main()
