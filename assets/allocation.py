"""Allocation: one joint decision over all people, actions and objectives, and the plan that it makes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

import dagster as dg

from assets.cycles import read_json
from assets.deciding import gather, keep
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.partitions import CYCLES
from assets.pictures import bars, inline_picture, value_curve
from assets.plan_runs import log_plans
from assets.problems import keep_problem
from ml.allocation.stored import StoredProblem
from ml.configuration import Configuration
from ml.decision import Decided, decide
from ml.knowledge import Moment
from ml.levers import PER_DAY, Day
from ml.tracking import Tracking
from ml.what_if import CurvePoint, curve_numbers
from ml.what_if import value_curve as points_of

OWNERS: Final = ["team:decision-science"]
CURVE_BINDING: Final = (0.5, 2.0)
CURVE_WITH_ROOM: Final = (0.25, 0.5)
"""Multiples of the day's spend cap, or of what is used of it, shown beside the plan itself: each costs a solve."""


@dg.asset(
    group_name="allocation",
    kinds={"cvxpy", "parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["candidate_scores", "creatives", "published_generation"],
)
def allocation(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    at: dg.ResourceParam[datetime],
    seed: dg.ResourceParam[int],
    threads: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """Every person's decision of the cycle: who gets which action, at which price of what is scarce, with what proof."""
    cycle_id = context.partition_key
    day = date.fromisoformat(cycle_id)
    known_plan = home.cycle(cycle_id) / "plan.json"
    if known_plan.exists() and ledger.plans.list(cycle_id):
        log_plans(tracking, home, day)
        facts = read_json(known_plan)
        return dg.MaterializeResult(metadata={"state": "decided before; nothing changed", **_figures(facts, {})})
    moment = Moment(cycle_id, day, at, seed, salt=f"wayfinder-{seed}")
    gathered = gather(home, ledger, configuration, day, at, salt=moment.salt)
    decided = decide(moment, gathered.known, gathered.configuration, gathered.room, threads=threads)
    facts = keep(home, decided, gathered, cycle_id, at)
    stored = keep_problem(home, ledger, decided, gathered, cycle_id, seed)
    for note in gathered.notes:
        context.log.info(note)
    words = {limit.name: limit.spoken() for limit in decided.problem.limits}
    run = dg.MetadataValue.url(log_plans(tracking, home, day)[cycle_id])
    pictures = _pictures(decided, stored, threads)
    return dg.MaterializeResult(metadata={"state": "decided", **pictures, **_figures(facts, words), "mlflow_run": run})


def _figures(facts: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    solved, summary = facts["allocation"], facts["summary"]
    seconds = facts["seconds"] | {f"solve {phase}": taken for phase, taken in solved["seconds"].items()}
    return {
        "value": round(solved["value"], 2),
        "bound": round(solved["bound"], 2),
        "gap": float(f"{solved['gap']:.2g}"),
        "status": solved["status"],
        "spend": round(float(sum(summary["spend_by_channel"].values())), 2),
        "people_eligible": facts["people_eligible"],
        "people_contacted": summary["contacted"],
        "value_to_go": round(facts.get("value_to_go", {}).get("money", 0.0), 2),
        **_explored(facts),
        "passes": round(solved["passes"], 1),
        **{f"seconds_{phase.replace(' ', '_')}": round(taken, 3) for phase, taken in seconds.items()},
        "binding_limits": dg.MetadataValue.md(_binding(solved["prices"], words)),
        "channels": dg.MetadataValue.md(_channels(summary)),
        "notes": dg.MetadataValue.md("\n".join(f"- {note}" for note in facts["notes"]) or "none"),
    }


def _explored(facts: dict[str, Any]) -> dict[str, float]:
    explored = facts.get("exploration")  # of a plan from before draws there is none
    if not explored:
        return {}
    return {
        "exploration_cost": round(explored["expected_cost"], 2),
        "temperature": float(f"{explored['temperature']:.3g}"),
    }


def _binding(prices: Mapping[str, float], words: Mapping[str, str]) -> str:
    """Each limit that holds the plan back, with its shadow price."""
    rows = [f"| {name} | {words.get(name, '')} | {price:,.4f} |" for name, price in prices.items()]
    heads = ["| limit | in words | worth of one more |", "|---|---|---|"]
    return "\n".join([*heads, *rows]) if rows else "nothing is scarce today"


def _channels(summary: dict[str, Any]) -> str:
    spend, contacts = summary["spend_by_channel"], summary["contacts_by_channel"]
    rows = [f"| {name} | {contacts[name]:,} | {spend.get(name, 0.0):,.2f} |" for name in contacts]
    return "\n".join(["| channel | contacts | spend |", "|---|---|---|", *rows]) if rows else "nobody is contacted"


def _pictures(decided: Decided, stored: StoredProblem, threads: int) -> dict[str, Any]:
    spend = decided.plan.summary.spend_by_channel
    pictures = {"spend_by_channel": inline_picture(bars("Spend by channel", spend, "money"))} if spend else {}
    day = Day.from_dict(stored.context["day"])
    cap = day.numbers[PER_DAY]
    if cap and decided.allocation.status != "empty":
        here = CurvePoint.of(stored, day, PER_DAY)
        used = min(cap, sum(day.spent.values()) + stored.allocation.spend)
        numbers = curve_numbers(stored, day, PER_DAY, CURVE_BINDING if here.marginal > 0 else CURVE_WITH_ROOM)
        points = [*points_of(stored, day, PER_DAY, numbers, threads=threads), replace(here, number=used), here]
        drawn = value_curve(
            "Value against the day's spend cap",
            sorted(points, key=lambda each: each.number),
            ("spend cap", day.currency),
            cap,
        )
        pictures["budget_curve"] = inline_picture(drawn)
    return pictures
