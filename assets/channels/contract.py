"""What every driver of a channel promises."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import SecretStr

from assets.ledger.records import Delivery, Message, Receipt

__all__ = ["Delivery", "Driver", "Message", "Reason", "Receipt", "Secrets", "Unsendable", "detail_of", "reason_of"]

Secrets = Callable[[str], SecretStr]
"""The secret that the environment variable of that name holds."""

Reason = Literal[
    "gone",  # the address no longer exists: suppress it
    "opted_out",  # the provider knows of an opt-out that we don't: suppress it
    "invalid_recipient",
    "invalid_content",
    "window_closed",
    "refused",
    "throttled",
    "unauthorized",
    "unreachable",
    "unanswered",
]
"""Why a message wasn't simply sent, as the first word of a receipt's `detail`."""


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
            A receipt a message, in any order. A message without one counts as `unknown`. What failed is told by a
            `Reason` and codes, never in the other side's words: those repeat addresses.

        Raises:
            Exception: Where the channel as a whole fails. Dispatch then treats all of the batch by the delivery class.
        """


class Unsendable(ValueError):  # noqa: N818 - a domain noun
    """A message that can't go out as it is, however often it's tried. Says nothing about the person."""

    def __init__(self, reason: Reason, explanation: str):
        self.detail = detail_of(reason, explanation)
        super().__init__(self.detail)


def detail_of(reason: Reason, explanation: str = "") -> str:
    """A receipt's `detail`."""
    return f"{reason}: {explanation}" if explanation else reason


def reason_of(receipt: Receipt) -> str:
    """The first word of a receipt's `detail`: a `Reason` where a driver gave one."""
    return receipt.detail.partition(":")[0]
