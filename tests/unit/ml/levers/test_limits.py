"""An operator's number means today what remains of it; a key or value that means nothing says what would be right."""

import numpy as np
import pytest

from ml.allocation.problem import Problem
from ml.allocation.terms import ChannelBudget, ChannelSpendShare, ContactLimit
from ml.levers import (
    CONTACTS,
    PER_CHANNEL,
    PER_DAY,
    SPEND_CHANGE,
    SPEND_SHARE,
    Day,
    LeverError,
    ObjectiveDay,
    moved,
    parse,
)
from tests.unit.ml.stored_days import COSTS, SPENT, day_of, problem_of

MAIL = f"{PER_CHANNEL}.direct_mail"


def limits_of(problem: Problem) -> dict[str, float]:
    rows = problem.rows()
    return dict(zip(rows.names, rows.bound.tolist(), strict=True))


def after(*settings: str, day: Day | None = None) -> dict[str, float]:
    day = day or day_of()
    problem, _ = moved(problem_of(20), day, parse(settings, day))
    return limits_of(problem)


@pytest.mark.parametrize(
    "setting",
    [f"{PER_DAY}=20", f"{MAIL}=9", f"{SPEND_SHARE}=0.6", f"{SPEND_CHANGE}=0.5", f"{CONTACTS}=1",
     "actions.channels.voice.cost=2", "actions.channels.email.capacity_per_day=60", "objectives.win.budget=1000",
     "objectives.grow.budget=500"],
)  # fmt: skip
def test_a_number_set_to_what_it_is_gives_the_same_problem(setting: str) -> None:
    problem, day = problem_of(20), day_of()
    same, changes = moved(problem, day, parse([setting], day))
    assert limits_of(same) == pytest.approx(limits_of(problem))
    assert list(same.rows().names) == list(problem.rows().names)
    assert np.array_equal(same.given.value, problem.given.value)
    assert changes[0].before == changes[0].after


def test_a_spend_cap_leaves_what_is_not_bound_outside_of_the_plan() -> None:
    assert after(f"{PER_DAY}=30")["budget"] == pytest.approx(30 - sum(SPENT.values()))
    assert after(f"{PER_DAY}=1")["budget"] == 0
    assert after(f"{MAIL}=5")["channel_budget:direct_mail"] == pytest.approx(3)
    assert after(f"{PER_CHANNEL}.email=4")["channel_budget:email"] == pytest.approx(3)


def test_a_cap_of_none_takes_the_limit_away() -> None:
    limits = after(f"{PER_DAY}=none", f"{MAIL}=none")
    assert not {"budget", "channel_budget:direct_mail"} & set(limits)


def test_a_cap_leaves_the_minimum_that_stands_beside_it() -> None:
    day = day_of()
    problem = problem_of(20, terms=[ChannelBudget("email", 5.0, 1.0)])
    capped, _ = moved(problem, day, {f"{PER_CHANNEL}.email": 3.0})
    assert capped.terms == [ChannelBudget("email", 2.0, 1.0)]
    free, _ = moved(problem, day, {f"{PER_CHANNEL}.email": None})
    assert free.terms == [ChannelBudget("email", None, 1.0)]


def test_capacity_counts_the_contacts_outside_of_the_plan() -> None:
    assert after("actions.channels.email.capacity_per_day=80")["capacity:email"] == pytest.approx(70)


def test_a_share_is_of_the_whole_days_spend() -> None:
    problem, day = problem_of(20), day_of()
    changed, _ = moved(problem, day, {SPEND_SHARE: 0.3})
    shares = {term.channel: term for term in changed.terms if isinstance(term, ChannelSpendShare)}
    assert set(shares) == set(COSTS)
    assert {name: term.allowance for name, term in shares.items()} == pytest.approx(
        {name: max(0.0, 0.3 * sum(SPENT.values()) - SPENT[name]) for name in COSTS}
    )
    assert shares["direct_mail"].allowance == 0  # used up before the plan: nothing is left to it
    free, _ = moved(problem, day, {SPEND_SHARE: 1.0})
    assert not any(isinstance(term, ChannelSpendShare) for term in free.terms)


