from datetime import UTC, date, datetime, timedelta
from math import exp, log

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.configuration.policy import AutonomyTest
from ml.learning.advantage import ArmDay, _factor, advantage, arm_days, evidence, first_purchases

DAY = date(2026, 1, 5)
TEST = AutonomyTest()


def _day(system, manual, people=(1000, 1000), on=DAY):
    return ArmDay(on, *people, np.ones(system), np.ones(manual))


def _people(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "arm", "assigned_at"]).assign(objective_id="a")


def _sales(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "converted_at", "margin"])


def _simulated(rng, rate_ratio, days=60, people=4000, rate=0.002):
    left, found = [people, people], []
    for d in range(days):
        bought = [int(rng.binomial(n, p)) for n, p in zip(left, (rate * rate_ratio, rate), strict=True)]
        found.append(_day(*bought, people=tuple(left), on=DAY + timedelta(days=d)))
        left = [n - b for n, b in zip(left, bought, strict=True)]
    return found


def test_a_person_counts_once_with_the_first_purchase_since_assignment():
    found = first_purchases(
        _people(("c0", "system", pd.Timestamp("2026-01-05")), ("c1", "manual", pd.Timestamp("2026-01-06"))),
        _sales(
            ("c0", pd.Timestamp("2026-01-04"), 1.0),
            ("c0", pd.Timestamp("2026-01-08"), 3.0),
            ("c0", pd.Timestamp("2026-01-07 23:00"), 2.0),
            ("c1", pd.Timestamp("2026-01-09"), 5.0),
            (None, pd.Timestamp("2026-01-06"), 9.0),
        ),
        datetime(2026, 1, 9, tzinfo=UTC),
        "UTC",
    )
    assert found["bought_on"].tolist()[:1] == [date(2026, 1, 7)]
    assert pd.isna(found["bought_on"][1])
    assert found["margin"].tolist()[:1] == [2.0]
    assert found["assigned_on"].tolist() == [DAY, date(2026, 1, 6)]


def test_who_has_bought_is_no_longer_at_risk_and_who_came_later_is_from_then_on():
    people = first_purchases(
        _people(*((f"c{i}", "system", pd.Timestamp("2026-01-05")) for i in range(3)), ("m", "manual", pd.Timestamp("2026-01-06"))),
        _sales(("c0", pd.Timestamp("2026-01-05 10:00"), 4.0), ("c1", pd.Timestamp("2026-01-06 10:00"), 8.0)),
        datetime(2026, 1, 8, tzinfo=UTC),
        "UTC",
    )  # fmt: skip
    days = arm_days(people, [DAY + timedelta(days=n) for n in range(3)], is_weighed=False)
    assert [(day.system_people, day.manual_people, len(day.system)) for day in days] == [
        (3, 0, 1),
        (2, 1, 1),
        (1, 1, 0),
    ]
    shown = advantage(days, TEST)
    assert (shown.system_people, shown.system_buyers, shown.manual_people, shown.manual_buyers) == (3, 2, 1, 0)
    weighed = arm_days(people, [DAY + timedelta(days=n) for n in range(3)], is_weighed=True)
    assert [day.system.tolist() for day in weighed] == [[1.0], [2.0], []]


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8),
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(0, 20),
)
def test_a_purchase_moved_to_the_system_speaks_for_it_and_against_its_being_worse(earlier, system, moved, manual):
    def shown(a, b):
        better, worse = evidence([*(_day(*one) for one in earlier), _day(a, b)], TEST)
        return better[-1], worse[-1]

    fewer, more = shown(system, moved + manual), shown(system + moved, manual)
    assert more[0] >= fewer[0]
    assert more[1] <= fewer[1]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8))
def test_exchanging_the_arms_exchanges_better_and_worse(counts):
    there, back = (evidence([_day(*one[::way]) for one in counts], TEST) for way in (1, -1))
    assert there[0] == pytest.approx(back[1])
    assert there[1] == pytest.approx(back[0])


def test_a_system_that_learns_its_way_past_the_manual_arm_is_seen_although_it_began_worse():
    rng = np.random.default_rng(6)
    days = _simulated(rng, 0.85, days=30, people=20_000) + _simulated(rng, 1.6, days=30, people=20_000)
    better, _ = evidence(days, TEST)
    assert better[29] < 0
    assert better[-1] > log(20)


