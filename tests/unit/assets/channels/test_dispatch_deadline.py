"""No hand-over begins later than the deadline after its checks (I4), and what a driver never got isn't in doubt."""

from datetime import timedelta

import pytest

from assets.channels.contract import Receipt
from assets.channels.dispatch import DispatchFailed, dispatch
from assets.channels.offer import Offer
from assets.channels.runtime import Runtime
from tests.unit.assets.ledger.support import AT, messages, release, states


class Clock:
    """Time that a test moves, and a hook at each step."""

    def __init__(self, **at_step):
        self.seconds, self.slept, self.at_step, self.steps = 0.0, [], at_step, []

    def runtime(self):
        return Runtime(
            now=lambda: AT + timedelta(seconds=self.seconds),
            elapsed=lambda: self.seconds,
            sleep=self._sleep,
            random=lambda: 0.5,
            step=self._step,
        )

    def _sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += seconds

    def _step(self, name):
        self.steps.append(name)
        hook = self.at_step.get(name.replace(".", "_"))
        if hook:
            hook()


class OneByOne:
    """Sends one message after the other, each taking its time."""

    delivery, key_horizon = "blind", None

    def __init__(self, clock, seconds=0.0):
        self.clock, self.seconds, self.got = clock, seconds, []

    def deliver(self, batch, *, at):
        receipts = []
        for message in batch:
            self.got.append((message.message_id, self.clock.seconds))
            self.clock.seconds += self.seconds
            receipts.append(Receipt(message.message_id, "sent", at))
        return receipts


def _send(ledger, driver, clock, **more):
    return dispatch(ledger, {"email": driver}, at=AT, channel="email", runtime=clock.runtime(), **more)


def test_f03_a_dispatcher_that_slept_between_intent_and_send_asks_again(ledger):
    release(ledger)

    def sleep_once():
        if clock.steps.count("outbox.intended") == 1:
            clock.seconds += 6
            ledger.suppressions.add("c0", reason="complained", source="e1", at=AT)

    clock = Clock(outbox_intended=sleep_once)
    driver = OneByOne(clock)
    counts = _send(ledger, driver, clock)
    assert [message_id for message_id, _ in driver.got] == ["m1", "m2"]
    assert (counts.sent, counts.ended, counts.unknown) == (2, {"suppressed": 1}, 0)
    assert ledger.audit.check() == []


def test_f25_a_stop_in_the_middle_of_a_batch_holds_within_the_deadline(ledger):
    release(ledger, frame=messages(20))
    clock = Clock()
    driver = OneByOne(clock, seconds=1.0)
    driver_deliver = driver.deliver

    def deliver(batch, *, at):
        ledger.halts.stop(by="ann", at=AT)
        return driver_deliver(batch, at=at)

    driver.deliver = deliver
    counts = _send(ledger, driver, clock)
    assert counts.is_halted
    assert max(begun for _, begun in driver.got) < 5
    assert sorted(set(states(ledger).values())) == ["pending", "sent"]
    assert ledger.audit.check() == []


def test_what_was_cut_off_is_neither_counted_as_an_attempt_nor_in_doubt(ledger):
    release(ledger, frame=messages(8))
    clock = Clock()
    driver = OneByOne(clock, seconds=2.0)
    counts = _send(ledger, driver, clock)
    assert (counts.sent, counts.unknown) == (8, 0)
    assert len({message_id for message_id, _ in driver.got}) == len(driver.got) == 8
    assert ledger.audit.check() == []


def test_checks_that_take_longer_than_the_deadline_end_in_an_error_not_in_a_loop(ledger):
    release(ledger)
    clock = Clock(outbox_intended=lambda: setattr(clock, "seconds", clock.seconds + 6))
    with pytest.raises(DispatchFailed, match="between the last checks"):
        _send(ledger, OneByOne(clock), clock)
    assert "sent" not in states(ledger).values()


def test_business_time_goes_on_while_a_dispatch_runs(ledger):
    """F26: a message isn't handed over after its window because the dispatch began within it."""
    soon = AT + timedelta(seconds=10)
    release(ledger, frame=messages(6, expires_at=soon))
    clock = Clock()
    counts = _send(ledger, OneByOne(clock, seconds=4.0), clock, batch_size=1)
    assert counts.sent == 3
    assert counts.ended == {} or set(counts.ended) == {"expired"}


def test_an_offer_knows_what_it_gave():
    fresh = [True, True, False]
    offer = Offer(["a", "b", "c"], lambda: fresh.pop(0))
    assert list(offer) == ["a", "b"]
    assert (list(offer.given), list(offer.kept), len(offer)) == (["a", "b"], ["c"], 3)
    taken = Offer(["a", "b", "c"], lambda: True)
    assert taken[1] == "b"
    assert (list(taken.given), list(taken[0:1]), list(taken.kept)) == (["a", "b"], ["a"], ["c"])
