import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from assets.channels.contract import Receipt
from assets.channels.dispatch import MAX_ATTEMPTS, DispatchFailed, dispatch
from assets.channels.drivers import open_drivers
from assets.channels.file import FileDriver
from assets.ledger.errors import BudgetExceeded
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine
from tests.unit.assets.ledger.support import AT, messages, propose, release, states


class Provider:
    """A channel that answers as it is told, and remembers what it got."""

    key_horizon = None

    def __init__(self, delivery="keyed", answer="sent", fails=0):
        self.delivery, self.answer, self.fails, self.got = delivery, answer, fails, []

    def deliver(self, batch, *, at):
        self.got += [message.message_id for message in batch]
        if self.fails:
            self.fails -= 1
            raise ConnectionError("secret@example.com was on the line")
        return [Receipt(message.message_id, self.answer, at) for message in batch]


def _dispatch(ledger, driver, **more):
    return dispatch(ledger, {"email": driver}, **{"at": AT, "channel": "email"} | more)


def _ids(folder):
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line)["message_id"] for path in files for line in path.read_text().splitlines()]


def test_what_is_released_and_due_is_handed_over_once(ledger, tmp_path):
    release(ledger, frame=messages(25, send_at=[AT] * 20 + [AT + timedelta(hours=1)] * 5))
    drivers = open_drivers({}, outbound=tmp_path / "outbound", ledger=ledger)
    first = dispatch(ledger, drivers, at=AT, channel="email", batch_size=7)
    again = dispatch(ledger, drivers, at=AT, channel="email")
    rest = dispatch(ledger, drivers, at=AT + timedelta(hours=1), channel="email")
    assert (first.sent, again.sent, rest.sent) == (20, 0, 5)
    assert first.spend == pytest.approx(0.04)
    assert sorted(_ids(tmp_path / "outbound" / "email")) == sorted(states(ledger))
    assert ledger.audit.check() == []


def test_nothing_leaves_that_was_only_proposed(ledger, tmp_path):
    propose(ledger)
    assert _dispatch(ledger, FileDriver(tmp_path)).sent == 0


def test_a_message_whose_window_has_passed_is_not_sent_late(ledger):
    release(ledger)
    provider = Provider()
    counts = _dispatch(ledger, provider, at=AT + timedelta(hours=3))
    assert (counts.sent, counts.ended, provider.got) == (0, {"expired": 3}, [])


def test_a_stopped_channel_sends_nothing_and_says_so(ledger):
    release(ledger)
    ledger.halts.stop("email", by="ann", at=AT)
    provider = Provider()
    counts = _dispatch(ledger, provider)
    assert (counts.is_halted, counts.sent, provider.got) == (True, 0, [])


def test_a_stop_in_the_middle_takes_effect_at_the_next_batch(ledger):
    release(ledger, frame=messages(10))
    provider = Provider()
    counts = _dispatch(ledger, provider, batch_size=2, on_progress=lambda _: ledger.halts.stop(by="ann", at=AT))
    assert (counts.is_halted, counts.sent, len(provider.got)) == (True, 2, 2)


def test_the_suppressed_are_left_out_at_the_last_moment(ledger):
    release(ledger)
    ledger.suppressions.add("c1", reason="complained", source="e1", at=AT)
    provider = Provider()
    counts = _dispatch(ledger, provider)
    assert (counts.sent, counts.ended, provider.got) == (2, {"suppressed": 1}, ["m0", "m2"])


def test_a_guards_word_stops_a_message(ledger):
    release(ledger)
    provider = Provider()
    counts = _dispatch(ledger, provider, guards=[lambda _batch, _at: {"m0": "quiet hours"}])
    assert (counts.sent, counts.ended) == (2, {"suppressed": 1})


def test_a_keyed_channel_that_failed_gets_the_same_keys_again(ledger):
    release(ledger)
    provider = Provider(fails=1)
    with pytest.raises(DispatchFailed, match="ConnectionError") as caught:
        _dispatch(ledger, provider)
    assert "secret" not in str(caught.value)
    assert _dispatch(ledger, provider).sent == 3
    assert provider.got == ["m0", "m1", "m2"] * 2
    assert ledger.audit.check() == []


