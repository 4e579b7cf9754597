"""Turns the messages that a caller hands in into rows of the outbox, checked and of one shape."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from assets.ledger.columns import to_json, to_micros
from assets.ledger.errors import BadMessages

TEXTS = (
    "message_id",
    "decision_id",
    "cycle_id",
    "customer_id",
    "objective_id",
    "channel",
    "offer_id",
    "creative_id",
    "slot",
)
REQUIRED = (*TEXTS, "send_at", "expires_at", "cost", "contact_ids", "recipient", "content")
CYCLE_DAY_LENGTH = len("2026-01-05")


def outbox_rows(
    messages: pd.DataFrame | Iterable[Mapping[str, Any]], *, decided_at: datetime
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows for `outbox` and for `payload`.

    Args:
        messages: One row a message with the columns of `REQUIRED`; `contact_ids` a list, `recipient` and `content`
            mappings, or each of them as JSON text; times aware or naive UTC; `cost` in currency.
        decided_at: When the plan was proposed: consent that went later than this is looked for at hand-over.

    Raises:
        BadMessages: If a column is missing, a message_id comes twice, or a value can't be kept.
    """
    frame = messages if isinstance(messages, pd.DataFrame) else pd.DataFrame(list(messages))
    if frame.empty:
        return [], []
    times = {name: pd.to_datetime(frame[name], utc=True) for name in ("send_at", "expires_at") if name in frame}
    _check(frame, times)
    columns: dict[str, list[Any]] = {name: frame[name].astype(str).tolist() for name in TEXTS}
    columns |= {name: list(each.dt.to_pydatetime()) for name, each in times.items()}
    columns["cost_micros"] = [to_micros(cost) for cost in frame["cost"].tolist()]
    columns |= {
        name: [_json(value) for value in frame[name].tolist()] for name in ("contact_ids", "recipient", "content")
    }
    rows, payloads = [], []
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        payload = {"message_id": row["message_id"], "recipient": row.pop("recipient"), "content": row.pop("content")}
        digest = payload_sha256(payload["recipient"], payload["content"])
        rows.append(
            row | {"cycle_on": row["cycle_id"][:CYCLE_DAY_LENGTH], "payload_sha256": digest, "decided_at": decided_at}
        )
        payloads.append(payload)
    return rows, payloads


def payload_sha256(recipient: str, content: str) -> str:
    """Fingerprint of what a message says and to whom, as the outbox keeps it from the release on."""
    return hashlib.sha256(f"{recipient}\n{content}".encode()).hexdigest()


def _check(frame: pd.DataFrame, times: Mapping[str, "pd.Series[Any]"]) -> None:
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise BadMessages(f"messages lack {', '.join(missing)}: give every column of {', '.join(REQUIRED)}")
    has_gaps = frame[list(REQUIRED)].isna().any()
    empty = [name for name in REQUIRED if has_gaps[name]]
    if empty:
        raise BadMessages(
            f"messages have no value in {', '.join(empty)}: leave people without it out of the plan, with that reason"
        )
    twice = frame.loc[frame["message_id"].duplicated(), "message_id"]
    if len(twice):
        raise BadMessages(
            f"message_id {twice.iloc[0]} and {len(twice) - 1} more come twice: a decision has one message"
        )
    late = frame.loc[times["expires_at"] <= times["send_at"], "message_id"]
    if len(late):
        raise BadMessages(
            f"message {late.iloc[0]} and {len(late) - 1} more expire before they are due: "
            "expires_at must be after send_at"
        )
    if not (frame["cost"] >= 0).all():
        raise BadMessages("a message costs less than nothing: cost must be 0 or more")


def _json(value: Any) -> str:
    if isinstance(value, str):
        parsed = json.loads(value)  # refuse now what would break the channel's file later, line breaks included
        return value if "\n" not in value and "\r" not in value else to_json(parsed)
    return to_json(value if isinstance(value, Mapping) else list(value))
