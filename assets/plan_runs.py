"""Plans as MLflow runs, one a plan, comparable over days: what they are worth, cost and prove. No personal data."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from assets.cycles import read_json, revisions, write_json
from assets.home import Home
from ml.tracking import PLANS, PlanRun, Tracking

MARK: Final = "plan_run.json"
"""In a cycle's folder once its plan is logged, with the run's id."""
LOOK_BACK_DAYS: Final = 7


def log_plans(tracking: Tracking, home: Home, day: date) -> dict[str, str]:
    """Log each plan of the day and the week before that isn't logged yet.

    A re-optimization within a day isn't slowed by importing MLflow: the next cycle logs its plan.

    Returns:
        Where a browser shows the run, by cycle; those logged by this call and the day's own.
    """
    urls = {}
    for back in range(LOOK_BACK_DAYS, -1, -1):
        on = day - timedelta(days=back)
        for cycle_id in revisions(home, on):
            mark = home.cycle(cycle_id) / MARK
            if not mark.exists():
                write_json({"run_id": tracking.log_plan(plan_run(_facts(home, cycle_id)))}, mark)
            elif on != day:
                continue
            urls[cycle_id] = tracking.url_of(str(read_json(mark)["run_id"]), PLANS)
    return urls


def plan_run(facts: dict[str, Any]) -> PlanRun:
    """The figures of a plan that can be compared with other days'.

    Args:
        facts: Of the cycle's `plan.json`.
    """
    solved, summary = facts["allocation"], facts["summary"]
    explored = facts.get("exploration")  # of a plan from before draws there is none
    metrics = {
        "value": summary["value"],
        "system_value": solved["value"],
        "bound": solved["bound"],
        "gap": solved["gap"],
        "spend": sum(summary["spend_by_channel"].values()),
        "randomized_spend": facts["randomized_spend"],
        "people_eligible": facts["people_eligible"],
        "people_contacted": summary["contacted"],
        "passes": solved["passes"],
        "seconds": sum(facts["seconds"].values()),
        **_named("messages_by_channel", summary["contacts_by_channel"]),
        **_named("spend_by_channel", summary["spend_by_channel"]),
        **_named("price", solved["prices"]),
        **_named("seconds_by_phase", facts["seconds"]),
        **_named("seconds_of_solve", solved["seconds"]),
    }
    if explored:
        metrics["exploration_cost"] = explored["expected_cost"]
        metrics["exploration_cost_drawn"] = explored["drawn_cost"]
        metrics["temperature"] = explored["temperature"]
    return PlanRun(
        name=facts["cycle_id"],
        started_at=datetime.fromisoformat(facts["at"]),
        seconds=metrics["seconds"],
        metrics=metrics,
        parameters={"status": solved["status"], **{name: str(value) for name, value in facts["versions"].items()}},
        tags={"cycle_id": facts["cycle_id"], "plan_hash": facts["plan_hash"]},
    )


def _facts(home: Home, cycle_id: str) -> dict[str, Any]:
    return read_json(home.cycle(cycle_id) / "plan.json")


def _named(group: str, figures: dict[str, float]) -> dict[str, float]:
    """Figures as `group/name`; MLflow takes no colon in a metric's name."""
    return {f"{group}/{name}".replace(":", "/"): float(value) for name, value in figures.items()}
