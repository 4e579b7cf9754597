"""What the routes share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.hooks import Hook
from assets.channels.receiver.writer import Writer
from assets.ledger.ledger import Ledger


@dataclass(frozen=True)
class Service:
    """The parts of a receiver.

    Attributes:
        ledger: Where everything is kept.
        hooks: The webhooks by name.
        unsubscribe: Made the links, so it knows which are ours; its `base_url` is where we're reached from outside.
        clock: The time, aware UTC.
        writer: Stores what comes in.
        sender: Who sends, for the unsubscribe page.
        signed_clock: What signatures are dated by, where `clock` is a replayed business time.
    """

    ledger: Ledger
    hooks: Mapping[str, Hook]
    unsubscribe: Unsubscribe
    clock: Callable[[], datetime]
    writer: Writer
    sender: str = ""
    signed_clock: Callable[[], datetime] | None = None

    def signed_now(self) -> datetime:
        """The time that a signature's age is measured by."""
        return (self.signed_clock or self.clock)()
