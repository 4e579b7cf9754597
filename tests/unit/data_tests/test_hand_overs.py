"""Every hand-over, corrupted: the suite names exactly the planted rows, and no value."""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache

import numpy as np
import pandas as pd
import pytest

from data_tests import customers, decisions, messages, outcomes, scores, training
from data_tests.result import SuiteResult
from tests.unit.data_tests import frames

CHECKS: dict[str, tuple[Callable[..., pd.DataFrame], Callable[[pd.DataFrame], SuiteResult], str]] = {
    "customers": (frames.customers, lambda frame: customers.check(frame, as_of_on=date(2026, 1, 5)), "customer_id"),
    "training": (
        frames.training,
        lambda frame: training.check(frame, cutoff_on=date(2026, 1, 5), horizon_days=14),
        "customer_id",
    ),
    "scores": (frames.scores, lambda frame: scores.check(frame, options=frames.OPTIONS), "customer_id"),
    "decisions": (
        frames.decisions,
        lambda frame: decisions.check(
            frame, cycle_id="2026-01-05", action_ids=frames.ACTIONS, objective_ids=["reactivate"]
        ),
        "decision_id",
    ),
    "messages": (
        frames.messages,
        lambda frame: messages.check(frame, cycle_id="2026-01-05", plan_id="plan-1", decisions=frames.messages(600)),
        "message_id",
    ),
    "outcomes": (
        frames.outcomes,
        lambda frame: outcomes.check(frame, received_by=datetime(2026, 1, 5, 12)),  # noqa: DTZ001 - UTC without zone
        "event_id",
    ),
}
Fault = tuple[str, str, object, str]
EARLY, LATE = pd.Timestamp("2020-01-01"), pd.Timestamp("2030-01-01")
CUSTOMER_FAULTS: list[tuple[str, object, str]] = [
    ("lifecycle", "vip", "values_in_set"),
    ("lifecycle", None, "values_present"),
    ("lifecycle", "prospect", "prospects_never_bought"),
    ("age_years", 131, "values_within_bounds"),
    ("preferred_hour", 24, "values_within_bounds"),
    ("discount_share_365d", 1.01, "values_within_bounds"),
    ("touch_voice_30d_count", -1, "values_within_bounds"),
    ("days_since_last_call", -3, "values_within_bounds"),
    ("contact_count", 0, "values_within_bounds"),
    ("tenure_days", -1, "values_within_bounds"),
    ("purchase_30d_count", 99, "longer_windows_count_no_less"),
    ("days_since_last_purchase", 8.0, "recent_purchases_are_counted"),
    ("revenue_90d", np.inf, "money_is_finite"),
    ("margin_7d", np.nan, "values_present"),
]
FAULTS: list[Fault] = [
    *(("customers", *fault) for fault in [*CUSTOMER_FAULTS, ("as_of_on", EARLY, "is_of_the_cycles_day")]),
    *(("training", *fault) for fault in CUSTOMER_FAULTS),
    ("training", "channel", "fax", "values_in_set"),
    ("training", "arm", "vip", "values_in_set"),
    ("training", "arm", "holdout", "holdout_was_not_contacted"),
    ("training", "source", "elsewhere", "values_in_set"),
    ("training", "propensity", 1.5, "values_within_bounds"),
    ("training", "propensity", 0.0, "propensity_is_not_zero"),
    ("training", "propensity", np.nan, "own_cycles_know_their_propensity"),
    ("training", "sample_weight", 0.0, "weights_are_positive_and_finite"),
    ("training", "sample_weight", np.inf, "weights_are_positive_and_finite"),
    ("training", "as_of_on", pd.Timestamp("2026-01-05"), "days_are_past"),
    ("training", "as_of_on", pd.Timestamp("2025-12-23"), "margin_only_of_finished_conversions"),
    ("training", "maturity", 0.5, "finished_when_the_horizon_is_over"),
    ("training", "maturity", 1.5, "values_within_bounds"),
    ("training", "maturity", np.nan, "values_present"),
    ("training", "margin", np.nan, "margin_only_of_finished_conversions"),
    ("training", "is_converted", False, "margin_only_of_finished_conversions"),
    ("training", "channel", "none", "nobody_contacted_has_no_offer"),
    ("scores", "baseline", 1.2, "values_within_bounds"),
    ("scores", "baseline", np.nan, "values_present"),
    ("scores", "baseline", 0.2, "uplift_is_the_difference"),
    ("scores", "amount", np.nan, "values_present"),
    ("scores", "amount", np.inf, "values_within_bounds"),
    ("scores", "propensity_sms:ten_off", -0.1, "values_within_bounds"),
    ("scores", "propensity_sms:ten_off", np.nan, "values_present"),
    ("scores", "uplift_email:none", 2.0, "values_within_bounds"),
    ("scores", "uplift_email:none", np.inf, "values_within_bounds"),
    ("scores", "uplift_email:none", 0.06, "uplift_is_the_difference"),
    ("scores", "uplift_email:none", np.nan, "values_present"),
    ("scores", "exposure_email:none", np.nan, "values_present"),
    ("scores", "exposure_email:none", -0.1, "values_within_bounds"),
    ("scores", "usual_discount", -1.0, "values_within_bounds"),
    ("scores", "customer_id", "p0", "rows_unique"),
    ("decisions", "cycle_id", "2026-01-04", "values_in_set"),
    ("decisions", "objective_id", "other", "values_in_set"),
    ("decisions", "objective_id", None, "contacts_belong_to_an_objective"),
    ("decisions", "arm", "holdout", "holdout_is_left_alone"),
    ("decisions", "arm", "vip", "values_in_set"),
    ("decisions", "channel", "fax", "values_in_set"),
    ("decisions", "channel", "sms", "action_is_its_parts"),
    ("decisions", "action_id", "email:none:unknown:morning", "action_is_configured"),
    ("decisions", "logging_propensity", 0.0, "logging_propensity_is_not_zero"),
    ("decisions", "logging_propensity", 1.0001, "values_within_bounds"),
    ("decisions", "logging_propensity", np.nan, "values_present"),
    ("decisions", "contact_cost", -1.0, "values_within_bounds"),
    ("decisions", "net_value", -np.inf, "money_is_finite"),
    ("decisions", "uplift", 1.5, "values_within_bounds"),
    ("decisions", "send_at", pd.NaT, "contacts_have_a_window"),
    ("decisions", "expires_at", EARLY, "contacts_have_a_window"),
    ("decisions", "alternatives", "{", "alternatives_are_json"),
    ("decisions", "reason", None, "values_present"),
    ("messages", "cycle_id", "2026-01-04", "values_in_set"),
    ("messages", "plan_id", "plan-2", "values_in_set"),
    ("messages", "channel", "fax", "values_in_set"),
    ("messages", "cost", -1.0, "values_within_bounds"),
    ("messages", "expires_at", EARLY, "expires_after_it_is_sent"),
    ("messages", "contact_ids", "[]", "contact_ids_are_a_list"),
    ("messages", "contact_ids", '{"a": 1}', "contact_ids_are_a_list"),
    ("messages", "content", "hello", "content_is_an_object"),
    ("messages", "recipient", "{}", "recipient_can_be_reached"),
    ("messages", "recipient", "not json", "recipient_can_be_reached"),
    ("messages", "recipient", '{"email": "a@b", "birth_year": 1980}', "recipient_has_only_what_is_needed"),
    ("messages", "customer_id", "p9", "is_what_was_decided"),
    ("messages", "decision_id", "d9999", "is_what_was_decided"),
    ("messages", "content", None, "values_present"),
    ("outcomes", "event_type", "teleported", "values_in_set"),
    ("outcomes", "event_type", None, "values_present"),
    ("outcomes", "channel", "fax", "values_in_set"),
    ("outcomes", "value", 1e9, "values_within_bounds"),
    ("outcomes", "received_at", LATE, "received_by_the_clock"),
    ("outcomes", "received_at", pd.NaT, "values_present"),
    ("outcomes", "occurred_at", LATE, "occurred_before_it_was_received"),
    ("outcomes", "message_id", None, "matched_events_name_their_message"),
    ("outcomes", "channel", None, "matched_events_know_their_channel"),
]
# rows at which faults are planted: contacts among decisions, buyers among customers, one channel among messages
STEPS = {
    "customers": (4, 6),
    "training": (4, 6),
    "scores": (1, 1),
    "decisions": (4, 2),
    "messages": (0, 8),
    "outcomes": (5, 2),
}


