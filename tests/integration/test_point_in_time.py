"""A cycle knows only what had happened before its day began and was received by its T, whenever it is run."""

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from tests.integration.loop_support import DAY, MORNING, Workspace

pytestmark = pytest.mark.slow

TUESDAY = "2026-01-06T10:00:00Z"


def person(workspace: Workspace) -> pd.Series:
    """Somebody with an e-mail address who has bought."""
    view, people = workspace.view(), workspace.view("dim_recipients")
    buyers = view.loc[view["has_email"] & (view["lifecycle"] == "lapsed"), "customer_id"]
    return people[people["customer_id"].isin(buyers)].iloc[0]


def test_what_happened_or_was_received_later_changes_no_decision_of_an_earlier_day(
    scored: Workspace, cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(scored)
    one = person(workspace)
    contact = one["contact_ids"][0]
    order = {"contact_id": contact, "revenue": 500.0}
    workspace.land("orders", "received-later", [order | {"order_id": "late", "ordered_at": "2026-01-02T12:00:00Z"}])
    workspace.land("orders", "happened-later", [order | {"order_id": "new", "ordered_at": "2026-01-05T06:00:00Z"}])
    workspace.land(
        "consents",
        "later",
        [{"contact_id": contact, "channel": "push", "status": "granted", "occurred_at": "2026-01-05T08:00:00Z"}],
    )
    assert workspace.wayfinder("ingest", "--at", TUESDAY).status == 0
    workspace.cycle(at=MORNING)
    now, then = workspace.view(), scored.view()
    pd.testing.assert_frame_equal(now, then)
    pd.testing.assert_frame_equal(workspace.decisions(), cycled.decisions())
    assert workspace.outbound_bytes() == cycled.outbound_bytes()


def test_a_backfill_of_a_past_day_knows_nothing_later_and_sends_nothing_twice(
    cycled: Workspace, copy_of: Callable[[Workspace], Workspace]
) -> None:
    workspace = copy_of(cycled)
    workspace.configure_objectives(starts_on=date(2025, 12, 1))
    before, states = workspace.sent(), workspace.outbox()
    decided = (workspace.home / "cycles" / DAY.isoformat() / "decisions.parquet").read_bytes()
    past = date(2026, 1, 3)
    facts = workspace.cycle(past, "2026-01-05T12:00:00Z")
    assert facts["cycle_id"] == "2026-01-03"
    assert len(workspace.decisions("2026-01-03")) > 100
    cutoff = pd.Timestamp("2026-01-03T05:00:00")
    assert workspace.view("fct_conversions", past)["converted_at"].max() < cutoff
    assert workspace.view("fct_touches", past)["sent_at"].max() < cutoff
    after = workspace.sent()
    ids = [message["message_id"] for message in after]
    assert len(ids) == len(set(ids))
    assert {message["message_id"] for message in before} <= set(ids)
    of_monday = [message for message in after if message["cycle_id"] == DAY.isoformat()]
    assert {m["message_id"] for m in of_monday} <= set(states)
    assert (workspace.home / "cycles" / DAY.isoformat() / "decisions.parquet").read_bytes() == decided
    decisions = pd.concat([workspace.decisions(), workspace.decisions("2026-01-03")]).set_index("decision_id")
    people = decisions.loc[[message["decision_id"] for message in after], "customer_id"]
    assert people.value_counts().max() <= 3
