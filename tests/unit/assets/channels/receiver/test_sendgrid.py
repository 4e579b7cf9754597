"""SendGrid's signed event webhook, by its documentation.

Key, payload and signature of the first test: the vector of the provider's own library (sendgrid-python, test_eventwebhook).
Events: twilio.com/docs/sendgrid/for-developers/tracking-events/event.
"""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from assets.channels.receiver import sendgrid as scheme
from assets.channels.receiver.scheme import Post, Refused
from tests.unit.assets.channels.receiver.support import sendgrid
from tests.unit.assets.ledger.support import AT

KEY = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
TIMESTAMP = 1600112502
PAYLOAD = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)


def check(body=PAYLOAD, signature=SIGNATURE, timestamp=TIMESTAMP, late_s=0):
    headers = {scheme.SIGNATURE: signature, scheme.TIMESTAMP: str(timestamp)}
    now = datetime.fromtimestamp(TIMESTAMP + late_s, UTC)
    scheme.verify(Post("email", "email", headers, body, ""), (KEY,), now)


def test_the_providers_own_vector_is_right():
    check()


@pytest.mark.parametrize(
    "wrong",
    [{"body": PAYLOAD[:-2]}, {"signature": "AAAA"}, {"signature": "é"}, {"timestamp": TIMESTAMP + 1}, {"late_s": 301}],
)
def test_anything_else_is_refused(wrong):
    with pytest.raises(Refused):
        check(**wrong)


def sample(kind, number=1, **more):
    return {
        "email": "person1@example.com",
        "timestamp": int(AT.timestamp()) - 60,
        "event": kind,
        "sg_event_id": f"event{number}",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "message_id": "m1",
    } | more


def outcomes(desk):
    with desk.ledger.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM outcome")).mappings()
        return {row["event_id"]: (row["event_type"], row["message_id"], row["matched_by"]) for row in rows}


def test_a_batch_becomes_outcomes_and_what_says_nothing_is_ignored(desk):
    kinds = ["processed", "deferred", "delivered", "open", "click", "group_unsubscribe"]
    batch = [sample(kind, number) for number, kind in enumerate(kinds)] + [sample("open", 9, sg_machine_open=True)]
    assert desk.post("/webhooks/email", **sendgrid(batch, AT)).status_code == 200
    found = {event_id: kind for event_id, (kind, _, _) in outcomes(desk).items()}
    assert found == {
        "sendgrid:event2": "delivered",
        "sendgrid:event3": "opened",
        "sendgrid:event4": "clicked",
        "sendgrid:event5": "unsubscribed",
    }
    assert desk.counts("email") == {"accepted": 4, "ignored": 3}


def test_the_id_that_the_send_was_answered_with_finds_the_message(desk):
    one = sample("open", sg_message_id="Pm2.recvd-1-2-3")
    del one["message_id"]
    desk.post("/webhooks/email", **sendgrid([one], AT))
    assert outcomes(desk) == {"sendgrid:event1": ("opened", "m2", "message")}


@pytest.mark.parametrize(
    ("kind", "more", "count"), [("bounce", {"type": "blocked"}, 0), ("bounce", {"type": "bounce"}, 2)]
)
def test_a_block_is_a_soft_bounce_and_suppresses_nobody(desk, kind, more, count):
    desk.post("/webhooks/email", **sendgrid([sample(kind, **more)], AT))
    assert len(desk.suppressed()) == count


def test_a_complaint_holds_on_all_channels(desk):
    desk.post("/webhooks/email", **sendgrid([sample("spamreport")], AT))
    assert ("c1", "all") in desk.suppressed()


def test_events_of_a_new_kind_go_to_quarantine_and_the_rest_proceeds(desk):
    assert desk.post("/webhooks/email", **sendgrid([sample("wink"), 7, sample("open", 2)], AT)).status_code == 200
    assert desk.counts("email") == {"accepted": 1, "quarantined": 2}


def test_a_body_that_is_no_list_is_broken(desk):
    assert desk.post("/webhooks/email", **sendgrid({"event": "open"}, AT)).status_code == 400
    assert json.dumps(desk.ledger.inbox.quarantine(), default=str).count("list") == 1
