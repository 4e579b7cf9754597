"""Members of a Meta custom audience, by hashes."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from assets.channels.audiences import Member, Operation, upload
from assets.channels.contract import Delivery, Message, Receipt, detail_of
from assets.channels.hosts import check_url
from assets.channels.http import Answer, Api
from ml.configuration.drivers import MetaAudienceSettings

HOST: Final = "graph.facebook.com"
LARGEST_BATCH: Final = 10_000
_METHODS: Final = {"add": "POST", "remove": "DELETE"}
_BUSY: Final = (4, 17, 32, 613, 80003)
_EXPIRED: Final = 190


class MetaAudienceDriver:
    """Adds members to a custom audience and removes them.

    Membership is a set: the same upload again changes nothing, so the class is `keyed` without a horizon.

    Args:
        settings: The channel's part of `channels.yaml`.
        token: The access token.
        is_live: Whether the workspace may send beyond this machine.
    """

    delivery: Delivery = "keyed"
    key_horizon: timedelta | None = None

    def __init__(self, settings: MetaAudienceSettings, *, token: SecretStr, is_live: bool = False) -> None:
        root = check_url(
            settings.base_url or f"https://{HOST}",
            place="channels.yaml: paid_social.base_url",
            hosts=(HOST,),
            is_live=is_live,
        )
        self._path = f"{settings.audience_id}/users"
        self._api = Api(
            f"{root.rstrip('/')}/{settings.api_version}",
            delivery=self.delivery,
            timeout_s=settings.timeout_s,
            connections=settings.connections,
            headers={"Authorization": f"Bearer {token.get_secret_value()}"},
        )

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """Upload a batch, up to 10,000 members a request."""
        return upload(messages, at=at, size=LARGEST_BATCH, send=self._send)

    def _send(self, operation: Operation, members: Sequence[Member]) -> tuple[Answer, frozenset[int]]:
        payload = {
            "schema": ["EMAIL", "PHONE"],
            "data": [[member.email_sha256, member.phone_sha256] for member in members],
        }
        form = {"payload": json.dumps(payload), "session": json.dumps(_session(members))}
        answer = self._api.send(_METHODS[operation], self._path, form=form)
        return _with_code(answer), frozenset()


def _session(members: Sequence[Member]) -> dict[str, Any]:
    """One batch is one session; its number follows from its members, so that a repeat is the same session."""
    ids = "\n".join(sorted(member.message.message_id for member in members))
    number = int.from_bytes(hashlib.sha256(ids.encode()).digest()[:7])
    return {"session_id": number, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": len(members)}


def _with_code(answer: Answer) -> Answer:
    """An error with Meta's own code: limits and expired tokens come as 400 as well."""
    error = answer.body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if answer.status != "failed" or not isinstance(code, int):
        return answer
    explanation = f"HTTP {answer.code}, code {code}"
    if code in _BUSY:
        return replace(answer, status="retry", detail=detail_of("throttled", explanation))
    if code == _EXPIRED:
        return replace(answer, status="retry", detail=detail_of("unauthorized", explanation))
    return replace(answer, detail=detail_of("refused", explanation))
