"""A push service: Web Push, RFC 8030, with VAPID (RFC 8292) and message encryption (RFC 8291).

Any token has a subscription of its own, whose keys follow from the seed: ``/push/<token>``. A message is answered with
201 and a ``Location``; 400 without ``TTL``, 401 and 403 without or with wrong VAPID, 404 for an endpoint that never
was, 410 for a subscription that ended, 413 beyond 4,096 bytes.
"""

import json
import re
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from market.sandbox.accounts import Accounts, derived
from market.sandbox.clock import Clock
from market.sandbox.encryption import opened, public_bytes
from market.sandbox.exchange import Accepted, Answer, Request, as_json
from market.sandbox.keys import facts_in, key_in
from market.sandbox.vapid import Vapid, encoded

MOST_BYTES: Final = 4096
_PATH: Final = re.compile(r"/([A-Za-z0-9_.~-]{1,256})")
_TOPIC: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_URGENCIES: Final = frozenset(("very-low", "low", "normal", "high"))


class WebPush:
    """Accepts push messages for any token.

    Args:
        accounts: The keys follow from its seed.
        origin: Scheme, host and port that the endpoints have.

    Attributes:
        gone: Tokens whose subscription ended.
        unknown: Tokens that never had one.
    """

    def __init__(self, accounts: Accounts, origin: str) -> None:
        self._accounts = accounts
        self._origin = origin
        self._vapid = Vapid(origin)
        self._bound: dict[str, str] = {}
        self._made = 0
        self.gone: set[str] = set()
        self.unknown: set[str] = set()

    def subscription(self, token: str, server_key: str = "") -> dict[str, Any]:
        """What a browser hands to the shop (``PushSubscription.toJSON``).

        Args:
            token: Of the shop's choosing, such as a device token.
            server_key: ``applicationServerKey`` (base64url): only its owner may send then.
        """
        if server_key:
            self._bound[token] = server_key.rstrip("=")
        keys = {"p256dh": encoded(public_bytes(self._key(token))), "auth": encoded(self._accounts.push_auth(token))}
        return {"endpoint": f"{self._origin}/push/{token}", "expirationTime": None, "keys": keys}

    def _key(self, token: str) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self._accounts.push_scalar(token), ec.SECP256R1())

    def channel_of(self, request: Request) -> str:
        """Every message is ``push``."""
        return "push" if request.method == "POST" and _PATH.fullmatch(request.path) else ""

    def handle(self, request: Request) -> Answer:
        """Takes a message for a subscription."""
        found = _PATH.fullmatch(request.path)
        if found is None or found[1] in self.unknown:
            return _error(404, "No such subscription")
        token = found[1]
        if request.method != "POST":
            return _error(405, "Push messages are sent with POST")
        if token in self.gone:
            return _error(410, "The subscription has ended")
        return self._unauthorized(token, request) or _wrong(request) or self._accepted(token, request)

    def throttled(self, retry_after_s: int) -> Answer:
        """RFC 8030, section 8.4."""
        return _error(429, "Too many push messages", (("retry-after", str(retry_after_s)),))

    def broken(self, status: int) -> Answer:
        """The push service fails."""
        return _error(status, "The push service has failed")

    def _unauthorized(self, token: str, request: Request) -> Answer | None:
        authorization = request.headers.get("authorization", "")
        if not authorization.lower().startswith("vapid "):
            return _error(401, "Authorization with the vapid scheme is required (RFC 8292)")
        try:
            key = self._vapid.checked(authorization, Clock.wall().timestamp())
        except ValueError as error:
            return _error(403, str(error))
        bound = self._bound.get(token)
        return _error(403, "The subscription belongs to another key") if bound not in {None, key.rstrip("=")} else None

    def _accepted(self, token: str, request: Request) -> Answer:
        plain = b""
        if request.body:
            try:
                plain = opened(request.body, self._key(token), self._accounts.push_auth(token))
            except ValueError as error:
                return _error(400, str(error))
        self._made += 1
        made = derived(self._accounts.seed, "push message", str(self._made)).hex()[:32]
        payload = _payload(plain)
        accepted = Accepted(
            channel="push",
            key=key_in(payload) or request.headers.get("topic", "") or made,
            provider_id=made,
            content=plain,
            recipient={"device_token": token},
            facts=facts_in(payload),
            text=plain.decode(errors="replace"),
        )
        headers = (("location", f"{self._origin}/push-message/{made}"), ("ttl", request.headers["ttl"]))
        return Answer(201, b"", headers, (accepted,))


def _payload(plain: bytes) -> dict[str, Any]:
    """Named values of a payload, those of its ``data`` as well."""
    try:
        found = json.loads(plain)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    inner = found.get("data")
    return {**inner, **found} if isinstance(inner, dict) else found


def _wrong(request: Request) -> Answer | None:
    headers = request.headers
    if not headers.get("ttl", "").isdigit():
        return _error(400, "TTL is required: seconds (RFC 8030, section 5.2)")
    if "topic" in headers and not _TOPIC.fullmatch(headers["topic"]):
        return _error(400, "Topic has at most 32 letters of base64url (RFC 8030, section 5.4)")
    if headers.get("urgency", "normal") not in _URGENCIES:
        return _error(400, "Urgency is very-low, low, normal or high (RFC 8030, section 5.3)")
    if len(request.body) > MOST_BYTES:
        return _error(413, "A push message has at most 4096 bytes")
    if request.body and headers.get("content-encoding") != "aes128gcm":
        return _error(400, "Content-Encoding must be aes128gcm (RFC 8291)")
    return None


def _error(status: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return as_json(status, {"code": status, "message": message}, headers=headers)
