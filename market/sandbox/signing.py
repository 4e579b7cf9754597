"""How providers sign the webhooks that they send.

- Twilio: ``X-Twilio-Signature``, base64 of HMAC-SHA1 over the URL and the sorted form values
  (twilio.com/docs/usage/security).
- Standard Webhooks: ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body`` (standardwebhooks.com, specification
  1.0.0).
- Lob: ``Lob-Signature``, hexadecimal HMAC-SHA256 over ``timestamp.body`` (help.lob.com "Using webhooks").
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "whsec_"


def twilio(token: str, url: str, form: Mapping[str, str]) -> str:
    """The value of ``X-Twilio-Signature``.

    Args:
        token: The account's auth token.
        url: As called, with its query.
        form: The posted values.
    """
    signed = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), signed.encode(), hashlib.sha1)).decode()


def standard(secret: str, identity: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``.

    Args:
        secret: ``whsec_`` and base64 of the key.
        identity: ``webhook-id``.
        timestamp: ``webhook-timestamp``: seconds since 1970.
        body: As sent.
    """
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def lob(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``Lob-Signature``.

    Args:
        secret: The webhook's secret.
        timestamp: ``Lob-Signature-Timestamp``: milliseconds since 1970.
        body: As sent.
    """
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()
