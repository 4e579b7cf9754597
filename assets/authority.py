"""Authority: what each objective's level allows of the plan, and what waits for a person."""

from datetime import datetime
from typing import Any, Final

import dagster as dg

from assets.ledger.records import PlanStatus
from assets.partitions import CYCLES
from assets.releasing import Office, propose, release_by_policy

OWNERS: Final = ["team:marketing-operations"]


@dg.asset(
    group_name="authority", kinds={"sqlite"}, owners=OWNERS, partitions_def=CYCLES, deps=["allocation", "autonomy"]
)
def plan(
    context: dg.AssetExecutionContext, office: dg.ResourceParam[Office], at: dg.ResourceParam[datetime]
) -> dg.MaterializeResult:
    """The cycle's decisions as plans in the ledger: what its objectives' levels let go, and what waits for a person."""
    plans = propose(office, context.partition_key, at)
    return dg.MaterializeResult(metadata=_metadata(plans))


@dg.asset(group_name="authority", kinds={"sqlite"}, owners=OWNERS, partitions_def=CYCLES, deps=["plan"])
def authorization(
    context: dg.AssetExecutionContext, office: dg.ResourceParam[Office], at: dg.ResourceParam[datetime]
) -> dg.MaterializeResult:
    """Released plans: authorization, rendered messages and budget holds in one transaction. What waits stays out of the outbox."""
    for proposed in office.ledger.plans.list(context.partition_key):
        if proposed.state == "proposed":
            counts = release_by_policy(office, proposed, at)
            if counts:
                context.log.info(f"plan {proposed.plan_id}: {counts.released:,} messages released")
    plans = office.ledger.plans.list(context.partition_key)
    for waiting in (each for each in plans if each.state == "waiting"):
        context.log.warning(f"plan {waiting.plan_id} waits: wayfinder approve {waiting.plan_id} --by NAME")
    context.instance.add_run_tags(
        context.run.run_id,
        {
            "wayfinder/plan_state": ",".join(sorted({each.state for each in plans})) or "none",
            "wayfinder/objectives": ",".join(sorted({name for each in plans for name in each.objectives})) or "none",
        },
    )
    return dg.MaterializeResult(metadata=_metadata(plans))


def _metadata(plans: list[PlanStatus]) -> dict[str, Any]:
    rows = [
        f"| {each.plan_id} | {each.state} | {', '.join(each.objectives)} | {sum(each.summary['messages'].values()):,} | "
        f"{sum(each.summary['spend'].values()):,.2f} | {'; '.join(each.reasons) or '–'} |"
        for each in plans
    ]
    return {
        "released": sum(each.state == "released" for each in plans),
        "waiting": sum(each.state == "waiting" for each in plans),
        "messages": sum(sum(each.summary["messages"].values()) for each in plans),
        "spend": float(sum(sum(each.summary["spend"].values()) for each in plans)),
        "plans": dg.MetadataValue.md(
            "\n".join(
                ["| plan | state | objectives | messages | spend | reasons |", "|---|---|---|---|---|---|", *rows]
            )
        ),
    }
