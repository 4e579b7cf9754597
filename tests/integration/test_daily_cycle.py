"""One day: what leaves is released, complete and unique, nobody held out is contacted, and doing it again changes nothing."""

import json
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from ml.configuration import read_configuration
from ml.objectives.audience import parse
from tests.integration.loop_support import (
    AFTERNOON,
    BACK,
    DAY,
    DISPATCHES,
    EVENING,
    MORNING,
    NIGHT,
    Workspace,
    messages_open_or_sent,
    succeed,
)

pytestmark = pytest.mark.slow

TUESDAY = date(2026, 1, 6)
CONTRACT_KEYS = [
    *("message_id", "decision_id", "cycle_id", "customer_id", "channel", "offer_id", "creative_id", "send_at"),
    *("contact_ids", "recipient", "content"),
]
RECIPIENT_KEYS = {
    "email": {"email", "first_name"},
    "sms": {"phone", "first_name"},
    "voice": {"phone", "first_name"},
    "push": {"device_token"},
    "direct_mail": {"first_name", "last_name", "address_line", "postal_code", "city", "region", "country"},
    "paid_social": {"email_sha256", "phone_sha256", "operation"},
    "display": {"email_sha256", "phone_sha256", "operation"},
    "web": {"visitor_ids"},
}


@pytest.fixture(scope="module")
def night(cycled: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The day is over: everything that was due during it has been handed over."""
    workspace = cycled.copy(tmp_path_factory.mktemp("night"))
    for at in (AFTERNOON, EVENING, NIGHT):
        succeed(workspace.run(*DISPATCHES, at=at))
    return workspace


def test_every_message_has_the_fields_of_the_contract_and_no_others(night: Workspace) -> None:
    assert len(night.sent()) > 100
    for message in night.sent():
        assert list(message) == CONTRACT_KEYS
        assert set(message["recipient"]) <= RECIPIENT_KEYS[message["channel"]]
        assert message["recipient"]
        assert message["contact_ids"]
        assert message["send_at"].endswith("Z")
        assert message["content"]


def test_every_file_is_whole_lines_of_its_own_channel_and_cycle(night: Workspace) -> None:
    for path, content in night.outbound_bytes().items():
        _, channel, name = path.split("/")
        assert content.endswith(b"\n")
        assert {json.loads(line)["channel"] for line in content.splitlines()} == {channel}
        assert {json.loads(line)["cycle_id"] for line in content.splitlines()} == {name.removesuffix(".jsonl")}


def test_no_message_is_sent_twice(night: Workspace) -> None:
    ids = [message["message_id"] for message in night.sent()]
    assert len(ids) == len(set(ids))


def test_every_message_belongs_to_a_decision_of_a_released_plan(night: Workspace) -> None:
    released = {plan.cycle_id for plan in night.ledger.plans.list() if plan.state == "released"}
    decided = night.decisions().set_index("decision_id")
    for message in night.sent():
        decision = decided.loc[message["decision_id"]]
        assert message["cycle_id"] in released
        for name in ("customer_id", "channel", "offer_id", "creative_id"):
            assert message[name] == decision[name]


def test_nothing_leaves_before_it_is_due(cycled: Workspace, night: Workspace) -> None:
    assert all(message["send_at"] <= MORNING for message in cycled.sent())
    later = [message for message in night.sent() if message["send_at"] > MORNING]
    assert later
    assert all(message["send_at"] <= NIGHT for message in later)


def test_by_night_nothing_that_was_due_is_left_open(night: Workspace) -> None:
    contacts = night.decisions()
    contacts = contacts[
        (contacts["channel"] != "none") & (contacts["send_at"] <= pd.Timestamp(NIGHT).tz_localize(None))
    ]
    sent = {message["decision_id"] for message in night.sent()}
    missed = contacts[~contacts["decision_id"].isin(sent)]
    assert len(missed) < 0.1 * len(contacts)
    states = night.outbox()
    assert {states[f"m-{one.removeprefix('d-')}"] for one in missed["decision_id"]} <= {"expired"}


def test_people_held_out_of_an_objective_are_never_contacted_for_it(night: Workspace) -> None:
    decisions = night.decisions()
    held_out = decisions[decisions["arm"] == "holdout"]
    assert len(held_out) > 5
    assert set(held_out["channel"]) == {"none"}
    contacted = decisions[decisions["decision_id"].isin([message["decision_id"] for message in night.sent()])]
    for objective, people in held_out.groupby("objective_id"):
        for_it = contacted[contacted["objective_id"] == objective]
        assert not set(people["customer_id"]) & set(for_it["customer_id"])


def test_everybody_of_an_audience_is_in_an_arm_whatever_was_decided_for_them(night: Workspace) -> None:
    arms = pd.read_parquet(night.home / "cycles" / DAY.isoformat() / "arms.parquet")
    assert not arms.duplicated(["customer_id", "objective_id"]).any()
    view = night.view()
    for objective in read_configuration(night.config).objectives:
        inside = arms[arms["objective_id"] == objective.id]
        assert set(inside["customer_id"]) == set(view["customer_id"][parse(objective.audience.where).mask(view)])
    facts = json.loads((night.home / "cycles" / DAY.isoformat() / "lift.json").read_text(encoding="utf-8"))
    assert facts["people"] == len(arms)
    assert not any(one["is_uneven"] for one in facts["sample_ratio"])


def test_nobody_gets_more_contacts_in_a_cycle_than_the_policy_allows(night: Workspace) -> None:
    contacts = night.decisions()
    contacts = contacts[contacts["channel"] != "none"]
    assert contacts.groupby("customer_id").size().max() == 1


def test_money_in_the_ledger_is_what_the_messages_cost(night: Workspace) -> None:
    decisions = night.decisions().set_index("decision_id")
    cost = sum(decisions.loc[message["decision_id"], "contact_cost"] for message in night.sent())
    counts = night.ledger.outbox.counts()
    assert counts.loc[counts["state"] == "sent", "spend"].sum() == pytest.approx(cost)


@pytest.mark.parametrize("at", [MORNING, AFTERNOON])
def test_running_the_rest_of_a_cycle_again_sends_nothing_twice(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace], at: str
) -> None:
    workspace = copy_of(cycled)
    before, plans = workspace.sent(), [plan.plan_hash for plan in workspace.ledger.plans.list()]
    decided = (workspace.home / "cycles" / DAY.isoformat() / "decisions.parquet").read_bytes()
    succeed(workspace.run(*BACK, at=at))
    after = workspace.sent()
    assert len({message["message_id"] for message in after}) == len(after)
    assert {message["message_id"] for message in before} <= {message["message_id"] for message in after}
    assert at != MORNING or after == before
    assert (workspace.home / "cycles" / DAY.isoformat() / "decisions.parquet").read_bytes() == decided
    assert [plan.plan_hash for plan in workspace.ledger.plans.list()] == plans


def test_a_whole_cycle_again_with_new_files_changes_no_decision_that_was_released(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(cycled)
    recipients, contacted = workspace.view("dim_recipients"), {message["customer_id"] for message in workspace.sent()}
    # who was put into an ad audience and buys leaves it, as they should: the order is of somebody who got nothing
    person = recipients[~recipients["customer_id"].isin(contacted)].iloc[0]
    row = {
        "order_id": "o-late",
        "contact_id": person["contact_ids"][0],
        "ordered_at": "2026-01-03T12:00:00Z",
        "revenue": 80.0,
    }
    workspace.land("orders", "late", [row])
    decided = workspace.decisions()
    before = messages_open_or_sent(workspace.outbox())
    sent = workspace.outbound_bytes()
    facts = workspace.cycle(at=MORNING)
    pd.testing.assert_frame_equal(workspace.decisions(), decided)
    assert facts["state"] == "released"
    assert messages_open_or_sent(workspace.outbox()) == before
    assert workspace.outbound_bytes() == sent


def test_the_next_day_contacts_within_the_frequency_caps_and_repeats_no_message(
    night: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(night)
    workspace.land("outcomes", "clicks", yesterdays_clicks(workspace))
    facts = workspace.cycle(date(2026, 1, 6), "2026-01-06T10:00:00Z")
    assert facts["cycle_id"] == "2026-01-06"
    assert facts["people_contacted"] > 0
    ids = [message["message_id"] for message in workspace.sent()]
    assert len(ids) == len(set(ids))
    contacts = pd.concat([workspace.decisions(), workspace.decisions("2026-01-06")])
    contacts = contacts[contacts["channel"] != "none"]
    assert contacts.groupby("customer_id").size().max() <= 3
    arms = pd.concat([workspace.decisions(), workspace.decisions("2026-01-06")])
    assert arms.groupby(["customer_id", "objective_id"])["arm"].nunique().max() == 1
    later = workspace.wayfinder("ingest", "--at", "2026-01-06T18:00:00Z").facts
    assert later["cycle_id"] == "2026-01-06", "what the morning's view knew is no news"


def yesterdays_clicks(workspace: Workspace) -> list[dict[str, str]]:
    """Clicks on five messages, before the next day begins."""
    event = {"event_type": "clicked", "occurred_at": "2026-01-05T16:00:00Z"}
    return [
        event | {"event_id": f"e{n}", "message_id": message["message_id"]}
        for n, message in enumerate(workspace.sent()[:5])
    ]


def test_shares_that_change_in_the_file_move_nobody_between_arms(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(cycled)
    workspace.configure_objectives(arms={"holdout": 0.4, "manual": 0.3, "random": 0.2})
    facts = workspace.cycle(TUESDAY, "2026-01-06T10:00:00Z")
    before, after = workspace.decisions(), workspace.decisions(TUESDAY.isoformat())
    both = before.merge(after, on=["customer_id", "objective_id"], suffixes=("", "_after"))
    assert len(both) > 100
    assert (both["arm"] == both["arm_after"]).all()
    kept = json.loads((workspace.home / "cycles" / TUESDAY.isoformat() / "plan.json").read_text())
    assert any("other shares of the arms" in note for note in kept["notes"])
    assert facts["cycle_id"] == TUESDAY.isoformat()
