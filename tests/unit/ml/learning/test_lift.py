"""Lift: who counts from when, what an interval promises, and what is said where it is too early."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.proof.looks import watch
from benchmarks.proof.people import Setting, Truth
from ml.entities import ARMS
from ml.learning.adjustment import Adjustment, Difference
from ml.learning.comparison import Comparison
from ml.learning.confidence import always_valid_radius
from ml.learning.cost import cost_per_conversion, fieller
from ml.learning.lift import Lift, lifts, look_at
from ml.learning.panel import MEASURES, Panel, micros, panel_of

UNTIL = int(micros([datetime(2026, 2, 1, tzinfo=UTC)])[0])
ABOUT = ("a", "conversion", "holdout", "all")


def people_of(arms, **more):
    return pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(len(arms))],
            "arm": arms,
            "assigned_at": pd.Timestamp("2026-01-05"),
            "segment": "active",
            "cost": 0.0,
        }
        | more
    )


def conversions(*rows):
    return pd.DataFrame(rows, columns=["customer_id", "converted_at", "margin"])


def of(panel: Panel, measure: str = "conversion") -> Lift:
    return look_at(Comparison.of(panel, "holdout"), ("a", measure, "holdout", "all"), UNTIL, ())


def test_purchases_count_from_assignment_until_now_whoever_was_contacted():
    panel = panel_of(
        people_of(["system", "holdout", "system"]),
        conversions(
            ("c0", pd.Timestamp("2026-01-04 23:59"), 5.0),
            ("c0", pd.Timestamp("2026-01-05 00:00"), 7.0),
            ("c0", pd.Timestamp("2026-01-09"), None),
            ("c1", pd.Timestamp("2026-02-01"), 9.0),
            (None, pd.Timestamp("2026-01-09"), 9.0),
            ("stranger", pd.Timestamp("2026-01-09"), 9.0),
        ),
    )
    assert panel.outcome("conversion", UNTIL).tolist() == [1.0, 0.0, 0.0]
    assert panel.outcome("margin", UNTIL).tolist() == [7.0, 0.0, 0.0]


def test_covariates_are_of_purchases_before_the_persons_own_assignment():
    people = people_of(["system"] * 3, assigned_at=pd.to_datetime(["2026-01-05", "2026-01-05", "2026-01-20"]))
    before = [("c0", pd.Timestamp("2026-01-04"), 10.0), ("c0", pd.Timestamp("2025-11-01"), 5.0)]
    after = [("c0", pd.Timestamp("2026-01-06"), 99.0), ("c2", pd.Timestamp("2026-01-21"), 99.0)]
    without, later = panel_of(people, conversions(*before)), panel_of(people, conversions(*before, *after))
    assert np.array_equal(without.covariates, later.covariates)
    one, other = without.covariates[:2]
    assert np.allclose(one[:6], np.log1p([1, 10, 2, 15, 2, 15]))
    assert not other.any()


def test_someone_who_is_assigned_later_is_not_in_an_earlier_look():
    people = people_of(["system", "system"], assigned_at=pd.to_datetime(["2026-01-05", "2026-01-20"]))
    panel = panel_of(people, conversions(("c1", pd.Timestamp("2026-01-21"), 1.0)))
    day = int(micros([datetime(2026, 1, 10, tzinfo=UTC)])[0])
    assert panel.outcome("conversion", day).tolist() == [0.0]
    assert panel.outcome("conversion", UNTIL).tolist() == [0.0, 1.0]


def test_below_the_stated_sample_there_is_no_figure_and_it_says_what_is_missing():
    rows = [(f"c{i}", pd.Timestamp("2026-01-06"), 3.0) for i in range(24)]
    panel = panel_of(people_of(["system", "holdout"] * 60), conversions(*rows))
    lift = of(panel)
    assert lift.is_too_early
    assert lift.total is None
    assert "too early" in lift.words
    people, buyers = "40 more people", "8 more buyers (about 18 days at this pace)"
    assert lift.words == f"too early: it takes {people} and {buyers} in holdout, {people} and {buyers} in system"
    assert cost_per_conversion(Comparison.of(panel, "holdout"), lift).value is None


def bought(system: int, holdout: int, buyers: tuple[int, int], cost: float = 0.0) -> Panel:
    arms = ["system"] * system + ["holdout"] * holdout
    who = [*range(buyers[0]), *range(system, system + buyers[1])]
    people = people_of(arms, cost=[cost] * system + [0.0] * holdout)
    return panel_of(people, conversions(*((f"c{i}", pd.Timestamp("2026-01-06"), 3.0) for i in who)))


def test_lift_is_per_person_with_its_intervals_and_total():
    lift = of(bought(8000, 2000, (800, 100)))
    assert lift.difference == pytest.approx(0.05)
    assert lift.total == pytest.approx(400)
    assert 0 < lift.low < lift.fixed_low < 0.05 < lift.fixed_high < lift.high
    assert "+5.00% a person against holdout" in lift.words
    assert "may be nothing" not in lift.words
    nothing = of(bought(800, 800, (80, 82)), "margin")
    assert nothing.low < 0 < nothing.high
    assert "it may be nothing, and if it is this much, more than a hundred times as many buyers" in nothing.words


def test_each_other_arm_and_measure_is_compared_and_segments_by_themselves():
    arms = ["system"] * 300 + ["holdout"] * 200 + ["manual"] * 200 + ["random"] * 200
    rows = [(f"c{i}", pd.Timestamp("2026-01-06"), 3.0) for i in range(0, 900, 3)]
    segment = ["new" if i % 2 else "old" for i in range(900)]
    panel = panel_of(people_of(arms, segment=segment), conversions(*rows))
    found = lifts(panel, "a", UNTIL, {})
    assert {(lift.measure, lift.against) for lift in found} == {
        (m, a) for m in MEASURES for a in ("holdout", "manual", "random")
    }
    assert not any(lift.is_too_early for lift in found)
    of_new = lifts(panel, "a", UNTIL, {}, segments=["new"], against=("holdout",))
    assert {(one.segment, one.system.people, one.other.people) for one in of_new} == {("new", 150, 100)}


def test_the_always_valid_interval_is_wider_than_the_fixed_one_and_tightest_where_told():
    ratio = {t: always_valid_radius(1.0, t, tightest=500) for t in (20, 500, 20_000)}
    assert 1.96 < ratio[500] < ratio[20]
    assert ratio[500] < ratio[20_000]


def test_what_is_known_from_before_takes_noise_away_and_moves_no_expectation():
    """300 draws: the adjusted estimate is as right as the plain one, and its own variance is what it varies by."""
    rng = np.random.default_rng(3)
    known = rng.normal(size=(2000, 3))
    estimates, plains, claimed = [], [], []
    for _ in range(300):
        is_system = rng.random(2000) < 0.8
        outcome = 0.3 * is_system + known @ [1.0, 0.5, 0.0] + rng.normal(size=2000)
        found = Adjustment(is_system, known, rng.integers(0, 5, 2000)).difference(outcome)
        plains.append(Adjustment(is_system, known[:, :0], np.zeros(2000, dtype=int)).difference(outcome).value)
        estimates.append(found.value)
        claimed.append(found.variance)
    assert np.mean(estimates) == pytest.approx(0.3, abs=4 * np.std(estimates) / 300**0.5)
    assert np.var(estimates) < 0.6 * np.var(plains)
    assert np.mean(claimed) == pytest.approx(np.var(estimates), rel=0.25)


def test_covariates_that_say_nothing_or_never_differ_cost_next_to_nothing():
    rng = np.random.default_rng(4)
    is_system, outcome = rng.random(3000) < 0.9, rng.normal(size=3000)
    useless = np.column_stack([np.ones(3000), np.zeros(3000), rng.normal(size=(3000, 6))])
    found = Adjustment(is_system, useless, rng.integers(0, 5, 3000)).difference(outcome)
    assert found.variance < 1.1 * found.plain_variance


@given(st.integers(0, 2**32 - 1))
def test_every_persons_part_of_the_error_adds_up_to_nothing_in_each_arm(seed):
    rng = np.random.default_rng(seed)
    is_system = np.arange(200) % 3 > 0
    found = Adjustment(is_system, rng.normal(size=(200, 4)), rng.integers(0, 5, 200)).difference(
        rng.exponential(size=200)
    )
    assert found.influence[is_system].sum() == pytest.approx(0, abs=1e-9)
    assert found.influence[~is_system].sum() == pytest.approx(0, abs=1e-9)
    assert found.careful_error >= found.error


def test_what_a_caused_conversion_costs_has_a_bounded_interval_only_where_some_are_caused():
    panel = bought(8000, 2000, (800, 100), cost=0.5)
    comparison = Comparison.of(panel, "holdout")
    cost = cost_per_conversion(comparison, of(panel))
    assert cost.value == pytest.approx(10.0)
    assert cost.low < 10.0 < cost.high
    none = bought(800, 800, (80, 80), cost=0.5)
    early = cost_per_conversion(Comparison.of(none, "holdout"), of(none))
    assert early.value is None
    assert "too early" in early.words


def test_fiellers_interval_holds_the_ratio_in_ninety_five_of_a_hundred_draws():
    """2,000 draws with a true ratio of 10; coverage within three standard errors of 95 %."""
    rng, held = np.random.default_rng(6), 0
    for _ in range(2000):
        gained, spent = rng.normal([0.05, 0.5], [0.005, 0.02])
        below = Difference(gained, np.array([0.005, 0.0]), 0.0)
        low, high = fieller(Difference(spent, np.array([0.0, 0.02]), 0.0), below, 1.96)
        held += low <= 10 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)
    with pytest.raises(ValueError, match="may be 0"):
        fieller(below, Difference(0.01, np.array([0.01, 0.0]), 0.0), 1.96)


@pytest.mark.slow
@pytest.mark.parametrize("caused", [0.0, 0.004 / 7])
def test_intervals_hold_the_truth_at_all_daily_looks_together_and_a_single_ones_at_its_own(caused):
    """60 campaigns: at all looks 5 % may miss (with three standard errors of 60: 13.5 %); a single look's 5 % (11 %)."""
    setting = Setting(people=3000, holdout=0.3, days=30, caused=caused, prevented=0.2 if caused else 0.0)
    truth = Truth(setting)
    found = [watch(setting, truth, seed) for seed in range(60)]
    for measure in MEASURES:
        of_measure = [one[measure] for one in found]
        assert sum(one.missed for one in of_measure) / 60 <= 0.135
        held = sum(one.fixed_held for one in of_measure) / sum(one.looks for one in of_measure)
        assert 0.89 <= held <= 1.0
        assert np.mean([one.reduction for one in of_measure]) > 0.05
        if not caused:
            assert sum(one.false_win for one in of_measure) / 60 <= 0.135


def test_a_person_of_two_objectives_counts_in_each():
    rows = conversions(("c0", pd.Timestamp("2026-01-06"), 2.0))
    for arm in ("system", "holdout"):
        panel = panel_of(people_of([arm]), rows)
        assert (ARMS[panel.arm[0]], panel.outcome("margin", UNTIL).tolist()) == (arm, [2.0])
