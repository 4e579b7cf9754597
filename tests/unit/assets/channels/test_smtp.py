"""SMTP as RFC 5321 and one-click unsubscribe as RFC 8058 have it, against a real server.

The headers are those of RFC 8058, section 8.1; Feedback-ID is as in Google's "Feedback Loop" page for senders.
"""

import ssl
from email import policy
from email.parser import BytesParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assets.channels.contract import Unsendable, reason_of
from assets.channels.email_message import compose, one_address, parse_sender
from assets.channels.hosts import ForbiddenHostError
from assets.channels.smtp import SmtpDriver
from ml.configuration.drivers import SmtpSettings
from tests.unit.assets.channels.servers import closed_port, mail_server
from tests.unit.assets.channels.support import AT, sendable

LOGIN = {"username_env": "U", "password_env": "P"}
SENDER = parse_sender('"Shop, Inc." <news@shop.example>')


def _driver(port, **more):
    given_here = {"user", "password", "is_live"} & set(more)
    arguments = {name: more.pop(name) for name in given_here}
    stated = {"driver": "smtp", "host": "127.0.0.1", "port": port, "from": "Shop <news@shop.example>", "timeout_s": 5.0}
    return SmtpDriver(SmtpSettings(**stated | {"connections": 2} | more), **arguments)


def _one(driver, **changes):
    (receipt,) = driver.deliver([sendable("email", **changes)], at=AT)
    return receipt


def _parsed(raw):
    return BytesParser(policy=policy.default).parsebytes(raw)


def test_an_email_arrives_with_both_parts_and_one_click_unsubscribe():
    with mail_server() as (mailbox, port):
        assert _one(_driver(port, feedback_id="shop", reply_to="help@shop.example")).status == "sent"
    ((sender, to, raw),) = mailbox.got
    mail = _parsed(raw)
    assert (sender, to) == ("news@shop.example", ["ann@example.com"])
    assert {name: str(mail[name]) for name in mail} == {
        "From": "Shop <news@shop.example>",
        "To": "ann@example.com",
        "Subject": "We miss you",
        "Date": "Mon, 05 Jan 2026 13:00:00 +0000",
        "Message-ID": "<m1@shop.example>",
        "X-Wayfinder-Message-Id": "m1",
        "List-Unsubscribe": "<https://shop.example/unsubscribe/m1/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Reply-To": "help@shop.example",
        "Feedback-ID": "reactivate:winback_email:email:shop",
        "MIME-Version": "1.0",
        "Content-Type": str(mail["Content-Type"]),
    }
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content() == "Hello\r\n.\r\n.out\r\n"
    assert mail.get_body(("html",)).get_content() == "<p>Hello</p>\r\n.\r\n<a href='http://x'>x</a>\r\n"


@given(
    subject=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=300),
    text=st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_whatever_it_says_is_read_back_as_it_was(subject, text):
    _, raw = compose(sendable("email", content={"subject": subject, "text": text}), sender=SENDER, at=AT)
    mail = _parsed(raw)
    assert mail["Subject"] == subject
    assert mail.get_body(("plain",)).get_payload(decode=True).decode() == text.replace("\n", "\r\n") + "\r\n"
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_the_same_message_gives_the_same_bytes():
    first, again = (compose(sendable("email"), sender=SENDER, at=AT) for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "address",
    [
        "a@x.com, b@y.com",
        "a@x.com,b@y.com",
        "a@x.com\r\nRCPT TO:<b@y.com>",
        "Ann <a@x.com>",
        "ä@x.com",
        "a@",
        "",
        "a b@x.com",
        '"a@x.com" b@y.com',
    ],
)
def test_two_addresses_or_none_are_refused_without_being_repeated(address):
    with mail_server() as (mailbox, port):
        receipt = _one(_driver(port), recipient={"email": address})
    assert (receipt.status, reason_of(receipt), mailbox.got) == ("failed", "invalid_recipient", [])
    assert "x.com" not in repr(receipt)


def test_an_international_host_is_written_in_ascii():
    assert one_address("ann@bücher.example") == "ann@xn--bcher-kva.example"


@pytest.mark.parametrize("header", ["subject", "unsubscribe_url"])
def test_a_line_break_starts_no_header_of_its_own(header):
    with pytest.raises(Unsendable, match="invalid_content"):
        compose(sendable("email", content={header: "https://x\r\nBcc: b@y.com"}), sender=SENDER, at=AT)


@pytest.mark.parametrize("missing", ["subject", "html", "text", "unsubscribe_url"])
def test_an_email_lacks_nothing_that_it_must_have(missing):
    with pytest.raises(Unsendable, match=missing):
        compose(sendable("email", content={missing: None}), sender=SENDER, at=AT)


