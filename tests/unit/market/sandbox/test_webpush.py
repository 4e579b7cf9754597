"""Web Push as RFC 8030, 8291 and 8292 have it, with pywebpush as the sender."""

import base64
import json
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid
from pywebpush import WebPusher, WebPushException, webpush

from market.sandbox.encryption import opened, public_bytes
from market.sandbox.vapid import decoded
from tests.unit.market.sandbox.conftest import Running

# RFC 8291, appendix A
RECEIVER_KEY = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RECEIVER_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH_SECRET = "BTBZMqHH6r4Tts7J_aSIgg"  # noqa: S105 - of the RFC
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95b"
    "Qpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


@pytest.fixture(scope="module")
def server_key() -> Vapid:
    key = Vapid()
    key.generate_keys()
    return key


def subscription(sandbox: Running, token: str, **query: str) -> dict[str, Any]:
    url = f"{sandbox.http}/_sandbox/subscriptions"
    return dict(sandbox.client.get(url, params={"token": token} | query).json())


def push(sandbox: Running, token: str, payload: dict[str, Any], key: Vapid, **more: Any) -> httpx.Response:
    claims = {"sub": "mailto:push@example.com"}
    return webpush(
        subscription(sandbox, token), json.dumps(payload), vapid_private_key=key, vapid_claims=claims, ttl=60, **more
    )


def headers(sandbox: Running, key: Vapid, **claims: Any) -> dict[str, str]:
    whole = {"aud": sandbox.http, "sub": "mailto:push@example.com", "exp": int(time.time()) + 3600} | claims
    return {"TTL": "60", **key.sign(whole)}


def test_the_rfcs_example_is_opened() -> None:
    key = ec.derive_private_key(int.from_bytes(decoded(RECEIVER_KEY), "big"), ec.SECP256R1())
    assert public_bytes(key) == decoded(RECEIVER_PUBLIC)
    assert opened(decoded(BODY), key, decoded(AUTH_SECRET)) == b"When I grow up, I want to be a watermelon"


@pytest.mark.parametrize("place", [0, 30, 90, -1])
def test_a_changed_byte_is_found(place: int) -> None:
    key = ec.derive_private_key(int.from_bytes(decoded(RECEIVER_KEY), "big"), ec.SECP256R1())
    body = bytearray(decoded(BODY))
    body[place] ^= 1
    with pytest.raises(ValueError, match=r"encrypted for this subscription|Invalid EC key"):
        opened(bytes(body), key, decoded(AUTH_SECRET))


def test_a_message_of_a_real_sender_is_decrypted_and_noted(sandbox: Running, server_key: Vapid) -> None:
    key = sandbox.key()
    answer = push(sandbox, "device-1", {"title": "Ten off", "data": {"message_id": key}}, server_key)
    assert answer.status_code == 201
    assert "/push-message/" in answer.headers["location"]
    assert answer.headers["ttl"] == "60"
    assert len(sandbox.rows("push", key)) == 1


def test_without_vapid_it_is_401_and_with_a_wrong_one_403(sandbox: Running, server_key: Vapid) -> None:
    endpoint = f"{sandbox.http}/push/device-1"
    assert httpx.post(endpoint, headers={"TTL": "60"}).status_code == 401
    wrong = [
        headers(sandbox, server_key, aud="https://elsewhere.example"),
        headers(sandbox, server_key, exp=int(time.time()) - 1),
        headers(sandbox, server_key, exp=int(time.time()) + 25 * 3600),
    ]
    tampered = headers(sandbox, server_key)
    tampered["Authorization"] = tampered["Authorization"].replace("t=", "t=x", 1)
    for given in (*wrong, tampered):
        assert httpx.post(endpoint, headers=given).status_code == 403
    assert httpx.post(endpoint, headers=headers(sandbox, server_key)).status_code == 201  # without a payload


def test_only_the_subscriptions_own_server_may_send(sandbox: Running, server_key: Vapid) -> None:
    public = base64.urlsafe_b64encode(server_key.public_key.public_bytes(*_POINT)).decode().rstrip("=")
    subscription(sandbox, "device-2", application_server_key=public)
    other = Vapid()
    other.generate_keys()
    assert httpx.post(f"{sandbox.http}/push/device-2", headers=headers(sandbox, server_key)).status_code == 201
    assert httpx.post(f"{sandbox.http}/push/device-2", headers=headers(sandbox, other)).status_code == 403


def test_a_message_needs_a_ttl(sandbox: Running, server_key: Vapid) -> None:
    given = headers(sandbox, server_key)
    del given["TTL"]
    assert httpx.post(f"{sandbox.http}/push/device-1", headers=given).status_code == 400


def test_a_payload_for_another_subscription_is_refused(sandbox: Running, server_key: Vapid) -> None:
    body = WebPusher(subscription(sandbox, "device-3")).encode(b"{}", "aes128gcm")["body"]
    given = headers(sandbox, server_key) | {"Content-Encoding": "aes128gcm"}
    assert httpx.post(f"{sandbox.http}/push/device-4", headers=given, content=body).status_code == 400
    assert httpx.post(f"{sandbox.http}/push/device-3", headers=given, content=body).status_code == 201
    assert (
        httpx.post(f"{sandbox.http}/push/device-3", headers=headers(sandbox, server_key), content=body).status_code
        == 400
    )


def test_a_large_payload_is_413(sandbox: Running, server_key: Vapid) -> None:
    given = headers(sandbox, server_key) | {"Content-Encoding": "aes128gcm"}
    assert httpx.post(f"{sandbox.http}/push/device-1", headers=given, content=b"x" * 4097).status_code == 413


def test_an_ended_subscription_is_410_and_one_that_never_was_404(sandbox: Running, server_key: Vapid) -> None:
    url = f"{sandbox.http}/_sandbox/subscriptions"
    sandbox.client.put(url, json={"gone": ["device-5"], "unknown": ["device-6"]})
    for token, status in (("device-5", 410), ("device-6", 404)):
        with pytest.raises(WebPushException) as failed:
            push(sandbox, token, {}, server_key)
        assert failed.value.response is not None
        assert failed.value.response.status_code == status
    sandbox.client.put(url, json={"gone": [], "unknown": []})


def test_a_topic_of_more_than_32_letters_is_refused(sandbox: Running, server_key: Vapid) -> None:
    endpoint = f"{sandbox.http}/push/device-1"
    assert httpx.post(endpoint, headers=headers(sandbox, server_key) | {"Topic": "x" * 33}).status_code == 400
    assert httpx.post(endpoint, headers=headers(sandbox, server_key) | {"Urgency": "now"}).status_code == 400


def _point() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return Encoding.X962, PublicFormat.UncompressedPoint


_POINT = _point()
