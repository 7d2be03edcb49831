"""Splink as its own documentation sets it up, for comparison: same records, same columns, no help and no hindrance.

Library comparisons for names, birth date and postcode, exact matches with term frequencies where the library offers
them, seven blocking rules, unsupervised training (prior from sure rules, u by random sampling, m by
expectation-maximisation in two blocks), connected components at 0.95. The chance agreement of a near-unique number is
never seen in a sample and would stay undefined, so it is stated, as Splink's troubleshooting advises.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.linkage import duck
from models.linkage.settings import LinkageSettings

COLUMNS = ["forename", "surname", "birth_date", "sex", "postcode", "nhs_number", "upn"]
BLOCKS = [
    ["nhs_number"],
    ["upn"],
    ["surname", "birth_date"],
    ["forename", "birth_date"],
    ["birth_date", "postcode"],
    ["forename", "surname"],
    ["surname", "postcode"],
]
# The rules of Splink's own demonstration of a table of people without identifiers (its historical figures).
WIDE_BLOCKS = [
    ["substr(forename, 1, 3)", "substr(surname, 1, 4)"],
    ["surname", "birth_date"],
    ["forename", "birth_date"],
    ["postcode", "forename"],
    ["postcode", "surname"],
    ["substr(postcode, 1, 3)", "birth_date"],
    ["substr(postcode, 1, 3)", "forename"],
    ["substr(postcode, 1, 3)", "surname"],
]
THRESHOLD = 0.95


@dataclass(frozen=True)
class PlainResult:
    """``person``: label of each record. Seconds of training, scoring and clustering."""

    person: np.ndarray
    pairs: int
    train_seconds: float
    predict_seconds: float
    cluster_seconds: float

    def as_dict(self) -> dict[str, float]:
        """Costs, for JSON."""
        names = ("train_seconds", "predict_seconds", "cluster_seconds")
        return {"pairs_scored_above_half": self.pairs, **{name: round(getattr(self, name), 2) for name in names}}


def _settings(blocks: Sequence[Sequence[str]]) -> object:
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    def number(column: str) -> object:
        same = cll.ExactMatchLevel(column).configure(u_probability=1e-6, fix_u_probability=True)
        other = cll.ElseLevel().configure(u_probability=1 - 1e-6, fix_u_probability=True)
        return cl.CustomComparison(output_column_name=column, comparison_levels=[cll.NullLevel(column), same, other])

    names = cl.ForenameSurnameComparison("forename", "surname", forename_surname_concat_col_name="full_name")
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        blocking_rules_to_generate_predictions=[block_on(*columns) for columns in blocks],
        comparisons=[
            names.configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("birth_date", input_is_string=True, datetime_format="%Y-%m-%d"),
            cl.ExactMatch("sex"),
            cl.PostcodeComparison("postcode").configure(term_frequency_adjustments=True),
            number("nhs_number"),
            number("upn"),
        ],
    )


def plain_splink(
    records: pd.DataFrame,
    settings: LinkageSettings,
    seed: int = 1,
    blocks: Sequence[Sequence[str]] = BLOCKS,
    found_by_sure_rules: float = 0.8,
) -> PlainResult:
    """Persons of ``records`` (``COLUMNS``, standardised, NULL where unknown), labels in their order.

    ``found_by_sure_rules``: the share of matches that the rules for the prior are said to find, as Splink asks.
    """
    from splink import Linker, block_on
    from splink.backends.duckdb import DuckDBAPI

    frame = records[COLUMNS].reset_index(drop=True)
    frame.insert(0, "record", np.arange(len(frame)))
    with duck.scratch(settings) as con:
        con.register("sent", frame)
        kept = ", ".join(f"{column}::varchar as {column}" for column in COLUMNS)
        con.execute(
            f"create table plain as select record, {kept}, (forename || ' ' || surname)::varchar as full_name from sent"
        )
        con.unregister("sent")
        started = time.monotonic()
        linker = Linker(
            DuckDBAPI(connection=con).register(con.table("plain"), dataset_display_name="people"), _settings(blocks)
        )
        logging.getLogger("splink").setLevel(logging.ERROR)
        sure = [block_on("nhs_number"), block_on("upn"), block_on("forename", "surname", "birth_date")]
        linker.training.estimate_probability_two_random_records_match(sure, recall=found_by_sure_rules)
        linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=seed)
        # Never inside address blocks: there "match" comes to mean "same family" (measured: precision 0.65).
        for columns in (["forename", "surname"], ["birth_date"]):
            linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns), max_pairs=1e6)
        trained = time.monotonic()
        predicted = linker.inference.predict(threshold_match_probability=0.5)
        scored = time.monotonic()
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, THRESHOLD)
        labels = con.sql(f"select cluster_id from {clusters.physical_name} order by record").df()["cluster_id"]
        done = time.monotonic()
        pairs = con.sql(f"select count(*) from {predicted.physical_name}").fetchall()[0][0]
    return PlainResult(pd.factorize(labels)[0], int(pairs), trained - started, scored - trained, done - scored)
