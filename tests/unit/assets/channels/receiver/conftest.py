import asyncio

import httpx
import pytest

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.ledger.records import Receipt
from tests.unit.assets.channels.receiver.support import BASE, HOOKS, Desk
from tests.unit.assets.ledger.support import (
    AT,
    ledger,
    ledger_url,
    messages,
    postgresql_server,
    release,
    sqlite_template,
)

__all__ = ["ledger", "ledger_url", "postgresql_server", "sqlite_template"]


@pytest.fixture
def desk(ledger):
    """A receiver over a ledger from which three e-mails left."""
    release(ledger, frame=messages(3, contact_ids=[["c0", "c0b"], ["c1"], ["c2"]]))
    lease = ledger.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
    ledger.outbox.begin_sending(lease, at=AT)
    receipts = [Receipt(each.message_id, "sent", AT, provider_id=f"P{each.message_id}") for each in lease.messages]
    ledger.outbox.ack(lease, receipts, at=AT)
    clock = [AT]
    unsubscribe = Unsubscribe(BASE, b"k" * 32)
    app = build_receiver(ledger, hooks=HOOKS, unsubscribe=unsubscribe, clock=lambda: clock[0], sender="Shop & Co")
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://receiver"
    )
    with asyncio.Runner() as runner:
        yield Desk(ledger, app, client, clock, unsubscribe, runner)
