"""Checks who sends a push message: VAPID, RFC 8292 (an ES256 JSON Web Token in ``Authorization``)."""

import base64
import binascii
import json
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

_LONGEST_S: Final = 24 * 3600
_KEPT: Final = 4096


def decoded(text: str) -> bytes:
    """Base64url without padding (RFC 4648).

    Raises:
        ValueError: It is none.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"{len(text)} letters that are no base64url") from error


def encoded(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


class Vapid:
    """Checks tokens for one origin; one that was found right is remembered until it expires.

    Args:
        origin: What ``aud`` must be: scheme, host and port of the push service.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._known: dict[str, tuple[float, str]] = {}

    def checked(self, authorization: str, now: float) -> str:
        """The public key (base64url) of who signed.

        Args:
            authorization: The header: ``vapid t=<token>, k=<key>``.
            now: Seconds of the wall clock since 1970.

        Raises:
            ValueError: The reason why it isn't believed.
        """
        known = self._known.get(authorization)
        if known is not None and known[0] > now:
            return known[1]
        parts = dict(part.strip().split("=", 1) for part in authorization[6:].split(",") if "=" in part)
        if "t" not in parts or "k" not in parts:
            raise ValueError("Authorization needs t= and k= (RFC 8292, section 3)")
        expires = self._verified(parts["t"], parts["k"], now)
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[authorization] = (expires, parts["k"])
        return parts["k"]

    def _verified(self, token: str, key: str, now: float) -> float:
        signed, _, signature = token.rpartition(".")
        header, _, claims = signed.partition(".")
        if _object(header).get("alg") != "ES256":
            raise ValueError("the token must be signed with ES256")
        _verify(key, signed.encode(), decoded(signature))
        told = _object(claims)
        expires = told.get("exp")
        if told.get("aud") != self.origin:
            raise ValueError(f"aud must be {self.origin}")
        if not isinstance(expires, int | float) or not now < expires <= now + _LONGEST_S:
            raise ValueError("exp must lie ahead, by at most 24 hours")
        if not str(told.get("sub", "mailto:")).startswith(("mailto:", "https:")):
            raise ValueError("sub must be a mailto: or https: URI")
        return float(expires)


def _object(part: str) -> dict[str, Any]:
    found = json.loads(decoded(part))
    if not isinstance(found, dict):
        raise ValueError("the token's parts must be JSON objects")  # noqa: TRY004 - a reason to refuse, told to the sender
    return found


def _verify(key: str, signed: bytes, signature: bytes) -> None:
    if len(signature) != 64:
        raise ValueError("an ES256 signature has 64 bytes")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(key))
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        public.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise ValueError("the signature isn't by the key in k=") from error
