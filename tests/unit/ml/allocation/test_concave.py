"""Diminishing returns: the shapes, their losses, and plans that are best on the true curves, proven."""

from dataclasses import dataclass
from itertools import product

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.concave import Losses
from ml.allocation.errors import CandidateError, SolverStatusError, TermError
from ml.allocation.problem import Problem
from ml.allocation.saturation import SHAPES, carried_over
from ml.allocation.solve import solve
from ml.allocation.steady import search_near
from ml.allocation.terms import (
    ChannelCapacity,
    ConcaveResponse,
    ContactLimit,
    ContactVolume,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import Option

COSTS = {"email": 0.01, "sms": 0.1, "voice": 1.0}
COLUMNS = Columns.of([("win", Option(channel, "none"), cost) for channel, cost in COSTS.items()])
UNIT = 20.0
SEGMENTS = ("a", "b")
every_shape = pytest.mark.parametrize("shape", SHAPES)


@every_shape
def test_a_shape_starts_with_slope_one_and_bends_down(shape):
    x = np.linspace(0, 30, 200)
    made = SHAPES[shape](np.full(200, 4.0))
    assert (made.effect(x)[0], made.slope(x)[0]) == (0.0, 1.0)
    assert (np.diff(made.effect(x)) > -1e-12).all()
    assert (np.diff(made.slope(x)) <= 1e-12).all()
    assert np.gradient(made.effect(x), x)[1:-1] == pytest.approx(made.slope(x)[1:-1], abs=5e-3)


@every_shape
def test_the_argument_of_a_slope_is_found_again(shape):
    slope = np.linspace(0.01, 1.0, 50)
    made = SHAPES[shape](np.full(50, 4.0))
    assert made.slope(made.at_slope(slope)) == pytest.approx(slope)


def losses(shape: str, ceiling: float, carried: float, most: float) -> Losses:
    return Losses(((SHAPES[shape](np.array([ceiling])), np.array([carried]), slice(0, 1)),), np.array([most]))


@every_shape
@settings(max_examples=60, deadline=None)
@given(
    ceiling=st.floats(0.1, 100),
    carried=st.floats(0, 100),
    price=st.floats(0, 1.5),
    effect=st.floats(0, 50),
    touched=st.floats(0, 50),
)
def test_no_effect_is_worth_more_at_a_price_than_the_conjugate_and_no_tangent_passes_the_loss(  # noqa: PLR0917
    shape, ceiling, carried, price, effect, touched
):
    made, y = losses(shape, ceiling, carried, 50.0), np.array([effect])
    lost = float(made.loss(y)[0])
    assert price * effect - lost <= made.conjugate(np.array([price])) + 1e-9 * 50
    slope, intercept = made.tangent(np.array([touched]))
    assert 0 <= float(slope[0]) <= 1
    assert float(slope[0] * effect + intercept[0]) <= lost + 1e-9 * 50


def test_carry_over_is_the_geometric_adstock_of_the_past_latest_first():
    assert carried_over(((10.0, 0.0), (4.0, 8.0)), 0.5, 2).tolist() == [6.0, 2.0]


@dataclass
class Instance:
    """A problem with its value written a second time, by hand."""

    value: np.ndarray
    quantity: np.ndarray
    segment: np.ndarray
    ceiling: np.ndarray
    past: np.ndarray
    shape: str = "ratio"
    terms: tuple[Term, ...] = ()

    @property
    def problem(self) -> Problem:
        candidates = Candidates.from_dense(
            self.value, np.ones(self.value.shape, dtype=bool), self.quantity, segment=self.segment, segments=SEGMENTS
        )
        responses = [
            ConcaveResponse(
                channel, UNIT, tuple(self.ceiling[h]), SEGMENTS, self.shape, (tuple(self.past[h]),), retention=0.5
            )
            for h, channel in enumerate(COSTS)
        ]
        return Problem(candidates, COLUMNS, [*responses, *self.terms])

    def effect(self, taken: np.ndarray) -> np.ndarray:
        """By channel and segment [3, 2] of what is taken [N, 3]."""
        caused = UNIT * self.quantity.astype(float) * taken
        return np.stack([caused[self.segment == s].sum(axis=0) for s in range(2)], axis=1)

    def worth(self, taken: np.ndarray) -> float:
        """On the true curves."""
        effect, carried = self.effect(taken), 0.5 * self.past
        made = SHAPES[self.shape](self.ceiling)
        realized = made.effect(carried + effect) - made.effect(carried)
        return float((self.value.astype(float) * taken).sum() - (effect - realized).sum())

    def taken(self, chosen: np.ndarray) -> np.ndarray:
        """Of an allocation's candidates [N, 3]."""
        taken = np.zeros(self.value.shape)
        picked = chosen[chosen >= 0]
        taken[picked // 3, picked % 3] = 1
        return taken


def instance(rng: np.random.Generator, people: int, shape: str = "ratio", tight: float = 0.3) -> Instance:
    quantity = (0.1 * rng.random((people, 3))).astype(np.float32)
    value = (UNIT * quantity * rng.lognormal(0, 0.2, (people, 1)) - COLUMNS.unit_cost).astype(np.float32)
    ceiling = tight * people * (0.3 + rng.random((3, 2)))
    return Instance(value, quantity, rng.integers(0, 2, people).astype(np.uint16), ceiling, rng.random((3, 2)), shape)


def fractional_optimum(made: Instance, budget: float, capacity: float) -> float:
    """By Clarabel, over shares of contacts, with the ratio shape as DCP knows it."""
    x = cp.Variable(made.value.shape, nonneg=True)
    caused = cp.multiply(UNIT * made.quantity.astype(float), x)
    lost = []
    for h, s in product(range(3), range(2)):
        effect, carried = cp.sum(caused[np.flatnonzero(made.segment == s), h]), 0.5 * made.past[h, s]
        b = made.ceiling[h, s]
        lost.append(effect + b**2 * cp.inv_pos(b + carried + effect) - b**2 / (b + carried))
    constraints = [
        cp.sum(x, axis=1) <= 1,
        cp.sum(x @ COLUMNS.unit_cost) <= budget,
        cp.sum(x[:, 0]) <= capacity,
    ]
    problem = cp.Problem(cp.Maximize(cp.sum(cp.multiply(made.value.astype(float), x)) - sum(lost)), constraints)
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value)


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.sampled_from(["ratio", "exponential", "logarithmic", "logistic"]))
def test_a_small_plan_is_the_best_of_all_plans_on_the_true_curves(seed, shape):
    rng = np.random.default_rng(seed)
    made = instance(rng, 5, shape)
    made.terms = (TotalBudget(1.2),)
    best = -np.inf
    for choice in product(range(4), repeat=5):
        taken = np.eye(4)[list(choice)][:, :3]
        if (taken @ COLUMNS.unit_cost).sum() <= 1.2:
            best = max(best, made.worth(taken))
    found = solve(made.problem)
    assert found.value == pytest.approx(made.worth(made.taken(found.chosen)), abs=1e-6)
    assert found.bound >= best - 1e-6
    assert found.value >= best - 1e-4 * abs(best) - 1e-6


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**6), st.integers(20, 120), st.sampled_from([0.05, 0.3, 3.0]))
def test_the_bound_is_the_optimum_of_the_cone_program(seed, people, tight):
    made = instance(np.random.default_rng(seed), people, tight=tight)
    made.terms = (TotalBudget(0.2 * people), ChannelCapacity("email", 0.3 * people))
    best = fractional_optimum(made, 0.2 * people, 0.3 * people)
    found = solve(made.problem)
    assert found.value <= best * (1 + 1e-5)
    assert found.bound <= best * (1 + 1e-4)
    assert found.value >= found.bound * (1 - 1e-4)
    assert found.spend <= 0.2 * people + 1e-6
    assert found.contacts_by_channel.get("email", 0) <= 0.3 * people


