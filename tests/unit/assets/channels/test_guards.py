import dataclasses
from datetime import timedelta

import pytest

from assets.channels.dispatch import dispatch
from assets.channels.guards import frequency_guard
from ml.configuration.policy import FrequencyCap
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, messages, release


def _send(ledger, provider, caps, at=AT):
    guards = [frequency_guard(ledger, caps)]
    return dispatch(ledger, {"email": provider}, at=at, channel="email", guards=guards)


@pytest.mark.parametrize(("cap", "sent"), [(FrequencyCap(max=1, days=7), 0), (FrequencyCap(max=2, days=7), 3)])
def test_a_second_plan_cannot_go_over_the_cap_at_send(ledger, cap, sent):
    first = messages(3, prefix="a")
    release(ledger, frame=first)
    assert _send(ledger, Provider(), [cap]).sent == 3
    release(ledger, "p2", messages(3, prefix="b"))
    counts = _send(ledger, Provider(), [cap], at=AT + timedelta(minutes=1))
    assert counts.sent == sent
    assert counts.ended.get("suppressed", 0) == 3 - sent


def test_a_cap_on_another_channel_does_not_count(ledger):
    cap = FrequencyCap(channels=["voice"], max=1, days=30)
    release(ledger, frame=messages(3, prefix="a"))
    _send(ledger, Provider(), [cap])
    release(ledger, "p2", messages(3, prefix="b"))
    assert _send(ledger, Provider(), [cap], at=AT + timedelta(minutes=1)).sent == 3


@pytest.mark.parametrize("is_first", [True, False])
def test_what_may_have_left_counts_before_what_stands_beside_it_in_a_batch(ledger, is_first):
    release(ledger, frame=messages(2, prefix="a"))
    one, other = ledger.outbox.claim("email", at=AT, limit=2, owner="a", lease_s=60).messages
    tried = dataclasses.replace(one, attempt_count=1)
    fresh = dataclasses.replace(other, customer_id=one.customer_id, attempt_count=0)
    guard = frequency_guard(ledger, [FrequencyCap(max=1, days=7)])
    batch = [tried, fresh] if is_first else [fresh, tried]
    assert set(guard(batch, AT)) == {fresh.message_id}
