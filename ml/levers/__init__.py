"""The operator's numbers as levers on a stored problem: what a budget, cap, price or guardrail would be today.

A key is written as in the YAML files (`policy.spend_caps.per_day`). What a number means today is what remains of it after
everything that stands outside of the problem: earlier plans of the day and the randomized arms. A budget is for a period:
today's room is the share of what is left of it that pacing gave today, so each unit of budget more is that share more today.
"""

from ml.levers.day import (
    CONTACTS,
    NO_CAP,
    PER_CHANNEL,
    PER_DAY,
    SPEND_CHANGE,
    SPEND_SHARE,
    Day,
    LeverError,
    Numbers,
    ObjectiveDay,
)
from ml.levers.keys import Change, moved, needs_parts, parse
from ml.levers.parts import ValueParts

__all__ = [
    "CONTACTS",
    "NO_CAP",
    "PER_CHANNEL",
    "PER_DAY",
    "SPEND_CHANGE",
    "SPEND_SHARE",
    "Change",
    "Day",
    "LeverError",
    "Numbers",
    "ObjectiveDay",
    "ValueParts",
    "moved",
    "needs_parts",
    "parse",
]
