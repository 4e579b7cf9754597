"""The plan: the decisions of a cycle, contacts and people left alone alike."""

import json
from collections.abc import Collection
from typing import Any, Final

import numpy as np
import pandas as pd

from data_tests.result import SuiteResult
from data_tests.runner import run
from data_tests.suite import Expectation, Flags, OneOf, Present, Rule, Suite, Type, UniqueRows, Within, numbers
from data_tests.words import ARMS, CHANNELS, NONE

_COLUMNS: Final[dict[str, Type]] = {
    **dict.fromkeys(("decision_id", "cycle_id", "customer_id", "objective_id", "arm", "channel", "offer_id"), "text"),
    **dict.fromkeys(
        ("creative_id", "slot", "action_id", "category", "reason", "alternatives", "expected_path"), "text"
    ),
    **dict.fromkeys(("logging_propensity", "baseline", "propensity", "uplift", "unit_value"), "number"),
    **dict.fromkeys(("net_value", "adjusted_value", "contact_cost", "value_to_go"), "number"),
    **dict.fromkeys(("send_at", "expires_at"), "timestamp"),
}
_MONEY: Final = ("unit_value", "net_value", "adjusted_value", "value_to_go")
_ALTERNATIVES_READ: Final = 2_000


def check(
    frame: pd.DataFrame, *, cycle_id: str, action_ids: Collection[str], objective_ids: Collection[str]
) -> SuiteResult:
    """Check a plan's decisions.

    Args:
        frame: One row a contact; one row with channel `none` for a person left alone.
        cycle_id: Of the plan.
        action_ids: Actions that the configuration has (``<channel>:<offer>:<creative>:<slot>``).
        objective_ids: Objectives that are active.
    """
    expectations: list[Expectation] = [
        Present(("decision_id", "customer_id", "arm", "channel", "offer_id", "action_id", "category", "reason")),
        Present(("logging_propensity", "contact_cost")),
        UniqueRows(("decision_id",)),
        OneOf("cycle_id", (cycle_id,)),
        OneOf("objective_id", objective_ids),
        OneOf("arm", ARMS),
        OneOf("channel", (*CHANNELS, NONE)),
        Within(("logging_propensity", "baseline", "propensity"), 0, 1),
        Within(("uplift",), -1, 1),
        Within(("contact_cost",), low=0),
        Rule("logging_propensity_is_not_zero", ("logging_propensity",), lambda rows: rows["logging_propensity"] != 0),
        Rule("money_is_finite", _MONEY, _finite),
        Rule(
            "contacts_belong_to_an_objective",
            ("channel", "objective_id"),
            lambda rows: _alone(rows) | _is_set(rows, "objective_id"),
        ),
        Rule(
            "action_is_configured",
            ("channel", "action_id"),
            lambda rows: _alone(rows) | rows["action_id"].isin(list(action_ids)),
        ),
        Rule("action_is_its_parts", ("action_id", "channel", "offer_id", "creative_id", "slot"), _is_its_parts),
        Rule("holdout_is_left_alone", ("arm", "channel"), lambda rows: (rows["arm"] != "holdout") | _alone(rows)),
        Rule(
            "leaving_alone_costs_nothing",
            ("channel", "contact_cost"),
            lambda rows: ~_alone(rows) | (rows["contact_cost"] == 0),
        ),
        Rule(
            "leaving_alone_leads_nowhere",
            ("channel", "value_to_go"),
            lambda rows: ~_alone(rows) | (rows["value_to_go"] == 0),
        ),
        Rule(
            "leaving_alone_gives_no_offer",
            ("channel", "offer_id"),
            lambda rows: ~_alone(rows) | (rows["offer_id"] == NONE),
        ),
        Rule("left_alone_means_no_contact", ("customer_id", "channel"), _alone_or_contacted),
        Rule("contacts_have_a_window", ("channel", "send_at", "expires_at"), _has_window),
        Rule("alternatives_are_json", ("alternatives",), _has_json),
    ]
    return run(Suite("decisions", "decision_id", _COLUMNS, expectations), frame)


def _alone(rows: pd.DataFrame) -> "pd.Series[bool]":
    return rows["channel"] == NONE


def _is_set(rows: pd.DataFrame, column: str) -> "pd.Series[bool]":
    return rows[column].notna() & (rows[column] != "")


def _finite(rows: pd.DataFrame) -> Flags:
    finite = np.ones(len(rows), bool)
    for column in _MONEY:
        finite &= ~np.isinf(numbers(rows, column))
    return finite


def _is_its_parts(rows: pd.DataFrame) -> "pd.Series[bool]":
    parts = rows["channel"].astype(str)
    for name in ("offer_id", "creative_id", "slot"):
        parts = parts + ":" + rows[name].astype(str)
    return _alone(rows) | (rows["action_id"].astype(str) == parts)


def _alone_or_contacted(rows: pd.DataFrame) -> "pd.Series[bool]":
    """A person left alone has that one row, so it can't be read as both."""
    return ~(_alone(rows) & rows["customer_id"].duplicated(keep=False))


def _has_window(rows: pd.DataFrame) -> "pd.Series[bool]":
    window = rows["send_at"].notna() & rows["expires_at"].notna() & (rows["send_at"] < rows["expires_at"])
    return window.where(~_alone(rows), rows["send_at"].isna())


def _has_json(rows: pd.DataFrame) -> "pd.Series[bool]":
    """The first 2,000 only: they are written by one function, so a fault shows in any of them."""
    readable = [_is_json(text) for text in rows["alternatives"].iloc[:_ALTERNATIVES_READ]]
    return pd.Series(readable, index=rows.index[: len(readable)]).reindex(rows.index, fill_value=True)


def _is_json(text: Any) -> bool:
    try:
        return text is None or text != text or isinstance(json.loads(text), list | dict)  # noqa: PLR0124 - NaN is no value
    except (TypeError, ValueError):
        return False
