"""Policies are compared by the real assets, the best plan that the market's truth knows among them."""

from pathlib import Path

import pytest

from tests.integration.loop_support import CHECKOUT, Workspace

pytestmark = pytest.mark.slow


def test_the_plan_by_the_truth_is_worth_more_than_business_as_usual(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", CHECKOUT / "config")
    words = ("--days", "1", "--customers", "600", "--seed", "3", "--policy", "manual", "--policy", "truth")
    found = workspace.wayfinder("simulate", *words).facts
    worth = {run["policy"]: sum(row["worth"] for row in run["cycles"]) for run in found["runs"]}
    assert worth["truth"] > 3 * max(worth["manual"], 1.0)
    assert not worth["nothing"]
    assert "truth" in found["totals"]


def test_more_days_begin_anew_since_the_market_has_lived_past_the_last(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", CHECKOUT / "config")
    for days in ("1", "2"):
        words = ("--days", days, "--customers", "600", "--seed", "3", "--policy", "nothing")
        assert [run["policy"] for run in workspace.wayfinder("simulate", *words).facts["runs"]] == ["nothing"]
