"""Nothing leaves without authority: each level lets go what it may, and a person's word is for exactly what was shown."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from tests.integration.loop_support import AFTERNOON, BACK, DAY, DISPATCHES, MORNING, NIGHT, Workspace, succeed

pytestmark = pytest.mark.slow

ASK = ("allocation", "plan", "authorization")


@pytest.fixture(scope="module")
def waiting(scored: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Every objective is assisted: the day's plan waits for a person."""
    workspace = scored.copy(tmp_path_factory.mktemp("waiting"))
    workspace.configure_objectives(autonomy="assisted")
    succeed(workspace.run(*BACK))
    return workspace


@pytest.fixture
def workspace(waiting: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    return copy_of(waiting)


def the_plan(workspace: Workspace, at: str = AFTERNOON) -> dict[str, Any]:
    (plan,) = workspace.wayfinder("plans", "--at", at).facts
    return dict(plan)


def dispatch(workspace: Workspace, at: str) -> dict[str, Any]:
    return workspace.wayfinder("dispatch", "--at", at).facts


def test_an_assisted_plan_waits_with_its_reasons_and_nothing_leaves(workspace: Workspace) -> None:
    plan = the_plan(workspace)
    assert plan["plan_id"] == "2026-01-05-held"
    assert plan["state"] == "waiting"
    assert plan["is_waiting"]
    assert len(plan["reasons"]) >= len(plan["objectives"]) == 4
    assert all("assisted" in reason or "first time" in reason for reason in plan["reasons"])
    assert sum(dispatch(workspace, AFTERNOON)["messages"].values()) == 0
    assert workspace.sent() == []
    assert workspace.outbox() == {}


def test_an_approval_lets_exactly_the_plan_out(workspace: Workspace) -> None:
    said = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING).facts
    assert said["state"] == "released"
    assert said["released"] == said["messages"] > 0
    dispatch(workspace, AFTERNOON)
    decisions = workspace.decisions()
    assert {m["decision_id"] for m in workspace.sent()} <= set(
        decisions.loc[decisions["channel"] != "none", "decision_id"]
    )
    assert workspace.sent()


def test_an_approval_said_twice_counts_once(workspace: Workspace) -> None:
    assert workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING).status == 0
    released = workspace.outbox()
    again = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING)
    assert again.status in {0, 2}
    assert workspace.outbox() == released
    other = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Bob", "--at", MORNING)
    assert other.status == 2
    assert "released" in other.err


def test_a_rejected_plan_never_leaves(workspace: Workspace) -> None:
    said = workspace.wayfinder("reject", "2026-01-05-held", "--by", "Ann", "--why", "too much mail", "--at", MORNING)
    assert said.facts["state"] == "rejected"
    refused = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Bob", "--at", MORNING)
    assert refused.status == 2
    assert "rejected" in refused.err
    dispatch(workspace, AFTERNOON)
    assert workspace.sent() == []
    succeed(workspace.run(*BACK, at=AFTERNOON))
    assert workspace.sent() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["approve", "2026-01-09", "--by", "Ann", "--at", MORNING], "2026-01-09"),
        (["reject", "nothing", "--by", "Ann", "--why", "no", "--at", MORNING], "nothing"),
        (["approve", "2026-01-05-held", "--by", "Ann", "--at", "2026-01-06T10:00:01Z"], "expired"),
        (["reject", "2026-01-05-held", "--by", "Ann", "--why", "no", "--at", "2026-01-06T10:00:01Z"], "expired"),
        (["approve", "2026-01-05-held", "--by", " ", "--at", MORNING], "--by NAME"),
        (["approve", "2026-01-05-held", "--by", "system", "--at", MORNING], "--by NAME"),
        (["reject", "2026-01-05-held", "--by", "Ann", "--why", " ", "--at", MORNING], "--why"),
    ],
)
def test_a_word_about_an_unknown_or_expired_plan_or_by_nobody_is_bad_input(
    workspace: Workspace, words: list[str], said: str
) -> None:
    answer = workspace.wayfinder(*words)
    assert answer.status == 2
    assert said in answer.err
    assert answer.out == ""
    assert workspace.outbox() == {}


def test_a_plan_whose_decisions_were_edited_after_it_was_shown_is_refused(workspace: Workspace) -> None:
    path = workspace.home / "cycles" / DAY.isoformat() / "decisions.parquet"
    edited = workspace.decisions()
    where = edited.index[edited["channel"] != "none"][0]
    edited.loc[where, "contact_cost"] += 1
    edited.to_parquet(path)
    answer = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING)
    assert answer.status == 1
    assert "decisions.parquet" in answer.err
    assert workspace.outbox() == {}
    dispatch(workspace, AFTERNOON)
    assert workspace.sent() == []


def test_four_eyes_needs_two_different_people(scored: Workspace, copy_of: Callable[[Workspace], Workspace]) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(autonomy="assisted")
    workspace.configure("policy.yaml", lambda policy: policy.update(approvals={"expire_hours": 24, "four_eyes": True}))
    succeed(workspace.run(*ASK))
    for by, state in (("Ann", "waiting"), ("Ann", "waiting"), ("Bob", "released")):
        assert workspace.wayfinder("approve", "2026-01-05-held", "--by", by, "--at", MORNING).facts["state"] == state
        assert (workspace.outbox() == {}) == (state == "waiting")


def test_a_supervised_plan_within_its_guardrails_is_released(cycled: Workspace) -> None:
    (plan,) = cycled.wayfinder("plans", "--at", MORNING).facts
    assert plan["plan_id"] == "2026-01-05"
    assert plan["state"] == "released"
    assert cycled.sent()


