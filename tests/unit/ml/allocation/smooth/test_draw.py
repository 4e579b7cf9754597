"""A draw keeps each probability and every limit, is fixed by its seed, and doesn't depend on threads."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from scipy import stats

from ml.allocation.smooth.draw import draw
from ml.allocation.smooth.plan import NoSmoothPlan, SmoothPlan, smooth
from ml.entities import CHANNELS

ERROR_RATE = 1e-6
"""Chance that a right draw fails the test of its frequencies, over all candidates together."""


def broken(plan: SmoothPlan, problem, chosen: np.ndarray) -> list[str]:
    """Limits that whole contacts break, from the problem's own rows."""
    rows, candidates = problem.rows(), problem.candidates
    person, _ = np.nonzero(chosen >= 0)
    picked = chosen[chosen >= 0]
    column, use = candidates.column[picked], rows.contacts[:, candidates.column[picked]].sum(axis=1)
    segment = candidates.segment[person]
    use = use + (rows.conversions[:, segment, column] * candidates.quantity[picked]).sum(axis=1)
    return [n for n, u, b in zip(rows.names, use, rows.bound, strict=True) if u > b + 1e-9 * max(1.0, abs(b))]


def in_order(problem, chosen: np.ndarray) -> None:
    """Everybody's contacts are their own, within their limit, one a channel at most."""
    candidates = problem.candidates
    person, _ = np.nonzero(chosen >= 0)
    picked = chosen[chosen >= 0]
    assert ((picked >= candidates.starts[person]) & (picked < candidates.starts[person + 1])).all()
    most = np.minimum(problem.contacts_per_person, candidates.contacts_left)
    assert (np.bincount(person, minlength=len(most)) <= most).all()
    channel = person * len(CHANNELS) + problem.columns.channel[candidates.column[picked]]
    assert len(np.unique(channel)) == len(channel)


def assert_frequencies(plan: SmoothPlan, redraws: int) -> None:
    """Frequencies of candidates and of none against their probabilities: binomial, at `ERROR_RATE` over all tests."""
    taken, none = np.zeros(len(plan.probability), dtype=int), np.zeros(plan.table.people_count, dtype=int)
    for seed in range(redraws):
        chosen = draw(plan, seed, threads=1)
        taken[chosen[chosen >= 0]] += 1
        none += (chosen < 0).all(axis=1)
    counts, chances = np.concatenate([taken, none]), np.clip(np.concatenate([plan.probability, plan.nothing]), 0, 1)
    level = ERROR_RATE / (2 * len(counts))
    assert (stats.binom.cdf(counts, redraws, chances) > level).all()
    assert (stats.binom.sf(counts - 1, redraws, chances) > level).all()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.integers(1, 150),
    seed=st.integers(0, 10_000),
    contacts=st.integers(1, 3),
    temperature=st.sampled_from([0.02, 0.2, 2.0]),
    quota=st.sampled_from([0.0, 0.002]),
)
def test_no_draw_breaks_a_limit(  # noqa: PLR0917 - what hypothesis varies
    make_problem, people, seed, contacts, temperature, quota
):
    problem = make_problem(people, seed, contacts=contacts, quota=quota)
    try:
        plan = smooth(problem, temperature, {})
    except NoSmoothPlan:
        reject()
    for redraw in range(5):
        chosen = draw(plan, redraw, threads=1)
        assert not broken(plan, problem, chosen)
        in_order(problem, chosen)


def test_with_one_contact_every_class_is_a_whole_number_next_to_its_expected_one(make_problem):
    plan = smooth(make_problem(500), 0.3, {})
    for seed in range(20):
        chosen = draw(plan, seed)
        counts = np.bincount(plan.table.klass[chosen[chosen >= 0]], minlength=plan.table.classes)
        assert (np.abs(counts - plan.totals)[plan.held] < 1).all()


def test_the_same_seed_gives_the_same_bits_on_any_number_of_threads(make_problem):
    plan = smooth(make_problem(20_000, quota=0.004), 0.3, {})
    first = draw(plan, 7, threads=1)
    assert (draw(plan, 7, threads=2) == first).all()
    assert (draw(plan, 8, threads=2) != first).any()


@pytest.mark.parametrize(("contacts", "quota"), [(1, 0.0), (1, 0.003), (2, 0.0)])
def test_frequencies_of_redraws_are_the_probabilities(make_problem, contacts, quota):
    assert_frequencies(smooth(make_problem(80 * contacts, 3, contacts=contacts, quota=quota), 0.5, {}), 2000)


@pytest.mark.slow
@pytest.mark.parametrize(("contacts", "quota", "redraws"), [(1, 0.0, 100_000), (2, 0.003, 30_000)])
def test_frequencies_of_a_hundred_thousand_redraws_are_the_probabilities(make_problem, contacts, quota, redraws):
    assert_frequencies(smooth(make_problem(80 * contacts, 3, contacts=contacts, quota=quota), 0.5, {}), redraws)
