"""What a cycle says of its objectives: kept in the plan, shown by status and report."""

import json
from collections.abc import Callable

from tests.integration.loop_support import BACK, DAY, Workspace, succeed


def _kept(workspace: Workspace) -> dict:
    return json.loads((workspace.home / "cycles" / DAY.isoformat() / "plan.json").read_text(encoding="utf-8"))


def test_every_active_objective_is_compiled_and_spends_no_more_than_its_pace(cycled: Workspace) -> None:
    plan = _kept(cycled)
    assert set(plan["objectives"]) == set(plan["room"]["objectives"])
    for name, facts in plan["objectives"].items():
        assert facts["forecast"]["low"] < facts["forecast"]["high"]
        assert 0 <= facts["chance"] <= 1
        assert plan["summary"]["spend_by_objective"][name] <= facts["pace"]["allowance"] + 1e-6
        assert facts["contacts_today"] >= 0
        assert facts["is_reachable"] or facts["relaxations"]


def test_status_and_report_show_how_far_an_objective_is_and_where_it_will_end(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(cycled)
    rows = workspace.wayfinder("status").facts["objectives"]
    for row in rows:
        assert {"target", "reached", "pace", "lift", "autonomy", "forecast"} <= set(row)
        assert "may be spent today" in row["outlook"]["pace"]
        assert row["forecast"]["low"] <= row["forecast"]["value"] <= row["forecast"]["high"]
    report = (workspace.home / "reports" / f"{DAY.isoformat()}.md").read_text(encoding="utf-8")
    assert "## Objectives" in report
    assert all(row["outlook"]["forecast"] in report for row in rows)


def test_a_target_out_of_reach_stops_no_cycle_and_says_what_would_make_room(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(target={"count": 10_000_000}, metric="reactivations")
    succeed(workspace.run(*BACK))
    assert workspace.sent()
    for facts in _kept(workspace)["objectives"].values():
        assert not facts["is_reachable"]
        assert any("lower the target" in move["words"] for move in facts["relaxations"])
        assert all(move["is_verified"] for move in facts["relaxations"])
        assert facts["chance"] < 0.01
