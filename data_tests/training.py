"""The training frame: (customer, day) with the features known then, the action, its propensity and the outcome."""

from datetime import date, timedelta
from typing import Final

import pandas as pd

from data_tests.customers import FEATURE_COLUMNS, FEATURE_EXPECTATIONS
from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, OneOf, Present, Rule, Suite, Type, UniqueRows, Within
from data_tests.words import ARMS, CHANNELS, NONE

_COLUMNS: Final[dict[str, Type]] = {
    **dict.fromkeys(("customer_id", "channel", "offer_id", "creative_id", "slot", "arm", "source"), "text"),
    "as_of_on": "date",
    **dict.fromkeys(("sample_weight", "maturity", "propensity", "margin"), "number"),
    "is_converted": "flag",
}


def check(frame: pd.DataFrame, *, cutoff_on: date, horizon_days: int) -> SuiteResult:
    """Check the training frame.

    Args:
        frame: One row a customer and day.
        cutoff_on: Day of the cycle that trains.
        horizon_days: Days in which a conversion counts: a row whose horizon isn't over by then is less than finished.
    """
    latest = pd.Timestamp(cutoff_on - timedelta(days=horizon_days))
    expectations: list[Expectation] = [
        Present(
            (
                "customer_id",
                "as_of_on",
                "channel",
                "offer_id",
                "arm",
                "source",
                "sample_weight",
                "maturity",
                "is_converted",
            )
        ),
        UniqueRows(("customer_id", "as_of_on")),
        OneOf("channel", (*CHANNELS, NONE)),
        OneOf("arm", (*ARMS, "history")),
        OneOf("source", ("history", "cycle")),
        Within(("propensity",), 0, 1),
        Rule(
            "weights_are_positive_and_finite",
            ("sample_weight",),
            lambda rows: rows["sample_weight"].between(0, 1e9, "right"),
        ),
        Rule("propensity_is_not_zero", ("propensity",), lambda rows: ~(rows["propensity"] == 0)),
        Within(("maturity",), 0, 1),
        Rule("days_are_past", ("as_of_on",), lambda rows: pd.to_datetime(rows["as_of_on"]) < pd.Timestamp(cutoff_on)),
        Rule(
            "finished_when_the_horizon_is_over",
            ("as_of_on", "maturity"),
            lambda rows: (pd.to_datetime(rows["as_of_on"]) > latest) | (rows["maturity"] == 1),
        ),
        Rule(
            "margin_only_of_finished_conversions",
            ("margin", "is_converted", "as_of_on"),
            lambda rows: (
                rows["margin"].notna()
                == (rows["is_converted"].astype(bool) & (pd.to_datetime(rows["as_of_on"]) <= latest))
            ),
        ),
        Rule(
            "nobody_contacted_has_no_offer",
            ("channel", "offer_id"),
            lambda rows: (rows["channel"] != NONE) | (rows["offer_id"] == NONE),
        ),
        Rule(
            "holdout_was_not_contacted",
            ("channel", "arm"),
            lambda rows: (rows["arm"] != "holdout") | (rows["channel"] == NONE),
        ),
        Rule(
            "own_cycles_know_their_propensity",
            ("source", "arm", "propensity"),
            lambda rows: (rows["source"] != "cycle") | (rows["arm"] == "holdout") | rows["propensity"].notna(),
        ),
    ]
    suite = Suite("training", "customer_id", {**_COLUMNS, **FEATURE_COLUMNS}, (*expectations, *FEATURE_EXPECTATIONS))
    return run(suite, frame)
