"""Signatures against the examples that were published with them."""

import hashlib
import hmac

from market.sandbox import signing


def test_twilios_published_example() -> None:
    """github.com/twilio/twilio-python, tests of RequestValidator; twilio.com/docs/usage/webhooks/webhooks-security."""
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signing.twilio("12345", url, form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_standard_webhooks_published_example() -> None:
    """standardwebhooks.com and docs.svix.com, "Verifying webhooks manually"."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    found = signing.standard(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_lobs_scheme() -> None:
    """help.lob.com "Using webhooks": HMAC-SHA256 in hexadecimal over timestamp, a dot and the raw body."""
    expected = hmac.new(b"secret", b'1700000000000.{"id":"evt_1"}', hashlib.sha256).hexdigest()
    assert signing.lob("secret", "1700000000000", b'{"id":"evt_1"}') == expected
