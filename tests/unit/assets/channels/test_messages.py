"""What a channel needs of a message beside what the person sees."""

import json
from pathlib import Path

import pandas as pd
import pytest

from assets.channels.email_message import compose, parse_sender
from assets.channels.messages import Unsubscribe, build_messages
from ml.configuration import read_configuration
from tests.unit.assets.channels.support import AT, RECIPIENTS, message
from tests.unit.assets.channels.test_recipients import PERSON

CONFIG = Path(__file__).resolve().parents[4] / "config"
UNSUBSCRIBE = Unsubscribe("https://shop.example", b"key")


@pytest.fixture(scope="module")
def configuration():
    return read_configuration(CONFIG)


def _built(configuration, channel, creative_id):
    decision = {
        "decision_id": "d-" + "0" * 32,
        "cycle_id": "2026-01-05",
        "customer_id": "k1",
        "objective_id": "reactivate",
        "channel": channel,
        "offer_id": "none",
        "creative_id": creative_id,
        "slot": "morning",
        "send_at": AT,
        "expires_at": AT,
        "contact_cost": 0.0,
    }
    people = pd.DataFrame([PERSON]).drop(columns="visitor_ids")
    (row,) = build_messages(pd.DataFrame([decision]), people, configuration, UNSUBSCRIBE).to_dict("records")
    return row


def test_an_email_carries_its_unsubscribe_link_beside_its_parts(configuration):
    row = _built(configuration, "email", "welcome_email")
    content = json.loads(row["content"])
    assert content["unsubscribe_url"] == UNSUBSCRIBE.url(row["message_id"])
    assert content["unsubscribe_url"] in content["html"]
    sent = message(row["message_id"], recipient=RECIPIENTS["email"], content=content)
    _, raw = compose(sent, sender=parse_sender("news@shop.example"), at=AT, is_live=True)
    assert f"List-Unsubscribe: <{content['unsubscribe_url']}>".encode() in raw


def test_no_other_channel_carries_one(configuration):
    assert "unsubscribe_url" not in json.loads(_built(configuration, "sms", "short_sms")["content"])
