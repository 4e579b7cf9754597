"""Checks at the last moment that need more than the message itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from assets.channels.contract import Message
from assets.channels.dispatch import Guard
from assets.ledger.ledger import Ledger
from ml.configuration.policy import FrequencyCap


def frequency_guard(ledger: Ledger, caps: Sequence[FrequencyCap]) -> Guard:
    """Refuses a message that would be one too many for its person, whatever plan let it out.

    When deciding, planned contacts count as well; between then and now another plan may have been approved.

    Args:
        ledger: Knows what left, and what may have.
        caps: The policy's caps.
    """
    longest = timedelta(days=max((cap.days for cap in caps), default=0))

    def refused(messages: Sequence[Message], at: datetime) -> Mapping[str, str]:
        people = [message.customer_id for message in messages]
        own = [message.message_id for message in messages]
        contacts = ledger.outbox.contacts_of(people, at - longest, besides=own) if caps else []
        reasons: dict[str, str] = {}
        for cap in caps:
            after = at - timedelta(days=cap.days)
            counts = Counter(person for person, channel, sent_at in contacts if cap.covers(channel) and sent_at > after)  # type: ignore[arg-type]
            covered = [message for message in messages if cap.covers(message.channel)]  # type: ignore[arg-type]
            # What may have left in an earlier attempt counts before what stands beside it in a batch, whatever their order.
            counts.update(message.customer_id for message in covered if message.attempt_count)
            for message in covered:
                if message.message_id in reasons:
                    continue
                if counts[message.customer_id] - bool(message.attempt_count) >= cap.max:
                    reasons[message.message_id] = f"frequency cap: {cap.max} in {cap.days} days are reached"
                else:
                    counts[message.customer_id] += not message.attempt_count
        return reasons

    return refused
