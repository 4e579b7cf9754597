"""F4 to F6: what is tried again, when, and what never is."""

from datetime import timedelta

import pytest

from assets.channels.contract import Receipt
from assets.channels.dispatch import dispatch
from assets.channels.retries import LONGEST_RETRY, MAX_ATTEMPTS, retry_times
from tests.unit.assets.channels.support import message
from tests.unit.assets.channels.test_dispatch_deadline import Clock
from tests.unit.assets.ledger.support import AT, messages, release, states


class Scripted:
    """Answers each message as the script says; the last word for good."""

    def __init__(self, script, *, delivery="keyed", key_horizon=None):
        self.script, self.delivery, self.key_horizon, self.got = script, delivery, key_horizon, []

    def deliver(self, batch, *, at):
        return [self._receipt(each.message_id, at) for each in batch]

    def _receipt(self, message_id, at):
        self.got.append(message_id)
        answers = self.script[message_id]
        status, wait = answers.pop(0) if len(answers) > 1 else answers[0]
        return Receipt(message_id, status, at, retry_after=wait and timedelta(seconds=wait))


def _run(ledger, driver, at=AT):
    return dispatch(ledger, {"email": driver}, at=at, channel="email")


LONG = {"expires_at": AT + timedelta(days=9)}


def test_f05_each_message_waits_for_its_own_time(ledger):
    release(ledger, frame=messages(2, **LONG), **LONG)
    driver = Scripted({"m0": [("retry", 600), ("sent", None)], "m1": [("retry", None), ("sent", None)]})
    _run(ledger, driver)
    _run(ledger, driver, AT + timedelta(seconds=90))
    assert states(ledger) == {"m0": "pending", "m1": "sent"}
    _run(ledger, driver, AT + timedelta(seconds=600))
    assert states(ledger) == {"m0": "sent", "m1": "sent"}
    assert ledger.audit.check() == []


def test_f05_backoff_doubles_with_jitter_up_to_an_hour_and_never_below_the_channels_word():
    def wait(attempts, chance, after=None):
        receipt = Receipt("m1", "retry", AT, retry_after=after)
        times = retry_times([message(attempt_count=attempts)], [receipt], now=AT, random=lambda: chance)
        return times["m1"] - AT

    assert [wait(n, 0.5) for n in range(4)] == [timedelta(minutes=2**n) for n in range(4)]
    assert wait(0, 0.0) == timedelta(seconds=30)
    assert wait(0, 1.0) == timedelta(seconds=90)
    assert wait(60, 0.5) == LONGEST_RETRY
    assert wait(0, 0.5, timedelta(hours=3)) == timedelta(hours=3)


def test_f05_a_permanent_failure_is_not_tried_again(ledger):
    release(ledger, frame=messages(1, **LONG), **LONG)
    driver = Scripted({"m0": [("failed", None)]})
    _run(ledger, driver)
    _run(ledger, driver, AT + timedelta(days=1))
    assert (driver.got, states(ledger)) == (["m0"], {"m0": "failed"})


@pytest.mark.parametrize(("delivery", "calls", "state"), [("keyed", 2, "sent"), ("blind", 1, "unknown")])
def test_f04_a_lost_answer_goes_again_only_under_a_key(ledger, delivery, calls, state):
    release(ledger, frame=messages(1, **LONG), **LONG)
    driver = Scripted({"m0": [("unknown", None), ("sent", None)]}, delivery=delivery)
    _run(ledger, driver)
    _run(ledger, driver, AT + timedelta(minutes=2))
    assert (len(driver.got), states(ledger)) == (calls, {"m0": state})
    assert ledger.audit.check() == []


def test_f06_a_key_past_its_horizon_is_never_used_again(ledger):
    release(ledger, frame=messages(1, **LONG), **LONG)
    driver = Scripted({"m0": [("unknown", None), ("sent", None)]}, key_horizon=timedelta(minutes=15))
    _run(ledger, driver)
    counts = _run(ledger, driver, AT + timedelta(minutes=15))
    assert (driver.got, states(ledger), counts.unknown) == (["m0"], {"m0": "unknown"}, 1)
    assert {(each.held, each.spent) for each in ledger.budgets.states()} == {(0.0, 0.002)}
    assert ledger.audit.check() == []


def test_what_may_have_left_is_not_open_any_more(ledger):
    release(ledger, frame=messages(1, **LONG), **LONG)
    _run(ledger, Scripted({"m0": [("unknown", None)]}))
    assert ledger.outbox.open_messages(AT.date()).empty
    assert list(ledger.outbox.contacts_since(AT)["customer_id"]) == ["k0"]
    ledger.plans.revoke("p1", by="ann", at=AT, why="wrong")
    assert states(ledger) == {"m0": "unknown"}
    assert ledger.audit.check() == []


def test_a_lost_answer_is_in_doubt_for_good_after_the_last_attempt(ledger):
    release(ledger, frame=messages(1, **LONG), **LONG)
    driver, at = Scripted({"m0": [("unknown", None)]}), AT
    for _ in range(MAX_ATTEMPTS + 1):
        _run(ledger, driver, at)
        at += timedelta(hours=2)
    assert (len(driver.got), states(ledger)) == (MAX_ATTEMPTS, {"m0": "unknown"})
    assert ledger.audit.check() == []


def test_f05_a_channel_never_gets_more_a_second_than_it_takes(ledger):
    release(ledger, frame=messages(60))
    driver, clock = Scripted({f"m{n}": [("sent", None)] for n in range(60)}), Clock()
    times = []

    def deliver(batch, *, at):
        times.extend([clock.seconds] * len(batch))
        return [Receipt(each.message_id, "sent", at) for each in batch]

    driver.deliver = deliver
    counts = dispatch(ledger, {"email": driver}, at=AT, channel="email", runtime=clock.runtime(), rate_per_second=10)
    assert counts.sent == 60
    assert max(sum(start <= each < start + 0.999 for each in times) for start in times) <= 10
    assert times[-1] == pytest.approx(60 / 10, abs=0.5)


def test_two_dispatchers_share_a_channels_pace(ledger):
    waits = [ledger.health.reserve("email", 5, rate=10, now=AT) for _ in range(3)]
    assert waits == [0.0, 0.5, 1.0]
    ahead = ledger.health.reserve("email", 1, rate=10, now=AT + timedelta(hours=1))
    assert ahead == 0.0
    assert ledger.health.reserve("email", 1, rate=10, now=AT) == 0.0  # the clock that ran ahead stops nobody
