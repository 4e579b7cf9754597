"""Settings of every driver that reaches a server, its secrets, and subscriptions that can be decrypted."""

import json
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CANARY = "canary-hunter2"
AUTH = b"sixteen bytes!!!"
BROWSER = ec.derive_private_key(20260105, ec.SECP256R1())
SECRETS = {
    **dict.fromkeys(("TOKEN", "CLIENT", "CLIENT_SECRET", "REFRESH"), CANARY),
    "VAPID": urlsafe_b64encode(bytes(31) + b"\x07").decode().rstrip("="),
}
TWILIO = {"account_sid": "AC" + "0" * 32, "auth_token_env": "TOKEN", "from_number": "+15557122661"}
GOOGLE_SECRETS = {
    "developer_token_env": "TOKEN",
    "client_id_env": "CLIENT",
    "client_secret_env": "CLIENT_SECRET",
    "refresh_token_env": "REFRESH",
}
RETURN_ADDRESS = {
    "name": "Shop",
    "address_line": "9 Mill Rd",
    "postal_code": "10001",
    "city": "New York",
    "region": "NY",
}


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def subscription(endpoint: str) -> str:
    """A device_token as a browser gives it."""
    public = BROWSER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return json.dumps(
        {"endpoint": endpoint, "expirationTime": None, "keys": {"p256dh": b64(public), "auth": b64(AUTH)}}
    )


def _google(url: str = "", **_: Any) -> dict[str, Any]:
    ids = {"customer_id": "1234567890", "user_list_id": "77"}
    return {"base_url": url, "token_url": f"{url}/token", **ids, **GOOGLE_SECRETS}


STATED: dict[str, Any] = {
    "smtp": lambda port=1, **_: {
        "host": "127.0.0.1",
        "port": port,
        "from": "Shop <news@shop.example>",
        "timeout_s": 5.0,
    },
    "twilio_sms": lambda url="", **_: {"base_url": url, **TWILIO},
    "twilio_voice": lambda url="", **_: {"base_url": url, **TWILIO},
    "web_push": lambda **_: {"vapid_private_key_env": "VAPID", "contact": "mailto:push@shop.example"},
    "lob": lambda url="", **_: {"base_url": url, "api_key_env": "TOKEN", "return_address": RETURN_ADDRESS},
    "meta_audience": lambda url="", **_: {
        "base_url": url,
        "audience_id": "120208749119170125",
        "access_token_env": "TOKEN",
    },
    "google_audience": _google,
}
KEYED_BY: dict[str, Any] = {
    "lob": lambda requests: [
        key for at in (0, 2) for key in sorted(r.headers["idempotency-key"] for r in requests[at : at + 2])
    ],
    "meta_audience": lambda requests: [request.form["session"] for request in requests],
    "google_audience": lambda requests: [r.body for r in requests if r.path.endswith(":addOperations")],
}
