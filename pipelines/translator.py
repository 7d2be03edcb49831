"""How dbt's nodes appear in the asset graph: the same keys, groups and owners as everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings


class HubDbtTranslator(DagsterDbtTranslator):
    """Sources are the gate's assets, one a feed whatever zones it feeds; models keep their schema and name."""

    def __init__(self) -> None:
        # A feed is a source in up to three zones (identity, warehouse, audit), and one asset.
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`csc/contacts` for a feed, `identity/persons` for what linkage exports, `marts/event` for a model."""
        meta = dbt_resource_props.get("meta", {}) or dbt_resource_props.get("config", {}).get("meta", {})
        if meta.get("dagster", {}).get("asset_key"):
            return dg.AssetKey(meta["dagster"]["asset_key"])
        if "agency" in meta and "feed" in meta and dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([meta["agency"], meta["feed"]])
        return dg.AssetKey([str(dbt_resource_props["schema"]), str(dbt_resource_props["name"])])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The stage of the story a node belongs to: its own declaration, else its zone."""
        configured = super().get_group_name(dbt_resource_props)
        if configured:
            return configured
        return "identity" if "identity" in dbt_resource_props.get("tags", []) else "marts"

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str] | None:
        """The team that a model's `meta.owner` names."""
        meta = dbt_resource_props.get("meta", {}) or dbt_resource_props.get("config", {}).get("meta", {})
        return [f"team:{meta['owner']}"] if meta.get("owner") else None
