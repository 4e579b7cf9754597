"""Mail over real sockets, with smtplib as the sender."""

import json
import smtplib
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from market.__main__ import main
from tests.unit.market.sandbox.conftest import Running, running


def mail(key: str, text: str = "Hello\n.\n..two dots\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <news@example.com>", "jane@example.org", "Grüße"
    message["Message-ID"] = f"<{key}@example.com>"
    message["List-Unsubscribe"] = "<https://example.com/u/1>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(text)
    message.add_alternative("<p>Hello, ten off</p>", subtype="html")
    return message


def newest(sandbox: Running) -> dict[str, Any]:
    return dict(sandbox.client.get(f"{sandbox.http}/_sandbox/mails?limit=1").json()["mails"][0])


def test_a_multipart_mail_is_kept_whole(sandbox: Running) -> None:
    key = sandbox.key()
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        assert client.send_message(mail(key)) == {}
    kept = newest(sandbox)
    headers = dict(kept["headers"])
    assert headers["Subject"] == "Grüße"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (kept["content_type"], kept["defects"]) == ("multipart/alternative", [])
    assert [part["content_type"] for part in kept["parts"]] == ["text/plain", "text/html"]
    assert kept["parts"][0]["content"].splitlines() == ["Hello", ".", "..two dots"]
    assert len(sandbox.rows("email", key)) == 1


@pytest.mark.parametrize("content", ["", ".", "a.\r\n.b", "..", "x" * 5000 + "."])
def test_dots_come_through_whatever_the_content(sandbox: Running, content: str) -> None:
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.sendmail("a@example.com", ["b@example.org"], f"Subject: x\r\n\r\n{content}")
    parts = newest(sandbox)["parts"]
    assert parts[0]["content"].replace("\r\n", "\n").strip("\n") == content.replace("\r\n", "\n")


def test_a_login_is_checked_where_it_is_used(sandbox: Running) -> None:
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.login("sandbox", sandbox.secret("SMTP_PASSWORD"))
        client.send_message(mail(sandbox.key()))
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("sandbox", "wrong")


def test_each_recipient_is_a_delivery(sandbox: Running) -> None:
    key, before = sandbox.key(), sandbox.counts("email").get("accepted", 0)
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.sendmail(
            "a@example.com", ["b@example.org", "c@example.org"], f"Message-ID: <{key}@example.com>\r\n\r\nx"
        )
    assert sandbox.counts("email")["accepted"] == before + 2


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "end"])
@pytest.mark.parametrize(("kind", "digit"), [("temporary", 4), ("permanent", 5)])
def test_a_mail_is_refused_at_the_stage_that_was_asked_for(sandbox: Running, kind: str, digit: int, stage: str) -> None:
    key = sandbox.key()
    sandbox.faults(email={f"{kind}_{stage}": 1.0})
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.ehlo()
        codes = [client.mail("a@example.com")[0]]
        codes += [client.rcpt("b@example.org")[0]] if codes[-1] == 250 else []
        if codes[-1] == 250:
            try:
                codes.append(client.data(f"Message-ID: <{key}@example.com>\r\n\r\nx")[0])
            except smtplib.SMTPDataError as refused:
                codes.append(refused.smtp_code)
        assert codes[-1] // 100 == digit
        assert len(codes) == {"mail": 1, "rcpt": 2, "data": 3, "end": 3}[stage]
        sandbox.client.delete(f"{sandbox.http}/_sandbox/faults")
        client.rset()
        client.sendmail(
            "a@example.com", ["b@example.org"], f"Message-ID: <{key}@example.com>\r\n\r\nx"
        )  # the connection lives
    assert len(sandbox.rows("email", key)) == 1


@pytest.mark.parametrize("fault", ["temporary_connect", "permanent_connect", "temporary_helo", "permanent_helo"])
def test_a_connection_is_refused(sandbox: Running, fault: str) -> None:
    sandbox.faults(email={fault: 1.0})
    with (
        pytest.raises((smtplib.SMTPConnectError, smtplib.SMTPHeloError)) as refused,
        smtplib.SMTP(*sandbox.smtp, timeout=10) as client,
    ):
        client.ehlo_or_helo_if_needed()
    assert refused.value.smtp_code // 100 == {"temporary": 4, "permanent": 5}[fault.partition("_")[0]]


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before", 0), ("drop_after", 1), ("hang", 1)])
def test_a_connection_breaks_off_before_or_after_the_mail_was_accepted(
    sandbox: Running, fault: str, accepted: int
) -> None:
    key = sandbox.key()
    sandbox.faults(email={fault: 1.0}, settings={"hang_s": 0.2})
    client = smtplib.SMTP(*sandbox.smtp, timeout=10)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail(key))
    assert len(sandbox.rows("email", key)) == accepted


def test_an_error_after_accepting_leaves_the_mail_accepted(sandbox: Running) -> None:
    key = sandbox.key()
    sandbox.faults(email={"error_after": 1.0})
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client, pytest.raises(smtplib.SMTPDataError):
        client.send_message(mail(key))
    assert len(sandbox.rows("email", key)) == 1


def test_a_provider_that_sends_twice_is_no_duplicate_of_the_sender(sandbox: Running) -> None:
    key, before = sandbox.key(), sandbox.counts("email")
    sandbox.faults(email={"double": 1.0})
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.send_message(mail(key))
    assert [row["cause"] for row in sandbox.rows("email", key)] == ["request", "fault"]
    after = sandbox.counts("email")
    assert after["doubled_by_provider"] == before.get("doubled_by_provider", 0) + 1
    assert after["duplicates"] == before.get("duplicates", 0)


def test_a_slow_server_takes_its_time(sandbox: Running) -> None:
    sandbox.faults(email={"slow": 1.0}, settings={"slow_s": 0.3})
    began = time.monotonic()
    with smtplib.SMTP(*sandbox.smtp, timeout=10) as client:
        client.send_message(mail(sandbox.key()))
    assert time.monotonic() - began >= 0.3


def test_what_was_accepted_outlives_the_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path) as found, smtplib.SMTP(*found.smtp, timeout=10) as client:
        client.send_message(mail("m1"))
    assert main(["deliveries", "--folder", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["email"] == {
        "accepted": 1, "keys": 1, "duplicates": 0, "doubled_by_provider": 0,
    }  # fmt: skip
    assert main(["deliveries", "--folder", str(tmp_path), "--list", "--channel", "email"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["key"] == "m1"
    assert not {"email", "recipient", "content"} & set(row)  # a hash and no more


def test_a_folder_without_a_log_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deliveries", "--folder", str(tmp_path)]) == 2
    assert "name the folder that the sandbox was started with" in capsys.readouterr().err
