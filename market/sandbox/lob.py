"""Lob's postcards and letters (API v1), as its OpenAPI document describes them.

Sources: docs.lob.com and github.com/lob/lob-openapi (resources/postcards, resources/letters, shared),
help.lob.com "Error reference", support.lob.com "What can I do to prevent duplicate mailings": the same
``Idempotency-Key`` within 24 hours makes one mailpiece only and gets the first answer again. Another payload under a
used key is refused as a conflict.
"""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl

from market.sandbox.accounts import Accounts, derived
from market.sandbox.exchange import JSON_TYPE, Accepted, Answer, Headers, Request, as_json
from market.sandbox.keys import facts_in, key_in

HORIZON: Final = timedelta(hours=24)
_KINDS: Final = {"postcards": ("psc", "postcard"), "letters": ("ltr", "letter")}
_NEEDED: Final = {"postcards": ("to", "front", "back"), "letters": ("to", "from", "file", "color")}
_PATH: Final = re.compile(r"(?:/v1)?/(postcards|letters)(?:/(\w+))?")
_LONGEST_KEY: Final = 256
_LONGEST_NAME: Final = 40
_MOST_METADATA: Final = 20
_ADDRESS: Final = (
    "name", "company", "phone", "email", "address_line1", "address_line2", "address_city", "address_state",
    "address_zip", "address_country",
)  # fmt: skip


class Lob:
    """Accepts postcards and letters of one account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._pieces: dict[str, dict[str, Any]] = {}
        self._by_metadata: dict[tuple[str, str], list[str]] = {}
        self._keys: dict[str, tuple[bytes, bytes, datetime]] = {}

    def channel_of(self, request: Request) -> str:
        """Creating a mailpiece is ``direct_mail``."""
        found = _PATH.fullmatch(request.path)
        return "direct_mail" if request.method == "POST" and found is not None and not found[2] else ""

    def handle(self, request: Request) -> Answer:
        """Creates, fetches or lists."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return _error(404, "unrecognized_endpoint", f"Unrecognized endpoint: {request.path}")
        user = request.basic()
        if user is None or user[0] != self._accounts.lob_key:
            return _error(
                401, "unauthorized", "Your API key is not valid. Please sign up on lob.com to get a valid key."
            )
        if request.method == "GET":
            return self._fetched(found[2]) if found[2] else self._listed(found[1], request)
        if request.method != "POST" or found[2]:
            return _error(404, "unrecognized_endpoint", f"Unrecognized endpoint: {request.method} {request.path}")
        return self._keyed(found[1], request)

    def throttled(self, retry_after_s: int) -> Answer:
        """Rate limit, with Lob's own headers beside ``Retry-After``."""
        limits = (("retry-after", str(retry_after_s)), ("x-rate-limit-limit", "150"), ("x-rate-limit-remaining", "0"))
        text = f"Rate limit exceeded. Please wait {retry_after_s} seconds and try your request again."
        return _error(429, "rate_limit_exceeded", text, limits)

    def broken(self, status: int) -> Answer:
        """Internal error, or a service that isn't available."""
        if status == 503:
            return _error(503, "service_unavailable", "The Lob servers are temporarily unavailable.")
        return _error(status, "internal_server_error", "An error has occurred on Lob's servers.")

    def _keyed(self, kind: str, request: Request) -> Answer:
        key = request.headers.get("idempotency-key", "") or parse_qs(request.query).get("idempotency_key", [""])[0]
        if len(key) > _LONGEST_KEY:
            return _error(422, "invalid", "Idempotency-Key length must be less than or equal to 256 characters long")
        digest = hashlib.sha256(kind.encode() + b"\n" + request.body).digest()
        known = self._keys.get(key) if key else None
        if known is not None and request.at - known[2] < HORIZON:
            if known[0] != digest:
                return _error(409, "conflict", "This idempotency key was used with a different request.")
            return Answer(200, known[1], (JSON_TYPE,), is_replay=True)
        answer = self._created(kind, request, key)
        if key and answer.accepted:
            self._keys[key] = (digest, answer.body, request.at)
        return answer

    def _created(self, kind: str, request: Request, key: str) -> Answer:
        piece = _parsed(request)
        wrong = _wrong(kind, piece)
        if wrong:
            return _error(422, "invalid", wrong)
        prefix, name = _KINDS[kind]
        made = derived(self._accounts.seed, "lob", kind, str(len(self._pieces))).hex()
        resource = _resource(f"{prefix}_{made[:16]}", name, piece, request.at)
        self._pieces[resource["id"]] = resource
        metadata = piece.get("metadata") or {}
        for pair in metadata.items():
            self._by_metadata.setdefault((pair[0], str(pair[1])), []).append(resource["id"])
        accepted = Accepted(
            channel="direct_mail",
            key=key or key_in(metadata) or resource["id"],
            provider_id=resource["id"],
            content=request.body,
            recipient=_recipient(piece["to"]),
            facts=facts_in(metadata),
            text=_words(piece),
            sender=name,
        )
        return as_json(200, resource, accepted=(accepted,))

    def _fetched(self, made: str) -> Answer:
        if made not in self._pieces:
            return _error(404, "not_found", f"{made} not found")
        return as_json(200, self._pieces[made])

    def _listed(self, kind: str, request: Request) -> Answer:
        query = dict(parse_qsl(request.query))
        wanted = [(name[9:-1], value) for name, value in query.items() if re.fullmatch(r"metadata\[[^]]+\]", name)]
        prefix = _KINDS[kind][0]
        ids = self._by_metadata.get(wanted[0], []) if wanted else [i for i in self._pieces if i.startswith(prefix)]
        chosen = [i for i in ids if all(i in self._by_metadata.get(pair, []) for pair in wanted)]
        part = [self._pieces[made] for made in reversed(chosen)][: int(query.get("limit", 10))]
        facts = {"data": part, "object": "list", "next_url": None, "previous_url": None, "count": len(part)}
        return as_json(200, facts)


