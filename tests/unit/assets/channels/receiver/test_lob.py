"""Lob's webhooks, by help.lob.com/print-and-mail/getting-data-and-results/using-webhooks."""

import pytest
from sqlalchemy import text

from tests.unit.assets.channels.receiver.support import lob
from tests.unit.assets.ledger.support import AT


def sample(kind, **more):
    piece = {"id": "ltr_4868c3b754655f90", "object": "letter", "metadata": {"message_id": "m0"}} | more
    return {
        "id": "evt_d95ff8ffd2b5cfb4",
        "reference_id": piece["id"],
        "date_created": "2026-01-05T12:00:00.000Z",
        "event_type": {"id": kind, "resource": "letters", "object": "event_type"},
        "body": piece,
        "object": "event",
    }


def outcomes(desk):
    with desk.ledger.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM outcome")).mappings()
        return [(row["event_id"], row["event_type"], row["message_id"], row["channel"]) for row in rows]


def test_a_delivered_letter_is_an_outcome_of_our_message(desk):
    assert desk.post("/webhooks/direct_mail", **lob(sample("letter.delivered"), AT)).status_code == 200
    assert outcomes(desk) == [("lob:evt_d95ff8ffd2b5cfb4", "delivered", "m0", "direct_mail")]


def test_a_letter_that_came_back_suppresses_the_address(desk):
    desk.post("/webhooks/direct_mail", **lob(sample("postcard.returned_to_sender", metadata={}, id="Pm1"), AT))
    assert desk.suppressed() == {("c1", "direct_mail")}


def test_stations_on_the_way_say_nothing(desk):
    for kind in ("letter.created", "letter.in_transit", "letter.processed_for_delivery"):
        assert desk.post("/webhooks/direct_mail", **lob(sample(kind), AT)).status_code == 200
    assert desk.counts("direct_mail") == {"ignored": 3}


@pytest.mark.parametrize("header", ["Lob-Signature", "Lob-Signature-Timestamp"])
def test_an_unsigned_event_is_refused(desk, header):
    post = lob(sample("letter.delivered"), AT)
    post["headers"][header] = "0"
    assert desk.post("/webhooks/direct_mail", **post).status_code == 401


@pytest.mark.parametrize("body", [[], {}, {"event_type": {"id": "letter"}}, sample("letter.delivered") | {"id": None}])
def test_an_event_that_is_none_goes_to_quarantine(desk, body):
    assert desk.post("/webhooks/direct_mail", **lob(body, AT)).status_code == 400