@every_shape
@pytest.mark.parametrize("contacts", [1, 2])
def test_a_larger_plan_is_certified_on_its_true_value_and_keeps_its_limits(shape, contacts):
    made = instance(np.random.default_rng(1), 4000, shape)
    made.terms = (
        TotalBudget(500.0),
        ChannelCapacity("email", 900),
        ContactVolume(channel="voice", minimum=60),
        ObjectiveQuota("win", 45.0, "a"),
        ContactLimit(contacts),
    )
    found = solve(made.problem)
    taken = made.taken(found.chosen)
    assert found.status == "certified"
    assert found.value == pytest.approx(made.worth(taken), rel=1e-9)
    assert found.spend <= 500.0 + 1e-6
    assert found.contacts_by_channel["email"] <= 900
    assert found.contacts_by_channel["voice"] >= 60
    assert (made.quantity * taken)[made.segment == 0].sum() >= 45.0 - 1e-6
    assert taken.sum(axis=1).max() <= contacts


def test_the_price_of_a_response_is_the_share_that_is_lost_of_one_more_unit():
    made = instance(np.random.default_rng(2), 4000)
    made.terms = (TotalBudget(300.0),)
    found = solve(made.problem)
    effect = made.effect(made.taken(found.chosen))
    lost = 1 - SHAPES["ratio"](made.ceiling).slope(0.5 * made.past + effect)
    for h, s in product(range(3), range(2)):
        price = found.prices.get(f"response:{list(COSTS)[h]}:{SEGMENTS[s]}", 0.0)
        assert price == pytest.approx(lost[h, s], abs=0.01)


