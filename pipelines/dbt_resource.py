"""dbt as the hub's steps start it: no question to a package index, and nothing read that no step uses."""

from __future__ import annotations

from functools import cached_property
from importlib.metadata import version
from typing import Any

from dagster_dbt import DbtCliResource
from packaging.version import Version


class HubDbt(DbtCliResource):
    """Dagster's dbt resource without its two preparations, which take longer than many a model.

    Before every step Dagster's own runs `dbt --version`, which asks the package index of the internet what the newest
    version is, and loads dbt into this process to be able to count rows and describe columns afterwards, which no
    step of the hub does.
    """

    @cached_property
    def _cli_version(self) -> Version:
        """The dbt of this environment, as it was installed."""
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:
        """No adapter: it would be needed for `fetch_row_counts` and `fetch_column_metadata` alone."""
        return None
