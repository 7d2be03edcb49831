"""A night of linkage as Dagster shows it: numbers with their trend, pictures, short tables. Counts only."""

from __future__ import annotations

import dagster as dg
import pandas as pd

from pipelines.identity_kept import why_kept
from pipelines.linkage_night import LinkageNight
from pipelines.metadata import numbers, picture, table
from pipelines.plots import hidden_plot, link_rates_plot, persons_plot, trend_plot


def night_metadata(night: LinkageNight, records: int) -> dict[str, dg.MetadataValue]:
    """Metadata of `identity/persons`; `records` is how many have a person."""
    result, rows = night.result, night.figures
    one = rows[rows["scope"] == "all"].set_index("measure")["value"]
    counted = {name: float(one[name]) for name in ("ids_changed_share", "recall", "precision") if name in one}
    events = {str(what): int(n) for what, n in result.events["event"].value_counts().items()}
    waiting = _of(rows, "queue")
    verdict = night.verdict
    stands = {"persons_are_kept": dg.MetadataValue.md(why_kept(" ".join(verdict.why), verdict.model_digest))}
    return {
        **(stands if verdict.kept else {}),
        **numbers(
            {
                "records": records,
                "persons": int(result.person.person_id.nunique()),
                "edges": len(result.edges),
                "largest_person": int(one.get("largest", 0)),
                "review_queue": int(waiting["value"].sum()),
                **events,
                **{name: value for name, value in counted.items() if value == value},
            }
        ),
        **_pictures(night),
        **_tables(rows),
    }


def _pictures(night: LinkageNight) -> dict[str, dg.MetadataValue]:
    rates, rows = night.result.quality["link_rates"], night.figures
    found = {}
    if len(rates):
        found["link_rates_picture"] = picture(link_rates_plot(rates), "link rates")
    if len(_of(rows, "persons_of_size")):
        drawn = persons_plot(_of(rows, "persons_of_size"), _of(rows, "edges"))
        found["persons_picture"] = picture(drawn, "persons by records, and what the links weigh")
    if len(_of(rows, "recall")):
        drawn = hidden_plot(_of(rows, "recall"), _of(rows, "precision"))
        found["hidden_identifier_picture"] = picture(drawn, "what is found without a number, by group")
    if night.trend["night"].nunique() > 1:
        found["trend_picture"] = picture(trend_plot(night.trend), "night by night")
    return found


def _tables(rows: pd.DataFrame) -> dict[str, dg.MetadataValue]:
    """One short table a measure that the pictures do not show."""
    shown = {
        "conflicts": ("conflicts_per_10000", ["conflict", "per 10,000 persons"]),
        "placeholders": ("placeholders", ["set aside because", "records"]),
        "blocking_cut": ("blocking_pairs_cut", ["rule", "pairs not compared"]),
        "review_queue_by_kind": ("queue", ["waits for a person", "items"]),
        "review_queue_oldest": ("queue_oldest_days", ["waits for a person", "oldest, days"]),
        "decisions": ("decisions", ["decision", "standing"]),
    }
    found = {}
    for name, (measure, header) in shown.items():
        lines = _of(rows, measure)
        if len(lines):
            found[name] = table(
                header,
                [
                    [scope.replace("_", " "), f"{value:,g}"]
                    for scope, value in lines[["scope", "value"]].itertuples(index=False)
                ],
            )
    hidden = rows[rows["measure"].isin(["recall", "precision"])]
    if len(hidden):
        head = ["group", "measure", "share", "95 % interval", "pairs"]
        found["hidden_identifier"] = table(head, [_share(row) for row in hidden.to_dict("records")])
    return found


def _share(row: dict) -> list[object]:
    told = row["value"] == row["value"]
    interval = f"{row['low']:.3f} to {row['high']:.3f}" if told else ""
    pairs = f"{row['n']:,}" if told else "too few to tell"
    return [row["scope"], row["measure"], f"{row['value']:.4f}" if told else "", interval, pairs]


def _of(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    return rows[rows["measure"] == measure].reset_index(drop=True)
