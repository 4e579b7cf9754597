from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from assets.home import Home
from assets.objective_history import active_on, delays, expected_by_day, lapse_rates, past_plans, sales_by_day
from ml.configuration.objective import Objective

GENERATION = "g"
START = datetime(2026, 1, 5, 5, tzinfo=UTC)  # midnight in New York


def _write(home, mart, rows, columns):
    path = home.generation(GENERATION) / f"{mart}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows, columns=columns)
    for column in columns:
        if column.endswith("_at"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    frame.to_parquet(path)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def _sales(home, *rows):
    _write(home, "fct_conversions", rows, ["customer_id", "converted_at", "margin"])


def test_a_day_is_the_workspaces_own_and_every_day_is_there(home):
    _sales(home, ("a", "2025-12-01 12:00", 5.0), ("b", "2025-12-03 03:00", 7.0), ("a", "2025-12-04 12:00", None))
    days = sales_by_day(home, GENERATION, until_at=START, time_zone="America/New_York", lapsed_days=90)
    assert [str(on.date()) for on in days.index] == ["2025-12-01", "2025-12-02", "2025-12-03", "2025-12-04"]
    assert days["incremental_margin"].tolist() == [5.0, 7.0, 0.0, 0.0]  # three in the night is the evening before
    assert days["new_customers"].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_the_margin_of_a_day_is_the_same_to_the_bit_in_whatever_order_its_sales_are_stored(home):
    rows = [(f"c{n}", "2025-12-01 12:00", margin) for n, margin in enumerate([0.1, 0.2, 0.3, 1e6, -1e6, 0.7, 19.99])]
    found = set()
    for sales in (rows, rows[::-1], rows[3:] + rows[:3]):
        _sales(home, *sales)
        days = sales_by_day(home, GENERATION, until_at=START, time_zone="UTC", lapsed_days=90)
        found.add(float(days["incremental_margin"].iloc[0]))
    assert found == {21.29}


def test_a_reactivation_is_a_purchase_after_more_than_the_lapsed_days_and_the_future_is_not_known(home):
    _sales(home, ("a", "2025-06-01", 1.0), ("a", "2025-12-01", 1.0), ("a", "2025-12-05", 1.0), ("a", "2026-01-06", 1.0))
    days = sales_by_day(home, GENERATION, until_at=START, time_zone="UTC", lapsed_days=90)
    assert days["reactivations"].sum() == 1
    assert str(days["reactivations"].idxmax().date()) == "2025-12-01"
    assert days.index.max() == pd.Timestamp("2025-12-05")


def test_no_sale_yet_is_no_history(home):
    _sales(home, ("a", "2026-02-01", 1.0))
    assert sales_by_day(home, GENERATION, until_at=START, time_zone="UTC", lapsed_days=90).empty


def test_delays_count_whole_days_after_and_before_a_contact(home):
    _write(
        home,
        "fct_touches",
        [("t1", "a", "2025-12-01 10:00"), ("t2", "b", "2026-01-04 10:00")],
        ["touch_id", "customer_id", "sent_at"],
    )
    _sales(
        home,
        ("a", "2025-12-01 11:00", 1.0),
        ("a", "2025-12-04 09:00", 1.0),
        ("a", "2025-11-30 11:00", 1.0),
        ("b", "2026-01-04 11:00", 1.0),
    )
    after, before = delays(home, GENERATION, until_at=START, window_days=7)
    assert after.tolist() == [1, 0, 1, 0, 0, 0, 0]  # the second contact's week isn't over
    assert before.tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_lapses_are_looked_at_only_where_history_holds_the_whole_period(home):
    early = [(f"old{i}", "2024-01-01", 1.0) for i in range(3)]
    _sales(home, *early, ("gone", "2025-08-01", 1.0), ("kept", "2025-08-01", 1.0), ("kept", "2025-12-20", 1.0))
    found = lapse_rates(home, GENERATION, starts_at=START, days=120, active_days=60, lapsed_days=90)
    assert found["people"].tolist() == [2.0, 2.0]
    newest = found.iloc[-1]
    assert newest["lapsed"] == pytest.approx(0.5)
    short = lapse_rates(
        home, GENERATION, starts_at=datetime(2024, 3, 1, tzinfo=UTC), days=120, active_days=60, lapsed_days=90
    )
    assert short.empty


def test_active_are_those_with_a_purchase_within_the_days_before(home):
    _sales(home, ("a", "2025-12-01", 1.0), ("a", "2025-12-02", 1.0), ("b", "2025-06-01", 1.0), ("c", "2026-01-06", 1.0))
    assert active_on(home, GENERATION, at=START, active_days=60) == 1


def _objective():
    return Objective.model_validate({
        "id": "o", "description": "o", "owner": "o@b", "metric": "reactivations", "target": {"count": 1}, "audience": {"where": "true"},
        "starts_on": date(2026, 1, 5), "ends_on": date(2026, 1, 30), "budget": 100.0,
    })  # fmt: skip


def test_what_was_decided_counts_as_far_as_it_was_let_out():
    facts = {"expected_today": 4.0, "contacts_today": 100}
    plans = {date(2026, 1, 5): [{"objectives": {"o": facts}}], date(2026, 1, 6): [{"objectives": {"o": facts}}, {}]}
    released = pd.DataFrame(
        {"objective_id": ["o", "o"], "cycle_on": ["2026-01-05", "2026-01-06"], "messages": [25, 100]}
    )
    assert expected_by_day(plans, _objective(), released) == {date(2026, 1, 5): 1.0, date(2026, 1, 6): 4.0}
    assert expected_by_day(plans, _objective(), released.iloc[:0]) == {date(2026, 1, 5): 0.0, date(2026, 1, 6): 0.0}


def test_past_plans_are_those_before_the_day_with_their_re_optimizations(home):
    for name in ("2026-01-04", "2026-01-05", "2026-01-05.2", "2026-01-06"):
        folder = home.cycle(name)
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text("{}", encoding="utf-8")
    found = past_plans(home, date(2026, 1, 5), date(2026, 1, 6))
    assert {on: len(plans) for on, plans in found.items()} == {date(2026, 1, 5): 2}


def test_the_margins_sum_is_that_of_the_conversions(home):
    rng = np.random.default_rng(0)
    rows = [
        (f"c{i % 7}", str(pd.Timestamp("2025-11-01") + pd.Timedelta(hours=int(h))), float(m))
        for i, (h, m) in enumerate(zip(rng.integers(0, 900, 50), rng.normal(10, 3, 50), strict=True))
    ]
    _sales(home, *rows)
    days = sales_by_day(home, GENERATION, until_at=START, time_zone="Europe/Berlin", lapsed_days=90)
    assert days["incremental_margin"].sum() == pytest.approx(sum(margin for _, _, margin in rows))