def _error(status: int, code: str, message: str, headers: Headers = ()) -> Answer:
    return as_json(status, {"error": {"message": message, "status_code": status, "code": code}}, headers=headers)


def _parsed(request: Request) -> dict[str, Any]:
    """The body from JSON, or from a form with ``to[name]=…``."""
    if request.headers.get("content-type", "").startswith("application/json"):
        body = request.json()
        return body if isinstance(body, dict) else {}
    body = {}
    for name, value in request.form().items():
        outer, _, inner = name.partition("[")
        if inner:
            body.setdefault(outer, {})[inner.rstrip("]")] = value
        else:
            body[name] = value
    return body


def _wrong(kind: str, piece: dict[str, Any]) -> str:
    for name in _NEEDED[kind]:
        if piece.get(name) in (None, ""):
            return f"{name} is required"
    for role in ("to", "from"):
        wrong = _wrong_address(role, piece.get(role))
        if wrong:
            return wrong
    metadata = piece.get("metadata") or {}
    if len(metadata) > _MOST_METADATA or any(len(str(value)) > 500 for value in metadata.values()):
        return "metadata must have at most 20 pairs of at most 500 characters"
    if kind == "postcards" and piece.get("size", "4x6") not in {"4x6", "6x9", "6x11"}:
        return "size must be one of [4x6, 6x9, 6x11]"
    if piece.get("mail_type", "usps_first_class") not in {"usps_first_class", "usps_standard"}:
        return "mail_type must be one of [usps_first_class, usps_standard]"
    return ""


def _wrong_address(role: str, address: Any) -> str:
    if address is None or (isinstance(address, str) and address.startswith("adr_")):
        return ""
    if not isinstance(address, dict):
        return f"{role} must be an address id or an object"
    at_home = str(address.get("address_country") or "US").upper() in {"US", "UNITED STATES"}
    has_place = address.get("address_zip") or (address.get("address_city") and address.get("address_state"))
    names = [str(address.get(name) or "") for name in ("name", "company")]
    found = [
        (not any(names), f"{role}.name or {role}.company is required"),
        (not address.get("address_line1"), f"{role}.address_line1 is required"),
        (max(map(len, names)) > _LONGEST_NAME, f"{role}.name length must be less than or equal to 40 characters long"),
        (at_home and not has_place, f"{role}.address_zip or {role}.address_city and {role}.address_state are required"),
    ]
    return next((text for is_wrong, text in found if is_wrong), "")


def _address(given: Any, made: str, when: str) -> dict[str, Any] | None:
    if given is None:
        return None
    known = given if isinstance(given, dict) else {}
    facts = {name: known.get(name) for name in _ADDRESS}
    identity = given if isinstance(given, str) else "adr_" + hashlib.sha256(made.encode()).hexdigest()[:16]
    return {"id": identity, "description": known.get("description"), **facts, "metadata": {}, "date_created": when,
            "date_modified": when, "object": "address"}  # fmt: skip


def _resource(made: str, name: str, piece: dict[str, Any], at: datetime) -> dict[str, Any]:
    when = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": made,
        "description": piece.get("description"),
        "metadata": piece.get("metadata") or {},
        "to": _address(piece["to"], made + "to", when),
        "from": _address(piece.get("from"), made + "from", when),
        "url": f"https://lob-assets.com/{name}s/{made}.pdf",
        "carrier": "USPS",
        "tracking_events": [],
        "thumbnails": [],
        "merge_variables": piece.get("merge_variables") or {},
        "mail_type": piece.get("mail_type", "usps_first_class"),
        "expected_delivery_date": (at + timedelta(days=6)).date().isoformat(),
        "date_created": when,
        "date_modified": when,
        "send_date": piece.get("send_date", when),
        "object": name,
        **({"size": piece.get("size", "4x6")} if name == "postcard" else {"color": piece.get("color")}),
    }


def _recipient(to: Any) -> dict[str, Any]:
    if not isinstance(to, dict):
        return {"address_id": to}
    first, _, last = str(to.get("name") or "").partition(" ")
    return {
        "first_name": first or None,
        "last_name": last or None,
        "address_line": to.get("address_line1"),
        "postal_code": to.get("address_zip"),
        "city": to.get("address_city"),
        "region": to.get("address_state"),
        "country": to.get("address_country"),
    }


def _words(piece: dict[str, Any]) -> str:
    parts = [str(piece.get(name, "")) for name in ("front", "back", "file")]
    return " ".join([*parts, json.dumps(piece.get("merge_variables") or {})])
