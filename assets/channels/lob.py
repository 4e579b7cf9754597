"""Postcards and letters in the shape of Lob's print API."""

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from assets.channels.addresses import postal_address
from assets.channels.contract import Delivery, Message, Receipt, Unsendable
from assets.channels.hosts import check_url
from assets.channels.http import Api
from assets.channels.lanes import Lanes, hand_over
from ml.configuration.drivers import LobSettings

HOST: Final = "api.lob.com"
KEY_HORIZON: Final = timedelta(hours=24)


class LobDriver:
    """Hands mail over with `message_id` as the Idempotency-Key, which Lob remembers for a day.

    Args:
        settings: The channel's part of `channels.yaml`.
        key: The account's API key: a test one prints nothing.
        is_live: Whether the workspace may send beyond this machine.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = KEY_HORIZON

    def __init__(self, settings: LobSettings, *, key: SecretStr, is_live: bool = False) -> None:
        self._settings = settings
        root = check_url(
            settings.base_url or f"https://{HOST}",
            place="channels.yaml: direct_mail.base_url",
            hosts=(HOST,),
            is_live=is_live,
        )
        self._api = Api(
            f"{root.rstrip('/')}/v1",
            delivery=self.delivery,
            timeout_s=settings.timeout_s,
            connections=settings.connections,
            auth=(key.get_secret_value(), ""),
        )
        self._lanes = Lanes(settings.connections)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Hand a batch over, one request a piece."""

        def send(_: int, message: Message, piece: dict[str, Any]) -> Receipt:
            headers = {"Idempotency-Key": message.message_id}
            answer = self._api.send("POST", self._settings.product, headers=headers, json=piece)
            found = answer.body.get("id") if answer.status == "sent" else None
            return answer.receipt(message, at, provider_id=found if isinstance(found, str) else None)

        return hand_over(messages, at=at, lanes=self._lanes, prepare=self._piece, send=send)

    def _piece(self, message: Message) -> dict[str, Any]:
        """The request's body. It follows from the message alone: a key with another body is refused."""
        settings, content = self._settings, message.content
        headline, body = (content.get(name) for name in ("headline", "body"))
        if not (isinstance(headline, str) and headline and isinstance(body, str) and body):
            raise Unsendable("invalid_content", "it has no headline or no body")
        piece: dict[str, Any] = {
            "description": f"{message.objective_id} {message.creative_id}",
            "to": _lob_address(postal_address(message.recipient)),
            "from": _lob_address(settings.return_address.model_dump()),
            "use_type": "marketing",
            "metadata": {"message_id": message.message_id},
            "merge_variables": {"headline": headline, "body": body},
        }
        front, back = settings.front or _page("h1", headline), settings.back or _page("p", body)
        if settings.product == "postcards":
            return piece | {"size": settings.size, "front": front, "back": back}
        letter = settings.front or _page("h1", headline) + _page("p", body)
        return piece | {"file": letter, "color": settings.is_color}


def _lob_address(address: Mapping[str, str | None]) -> dict[str, str]:
    named = {
        "name": address["name"],
        "address_line1": address["address_line"],
        "address_city": address["city"],
        "address_state": address["region"],
        "address_zip": address["postal_code"],
        "address_country": address["country"],
    }
    return {name: value for name, value in named.items() if value}


def _page(tag: str, text: str) -> str:
    """A side in HTML; braces are escaped too, since Lob fills `{{…}}` in."""
    safe = html.escape(text).replace("{", "&#123;").replace("}", "&#125;").replace("\n", "<br>")
    return f'<html><body style="padding:0.5in;font-family:serif"><{tag}>{safe}</{tag}></body></html>'
