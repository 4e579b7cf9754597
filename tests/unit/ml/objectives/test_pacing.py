from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.pacing import run
from ml.objectives.history import Maturation, maturation
from ml.objectives.pacing import DEADBAND, RATE, MoneyWorth, Pace, pace

AT_ONCE = Maturation(np.array([0.0, 1.0]), is_measured=True)
SLOW = Maturation(np.linspace(0, 1, 15), is_measured=True)
ALIKE = np.ones(7)
MONDAY = date(2026, 1, 5).weekday()


def _pace(left, days, **given):
    return pace(left, days, **{"weekdays": ALIKE, "weekday": MONDAY, "maturation": AT_ONCE, **given})


@given(
    left=st.floats(0, 1e7),
    days=st.integers(-3, 200),
    chance=st.none() | st.floats(0, 1),
    weekday=st.integers(0, 6),
    pattern=st.lists(st.floats(0.5, 1.5), min_size=7, max_size=7),
    before=st.none() | st.tuples(st.floats(0, 1e6), st.floats(0, 1)),
    worth=st.none() | st.tuples(st.floats(0, 10), st.floats(0, 10)),
)
def test_never_more_than_what_is_left_and_never_less_than_nothing(  # noqa: PLR0917 - each is one of the facts
    left, days, chance, weekday, pattern, before, worth
):
    previous = None if before is None else Pace(before[0], before[0], before[1], 0.0, "")
    found = _pace(
        left, days, chance=chance, weekday=weekday, weekdays=pattern, maturation=SLOW, previous=previous,
        worth=None if worth is None else MoneyWorth(*worth),
    )  # fmt: skip
    assert 0 <= found.allowance <= left
    assert np.isfinite(found.level)


def test_days_alike_share_what_is_left_evenly():
    assert _pace(700, 7).allowance == pytest.approx(100)


def test_on_the_last_day_all_that_is_left_may_be_spent():
    assert _pace(123, 1, previous=Pace(1, 1, 0, 0, "")).allowance == 123


def test_nothing_after_the_period_and_nothing_when_all_is_spent():
    assert (_pace(100, 0).allowance, _pace(0, 5).allowance) == (0, 0)


def test_a_weekday_gets_what_it_counts_for():
    pattern = np.array([1.4, 0.9, 0.9, 1.0, 1.0, 0.9, 0.9])
    assert _pace(700, 7, weekdays=pattern).allowance == pytest.approx(140)
    assert _pace(700, 7, weekdays=pattern, weekday=1).allowance == pytest.approx(90)


def test_money_moves_ahead_of_the_last_days_where_the_target_is_at_risk():
    safe, at_risk = (_pace(3000, 30, maturation=SLOW, chance=chance).allowance for chance in (1.0, 0.0))
    assert safe == pytest.approx(100)
    assert at_risk > 115


def test_a_small_change_leaves_the_level_and_a_large_one_moves_it_slowly():
    before = Pace(100, 100, 0, 0, "")
    assert _pace(3000 * (1 + 0.9 * DEADBAND), 30, previous=before).level == 100
    assert _pace(6000, 30, previous=before).level == pytest.approx(100 * (1 + RATE))
    assert _pace(1000, 30, previous=before).level == pytest.approx(100 * (1 - RATE))


def test_urgency_moves_slowly_so_that_one_forecast_turns_nothing():
    before = Pace(100, 100, 0.2, 0, "")
    assert _pace(3000, 30, chance=0.0, previous=before).urgency == pytest.approx(0.3)


def test_money_that_buys_more_now_than_later_is_spent_a_little_sooner():
    now, later = (_pace(3000, 30, worth=worth).allowance for worth in (MoneyWorth(4, 1), MoneyWorth(1, 4)))
    assert later < 100 < now <= 110
    assert _pace(3000, 30, worth=MoneyWorth(0.2, 0.0)).allowance > 100  # later there is no use for it


@pytest.mark.parametrize("seed", range(3))
def test_noise_late_effects_an_outage_and_a_weaker_effect_leave_the_spend_on_plan_without_turns(seed):
    ours, fixed, chasing = (run(way, seed) for way in ("ours", "even, fixed", "chasing"))
    assert ours["spent_share"] == pytest.approx(1, abs=0.02)
    assert ours["over_budget"] <= 0
    assert ours["turns"] <= 4 < chasing["turns"]
    assert ours["daily_change"] < 0.02 < chasing["daily_change"]
    assert ours["sales_by_deadline"] > fixed["sales_by_deadline"]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_money_brings_more_by_the_deadline_than_the_even_split_of_what_is_left(seed):
    ours, even = run("ours", seed), run("even, of what is left", seed)
    assert ours["sales_by_deadline"] > even["sales_by_deadline"]


def test_delays_are_the_excess_over_what_was_bought_before():
    after = 40 + 1000 * np.diff(1 - np.exp(-np.arange(15) / 3))
    found = maturation(after, np.full(14, 40.0))
    assert found.is_measured
    assert found.by(3) == pytest.approx((1 - np.exp(-1)) / (1 - np.exp(-14 / 3)), abs=0.02)
    assert (found.by(0), found.by(99)) == (0, 1)


def test_contacts_that_show_no_excess_say_nothing_about_delays():
    found = maturation(np.full(14, 40.0), np.full(14, 41.0))
    assert not found.is_measured
    assert found.by(7) == pytest.approx(0.5)
