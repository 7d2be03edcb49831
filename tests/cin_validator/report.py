"""Run the published validator over one file and print what it reports, as JSON. For its own environment's interpreter.

Its command line shows no rule about the whole return and hides a rule that fails to run; the classes behind it tell.
"""

import contextlib
import importlib
import io
import json
import sys
from xml.etree import ElementTree

from cin_validator import cin_validator


def main(file: str, ruleset: str) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        data = cin_validator.process_data(cin_validator.convert_data(ElementTree.parse(file).getroot()))
        registry = importlib.import_module(f"cin_validator.rules.{ruleset}").registry
        found = cin_validator.CinValidator(data, registry)
    of_children = found.full_issue_df[["rule_code", "child_id"]].astype(str).drop_duplicates()
    json.dump(
        {
            "rules": sorted(str(code) for code in registry),
            "children": sorted(of_children.itertuples(index=False, name=None)),
            "return": sorted(found.multichild_issues["rule_code"].astype(str).unique()),
            "failed": [line for line in said.getvalue().splitlines() if line.startswith("Error with rule")],
        },
        sys.stdout,
    )


main(*sys.argv[1:])
