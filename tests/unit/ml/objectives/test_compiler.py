from dataclasses import replace

import numpy as np
import pytest

from benchmarks.objectives import case_of
from ml.allocation.terms import ObjectiveBudget, ObjectiveQuota
from ml.objectives.compiler import Stated, compile_objective
from ml.objectives.estimate import Estimate
from ml.objectives.forecast import Goal, Standing
from ml.objectives.outlook import outlook
from ml.objectives.pacing import Pace


def _stated(case, units, *, standing=None, budget_spent=0.0):
    objective = case.question.objective
    standing = standing or Standing(expected=0, caused=None, maturing=0)
    spent = {"first": budget_spent, "second": 0.0}
    goal = Goal(Estimate(units, 0), is_total=False, words="as stated")
    return Stated(objective, goal, standing, spent, case.question.days, case.question.period_of)


@pytest.fixture(scope="module", params=range(4), ids=["customers", "reactivations", "churn", "margin"])
def case(request):
    """One of each metric, short of money."""
    return case_of(100 + request.param, "budget", count=250)


def test_every_metric_is_compiled_with_an_interval_and_a_chance(case):
    found = compile_objective(case.people, _stated(case, 0.5 * case.question.needed), case.limits)
    assert found.answer.is_reachable
    assert 0 < found.forecast.units.low < found.forecast.units.mean < found.forecast.units.high
    assert 0 < found.forecast.chance < 1
    assert found.plan.units <= found.answer.most * 1.001


def test_a_higher_target_is_less_likely_and_the_forecast_stays_the_same(case):
    low, high = (
        compile_objective(case.people, _stated(case, part * case.question.needed), case.limits, explains=False)
        for part in (0.3, 3.0)
    )
    assert low.forecast.units == high.forecast.units
    assert low.forecast.chance > high.forecast.chance


def test_an_effect_of_half_as_much_halves_what_the_rest_brings(case):
    half = Standing(expected=1e6, caused=Estimate(5e5, 10), maturing=0)
    full = Standing(expected=1e6, caused=Estimate(1e6, 10), maturing=0)
    brings = [
        compile_objective(case.people, _stated(case, 1.0, standing=s), case.limits).plan.units for s in (half, full)
    ]
    assert 0.45 <= brings[0] / brings[1] <= 0.75  # contacts that cause less leave more people to cause something with


def test_an_unreachable_target_gives_the_days_budget_and_no_quota_that_would_stop_the_cycle(case):
    found = compile_objective(case.people, _stated(case, 3 * case.question.needed), case.limits)
    assert not found.answer.is_reachable
    assert found.answer.relaxations
    assert [type(term) for term in found.terms(100.0, 0.02)] == [ObjectiveBudget]


def test_a_target_that_only_another_plan_reaches_becomes_a_quota_of_the_day(case):
    planned = compile_objective(case.people, _stated(case, 1.0), case.limits)
    asked = 0.5 * (planned.plan.units + case_most(case))
    if asked <= planned.plan.units * 1.01:
        pytest.skip("what is worth most reaches the most here")
    found = compile_objective(case.people, _stated(case, asked), case.limits)
    assert [type(term) for term in found.terms(100.0, 0.02)] == [ObjectiveBudget, ObjectiveQuota]


def case_most(case):
    """Most units that any plan reaches."""
    return compile_objective(case.people, _stated(case, 1e12), case.limits, explains=False).answer.most


def test_money_without_use_is_said_to_be_likely_to_stay(case):
    rich = case.question.objective.model_copy(update={"budget": 1e9})
    stated = replace(_stated(case, 1.0), objective=rich)
    found = compile_objective(case.people, stated, case.limits)
    assert "likely to stay unspent" in found.underspends


def test_facts_are_plain_and_their_words_are_an_operators(case):
    found = compile_objective(case.people, _stated(case, case.question.needed), case.limits)
    pace = Pace(10.0, 10.0, 0.0, 0.1, "100 left for 10 days")
    facts = {
        **found.facts(),
        "pace": vars(pace),
        "day": "2026-01-05",
        "explained_on": "2026-01-03",
        "without_forecast": "",
    }
    said = outlook(case.question.objective, facts, "USD")
    assert "may be spent today" in said.pace
    assert "likely to be reached" in said.forecast
    assert "(as of 2026-01-03)" in said.conflicts
    assert any("raise the budget" in move or "move the deadline" in move or "contacts" in move for move in said.moves)
    assert np.isfinite(facts["chance"])


def test_without_a_forecast_the_reason_is_said_and_the_pace_still_stands():
    objective = case_of(100, "budget", count=60).question.objective
    facts = {"forecast": None, "without_forecast": "the history is too short", "pace": vars(Pace(10, 10, 0, 0.1, "so"))}
    said = outlook(objective, facts, "USD")
    assert (said.forecast, said.conflicts, said.moves) == ("no forecast: the history is too short", "", ())
    assert said.pace.startswith("10.00 USD")
