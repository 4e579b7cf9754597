"""Twilio: status callbacks of messages and calls, incoming texts, and a call's result with its transcript.

Signature: twilio.com/docs/usage/webhooks/webhooks-security: base64 of HMAC-SHA1 with the account's auth token over the
address that Twilio called, with the sorted form parameters behind it; for JSON the address carries `bodySHA256`. There is
no timestamp: a replay is known by the ids of its events. Parameters: twilio.com/docs/messaging/guides/track-outbound-message-status,
/docs/messaging/guides/webhook-request, /docs/voice/api/call-resource#statuscallback. Our message's id is the parameter
`message_id` of the callback's address, which is signed with it; without it Twilio's own id finds the message by its receipt.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from assets.channels.receiver.events import make_event, parse_json
from assets.channels.receiver.opt_out import is_opt_out
from assets.channels.receiver.scheme import Broken, Post, Reading, Refused
from assets.channels.receiver.signing import header, is_same

ANSWER: Final = ("text/xml", "<Response></Response>")
MESSAGE_STATUS: Final = {"delivered": "delivered", "read": "opened", "undelivered": "failed", "failed": "failed"}
CALL_STATUS: Final = {"busy": "no_answer", "no-answer": "no_answer", "failed": "failed", "canceled": "failed"}
HARD_BOUNCES: Final = frozenset({"21211", "21614", "30005", "30006"})
"""No such number, not a mobile, unknown handset, landline: twilio.com/docs/api/errors."""
UNSUBSCRIBED: Final = "21610"
PHONE_CHANNELS: Final = ("sms", "voice")
_PORTS: Final = {"https": 443, "http": 80}


def verify(post: Post, secrets: Sequence[str], now: datetime) -> None:  # noqa: ARG001 - Twilio signs no time
    """Check `X-Twilio-Signature`.

    Raises:
        Refused: It is missing or no token's, or the body isn't the one that `bodySHA256` names.
    """
    given = header(post.headers, "x-twilio-signature")
    query = dict(parse_qsl(urlsplit(post.url).query, keep_blank_values=True))
    parameters = ""
    if "bodySHA256" in query:
        if not is_same(hashlib.sha256(post.body).hexdigest(), query["bodySHA256"]):
            raise Refused("the body isn't the one that was signed")
    else:
        parameters = _joined(_form(post.body))
    right = [sign(token, url + parameters) for token in secrets for url in _spellings(post.url)]
    if not any(is_same(given, one) for one in right):
        raise Refused("the signature isn't right")


def sign(token: str, text: str) -> str:
    """Twilio's signature of an address with its parameters."""
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def read(post: Post, at: datetime) -> Reading:
    """The events of a callback, an incoming text or a call's result.

    Raises:
        Broken: It is none of them.
    """
    values = _values(post)
    message_id = dict(parse_qsl(urlsplit(post.url).query)).get("message_id") or values.get("message_id")
    if "CallSid" in values:
        return _call(values, message_id, at)
    if "MessageSid" not in values:
        raise Broken("MessageSid or CallSid is missing")
    if "MessageStatus" in values:
        return _message_status(values, message_id, at)
    if "Body" in values or "OptOutType" in values:
        return _incoming(values, at)
    raise Broken("MessageStatus or Body is missing")


def _message_status(values: Mapping[str, Any], message_id: Any, at: datetime) -> Reading:
    sid, code = values["MessageSid"], str(values.get("ErrorCode") or "")
    kind = MESSAGE_STATUS.get(str(values["MessageStatus"]))
    if kind is None:
        return Reading(ignored=1)  # queued, sending, sent: on its way
    detail: dict[str, Any] | None = {"error_code": code} if code else None
    if kind == "failed" and code in HARD_BOUNCES:
        kind, detail = "bounced", {"bounce": "hard", "error_code": code}
    elif code == UNSUBSCRIBED:
        kind = "unsubscribed"
    event = make_event(
        event_id=f"twilio:{sid}:{kind}",
        event_type=kind,
        occurred_at=at,
        at=at,
        message_id=message_id,
        provider_id=sid,
        customer_key=values.get("To") if kind in ("bounced", "unsubscribed") else None,
        channel="sms",
        payload=detail,
    )
    return Reading([event])


