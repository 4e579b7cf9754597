"""Outcomes: what came back, each event once, before it counts for anyone."""

from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, OneOf, Present, Rule, Suite, Type, UniqueRows, Within
from data_tests.words import CHANNELS, OUTCOME_TYPES

_COLUMNS: Final[dict[str, Type]] = {
    **dict.fromkeys(("event_id", "event_type", "message_id", "channel"), "text"),
    **dict.fromkeys(("occurred_at", "received_at"), "timestamp"),
    "value": "number",
    "is_matched": "flag",
}
_CLOCK_SKEW: Final = timedelta(days=1)
_MOST_VALUE: Final = 1e7


def check(frame: pd.DataFrame, *, received_by: datetime) -> SuiteResult:
    """Check outcomes as they were taken in.

    Args:
        frame: One row an event; ``is_matched`` says whether its message is one that was handed over.
        received_by: The clock of the intake, UTC: nothing was received later.
    """
    latest = pd.Timestamp(received_by)
    expectations: list[Expectation] = [
        Present(("event_id", "event_type", "occurred_at", "received_at", "is_matched")),
        UniqueRows(("event_id",)),
        OneOf("event_type", OUTCOME_TYPES),
        OneOf("channel", CHANNELS),
        Within(("value",), -_MOST_VALUE, _MOST_VALUE),
        Rule("received_by_the_clock", ("received_at",), lambda rows: rows["received_at"] <= latest),
        Rule(
            "occurred_before_it_was_received",
            ("occurred_at", "received_at"),
            lambda rows: rows["occurred_at"] <= rows["received_at"] + _CLOCK_SKEW,
        ),
        Rule(
            "matched_events_name_their_message",
            ("is_matched", "message_id"),
            lambda rows: ~rows["is_matched"].astype(bool) | rows["message_id"].notna(),
        ),
        Rule(
            "matched_events_know_their_channel",
            ("is_matched", "channel"),
            lambda rows: ~rows["is_matched"].astype(bool) | rows["channel"].notna(),
        ),
    ]
    return run(Suite("outcomes", "event_id", _COLUMNS, expectations), frame)