def test_a_supervised_plan_outside_a_guardrail_waits_and_says_which(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    late = "2026-01-07T10:00:00Z"  # the data is two days old
    succeed(workspace.run(*ASK, at=late))
    plan = the_plan(workspace, late)
    assert plan["state"] == "waiting"
    assert any("data" in reason for reason in plan["reasons"])
    succeed(workspace.run(*DISPATCHES, at=late))
    assert workspace.sent() == []


def test_an_autonomous_plan_outside_a_guardrail_is_released(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(autonomy="autonomous")
    workspace.configure("policy.yaml", lambda policy: policy["guardrails"].update(data_age_hours=0.5))
    succeed(workspace.run(*ASK, *DISPATCHES, at="2026-01-05T11:00:00Z"))
    assert the_plan(workspace)["state"] == "released"
    assert workspace.sent()
    levels = workspace.wayfinder("autonomy").facts["objectives"]
    assert {row["level"] for row in levels} == {"supervised"}  # the breach lowers them at once
    assert all("released across data_age_hours" in row["history"][-1]["reason"] for row in levels)
    succeed(workspace.run("plan", "authorization", at="2026-01-05T11:05:00Z"))
    assert workspace.wayfinder("autonomy").facts["objectives"] == levels


def test_levels_apart_split_the_day_into_what_leaves_and_what_waits(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure("objectives/grow.yaml", lambda objective: objective.update(autonomy="assisted"))
    succeed(workspace.run(*ASK, *DISPATCHES))
    plans = {plan["plan_id"]: plan for plan in workspace.wayfinder("plans", "--at", MORNING).facts}
    assert plans["2026-01-05-held"]["objectives"] == ["grow_margin"]
    assert plans["2026-01-05-held"]["state"] == "waiting"
    assert plans["2026-01-05"]["state"] == "released"
    decisions = workspace.decisions().set_index("decision_id")["objective_id"]
    assert "grow_margin" not in {decisions[message["decision_id"]] for message in workspace.sent()}


def test_a_level_lowered_between_the_plan_and_its_release_holds_at_once(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(autonomy="autonomous")
    succeed(workspace.run("allocation", "plan"))
    workspace.ledger.objectives.lower("grow_margin", "assisted", by="system", reason="a breach", at=pd.Timestamp(NIGHT))
    succeed(workspace.run("authorization", *DISPATCHES))
    plan = the_plan(workspace, MORNING)
    assert plan["state"] == "waiting"
    assert plan["reasons"] == ["grow_margin: its level was lowered from autonomous to assisted after this was decided"]
    assert workspace.sent() == []


def test_a_level_raised_in_its_file_holds_only_after_a_person_accepted_it(workspace: Workspace) -> None:
    workspace.configure_objectives(autonomy="autonomous")
    ledger = workspace.ledger
    assert (
        ledger.objectives.see("grow_margin", "autonomous", owner="x@example.com", at=pd.Timestamp(NIGHT)) == "assisted"
    )


def test_an_assisted_channel_waits_and_the_rest_of_its_objective_leaves(
    scored: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    workspace.configure_objectives(autonomy_by_channel={"email": "assisted"})
    succeed(workspace.run(*ASK, *DISPATCHES))
    plans = {plan["plan_id"]: plan for plan in workspace.wayfinder("plans", "--at", MORNING).facts}
    assert plans["2026-01-05"]["state"] == "released"
    assert "email" not in plans["2026-01-05"]["messages_by_channel"]
    assert set(plans["2026-01-05-held"]["messages_by_channel"]) == {"email"}
    assert any("email is assisted" in reason for reason in plans["2026-01-05-held"]["reasons"])
    assert {message["channel"] for message in workspace.sent()} <= set(plans["2026-01-05"]["messages_by_channel"])
    assert workspace.sent()
    said = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING).facts
    assert said["released"] == plans["2026-01-05-held"]["messages"] > 0
    withheld = workspace.ledger.plans.withheld("2026-01-05")
    assert withheld == frozenset()


def test_an_approval_is_for_the_content_that_was_shown(workspace: Workspace) -> None:
    template = workspace.config / "templates" / "winback_email.html.j2"
    shown = template.read_text()
    template.write_text(shown.replace("We noticed", "x").replace("<body", "<body data-new='1'"))
    loyalty = workspace.config / "templates" / "loyalty_email.html.j2"
    loyalty_shown = loyalty.read_text()
    loyalty.write_text(loyalty_shown.replace("<body", "<body data-new='1'"))
    answer = workspace.wayfinder("approve", "2026-01-05-held", "--by", "Ann", "--at", MORNING)
    assert answer.status == 1
    assert "isn't what was shown" in answer.err
    assert workspace.outbox() == {}
    template.write_text(shown)
    loyalty.write_text(loyalty_shown)
    dispatch(workspace, AFTERNOON)  # approved is approved: the content is what was shown again


def test_what_was_rejected_is_not_proposed_again_the_next_day(workspace: Workspace) -> None:
    words = ("--by", "Ann", "--why", "no calls, please", "--channel", "email", "--until", "2026-01-06")
    assert workspace.wayfinder("reject", "2026-01-05-held", *words, "--at", MORNING).facts["state"] == "rejected"
    facts = workspace.wayfinder("cycle", "--date", "2026-01-06", "--at", "2026-01-06T10:00:00Z").facts
    assert any("no calls, please" in note for note in facts["notes"])
    assert facts["messages"]["email"] == 0
    assert sum(facts["messages"].values()) > 0
