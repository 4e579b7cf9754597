"""Requests and answers as twilio.com/docs/messaging/api/message-resource and /docs/voice/api/call-resource show them."""

import httpx
import pytest

from market.sandbox.twilio import segments
from tests.unit.market.sandbox.conftest import Running


def url(sandbox: Running, path: str) -> str:
    return f"{sandbox.http}/twilio/2010-04-01/Accounts/{sandbox.account}/{path}"


def auth(sandbox: Running) -> tuple[str, str]:
    return sandbox.account, sandbox.secret("TWILIO_TOKEN")


def test_the_documents_sample_message_is_created(sandbox: Running) -> None:
    answer = sandbox.send_sms(
        Body="This is the ship that made the Kessel Run in fourteen parsecs?", From="+15017122661", To="+15558675310"
    )
    assert answer.status_code == 201
    message = answer.json()
    assert message["sid"].startswith("SM")
    assert len(message["sid"]) == 34
    assert message["account_sid"] == sandbox.account
    assert (message["status"], message["direction"], message["num_segments"]) == ("queued", "outbound-api", "1")
    assert message["uri"] == f"/2010-04-01/Accounts/{sandbox.account}/Messages/{message['sid']}.json"
    assert message["date_created"].endswith(" +0000")
    assert sandbox.client.get(sandbox.http + "/twilio" + message["uri"], auth=auth(sandbox)).json() == message


def test_the_documents_sample_call_is_created(sandbox: Running) -> None:
    form = {"Url": "http://demo.twilio.com/docs/voice.xml", "To": "+14155551212", "From": "+15017122661"}
    answer = sandbox.client.post(url(sandbox, "Calls.json"), data=form, auth=auth(sandbox))
    assert answer.status_code == 201
    assert answer.json()["sid"].startswith("CA")
    assert answer.json()["status"] == "queued"


def test_the_same_message_twice_is_two_messages_since_there_is_no_key(sandbox: Running) -> None:
    key, before = sandbox.key(), sandbox.counts("sms").get("duplicates", 0)
    sids = {sandbox.send_sms(key).json()["sid"] for _ in range(2)}
    assert len(sids) == 2
    assert [row["provider_id"] in sids for row in sandbox.rows("sms", key)] == [True, True]
    assert sandbox.counts("sms")["duplicates"] == before + 1


def test_what_was_sent_to_a_number_can_be_listed(sandbox: Running) -> None:
    sent = [sandbox.send_sms(To="+14155559876").json()["sid"] for _ in range(3)]
    query = {"To": "+14155559876", "PageSize": "2"}
    listed = sandbox.client.get(url(sandbox, "Messages.json"), params=query, auth=auth(sandbox)).json()
    assert [message["sid"] for message in listed["messages"]] == [sent[2], sent[1]]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "4155551212"}, 21211),
        ({"From": ""}, 21603),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
    ],
)
def test_a_wrong_message_gets_the_documented_code(sandbox: Running, form: dict[str, str], code: int) -> None:
    answer = sandbox.send_sms(**form)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["more_info"] == f"https://www.twilio.com/docs/errors/{code}"


@pytest.mark.parametrize(
    ("form", "code"), [({"To": ""}, 21201), ({"To": "12"}, 21211), ({"From": ""}, 21213), ({"Url": ""}, 21205)]
)
def test_a_wrong_call_gets_the_documented_code(sandbox: Running, form: dict[str, str], code: int) -> None:
    whole = {"Url": "http://demo.twilio.com/docs/voice.xml", "To": "+14155551212", "From": "+15017122661"} | form
    answer = sandbox.client.post(url(sandbox, "Calls.json"), data=whole, auth=auth(sandbox))
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_wrong_password_is_refused_and_nothing_accepted(sandbox: Running) -> None:
    before = sandbox.counts("sms").get("accepted", 0)
    answer = httpx.post(url(sandbox, "Messages.json"), data={"To": "+14155551212"}, auth=(sandbox.account, "wrong"))
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert sandbox.counts("sms").get("accepted", 0) == before


def test_an_account_of_somebody_else_is_not_found(sandbox: Running) -> None:
    other = f"{sandbox.http}/twilio/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    assert sandbox.client.post(other, data={}, auth=auth(sandbox)).json()["code"] == 20404


@pytest.mark.parametrize(
    ("body", "count"), [("x" * 160, 1), ("x" * 161, 2), ("x" * 307, 3), ("ж" * 70, 1), ("ж" * 71, 2)]
)
def test_segments_are_counted_as_documented(body: str, count: int) -> None:
    assert segments(body) == count
