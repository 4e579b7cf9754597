"""What uploads to ad audiences share: members by operation, in the order in which they must arrive."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from assets.channels.contract import Message, Receipt, Unsendable
from assets.channels.http import Answer

Operation = Literal["add", "remove"]
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A person as a platform matches them: hashes only, at least one."""

    message: Message
    operation: Operation
    email_sha256: str
    phone_sha256: str


def member_of(message: Message) -> Member:
    """The member that a message adds or removes.

    Raises:
        Unsendable: There's no hash, or something that isn't one: a plain address must never be uploaded.
    """
    recipient = message.recipient
    operation: Operation | None = next((each for each in OPERATIONS if each == recipient.get("operation")), None)
    hashes = [recipient.get(name) or "" for name in ("email_sha256", "phone_sha256")]
    if operation is None:
        raise Unsendable("invalid_recipient", "its operation is neither add nor remove")
    if not any(hashes) or not all(value == "" or _HASH.fullmatch(str(value)) for value in hashes):
        raise Unsendable("invalid_recipient", "it needs a SHA-256 in lower-case hex")
    return Member(message, operation, *hashes)


def upload(
    messages: Sequence[Message],
    *,
    at: datetime,
    size: int,
    send: Callable[[Operation, Sequence[Member]], tuple[Answer, frozenset[int]]],
) -> list[Receipt]:
    """Upload members in batches, those to add before those to remove: who is in both is out in the end.

    Args:
        messages: The batch.
        at: Business time, for the receipts.
        size: Members a request at most.
        send: Uploads members; tells what came of it, and the places of members that were refused by themselves.
    """
    members, receipts = [], []
    for message in {message.message_id: message for message in messages}.values():
        try:
            members.append(member_of(message))
        except Unsendable as refusal:
            receipts.append(Receipt(message.message_id, "failed", at, detail=refusal.detail))
    for operation, batch in _batches(members, size):
        answer, refused = send(operation, batch)
        for place, member in enumerate(batch):
            if place in refused:
                receipts.append(Receipt(member.message.message_id, "failed", at, detail="refused: as a member"))
            else:
                receipts.append(answer.receipt(member.message, at))
    return receipts


def _batches(members: Sequence[Member], size: int) -> Iterator[tuple[Operation, list[Member]]]:
    for operation in OPERATIONS:
        chosen = [member for member in members if member.operation == operation]
        for start in range(0, len(chosen), size):
            yield operation, chosen[start : start + size]
