"""Hands over what is released and due: claim, check again, send, record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from assets.channels.contract import Driver, Message, Receipt
from assets.ledger.errors import LedgerError
from assets.ledger.ledger import Ledger
from assets.ledger.records import Lease

Guard = Callable[[Sequence[Message], datetime], Mapping[str, str]]
"""A caller's own check at send time.

Messages and business time in, reasons by `message_id` of those that may not go out.
"""

BATCH_SIZES = {"keyed": 1_000, "reconcilable": 20, "blind": 20}
"""What a crash leaves unknown is at most a batch; a keyed channel has nothing to lose."""

MAX_ATTEMPTS = 6
FIRST_RETRY = timedelta(minutes=1)


class DispatchFailed(LedgerError):  # noqa: N818 - a domain noun
    """A channel as a whole failed; what it held is kept by its delivery class."""


@dataclass(frozen=True, slots=True)
class DispatchCounts:
    """What one dispatch of a channel did.

    `ended`: messages that were stopped at the last check, by state (`suppressed`, `expired`, `cancelled`). `spend` in
    currency.
    """

    channel: str
    sent: int
    failed: int
    unknown: int
    retried: int
    ended: dict[str, int]
    spend: float
    is_halted: bool


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
    clock: Callable[[], datetime] | None = None,
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
        guards: Checks of the caller's own, made between claim and send.
        clock: What leases run by; business time where not given.
        on_progress: Told the messages handed over so far.

    Raises:
        DispatchFailed: If the driver fails as a whole.
    """
    driver = drivers[channel]
    now = clock or (lambda: at)
    limit = batch_size or BATCH_SIZES[driver.delivery]
    ledger.outbox.take_over(
        channel, owner=owner, delivery=driver.delivery, at=at, now=now(), key_horizon=driver.key_horizon
    )
    tally: Counter[str] = Counter()
    tally["expired"] += ledger.outbox.expire(at, channel=channel)
    spend, is_halted = 0.0, False
    while not is_halted:
        lease = ledger.outbox.claim(channel, at=at, limit=limit, owner=owner, lease_s=lease_s, now=now())
        if not lease.messages:
            is_halted = lease.is_halted
            break
        refused = {message_id: reason for guard in guards for message_id, reason in guard(lease.messages, at).items()}
        intent = ledger.outbox.begin_sending(lease, at=at, now=now(), refused=refused)
        tally.update(intent.ended)
        is_halted = intent.is_halted
        if intent.messages:
            receipts = _deliver(ledger, driver, lease, intent.messages, at=at)
            ledger.outbox.ack(lease, receipts, at=at, retry_at=_retry_at(lease, now()))
            tally.update(receipt.status for receipt in receipts)
            tally["unknown"] += len(intent.messages) - len(receipts)
            spend += _spend(intent.messages, receipts)
            if on_progress:
                on_progress(tally["sent"])
    ended = {state: tally[state] for state in ("suppressed", "expired", "cancelled") if tally[state]}
    return DispatchCounts(
        channel, tally["sent"], tally["failed"], tally["unknown"], tally["retry"], ended, spend, is_halted
    )


def _deliver(
    ledger: Ledger, driver: Driver, lease: Lease, messages: Sequence[Message], *, at: datetime
) -> list[Receipt]:
    try:
        receipts = driver.deliver(messages, at=at)
    except Exception as error:
        ledger.outbox.take_over(
            lease.channel, owner=lease.owner, delivery=driver.delivery, at=at, key_horizon=driver.key_horizon
        )
        raise DispatchFailed(
            f"channel {lease.channel} failed ({type(error).__name__}); its {len(messages)} messages are kept as a "
            f"{driver.delivery} channel allows: mend the channel and dispatch again"
        ) from error
    attempts = {message.message_id: message.attempt_count for message in messages}
    return [_give_up(receipt) if attempts[receipt.message_id] + 1 >= MAX_ATTEMPTS else receipt for receipt in receipts]


def _give_up(receipt: Receipt) -> Receipt:
    """The last attempt's `retry` is a failure: certainly not sent, so nothing is spent."""
    if receipt.status != "retry":
        return receipt
    return Receipt(
        receipt.message_id,
        "failed",
        receipt.at,
        receipt.provider_id,
        f"gave up after {MAX_ATTEMPTS} attempts: {receipt.detail}",
    )


def _retry_at(lease: Lease, now: datetime) -> datetime:
    """Doubling from a minute on, by the most tried message of the batch."""
    most = max(message.attempt_count for message in lease.messages)
    return now + FIRST_RETRY * (1 << most)


def _spend(messages: Sequence[Message], receipts: Sequence[Receipt]) -> float:
    """What left, or may have, costs."""
    kept = {receipt.message_id for receipt in receipts if receipt.status in ("failed", "retry")}
    return sum(message.cost for message in messages if message.message_id not in kept)
