"""Members of Meta's custom audiences: ``POST`` and ``DELETE /{version}/{audience_id}/users``.

Sources: developers.facebook.com/docs/marketing-api/reference/custom-audience/users and .../guides/custom-audiences
(``payload`` with ``schema`` and ``data``, ``session``, at most 10,000 rows, hashed values), docs/graph-api/overview/rate-limiting
(code 80003 of custom audiences). An audience is a set: adding a member again changes nothing.
"""

import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

from market.sandbox.accounts import Accounts, derived
from market.sandbox.exchange import Accepted, Answer, Headers, Request, as_json

MOST_ROWS: Final = 10_000
_PATH: Final = re.compile(r"/v\d+\.\d+/(\d+)/users")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_HASHED: Final = frozenset(("EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST", "ZIP", "COUNTRY",
                            "EMAIL_SHA256", "PHONE_SHA256"))  # fmt: skip
_PLAIN: Final = frozenset(("MADID", "EXTERN_ID", "LOOKALIKE_VALUE", "PAGEUID"))


class Meta:
    """Keeps the members of audiences.

    Attributes:
        members: Rows by audience.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._made = 0
        self.members: dict[str, set[str]] = {}

    def channel_of(self, request: Request) -> str:
        """A change of an audience is ``paid_social``."""
        return "paid_social" if request.method in {"POST", "DELETE"} and _PATH.fullmatch(request.path) else ""

    def handle(self, request: Request) -> Answer:
        """Adds members or removes them."""
        found = _PATH.fullmatch(request.path)
        if found is None or request.method not in {"POST", "DELETE"}:
            return _error(404, 2500, "Unknown path components: " + request.path)
        values = _values(request)
        if (request.bearer() or values.get("access_token")) != self._accounts.meta_token:
            return _error(401, 190, "Invalid OAuth access token - Cannot parse access token")
        payload = _object(values.get("payload"))
        wrong = _wrong(payload)
        if wrong:
            return _error(400, 100, wrong)
        return self._changed(found[1], request, payload, _object(values.get("session")))

    def throttled(self, retry_after_s: int) -> Answer:
        """Code 80003: too many calls to this ad account's custom audiences."""
        usage = {
            "type": "custom_audience",
            "call_count": 100,
            "estimated_time_to_regain_access": -(-retry_after_s // 60),
        }
        headers = (
            ("retry-after", str(retry_after_s)),
            ("x-business-use-case-usage", json.dumps({"1": [usage]})),
        )
        text = "There have been too many calls to this ad-account. Wait a bit and try again."
        return _error(429, 80003, text, headers)

    def broken(self, status: int) -> Answer:
        """Code 2: temporarily unavailable."""
        return _error(status, 2, "Service temporarily unavailable")

    def _changed(self, audience: str, request: Request, payload: dict[str, Any], session: dict[str, Any]) -> Answer:
        names = payload["schema"] if isinstance(payload["schema"], list) else [payload["schema"]]
        adds = request.method == "POST"
        members = self.members.setdefault(audience, set())
        accepted, invalid = [], 0
        self._made += 1
        given = session.get("session_id") or int(derived(self._accounts.seed, "meta", str(self._made)).hex()[:12], 16)
        for row in payload["data"]:
            values = dict(zip(names, row if isinstance(row, list) else [row], strict=False))
            member = _member(values)
            if not member:
                invalid += 1
                continue
            has_effect = (member not in members) if adds else (member in members)
            (members.add if adds else members.discard)(member)
            accepted.append(_accepted(audience, values, member, str(given), adds=adds, has_effect=has_effect))
        facts = {"audience_id": audience, "session_id": str(given), "num_received": len(payload["data"]),
                 "num_invalid_entries": invalid, "invalid_entry_samples": {}}  # fmt: skip
        return as_json(200, facts, accepted=tuple(accepted))


def _values(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = dict(parse_qsl(request.query))
    if request.headers.get("content-type", "").startswith("application/json"):
        body = request.json()
        return values | body if isinstance(body, dict) else values
    return values | request.form()


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _wrong(payload: dict[str, Any]) -> str:
    schema, data = payload.get("schema"), payload.get("data")
    names = schema if isinstance(schema, list) else [schema]
    unknown = [name for name in names if name not in _HASHED and name not in _PLAIN]
    if not names or unknown:
        return f"Invalid parameter: payload.schema has {unknown or 'nothing'}"
    if not isinstance(data, list) or not data:
        return "Invalid parameter: payload.data must be a list of rows"
    if len(data) > MOST_ROWS:
        return f"Invalid parameter: payload.data has {len(data)} rows; at most {MOST_ROWS} at a time"
    width = [row for row in data if len(row if isinstance(row, list) else [row]) != len(names)]
    return f"Invalid parameter: {len(width)} rows of payload.data don't fit payload.schema" if width else ""


def _member(values: dict[str, Any]) -> str:
    """What identifies a member: its hashed values; empty where one isn't a SHA-256 or none is given."""
    hashes = {name: str(value) for name, value in values.items() if name in _HASHED and value not in (None, "")}
    if not all(_SHA256.fullmatch(value) for value in hashes.values()):
        return ""
    return hashes.get("EMAIL") or hashes.get("PHONE") or "/".join(hashes.values()) or str(values.get("EXTERN_ID") or "")


def _accepted(
    audience: str, values: dict[str, Any], member: str, session: str, *, adds: bool, has_effect: bool
) -> Accepted:
    operation = "add" if adds else "remove"
    return Accepted(
        channel="paid_social",
        key=str(values.get("EXTERN_ID") or member),
        provider_id=f"{audience}/{session}",
        content=hashlib.sha256(f"{audience}/{member}".encode()).digest(),
        recipient={"email_sha256": values.get("EMAIL") or None, "phone_sha256": values.get("PHONE") or None},
        facts={"operation": operation},
        operation=operation,
        has_effect=has_effect,
    )


def _error(status: int, code: int, message: str, headers: Headers = ()) -> Answer:
    kind = "OAuthException" if code in {190, 100, 2500} else "FacebookApiException"
    facts = {"error": {"message": message, "type": kind, "code": code, "fbtrace_id": "SANDBOX"}}
    return as_json(status, facts, headers=headers)