def row_of(fault: Fault) -> int:
    """Each fault of a hand-over has a row of its own."""
    first, step = STEPS[fault[0]]
    return first + step * [each for each in FAULTS if each[0] == fault[0]].index(fault)


@cache
def corrupted(name: str) -> tuple[pd.DataFrame, SuiteResult]:
    """A hand-over with all its faults, and what its suite says."""
    make, check, _ = CHECKS[name]
    frame = make(600)
    for column in {fault[1] for fault in FAULTS if fault[0] == name}:
        values = frame[column].astype(object)
        for fault in FAULTS:
            if fault[:2] == (name, column):
                values[row_of(fault)] = fault[2]
        frame[column] = values if column == "as_of_on" else values.convert_dtypes()
    return frame, check(frame)


@pytest.mark.parametrize("name", CHECKS)
def test_frame_without_a_fault_passes(name):
    make, check, _ = CHECKS[name]
    result = check(make())
    assert (result.passed, result.failures) == (True, ())


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{name}.{column}={value}" for name, column, value, _ in FAULTS])
def test_planted_row_is_named_with_what_it_breaks(fault):
    name, column, _, expectation = fault
    frame, result = corrupted(name)
    key = str(frame.loc[row_of(fault), CHECKS[name][2]])
    assert any(
        failure.expectation == expectation and column in failure.column.split(", ") and key in failure.row_keys
        for failure in result.failures
    )


