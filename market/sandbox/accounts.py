"""The sandbox's own accounts: user names, passwords and signing secrets, all functions of the seed.

They protect nothing (everything listens on loopback only), they make clients go through the real checks.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

_GROUP_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def derived(seed: int, *names: str) -> bytes:
    """32 bytes that stand for a name under a seed."""
    return hashlib.sha256("/".join((f"sandbox {seed}", *names)).encode()).digest()


@dataclass(frozen=True)
class Accounts:
    """Credentials that the providers ask for, and secrets that they sign with.

    Attributes:
        seed: Everything follows from it.
    """

    seed: int

    def _hex(self, *names: str) -> str:
        return derived(self.seed, *names).hex()

    @property
    def twilio_sid(self) -> str:
        """Account SID: basic authentication's user."""
        return "AC" + self._hex("twilio sid")[:32]

    @property
    def twilio_token(self) -> str:
        """Auth token: basic authentication's password, and the key of ``X-Twilio-Signature``."""
        return self._hex("twilio token")[:32]

    @property
    def lob_key(self) -> str:
        """API key: basic authentication's user."""
        return "test_" + self._hex("lob key")[:35]

    @property
    def lob_secret(self) -> str:
        """Secret of a Lob webhook."""
        return self._hex("lob secret")[:32]

    @property
    def meta_token(self) -> str:
        """Access token of the Graph API."""
        return "EAA" + self._hex("meta")[:40]

    @property
    def google_token(self) -> str:
        """OAuth 2 access token of the Google Ads API."""
        return "ya29." + self._hex("google")[:40]

    @property
    def google_developer_token(self) -> str:
        """Developer token of the Google Ads API."""
        return self._hex("google developer")[:22]

    @property
    def smtp_user(self) -> str:
        """User of SMTP AUTH, where a client uses it."""
        return "sandbox"

    @property
    def smtp_password(self) -> str:
        """Password of SMTP AUTH."""
        return self._hex("smtp")[:24]

    @property
    def webhook_secret(self) -> str:
        """Symmetric secret of Standard Webhooks: ``whsec_`` and base64 of 32 bytes."""
        return "whsec_" + base64.b64encode(derived(self.seed, "webhooks")).decode()

    def push_scalar(self, token: str) -> int:
        """Private key of a push subscription: any token has one, so nothing needs to be stored."""
        return int.from_bytes(derived(self.seed, "push", token), "big") % (_GROUP_ORDER - 1) + 1

    def push_auth(self, token: str) -> bytes:
        """Authentication secret of a push subscription (16 bytes)."""
        return derived(self.seed, "push auth", token)[:16]
