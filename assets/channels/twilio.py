"""What texts and calls by Twilio share: account, errors, and where delivery reports go."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import SecretStr

from assets.channels.contract import Message, Reason, Unsendable, detail_of
from assets.channels.hosts import check_url
from assets.channels.http import Answer, Api
from assets.channels.recipients import is_e164
from ml.configuration.drivers import TwilioSettings

HOST: Final = "api.twilio.com"
_REASONS: Final[Mapping[int, Reason]] = {
    21610: "opted_out",
    21211: "invalid_recipient",
    21214: "invalid_recipient",
    21217: "invalid_recipient",
    21265: "invalid_recipient",
    21614: "invalid_recipient",
    21635: "invalid_recipient",
    13224: "invalid_recipient",
    21602: "invalid_content",
    21617: "invalid_content",
}
_FULL: Final = (20429, 21611)  # too many requests; the sender's queue is full


def open_api(settings: TwilioSettings, token: SecretStr, *, channel: str, is_live: bool) -> Api:
    """The account's interface.

    Raises:
        ForbiddenHostError: The workspace may not send there.
    """
    root = check_url(
        settings.base_url or f"https://{HOST}",
        place=f"channels.yaml: {channel}.base_url",
        hosts=("twilio.com",),
        is_live=is_live,
    )
    return Api(
        f"{root.rstrip('/')}/2010-04-01/Accounts/{settings.account_sid}",
        delivery="blind",
        timeout_s=settings.timeout_s,
        connections=settings.connections,
        auth=(settings.account_sid, token.get_secret_value()),
    )


def post(api: Api, path: str, form: Mapping[str, str]) -> tuple[Answer, str | None]:
    """Create a resource. Returns what came of it and the resource's id."""
    answer = api.send("POST", path, form=form)
    if answer.status == "sent":
        sid = answer.body.get("sid")
        return answer, sid if isinstance(sid, str) else None
    return with_code(answer), None


def with_code(answer: Answer) -> Answer:
    """An error with Twilio's own code, which tells an opt-out and a wrong number from what the account lacks."""
    code: Any = answer.body.get("code")
    if answer.status != "failed" or not isinstance(code, int):
        return answer
    if code in _FULL:
        return replace(answer, status="retry", detail=detail_of("throttled", f"HTTP {answer.code}, code {code}"))
    return replace(answer, detail=detail_of(_REASONS.get(code, "refused"), f"HTTP {answer.code}, code {code}"))


def phone_of(message: Message) -> str:
    """The number to text or call.

    Raises:
        Unsendable: It isn't in E.164.
    """
    phone = message.recipient.get("phone")
    if not isinstance(phone, str) or not is_e164(phone):
        raise Unsendable("invalid_recipient", "not a phone number in E.164")
    return phone


def callback(settings: TwilioSettings, message: Message) -> dict[str, str]:
    """Where Twilio reports delivery, with the message's id to tell which it was."""
    if not settings.status_callback:
        return {}
    return {"StatusCallback": f"{settings.status_callback}?{urlencode({'message_id': message.message_id})}"}
