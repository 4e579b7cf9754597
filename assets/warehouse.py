"""Warehouse: dbt says what is true about customers, and a generation of it is published once its tests have passed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from threading import Thread
from typing import Any, Final
from zoneinfo import ZoneInfo

import dagster as dg

from assets.dbt_build import Dbt
from assets.duck import writer
from assets.due import is_training_due
from assets.home import Home
from assets.intake import prepare, set_cycle
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from assets.publishing import MARTS, prune, publish
from data_tests.engine import load
from ml.configuration import Configuration
from ml.tracking import Tracking

OWNERS: Final = ["team:data-engineering"]


@dg.asset(
    key=["raw", "cycle"],
    group_name="warehouse",
    kinds={"duckdb"},
    owners=OWNERS,
    partitions_def=CYCLES,
    pool="warehouse",
)
def cycle_calendar(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """The cycle that the warehouse is built for: its day, its cut-off, and until when rows count as received."""
    day, policy = date.fromisoformat(context.partition_key), configuration.policy
    cutoff_at = datetime.combine(day, time(), ZoneInfo(policy.time_zone)).astimezone(UTC)
    with writer(home) as connection:
        prepare(connection)
        set_cycle(
            connection,
            cycle_on=day,
            cutoff_at=cutoff_at.replace(tzinfo=None),
            received_by=at.replace(tzinfo=None),
            time_zone=policy.time_zone,
            lapsing_days=policy.lifecycle.lapsing_days,
            lapsed_days=policy.lifecycle.lapsed_days,
            margin_share=policy.margin_share,
            horizon_days=policy.training.horizon_days,
            is_training_due=is_training_due(tracking, context.run.job_name, day, policy.training.every_days),
        )
    return dg.MaterializeResult(
        metadata={"cut_off": dg.MetadataValue.timestamp(cutoff_at), "received_by": dg.MetadataValue.timestamp(at)}
    )


def warehouse_models(manifest: Path) -> dg.AssetsDefinition:
    """The assets of the dbt project: every model, with its data tests as blocking checks.

    Args:
        manifest: dbt's manifest; a function, since it's known only where the workspace is.
    """
    from dagster_dbt import dbt_assets  # noqa: PLC0415 - 2 seconds that other processes needn't spend

    one_day = dg.BackfillPolicy.multi_run(
        max_partitions_per_run=1
    )  # raw.cycle holds one day: a run over several would build the last

    @dbt_assets(
        manifest=manifest, partitions_def=CYCLES, backfill_policy=one_day, pool="warehouse", name="warehouse_models"
    )
    def models(context: dg.AssetExecutionContext, dbt: dg.ResourceParam[Dbt]) -> Iterator[Any]:
        """Build and test in one go: a failed test stops what is downstream of it."""
        Thread(target=load, name="load").start()  # dbt works in a process of its own, and this one only waits
        yield from dbt.build(context)

    return models  # type: ignore[no-any-return]


@dg.asset(
    group_name="marts",
    kinds={"parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=[dg.AssetKey(["marts", mart]) for mart in MARTS],
    pool="warehouse",
)
def published_generation(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """A tested generation of the marts that readers can see, recorded in the ledger with the gate that it passed."""
    day = date.fromisoformat(context.partition_key)
    generation_id = ledger.generations.next_id(day)
    with writer(home) as connection:
        published = publish(home, connection, generation_id)
    path = home.generation(generation_id).relative_to(home.root)
    ledger.generations.publish(generation_id, cycle_on=day, path=str(path), at=at, detail={"rows": published.rows})
    ledger.generations.record_gate(generation_id, "warehouse", is_passed=True, at=at)
    waiting = {plan.versions["generation_id"] for plan in ledger.plans.waiting(at)}
    removed = prune(home, waiting | {generation_id})
    return dg.MaterializeResult(
        metadata={
            "generation": generation_id,
            **{f"{mart}_rows": count for mart, count in published.rows.items()},
            "attributes": ", ".join(published.attributes) or "none",
            "ignored_attributes": ", ".join(published.ignored_attributes) or "none",
            "removed_generations": ", ".join(removed) or "none",
        }
    )