def _incoming(values: Mapping[str, Any], at: datetime) -> Reading:
    """A text from a person: a revocation holds for texts and calls to the number alike."""
    text, kind = str(values.get("Body", "")), str(values.get("OptOutType", ""))
    common: dict[str, Any] = {"occurred_at": at, "at": at, "customer_key": values.get("From")}
    if not common["customer_key"]:
        raise Broken("From is missing")
    sid = values["MessageSid"]
    if kind == "STOP" or is_opt_out(text):
        return Reading(
            [
                make_event(
                    event_id=f"twilio:{sid}:stop:{channel}", event_type="unsubscribed", channel=channel, **common
                )
                for channel in PHONE_CHANNELS
            ]
        )
    if kind in ("START", "HELP"):
        return Reading(ignored=1)  # consent is given where it can be proved, not by a keyword to a carrier
    payload = {"text": text[:1_600]}
    event = make_event(event_id=f"twilio:{sid}:replied", event_type="replied", channel="sms", payload=payload, **common)
    return Reading([event])


def _call(values: Mapping[str, Any], message_id: Any, at: datetime) -> Reading:
    sid, status, turns = values["CallSid"], str(values.get("CallStatus", "")), values.get("Transcript")
    kind = "answered" if turns else CALL_STATUS.get(status)
    if status == "completed" and not turns:
        is_machine = str(values.get("AnsweredBy", "")).startswith(("machine", "fax"))
        kind = "no_answer" if is_machine else "delivered"  # what was said comes with the call's result
    if kind is None:
        return Reading(ignored=1)  # initiated, ringing, in-progress
    common: dict[str, Any] = {
        "occurred_at": at,
        "at": at,
        "message_id": message_id,
        "provider_id": sid,
        "channel": "voice",
    }
    detail: dict[str, Any] = {"duration_s": _seconds(values.get("CallDuration"))}
    events = []
    if turns:
        detail["transcript"] = _turns(turns)
        if any(is_opt_out(turn["text"]) for turn in detail["transcript"] if turn["speaker"] == "customer"):
            events.append(make_event(event_id=f"twilio:{sid}:stop", event_type="unsubscribed", **common))
    events.insert(0, make_event(event_id=f"twilio:{sid}:{kind}", event_type=kind, payload=detail, **common))
    return Reading(events)


def _turns(turns: Any) -> list[dict[str, str]]:
    if not isinstance(turns, list) or not all(
        isinstance(turn, Mapping) and isinstance(turn.get("speaker"), str) and isinstance(turn.get("text"), str)
        for turn in turns
    ):
        raise Broken("Transcript must be a list of turns, each with speaker and text")
    return [{"speaker": turn["speaker"], "text": turn["text"]} for turn in turns]


def _seconds(text: Any) -> float | None:
    if text is None or text == "":
        return None
    if isinstance(text, bool) or not str(text).isascii() or not str(text).isdigit() or len(str(text)) > 9:  # noqa: PLR2004 - no call lasts decades
        raise Broken("CallDuration must be whole seconds")
    return float(text)


def _values(post: Post) -> dict[str, Any]:
    if "bodySHA256" not in dict(parse_qsl(urlsplit(post.url).query)):
        return {name: values[-1] for name, values in _form(post.body).items()}
    found = parse_json(post.body)
    if not isinstance(found, dict):
        raise Broken("the body must be an object")
    return found


def _form(body: bytes) -> dict[str, list[str]]:
    """Parameters with all their values."""
    found: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=1_000, errors="strict")
    except ValueError:
        raise Refused("the body is no form in UTF-8") from None
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _joined(form: Mapping[str, Sequence[str]]) -> str:
    return "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))


def _spellings(url: str) -> list[str]:
    """The address with and without its port: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS.get(parts.scheme, 0)
    hosts = dict.fromkeys([parts.netloc, host, f"{host}:{port}"])
    return [urlunsplit(parts._replace(netloc=each)) for each in hosts]
