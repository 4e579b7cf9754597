"""Random sequences of plans, levels, approvals, stops, crashes, duplicates and clock jumps against one ledger.

The long run: `WAYFINDER_TEST_PROFILE=long pytest tests/simulation/test_stateful.py` (100,000 steps and more).
"""

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assets.channels.contract import Receipt
from assets.channels.dispatch import DispatchFailed, dispatch
from assets.channels.guards import frequency_guard
from assets.channels.runtime import still
from assets.ledger.errors import BudgetExceeded, PlanRefused
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord
from ml.configuration.policy import FrequencyCap

LONG = os.environ.get("WAYFINDER_TEST_PROFILE") == "long"
STARTS = (
    datetime(2026, 3, 8, 5, tzinfo=UTC),  # the night in which New York's clocks go forward
    datetime(2026, 11, 1, 4, tzinfo=UTC),  # and back
    datetime(2028, 2, 28, 20, tzinfo=UTC),  # the evening before a leap day
)
ZONES = ("America/New_York", "Pacific/Honolulu", "Europe/Berlin")
PEOPLE, CAP, MONEY = 6, 2, 9.0
QUIET_FROM, QUIET_TO = 21, 8
GENERATION = "g-1"
MEMORY = Path("/dev/shm")  # noqa: S108 - ledgers that needn't survive


class Line:
    """A provider that fails as it is told and knows what it took."""

    def __init__(self, delivery):
        self.delivery, self.key_horizon, self.plan, self.accepted = delivery, None, [], Counter()
        self.taken_at = {}

    def deliver(self, batch, *, at):
        receipts = []
        for message in batch:
            fault = self.plan.pop(0) if self.plan else "ok"
            if fault in ("ok", "lost") and not (self.delivery == "keyed" and self.accepted[message.message_id]):
                self.accepted[message.message_id] += 1
                self.taken_at[message.message_id] = at
            if fault == "dead":
                raise ConnectionError
            status = {"ok": "sent", "lost": "unknown", "busy": "retry", "refused": "failed"}[fault]
            receipts.append(Receipt(message.message_id, status, at))
        return receipts