@pytest.mark.parametrize("name", CHECKS)
def test_no_other_row_is_named(name):
    frame, result = corrupted(name)
    planted = {str(frame.loc[row_of(fault), CHECKS[name][2]]) for fault in FAULTS if fault[0] == name} | {"p0"}
    assert {key for failure in result.failures for key in failure.row_keys} <= planted
    assert all(failure.count == len(failure.row_keys) for failure in result.failures if failure.count < 10)


@pytest.mark.parametrize("name", CHECKS)
def test_missing_column_and_wrong_type_are_named(name):
    make, check, key = CHECKS[name]
    frame = make()
    missing = frame.columns.difference([key, "attr_plan"])[0]
    numeric = frame.select_dtypes("number").columns[0]
    failures = check(frame.drop(columns=missing).assign(**{numeric: "much"})).failures
    assert {(failure.expectation, failure.column, failure.count) for failure in failures} == {
        ("column_exists", missing, len(frame)),
        ("column_type_is_number", numeric, len(frame)),
    }


@pytest.mark.parametrize("name", CHECKS)
def test_empty_frame_with_the_right_columns_passes(name):
    make, check, _ = CHECKS[name]
    assert check(make().iloc[:0]).passed


@pytest.mark.parametrize("name", CHECKS)
def test_repeated_key_is_named(name):
    make, check, key = CHECKS[name]
    frame = make()
    result = check(pd.concat([frame, frame.iloc[[2]]]))
    unique = [failure for failure in result.failures if failure.expectation == "rows_unique"]
    assert {row for failure in unique for row in failure.row_keys} == {frame.loc[2, key]}


def test_person_left_alone_and_contacted_at_once_is_named():
    frame = frames.decisions()
    frame.loc[5, "customer_id"] = "p4"
    (failure,) = CHECKS["decisions"][1](frame).failures
    assert (failure.expectation, failure.row_keys) == ("left_alone_means_no_contact", ("d5",))


def test_people_who_were_not_scored_are_named():
    expected = pd.Series(["p0", "p1", "p99"])
    result = scores.check(frames.scores(3), options=frames.OPTIONS, customer_ids=expected)
    assert [(failure.expectation, failure.row_keys) for failure in result.failures] == [
        ("row_expected", ("p2",)),
        ("expected_row_exists", ("p99",)),
    ]


def test_at_most_ten_keys_are_shown_and_all_rows_counted():
    frame = frames.customers(300).assign(preferred_hour=99)
    (failure,) = CHECKS["customers"][1](frame).failures
    assert (failure.count, len(failure.row_keys)) == (300, 10)


def test_failures_never_hold_values():
    frame = frames.messages()
    frame.loc[0, "recipient"] = '{"email": "jane@canary.example", "ssn": "canary"}'
    frame.loc[1, ["channel", "content", "cycle_id"]] = "canary"
    assert "canary" not in str(CHECKS["messages"][1](frame))


def test_index_of_the_frame_does_not_matter():
    frame = frames.customers()
    frame.loc[4, "preferred_hour"] = 99
    shuffled = frame.sample(frac=1, random_state=1)
    (failure,) = CHECKS["customers"][1](shuffled).failures
    assert failure.row_keys == ("p4",)
