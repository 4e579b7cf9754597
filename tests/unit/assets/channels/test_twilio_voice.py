"""Requests and answers as on Twilio's "Call resource" page (docs/voice/api/call-resource).

The TwiML is that of its ConversationRelay page (docs/voice/twiml/connect/conversationrelay).
"""

import json
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from pydantic import SecretStr

from assets.channels.contract import Unsendable, reason_of
from assets.channels.twilio_voice import TwilioVoiceDriver, twiml
from ml.configuration.drivers import TwilioVoiceSettings
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.stated import TWILIO
from tests.unit.assets.channels.support import AT, CONTENTS, sendable

CREATED = {"sid": "CA" + "1" * 32, "status": "queued", "direction": "outbound-api", "to": "+12025550143"}
AGENT = "wss://agent.shop.example/voice"


def _one(server, *, stated=None, **changes):
    settings = TwilioVoiceSettings(driver="twilio_voice", base_url=server.url, **TWILIO | (stated or {}))
    (receipt,) = TwilioVoiceDriver(settings, token=SecretStr("t")).deliver([sendable("voice", **changes)], at=AT)
    return receipt


def test_a_call_is_posted_with_its_instructions():
    with provider() as server:
        server.answer = lambda _: Reply(201, CREATED)
        receipt = _one(server, stated={"agent_url": AGENT, "status_callback": "https://hooks.shop.example/voice"})
    (request,) = server.requests
    form = request.form
    assert request.path == f"/2010-04-01/Accounts/{TWILIO['account_sid']}/Calls.json"
    assert (form["To"], form["From"], form["Timeout"]) == ("+12025550143", "+15557122661", "30")
    assert form["StatusCallback"] == "https://hooks.shop.example/voice?message_id=m1"
    assert "Url" not in form  # Twilio ignores Twiml beside it
    assert (receipt.status, receipt.provider_id) == ("sent", CREATED["sid"])


def test_the_agent_gets_all_that_a_conversation_needs():
    root = ET.fromstring(twiml(sendable("voice"), agent_url=AGENT))  # noqa: S314 - our own
    assert [child.tag for child in root] == ["Say", "Connect"]
    assert root[0].text == CONTENTS["voice"]["consent_text"]
    relay = root[1][0]
    given = {parameter.get("name"): parameter.get("value") for parameter in relay}
    assert (relay.tag, relay.get("url")) == ("ConversationRelay", AGENT)
    assert given == {
        "message_id": "m1",
        "goal": "Win back",
        "script": "Hello & welcome",
        "consent_text": CONTENTS["voice"]["consent_text"],
        "facts": json.dumps(CONTENTS["voice"]["facts"]),
        "allowed_offers": '["ten_off"]',
    }


def test_without_an_agent_consent_and_script_are_spoken():
    root = ET.fromstring(twiml(sendable("voice"), agent_url=None))  # noqa: S314 - our own
    assert [(child.tag, child.text) for child in root] == [
        ("Say", CONTENTS["voice"]["consent_text"]),
        ("Say", "Hello & welcome"),
    ]


def test_a_script_can_not_say_what_the_phone_does():
    made = twiml(sendable("voice", content={"script": "</Say><Dial>+1900</Dial>\x00"}), agent_url=None)
    assert {child.tag for child in ET.fromstring(made)} == {"Say"}  # noqa: S314 - our own


@pytest.mark.parametrize("missing", ["goal", "script", "consent_text"])
def test_a_call_without_identification_or_script_is_refused(missing):
    """L12: an automated voice says who calls and how to end it."""
    with pytest.raises(Unsendable, match=missing):
        twiml(sendable("voice", content={missing: ""}), agent_url=None)


def test_instructions_longer_than_twilio_takes_are_refused():
    with pytest.raises(Unsendable, match="4000"):
        twiml(sendable("voice", content={"script": "x" * 4_000}), agent_url=None)


def test_a_call_that_would_ring_past_its_window_is_not_placed():
    with provider() as server:
        receipt = _one(server, window=timedelta(seconds=20))
    assert (reason_of(receipt), server.requests) == ("window_closed", [])


def test_a_lost_answer_is_unknown():
    with provider() as server:
        server.answer = lambda _: Reply(fault="drop")
        assert _one(server).status == "unknown"
