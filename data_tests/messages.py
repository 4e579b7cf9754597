"""The outbox: what is about to leave, each message with the recipient that its channel needs and nothing more."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, OneOf, Present, Rule, Suite, Type, UniqueRows, Within
from data_tests.words import CHANNELS

_COLUMNS: Final[dict[str, Type]] = {
    **dict.fromkeys(
        ("message_id", "decision_id", "cycle_id", "customer_id", "objective_id", "channel", "offer_id"), "text"
    ),
    **dict.fromkeys(("creative_id", "slot", "contact_ids", "recipient", "content", "plan_id"), "text"),
    **dict.fromkeys(("send_at", "expires_at"), "timestamp"),
    "cost": "number",
}
_ADDRESS: Final = frozenset({"first_name", "last_name", "address_line", "postal_code", "city", "region", "country"})
_AUDIENCE: Final = frozenset({"email_sha256", "phone_sha256", "operation"})
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"email", "first_name"}),
    "sms": frozenset({"phone", "first_name"}),
    "voice": frozenset({"phone", "first_name"}),
    "push": frozenset({"device_token"}),
    "direct_mail": _ADDRESS,
    "paid_social": _AUDIENCE,
    "display": _AUDIENCE,
    "web": frozenset({"visitor_ids"}),
}
_REACHED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email",),
    "sms": ("phone",),
    "voice": ("phone",),
    "push": ("device_token",),
    "direct_mail": ("address_line",),
    "paid_social": ("email_sha256", "phone_sha256"),
    "display": ("email_sha256", "phone_sha256"),
    "web": ("visitor_ids",),
}


def check(frame: pd.DataFrame, *, cycle_id: str, plan_id: str, decisions: pd.DataFrame | None = None) -> SuiteResult:
    """Check messages before they are written to the outbox.

    Args:
        frame: One row a message; ``contact_ids``, ``recipient`` and ``content`` are JSON.
        cycle_id: Of the plan.
        plan_id: The plan that was released.
        decisions: The plan's, with ``decision_id``, ``customer_id``, ``channel``; None where they aren't at hand.
    """
    recipients = [_parsed(text) for text in frame["recipient"]] if "recipient" in frame else []
    expectations: list[Expectation] = [
        Present(tuple(_COLUMNS)),
        UniqueRows(("message_id",)),
        UniqueRows(("decision_id",)),
        OneOf("cycle_id", (cycle_id,)),
        OneOf("plan_id", (plan_id,)),
        OneOf("channel", CHANNELS),
        Within(("cost",), 0, 1e6),
        Rule("expires_after_it_is_sent", ("send_at", "expires_at"), lambda rows: rows["send_at"] < rows["expires_at"]),
        Rule("contact_ids_are_a_list", ("contact_ids",), lambda rows: _each(rows["contact_ids"], _is_id_list)),
        Rule(
            "content_is_an_object",
            ("content",),
            lambda rows: _each(rows["content"], lambda text: isinstance(_parsed(text), dict)),
        ),
        Rule(
            "recipient_can_be_reached",
            ("recipient", "channel"),
            lambda rows: _recipients(rows, recipients, _is_reachable),
        ),
        Rule(
            "recipient_has_only_what_is_needed",
            ("recipient", "channel"),
            lambda rows: _recipients(rows, recipients, _is_minimal),
        ),
    ]
    if decisions is not None:
        taken = decisions
        expectations.append(
            Rule(
                "is_what_was_decided", ("decision_id", "customer_id", "channel"), lambda rows: _is_decided(rows, taken)
            )
        )
    return run(Suite("messages", "message_id", _COLUMNS, expectations), frame)


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _each(values: "pd.Series[Any]", holds: Any) -> "pd.Series[bool]":
    return pd.Series([holds(value) for value in values], index=values.index, dtype=bool)


def _is_id_list(text: Any) -> bool:
    ids = _parsed(text)
    return isinstance(ids, list) and len(ids) > 0 and all(isinstance(each, str) for each in ids)


def _recipients(rows: pd.DataFrame, recipients: list[Any], holds: Any) -> "pd.Series[bool]":
    pairs = zip(recipients, rows["channel"], strict=True)
    return pd.Series([holds(recipient, channel) for recipient, channel in pairs], index=rows.index, dtype=bool)


def _is_reachable(recipient: Any, channel: str) -> bool:
    return isinstance(recipient, dict) and any(recipient.get(name) for name in _REACHED_BY.get(channel, ()))


def _is_minimal(recipient: Any, channel: str) -> bool:
    return not isinstance(recipient, dict) or recipient.keys() <= _ALLOWED.get(channel, frozenset())


def _is_decided(rows: pd.DataFrame, decisions: pd.DataFrame) -> "pd.Series[bool]":
    names = ["decision_id", "customer_id", "channel"]
    found = (
        rows[names].merge(decisions[names].drop_duplicates(), on=names, how="left", indicator=True)["_merge"] == "both"
    )
    return pd.Series(np.asarray(found), index=rows.index)
