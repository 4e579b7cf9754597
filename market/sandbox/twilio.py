"""Twilio's Messages and Calls resources (API 2010-04-01), as its reference describes them.

Sources: twilio.com/docs/messaging/api/message-resource, twilio.com/docs/voice/api/call-resource,
twilio.com/docs/usage/twilios-response (error bodies), twilio.com/docs/api/errors (codes). There is no idempotency key:
the same request twice is two messages. What was sent can be listed, by ``To``, ``From`` and status.
"""

import re
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import parse_qs

from market.sandbox.accounts import Accounts, derived
from market.sandbox.exchange import Accepted, Answer, Request, as_json
from market.sandbox.keys import facts_in_url, key_in_url

_PATH: Final = re.compile(r"/2010-04-01/Accounts/(\w+)/(Messages|Calls)(?:/(\w+))?\.json")
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_MOST_LETTERS: Final = 1600
_GSM_SEGMENT: Final = (160, 153)
_UCS2_SEGMENT: Final = (70, 67)
_PAGE: Final = 50


class Twilio:
    """Accepts messages and calls of one account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._made = 0
        self._resources: dict[str, tuple[str, datetime, dict[str, str]]] = {}
        self._by_number: dict[str, list[str]] = {}

    def channel_of(self, request: Request) -> str:
        """Creating a message is ``sms``, a call ``voice``."""
        found = _PATH.fullmatch(request.path)
        if request.method != "POST" or found is None:
            return ""
        return "sms" if found[2] == "Messages" else "voice"

    def handle(self, request: Request) -> Answer:
        """Creates, fetches or lists."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _error(404, 20404, f"The requested resource {request.path} was not found")
        if request.basic() != (self._accounts.twilio_sid, self._accounts.twilio_token):
            return _error(401, 20003, "Authenticate")
        if found[1] != self._accounts.twilio_sid:
            return _error(404, 20404, f"The requested resource {request.path} was not found")
        if request.method == "GET":
            return self._fetched(found[3], found[2], request) if found[3] else self._listed(found[2], request)
        if request.method != "POST" or found[3]:
            return _error(405, 20004, "Method not allowed")
        return self._created(found[2], request)

    def throttled(self, retry_after_s: int) -> Answer:
        """Error 20429."""
        return _error(429, 20429, "Too Many Requests", (("retry-after", str(retry_after_s)),))

    def broken(self, status: int) -> Answer:
        """Error 20500, or 20503 of a service that isn't available."""
        text = "Service is unavailable" if status == 503 else "An internal server error has occurred"
        return _error(status, 20503 if status == 503 else 20500, text)

    def _created(self, kind: str, request: Request) -> Answer:
        form = request.form()
        wrong = _wrong_message(form) if kind == "Messages" else _wrong_call(form)
        if wrong is not None:
            return wrong
        self._made += 1
        letters = "SM" if kind == "Messages" else "CA"
        sid = letters + derived(self._accounts.seed, "twilio", kind, str(self._made)).hex()[:32]
        self._resources[sid] = (kind, request.at, form)
        self._by_number.setdefault(form["To"], []).append(sid)
        callback = form.get("StatusCallback", "")
        accepted = Accepted(
            channel="sms" if kind == "Messages" else "voice",
            key=key_in_url(callback) or sid,
            provider_id=sid,
            content=request.body,
            recipient={"phone": form["To"]},
            facts=facts_in_url(callback),
            text=form.get("Body", form.get("Twiml", "")),
            callback=callback,
            sender=form.get("From", form.get("MessagingServiceSid", "")),
        )
        return as_json(201, self._resource(sid), accepted=(accepted,))

    def _fetched(self, sid: str, kind: str, request: Request) -> Answer:
        if self._resources.get(sid, ("",))[0] != kind:
            return _error(404, 20404, f"The requested resource {request.path} was not found")
        return as_json(200, self._resource(sid))

    def _listed(self, kind: str, request: Request) -> Answer:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        sids = self._by_number.get(query["To"], []) if "To" in query else list(self._resources)
        rows = [sid for sid in reversed(sids) if self._resources[sid][0] == kind]
        if "From" in query:
            rows = [sid for sid in rows if self._resources[sid][2].get("From") == query["From"]]
        size, page = int(query.get("PageSize", _PAGE)), int(query.get("Page", 0))
        part = rows[page * size : (page + 1) * size]
        facts = {kind.lower(): [self._resource(sid) for sid in part], "page": page, "page_size": size}
        return as_json(200, facts | {"uri": f"{request.path}?{request.query}", "next_page_uri": None})

    def _resource(self, sid: str) -> dict[str, Any]:
        kind, at, form = self._resources[sid]
        when = format_datetime(at)
        place = f"/2010-04-01/Accounts/{self._accounts.twilio_sid}/{kind}/{sid}"
        common = {
            "sid": sid, "account_sid": self._accounts.twilio_sid, "api_version": "2010-04-01", "date_created": when,
            "date_updated": when, "direction": "outbound-api", "from": form.get("From"), "to": form["To"],
            "price": None, "price_unit": "USD", "status": "queued", "uri": f"{place}.json",
        }  # fmt: skip
        if kind == "Calls":
            return common | {
                "annotation": None, "answered_by": None, "caller_name": None, "duration": None, "end_time": None,
                "forwarded_from": None, "group_sid": None, "parent_call_sid": None, "phone_number_sid": None,
                "queue_time": "0", "start_time": None, "trunk_sid": None,
                "subresource_uris": {"recordings": f"{place}/Recordings.json", "events": f"{place}/Events.json"},
            }  # fmt: skip
        service = form.get("MessagingServiceSid")
        return common | {
            "body": form.get("Body", ""), "date_sent": None, "error_code": None, "error_message": None,
            "messaging_service_sid": service, "num_media": "0",
            "num_segments": "0" if service else str(segments(form.get("Body", ""))),
            "status": "accepted" if service else "queued", "subresource_uris": {"media": f"{place}/Media.json"},
        }  # fmt: skip


