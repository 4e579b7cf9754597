from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from ml.configuration.objective import Objective
from ml.objectives.active import active_objectives, audience_masks
from ml.objectives.pacing import daily_budget
from ml.objectives.progress import reached
from ml.objectives.unit_value import UnknownValueError, unit_value

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def _objective(**changed):
    stated = {
        "id": "a", "description": "a", "owner": "a@b", "metric": "reactivations", "target": {"count": 1}, "audience": {"where": "true"},
        "starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 14), "budget": 100.0,
    }  # fmt: skip
    return Objective.model_validate(stated | changed)


def _conversions(*rows):
    return pd.DataFrame(
        [(c, pd.Timestamp(t), m) for c, t, m in rows], columns=["customer_id", "converted_at", "margin"]
    )


def test_an_objective_is_active_from_its_first_to_its_last_day():
    days = [date(2026, 1, d) for d in (4, 5, 14, 15)]
    assert [len(active_objectives([_objective()], day)) for day in days] == [0, 1, 1, 0]


def test_audiences_are_side_by_side():
    frame = pd.DataFrame({"lifecycle": ["lapsed", "active"]})
    objectives = [_objective(audience={"where": "lifecycle = 'lapsed'"}), _objective()]
    assert audience_masks(objectives, frame).tolist() == [[True, True], [False, True]]
    assert audience_masks([], frame).shape == (2, 0)


def test_what_is_left_is_spread_over_the_days_that_are_left():
    assert daily_budget(_objective(), 0.0, date(2026, 1, 5)) == pytest.approx(10)
    assert daily_budget(_objective(), 60.0, date(2026, 1, 13)) == pytest.approx(20)
    assert daily_budget(_objective(), 130.0, date(2026, 1, 13)) == 0
    assert daily_budget(_objective(), 0.0, date(2026, 1, 15)) == 0


def _reached(metric, target, *rows, **given):
    times = {"starts_at": NOW, "until_at": datetime(2026, 1, 15, tzinfo=UTC), "lapsed_days": 90, "active_days": 60}
    return reached(_objective(metric=metric, target=target), _conversions(*rows), **(times | given)).value


def test_new_customers_are_those_whose_first_purchase_is_in_the_period():
    rows = [
        ("old", "2025-06-01", 1),
        ("old", "2026-01-06", 1),
        ("new", "2026-01-06", 1),
        ("new", "2026-01-07", 1),
        ("late", "2026-01-15", 1),
    ]
    assert _reached("new_customers", {"count": 1}, *rows) == 1
    assert _reached("new_customers", {"count": 1}, *rows, members=["old"]) == 0


def test_reactivations_are_purchases_after_having_lapsed():
    rows = [
        ("lapsed", "2025-06-01", 1),
        ("lapsed", "2026-01-06", 1),
        ("regular", "2025-12-01", 1),
        ("regular", "2026-01-06", 1),
        ("new", "2026-01-06", 1),
    ]
    assert _reached("reactivations", {"count": 1}, *rows) == 1


def test_churn_is_the_share_of_the_active_who_have_lapsed():
    rows = [
        ("gone", "2025-12-01", 1),
        ("kept", "2025-12-01", 1),
        ("kept", "2026-02-20", 1),
        ("long_gone", "2025-01-01", 1),
    ]
    until = datetime(2026, 3, 31, tzinfo=UTC)
    assert _reached("churn_rate", {"change": -0.1, "baseline": "forecast"}, *rows, until_at=until) == 0.5


def test_margin_is_summed_over_the_period():
    rows = [("a", "2026-01-04", 5.0), ("a", "2026-01-06", 7.0), ("b", "2026-01-07", None)]
    assert _reached("incremental_margin", {"amount": 1.0}, *rows) == 7.0


def _value(objective, *rows):
    return unit_value(objective, _conversions(*rows), as_of=NOW, lapsed_days=90, active_days=60)


def test_a_stated_value_is_taken():
    value = _value(_objective(value_per_unit=25.0))
    assert (value.amount, value.basis) == (25.0, "stated")
    assert value.of_people(np.zeros(2)).tolist() == [25.0, 25.0]


def test_margin_objectives_take_each_conversions_own_margin():
    value = _value(_objective(metric="incremental_margin", target={"amount": 5.0}))
    assert value.of_people(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]


def test_the_value_of_a_reactivation_is_the_mean_margin_of_the_year_after_it():
    rows = []
    for i in range(40):
        back = [
            (f"c{i}", "2024-01-01", 99.0),
            (f"c{i}", "2024-06-01", 10.0),
            (f"c{i}", "2025-05-31", 2.0),
            (f"c{i}", "2025-06-01", 50.0),
        ]
        rows += back if i % 2 else back[:2]
    value = _value(_objective(), *rows)
    assert (value.amount, value.units) == (pytest.approx(11.0), 40)


def test_a_short_history_is_scaled_to_a_year_and_says_so():
    rows = [(f"c{i}", "2025-10-07", 9.0) for i in range(40)]
    value = _value(_objective(metric="new_customers"), *rows)
    assert value.amount == pytest.approx(9.0 / 90 * 365)
    assert "90 days seen" in value.basis


def test_the_value_of_a_kept_customer_is_the_margin_of_those_active_a_year_ago():
    rows = [
        (f"c{i}", d, m) for i in range(40) for d, m in (("2023-06-01", 1.0), ("2024-12-20", 3.0), ("2025-07-01", 8.0))
    ]
    value = _value(_objective(metric="churn_rate", target={"change": -0.1, "baseline": "forecast"}), *rows)
    assert (value.amount, value.units) == (pytest.approx(8.0), 40)


def test_too_few_such_customers_ask_for_a_stated_value():
    with pytest.raises(UnknownValueError, match="state value_per_unit"):
        _value(_objective(), ("a", "2024-01-01", 1.0), ("a", "2024-06-01", 1.0))
    with pytest.raises(UnknownValueError):
        _value(_objective(metric="churn_rate", target={"change": -0.1, "baseline": "forecast"}))
