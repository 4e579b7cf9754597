"""Hands over what is released and due: claim, check again, send, record."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from assets.channels.contract import Driver, Message, Receipt
from assets.channels.offer import Offer
from assets.channels.retries import MAX_ATTEMPTS, concluded, retry_times
from assets.channels.runtime import Runtime, still
from assets.ledger import witness as witnesses
from assets.ledger.errors import LedgerError
from assets.ledger.ledger import Ledger
from assets.ledger.outbox import Outbox
from assets.ledger.records import Intent, Lease
from assets.ledger.reputation import SLOW_SHARE
from assets.ledger.witness import Witness

__all__ = ["BATCH_SIZES", "DEADLINE", "MAX_ATTEMPTS", "DispatchCounts", "DispatchFailed", "Guard", "dispatch"]

Guard = Callable[[Sequence[Message], datetime], Mapping[str, str]]
"""A caller's own check at send time.

Messages and business time in, reasons by `message_id` of those that may not go out. It's asked inside the intent's
transaction, so that what it counts holds at the commit: it reads and never writes.
"""

BATCH_SIZES = {"keyed": 1_000, "reconcilable": 20, "blind": 20}
"""What a crash leaves unknown is at most a batch; a keyed channel has nothing to lose."""

FIRST_BATCH = 100
LEASED = 200
"""Messages of a lease at most, where batches are smaller: each batch has its own intent, right before it leaves."""
LEASED_BATCHES = 10
DEADLINE = timedelta(seconds=5)
PACE_S = 0.25
STALE_BATCHES = 5


class DispatchFailed(LedgerError):  # noqa: N818 - a domain noun
    """A channel as a whole failed; what it held is kept by its delivery class."""


@dataclass(frozen=True, slots=True)
class DispatchCounts:
    """What one dispatch of a channel did.

    `ended`: messages that were stopped at the last check, by state (`suppressed`, `expired`, `cancelled`). `spend` in
    currency. `rests_until`: the channel's breaker is open until then. `slowed`: why it was slowed down, where it was.
    """

    channel: str
    sent: int
    failed: int
    unknown: int
    retried: int
    ended: dict[str, int]
    spend: float
    is_halted: bool
    rests_until: datetime | None = None
    slowed: str = ""


def dispatch(
    ledger: Ledger,
    drivers: Mapping[str, Driver],
    *,
    at: datetime,
    channel: str,
    owner: str = "dispatch",
    lease_s: float = 60.0,
    batch_size: int | None = None,
    guards: Sequence[Guard] = (),
    runtime: Runtime | None = None,
    rate_per_second: float | None = None,
    deadline: timedelta = DEADLINE,
    witness: Witness | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> DispatchCounts:
    """Hand over a channel's messages that are due at `at`. Safe to run again, and beside others, at any time.

    Args:
        ledger: The ledger.
        drivers: By channel.
        at: Business time.
        channel: The channel.
        owner: The seat that this runs in: what an earlier run in the same seat left is picked up at once, others'
            when their lease is over.
        lease_s: How long a batch is ours.
        batch_size: Messages at a time; by the driver's delivery class where not given.
        guards: Checks of the caller's own, made with the intent.
        runtime: Clocks, waiting, chance and fault points; where not given, time stands at `at`.
        rate_per_second: Messages a second that the channel takes, over all its dispatchers; no bound where not given.
        deadline: No hand-over begins later than this after its checks: a stop holds within it.
        witness: How far dispatch had come, outside the ledger.
        on_progress: Told the messages handed over so far.

    Raises:
        DispatchFailed: If the driver fails as a whole.
    """
    turn = _Turn(
        ledger=ledger,
        driver=drivers[channel],
        channel=channel,
        owner=owner,
        lease_s=lease_s,
        at=at,
        guards=guards,
        runtime=runtime or still(at),
        rate=rate_per_second,
        deadline=deadline,
        witness=witness,
        batch_size=batch_size,
        on_progress=on_progress,
    )
    turn.runtime.step("dispatch.begin")
    if witness and _is_restored(ledger, witness, drivers, at=at):
        return turn.counts(is_halted=True)
    verdict = ledger.reputation.check(channel, at=at)
    turn.prepare(is_slow=verdict.pace == "slow")
    lease = turn.claim()
    while lease.messages:
        if turn.hand_over(lease):
            return turn.counts(is_halted=True)
        lease = turn.claim()
    slowed = verdict.reason if verdict.pace == "slow" else ""
    return turn.counts(is_halted=lease.is_halted, rests_until=lease.rests_until, slowed=slowed)


class _Handed(NamedTuple):
    """A batch that was offered to a driver, until it is recorded.

    `given` is what the driver got and `kept` what it never got; `final` has a receipt for each that it got, `again`
    those of them that may go again though nobody knows their fate.
    """

    batch: Lease
    given: Sequence[Message]
    kept: Sequence[Message]
    final: Sequence[Receipt]
    again: Collection[str]

    @property
    def is_smooth(self) -> bool:
        """Whether all of it was sent."""
        return not self.kept and all(receipt.status == "sent" for receipt in self.final)


class _Turn:
    """One dispatch of one channel."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        driver: Driver,
        channel: str,
        owner: str,
        lease_s: float,
        at: datetime,
        guards: Sequence[Guard],
        runtime: Runtime,
        rate: float | None,
        deadline: timedelta,
        witness: Witness | None,
        batch_size: int | None,
        on_progress: Callable[[int], None] | None,
    ) -> None:
        self.outbox, self.health, self.driver, self.runtime = ledger.outbox, ledger.health, driver, runtime
        self.channel, self.owner, self.lease_s, self.guards = channel, owner, lease_s, guards
        self.rate, self.deadline, self.witness, self.on_progress = rate, deadline, witness, on_progress
        self.tally: Counter[str] = Counter()
        self.spend = 0.0
        self._at, self._started = at, runtime.elapsed()
        self._most = batch_size or BATCH_SIZES[driver.delivery]
        if rate is not None:
            self._most = max(1, min(self._most, int(rate * PACE_S)))
        self._size = self._most if batch_size else min(self._most, FIRST_BATCH)
        self._left: int | None = None
        self._stale = 0
        # A key has to outlive the deadline: it's used up to so long after it was looked at.
        self._horizon = None if driver.key_horizon is None else driver.key_horizon - deadline

    def business_time(self) -> datetime:
        """Goes on while the dispatch runs; setting a machine's date doesn't move it."""
        return self._at + timedelta(seconds=self.runtime.elapsed() - self._started)

    def prepare(self, *, is_slow: bool) -> None:
        """Pick up what others left, close what is too late."""
        self.outbox.take_over(
            self.channel,
            owner=self.owner,
            delivery=self.driver.delivery,
            at=self._at,
            now=self.runtime.now(),
            key_horizon=self._horizon,
        )
        self.tally["expired"] += self.outbox.expire(self._at, channel=self.channel)
        if is_slow:
            due = self.outbox.due_count(self.channel, at=self._at, now=self.runtime.now())
            self._left = -int(-due * SLOW_SHARE // 1)
        self.runtime.step("dispatch.ready")

    def claim(self) -> Lease:
        """The next messages, when the channel's pace allows it: those of several batches where it has none."""
        size = self._size if self.rate is not None else max(self._size, min(LEASED, LEASED_BATCHES * self._size))
        size = size if self._left is None else min(size, self._left)
        if size <= 0:
            return Lease(self.channel, self.owner, 0, ())
        if self.rate is not None:
            wait = self.health.reserve(self.channel, size, rate=self.rate, now=self.runtime.now())
            if wait > 0:
                self.runtime.sleep(wait)
        lease = self.outbox.claim(
            self.channel,
            at=self.business_time(),
            limit=size,
            owner=self.owner,
            lease_s=self.lease_s,
            now=self.runtime.now(),
        )
        if self._left is not None:
            self._left -= len(lease.messages)
        if lease.messages:
            self.runtime.step("outbox.claimed")
        return lease

    def hand_over(self, lease: Lease) -> bool:
        """Check, send and record a lease, batch by batch. Returns whether the channel is stopped.

        A batch that went through is recorded in the transaction of the next one's intent: a commit a batch is what a
        disk allows. Where one didn't, or the lease takes its time, the rest goes back to be claimed anew.
        """
        begun, rest, handed = self.runtime.elapsed(), lease.messages, None
        while rest:
            batch, rest = replace(lease, messages=rest[: self._size]), rest[self._size :]
            checked = self.runtime.elapsed()
            intent = self._intend(batch, after=handed)
            handed = None
            self.tally.update(intent.ended)
            if intent.is_halted:
                return True
            if intent.messages:
                handed = self._send(batch, intent, checked)
                is_over = not handed.is_smooth or self.runtime.elapsed() - begun > self.deadline.total_seconds()
                rest = () if is_over else rest
                if not rest:
                    self._record(handed)
                self._count_stale(lease, is_stale=not handed.given)
                self._adapt(len(handed.given), self.runtime.elapsed() - checked, is_cut=bool(handed.kept))
        return False

    def _send(self, batch: Lease, intent: Intent, checked: float) -> _Handed:
        """Let the driver have what may leave, while it may."""
        self.runtime.step("outbox.intended")
        offer = Offer(intent.messages, lambda: self._is_fresh(checked))
        receipts = self._deliver(batch, intent, offer) if self._is_fresh(checked) else []
        self.runtime.step("driver.returned")
        final, again = concluded(offer.given, receipts, delivery=self.driver.delivery, at=self.business_time())
        if self.on_progress:
            self.on_progress(self.tally["sent"] + sum(receipt.status == "sent" for receipt in final))
        return _Handed(batch, offer.given, offer.kept, final, again)

    def counts(self, *, is_halted: bool, rests_until: datetime | None = None, slowed: str = "") -> DispatchCounts:
        """What was done so far."""
        tally = self.tally
        ended = {state: tally[state] for state in ("suppressed", "expired", "cancelled") if tally[state]}
        return DispatchCounts(
            self.channel,
            tally["sent"],
            tally["failed"],
            tally["unknown"],
            tally["retry"],
            ended,
            self.spend,
            is_halted,
            rests_until,
            slowed,
        )

    def _intend(self, batch: Lease, *, after: _Handed | None) -> Intent:
        if after is None:
            return self._begin(self.outbox, batch)
        try:
            with self.outbox.together() as outbox:
                outbox.lock_both(after.batch, batch, is_checked=bool(self.guards))
                moved = self._ack(outbox, after)
                intent = self._begin(outbox, batch)
        except Exception:
            self._record(after)  # what was sent was sent, whatever keeps the next batch from beginning
            raise
        self._count(after, moved)
        return intent

    def _begin(self, outbox: Outbox, batch: Lease) -> Intent:
        at = self.business_time()
        checks = [lambda messages, guard=guard: guard(messages, at) for guard in self.guards]
        return outbox.begin_sending(batch, at=at, now=self.runtime.now(), checks=checks, key_horizon=self._horizon)

    def _is_fresh(self, checked: float) -> bool:
        """Whether a hand-over may begin: what was checked has to hold when it does."""
        return 0 <= self.runtime.elapsed() - checked < self.deadline.total_seconds()

    def _deliver(self, lease: Lease, intent: Intent, offer: Offer) -> list[Receipt]:
        if self.witness:
            self.witness.note(intent.number, self.business_time())
        try:
            return self.driver.deliver(offer, at=self.business_time())
        except Exception as error:
            self.runtime.step("driver.failed")
            if offer.kept:
                self.outbox.take_back(lease, [message.message_id for message in offer.kept])
            self.outbox.abandon(
                lease,
                delivery=self.driver.delivery,
                at=self.business_time(),
                now=self.runtime.now(),
                key_horizon=self._horizon,
            )
            raise DispatchFailed(
                f"channel {lease.channel} failed ({type(error).__name__}); its {len(offer)} messages are kept as a "
                f"{self.driver.delivery} channel allows: mend the channel and dispatch again"
            ) from error

    def _record(self, handed: _Handed) -> None:
        """What came of a batch after which its lease is over; what of the lease never began goes back."""
        moved: Counter[str] = Counter()
        with self.outbox.together() as outbox:
            if handed.kept:
                outbox.take_back(handed.batch, [message.message_id for message in handed.kept])
            if handed.given:
                moved = self._ack(outbox, handed)
            outbox.release_back(handed.batch)
        self._count(handed, moved)

    def _ack(self, outbox: Outbox, handed: _Handed) -> Counter[str]:
        now = self.runtime.now()
        return outbox.ack(
            handed.batch,
            handed.final,
            at=self.business_time(),
            now=now,
            delivery=self.driver.delivery,
            retry_at=retry_times(handed.given, handed.final, now=now, random=self.runtime.random),
            again=handed.again,
        )

    def _count(self, handed: _Handed, moved: Counter[str]) -> None:
        """Once it's committed."""
        self.tally.update(moved)
        free = {receipt.message_id for receipt in handed.final if receipt.status in ("failed", "retry")}
        self.spend += sum(message.cost for message in handed.given if message.message_id not in free | {*handed.again})
        self.runtime.step("outbox.acked")

    def _count_stale(self, lease: Lease, *, is_stale: bool) -> None:
        self._stale = self._stale + 1 if is_stale else 0
        if self._stale >= STALE_BATCHES:
            raise DispatchFailed(
                f"channel {lease.channel}: {self._stale} times in a row more than {self.deadline.total_seconds():g} s "
                "went by between the last checks and the hand-over; nothing was sent. See what makes the ledger this "
                "slow, then dispatch again"
            )

    def _adapt(self, given: int, took: float, *, is_cut: bool) -> None:
        """Batches that are through in half the deadline: also a driver that takes all at once keeps to it."""
        bound = self.deadline.total_seconds() / 2
        if is_cut or took > bound:
            self._size = max(1, min(given, int(self._size * bound / max(took, bound))))
        elif took < bound / 2:
            self._size = min(self._most, self._size * 2)


def _is_restored(ledger: Ledger, witness: Witness, drivers: Mapping[str, Driver], *, at: datetime) -> bool:
    """Whether the ledger is a backup that nobody has taken responsibility for.

    Once a person has, what may have left since is never sent again where no key protects it.
    """
    seen = witness.read()
    if not witnesses.is_behind(ledger.engine, seen, at=at) or seen is None:
        return False
    if not witnesses.is_resumed(ledger.engine, seen):
        return True
    reason = "the ledger was restored from a backup; it may have left since"
    for channel, driver in drivers.items():
        if driver.delivery != "keyed" or driver.key_horizon is not None:
            ledger.outbox.doubt(channel, due_by=seen.at, reason=reason, at=at)
    witnesses.catch_up(ledger.engine, seen)
    return False
