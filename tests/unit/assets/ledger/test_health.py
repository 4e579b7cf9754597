from datetime import timedelta

import pytest

from assets.channels.dispatch import DispatchFailed, dispatch
from assets.ledger.health import FIRST_REST, PROBE_MESSAGES
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, messages, release, states

LONG = {"expires_at": AT + timedelta(days=2)}


def _fail(ledger, times, at=AT):
    for _ in range(times):
        with pytest.raises(DispatchFailed):
            dispatch(ledger, {"email": Provider(fails=1)}, at=at, channel="email")


def test_a_channel_that_keeps_failing_rests_for_all_its_dispatchers(ledger):
    release(ledger, frame=messages(3, **LONG), **LONG)
    _fail(ledger, 5)
    provider = Provider()
    counts = dispatch(ledger, {"email": provider}, at=AT, channel="email", owner="another")
    assert (counts.sent, counts.rests_until, provider.got) == (0, AT + FIRST_REST, [])
    assert [(each.channel, each.state) for each in ledger.health.states(AT)] == [("email", "open")]
    assert set(states(ledger).values()) == {"pending"}


def test_one_small_batch_shows_whether_a_channel_works_again(ledger):
    release(ledger, frame=messages(60, **LONG), **LONG)
    _fail(ledger, 5)
    later = AT + FIRST_REST
    first = ledger.outbox.claim("email", at=later, limit=100, owner="a", lease_s=60)
    assert (first.is_probe, len(first.messages)) == (True, PROBE_MESSAGES)
    second = ledger.outbox.claim("email", at=later, limit=100, owner="b", lease_s=60)
    assert second.messages == ()
    assert second.rests_until is not None
    assert [each.state for each in ledger.health.states(later)] == ["half_open"]


def test_a_channel_that_works_again_is_closed_and_all_of_it_goes(ledger):
    release(ledger, frame=messages(60, **LONG), **LONG)
    _fail(ledger, 5)
    counts = dispatch(ledger, {"email": Provider()}, at=AT + FIRST_REST, channel="email")
    assert (counts.sent, counts.rests_until) == (60, None)
    assert [each.state for each in ledger.health.states(AT + FIRST_REST)] == ["closed"]
    assert list(ledger.audit.trail()["kind"])[-2:] == ["breaker.opened", "breaker.closed"]
    assert ledger.audit.check() == []


def test_a_probe_that_fails_doubles_the_rest(ledger):
    release(ledger, frame=messages(3, **LONG), **LONG)
    _fail(ledger, 5)
    later = AT + FIRST_REST
    _fail(ledger, 1, at=later)
    (state,) = ledger.health.states(later)
    assert (state.state, state.open_until) == ("open", later + 2 * FIRST_REST)


def test_half_of_a_minutes_messages_failing_opens_it_too(ledger):
    release(ledger, frame=messages(60, **LONG), **LONG)
    provider = Provider(answer="retry")
    counts = dispatch(ledger, {"email": provider}, at=AT, channel="email", batch_size=30)
    assert counts.rests_until == AT + FIRST_REST
    assert len(provider.got) == 60


def test_a_refused_address_says_nothing_about_its_channel(ledger):
    release(ledger, frame=messages(60, **LONG), **LONG)
    counts = dispatch(ledger, {"email": Provider(answer="failed")}, at=AT, channel="email", batch_size=5)
    assert (counts.failed, counts.rests_until, ledger.health.states(AT)) == (60, None, [])


def test_another_channels_breaker_does_not_matter(ledger):
    for _ in range(5):
        ledger.health.fail("sms", now=AT)
    release(ledger)
    assert dispatch(ledger, {"email": Provider()}, at=AT, channel="email").sent == 3
