"""Hands over what is released and due: claim, check again, send, record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assets.channels.contract import Driver, Message, Receipt
from assets.channels.offer import Offer
from assets.channels.retries import MAX_ATTEMPTS, concluded, retry_times
from assets.channels.runtime import Runtime, still
from assets.ledger import witness as witnesses
from assets.ledger.errors import LedgerError
from assets.ledger.ledger import Ledger
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
    )
    turn.runtime.step("dispatch.begin")
    if witness and _is_restored(ledger, witness, drivers, at=at):
        return turn.counts(is_halted=True)
    verdict = ledger.reputation.check(channel, at=at)
    turn.prepare(is_slow=verdict.pace == "slow")
    lease = turn.claim()
    while lease.messages:
        is_halted = turn.hand_over(lease)
        if on_progress:
            on_progress(turn.tally["sent"])
        if is_halted:
            return turn.counts(is_halted=True)
        lease = turn.claim()
    slowed = verdict.reason if verdict.pace == "slow" else ""
    return turn.counts(is_halted=lease.is_halted, rests_until=lease.rests_until, slowed=slowed)


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
    ) -> None:
        self.outbox, self.health, self.driver, self.runtime = ledger.outbox, ledger.health, driver, runtime
        self.channel, self.owner, self.lease_s, self.guards = channel, owner, lease_s, guards
        self.rate, self.deadline, self.witness = rate, deadline, witness
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
        """The next batch, when the channel's pace allows it."""
        size = self._size if self._left is None else min(self._size, self._left)
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
        """Check, send and record one batch. Returns whether the channel is stopped."""
        checked = self.runtime.elapsed()
        intent = self._intend(lease)
        self.tally.update(intent.ended)
        if intent.messages:
            self.runtime.step("outbox.intended")
            offer = Offer(intent.messages, lambda: self._is_fresh(checked))
            receipts = self._deliver(lease, offer) if self._is_fresh(checked) else []
            self.runtime.step("driver.returned")
            if offer.kept:
                self.outbox.take_back(lease, [message.message_id for message in offer.kept])
            if offer.given:
                self._record(lease, offer.given, receipts)
                self.runtime.step("outbox.acked")
            self._count_stale(lease, is_stale=not offer.given)
            self._adapt(len(offer.given), self.runtime.elapsed() - checked, is_cut=bool(offer.kept))
        return intent.is_halted

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

    def _intend(self, lease: Lease) -> Intent:
        at = self.business_time()
        checks = [lambda messages, guard=guard: guard(messages, at) for guard in self.guards]
        return self.outbox.begin_sending(lease, at=at, now=self.runtime.now(), checks=checks, key_horizon=self._horizon)

    def _is_fresh(self, checked: float) -> bool:
        """Whether a hand-over may begin: what was checked has to hold when it does."""
        return 0 <= self.runtime.elapsed() - checked < self.deadline.total_seconds()

    def _deliver(self, lease: Lease, offer: Offer) -> list[Receipt]:
        if self.witness:
            self.witness.note(lease.epoch, self.business_time())
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

    def _record(self, lease: Lease, given: Sequence[Message], receipts: Sequence[Receipt]) -> None:
        final, again = concluded(given, receipts, delivery=self.driver.delivery, at=self.business_time())
        moved = self.outbox.ack(
            lease,
            final,
            at=self.business_time(),
            now=self.runtime.now(),
            delivery=self.driver.delivery,
            retry_at=retry_times(given, final, now=self.runtime.now(), random=self.runtime.random),
            again=again,
        )
        self.tally.update(moved)
        free = {receipt.message_id for receipt in final if receipt.status in ("failed", "retry")} | again
        self.spend += sum(message.cost for message in given if message.message_id not in free)

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
