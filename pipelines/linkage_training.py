"""`hub identity train`: learn a linkage model from the records of the identity zone, unsupervised.

Never nightly: term frequencies and weights are frozen with the model, so that ids do not drift from night to night.
The files are written to a folder of their own; a person puts them into the pack.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.console import Console

from pipelines.hub import Hub


def train_model(console: Console, to: Path, seed: int) -> None:
    """Write the model's files and their hash to `to`."""
    from models.linkage.edges import quarantine_shared
    from models.linkage.nodes import contract, node_frame
    from models.linkage.standardise import standardise
    from models.linkage.train import train

    hub = Hub.from_environment()
    settings = hub.linkage_settings()
    with console.status("reading the records that name a person"), hub.zones.open("identity", read_only=True) as con:
        sent = con.execute(
            "select * from canonical.person_record where names_a_person and known_to = timestamp '9999-12-31' "
            "order by agency, feed, source_key"
        ).df()
    with console.status(f"learning from {len(sent):,} records"):
        known, _ = standardise(sent, settings)
        node = contract(known, np.zeros(len(known), dtype=bool))
        nodes, _ = quarantine_shared(node_frame(known, node), settings)
        files = train(nodes, settings, seed=seed)
    to.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (to / name).write_bytes(content)
    console.print(f"{len(nodes):,} distinct identities taught the model in {to}: {', '.join(sorted(files))}")
