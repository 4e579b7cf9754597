"""Outcomes as signed webhooks: by the sandbox itself, and of the sample market's persons."""

import asyncio
import base64
import hashlib
import hmac
import json
import smtplib
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pyarrow.parquet as pq
import pytest

from market.sandbox import signing
from market.sandbox.accounts import Accounts
from market.sandbox.events import Address, Outcome, Post, webhook
from market.sandbox.poster import Disorder, Poster, disorder_of, post_all
from market.sandbox.responder import outcomes_of
from market.words import MarketError
from tests.unit.market.conftest import home, made, outcomes, run  # noqa: F401 - fixtures
from tests.unit.market.sandbox.conftest import Receiver, running

ACCOUNTS = Accounts(7)
AT = datetime(2026, 1, 5, 15, tzinfo=UTC)
CALLBACK = "http://127.0.0.1:9/webhooks/sms?message_id=m1"
ADDRESSES = {
    "email": Address("m1", "email", "Q1", "", "news@example.com", {"email": "jane@example.org"}),
    "sms": Address("m1", "sms", "SM1", CALLBACK, "+15550100000", {"phone": "+14155551212"}),
    "voice": Address("m1", "voice", "CA1", "", "+15550100000", {"phone": "+14155551212"}),
    "direct_mail": Address(
        "m1", "direct_mail", "psc_1", "", "postcard", {"address_line": "1 Main St", "postal_code": "1"}
    ),
    "push": Address("m1", "push", "p1", "", "", {"device_token": "d1"}),
}


def hook(channel: str, kind: str, payload: dict[str, Any] | None = None) -> Post:
    found = webhook(Outcome("e1", kind, AT, payload), ADDRESSES[channel], ACCOUNTS, "http://127.0.0.1:9/")
    assert found is not None
    return found


def test_a_mails_outcome_is_a_standard_webhook() -> None:
    url, headers, body = hook("email", "bounced").signed(ACCOUNTS, AT)
    given = dict(headers)
    key = base64.b64decode(ACCOUNTS.webhook_secret.removeprefix("whsec_"))
    signed = f"e1.{int(AT.timestamp())}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert given["webhook-signature"] == f"v1,{expected}"
    assert (url, given["webhook-id"]) == ("http://127.0.0.1:9/webhooks/email", "e1")
    told = json.loads(body)
    assert (told["type"], told["timestamp"]) == ("email.bounced", "2026-01-05T15:00:00Z")
    assert (told["data"]["message_id"], told["data"]["event_type"]) == ("m1", "bounced")


def test_a_texts_delivery_goes_to_the_requests_own_callback() -> None:
    url, headers, body = hook("sms", "failed").signed(ACCOUNTS, AT)
    form = dict(parse_qsl(body.decode()))
    assert url == CALLBACK
    assert (form["MessageSid"], form["MessageStatus"], form["ErrorCode"]) == ("SM1", "undelivered", "30003")
    assert dict(headers)["x-twilio-signature"] == signing.twilio(ACCOUNTS.twilio_token, CALLBACK, form)


def test_a_reply_is_an_incoming_text_that_knows_no_message() -> None:
    url, _, body = hook("sms", "unsubscribed").signed(ACCOUNTS, AT)
    form = dict(parse_qsl(body.decode()))
    assert url == "http://127.0.0.1:9/webhooks/sms"
    assert (form["From"], form["To"], form["Body"], form["OptOutType"]) == (
        "+14155551212",
        "+15550100000",
        "STOP",
        "STOP",
    )
    assert form["MessageSid"] != "SM1"


def test_an_answered_call_brings_its_turns_signed_by_the_bodys_hash() -> None:
    turns = [{"speaker": "agent", "text": "Hello"}, {"speaker": "customer", "text": "Not now"}]
    url, headers, body = hook("voice", "answered", {"transcript": turns, "duration_s": 12.4}).signed(ACCOUNTS, AT)
    assert url == f"http://127.0.0.1:9/webhooks/voice?bodySHA256={hashlib.sha256(body).hexdigest()}"
    assert dict(headers)["x-twilio-signature"] == signing.twilio(ACCOUNTS.twilio_token, url, {})
    told = json.loads(body)
    assert (told["CallStatus"], told["CallDuration"], told["Transcript"]) == ("completed", "12", turns)


