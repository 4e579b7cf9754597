"""Requests and answers as on Twilio's "Message resource" page (docs/sms/api/message-resource).

Errors as in its error dictionary: 21211 and 21610 (docs/api/errors).
"""

from datetime import timedelta

import pytest
from pydantic import SecretStr, ValidationError

from assets.channels.contract import reason_of
from assets.channels.hosts import ForbiddenHostError
from assets.channels.twilio_sms import TwilioSmsDriver
from ml.configuration.drivers import TwilioSmsSettings
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.support import AT, sendable

SID = "AC" + "0" * 32
CREATED = {
    "account_sid": SID,
    "api_version": "2010-04-01",
    "body": "$10 off. Reply STOP to opt out.",
    "direction": "outbound-api",
    "error_code": None,
    "from": "+15557122661",
    "num_segments": "1",
    "price": None,
    "sid": "SM" + "1" * 32,
    "status": "queued",
    "to": "+12025550143",
    "uri": f"/2010-04-01/Accounts/{SID}/Messages/SM{'1' * 32}.json",
}


def _error(code, status=400):
    url = f"https://www.twilio.com/docs/errors/{code}"
    return Reply(status, {"code": code, "message": "+12025550143 is bad", "more_info": url, "status": status})


def _settings(**more):
    return TwilioSmsSettings(
        **{"driver": "twilio_sms", "account_sid": SID, "auth_token_env": "T", "from_number": "+15557122661"} | more
    )


def _driver(server, **more):
    return TwilioSmsDriver(_settings(base_url=server.url, **more), token=SecretStr("hunter2"))


def _one(server, driver=None, **changes):
    (receipt,) = (driver or _driver(server)).deliver([sendable("sms", **changes)], at=AT)
    return receipt


def test_a_text_is_posted_as_a_form_with_basic_authentication():
    with provider() as server:
        server.answer = lambda _: Reply(201, CREATED)
        callback = "https://hooks.shop.example/twilio"
        receipt = _one(server, _driver(server, status_callback=callback))
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"].startswith("Basic ")
    assert request.form == {
        "To": "+12025550143",
        "From": "+15557122661",
        "Body": "$10 off. Reply STOP to opt out.",
        "ValidityPeriod": "10800",
        "StatusCallback": "https://hooks.shop.example/twilio?message_id=m1",
    }
    assert (receipt.status, receipt.provider_id) == ("sent", CREATED["sid"])


def test_a_messaging_service_stands_in_for_a_number():
    with provider() as server:
        service = "MG" + "2" * 32
        _one(server, _driver(server, from_number=None, messaging_service_sid=service))
    assert server.requests[0].form["MessagingServiceSid"] == service
    assert "From" not in server.requests[0].form


@pytest.mark.parametrize(("window", "validity"), [(timedelta(minutes=5), "300"), (timedelta(hours=30), "36000")])
def test_a_text_is_valid_no_longer_than_its_window(window, validity):
    """L10: Twilio may hold a text for ten hours, into the recipient's night."""
    with provider() as server:
        _one(server, window=window)
    assert server.requests[0].form["ValidityPeriod"] == validity


@pytest.mark.parametrize("window", [timedelta(seconds=59), timedelta(0), -timedelta(hours=1)])
def test_a_text_whose_window_is_all_but_over_is_not_sent(window):
    with provider() as server:
        receipt = _one(server, window=window)
    assert (receipt.status, reason_of(receipt), server.requests) == ("failed", "window_closed", [])


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        (_error(21610), "failed", "opted_out"),
        (_error(21211), "failed", "invalid_recipient"),
        (_error(21408, 400), "failed", "refused"),
        (_error(21611), "retry", "throttled"),
        (_error(20429, 429), "retry", "throttled"),
        (_error(20003, 401), "retry", "unauthorized"),
        (Reply(503, headers={"Retry-After": "30"}), "retry", "throttled"),
        (Reply(503), "unknown", "unanswered"),
        (Reply(500), "unknown", "unanswered"),
        (Reply(fault="drop"), "unknown", "unanswered"),
    ],
)
def test_an_error_is_permanent_passing_or_ambiguous(reply, status, reason):
    with provider() as server:
        server.answer = lambda _: reply
        receipt = _one(server)
    assert (receipt.status, reason_of(receipt)) == (status, reason)
    assert "2025550143" not in repr(receipt)
    assert receipt.retry_after == (timedelta(seconds=30) if reply.headers else None)


@pytest.mark.parametrize("phone", ["2025550143", "+1 202 555 0143", "+12025550143,+12025550144", "", None, "+١٢٣٤٥٦٧٨"])
def test_what_is_not_one_number_is_not_texted(phone):
    with provider() as server:
        receipt = _one(server, recipient={"phone": phone})
    assert (receipt.status, reason_of(receipt), server.requests) == ("failed", "invalid_recipient", [])


def test_connections_are_kept():
    with provider() as server:
        driver = _driver(server, connections=3)
        for _ in range(3):
            driver.deliver([sendable("sms", f"m{n}") for n in range(10)], at=AT)
    assert len(server.requests) == 30
    assert len({request.connection for request in server.requests}) <= 3


def test_a_text_is_from_a_number_or_a_service():
    with pytest.raises(ValidationError, match="from_number or messaging_service_sid"):
        _settings(from_number=None)


def test_the_provider_is_reached_in_a_live_workspace_only():
    with pytest.raises(ForbiddenHostError, match="WAYFINDER_MODE=live"):
        TwilioSmsDriver(_settings(), token=SecretStr("t"))
    TwilioSmsDriver(_settings(), token=SecretStr("t"), is_live=True)
