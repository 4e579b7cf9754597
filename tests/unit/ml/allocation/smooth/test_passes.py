"""The pass: its slope and curvature are those of the dual, and its sums don't depend on threads."""

import numpy as np
import pytest

from ml.allocation.smooth.passes import run_pass
from ml.allocation.smooth.shares import probabilities
from ml.allocation.smooth.table import smooth_table

TEMPERATURE = 0.3


@pytest.fixture(params=[1, 2, 3])
def table(request, make_problem):
    return smooth_table(make_problem(60, contacts=request.param, quota=0.001), {})


def charge_of(table):
    charge = np.random.default_rng(5).uniform(0, 0.3, table.use.shape[1])
    charge[table.classes :] *= -1
    return charge


def test_expected_totals_are_minus_the_slope_of_the_dual(table):
    charge, step = charge_of(table), 1e-6
    at = run_pass(table, charge, TEMPERATURE, 1)
    for d in range(len(charge)):
        moved = [run_pass(table, charge + sign * step * np.eye(len(charge))[d], TEMPERATURE, 1) for sign in (1, -1)]
        assert (moved[1].dual - moved[0].dual) / (2 * step) == pytest.approx(at.totals[d], rel=1e-5, abs=1e-6)
        slope = (moved[1].totals - moved[0].totals) / (2 * step)
        assert np.allclose(slope, at.covariance[d] / TEMPERATURE, rtol=1e-4, atol=1e-6)


def test_probabilities_are_the_softmax_of_value_less_charge(make_problem):
    table = smooth_table(make_problem(50), {})
    charge = charge_of(table)
    probability, nothing = probabilities(table, charge, TEMPERATURE, 1e-12, 1)
    for i in range(table.people_count):
        span = slice(table.starts[i], table.starts[i + 1])
        weight = np.exp((table.value[span].astype(float) - charge[table.klass[span]]) / TEMPERATURE)
        is_open = table.most[i] > 0
        assert np.allclose(probability[span], is_open * weight / (1 + weight.sum()))
        assert nothing[i] == pytest.approx(1 / (1 + is_open * weight.sum()))


def test_probabilities_add_up_to_the_totals_of_the_pass(table):
    charge = charge_of(table)
    probability, nothing = probabilities(table, charge, TEMPERATURE, 0.0, 1)
    at = run_pass(table, charge, TEMPERATURE, 1)
    contacts = np.bincount(table.klass, weights=probability, minlength=table.classes)
    assert np.allclose(contacts, at.totals[: table.classes], rtol=1e-9)
    assert probability @ table.value == pytest.approx(at.value)
    expected = np.add.reduceat(np.append(probability, 0.0), table.starts[:-1]) * (np.diff(table.starts) > 0)
    assert (expected <= table.most + 1e-12).all()
    assert (nothing >= 1 - expected - 1e-12).all()


def test_any_number_of_threads_gives_the_same_bits(table):
    charge = charge_of(table)
    one, two = (run_pass(table, charge, TEMPERATURE, threads) for threads in (1, 2))
    assert one.dual == two.dual
    assert (one.totals == two.totals).all()
    assert (one.covariance == two.covariance).all()


def test_a_very_low_temperature_does_not_overflow(table):
    at = run_pass(table, charge_of(table), 1e-9, 1)
    assert np.isfinite([at.dual, at.value]).all()
    assert np.isfinite(at.covariance).all()
