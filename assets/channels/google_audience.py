"""Members of a Google Ads customer match list, by hashes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from assets.channels.audiences import Member, Operation, upload
from assets.channels.contract import Delivery, Message, Receipt, detail_of
from assets.channels.hosts import check_url
from assets.channels.http import Answer, Api
from ml.configuration.drivers import GoogleAudienceSettings

HOST: Final = "googleads.googleapis.com"
LARGEST_BATCH: Final = 10_000
_FIELDS: Final = {"add": "create", "remove": "remove"}
_JOB: Final = re.compile(r"customers/\d+/offlineUserDataJobs/\d+")
_UNAUTHORIZED: Final = 401


class GoogleAudienceDriver:
    """Adds members to a customer match list and removes them, each batch by an OfflineUserDataJob.

    Membership is a set: the same job again changes nothing, so the class is `keyed` without a horizon.

    Args:
        settings: The channel's part of `channels.yaml`.
        developer_token: Of the Google Ads account.
        client_id: Of the OAuth client.
        client_secret: Of the OAuth client.
        refresh_token: Of the user who lets it in.
        is_live: Whether the workspace may send beyond this machine.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = None

    def __init__(
        self,
        settings: GoogleAudienceSettings,
        *,
        developer_token: SecretStr,
        client_id: SecretStr,
        client_secret: SecretStr,
        refresh_token: SecretStr,
        is_live: bool = False,
    ) -> None:
        place, hosts = "channels.yaml: display.", ("googleapis.com",)
        root = settings.base_url or f"https://{HOST}"
        root = check_url(root, place=f"{place}base_url", hosts=hosts, is_live=is_live)
        self._token_url = check_url(settings.token_url, place=f"{place}token_url", hosts=hosts, is_live=is_live)
        self._settings = settings
        self._login = {
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": refresh_token,
        }
        self._token: SecretStr | None = None
        manager = {"login-customer-id": settings.login_customer_id} if settings.login_customer_id else {}
        self._api = Api(
            f"{root.rstrip('/')}/{settings.api_version}",
            delivery=self.delivery,
            timeout_s=settings.timeout_s,
            connections=settings.connections,
            headers={"developer-token": developer_token.get_secret_value(), **manager},
        )

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Upload a batch, up to 10,000 members a job."""
        return upload(messages, at=at, size=LARGEST_BATCH, send=self._send)

    def _send(self, operation: Operation, members: Sequence[Member]) -> tuple[Answer, frozenset[int]]:
        """Create a job, add the members, run it. Nothing is in force before the last step."""
        customer = f"customers/{self._settings.customer_id}"
        metadata: dict[str, Any] = {"userList": f"{customer}/userLists/{self._settings.user_list_id}"}
        if operation == "add":  # only who agreed to ads is added
            metadata["consent"] = {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}
        job = {"type": "CUSTOMER_MATCH_USER_LIST", "customerMatchUserListMetadata": metadata}
        created = self._post(f"{customer}/offlineUserDataJobs:create", {"job": job})
        name = str(created.body.get("resourceName", ""))
        if created.status != "sent" or not _JOB.fullmatch(name):
            return _unless_sent(created), frozenset()
        operations = [{_FIELDS[operation]: {"userIdentifiers": _identifiers(member)}} for member in members]
        added = self._post(f"{name}:addOperations", {"operations": operations, "enablePartialFailure": True})
        if added.status != "sent":
            return added, frozenset()
        return self._post(f"{name}:run", {}), _refused(added.body)

    def _post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A request with an access token; where that has run out, once more with a new one."""
        answer = Answer("retry", detail_of("unauthorized", "no access token"))
        for _ in range(2):
            if self._token is None:
                refreshed = self._refresh()
                if self._token is None:
                    return refreshed
            headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
            answer = self._api.send("POST", path, headers=headers, json=body)
            if answer.code != _UNAUTHORIZED:
                return answer
            self._token = None
        return answer

    def _refresh(self) -> Answer:
        secrets = {name: value.get_secret_value() for name, value in self._login.items()}
        form = {"grant_type": "refresh_token", **secrets}
        answer = self._api.send("POST", self._token_url, form=form)
        token = answer.body.get("access_token")
        if answer.status == "sent" and isinstance(token, str):
            self._token = SecretStr(token)
            return answer
        reason = f"no access token (HTTP {answer.code}): check client and refresh token"
        return (
            answer
            if answer.status == "retry"
            else replace(answer, status="retry", detail=detail_of("unauthorized", reason))
        )


def _identifiers(member: Member) -> list[dict[str, str]]:
    """At most 20 a user are allowed, two are ours."""
    found = {"hashedEmail": member.email_sha256, "hashedPhoneNumber": member.phone_sha256}
    return [{name: value} for name, value in found.items() if value]


def _unless_sent(answer: Answer) -> Answer:
    """An answer that names no job is none."""
    if answer.status != "sent":
        return answer
    return replace(answer, status="retry", detail=detail_of("unanswered", "the answer names no job"))


def _refused(body: Mapping[str, Any]) -> frozenset[int]:
    """Places of the operations that `partialFailureError` names (google.rpc.Status with GoogleAdsFailure)."""
    status = body.get("partialFailureError")
    details = status.get("details") if isinstance(status, dict) else None
    places = set()
    for detail in details if isinstance(details, list) else ():
        for error in detail.get("errors", ()):
            for element in error.get("location", {}).get("fieldPathElements", ()):
                if element.get("fieldName") == "operations" and isinstance(element.get("index"), int):
                    places.add(element["index"])
    return frozenset(places)