def test_thousands_of_purchases_a_day_are_counted_without_overflow():
    with np.errstate(all="raise", under="ignore"):
        better, worse = evidence([_day(9000, 600, people=(180_000, 12_000))] * 5, TEST)
    assert np.isfinite(better).all()
    assert np.isfinite(worse).all()


def test_days_on_which_one_arm_is_empty_say_nothing():
    assert evidence([_day(9, 0, people=(100, 0))], TEST)[0] == pytest.approx(0.0)


def _stopped(logs, cap):
    """Evidence as it stands when betting ends: at the cap from the first day that reaches it."""
    return np.where(np.maximum.accumulate(logs) >= log(cap), cap, np.exp(logs))


def test_the_mean_of_the_evidence_is_one_at_most_on_every_day_where_the_arms_are_alike():
    rng = np.random.default_rng(1)
    ends = [evidence(_simulated(rng, 1.0, days=20), TEST) for _ in range(1500)]
    for side in (0, 1):
        stopped = np.array([_stopped(both[side], 20.0) for both in ends])
        assert np.all(stopped.mean(axis=0) < 1 + 3 * stopped.std(axis=0) / np.sqrt(1500))
        assert stopped.mean() > 0.85  # no smaller than it must be


def test_what_is_spared_keeps_the_mean_of_what_is_needed():
    rng = np.random.default_rng(5)
    for outcomes in range(1, 60):
        chance = rng.dirichlet(np.ones(outcomes))
        won = rng.normal(0, 1.5, outcomes)
        won += -1.0 - np.log(chance @ np.exp(won))
        factor = _factor(won, np.log(chance), -1.0)
        assert factor >= 0
        assert chance @ np.minimum(np.exp(won + factor), 1) == pytest.approx(np.exp(-1.0))


@pytest.mark.parametrize("ratio", [1.0, 0.9])
def test_a_system_that_is_no_better_is_called_better_in_at_most_alpha_of_runs(ratio):
    rng = np.random.default_rng(2)
    wrong = [evidence(_simulated(rng, ratio), TEST)[0].max() >= -log(TEST.alpha) for _ in range(1000)]
    assert sum(wrong) <= 1000 * TEST.alpha + 2 * np.sqrt(1000 * 0.05 * 0.95)


def test_an_advantage_within_the_margin_is_not_one():
    rng = np.random.default_rng(3)
    asked = AutonomyTest(margin=0.2)
    wrong = [evidence(_simulated(rng, 1.2), asked)[0].max() >= -log(0.05) for _ in range(300)]
    assert sum(wrong) <= 300 * 0.05 + 2 * np.sqrt(300 * 0.05 * 0.95)


def test_an_advantage_that_is_lost_is_seen_although_the_sum_of_all_days_still_speaks_for_it():
    rng = np.random.default_rng(4)
    days = _simulated(rng, 1.3, days=60, people=20_000) + _simulated(rng, 0.6, days=40, people=20_000)
    better, worse = evidence(days, TEST)
    assert worse[-1] > log(20)
    assert better[59] > log(20)
    assert sum(len(day.system) - len(day.manual) for day in days[:75]) > 0
    assert worse[:60].max() < log(20)


def test_nothing_seen_is_no_evidence():
    shown = advantage([], TEST)
    assert (exp(shown.better), exp(shown.worse), shown.days) == (1.0, 1.0, 0)


@pytest.mark.parametrize("bought", [(2, 1), (1, 2)])
def test_twice_or_half_the_rate_takes_a_fifth_more_purchases_than_a_test_that_knows_the_rate(bought):
    days = [_day(*bought, people=(100_000, 100_000), on=DAY + timedelta(days=d)) for d in range(60)]
    shown = max(evidence(days, TEST), key=lambda found: found[-1])
    purchases = 3 * (int(np.argmax(shown >= -log(TEST.alpha))) + 1)
    told = 2 / 3 * log(4 / 3) + 1 / 3 * log(2 / 3)  # of twice the rate against the same, by a purchase on average
    assert purchases <= 1.2 * -log(TEST.alpha) / told
