"""What comes back counts once, changes only what is open, and a run that fails half-way is made good by the next."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pandas as pd
import pytest

from assets.ledger.landing import Landing
from assets.ledger.outcomes import Outcomes
from assets.ledger.plans import Plans
from tests.integration.loop_support import AFTERNOON, EVENING, Workspace, messages_open_or_sent

pytestmark = pytest.mark.slow

LATER = "2026-01-05T19:00:00Z"


def event(number: int, message: dict[str, Any], event_type: str, **more: Any) -> dict[str, Any]:
    row = {"event_id": f"event-{number}", "event_type": event_type, "occurred_at": "2026-01-05T16:00:00Z"}
    return row | {"message_id": message["message_id"], "channel": message["channel"]} | more


def ingest(workspace: Workspace, at: str = AFTERNOON) -> dict[str, Any]:
    return workspace.wayfinder("ingest", "--at", at).facts


@pytest.fixture
def workspace(cycled: Workspace, copy_of: Callable[[Workspace], Workspace]) -> Workspace:
    """The morning's cycle is over; the rest of the day is this test's."""
    return copy_of(cycled)


def pending(workspace: Workspace) -> list[str]:
    return sorted(message_id for message_id, state in workspace.outbox().items() if state == "pending")


def decision_of(workspace: Workspace, message_id: str) -> pd.Series:
    return workspace.decisions().set_index("decision_id").loc[f"d-{message_id.removeprefix('m-')}"]


def test_a_file_and_an_event_count_once_however_often_they_come(workspace: Workspace) -> None:
    first, second = workspace.sent()[:2]
    rows = [event(1, first, "opened"), event(2, second, "delivered")]
    workspace.land("outcomes", "first", rows)
    found = ingest(workspace)
    assert found["outcomes"] == {"new": 2, "duplicate": 0, "unmatched": 0, "suppressed": 0}
    workspace.land("outcomes", "copy", rows)
    workspace.land("outcomes", "overlap", [event(2, second, "delivered"), event(3, first, "delivered")])
    found = ingest(workspace, LATER)
    assert found["outcomes"]["new"] == 1
    assert found["outcomes"]["duplicate"] == 1
    found = ingest(workspace, LATER)
    assert found["files"] == 0
    assert found["outcomes"]["new"] == 0


def test_what_only_confirms_changes_no_decision(workspace: Workspace) -> None:
    workspace.land("outcomes", "confirms", [event(n, m, "opened") for n, m in enumerate(workspace.sent()[:50])])
    before = workspace.outbox()
    found = ingest(workspace)
    assert found["cycle_id"] == "2026-01-05"
    assert "nothing" in found["decision"]
    assert workspace.outbox() == before
    assert not (workspace.home / "cycles" / "2026-01-05.2").exists()


def test_news_reoptimizes_only_what_is_open_and_leaves_what_has_left_alone(workspace: Workspace) -> None:
    sent, before = workspace.outbound_bytes(), workspace.outbox()
    contacted = {message["customer_id"] for message in workspace.sent()}
    rows = [event(n, m, "clicked") for n, m in enumerate(workspace.sent()[:40])]
    workspace.land("outcomes", "clicks", [*rows, event(99, workspace.sent()[41], "converted", value=50.0)])
    found = ingest(workspace)
    assert found["cycle_id"] == "2026-01-05.2"
    assert found["state"] == "released"
    assert workspace.outbound_bytes() == sent
    after = workspace.outbox()
    assert {one: after[one] for one, state in before.items() if state != "pending"} == {
        one: state for one, state in before.items() if state != "pending"
    }
    new = workspace.decisions("2026-01-05.2")
    assert not contacted & set(new.loc[new["channel"] != "none", "customer_id"])
    open_for = [decision_of(workspace, one)["customer_id"] for one in pending(workspace) if one in before] + new.loc[
        new["channel"] != "none", "customer_id"
    ].tolist()
    assert len(open_for) == len(set(open_for))


def test_whoever_buys_or_leaves_gets_nothing_that_is_still_open(workspace: Workspace) -> None:
    open_ = pending(workspace)
    bought, left = open_[0], open_[1]
    customer = decision_of(workspace, left)["customer_id"]
    people = workspace.view("dim_recipients").set_index("customer_id")
    contact = people.loc[customer, "contact_ids"][0]
    rows = [
        {"event_id": "e1", "event_type": "unsubscribed", "occurred_at": "2026-01-05T15:00:00Z", "customer_key": contact,
         "channel": decision_of(workspace, left)["channel"]},
        {"event_id": "e2", "event_type": "complained", "occurred_at": "2026-01-05T15:00:00Z",
         "customer_key": people.loc[decision_of(workspace, bought)["customer_id"], "contact_ids"][0]},
    ]  # fmt: skip
    workspace.land("outcomes", "leaving", rows)
    assert ingest(workspace)["outcomes"]["suppressed"] >= 2
    for at in (AFTERNOON, EVENING):
        assert workspace.wayfinder("dispatch", "--at", at).status == 0
    left_with = {message["message_id"] for message in workspace.sent()}
    assert not left_with & {bought, left}


def test_the_same_news_call_for_one_look_only(workspace: Workspace) -> None:
    workspace.land("outcomes", "clicks", [event(n, m, "clicked") for n, m in enumerate(workspace.sent()[:5])])
    ingest(workspace)
    assert ingest(workspace, LATER)["cycle_id"] == "2026-01-05"
    assert not (workspace.home / "cycles" / "2026-01-05.3").exists()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Outcomes, "take_in"), (Landing, "record"), (Landing, "see"), (Plans, "propose"), (Plans, "release")],
)
def test_an_ingest_that_fails_half_way_is_made_good_by_the_next(
    workspace: Workspace, owner: type[Any], name: str
) -> None:
    first = workspace.sent()[0]
    rows = [event(1, first, "clicked"), event(2, first, "unsubscribed")]
    workspace.land("outcomes", "news", rows)
    with mock.patch.object(owner, name, side_effect=OSError("disk full")):
        failed = workspace.wayfinder("ingest", "--at", AFTERNOON)
    assert failed.status == 1
    assert "disk full" in failed.err
    ingest(workspace, LATER)
    events = workspace.ledger.outcomes.news_since(0).frame
    assert sorted(events["event_id"]) == ["event-1", "event-2"]
    suppressed = workspace.ledger.suppressions.by_contact()
    assert set(first["contact_ids"]) <= set(suppressed["contact_id"])
    plans = workspace.ledger.plans.list()
    assert plans[-1].cycle_id.startswith("2026-01-05.")
    assert plans[-1].state == "released"
    assert {plan.state for plan in plans} <= {"released", "superseded"}
    live = messages_open_or_sent(workspace.outbox())
    assert len({one for one in live if one}) == len(live)
    assert ingest(workspace, EVENING)["outcomes"]["new"] == 0
