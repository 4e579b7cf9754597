"""What users of other budget optimizers complain of, each by its name: none of it happens here."""

from itertools import pairwise

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import solve
from ml.allocation.spend_curves import ResponseCurve, best_split, split_value
from ml.allocation.terms import (
    ChannelBudget,
    ChannelSpendShare,
    ConcaveResponse,
    ContactVolume,
    ObjectiveQuota,
    Term,
    TotalBudget,
)
from ml.entities import Option

COSTS = {"email": 0.05, "direct_mail": 0.7, "voice": 2.0}
COLUMNS = Columns.of([("win", Option(channel, "none"), cost) for channel, cost in COSTS.items()])
PEOPLE = 3000
CURVES = [
    ResponseCurve.logistic("search", 3000, 4, 0.4),
    ResponseCurve.logistic("social", 2000, 3, 0.2),
    ResponseCurve.logistic("display", 900, 2, 0.6),
]


def candidates(unit_value: float = 40.0, seed: int = 0) -> Candidates:
    """People whose chance to convert differs by channel; a conversion is worth `unit_value`."""
    rng = np.random.default_rng(seed)
    chance = (rng.beta(1.2, 20, (PEOPLE, 1)) * np.array([0.5, 1.0, 1.6]) * rng.lognormal(0, 0.4, (PEOPLE, 3))).astype(
        np.float32
    )
    value = (unit_value * chance - COLUMNS.unit_cost).astype(np.float32)
    return Candidates.from_dense(value, np.ones(value.shape, dtype=bool), chance)


def decided(*terms: Term, unit_value: float = 40.0, seed: int = 0) -> Allocation:
    return solve(Problem(candidates(unit_value, seed), COLUMNS, terms))


def conversions(found: Allocation, seed: int = 0) -> float:
    picked = found.chosen[found.chosen >= 0]
    return float(candidates(seed=seed).quantity[picked].astype(float).sum())


def shares(found: Allocation) -> np.ndarray:
    return np.array([found.spend_by_channel.get(channel, 0.0) for channel in COSTS]) / found.spend


def test_a_target_cost_per_conversion_that_pays_for_more_spends_more():
    """Complaint: a target CPA that never raises spend. What a conversion may cost is what it is worth here."""
    found = [decided(TotalBudget(1e6), unit_value=unit_value) for unit_value in (10, 20, 40, 80, 160)]
    spend = [each.spend for each in found]
    assert all(later > 1.15 * earlier for earlier, later in pairwise(spend))
    assert all(later > earlier for earlier, later in pairwise(map(conversions, found)))


def test_the_last_money_spent_costs_no_more_per_conversion_than_a_conversion_is_worth():
    """Complaint: the average meets the target while the last money is wasted."""
    base = decided(TotalBudget(900.0))
    more = decided(TotalBudget(1000.0))
    assert (more.spend - base.spend) / (conversions(more) - conversions(base)) <= 40.0
    assert base.prices["budget"] >= more.prices["budget"] > 0


@pytest.mark.parametrize("change", [0.99, 1.01, 1.03])
def test_a_target_that_changes_by_little_moves_little_money(change):
    """Complaint: 75 % of the money moved to one channel when the target changed by little."""
    target = 90.0
    base = decided(TotalBudget(1000.0), ObjectiveQuota("win", target))
    moved = decided(TotalBudget(1000.0), ObjectiveQuota("win", target * change))
    assert np.abs(shares(moved) - shares(base)).max() <= 3 * abs(change - 1)


@pytest.mark.parametrize("change", [0.99, 1.01])
def test_a_budget_that_changes_by_little_moves_little_money_between_response_curves(change):
    base, moved = best_split(CURVES, 12.0, 12, is_even=True), best_split(CURVES, 12.0 * change, 12, is_even=True)
    assert np.abs(moved.share - base.share).max() <= 0.02


def test_money_goes_where_returns_are_and_not_in_equal_parts():
    """Complaint: an equal split though returns differ. At the best split the last money returns alike."""
    split = best_split(CURVES, 12.0, 12, is_even=True)
    assert split.value > 1.02 * split_value(CURVES, np.full((3, 12), 1 / 3))
    assert split.share.max() > 2 * split.share.min()
    step = 1e-3 / 12
    for channel in range(3):
        more = split.spend.copy()
        more[channel] += step
        returned = (split_value(CURVES, more) - split_value(CURVES, split.spend)) / 1e-3
        if split.share[channel] > 0:
            assert returned == pytest.approx(split.marginal, rel=0.02)
        assert returned <= 1.02 * split.marginal


def test_equal_curves_get_equal_money():
    twins = [ResponseCurve.logistic(name, 1000, 2, 0.3) for name in ("left", "right")]
    assert best_split(twins, 20.0, 10, is_even=True).share == pytest.approx([0.5, 0.5], abs=0.01)