def test_any_thread_count_gives_the_same_bits_with_diminishing_returns():
    made = instance(np.random.default_rng(3), 3000)
    made.terms = (TotalBudget(300.0),)
    found = [solve(made.problem, threads=threads) for threads in (1, 2)]
    assert (found[0].chosen == found[1].chosen).all()
    assert (found[0].value, found[0].bound) == (found[1].value, found[1].bound)


def test_with_a_ceiling_that_nothing_reaches_effects_add_up():
    made = instance(np.random.default_rng(4), 3000)
    made.terms = (TotalBudget(300.0),)
    linear = solve(Problem(made.problem.candidates, COLUMNS, made.terms))
    made.ceiling = made.ceiling * 1e9
    assert solve(made.problem).value == pytest.approx(linear.value, rel=2e-4)


def response(**changed: object) -> ConcaveResponse:
    return ConcaveResponse(**{"channel": "email", "unit_value": 1.0, "ceiling": (1.0,), **changed})


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"ceiling": (0.0,)}, "over 0"),
        ({"ceiling": (1.0, 2.0)}, "1 ceiling"),
        ({"unit_value": float("nan")}, "over 0"),
        ({"retention": 1.0}, "retention"),
        ({"past": ((-1.0,),)}, "at least 0"),
        ({"segments": ("a",), "basis": "contacts"}, "over everybody"),
    ],
)
def test_figures_that_mean_nothing_are_refused(changed, names):
    with pytest.raises(TermError, match=names):
        response(**changed)


def test_a_response_without_expected_conversions_or_of_an_unknown_segment_is_refused():
    value = np.ones((3, 3), dtype=np.float32)
    bare = Candidates.from_dense(value, value > 0)
    with pytest.raises(CandidateError, match="quantity"):
        Problem(bare, COLUMNS, [response()])
    with pytest.raises(TermError, match="No segment 'x'"):
        Problem(bare, COLUMNS, [response(segments=("x",))])


def test_very_many_curves_are_settled_by_turns_to_the_same_optimum(monkeypatch):
    made = instance(np.random.default_rng(5), 4000)
    made.terms = (TotalBudget(400.0), ContactVolume(channel="voice", minimum=60))
    by_master = solve(made.problem)
    monkeypatch.setattr("ml.allocation.solve._MOST_CURVES", 0)
    by_turns = solve(made.problem)
    assert by_turns.status == "certified"
    assert by_turns.value == pytest.approx(by_master.value, rel=2e-4)
    assert by_turns.bound >= by_master.value - 1e-6
    assert by_turns.contacts_by_channel["voice"] >= 60
    assert by_turns.spend <= 400.0 + 1e-6


def test_where_the_master_gives_up_the_turns_stand_in(monkeypatch):
    made = instance(np.random.default_rng(6), 3000)
    made.terms = (TotalBudget(300.0),)
    calls = []

    def give_up_with_curves(*arguments, losses, **rest):
        calls.append(losses)
        if losses is not None:
            raise SolverStatusError("gave up")
        return search_near(*arguments, losses=losses, **rest)

    monkeypatch.setattr("ml.allocation.solve.search_near", give_up_with_curves)
    assert solve(made.problem).status == "certified"
    assert calls[0] is not None


def test_few_people_in_each_of_many_segments_leave_a_gap_that_is_said():
    rng = np.random.default_rng(7)
    people, segments = 1200, tuple(f"s{s}" for s in range(60))
    quantity = (0.1 * rng.random((people, 3))).astype(np.float32)
    value = (UNIT * quantity - COLUMNS.unit_cost).astype(np.float32)
    candidates = Candidates.from_dense(
        value, value > -1, quantity, segment=rng.integers(0, 60, people).astype(np.uint16), segments=segments
    )
    terms = [ConcaveResponse(channel, UNIT, (5.0,) * 60, segments) for channel in COSTS]
    found = solve(Problem(candidates, COLUMNS, [*terms, TotalBudget(60.0)]))
    assert found.value <= found.bound
    assert found.status == ("certified" if found.gap <= 1e-4 else "gap_not_met")
    assert found.gap < 0.05
    assert found.spend <= 60.0 + 1e-6
