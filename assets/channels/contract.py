"""What every driver of a channel promises."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from assets.ledger.records import Delivery, Message, Receipt

__all__ = ["Delivery", "Driver", "Message", "Receipt"]


class Driver(Protocol):
    """Hands messages of one channel over.

    `delivery` is what the other side makes possible, and decides what happens after a crash or a lost answer:

    - `keyed`: the same `message_id` again has no second effect, within `key_horizon` of its first use (None: for
      ever), so it's redone;
    - `reconcilable`: the other side can be asked what it got;
    - `blind`: nobody can tell, so a message is never tried again by itself.
    """

    @property
    def delivery(self) -> Delivery:
        """The delivery class."""

    @property
    def key_horizon(self) -> timedelta | None:
        """How long the other side remembers a key."""

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand messages over, each with its `message_id` as the idempotency key.

        Args:
            messages: Of this driver's channel, due, checked.
            at: Business time, for the receipts.

        Returns:
            A receipt a message, in any order. A message without one counts as `unknown`.

        Raises:
            Exception: Where the channel as a whole fails. Dispatch then treats all of the batch by the delivery class.
        """
