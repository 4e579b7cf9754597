"""Allocation: one joint decision over all people, actions and objectives, and the plan that it makes."""

from datetime import date, datetime
from typing import Any, Final

import dagster as dg

from assets.cycles import read_json
from assets.deciding import gather, keep
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from assets.pictures import bars, curve, inline_picture
from ml.allocation.curve import budget_curve
from ml.configuration import Configuration
from ml.decision import Decided, Moment, decide

OWNERS: Final = ["team:decision-science"]
CURVE: Final = (0.25, 0.5, 1.0, 2.0)
CURVE_GAP: Final = 1e-2
"""About a line's width: proving more of a picture can take minutes where a few contacts are most of the money."""


@dg.asset(
    group_name="allocation",
    kinds={"cvxpy", "parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["candidate_scores", "published_generation"],
)
def allocation(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    at: dg.ResourceParam[datetime],
    seed: dg.ResourceParam[int],
    threads: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """Every person's decision of the cycle: who gets which action, at which price of what is scarce, with what proof."""
    cycle_id = context.partition_key
    day = date.fromisoformat(cycle_id)
    known_plan = home.cycle(cycle_id) / "plan.json"
    if known_plan.exists() and ledger.plans.list(cycle_id):
        facts = read_json(known_plan)
        return dg.MaterializeResult(metadata={"state": "decided before; nothing changed", **_figures(facts)})
    gathered = gather(home, ledger, configuration, day, at)
    moment = Moment(cycle_id, day, at, seed, salt=f"wayfinder-{seed}")
    decided = decide(moment, gathered.known, gathered.configuration, gathered.room, threads=threads)
    facts = keep(home, decided, gathered, cycle_id, at)
    for note in gathered.notes:
        context.log.info(note)
    return dg.MaterializeResult(
        metadata={"state": "decided", **_pictures(decided, gathered.room.total), **_figures(facts)}
    )


def _figures(facts: dict[str, Any]) -> dict[str, Any]:
    solved, summary = facts["allocation"], facts["summary"]
    prices = "\n".join(f"| {name} | {price:,.4f} |" for name, price in solved["prices"].items())
    return {
        "value": round(solved["value"], 2),
        "bound": round(solved["bound"], 2),
        "gap": float(f"{solved['gap']:.2g}"),
        "status": solved["status"],
        "spend": round(float(sum(summary["spend_by_channel"].values())), 2),
        "people_eligible": facts["people_eligible"],
        "people_contacted": summary["contacted"],
        "passes": round(solved["passes"], 1),
        **{f"seconds_{phase.replace(' ', '_')}": round(seconds, 3) for phase, seconds in facts["seconds"].items()},
        "prices": dg.MetadataValue.md(
            f"| scarce thing | worth of one more |\n|---|---|\n{prices}" if prices else "nothing is scarce today"
        ),
        "contacts_by_channel": dg.MetadataValue.json(summary["contacts_by_channel"]),
        "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in facts["notes"]) or "none"),
    }


def _pictures(decided: Decided, total: float | None) -> dict[str, Any]:
    spend = decided.plan.summary.spend_by_channel
    pictures = {"spend_by_channel": inline_picture(bars("Spend by channel", spend, "money"))} if spend else {}
    if total and decided.allocation.status != "empty":
        curve_of = budget_curve(decided.problem, CURVE, gap=CURVE_GAP)
        drawn = curve(
            "Value against the day's budget",
            list(curve_of["budget"]),
            list(curve_of["value"]),
            ("budget", "value"),
            total,
        )
        pictures["budget_curve"] = inline_picture(drawn)
    return pictures
