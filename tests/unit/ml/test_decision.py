"""A decision: limits leave room for what is bound, exploring has its price and its exact chances, and what was drawn stands."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ml.allocation.smooth.table import SPEND
from ml.allocation.smooth.temperature import explore
from ml.allocation.terms import ChannelSpendShare
from ml.configuration import Configuration
from ml.configuration.policy import FrequencyCap, Policy
from ml.day_problem import Room, limits_of
from ml.decision import decide
from ml.entities import NONE, Option
from ml.policy.delivery import TRIED_SHARE
from ml.policy.frequency import all_contacts
from ml.policy.standing import given_up, standing
from tests.unit.ml.known_people import MOMENT, configuration_of, known_people, room_for


@pytest.mark.parametrize(
    ("spent", "allowance"),
    [({}, 0.0), ({"email": 4.0}, 0.0), ({"direct_mail": 4.0}, 3.0), ({"email": 1.0, "direct_mail": 3.0}, 2.0)],
)
def test_a_channels_share_is_of_the_whole_days_spend_the_randomized_contacts_included(spent, allowance):
    table = SimpleNamespace(options=(Option("email", "none"), Option("direct_mail", "none")), objectives=("grow",))
    room = Room(total=None, objectives={}, channels={}, capacity={}, spend_share=0.75, spent=spent)
    terms = limits_of(table, SimpleNamespace(policy=Policy()), room)
    shares = {term.channel: term for term in terms if isinstance(term, ChannelSpendShare)}
    assert shares["email"].share == pytest.approx(0.75)
    assert shares["email"].allowance == pytest.approx(allowance)


@pytest.fixture(scope="module")
def explored():
    return decided(6000, 0.03)


def decided(people: int, value_share: float, moment=MOMENT, **more):
    configuration = configuration_of(value_share)
    known = known_people(people, configuration)
    return decide(moment, known, configuration, room_for(people, configuration), threads=1, **more)


def test_exploring_costs_the_share_that_the_policy_allows_beside_the_exact_plans_proof(explored):
    facts, exact = explored.exploration, explored.allocation
    assert facts.temperature > 0
    assert facts.expected_cost == pytest.approx(0.03 * exact.value, rel=0.051)
    assert facts.drawn_cost == pytest.approx(facts.expected_cost, rel=0.25)
    assert facts.exact_value == exact.value
    assert exact.gap <= 1e-4


def test_a_drawn_plan_keeps_every_limit_of_the_problem(explored):
    contacts = explored.plan.decisions.query("channel != 'none' and arm == 'system'")
    problem, rows = explored.problem, explored.problem.rows()
    names = dict(zip(problem.columns.names, range(len(problem.columns)), strict=True))
    column = (contacts["objective_id"] + "/" + contacts["channel"] + ":" + contacts["offer_id"]).map(names)
    use = rows.contacts @ np.bincount(column, minlength=len(names))
    assert (use <= rows.bound + 1e-9 * np.maximum(1, abs(rows.bound))).all()
    assert (contacts["customer_id"].value_counts() == 1).all()


def test_values_are_compared_after_the_price_of_money_that_exploring_keeps_to(explored):
    problem, facts = explored.problem, explored.exploration
    plan = explore(problem, explored.allocation, 0.03, spends=(facts.spend,), threads=1)
    assert facts.spend == explored.allocation.spend
    assert plan.prices[SPEND] > 0
    rows, names = problem.rows(), dict(zip(problem.columns.names, range(len(problem.columns)), strict=True))
    price = rows.prices(plan.prices) @ rows.contacts + plan.prices[SPEND] * problem.columns.unit_cost
    contacts = explored.plan.decisions.query("channel != 'none' and arm == 'system'")
    column = (contacts["objective_id"] + "/" + contacts["channel"] + ":" + contacts["offer_id"]).map(names)
    paid = contacts["net_value"] - contacts["adjusted_value"]
    assert paid.to_numpy() == pytest.approx(price[column], abs=1e-5)


def test_each_system_decision_logs_the_chance_with_which_it_was_drawn(explored):
    decisions = explored.plan.decisions
    system = decisions[decisions["arm"] == "system"]
    contacts, alone = system[system["channel"] != "none"], system[system["channel"] == "none"]
    assert (contacts["logging_propensity"] < 0.999).mean() > 0.3
    assert contacts["logging_propensity"].between(0, 1, inclusive="right").all()
    assert alone["logging_propensity"].between(0, 1, inclusive="right").all()
    # Chances of all that a person may get, and of nothing, are one.
    total = explored.chances.randomized.sum(axis=(1, 2))
    some = total + (1 - total) * explored.chances.system.sum(axis=(1, 2))
    chance = pd.Series(1 - some, index=[f"c{i:06d}" for i in range(6000)])
    assert np.allclose(alone["logging_propensity"], chance[alone["customer_id"]], atol=1e-9)


def test_a_share_of_nothing_is_the_exact_plan_with_probability_one():
    plain = decided(2000, 0.0)
    assert plain.exploration.temperature == 0
    assert plain.exploration.drawn_cost == 0
    contacts = plain.plan.decisions.query("channel != 'none' and arm == 'system'")
    assert len(contacts) == (plain.allocation.chosen >= 0).sum()
    assert (contacts["logging_propensity"] >= TRIED_SHARE / 8).all()  # of creative and slot alone
    assert "nothing may be spent" in plain.exploration.reason


def test_the_same_moment_gives_the_same_draw_and_the_next_cycle_another(explored):
    again = decided(6000, 0.03)
    assert again.plan.plan_hash == explored.plan.plan_hash
    key = ["customer_id", "objective_id", "channel", "offer_id"]
    other = decided(6000, 0.03, replace(MOMENT, cycle_id="2026-01-05.x")).plan.decisions
    shared = pd.MultiIndex.from_frame(explored.plan.decisions[key]).isin(pd.MultiIndex.from_frame(other[key]))
    assert 0.1 < 1 - shared.mean() < 0.9


def test_drawn_decisions_stand_in_a_re_optimization_where_nothing_came_in(explored):
    decisions = explored.plan.decisions
    open_now = decisions[decisions["channel"] != "none"]
    stands = standing([decisions], open_now)
    anew = decided(6000, 0.03, keeps=stands, keep_bonus=0.01, warm_prices=explored.allocation.prices)
    key = ["customer_id", "objective_id", "channel", "offer_id"]
    before, after = (pd.MultiIndex.from_frame(one[key]) for one in (decisions, anew.plan.decisions))
    changed = 1 - after.isin(before).mean()
    assert changed < 0.02
    assert anew.exploration.temperature == 0
    # Without what the draw gave up, the exact plan would undo the exploring.
    plain = decided(6000, 0.03, keeps=open_now[key], keep_bonus=0.01, warm_prices=explored.allocation.prices)
    assert 1 - pd.MultiIndex.from_frame(plain.plan.decisions[key]).isin(before).mean() > 3 * changed


def test_a_drawn_choice_that_is_not_the_best_says_so(explored):
    system = explored.plan.decisions.query("arm == 'system'")
    drawn = system[system["reason"].str.startswith("drawn")]
    assert 0 < len(drawn) < 0.5 * len(system)
    assert (given_up(drawn) > 0).mean() > 0.9  # another objective's option may be the better one
    best = system[(system["channel"] != "none") & ~system["reason"].str.startswith("drawn")]
    assert (given_up(best) < 1e-3).all()


def test_several_contacts_a_person_are_drawn_with_their_own_chances():
    configuration = configuration_of(0.03)
    policy = configuration.policy.model_copy(update={"max_contacts_per_cycle": 2})
    configuration = replace(configuration, policy=policy)
    known = known_people(6000, configuration)
    found = decide(MOMENT, known, configuration, room_for(6000, configuration), threads=1)
    contacts = found.plan.decisions.query("channel != 'none' and arm == 'system'")
    each = contacts["customer_id"].value_counts()
    assert found.exploration.temperature > 0
    assert each.max() == 2
    assert not contacts.duplicated(["customer_id", "channel"]).any()
    assert contacts["logging_propensity"].between(0, 1, inclusive="right").all()
    alone = found.plan.decisions.query("channel == 'none' and arm == 'system'")
    nothing = pd.Series(found.chances.nothing(np.zeros((4, 8), dtype=bool)), index=known.customers["customer_id"])
    assert np.allclose(alone["logging_propensity"], nothing[alone["customer_id"]], atol=1e-6)


def test_who_holds_an_offer_is_charged_less_for_it_in_a_decision():
    configuration = configuration_of(0.0)
    known = known_people(300, configuration)
    sent = pd.DataFrame(
        {
            "customer_id": known.customers["customer_id"][:1],
            "channel": "email",
            "offer_id": "ten_off",
            "sent_at": pd.Timestamp(MOMENT.at) - pd.Timedelta(days=2),
            "message_id": None,
        }
    )
    room = room_for(300, configuration)
    before, after = (
        decide(MOMENT, each, configuration, room, threads=1).table.offer_cost
        for each in (known, replace(known, contacts=all_contacts(sent)))
    )
    is_offer = np.array([option.offer_id != NONE for option in known.scores.options])
    assert (after[0, is_offer] < 0.5 * before[0, is_offer]).all()  # ten off is the dearest: it covers all others
    assert after[1:] == pytest.approx(before[1:])


def test_who_is_capped_until_later_in_the_day_is_contacted_after_that_and_not_in_the_middle_of_it():
    found = configuration_of(0.0)
    caps = found.policy.model_copy(update={"frequency_caps": [FrequencyCap(channels="all", max=1, days=7)]})
    configuration = Configuration(**{**vars(found), "policy": caps})
    known = known_people(300, configuration)

    def sends(at):
        lately = {"customer_id": known.customers["customer_id"], "channel": "email", "offer_id": NONE, "sent_at": at}
        contacts = all_contacts(pd.DataFrame({**lately, "message_id": known.customers["customer_id"]}))
        made = decide(MOMENT, replace(known, contacts=contacts), configuration, room_for(300, configuration), threads=1)
        return made.plan.decisions.loc[made.plan.decisions["channel"] != NONE, "send_at"]

    week, free_at = timedelta(days=7), MOMENT.at + timedelta(hours=6)
    after = sends((free_at - week).replace(tzinfo=None))
    assert len(after) > 100
    assert (pd.to_datetime(after, utc=True) >= free_at).all()
    assert sends((MOMENT.at + timedelta(days=1) - week).replace(tzinfo=None)).empty
