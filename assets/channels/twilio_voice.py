"""Calls in the shape of Twilio's Call resource, led by TwiML that carries all a conversation needs."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from pydantic import SecretStr

from assets.channels.contract import Delivery, Message, Receipt, Unsendable
from assets.channels.lanes import Lanes, hand_over
from assets.channels.twilio import callback, open_api, phone_of, post
from ml.configuration.drivers import TwilioVoiceSettings

LONGEST_TWIML: Final = 4_000
_TEXTS: Final = ("goal", "script", "consent_text")


class TwilioVoiceDriver:
    """Hands calls over, with the instructions in the request itself (`Twiml`).

    The consent text is spoken first, whoever leads the conversation. With an agent, the call is then connected to it
    by ConversationRelay, whose parameters hand over message_id, goal, script, facts, allowed offers and consent text;
    without one, the script is spoken. The interface has no key, so a lost answer is `unknown`.

    Args:
        settings: The channel's part of `channels.yaml`.
        token: The account's.
        is_live: Whether the workspace may call beyond this machine.
    """

    delivery: Delivery = "blind"
    key_horizon: timedelta | None = None

    def __init__(self, settings: TwilioVoiceSettings, *, token: SecretStr, is_live: bool = False) -> None:
        self._settings = settings
        self._api = open_api(settings, token, channel="voice", is_live=is_live)
        self._lanes = Lanes(settings.connections)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand a batch over, one request a call."""

        def send(_: int, message: Message, form: dict[str, str]) -> Receipt:
            answer, sid = post(self._api, "Calls.json", form)
            return answer.receipt(message, at, provider_id=sid)

        return hand_over(messages, at=at, lanes=self._lanes, prepare=lambda message: self._form(message, at), send=send)

    def _form(self, message: Message, at: datetime) -> dict[str, str]:
        settings = self._settings
        if message.expires_at - at < timedelta(seconds=settings.ring_s):
            raise Unsendable("window_closed", f"its window ends before the phone has rung for {settings.ring_s} s")
        return {
            "To": phone_of(message),
            "From": settings.from_number,
            "Twiml": twiml(message, agent_url=settings.agent_url),
            "Timeout": str(settings.ring_s),
            **callback(settings, message),
        }


def twiml(message: Message, *, agent_url: str | None) -> str:
    """What happens once the phone is answered.

    Raises:
        Unsendable: A part is missing, or all of it is longer than Twilio takes.
    """
    content = message.content
    missing = [name for name in _TEXTS if not (isinstance(content.get(name), str) and content[name])]
    if missing:
        raise Unsendable("invalid_content", f"it has no {', '.join(missing)}")
    response = Element("Response")
    SubElement(response, "Say").text = _speakable(content["consent_text"])
    if agent_url is None:
        SubElement(response, "Say").text = _speakable(content["script"])
    else:
        relay = SubElement(SubElement(response, "Connect"), "ConversationRelay", url=agent_url)
        lists = {name: json.dumps(content.get(name) or [], ensure_ascii=False) for name in ("facts", "allowed_offers")}
        for name, value in {
            "message_id": message.message_id,
            **{name: content[name] for name in _TEXTS},
            **lists,
        }.items():
            SubElement(relay, "Parameter", name=name, value=_speakable(value))
    text = tostring(response, encoding="unicode")
    if len(text) > LONGEST_TWIML:
        raise Unsendable(
            "invalid_content", f"its instructions are {len(text)} characters, Twilio takes {LONGEST_TWIML}"
        )
    return text


def _speakable(text: str) -> str:
    """Text that XML 1.0 can carry."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())