@pytest.mark.parametrize("delivery", ["blind", "reconcilable"])
def test_what_a_blind_channel_may_have_sent_is_unknown_and_never_sent_again(ledger, delivery):
    release(ledger)
    provider = Provider(delivery, fails=1)
    with pytest.raises(DispatchFailed):
        _dispatch(ledger, provider)
    assert _dispatch(ledger, provider).sent == 0
    assert provider.got == ["m0", "m1", "m2"]
    assert set(states(ledger).values()) == {"unknown"}
    assert ledger.audit.check() == []


def test_retries_end(ledger):
    release(ledger, frame=messages(1, expires_at=AT + timedelta(days=9)), expires_at=AT + timedelta(days=9))
    provider = Provider(answer="retry")
    at = AT
    for _ in range(MAX_ATTEMPTS + 2):
        _dispatch(ledger, provider, at=at)
        at += timedelta(hours=2)
    assert len(provider.got) == MAX_ATTEMPTS
    assert states(ledger) == {"m0": "failed"}
    assert ledger.audit.check() == []


def test_what_was_sent_is_recorded_though_the_next_batchs_checks_fail(ledger):
    release(ledger, frame=messages(6))
    provider = Provider("blind")

    def guard(batch, _at):
        if provider.got:
            raise LookupError("the list is gone")
        return {}

    with pytest.raises(LookupError):
        _dispatch(ledger, provider, batch_size=2, guards=[guard])
    assert sorted(states(ledger).values()) == ["pending"] * 4 + ["sent"] * 2
    assert ledger.audit.check() == []


def test_after_a_failure_the_rest_of_a_lease_is_claimed_anew_so_that_an_open_breaker_holds(ledger):
    release(ledger, frame=messages(200))
    provider = Provider("blind", answer="retry")
    counts = _dispatch(ledger, provider, batch_size=20)
    assert counts.rests_until is not None
    assert len(provider.got) <= 100
    assert "leased" not in states(ledger).values()


WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from assets.channels.dispatch import dispatch
from assets.channels.file import FileDriver
from assets.ledger.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
drivers = {"email": FileDriver(Path(sys.argv[2]))}
dispatch(ledger, drivers, at=datetime.fromisoformat(sys.argv[3]), channel="email", batch_size=20)
"""


@pytest.mark.slow
def test_killed_at_any_point_nothing_is_sent_twice_and_nothing_is_lost(ledger, ledger_url, tmp_path):
    """F1, F7, F8: kill -9 anywhere between claim, intent, append and ack."""
    release(ledger, frame=messages(600))
    folder, kills = tmp_path / "outbound", 0
    for attempt in range(40):
        command = [sys.executable, "-c", WORKER, ledger_url, str(folder), AT.isoformat()]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(Path.cwd())})
        assert worker.stdout.readline() == b"ready\n"
        if kills < 5:
            time.sleep(0.02 + 0.03 * (attempt % 5))
            worker.send_signal(signal.SIGKILL)
        worker.wait()
        worker.stdout.close()
        kills += worker.returncode == -signal.SIGKILL
        if worker.returncode == 0:
            break
    assert kills >= 3
    sent = _ids(folder)
    assert len(sent) == len(set(sent)) == 600
    assert set(states(ledger).values()) == {"sent"}
    assert ledger.audit.check() == []


def _release_one(url, number):
    ledger = Ledger(url)
    frame = messages(10, prefix=f"p{number}-", channel="direct_mail", cost=1.0)
    try:
        return release(ledger, f"p{number}", frame, budgets=[BudgetLine("channel:direct_mail", 35.0)]).released
    except BudgetExceeded:
        return 0
    finally:
        ledger.close()


@pytest.mark.slow
def test_processes_that_race_for_a_budget_never_spend_more_than_it(ledger, ledger_url):
    """F13: a read-check-write in place of the conditional update overspends here on PostgreSQL."""
    propose(ledger, "first")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        released = pool.starmap(_release_one, [(ledger_url, number) for number in range(8)])
    (budget,) = [each for each in ledger.budgets.states() if each.scope == "channel:direct_mail"]
    assert sum(released) == budget.held == 30.0
    assert ledger.audit.check() == []


@pytest.mark.slow
def test_two_dispatchers_at_once_send_each_message_once(ledger, ledger_url, tmp_path):
    release(ledger, frame=messages(400))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, ledger_url, str(tmp_path / "out"), AT.isoformat()],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        )
        for _ in range(2)
    ]
    for worker in workers:
        worker.communicate()
    sent = _ids(tmp_path / "out")
    assert len(sent) == len(set(sent)) == 400
    assert set(states(ledger).values()) == {"sent"}
    assert ledger.audit.check() == []