def test_a_live_unsubscribe_link_is_https():
    plain = sendable("email", content={"unsubscribe_url": "http://127.0.0.1/unsubscribe/m1/abc"})
    assert compose(plain, sender=SENDER, at=AT)
    with pytest.raises(Unsendable, match="WAYFINDER_PUBLIC_URL"):
        compose(plain, sender=SENDER, at=AT, is_live=True)


@pytest.mark.parametrize("sender", ["", "a@x.com, b@y.com", "Shop <a@x.com>, b@y.com", "Shop\n<a@x.com>", "Shop"])
def test_a_sender_is_one_address(sender):
    with pytest.raises(ValueError, match=r"channels\.yaml: email\.from"):
        parse_sender(sender)


@pytest.mark.parametrize(
    ("step", "answer", "status", "reason"),
    [
        ("MAIL", "451 4.3.0 try later", "retry", "throttled"),
        ("RCPT", "450 4.2.1 greylisted", "retry", "throttled"),
        ("RCPT", "550 5.1.1 ann@example.com unknown", "failed", "gone"),
        ("RCPT", "553 5.7.1 no", "failed", "refused"),
        ("DATA", "451 4.7.0 busy", "retry", "throttled"),
        ("DATA", "550 5.7.515 unaligned", "failed", "refused"),
    ],
)
def test_a_refusal_is_certain_and_says_nothing_of_the_person(step, answer, status, reason):
    with mail_server() as (mailbox, port):
        driver = _driver(port)
        mailbox.answers = {step: answer}
        receipt = _one(driver)
        mailbox.answers = {}
        assert _one(driver).status == "sent"  # the transaction was ended, the connection still serves
    assert (receipt.status, reason_of(receipt), len(mailbox.got)) == (status, reason, 1)
    assert answer[:3] in receipt.detail
    assert "ann" not in repr(receipt)


@pytest.mark.parametrize(("step", "status"), [("MAIL", "retry"), ("RCPT", "retry"), ("DATA", "unknown")])
def test_a_lost_connection_is_a_retry_before_the_last_line_and_unknown_after_it(step, status):
    with mail_server() as (mailbox, port):
        mailbox.drop = step
        receipt = _one(_driver(port))
    assert receipt.status == status
    assert len(mailbox.got) == (1 if step == "DATA" else 0)


def test_a_kept_connection_that_was_closed_meanwhile_costs_no_attempt():
    with mail_server() as (mailbox, port):
        driver = _driver(port)
        assert _one(driver).status == "sent"
        mailbox.drop = "MAIL"
        assert _one(driver).status == "retry"
        mailbox.drop = None
        assert _one(driver).status == "sent"
        driver._connections[0].sock.close()
        assert _one(driver).status == "sent"


def test_nobody_there_is_a_retry():
    receipt = _one(_driver(closed_port()))
    assert (receipt.status, reason_of(receipt)) == ("retry", "unreachable")


def test_connections_are_kept_and_shared():
    with mail_server() as (mailbox, port):
        driver = _driver(port, connections=3)
        for _ in range(2):
            receipts = driver.deliver([sendable("email", f"m{n}") for n in range(20)], at=AT)
            assert {receipt.message_id: receipt.status for receipt in receipts} == {f"m{n}": "sent" for n in range(20)}
        driver.close()
    assert len(mailbox.got) == 40
    assert 1 < len(mailbox.sessions) <= 3


def test_the_login_is_used_and_a_wrong_one_is_the_operators_to_mend():
    with mail_server("shop", "hunter2") as (mailbox, port):
        login = {**LOGIN, "user": SecretStr("shop")}
        assert _one(_driver(port, **login, password=SecretStr("hunter2"))).status == "sent"
        wrong = _one(_driver(port, **login, password=SecretStr("hunter3")))
    assert (wrong.status, reason_of(wrong), len(mailbox.got)) == ("retry", "unauthorized", 1)
    assert "hunter" not in repr(wrong)


def test_starttls_is_used_beyond_this_machine_and_never_skipped():
    with mail_server() as (mailbox, port):  # offers none
        receipt = _one(_driver(port, security="starttls"))
    assert (receipt.status, mailbox.got) == ("retry", [])
    driver = _driver(25, host="mail.shop.example", is_live=True)
    assert driver._security == "starttls"
    assert ssl.create_default_context().check_hostname


def test_a_password_never_goes_in_the_clear_beyond_this_machine():
    with pytest.raises(ValueError, match="needs starttls or tls"):
        _driver(
            25,
            host="mail.shop.example",
            security="none",
            is_live=True,
            user=SecretStr("u"),
            **LOGIN,
        )


def test_a_workspace_that_is_not_live_reaches_no_other_machine():
    with pytest.raises(ForbiddenHostError, match=r"email\.host is mail\.shop\.example.*WAYFINDER_MODE=live"):
        _driver(25, host="mail.shop.example")
