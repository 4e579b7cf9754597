"""Google Ads customer match: ``OfflineUserDataJob`` over REST, and the OAuth 2 token that it needs.

Sources: developers.google.com/google-ads/api/docs/remarketing/audience-segments/customer-match/get-started,
.../reference/rpc/v26/OfflineUserDataJobService, .../api/docs/best-practices/error-types (GoogleAdsFailure), and
developers.google.com/identity/protocols/oauth2/web-server#offline (refreshing a token). A job is created, given
operations (at most 100,000 identifiers a request and 20 a user), and run; what isn't run has no effect.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any, Final

from market.sandbox.accounts import Accounts, derived
from market.sandbox.exchange import Accepted, Answer, Headers, Request, as_json

MOST_IDENTIFIERS: Final = 100_000
MOST_OF_A_USER: Final = 20
_JOBS: Final = re.compile(r"/v\d+/customers/(\d+)/offlineUserDataJobs(?:/(\d+))?:(create|addOperations|run)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_STATUS: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
                  429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}  # fmt: skip
_FAILURE: Final = "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"


@dataclass
class _Job:
    user_list: str
    operations: list[dict[str, Any]] = field(default_factory=list)
    is_run: bool = False


class Google:
    """Keeps jobs, and the members of user lists.

    Attributes:
        members: Identifiers by user list.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._jobs: dict[str, _Job] = {}
        self.members: dict[str, set[str]] = {}

    def channel_of(self, request: Request) -> str:
        """Every step of a job is ``display``."""
        return "display" if request.method == "POST" and _JOBS.fullmatch(request.path) else ""

    def handle(self, request: Request) -> Answer:
        """Gives a token, or takes a step of a job."""
        if request.path == "/token" and request.method == "POST":
            return self._token(request.form())
        found = _JOBS.fullmatch(request.path)
        if found is None or request.method != "POST" or (found[3] == "create") != (found[2] is None):
            return _error(404, "Requested entity was not found.")
        wrong = self._unauthorized(request)
        body = request.json() if request.body else {}
        if wrong is not None or not isinstance(body, dict):
            return wrong or _error(400, "Invalid JSON payload received.")
        return self._step(found[1], found[2], found[3], body)

    def _unauthorized(self, request: Request) -> Answer | None:
        if request.bearer() != self._accounts.google_token:
            code = {"authenticationError": "OAUTH_TOKEN_INVALID"}
            return _error(401, "Request had invalid authentication credentials.", code)
        if request.headers.get("developer-token") != self._accounts.google_developer_token:
            code = {"authenticationError": "DEVELOPER_TOKEN_INVALID"}
            return _error(401, "The developer token is not valid.", code)
        return None

    def _step(self, customer: str, number: str | None, verb: str, body: dict[str, Any]) -> Answer:
        if verb == "create":
            return self._created(customer, body)
        name = f"customers/{customer}/offlineUserDataJobs/{number}"
        job = self._jobs.get(name)
        if job is None:
            return _error(404, "Resource was not found.", {"mutateError": "RESOURCE_NOT_FOUND"})
        return _added(job, body) if verb == "addOperations" else self._run(name, job)

    def throttled(self, retry_after_s: int) -> Answer:
        """RESOURCE_EXHAUSTED, with the delay in the failure and as a header."""
        details = {"quotaErrorDetails": {"rateScope": "ACCOUNT", "retryDelay": f"{retry_after_s}s"}}
        text = f"Too many requests. Retry in {retry_after_s} seconds."
        headers = (("retry-after", str(retry_after_s)),)
        return _error(429, text, {"quotaError": "RESOURCE_TEMPORARILY_EXHAUSTED"}, details, headers)

    def broken(self, status: int) -> Answer:
        """INTERNAL or UNAVAILABLE."""
        return _error(
            status, "Internal error encountered." if status == 500 else "The service is currently unavailable."
        )

    def _token(self, form: dict[str, str]) -> Answer:
        if form.get("grant_type") != "refresh_token":
            return as_json(400, {"error": "unsupported_grant_type"})
        if not all(form.get(name) for name in ("client_id", "client_secret", "refresh_token")):
            return as_json(400, {"error": "invalid_request", "error_description": "Could not determine client ID."})
        scope = "https://www.googleapis.com/auth/adwords"
        token = self._accounts.google_token
        return as_json(200, {"access_token": token, "expires_in": 3599, "scope": scope, "token_type": "Bearer"})

    def _created(self, customer: str, body: dict[str, Any]) -> Answer:
        job = body.get("job") or {}
        metadata = job.get("customerMatchUserListMetadata") or {}
        if job.get("type") != "CUSTOMER_MATCH_USER_LIST" or not metadata.get("userList"):
            return _error(400, "The required field was not present.", {"fieldError": "REQUIRED"})
        if "DENIED" in (metadata.get("consent") or {}).values():
            code = {"offlineUserDataJobError": "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"}
            return _error(400, "Customer must accept the customer data terms.", code)
        number = int(derived(self._accounts.seed, "google", str(len(self._jobs))).hex()[:12], 16)
        name = f"customers/{customer}/offlineUserDataJobs/{number}"
        self._jobs[name] = _Job(str(metadata["userList"]))
        return as_json(200, {"resourceName": name})

    def _run(self, name: str, job: _Job) -> Answer:
        if job.is_run:
            code = {"databaseError": "CONCURRENT_MODIFICATION"}
            return _error(400, "The job was already run.", code)
        job.is_run = True
        members = self.members.setdefault(job.user_list, set())
        accepted = [one for operation in job.operations for one in _effect(job.user_list, name, operation, members)]
        facts = {"name": name.replace("offlineUserDataJobs", "operations"), "done": False}
        return as_json(200, facts, accepted=tuple(accepted))


