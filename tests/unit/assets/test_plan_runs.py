"""Each plan is logged once, with figures of the plan and nothing about a person."""

from datetime import date
from pathlib import Path
from typing import Any

from assets.cycles import write_json
from assets.home import Home
from assets.plan_runs import LOOK_BACK_DAYS, log_plans, plan_run
from ml.tracking import PlanRun

DAY = date(2026, 1, 5)


class Recorder:
    """A tracking store that only remembers."""

    def __init__(self) -> None:
        self.runs: list[PlanRun] = []

    def log_plan(self, run: PlanRun) -> str:
        self.runs.append(run)
        return f"run-{len(self.runs)}"

    def url_of(self, run_id: str, experiment: str) -> str:
        return f"{experiment}/{run_id}"


def facts(cycle_id: str) -> dict[str, Any]:
    return {
        "cycle_id": cycle_id,
        "at": "2026-01-05T10:00:00+00:00",
        "plan_hash": "abc",
        "summary": {
            "value": 12.0, "contacted": 3, "spend_by_channel": {"email": 1.0, "voice": 2.5},
            "contacts_by_channel": {"email": 2, "voice": 1}, "lines": [{"customer_id": "zelda"}],
        },
        "people_eligible": 9,
        "randomized_spend": 0.5,
        "allocation": {
            "value": 11.0, "bound": 11.5, "gap": 0.04, "status": "certified", "prices": {"capacity:voice": 0.7},
            "passes": 12.0, "seconds": {"price": 0.2},
        },
        "exploration": {"expected_cost": 0.2, "drawn_cost": 0.3, "temperature": 0.01},
        "versions": {"generation_id": "g1", "model_sha256": "m1"},
        "seconds": {"randomized arms": 0.1, "allocation": 0.4},
    }  # fmt: skip


def home_with(root: Path, *cycles: str) -> Home:
    home = Home(root)
    for cycle_id in cycles:
        write_json(facts(cycle_id), home.cycle(cycle_id) / "plan.json")
    return home


def test_a_plan_is_logged_with_what_can_be_compared_over_days() -> None:
    run = plan_run(facts("2026-01-05"))
    assert run.metrics["value"] == 12.0
    assert (run.metrics["system_value"], run.metrics["bound"], run.metrics["gap"]) == (11.0, 11.5, 0.04)
    assert run.metrics["spend"] == 3.5
    assert (run.metrics["exploration_cost"], run.metrics["temperature"]) == (0.2, 0.01)
    assert run.metrics["messages_by_channel/voice"] == 1
    assert run.metrics["price/capacity/voice"] == 0.7
    assert run.metrics["seconds_by_phase/allocation"] == 0.4
    assert run.parameters == {"status": "certified", "generation_id": "g1", "model_sha256": "m1"}
    assert "zelda" not in repr(run)
    assert not any(":" in name for name in run.metrics)


def test_each_plan_is_logged_once(tmp_path: Path) -> None:
    home, store = home_with(tmp_path, "2026-01-05"), Recorder()
    assert log_plans(store, home, DAY) == {"2026-01-05": "plans/run-1"}
    assert log_plans(store, home, DAY) == {"2026-01-05": "plans/run-1"}
    assert [run.name for run in store.runs] == ["2026-01-05"]


def test_the_next_cycle_logs_what_was_reoptimized_since(tmp_path: Path) -> None:
    home, store = (
        home_with(tmp_path, "2026-01-03", "2026-01-04", "2026-01-04.2", "2026-01-05", "2026-01-06"),
        Recorder(),
    )
    log_plans(store, home, date(2026, 1, 3))
    log_plans(store, home, DAY)
    assert [run.name for run in store.runs] == ["2026-01-03", "2026-01-04", "2026-01-04.2", "2026-01-05"]


def test_a_home_from_before_is_not_logged_from_its_first_day_on(tmp_path: Path) -> None:
    home, store = home_with(tmp_path, "2025-12-01", "2026-01-05"), Recorder()
    log_plans(store, home, DAY)
    assert [run.name for run in store.runs] == ["2026-01-05"]
    assert LOOK_BACK_DAYS < 30
