"""Posts as the providers sign them, and a receiver to send them to."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.hooks import SCHEMES, Hook
from assets.ledger.ledger import Ledger

BASE = "https://receiver.example"
KEY, OLD_KEY = b"new key of 24 bytes.....", b"old key of 24 bytes....."
SECRET, OLD_SECRET = ("whsec_" + base64.b64encode(key).decode() for key in (KEY, OLD_KEY))
TOKEN = "12345"  # noqa: S105 - of the provider's own test vectors
_PRIVATE = ec.derive_private_key(20260105, ec.SECP256R1())
PUBLIC = base64.b64encode(_PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

HOOKS = {
    "push": Hook("push", "push", SCHEMES["standard"], (SECRET, OLD_SECRET)),
    "sms": Hook("sms", "sms", SCHEMES["twilio"], (TOKEN,)),
    "voice": Hook("voice", "voice", SCHEMES["twilio"], (TOKEN,)),
    "email": Hook("email", "email", SCHEMES["sendgrid"], (PUBLIC,)),
    "direct_mail": Hook("direct_mail", "direct_mail", SCHEMES["lob"], ("lob-secret",)),
}


@dataclass
class Desk:
    """A receiver, its ledger and its clock."""

    ledger: Ledger
    app: FastAPI
    client: httpx.AsyncClient
    clock: list[datetime]
    unsubscribe: Unsubscribe
    runner: asyncio.Runner

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.runner.run(self.client.request(method, path, **more))

    def all(self, *requests: tuple[str, dict[str, Any]]) -> list[httpx.Response]:
        """Posts at the same time."""

        async def together() -> list[httpx.Response]:
            return await asyncio.gather(*(self.client.post(path, **more) for path, more in requests))

        return self.runner.run(together())

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("POST", path, **more)

    def report(self, body: Any, **more: Any) -> httpx.Response:
        """A Standard Webhooks post."""
        return self.post("/webhooks/push", **standard(body, self.clock[0], **more))

    def counts(self, provider: str = "push") -> dict[str, int]:
        self.runner.run(self.app.state.service.writer.settle())
        return {kind: count for kind, count in self.ledger.inbox.counts().get(provider, {}).items() if count}

    def suppressed(self) -> set[tuple[str, str]]:
        return {(row.subject, row.channel) for row in self.ledger.suppressions.frame().itertuples()}


def event(
    event_id: str = "e1", event_type: str = "opened", message_id: str | None = "m0", **more: Any
) -> dict[str, Any]:
    found = {"event_id": event_id, "event_type": event_type, "occurred_at": "2026-01-05T12:59:00Z", "channel": "email"}
    return found | ({"message_id": message_id} if message_id else {}) | more


def standard(
    body: Any, at: datetime, *, webhook_id: str = "msg_1", keys: tuple[bytes, ...] = (KEY,), raw: bytes | None = None
) -> dict[str, Any]:
    """Standard Webhooks: content and headers."""
    content = json.dumps(body).encode() if raw is None else raw
    timestamp = str(int(at.timestamp()))
    signed = f"{webhook_id}.{timestamp}.".encode() + content
    marks = [b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": b" ".join(marks).decode(),
        "content-type": "application/json",
    }
    return {"content": content, "headers": headers}


def twilio(path: str, values: dict[str, str], *, token: str = TOKEN) -> tuple[str, dict[str, Any]]:
    """Twilio's form post to a path with its query: path, and content and headers."""
    signed = BASE + path + "".join(name + values[name] for name in sorted(values))
    mark = base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()
    headers = {"x-twilio-signature": mark, "content-type": "application/x-www-form-urlencoded"}
    return path, {"content": urlencode(values).encode(), "headers": headers}


def twilio_json(path: str, values: Any) -> tuple[str, dict[str, Any]]:
    """Twilio's JSON post."""
    content = json.dumps(values).encode()
    path += ("&" if "?" in path else "?") + "bodySHA256=" + hashlib.sha256(content).hexdigest()
    mark = base64.b64encode(hmac.digest(TOKEN.encode(), (BASE + path).encode(), hashlib.sha1)).decode()
    return path, {"content": content, "headers": {"x-twilio-signature": mark, "content-type": "application/json"}}


def sendgrid(events: Any, at: datetime) -> dict[str, Any]:
    """SendGrid's batch."""
    content, timestamp = json.dumps(events).encode() + b"\r\n", str(int(at.timestamp()))
    mark = base64.b64encode(_PRIVATE.sign(timestamp.encode() + content, ec.ECDSA(SHA256()))).decode()
    prefix = "X-Twilio-Email-Event-Webhook-"
    return {"content": content, "headers": {f"{prefix}Signature": mark, f"{prefix}Timestamp": timestamp}}


def lob(body: Any, at: datetime) -> dict[str, Any]:
    """Lob's event."""
    content, timestamp = json.dumps(body).encode(), str(int(at.timestamp() * 1000))
    mark = hmac.digest(b"lob-secret", timestamp.encode() + b"." + content, hashlib.sha256).hex()
    return {"content": content, "headers": {"Lob-Signature": mark, "Lob-Signature-Timestamp": timestamp}}