def _added(job: _Job, body: dict[str, Any]) -> Answer:
    operations = body.get("operations")
    if not isinstance(operations, list) or not operations:
        return _error(400, "The required field was not present.", {"fieldError": "REQUIRED"})
    refused = _refused(job, operations)
    if refused is not None:
        return refused
    wrong = [number for number, operation in enumerate(operations) if not _is_valid(operation)]
    if wrong and not body.get("enablePartialFailure"):
        code = {"offlineUserDataJobError": "INVALID_SHA256_FORMAT"}
        return _error(400, "The SHA256 encoded value is malformed.", code)
    if not body.get("validateOnly"):
        job.operations.extend(operation for number, operation in enumerate(operations) if number not in set(wrong))
    if not wrong:
        return as_json(200, {})
    text = f"{len(wrong)} operations have malformed values, the first is operations[{wrong[0]}]"
    return as_json(200, {"partialFailureError": {"code": 3, "message": text}})


def _refused(job: _Job, operations: list[dict[str, Any]]) -> Answer | None:
    if job.is_run:
        return _error(400, "The job was already run.", {"databaseError": "CONCURRENT_MODIFICATION"})
    clears = any(operation.get("removeAll") is True for operation in operations)
    if clears and (job.operations or len(operations) > 1):
        return _error(
            400, "remove_all must be the only operation.", {"offlineUserDataJobError": "CONFLICTING_OPERATION"}
        )
    counts = [len(_identifiers(operation)) for operation in operations]
    if sum(counts) > MOST_IDENTIFIERS or any(count > MOST_OF_A_USER for count in counts):
        return _error(400, "Too many user identifiers.", {"offlineUserDataJobError": "TOO_MANY_USER_IDENTIFIERS"})
    return None


def _identifiers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    user = operation.get("create") or operation.get("remove") or {}
    return user.get("userIdentifiers") or []


def _is_valid(operation: dict[str, Any]) -> bool:
    if operation.get("removeAll") is True:
        return True
    hashes = [
        each.get(name)
        for each in _identifiers(operation)
        for name in ("hashedEmail", "hashedPhoneNumber")
        if name in each
    ]
    return bool(_identifiers(operation)) and all(isinstance(h, str) and _SHA256.fullmatch(h) for h in hashes)


def _effect(user_list: str, job: str, operation: dict[str, Any], members: set[str]) -> list[Accepted]:
    if operation.get("removeAll") is True:
        members.clear()
        return []
    adds = "create" in operation
    found = {name: each[name] for each in _identifiers(operation) for name in each}
    email, phone = found.get("hashedEmail"), found.get("hashedPhoneNumber")
    member = email or phone or str(found.get("thirdPartyUserId") or found.get("mobileId") or found)
    has_effect = (member not in members) if adds else (member in members)
    (members.add if adds else members.discard)(member)
    name = "add" if adds else "remove"
    return [
        Accepted(
            channel="display",
            key=str(found.get("thirdPartyUserId") or member),
            provider_id=job,
            content=hashlib.sha256(f"{user_list}/{member}".encode()).digest(),
            recipient={"email_sha256": email, "phone_sha256": phone},
            facts={"operation": name},
            operation=name,
            has_effect=has_effect,
        )
    ]


def _error(
    status: int,
    message: str,
    code: dict[str, str] | None = None,
    details: dict[str, Any] | None = None,
    headers: Headers = (),
) -> Answer:
    told: dict[str, Any] = {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}
    if code is not None:
        failure = {"errorCode": code, "message": message} | ({"details": details} if details else {})
        told["details"] = [{"@type": _FAILURE, "errors": [failure]}]
    return as_json(status, {"error": told}, headers=headers)
