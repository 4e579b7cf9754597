"""`wayfinder bill`: what a provider billed for a channel's day, where it's more than the messages were counted at."""

from datetime import date, datetime
from typing import Any

from rich.console import Console

from assets.ledger.bills import Bills
from assets.ledger.errors import LedgerError
from ml.entities import CHANNELS
from orchestration.errors import BadInput
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]


def bill(settings: Settings, channel: str, day: str, total: float, by: str, reference: str, at: datetime) -> Facts:
    """Take note of a bill.

    Raises:
        BadInput: No such channel or day, no amount, or nobody who says so.
    """
    if channel not in CHANNELS:
        raise BadInput(f"{channel!r} is no channel; it is one of {', '.join(CHANNELS)}")
    try:
        on = date.fromisoformat(day)
    except ValueError:
        raise BadInput(f"--date {day!r} is no date; right would be 2026-01-05") from None
    with opened(settings) as engine:
        try:
            return Bills(engine).settle(channel, on, total, by=by, at=at, reference=reference)._asdict()
        except LedgerError as error:
            raise BadInput(str(error)) from None


def show(console: Console, facts: Facts) -> None:
    """In words."""
    console.print(
        f"{facts['channel']}, {facts['day']}: {facts['total']:,.2f} billed, {facts['counted']:,.2f} counted, "
        f"{facts['over']:,.2f} more than was held"
    )
    for closed in facts["closed"]:
        console.print(f"budget {closed} is closed: nothing more is held against it")
