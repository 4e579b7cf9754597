"""Autonomy: whether each objective's level is still earned, or a higher one is, before the day's plan is made."""

from datetime import date, datetime
from typing import Final

import dagster as dg

from assets.earning import review
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from ml.configuration import Configuration

OWNERS: Final = ["team:marketing-operations"]


@dg.asset(group_name="authority", kinds={"sqlite"}, owners=OWNERS, partitions_def=CYCLES, deps=["published_generation"])
def autonomy(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
) -> dg.MaterializeResult:
    """Evidence for each objective's level of autonomy: a raise is proposed on it, a lowering holds at once."""
    found = review(home, ledger, configuration, date.fromisoformat(context.partition_key), at)
    for one in found:
        if one["move"] != "stays":
            context.log.warning(f"{one['objective_id']}: {one['move']}: {one['words']}")
    rows = [f"| {one['objective_id']} | {one['level']} | {one['move']} | {one['words']} |" for one in found]
    return dg.MaterializeResult(
        metadata={
            "proposed": sum(one["move"] == "proposed" for one in found),
            "lowered": sum(one["move"] == "lowered" for one in found),
            "evidence": dg.MetadataValue.md(
                "\n".join(["| objective | level | | evidence |", "|---|---|---|---|", *rows])
            ),
        }
    )
