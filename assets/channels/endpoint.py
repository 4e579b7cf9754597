"""The `endpoint` driver of the web channel: a message waits in the ledger until its visitor comes by.

Handing over is a write under the message's own id, so the same message again has no second effect.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from assets.channels.contract import Delivery, Message, Receipt
from assets.ledger.web import WebMessages


class EndpointDriver:
    """Puts messages where the decision endpoint finds them.

    Args:
        web: Of the ledger.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = None

    def __init__(self, web: WebMessages) -> None:
        self._web = web

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Make them available; all of them are when this returns."""
        self._web.put(messages, at=at)
        return [Receipt(message.message_id, "sent", at) for message in messages]
