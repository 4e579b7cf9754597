"""Warehouse: dbt says what is true about customers, and a generation of it is published once its gates have passed."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from assets.home import Home
from assets.intake import connect, set_cycle
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from assets.publishing import next_generation, prune, publish
from ml.configuration import Configuration

OWNERS = ["team:data-engineering"]
CYCLE = dg.AssetKey(["raw", "cycle"])


@dg.asset(key=CYCLE, group_name="warehouse", kinds={"duckdb"}, owners=OWNERS, partitions_def=CYCLES, pool="warehouse")
def cycle_calendar(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """The cycle that the warehouse is built for: its day, its cut-off and the moment up to which rows were received."""
    day = date.fromisoformat(context.partition_key)
    policy = configuration.policy
    cutoff_at = datetime.combine(day, time(), ZoneInfo(policy.time_zone)).astimezone(UTC)
    with connect(home.warehouse) as connection:
        set_cycle(
            connection,
            cycle_on=day,
            cutoff_at=cutoff_at,
            received_by=at,
            time_zone=policy.time_zone,
            lapsing_days=policy.lifecycle.lapsing_days,
            lapsed_days=policy.lifecycle.lapsed_days,
            margin_share=policy.margin_share,
            horizon_days=policy.training.horizon_days,
        )
    return dg.MaterializeResult(metadata={"cut_off": dg.MetadataValue.timestamp(cutoff_at), "received_by": dg.MetadataValue.timestamp(at)})


class Translator(DagsterDbtTranslator):  # type: ignore[misc]
    """How dbt's models appear in the graph: grouped by folder, owned, with their first sentence as description."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The folder below `models/`."""
        return str(dbt_resource_props["fqn"][1])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """What the yml says; the SQL is a click away in the repository."""
        return str(dbt_resource_props.get("description") or dbt_resource_props["name"])


def warehouse_models(manifest: Path, project_dir: Path) -> dg.AssetsDefinition:
    """The assets of the dbt project: every model, with its data tests as blocking checks."""

    @dbt_assets(manifest=manifest, dagster_dbt_translator=Translator(), partitions_def=CYCLES, pool="warehouse", name="warehouse_models")
    def models(context: dg.AssetExecutionContext, dbt: dg.ResourceParam[DbtCliResource]) -> Iterator[Any]:
        """Build and test: `dbt build` stops what is downstream of a failed test."""
        yield from dbt.cli(["build"], context=context, target_path=manifest.parent).stream()

    del project_dir
    return models


@dg.asset(
    group_name="marts",
    kinds={"parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=[dg.AssetKey(mart) for mart in ("dim_customers",)],
    pool="warehouse",
)
def published_generation(
    context: dg.AssetExecutionContext, home: dg.ResourceParam[Home], ledger: dg.ResourceParam[Ledger], at: dg.ResourceParam[datetime]
) -> dg.MaterializeResult:
    """A tested generation of the marts that readers can see, recorded in the ledger with the gates that it passed."""
