"""The customer view: one row a person as of the cycle's day, as published from the mart ``dim_customers``."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd

from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, Flags, OneOf, Present, Rule, Suite, Type, UniqueRows, Within, numbers
from data_tests.words import CHANNELS

LIFECYCLES: Final = ("prospect", "active", "lapsing", "lapsed")
WINDOWS: Final = (7, 30, 90, 365)
_EVENTS: Final = ("purchase", "web_visit", "email_open", "email_click", "ad_impression", "ad_click", "call", "touch")
_FLAGS: Final = ("has_email", "has_phone", "has_address", "has_device_token", "has_visitor")
_SINCE: Final = ("purchase", "web_visit", "email_open", "email_click", "ad_click", "call", "touch")

WINDOW_COUNTS: Final = {event: tuple(f"{event}_{days}d_count" for days in WINDOWS) for event in _EVENTS}
COUNTS: Final = (
    *(name for names in WINDOW_COUNTS.values() for name in names),
    *(f"touch_{channel}_30d_count" for channel in CHANNELS),
    "redemption_365d_count",
)
AGES: Final = tuple(f"days_since_last_{event}" for event in _SINCE)
AMOUNTS: Final = tuple(f"{amount}_{days}d" for amount in ("revenue", "margin") for days in WINDOWS)


def _windows_grow(frame: pd.DataFrame) -> Flags:
    grows = np.ones(len(frame), bool)
    for names in WINDOW_COUNTS.values():
        counts = [numbers(frame, name) for name in names]
        for shorter, longer in pairwise(counts):
            grows &= ~(shorter > longer)
    return grows


def _all_finite(frame: pd.DataFrame, columns: tuple[str, ...]) -> Flags:
    finite = np.ones(len(frame), bool)
    for column in columns:
        finite &= ~np.isinf(numbers(frame, column))
    return finite


def _bought_within(frame: pd.DataFrame, days: int) -> Flags:
    return numbers(frame, "days_since_last_purchase") <= days


FEATURE_COLUMNS: Final[Mapping[str, Type]] = {
    **dict.fromkeys(
        ("lifecycle", "country", "region", "time_zone", "acquisition_source", "favourite_category"), "text"
    ),
    **dict.fromkeys(("age_years", "tenure_days", "contact_count", "preferred_hour"), "number"),
    **dict.fromkeys(_FLAGS, "flag"),
    **dict.fromkeys((*AGES, *COUNTS, *AMOUNTS, "discount_share_365d", "average_order_value_365d"), "number"),
}
FEATURE_EXPECTATIONS: Final[tuple[Expectation, ...]] = (
    Present(("lifecycle", *_FLAGS, *COUNTS, *AMOUNTS, "tenure_days")),
    OneOf("lifecycle", LIFECYCLES),
    Within((*COUNTS, *AGES, "tenure_days"), low=0),
    Within(("contact_count",), low=1),
    Within(("age_years",), 0, 130),
    Within(("preferred_hour",), 0, 23),
    Within(("discount_share_365d",), 0, 1),
    Rule(
        "longer_windows_count_no_less",
        tuple(name for names in WINDOW_COUNTS.values() for name in names),
        _windows_grow,
    ),
    Rule(
        "prospects_never_bought",
        ("lifecycle", "days_since_last_purchase"),
        lambda frame: (frame["lifecycle"] == "prospect") == frame["days_since_last_purchase"].isna(),
    ),
    Rule(
        "recent_purchases_are_counted",
        ("purchase_7d_count", "days_since_last_purchase"),
        lambda frame: _bought_within(frame, WINDOWS[0]) | ~(numbers(frame, "purchase_7d_count") > 0),
    ),
    Rule("money_is_finite", AMOUNTS, lambda frame: _all_finite(frame, AMOUNTS)),
)


def check(frame: pd.DataFrame, *, as_of_on: date | None = None) -> SuiteResult:
    """Check the customer view.

    Args:
        frame: ``dim_customers``, one row a person; attribute columns beside the features are allowed.
        as_of_on: Day of the cycle, which every row must bear; None where rows of several days are allowed.
    """
    expectations: list[Expectation] = [Present(("customer_id", "as_of_on")), UniqueRows(("customer_id",))]
    if as_of_on is not None:
        expectations.append(
            Rule(
                "is_of_the_cycles_day",
                ("as_of_on",),
                lambda rows: pd.to_datetime(rows["as_of_on"]) == pd.Timestamp(as_of_on),
            )
        )
    columns: dict[str, Type] = {"customer_id": "text", "as_of_on": "date", **FEATURE_COLUMNS}
    return run(Suite("customers", "customer_id", columns, (*expectations, *FEATURE_EXPECTATIONS)), frame)