@pytest.mark.parametrize("budget", [0.0, 40.0, 90.0, 1234.5])
def test_the_parts_add_up_to_the_budget(budget):
    """Complaint: sums that aren't the budget."""
    found = decided(TotalBudget(budget))
    assert found.spend <= budget + 1e-9
    assert found.spend >= budget - max(COSTS.values())  # what is left buys no contact more
    assert sum(found.spend_by_channel.values()) == pytest.approx(found.spend, abs=1e-9)


@pytest.mark.parametrize("budget", [0.0, 3.7, 12.0, 25.0])
@pytest.mark.parametrize("is_even", [True, False])
def test_the_parts_between_response_curves_add_up_to_the_budget(budget, is_even):
    assert best_split(CURVES, budget, 6, is_even=is_even, gap=1e-4).spend.sum() == pytest.approx(budget, abs=1e-6)


@pytest.mark.parametrize("amount", [0.0, 70.0, 350.0])
def test_a_channel_is_held_fixed_by_equal_bounds(amount):
    """Complaint: a channel that can't be held fixed."""
    found = decided(TotalBudget(800.0), ChannelBudget("direct_mail", maximum=amount, minimum=amount))
    assert found.spend_by_channel.get("direct_mail", 0.0) == pytest.approx(amount, abs=1e-6)
    assert found.status == "certified"


@pytest.mark.parametrize("amount", [0.0, 12.5, 60.0])
def test_a_channel_is_held_fixed_between_response_curves(amount):
    split = best_split(CURVES, 90.0, 12, minimum={"display": amount}, maximum={"display": amount}, is_even=True)
    assert split.spend[2].sum() == pytest.approx(amount, abs=1e-6)
    assert split.spend.sum() == pytest.approx(90.0, abs=1e-6)


def test_what_past_spend_still_does_lowers_what_is_spent_there_today():
    """Complaint: past spend's carry-over ignored."""

    def mail(past: tuple[tuple[float, ...], ...]) -> float:
        response = ConcaveResponse("direct_mail", 40.0, (600.0,), past=past, retention=0.5)
        return decided(TotalBudget(1000.0), response).spend_by_channel.get("direct_mail", 0.0)

    rested, tired, longer_ago = mail(()), mail(((900.0,),)), mail(((0.0,), (0.0,), (900.0,)))
    assert tired < 0.8 * rested
    assert tired < longer_ago < rested


def test_what_past_spend_still_does_moves_the_first_weeks_money_elsewhere():
    free, after = best_split(CURVES, 40.0, 6), best_split(CURVES, 40.0, 6, past={"search": [4.0] * 7})
    assert after.spend[0, 0] < free.spend[0, 0]
    assert after.value == pytest.approx(split_value(CURVES, after.spend, {"search": [4.0] * 7}))


def test_periods_that_differ_get_different_money():
    """Complaint: one constant value for every period."""
    split = best_split(CURVES, 40.0, 6, past={"search": [4.0] * 7})
    assert np.ptp(split.spend[0]) > 0.1
    mailed = [decided(TotalBudget(300.0), seed=day).contacts_by_channel for day in range(3)]
    assert len({tuple(sorted(day.items())) for day in mailed}) == 3


def test_another_model_gives_another_answer():
    """Complaint: an answer that doesn't change when the model does."""
    base = candidates()
    better_voice = np.where(base.column == 2, base.quantity * 1.5, base.quantity).astype(np.float32)
    value = (40.0 * better_voice - COLUMNS.unit_cost[base.column]).astype(np.float32)
    changed = Candidates(base.starts, base.column, value, better_voice)
    before, after = (solve(Problem(table, COLUMNS, [TotalBudget(900.0)])) for table in (base, changed))
    assert after.spend_by_channel["voice"] > 1.2 * before.spend_by_channel["voice"]
    assert (after.chosen != before.chosen).any()
    steeper = [ResponseCurve.logistic("search", 1000, 4, 0.4), *CURVES[1:]]
    before_share, after_share = (best_split(curves, 12.0, 12, is_even=True).share for curves in (CURVES, steeper))
    assert after_share[0] < before_share[0] - 0.05


def test_a_plan_that_cannot_be_says_which_limits_conflict_and_what_would_do():
    """Complaint: infeasibility without a reason."""
    terms = [TotalBudget(50.0), ContactVolume(channel="voice", minimum=40), ChannelSpendShare("voice", 0.9)]
    with pytest.raises(Infeasible, match=r"a total budget of at most 50\.00.*To resolve it: raise") as caught:
        decided(*terms)
    assert {"budget", "contacts:voice:minimum"} <= set(caught.value.conflicts)
    assert caught.value.relaxations
    assert all(relaxation.is_verified for relaxation in caught.value.relaxations)


def test_a_split_that_cannot_be_says_which_limits_conflict():
    with pytest.raises(
        Infeasible, match=r"a total budget of 10\.00; at least 8\.00 on search; at least 5\.00 on social"
    ):
        best_split(CURVES, 10.0, 4, minimum={"search": 8.0, "social": 5.0})
    with pytest.raises(Infeasible, match=r"at least 8\.00 and at most 5\.00 on search"):
        best_split(CURVES, 10.0, 4, minimum={"search": 8.0}, maximum={"search": 5.0})
