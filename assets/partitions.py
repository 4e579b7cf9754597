"""The days of the loop: everything downstream of landing carries one."""

from datetime import date

import dagster as dg

CYCLES = dg.DailyPartitionsDefinition(
    start_date="2015-01-01",
    end_offset=2,  # in UTC: today in the workspace's zone may already be tomorrow here
)


def cycle_day(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The day of the cycle that this run is for."""
    return date.fromisoformat(context.partition_key if isinstance(context, dg.AssetExecutionContext) else context.run.tags["dagster/partition"])
