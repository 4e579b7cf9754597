"""Which messages go again, and when: exponential backoff with jitter, each message by its own count."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from assets.channels.contract import Delivery, Message, Receipt

MAX_ATTEMPTS = 6
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)


def concluded(
    messages: Sequence[Message], receipts: Sequence[Receipt], *, delivery: Delivery, at: datetime
) -> tuple[list[Receipt], set[str]]:
    """Receipts as they count, one a message, and those messages that may go again though their fate is unknown.

    The last attempt's `retry` is a failure: certainly not sent, so nothing is spent. Only a key lets a message go
    again that may have left.

    Args:
        messages: What was handed over.
        receipts: What the channel said.
        delivery: The channel's class.
        at: Business time, for messages without a receipt.
    """
    said = {receipt.message_id: receipt for receipt in receipts}
    final, again = [], set()
    for message in messages:
        receipt = said.get(message.message_id) or Receipt(
            message.message_id, "unknown", at, detail="the channel gave no receipt"
        )
        is_last = message.attempt_count + 1 >= MAX_ATTEMPTS
        final.append(_given_up(receipt) if is_last and receipt.status == "retry" else receipt)
        if receipt.status == "unknown" and delivery == "keyed" and not is_last:
            again.add(message.message_id)
    return final, again


def retry_times(
    messages: Sequence[Message], receipts: Sequence[Receipt], *, now: datetime, random: Callable[[], float]
) -> dict[str, datetime]:
    """From when on each message that isn't done may be claimed again.

    Doubling from a minute on up to an hour, between half and one and a half of it by chance, and never before the
    channel's own word.

    Args:
        messages: What was handed over.
        receipts: One a message.
        now: The clock that leases run by.
        random: A number in [0, 1).
    """
    attempts = {message.message_id: message.attempt_count for message in messages}
    times = {}
    for receipt in receipts:
        if receipt.status in ("retry", "unknown"):
            backoff = min(FIRST_RETRY * (1 << min(attempts[receipt.message_id], 10)), LONGEST_RETRY)
            own = backoff * (0.5 + random())
            times[receipt.message_id] = now + max(own, receipt.retry_after or timedelta())
    return times


def _given_up(receipt: Receipt) -> Receipt:
    reason = f"gave up after {MAX_ATTEMPTS} attempts: {receipt.detail}"
    return Receipt(receipt.message_id, "failed", receipt.at, receipt.provider_id, reason)