def test_a_postcards_return_is_an_event_of_lob() -> None:
    _, headers, body = hook("direct_mail", "failed").signed(ACCOUNTS, AT)
    told, given = json.loads(body), dict(headers)
    assert given["lob-signature"] == signing.lob(ACCOUNTS.lob_secret, given["lob-signature-timestamp"], body)
    assert told["event_type"]["id"] == "postcard.returned_to_sender"
    assert told["reference_id"] == told["body"]["id"] == "psc_1"


@pytest.mark.parametrize(("channel", "kind"), [("email", "converted"), ("sms", "visited"), ("voice", "unsubscribed")])
def test_what_no_provider_reports_has_no_webhook(channel: str, kind: str) -> None:
    assert webhook(Outcome("e1", kind, AT), ADDRESSES[channel], ACCOUNTS, "http://127.0.0.1:9") is None


def test_answers_follow_from_seed_and_message() -> None:
    assert outcomes_of(7, "email", "m1", AT) == outcomes_of(7, "email", "m1", AT)
    kinds = [outcomes_of(7, "email", f"m{n}", AT)[0].event_type for n in range(2000)]
    assert 10 <= kinds.count("bounced") <= 60  # 1.5 % expected
    calls = [outcomes_of(7, "voice", f"m{n}", AT)[0] for n in range(200)]
    answered = [call for call in calls if call.event_type == "answered"]
    assert all(call.payload and call.payload["transcript"] for call in answered)
    assert 30 < len(answered) < 110


def posts(receiver: Receiver, count: int) -> list[Post]:
    return [Post(f"{receiver.url}/webhooks/email", "standard", f"e{n}", {"n": n}) for n in range(count)]


def numbers(receiver: Receiver) -> list[int]:
    return [json.loads(body)["n"] for _, _, body in receiver.posts]


def test_webhooks_come_twice_and_out_of_order_on_demand(receiver: Receiver) -> None:
    counts = post_all(posts(receiver, 60), ACCOUNTS, disorder=Disorder(twice=0.3, shuffled=0.5), seed=7)
    found = numbers(receiver)
    assert set(found) == set(range(60))
    assert len(found) == counts["posted_200"] > 65
    assert found != sorted(found)


def test_a_webhook_comes_again_until_it_is_taken(receiver: Receiver) -> None:
    receiver.statuses = lambda count: 503 if count <= 2 else 200
    assert post_all(posts(receiver, 1), ACCOUNTS, disorder=Disorder(), seed=7) == {"posted_503": 2, "posted_200": 1}
    assert numbers(receiver) == [0, 0, 0]


def test_a_refused_webhook_does_not_come_again(receiver: Receiver) -> None:
    receiver.statuses = lambda _: 401
    assert post_all(posts(receiver, 1), ACCOUNTS, disorder=Disorder(), seed=7) == {"posted_401": 1}


def test_a_late_webhook_is_late(receiver: Receiver) -> None:
    async def send() -> int:
        poster = Poster(ACCOUNTS, Disorder(late=1.0, late_s=0.4), 7)
        poster.post(posts(receiver, 1)[0])
        await asyncio.sleep(0.1)
        early = len(receiver.posts)
        await poster.drained()
        await poster.close()
        return early

    assert asyncio.run(send()) == 0
    assert len(receiver.posts) == 1


def test_disorder_of_another_form_is_refused() -> None:
    assert disorder_of("twice=0.1,late_s=2") == Disorder(twice=0.1, late_s=2.0)
    with pytest.raises(MarketError, match="write twice="):
        disorder_of("often=1")


