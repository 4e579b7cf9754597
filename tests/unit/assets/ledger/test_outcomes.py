import pandas as pd
import pytest

from assets.ledger.records import Receipt
from tests.unit.assets.ledger.support import AT, messages, release, states


def events(kind, *, count=1, **more):
    return pd.DataFrame(
        [{"event_id": f"{kind}-{n}", "event_type": kind, "occurred_at": AT} | more for n in range(count)]
    )


def _sent(ledger, status="sent"):
    release(ledger, frame=messages(2, contact_ids=[["c0", "c0b"], ["c1"]]))
    lease = ledger.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt(each.message_id, status, AT) for each in lease.messages], at=AT)


def _suppressed(ledger):
    return {(row.subject, row.channel, row.reason) for row in ledger.suppressions.frame().itertuples()}


def test_an_event_counts_once_however_often_it_comes(ledger):
    _sent(ledger)
    first = ledger.outcomes.take_in(pd.concat([events("opened", message_id="m0")] * 3), received_at=AT)
    again = ledger.outcomes.take_in(events("opened", message_id="m0"), received_at=AT)
    assert (first.new, first.duplicate, first.by_type) == (1, 2, {"opened": 1})
    assert (again.new, again.duplicate) == (0, 1)


def test_an_event_for_a_message_that_never_left_is_kept_and_counted_as_unmatched(ledger):
    release(ledger)
    counts = ledger.outcomes.take_in(
        pd.concat(
            [
                events("opened", message_id="m0"),
                events("clicked", message_id="nobody's"),
                events("visited", customer_key="c1"),
            ]
        ),
        received_at=AT,
    )
    assert (counts.new, counts.unmatched) == (3, 2)


def test_an_unsubscribe_holds_for_all_contacts_of_the_person_on_its_channel(ledger):
    _sent(ledger)
    assert ledger.outcomes.take_in(events("unsubscribed", message_id="m0"), received_at=AT).suppressed == 2
    assert _suppressed(ledger) == {("c0", "email", "unsubscribed"), ("c0b", "email", "unsubscribed")}


def test_a_complaint_holds_on_all_channels(ledger):
    _sent(ledger)
    ledger.outcomes.take_in(events("complained", message_id="m1"), received_at=AT)
    assert _suppressed(ledger) == {("c1", "all", "complained")}


@pytest.mark.parametrize(("payload", "expected"), [(None, 1), ('{"bounce": "soft"}', 0), ('{"bounce": "hard"}', 1)])
def test_a_hard_bounce_suppresses_and_a_soft_one_does_not(ledger, payload, expected):
    _sent(ledger)
    assert (
        ledger.outcomes.take_in(events("bounced", message_id="m1", payload=payload), received_at=AT).suppressed
        == expected
    )


def test_an_unsubscribe_by_address_stops_a_message_that_is_already_released(ledger):
    release(ledger)
    ledger.outcomes.take_in(
        events("unsubscribed", customer_key=" PERSON1@example.com", channel="email"), received_at=AT
    )
    lease = ledger.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
    assert [each.message_id for each in ledger.outbox.begin_sending(lease, at=AT).messages] == ["m0", "m2"]
    assert "PERSON1" not in ledger.suppressions.frame().to_csv()


def test_an_event_proves_that_an_unknown_message_left(ledger):
    _sent(ledger, status="unknown")
    ledger.outcomes.take_in(events("opened", message_id="m0"), received_at=AT)
    assert states(ledger) == {"m0": "sent", "m1": "unknown"}
    assert ledger.audit.check() == []


def test_news_comes_once_with_the_message_that_it_answers(ledger):
    _sent(ledger)
    ledger.outcomes.take_in(events("opened", message_id="m0"), received_at=AT)
    first = ledger.outcomes.news_since(0)
    ledger.outcomes.take_in(events("visited", customer_key="c7"), received_at=AT)
    second = ledger.outcomes.news_since(first.cursor)
    assert first.frame[["event_id", "customer_id", "objective_id"]].to_numpy().tolist() == [
        ["opened-0", "k0", "reactivate"]
    ]
    assert list(second.frame["event_id"]) == ["visited-0"]
    assert ledger.outcomes.news_since(second.cursor).frame.empty


def test_no_news_is_an_empty_intake(ledger):
    assert ledger.outcomes.take_in(events("opened").iloc[:0], received_at=AT).new == 0