def segments(body: str) -> int:
    """Segments that a text is sent in: 160 or 153 letters each, 70 or 67 where it needs UCS-2."""
    single, joined = _GSM_SEGMENT if body.isascii() else _UCS2_SEGMENT
    return 1 if len(body) <= single else -(-len(body) // joined)


def _error(status: int, code: int, message: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    more = f"https://www.twilio.com/docs/errors/{code}"
    return as_json(status, {"code": code, "message": message, "more_info": more, "status": status}, headers=headers)


def _wrong_message(form: dict[str, str]) -> Answer | None:
    to = form.get("To", "")
    if not to:
        return _error(400, 21604, "A 'To' phone number is required.")
    if not _E164.fullmatch(to):
        return _error(400, 21211, f"Invalid 'To' Phone Number: {to[:4]}XXXX")
    if not form.get("From") and not form.get("MessagingServiceSid"):
        return _error(400, 21603, "A 'From' phone number is required.")
    if not form.get("Body") and not form.get("MediaUrl") and not form.get("ContentSid"):
        return _error(400, 21602, "Message body is required.")
    if len(form.get("Body", "")) > _MOST_LETTERS:
        return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    return None


def _wrong_call(form: dict[str, str]) -> Answer | None:
    to = form.get("To", "")
    if not to:
        return _error(400, 21201, "No 'To' number is specified")
    if not _E164.fullmatch(to):
        return _error(400, 21211, f"Invalid 'To' Phone Number: {to[:4]}XXXX")
    if not form.get("From"):
        return _error(400, 21213, "No 'From' number is specified")
    if not any(form.get(name) for name in ("Url", "Twiml", "ApplicationSid")):
        return _error(400, 21205, "Url parameter is required.")
    return None