def test_a_share_held_over_the_plan_alone_stays_over_the_plan_alone() -> None:
    problem = problem_of(20, terms=[ChannelSpendShare(name, 0.6) for name in COSTS])
    changed, _ = moved(problem, day_of(), {SPEND_SHARE: 0.3})
    assert {term.allowance for term in changed.terms if isinstance(term, ChannelSpendShare)} == {0.0}


def test_a_period_budget_moves_today_by_its_share_of_what_is_left() -> None:
    # 0.01 of (800 + 500) today, of which the randomized arms take 1
    assert after("objectives.win.budget=1500")["budget:win"] == pytest.approx(13 - 1)
    assert after("objectives.win.budget=100")["budget:win"] == 0


def test_the_bound_on_a_rise_holds_whatever_the_budget_is() -> None:
    # a tenth of 4,400 would be 440; half as much again as 8 is 12, of which 3 are bound
    assert after("objectives.grow.budget=4500")["budget:grow"] == pytest.approx(9)
    both = after("objectives.grow.budget=4500", f"{SPEND_CHANGE}=1")
    assert both["budget:grow"] == pytest.approx(13)


def test_a_bound_on_a_rise_that_holds_for_nothing_says_so() -> None:
    day = day_of(objectives={})
    _, changes = moved(problem_of(20), day, {SPEND_CHANGE: 1.0})
    assert "supervised objectives only" in changes[0].words


def test_before_there_are_days_enough_the_rise_is_against_the_even_split() -> None:
    early = ObjectiveDay(500.0, 400.0, 20.0, 0.2, even_days=40)
    assert early.room_at(500.0, 0.5) == pytest.approx(15)  # 0.2 of 400 would be 80; half as much again as 10 is 15
    assert early.room_at(900.0, 0.5) == pytest.approx(30)
    assert early.room_at(500.0, 99.0) == pytest.approx(80)


def test_a_price_moves_values_and_what_a_contact_uses() -> None:
    problem, day = problem_of(50), day_of()
    dearer, _ = moved(problem, day, {"actions.channels.voice.cost": 3.5})
    calls = np.isin(problem.columns.channel, [3])
    is_call = calls[problem.given.column]
    assert np.allclose(problem.given.value[is_call] - dearer.given.value[is_call], 1.5, atol=1e-5)
    assert np.array_equal(problem.given.value[~is_call], dearer.given.value[~is_call])
    assert set(dearer.columns.unit_cost[calls]) == {3.5}
    assert np.array_equal(problem.columns.unit_cost, problem_of(1).columns.unit_cost)


def test_more_contacts_of_a_person_change_the_contact_limit() -> None:
    problem, _ = moved(problem_of(20), day_of(), {CONTACTS: 2.0})
    assert [term for term in problem.terms if isinstance(term, ContactLimit)] == [ContactLimit(2)]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("policy.spend_caps.per_da=4", f"did you mean {PER_DAY}"),
        ("color=red", "Valid keys: policy.spend_caps.per_day"),
        (PER_DAY, "KEY=VALUE"),
        (f"{PER_DAY}=much", "a number of at least 0, or none"),
        (f"{PER_DAY}=-1", "at least 0"),
        (f"{PER_DAY}=nan", "at least 0"),
        ("objectives.win.budget=none", "at least 0"),
        (f"{SPEND_SHARE}=1.2", "above 0 and up to 1"),
        (f"{CONTACTS}=1.5", "whole number from 1 to 8"),
        ("objectives.lose.budget=4", "objectives.win.budget"),
    ],
)
def test_what_means_nothing_is_refused_with_what_would_be_right(setting: str, words: str) -> None:
    with pytest.raises(LeverError) as refused:
        parse([setting], day_of())
    assert words in str(refused.value)


def test_a_channel_without_an_action_in_the_plan_is_refused() -> None:
    key = f"{PER_CHANNEL}.push"
    day = day_of(numbers={key: 1.0})
    with pytest.raises(LeverError, match="no action of this plan goes by push; it has email, sms"):
        moved(problem_of(20), day, parse([f"{key}=2"], day))


def test_a_day_comes_back_from_plain_values() -> None:
    assert Day.from_dict(day_of().to_dict()) == day_of()
