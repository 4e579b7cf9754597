"""Messages of every channel, as they come out of the ledger."""

import json
from datetime import timedelta

from assets.channels.contract import Message
from tests.unit.assets.ledger.support import AT

__all__ = ["AT", "message"]


def message(
    message_id: str = "m1",
    *,
    channel: str = "email",
    cycle_id: str = "2026-01-05",
    attempt_count: int = 0,
    recipient: dict | None = None,
) -> Message:
    return Message(
        message_id=message_id,
        decision_id=f"d-{message_id}",
        plan_id="p1",
        cycle_id=cycle_id,
        customer_id="k1",
        objective_id="reactivate",
        channel=channel,
        offer_id="ten_off",
        creative_id="winback_email",
        slot="morning",
        send_at=AT,
        expires_at=AT + timedelta(hours=3),
        decided_at=AT,
        cost=0.002,
        attempt_count=attempt_count,
        contact_ids_json='["c1"]',
        recipient_json=json.dumps(recipient or {"email": "ann@example.com", "first_name": "Ann"}),
        content_json=json.dumps({"subject": "Hello\nthere"}),
    )