class Operation(RuleBasedStateMachine):
    """One ledger, two channels, six people in three time zones."""

    template = None
    steps = 0

    def __init__(self):
        super().__init__()
        if Operation.template is None:
            Operation.template = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None)) / "t.db"
            made = Ledger(f"sqlite:///{Operation.template}").upgrade()
            with made.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            made.close()
        self.folder = Path(tempfile.mkdtemp(dir=Operation.template.parent))
        shutil.copy(Operation.template, self.folder / "ledger.db")
        self.ledger = Ledger(f"sqlite:///{self.folder / 'ledger.db'}")
        self.lines = {"email": Line("keyed"), "sms": Line("blind")}
        self.number, self.rows, self.barred, self.halted = 0, {}, {}, {}
        self.revoked, self.waiting = {}, []

    def teardown(self):
        problems = self._back_at_work() if self.rows else []
        self.ledger.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert problems == []

    @initialize(start=st.sampled_from(STARTS))
    def begin(self, start):
        self.now = start
        self.ledger.generations.publish(GENERATION, cycle_on=start.date(), path="x", at=start)
        self.ledger.generations.record_gate(GENERATION, "view", is_passed=True, at=start)

    @rule(
        people=st.sets(st.integers(0, PEOPLE - 1), min_size=1),
        channel=st.sampled_from(("email", "sms")),
        window=st.integers(5, 600),
        held=st.booleans(),
        replaces=st.booleans(),
    )
    def plan(self, people, channel, window, held, replaces):
        self.number += 1
        plan_id, day = f"p{self.number}", self.now.date().isoformat()
        record = PlanRecord(plan_id, day, "hash", ["o"], {}, {"generation_id": GENERATION}, self.now)
        self.ledger.plans.propose(record)
        frame = self._frame(plan_id, day, sorted(people), channel, window)
        withdraws = list(self.ledger.outbox.open_messages(self.now.date())["message_id"]) if replaces else []
        if held:
            self.ledger.plans.hold(plan_id, ["look"], at=self.now, expires_at=self.now + timedelta(hours=4))
            self.waiting.append((plan_id, frame, withdraws))
            with pytest.raises(PlanRefused):
                self._release(plan_id, frame, withdraws)
            return
        self._release(plan_id, frame, withdraws)

    @precondition(lambda self: self.waiting)
    @rule(yes=st.booleans())
    def answer_plan(self, yes):
        plan_id, frame, withdraws = self.waiting.pop()
        try:
            if yes:
                self.ledger.plans.approve(plan_id, by="ann", at=self.now, plan_hash="hash")
                self._release(plan_id, frame, withdraws)
            else:
                self.ledger.plans.reject(plan_id, by="ann", at=self.now, why="no")
        except PlanRefused:
            return

    @rule(seconds=st.integers(1, 7200))
    def time_goes_on(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(scope=st.sampled_from(("all", "email", "sms")))
    def stop(self, scope):
        self.ledger.halts.stop(scope, by="ann", at=self.now)
        self.halted[scope] = True

    @rule()
    def resume(self):
        for scope in list(self.halted):
            self.ledger.halts.resume(scope, by="ann", at=self.now)
        self.halted.clear()

    @rule(person=st.integers(0, PEOPLE - 1), twice=st.booleans())
    def unsubscribe(self, person, twice):
        for _ in range(1 + twice):
            self.ledger.suppressions.add(f"c{person}", reason="unsubscribed", source=f"e{person}", at=self.now)
        self.barred[person] = True

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def revoke(self, data):
        plan_id = data.draw(st.sampled_from(sorted({row["plan_id"] for row in self.rows.values()})))
        if self.ledger.plans.get(plan_id).state == "released":
            self.ledger.plans.revoke(plan_id, by="ann", at=self.now, why="wrong")
            self.revoked[plan_id] = True

    @rule(
        channel=st.sampled_from(("email", "sms")),
        faults=st.lists(st.sampled_from(("ok", "ok", "lost", "busy", "refused", "dead")), max_size=6),
        seat=st.sampled_from(("a", "b")),
        skew=st.sampled_from((0, 0, -3600, 3600)),
    )
    def hand_over(self, channel, faults, seat, skew):
        """With faults, from either of two seats; the clock that its leases run by may be an hour off."""
        line, before = self.lines[channel], {name: Counter(each.accepted) for name, each in self.lines.items()}
        line.plan = list(faults)
        runtime = replace(still(self.now), now=lambda: self.now + timedelta(seconds=skew))
        more = {"at": self.now, "channel": channel, "owner": seat, "guards": self._guards(), "runtime": runtime}
        with contextlib.suppress(DispatchFailed):
            dispatch(self.ledger, self.lines, batch_size=3, **more)
        line.plan = []
        new = line.accepted - before[channel]
        assert not (new and (self.halted.keys() & {"all", channel}))
        for message_id in new:
            row = self.rows[message_id]
            assert row["send_at"] <= self.now < row["expires_at"]
            assert row["person"] not in self.barred
            assert row["plan_id"] not in self.revoked
            assert not self._is_quiet(row["person"])

    @rule(channel=st.sampled_from(("email", "sms")), sends=st.booleans())
    def crash(self, channel, sends):
        """A dispatcher dies after its intent, having sent its batch or not."""
        lease = self.ledger.outbox.claim(channel, at=self.now, limit=2, owner="a", lease_s=60)
        checks = [lambda batch, guard=guard: guard(batch, self.now) for guard in self._guards()]
        if not lease.messages:
            return
        intent = self.ledger.outbox.begin_sending(lease, at=self.now, checks=checks)
        if sends and intent.messages:
            self.lines[channel].deliver(intent.messages, at=self.now)

    @precondition(lambda self: any(line.accepted for line in self.lines.values()))
    @rule(kind=st.sampled_from(("opened", "delivered")))
    def events_come_twice(self, kind):
        accepted = sorted(each for line in self.lines.values() for each in line.accepted)
        frame = pd.DataFrame(
            {"event_id": [f"{kind}-{each}" for each in accepted], "event_type": kind, "message_id": accepted}
        ).assign(occurred_at=self.now)
        for _ in range(2):
            self.ledger.outcomes.take_in(frame, received_at=self.now)
        assert self.ledger.outcomes.take_in(frame, received_at=self.now).new == 0

    @invariant()
    def nobody_gets_a_message_twice_or_too_many(self):
        Operation.steps += 1
        accepted = sum((line.accepted for line in self.lines.values()), Counter())
        assert all(count == 1 for count in accepted.values())
        people = Counter(self.rows[message_id]["person"] for message_id in accepted)
        assert all(count <= CAP for count in people.values())
        spent = Counter(self.rows[message_id]["day"] for message_id in accepted)
        assert all(count <= MONEY for count in spent.values())

    def _back_at_work(self):
        """What the audit finds once a dispatcher is there again: while none is, it rightly reports what one left."""
        for channel in self.lines:
            more = {"channel": channel, "owner": "a", "guards": self._guards(), "runtime": still(self.now)}
            dispatch(self.ledger, self.lines, at=self.now, **more)
        self.nobody_gets_a_message_twice_or_too_many()
        return self.ledger.audit.check()

    def _guards(self):
        return [frequency_guard(self.ledger, [FrequencyCap(max=CAP, days=7)]), self._quiet_hours]

    def _release(self, plan_id, frame, withdraws):
        try:
            self.ledger.plans.release(
                plan_id,
                "hash",
                by="autonomous",
                at=self.now,
                messages=frame.drop(columns=["person"]),
                expires_at=self.now + timedelta(hours=12),
                budgets=[BudgetLine("total", MONEY)],
                withdraws=withdraws,
            )
        except BudgetExceeded:
            return
        for row in frame.to_dict("records"):
            self.rows[row["message_id"]] = row | {"plan_id": plan_id, "day": row["cycle_id"]}

    def _frame(self, plan_id, day, people, channel, window):
        return pd.DataFrame(
            {
                "message_id": [f"{plan_id}-{n}" for n in people],
                "decision_id": [f"{plan_id}-{n}" for n in people],
                "cycle_id": day,
                "customer_id": [f"k{n}" for n in people],
                "objective_id": "o",
                "channel": channel,
                "offer_id": "x",
                "creative_id": "y",
                "slot": "any",
                "send_at": self.now,
                "expires_at": self.now + timedelta(minutes=window),
                "cost": 1.0,
                "contact_ids": [[f"c{n}"] for n in people],
                "recipient": [{"email": f"p{n}@example.com"} for n in people],
                "content": [{"text": "Hi"} for _ in people],
                "person": people,
            }
        )

    def _is_quiet(self, person):
        hour = self.now.astimezone(ZoneInfo(ZONES[person % len(ZONES)])).hour
        return hour >= QUIET_FROM or hour < QUIET_TO

    def _quiet_hours(self, batch, at):
        """A guard as the policy's own, by the recipient's clock."""
        quiet = {}
        for message in batch:
            local = at.astimezone(ZoneInfo(ZONES[int(message.customer_id[1:]) % len(ZONES)]))
            if local.hour >= QUIET_FROM or local.hour < QUIET_TO:
                quiet[message.message_id] = "quiet hours"
        return quiet


Operation.TestCase.settings = settings(
    max_examples=2_400 if LONG else 15,
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
)
TestOperation = pytest.mark.slow(Operation.TestCase)


@pytest.mark.skipif(not LONG, reason="the long run alone is that long")
def test_the_long_run_was_long(capsys):
    with capsys.disabled():
        print(f"\n{Operation.steps:,} steps")
    assert Operation.steps >= 100_000