def mail_to(address: str, key: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = "news@example.com", address, f"<{key}@example.com>"
    message["Subject"] = "For you"
    message.set_content("Give the code ten_off at checkout.")
    return message


def test_the_sandbox_answers_by_itself(tmp_path: Path, receiver: Receiver) -> None:
    with running(tmp_path, "--answer", receiver.url) as sandbox:
        with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
            for n in range(20):
                client.send_message(mail_to(f"p{n}@example.org", f"message{n}"))
        deadline = time.monotonic() + 20
        while len({json.loads(body)["data"]["message_id"] for _, _, body in list(receiver.posts)}) < 20:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert {path for path, _, _ in receiver.posts} == {"/webhooks/email"}


def send_to_persons(sandbox: Any, contacts: list[dict[str, Any]], receiver: Receiver) -> int:
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        for n, contact in enumerate(contacts):
            if contact["email"]:
                client.send_message(mail_to(contact["email"], f"mail-{n:06d}"))
            if contact["phone"]:
                callback = f"{receiver.url}/webhooks/sms?message_id=text-{n:06d}"
                text = "Ten off with code ten_off. Reply STOP to end."
                sandbox.send_sms(To=contact["phone"], Body=text, StatusCallback=callback)
    return sum(bool(contact["email"]) + bool(contact["phone"]) for contact in contacts)


@pytest.mark.slow
def test_the_markets_persons_answer_what_came_through_the_sandbox(
    home: Path,  # noqa: F811
    tmp_path: Path,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
) -> None:
    contacts = pq.read_table(home / "landing/crm_contacts/history-all.parquet").to_pylist()[:25]
    folder = tmp_path / "sandbox"
    with running(folder, "--mailbag", "--at", "2026-01-05T13:30:00Z") as sandbox:
        sent = send_to_persons(sandbox, contacts, receiver)
    interval = ("--from", "2026-01-05T13:00:00Z", "--to", "2026-01-06T13:00:00Z")
    assert run("answer", "--home", home, *interval, "--sandbox", folder, "--webhooks", receiver.url, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["messages"] + facts["to_nobody"] == sent
    assert facts["to_nobody"] <= 0.05 * sent
    assert facts["webhooks"]["posted_200"] == len(receiver.posts)
    assert "given_up" not in facts["webhooks"]
    by_mail = [json.loads(body)["data"] for path, _, body in receiver.posts if path == "/webhooks/email"]
    mails = [event for event in by_mail if event["event_type"] in {"delivered", "bounced"}]
    assert len({event["message_id"] for event in mails}) > 0.9 * sum(bool(contact["email"]) for contact in contacts)
    left = [json.loads(line) for line in outcomes(home) if line.endswith("}")]
    reported = {event["message_id"] for event in mails}
    assert not [row for row in left if row.get("event_type") == "opened" and row.get("message_id") in reported]
    messages = [pq.read_table(path).to_pylist() for path in (home / "market/messages").glob("*.parquet")]
    assert {row["offer_id"] for rows in messages for row in rows} == {"ten_off"}


@pytest.mark.slow
def test_webhooks_that_nobody_took_wait_for_the_next_answer(
    home: Path,  # noqa: F811
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("market.sandbox.poster._ATTEMPTS", 1)
    contacts = pq.read_table(home / "landing/crm_contacts/history-all.parquet").to_pylist()[:10]
    folder = tmp_path / "sandbox"
    with running(folder, "--mailbag", "--at", "2026-01-05T13:30:00Z") as sandbox:
        send_to_persons(sandbox, contacts, receiver)
    words = ("--home", home, "--sandbox", folder)
    first = ("--from", "2026-01-05T13:00:00Z", "--to", "2026-01-06T13:00:00Z")
    assert run("answer", *words, *first, "--webhooks", "http://127.0.0.1:9") == 2
    then = ("--from", "2026-01-06T13:00:00Z", "--to", "2026-01-06T14:00:00Z")
    assert run("answer", *words, *then, "--webhooks", receiver.url) == 0
    assert {path.partition("?")[0] for path, _, _ in receiver.posts} == {"/webhooks/email", "/webhooks/sms"}
