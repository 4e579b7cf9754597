"""Twilio's signature by the vectors of its own libraries; its callbacks by its documentation.

Samples: twilio.com/docs/usage/webhooks/webhooks-security, /docs/messaging/guides/track-outbound-message-status,
/docs/messaging/guides/webhook-request, /docs/voice/api/call-resource#statuscallback.
"""

import json

import pytest
from sqlalchemy import text

from assets.channels.receiver import twilio as scheme
from assets.channels.receiver.scheme import Post, Refused
from tests.unit.assets.channels.receiver.support import twilio, twilio_json
from tests.unit.assets.ledger.support import AT

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
BODY = b'{"property": "value", "boolean": true}'
HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
STATUS = {
    "AccountSid": "AC1",
    "MessageSid": "SM1",
    "MessageStatus": "delivered",
    "To": "+15005550006",
    "From": "+15005550001",
}


def check(url, body, signature):
    scheme.verify(Post("sms", "sms", {"x-twilio-signature": signature}, body, url), ("12345",), AT)


@pytest.mark.parametrize(
    ("url", "body", "signature"),
    [
        (URL, FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234"), FORM, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL.replace(".com", ".com:1234").replace("https", "http"), FORM, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL, FORM, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), FORM, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (URL, b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="),
        (f"{URL}&bodySHA256={HASH}", BODY, "a9nBmqA0ju/hNViExpshrM61xv4="),
    ],
)
def test_signatures_are_those_of_the_providers_own_libraries(url, body, signature):
    check(url, body, signature)
    for wrong in (signature[:-2] + "A=", ""):
        with pytest.raises(Refused):
            check(url, body, wrong)
    with pytest.raises(Refused):
        check(url, body + b"&x=1", signature)


def outcomes(desk):
    with desk.ledger.engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM outcome")).mappings()
        return {
            (row["event_type"], row["message_id"], row["channel"]): json.loads(row["payload"] or "null") for row in rows
        }


def post(desk, path, values):
    where, more = twilio(path, values)
    return desk.post(where, **more)


def test_a_status_callback_names_our_message_in_its_signed_address(desk):
    answer = post(desk, "/webhooks/sms?message_id=m0", STATUS)
    assert (answer.status_code, answer.text, answer.headers["content-type"][:8]) == (
        200,
        "<Response></Response>",
        "text/xml",
    )
    assert outcomes(desk) == {("delivered", "m0", "sms"): None}
    where, more = twilio("/webhooks/sms?message_id=m0", STATUS)
    assert desk.post(where.replace("m0", "m1"), **more).status_code == 401


def test_a_status_callback_without_it_is_matched_by_the_providers_id(desk):
    post(desk, "/webhooks/sms", STATUS | {"MessageSid": "Pm2", "MessageStatus": "failed", "ErrorCode": "30008"})
    assert outcomes(desk) == {("failed", "m2", "sms"): {"error_code": "30008"}}


def test_stations_on_the_way_say_nothing(desk):
    for status in ("queued", "sending", "sent"):
        assert post(desk, "/webhooks/sms?message_id=m0", STATUS | {"MessageStatus": status}).status_code == 200
    assert outcomes(desk) == {}
    assert desk.counts("sms") == {"ignored": 3}


@pytest.mark.parametrize(("code", "kind"), [("30006", "bounced"), ("21610", "unsubscribed")])
def test_a_number_that_is_gone_or_opted_out_at_the_provider_is_suppressed(desk, code, kind):
    post(desk, "/webhooks/sms?message_id=m1", STATUS | {"MessageStatus": "undelivered", "ErrorCode": code})
    assert [each[0] for each in outcomes(desk)] == [kind]
    assert ("c1", "sms") in desk.suppressed()
    assert len(desk.suppressed()) == 2  # the contact and the number, the latter as a hash
    assert "5005550006" not in desk.ledger.suppressions.frame().to_csv()


INCOMING = {"MessageSid": "SM9", "From": "+12025550142", "To": "+15005550001", "Body": "Stop", "NumMedia": "0"}


def test_legal_13_stop_holds_for_texts_and_calls_to_the_number(desk):
    assert post(desk, "/webhooks/sms", INCOMING).status_code == 200
    assert {channel for _, channel in desk.suppressed()} == {"sms", "voice"}
    assert "2025550142" not in desk.ledger.suppressions.frame().to_csv()


def test_legal_13_the_carriers_own_opt_out_counts_whatever_the_text(desk):
    post(desk, "/webhooks/sms", INCOMING | {"Body": "✋", "OptOutType": "STOP"})
    assert {channel for _, channel in desk.suppressed()} == {"sms", "voice"}


def test_another_text_is_a_reply(desk):
    post(desk, "/webhooks/sms", INCOMING | {"Body": "Do you have it in blue?"})
    assert outcomes(desk) == {("replied", None, "sms"): {"text": "Do you have it in blue?"}}
    assert desk.suppressed() == set()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"CallStatus": "no-answer"}, "no_answer"),
        ({"CallStatus": "busy"}, "no_answer"),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep", "CallDuration": "20"}, "no_answer"),
        ({"CallStatus": "completed", "CallDuration": "42"}, "delivered"),
        ({"CallStatus": "failed"}, "failed"),
    ],
)
def test_a_call_ends_as_its_status_says(desk, values, kind):
    post(desk, "/webhooks/voice?message_id=m0", {"CallSid": "CA1", "To": "+12025550142"} | values)
    assert [each[:2] for each in outcomes(desk)] == [(kind, "m0")]


def test_a_calls_result_brings_the_turns_of_the_conversation(desk):
    turns = [{"speaker": "agent", "text": "Hello"}, {"speaker": "customer", "text": "Too expensive"}]
    result = {"CallSid": "CA1", "CallStatus": "completed", "CallDuration": 42, "Transcript": turns}
    path, more = twilio_json("/webhooks/voice?message_id=m0", result)
    assert desk.post(path, **more).status_code == 200
    assert outcomes(desk) == {("answered", "m0", "voice"): {"duration_s": 42.0, "transcript": turns}}


def test_legal_13_a_revocation_said_in_a_call_counts(desk):
    turns = [{"speaker": "customer", "text": "Please don't call me again."}]
    path, more = twilio_json("/webhooks/voice?message_id=m0", {"CallSid": "CA1", "Transcript": turns})
    desk.post(path, **more)
    assert desk.suppressed() == {("c0", "voice"), ("c0b", "voice")}


@pytest.mark.parametrize("values", [{}, {"MessageSid": "SM1"}, {"MessageSid": "SM1", "Body": "hi"}])
def test_a_signed_post_that_is_none_of_these_goes_to_quarantine(desk, values):
    assert post(desk, "/webhooks/sms", values).status_code == 400
    assert desk.counts("sms") == {"quarantined": 1}


def test_a_call_with_a_broken_transcript_goes_to_quarantine(desk):
    path, more = twilio_json("/webhooks/voice?message_id=m0", {"CallSid": "CA1", "Transcript": [{"speaker": 1}]})
    assert desk.post(path, **more).status_code == 400
