"""Texts in the shape of Twilio's Message resource."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pydantic import SecretStr

from assets.channels.contract import Delivery, Message, Receipt, Unsendable
from assets.channels.lanes import Lanes, hand_over
from assets.channels.twilio import callback, open_api, phone_of, post
from ml.configuration.drivers import TwilioSmsSettings

LONGEST_VALIDITY_S: Final = 36_000
"""Twilio keeps a text in its queue for ten hours at most."""


class TwilioSmsDriver:
    """Hands texts over, each with a `ValidityPeriod` that ends with its window.

    Without it, a text that Twilio's queue holds could arrive in the recipient's night. The interface has no key, so a
    lost answer is `unknown`.

    Args:
        settings: The channel's part of `channels.yaml`.
        token: The account's.
        is_live: Whether the workspace may send beyond this machine.
    """

    delivery: Delivery = "blind"
    key_horizon: timedelta | None = None

    def __init__(self, settings: TwilioSmsSettings, *, token: SecretStr, is_live: bool = False) -> None:
        self._settings = settings
        self._api = open_api(settings, token, channel="sms", is_live=is_live)
        self._lanes = Lanes(settings.connections)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand a batch over, one request a text."""

        def send(_: int, message: Message, form: dict[str, str]) -> Receipt:
            answer, sid = post(self._api, "Messages.json", form)
            return answer.receipt(message, at, provider_id=sid)

        return hand_over(messages, at=at, lanes=self._lanes, prepare=lambda message: self._form(message, at), send=send)

    def _form(self, message: Message, at: datetime) -> dict[str, str]:
        text = message.content.get("text")
        if not isinstance(text, str) or not text:
            raise Unsendable("invalid_content", "it has no text")
        left = int((message.expires_at - at).total_seconds())
        if left < self._settings.minimum_window_s:
            raise Unsendable(
                "window_closed", f"{max(left, 0)} s are left of its window, {self._settings.minimum_window_s} needed"
            )
        settings = self._settings
        sender = (
            {"MessagingServiceSid": settings.messaging_service_sid}
            if settings.messaging_service_sid
            else {"From": settings.from_number or ""}
        )
        return {
            "To": phone_of(message),
            **sender,
            "Body": text,
            "ValidityPeriod": str(min(left, LONGEST_VALIDITY_S)),
            **callback(settings, message),
        }
