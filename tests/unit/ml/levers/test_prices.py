"""A moved price gives the problem that a decision under that price would have made."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.terms import ContactLimit
from ml.entities import CHANNELS, Option
from ml.levers import LeverError, ValueParts, moved, needs_parts, parse
from ml.policy.value import ValueTable
from tests.unit.ml.stored_days import day_of

OBJECTIVES = ("win", "grow")
OPTIONS = (Option("email", "none"), Option("email", "ten_off"), Option("voice", "ten_off"))
UNIT, REDEEMED = "objectives.win.value_per_unit", "actions.offers.ten_off.cost_when_redeemed"
REDEMPTION = 0.4


def decision(people: int = 40, unit: float = 50.0, redeemed: float = 10.0) -> tuple[ValueTable, Problem]:
    rng = np.random.default_rng(5)
    propensity = rng.uniform(0, 0.3, (people, 3)).astype(np.float32)
    own = rng.uniform(0.5, 2, people).astype(np.float32)
    costs = np.array([0.01, 0.01, 2.0], dtype=np.float32)
    offer = np.array([0, redeemed, redeemed], dtype=np.float32)
    table = ValueTable(
        OBJECTIVES,
        OPTIONS,
        uplift=propensity - np.float32(0.1),
        propensity=propensity,
        baseline=np.full(people, 0.1, dtype=np.float32),
        unit_value=np.stack([own * unit, own * 30], axis=1).astype(np.float32),
        contact_cost=costs,
        redemptions=propensity * np.float32(REDEMPTION),
        offer_price=offer,
        offer_saved=np.outer(own, np.where(offer > 0, 3, 0)).astype(np.float32),
        wear_cost=np.full((people, 3), 0.02, dtype=np.float32),
        arm=np.full((people, 2), 3, dtype=np.int8),
        allowed=rng.random((2, people, len(CHANNELS))) < 0.7,
    )
    columns = Columns.of([(o, option, float(c)) for o in OBJECTIVES for option, c in zip(OPTIONS, costs, strict=True)])
    values, is_candidate = table.dense("system", np.ones(people, dtype=bool))
    return table, Problem(Candidates.from_dense(values, is_candidate), columns, [ContactLimit(1)])


def parts_of(table: ValueTable, problem: Problem) -> ValueParts:
    return ValueParts.of(table, problem.given)


@pytest.mark.parametrize(("setting", "now"), [(f"{UNIT}=70", {"unit": 70.0}), (f"{REDEEMED}=4", {"redeemed": 4.0}),
                                              (f"{REDEEMED}=2", {"redeemed": 2.0}), (f"{REDEEMED}=25", {"redeemed": 25.0}),
                                              (f"{UNIT}=50", {}), (f"{REDEEMED}=10", {})])  # fmt: skip
def test_a_moved_price_gives_the_values_of_a_decision_under_it(setting: str, now: dict[str, float]) -> None:
    table, problem = decision()
    day = day_of(numbers={UNIT: 50.0, REDEEMED: 10.0})
    changed, _ = moved(problem, day, parse([setting], day), parts_of(table, problem))
    _, again = decision(**now)
    assert np.allclose(changed.given.value, again.given.value, atol=2e-5)
    assert np.array_equal(changed.given.column, again.given.column)


def test_two_prices_moved_together_add_up() -> None:
    table, problem = decision()
    day = day_of(numbers={UNIT: 50.0, REDEEMED: 10.0})
    changed, changes = moved(problem, day, {UNIT: 20.0, REDEEMED: 25.0}, parts_of(table, problem))
    assert np.allclose(changed.given.value, decision(unit=20.0, redeemed=25.0)[1].given.value, atol=4e-5)
    assert [change.key for change in changes] == [UNIT, REDEEMED]


def test_contacts_made_to_learn_have_the_parts_of_the_same_columns() -> None:
    table, problem = decision()
    learning = problem.given.exploring(np.arange(len(problem.given)) % 2 == 0, problem.columns)
    whole, exploring = (
        parts_of(table, problem),
        ValueParts.of(table, learning),
    )
    assert np.array_equal(whole.effect, exploring.effect)
    assert np.array_equal(whole.redemptions, exploring.redemptions)


def test_the_parts_come_back_from_their_file_for_their_own_problem_only(tmp_path: Path) -> None:
    table, problem = decision()
    parts = parts_of(table, problem)
    with pytest.raises(LeverError, match="ask a later cycle"):
        ValueParts.load(tmp_path, len(parts.effect))
    parts.save(tmp_path)
    read = ValueParts.load(tmp_path, len(parts.effect))
    assert np.array_equal(read.effect, parts.effect)
    assert np.array_equal(read.redemptions, parts.redemptions)
    assert np.array_equal(read.saved, parts.saved)
    with pytest.raises(LeverError, match="another problem's"):
        ValueParts.load(tmp_path, len(parts.effect) + 1)


def test_a_price_that_means_nothing_in_the_plan_is_refused() -> None:
    table, problem = decision()
    parts, day = parts_of(table, problem), day_of(numbers={UNIT: 50.0, REDEEMED: 10.0})
    assert needs_parts([UNIT])
    assert not needs_parts(["objectives.win.budget", "actions.channels.email.cost"])
    with pytest.raises(LeverError, match="none are given"):
        moved(problem, day, {UNIT: 1.0})
    nobody = Problem(problem.given, replace(problem.columns, objectives=("x", "y")), problem.terms)
    with pytest.raises(LeverError, match="nobody could be contacted for win"):
        moved(nobody, day, {UNIT: 1.0}, parts)
    other = Problem(problem.given, replace(problem.columns, offer_ids=("none",) * 6), problem.terms)
    with pytest.raises(LeverError, match="makes the offer ten_off"):
        moved(other, day, {REDEEMED: 1.0}, parts)
    with pytest.raises(LeverError, match="worth nothing today"):
        moved(problem, day_of(numbers={UNIT: 0.0}), {UNIT: 1.0}, parts)
