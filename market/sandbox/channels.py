"""The ``channels.yaml`` that points an operator's drivers at the sandbox, and the environment that it names."""

from typing import Any, Final

from market.sandbox.accounts import Accounts, derived
from market.sandbox.vapid import encoded

_NUMBER: Final = "+15550100000"
_AUDIENCE: Final = "120330000000001"
_CUSTOMER: Final = "1234567890"
_USER_LIST: Final = "987654321"


def environment_of(accounts: Accounts) -> dict[str, str]:
    """Values of the environment variables that the snippet names."""
    return {
        "SANDBOX_SMTP_USER": accounts.smtp_user,
        "SANDBOX_SMTP_PASSWORD": accounts.smtp_password,
        "SANDBOX_TWILIO_TOKEN": accounts.twilio_token,
        "SANDBOX_LOB_KEY": accounts.lob_key,
        "SANDBOX_LOB_SECRET": accounts.lob_secret,
        "SANDBOX_META_TOKEN": accounts.meta_token,
        "SANDBOX_GOOGLE_DEVELOPER_TOKEN": accounts.google_developer_token,
        "SANDBOX_GOOGLE_CLIENT_ID": "sandbox.apps.googleusercontent.com",
        "SANDBOX_GOOGLE_CLIENT_SECRET": "sandbox",
        "SANDBOX_GOOGLE_REFRESH_TOKEN": "1//sandbox",
        "SANDBOX_WEBHOOK_SECRET": accounts.webhook_secret,
        "SANDBOX_VAPID_KEY": encoded(derived(accounts.seed, "vapid")),
    }


def channels_snippet(accounts: Accounts, origin: str, port_smtp: int, receiver: str) -> dict[str, Any]:
    """The channels, as in ``channels.yaml``.

    Args:
        accounts: Of the sandbox.
        origin: Its HTTP address.
        port_smtp: Its SMTP port.
        receiver: Base URL of the receiver, where callbacks go; the sandbox itself without one.
    """
    standard = {"scheme": "standard", "secret_env": "SANDBOX_WEBHOOK_SECRET"}
    phone: dict[str, Any] = {
        "base_url": f"{origin}/twilio", "account_sid": accounts.twilio_sid, "auth_token_env": "SANDBOX_TWILIO_TOKEN",
        "from_number": _NUMBER, "webhook": {"scheme": "twilio", "secret_env": "SANDBOX_TWILIO_TOKEN"},
    }  # fmt: skip

    def reporting(channel: str) -> dict[str, str]:
        # without a receiver nobody is called, but the callback's message_id is what a delivery is known by
        place = f"{receiver.rstrip('/')}/webhooks/{channel}" if receiver else f"{origin}/_sandbox/callbacks"
        return {"status_callback": place}

    return {
        "email": {"driver": "smtp", "host": "127.0.0.1", "port": port_smtp, "from": "Shop <news@example.com>",
                  "username_env": "SANDBOX_SMTP_USER", "password_env": "SANDBOX_SMTP_PASSWORD", "webhook": standard},
        "sms": {"driver": "twilio_sms", **phone, **reporting("sms")},
        "voice": {"driver": "twilio_voice", **phone, **reporting("voice")},
        "push": {"driver": "web_push", "vapid_private_key_env": "SANDBOX_VAPID_KEY", "contact": "mailto:push@example.com",
                 "hosts": ["127.0.0.1"], "webhook": standard},
        "direct_mail": {"driver": "lob", "base_url": f"{origin}/lob", "api_key_env": "SANDBOX_LOB_KEY",
                        "return_address": {"name": "Shop", "address_line": "1 Main St", "postal_code": "12345",
                                           "city": "Springfield", "region": "IL"},
                        "webhook": {"scheme": "lob", "secret_env": "SANDBOX_LOB_SECRET"}},
        "paid_social": {"driver": "meta_audience", "base_url": f"{origin}/meta", "audience_id": _AUDIENCE,
                        "access_token_env": "SANDBOX_META_TOKEN"},
        "display": {"driver": "google_audience", "base_url": f"{origin}/google", "customer_id": _CUSTOMER,
                    "user_list_id": _USER_LIST, "developer_token_env": "SANDBOX_GOOGLE_DEVELOPER_TOKEN",
                    "client_id_env": "SANDBOX_GOOGLE_CLIENT_ID", "client_secret_env": "SANDBOX_GOOGLE_CLIENT_SECRET",
                    "refresh_token_env": "SANDBOX_GOOGLE_REFRESH_TOKEN", "token_url": f"{origin}/google/token"},
        "web": {"driver": "file"},
    }  # fmt: skip
