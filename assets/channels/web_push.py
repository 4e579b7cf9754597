"""Notifications by Web Push: RFC 8030, encrypted by RFC 8291, signed by RFC 8292 (VAPID)."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid, VapidException
from pydantic import SecretStr

from assets.channels.contract import Delivery, Message, Receipt, Unsendable, detail_of
from assets.channels.hosts import ForbiddenHostError, check_url
from assets.channels.http import Api
from assets.channels.lanes import Lanes, hand_over
from ml.configuration.drivers import WebPushSettings

LONGEST_BODY: Final = 4_096
"""What every push service takes (RFC 8030, section 7.2); the encrypted body counts."""

AUTH_BYTES: Final = 16  # RFC 8291, section 3.2
POINT_BYTES: Final = 65  # an uncompressed point of P-256
LONGEST_TTL_S: Final = 28 * 86_400
MOST_SIGNATURES: Final = 100
SIGNATURE_LASTS: Final = timedelta(hours=12)
_GONE: Final = (404, 410)
_TOO_LARGE: Final = 413

Push = tuple[str, dict[str, str], bytes]
"""Endpoint, headers and encrypted body."""


class WebPushDriver:
    """Hands notifications to the push service that each subscription names.

    A `device_token` is a browser's PushSubscription as JSON: endpoint, keys.p256dh and keys.auth. Endpoints come with
    the data, so only hosts of known push services are called. `Topic` lets a second copy replace a first one that
    wasn't shown yet, no more: the class is `blind`.

    Args:
        settings: The channel's part of `channels.yaml`.
        key: The VAPID private key: PEM, or base64url as the usual tools print it.
        is_live: Whether the workspace may send beyond this machine.

    Raises:
        ValueError: The key isn't one. The message doesn't repeat it.
    """

    delivery: Delivery = "blind"
    key_horizon: timedelta | None = None

    def __init__(self, settings: WebPushSettings, *, key: SecretStr, is_live: bool = False) -> None:
        self._settings, self._is_live = settings, is_live
        self._vapid = _vapid(key)
        self._signatures: dict[tuple[str, int], dict[str, str]] = {}
        root = settings.base_url or ""
        if root:
            check_url(root, place="channels.yaml: push.base_url", hosts=settings.hosts, is_live=is_live)
        self._api = Api(root, delivery=self.delivery, timeout_s=settings.timeout_s, connections=settings.connections)
        self._lanes = Lanes(settings.connections)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand a batch over, one request a notification."""

        def send(_: int, message: Message, push: Push) -> Receipt:
            endpoint, headers, body = push
            answer = self._api.send("POST", endpoint, headers=headers, content=body)
            if answer.code in _GONE:
                detail = detail_of("gone", f"the subscription is gone (HTTP {answer.code})")
                answer = replace(answer, status="failed", detail=detail)
            if answer.code == _TOO_LARGE:
                answer = replace(answer, detail=detail_of("invalid_content", "the push service takes less (HTTP 413)"))
            return answer.receipt(message, at, provider_id=answer.headers.get("location"))

        return hand_over(messages, at=at, lanes=self._lanes, prepare=lambda message: self._push(message, at), send=send)

    def _push(self, message: Message, at: datetime) -> Push:
        subscription = parse_subscription(message.recipient.get("device_token"))
        endpoint = subscription["endpoint"]
        try:
            check_url(endpoint, place="its endpoint", hosts=self._settings.hosts, is_live=self._is_live)
        except ForbiddenHostError:
            raise Unsendable("invalid_recipient", "its endpoint isn't at a push service of push.hosts") from None
        left = int((message.expires_at - at).total_seconds())
        if left <= 0:
            raise Unsendable("window_closed", "its window is over")
        body = self._encrypted(subscription, message)
        headers = {
            "TTL": str(min(left, LONGEST_TTL_S)),
            "Topic": topic_of(message.message_id),
            "Urgency": self._settings.urgency,
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            **self._signature(endpoint, at),
        }
        return endpoint, headers, body

    @staticmethod
    def _encrypted(subscription: dict[str, Any], message: Message) -> bytes:
        """The body for the subscription's keys alone, each with a salt and a key of its own (RFC 8291)."""
        content = {name: message.content.get(name) for name in ("title", "body")}
        if not all(isinstance(part, str) and part for part in content.values()):
            raise Unsendable("invalid_content", "it has no title or no body")
        text = json.dumps({**content, "message_id": message.message_id}, ensure_ascii=False).encode()
        try:
            body: bytes = http_ece.encrypt(
                text,
                private_key=ec.generate_private_key(ec.SECP256R1()),
                dh=_decoded(subscription["keys"]["p256dh"], POINT_BYTES),
                auth_secret=_decoded(subscription["keys"]["auth"], AUTH_BYTES),
                version="aes128gcm",
            )
        except (http_ece.ECEException, ValueError):
            raise Unsendable("invalid_recipient", "the subscription's keys aren't valid") from None
        if len(body) > LONGEST_BODY:
            raise Unsendable("invalid_content", f"encrypted it has {len(body)} bytes, at most {LONGEST_BODY} are taken")
        return body

    def _signature(self, endpoint: str, at: datetime) -> dict[str, str]:
        """VAPID's Authorization: for the service's origin, half a day from now on (RFC 8292, section 2)."""
        parts = urlsplit(endpoint)
        origin, until = f"{parts.scheme}://{parts.netloc}", int((at + SIGNATURE_LASTS).timestamp())
        if (origin, until) not in self._signatures:
            if len(self._signatures) >= MOST_SIGNATURES:
                self._signatures.clear()
            claims = {"aud": origin, "sub": self._settings.contact, "exp": until}
            self._signatures[origin, until] = dict(self._vapid.sign(claims))
        return self._signatures[origin, until]


def parse_subscription(token: object) -> dict[str, Any]:
    """A browser's PushSubscription from a `device_token`.

    Raises:
        Unsendable: It's another kind of token, or lacks its endpoint or keys.
    """
    try:
        found = json.loads(token) if isinstance(token, str) else None
    except ValueError:
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    wanted = (found.get("endpoint"), keys.get("p256dh"), keys.get("auth")) if isinstance(keys, dict) and found else ()
    if not wanted or not all(isinstance(part, str) and part for part in wanted):
        raise Unsendable("invalid_recipient", "device_token isn't a Web Push subscription: endpoint, p256dh and auth")
    return {"endpoint": wanted[0], "keys": {"p256dh": wanted[1], "auth": wanted[2]}}


def topic_of(message_id: str) -> str:
    """At most 32 letters of base64url (RFC 8030, section 5.4) that follow from the message."""
    return urlsafe_b64encode(hashlib.sha256(message_id.encode()).digest()).decode()[:32]


def _decoded(text: str, size: int) -> bytes:
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(data) != size:
        raise ValueError(f"{len(data)} bytes instead of {size}")
    return data


def _vapid(key: SecretStr) -> Any:
    text = key.get_secret_value()
    try:
        return Vapid.from_pem(text.encode()) if "-----BEGIN" in text else Vapid.from_string(text)
    except (VapidException, ValueError, TypeError):
        raise ValueError("channels.yaml: push.vapid_private_key_env holds no VAPID private key") from None
