"""Requests as in RFC 8030 (TTL, Topic, Urgency), RFC 8291 (aes128gcm) and RFC 8292 (VAPID)."""

import json
from base64 import urlsafe_b64decode
from datetime import timedelta

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from assets.channels.contract import reason_of
from assets.channels.web_push import WebPushDriver, topic_of
from ml.configuration.drivers import WebPushSettings
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.stated import AUTH, BROWSER, SECRETS, subscription
from tests.unit.assets.channels.support import AT, sendable


def _driver(**more):
    stated = {"vapid_private_key_env": "VAPID", "contact": "mailto:push@shop.example"}
    is_live = more.pop("is_live", False)
    return WebPushDriver(
        WebPushSettings(driver="web_push", **stated | more), key=SecretStr(SECRETS["VAPID"]), is_live=is_live
    )


def _one(url, token=None, **changes):
    recipient = {"device_token": subscription(f"{url}/push/abc") if token is None else token}
    (receipt,) = _driver().deliver([sendable("push", recipient=recipient, **changes)], at=AT)
    return receipt


def _decoded(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_notification_is_encrypted_for_the_browser_alone():
    with provider() as server:
        server.answer = lambda _: Reply(201, headers={"Location": f"{server.url}/message/1"})
        receipt = _one(server.url)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/push/abc")
    assert {name: request.headers[name] for name in ("ttl", "urgency", "content-encoding", "topic")} == {
        "ttl": "10800",
        "urgency": "normal",
        "content-encoding": "aes128gcm",
        "topic": topic_of("m1"),
    }
    plain = http_ece.decrypt(request.body, private_key=BROWSER, auth_secret=AUTH, version="aes128gcm")
    assert json.loads(plain) == {"title": "We miss you", "body": "$10 off", "message_id": "m1"}
    assert (receipt.status, receipt.provider_id) == ("sent", f"{server.url}/message/1")


def test_the_signature_is_for_the_services_origin_and_can_be_checked():
    with provider() as server:
        _one(server.url)
    scheme, _, rest = server.requests[0].headers["authorization"].partition(" ")
    parts = dict(part.split("=", 1) for part in rest.split(","))
    signed, _, signature = parts["t"].rpartition(".")
    claims = json.loads(_decoded(signed.split(".")[1]))
    assert scheme == "vapid"
    assert claims == {
        "aud": server.url,
        "sub": "mailto:push@shop.example",
        "exp": int((AT + timedelta(hours=12)).timestamp()),
    }
    raw = _decoded(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(parts["k"]))
    public.verify(der, signed.encode(), ec.ECDSA(SHA256()))


def test_a_topic_fits_and_follows_from_the_message():
    assert topic_of("m1") == topic_of("m1") != topic_of("m2")
    assert len(topic_of("m" * 200)) == 32


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        (Reply(404), "failed", "gone"),
        (Reply(410), "failed", "gone"),
        (Reply(413), "failed", "invalid_content"),
        (Reply(429, headers={"Retry-After": "60"}), "retry", "throttled"),
        (Reply(400), "failed", "refused"),
        (Reply(500), "unknown", "unanswered"),
    ],
)
def test_what_a_push_service_answers(reply, status, reason):
    """L16: a subscription that is gone says so, to be suppressed."""
    with provider() as server:
        server.answer = lambda _: reply
        receipt = _one(server.url)
    assert (receipt.status, reason_of(receipt)) == (status, reason)
    assert receipt.retry_after == (timedelta(minutes=1) if reply.headers else None)


@pytest.mark.parametrize(
    "token", ["fcm-like:APA91b", "", "[]", "{}", '{"endpoint": "https://x"}', '{"endpoint": 1, "keys": {}}']
)
def test_another_kind_of_token_fails_with_its_reason(token):
    receipt = _one("", token)
    assert (receipt.status, receipt.detail) == (
        "failed",
        "invalid_recipient: device_token isn't a Web Push subscription: endpoint, p256dh and auth",
    )


@pytest.mark.parametrize("broken", [{"p256dh": "AAAA"}, {"auth": "AA"}, {"p256dh": "é"}])
def test_keys_that_are_none_fail_the_message_alone(broken):
    with provider() as server:
        token = json.loads(subscription(f"{server.url}/push"))
        token["keys"] |= broken
        receipt = _one(server.url, json.dumps(token))
    assert (receipt.status, reason_of(receipt), server.requests) == ("failed", "invalid_recipient", [])


@pytest.mark.parametrize(
    "endpoint", ["https://169.254.169.254/x", "https://evil.example/x", "http://fcm.googleapis.com/x"]
)
def test_an_endpoint_in_the_data_opens_no_other_host(endpoint):
    """§7, SSRF: endpoints come from browsers, hence from anybody."""
    (receipt,) = _driver(is_live=True).deliver(
        [sendable("push", recipient={"device_token": subscription(endpoint)})], at=AT
    )
    assert (receipt.status, reason_of(receipt)) == ("failed", "invalid_recipient")
    assert "169" not in repr(receipt)


def test_a_body_too_long_for_every_service_is_not_sent():
    with provider() as server:
        receipt = _one(server.url, content={"body": "x" * 4_000})
    assert (reason_of(receipt), server.requests) == ("invalid_content", [])


def test_a_notification_whose_window_is_over_is_not_sent():
    with provider() as server:
        receipt = _one(server.url, window=timedelta(0))
    assert (reason_of(receipt), server.requests) == ("window_closed", [])


@pytest.mark.parametrize(
    "key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----", "AAAA"]
)
def test_a_key_that_is_none_is_named_and_not_repeated(key):
    stated = WebPushSettings(driver="web_push", vapid_private_key_env="V", contact="mailto:push@shop.example")
    with pytest.raises(ValueError, match=r"vapid_private_key_env holds no VAPID") as error:
        WebPushDriver(stated, key=SecretStr(key))
    assert "secret" not in str(error.value)
