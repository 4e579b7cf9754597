"""Each key of the configuration is a term with its number, and the day's plan changes as the key says."""

from dataclasses import replace

import numpy as np
import pytest

from ml.allocation.stored import StoredProblem, load, replay, save
from ml.allocation.terms import (
    ConcaveResponse,
    ExclusiveOffers,
    MinimumEffect,
    ObjectiveQuota,
    PosteriorDraw,
    RiskAversion,
    SpendChange,
)
from ml.configuration.actions import Response
from ml.configuration.policy import Exploration, Risk
from ml.configuration.policy import SpendChange as Bounds
from ml.day_problem import segments_of
from ml.decision import decide
from tests.unit.ml.known_people import MOMENT, configuration_of, known_people, room_for

PEOPLE = 1500
QUOTA = "reactivate_lapsed"


def configured(policy=None, objectives=None, channels=None, **actions):
    """The project's configuration, exploring nothing by draw, with some keys stated."""
    found = configuration_of(0.0)
    stated = {
        name: found.actions.channels[name].model_copy(update={"response": each})
        for name, each in (channels or {}).items()
    }
    return replace(
        found,
        policy=found.policy.model_copy(update=policy or {}),
        objectives=[each.model_copy(update=(objectives or {}).get(each.id, {})) for each in found.objectives],
        actions=found.actions.model_copy(update={"channels": {**found.actions.channels, **stated}, **actions}),
    )


def decided(configuration, known=None, **room):
    known = known or known_people(PEOPLE, configuration)
    return decide(MOMENT, known, configuration, replace(room_for(PEOPLE, configuration), **room), threads=1)


@pytest.fixture(scope="module")
def plain():
    return decided(configured())


def terms(found, kind):
    return [term for term in found.problem.terms if isinstance(term, kind)]


def spend(found):
    return float(found.allocation.spend)


def system(found):
    return found.plan.decisions.query("channel != 'none' and arm == 'system'")


def caused(found, objective):
    rows = system(found)
    return float(rows.loc[rows["objective_id"] == objective, "uplift"].sum())


def replayed(found, folder):
    stored = StoredProblem(found.problem, found.allocation, found.gap, {}, np.arange(PEOPLE, dtype=np.uint64))
    save(stored, folder)
    return replay(load(folder), threads=2)


def test_without_a_key_nothing_is_added(plain):
    kinds = (ConcaveResponse, ExclusiveOffers, MinimumEffect, ObjectiveQuota, PosteriorDraw, RiskAversion, SpendChange)
    assert not terms(plain, kinds)
    assert plain.problem.candidates.quantity is None
    assert plain.conceded == ()


def test_a_quota_is_met_where_value_alone_would_not_and_its_price_is_in_the_adjusted_values(plain, tmp_path):
    wanted = 1.03 * caused(plain, QUOTA)
    found = decided(configured(), quotas={QUOTA: wanted})
    assert terms(found, ObjectiveQuota) == [ObjectiveQuota(QUOTA, wanted)]
    assert caused(plain, QUOTA) < wanted <= caused(found, QUOTA) * (1 + 1e-5)
    assert found.allocation.value < plain.allocation.value
    assert found.allocation.prices[f"quota:{QUOTA}"] > 0
    assert found.conceded == ()
    # A contact that only the quota calls for is still worth most after the prices: the quota pays for what it causes.
    assert (system(found)["adjusted_value"] > -1e-3).all()
    assert replayed(found, tmp_path).is_same


def test_a_quota_out_of_reach_gives_way_as_little_as_it_must_and_says_what_stood_in_the_way(plain, tmp_path):
    found = decided(configured(), quotas={QUOTA: 1e6})
    (conceded,) = found.conceded
    assert (conceded.limit, conceded.asked) == (f"quota:{QUOTA}", 1e6)
    assert caused(plain, QUOTA) < conceded.kept <= caused(found, QUOTA) * (1 + 1e-5)
    assert caused(found, QUOTA) < 1.02 * conceded.kept  # nearly all that there is
    assert QUOTA in conceded.words
    assert "No plan can keep these limits together" in conceded.words
    assert len(system(found)) > 0
    assert replayed(found, tmp_path).is_same


def test_a_segments_quota_is_met_in_that_segment():
    policy = {"segments": {"early": "days_since_last_purchase < 100"}}
    known = known_people(PEOPLE, configured())
    is_early = dict(zip(known.customers["customer_id"], known.customers["days_since_last_purchase"] < 100, strict=True))

    def early(found):
        rows = system(found)
        rows = rows[(rows["objective_id"] == QUOTA) & rows["customer_id"].map(is_early)]
        return float(rows["uplift"].sum())

    before = early(decided(configured(policy), known))
    wanted = 1.02 * before
    found = decided(configured(policy, {QUOTA: {"segment_quotas": {"early": wanted}}}), known)
    assert terms(found, ObjectiveQuota) == [ObjectiveQuota(QUOTA, wanted, "early")]
    assert found.conceded == ()
    assert before < wanted <= early(found) * (1 + 1e-5)


def test_a_person_is_in_the_first_segment_that_holds():
    customers = known_people(50, configured()).customers
    found = segments_of(customers, {"old": "days_since_last_purchase > 150", "some": "days_since_last_purchase > 100"})
    days = customers["days_since_last_purchase"].to_numpy()
    assert found.names == ("old", "some", "other")
    assert (found.of == np.where(days > 150, 0, np.where(days > 100, 1, 2))).all()


def test_spend_rises_no_further_against_yesterday_the_randomized_arms_included(plain):
    yesterday = 0.5 * (spend(plain) + plain.randomized_spend)
    found = decided(configured({"spend_change": Bounds(rise=0.2)}), yesterday={"email": yesterday})
    (term,) = terms(found, SpendChange)
    assert (term.yesterday, term.rise, term.fall) == (yesterday, 0.2, None)
    assert term.outside == pytest.approx(found.randomized_spend)
    assert 0.95 * 1.2 * yesterday < spend(found) + found.randomized_spend <= 1.2 * yesterday * (1 + 1e-9)
    assert not terms(decided(configured({"spend_change": Bounds(rise=0.2)})), SpendChange)  # no yesterday


def test_a_fall_that_the_budgets_make_inevitable_gives_way_and_caps_do_not(plain):
    whole = spend(plain) + plain.randomized_spend
    found = decided(configured({"spend_change": Bounds(fall=0.1)}), yesterday={"email": 10 * whole})
    (conceded,) = found.conceded
    assert (conceded.limit, conceded.asked) == ("spend_fall", 0.1)
    assert 0.1 < conceded.kept <= 1
    assert spend(found) + found.randomized_spend <= 0.1 * PEOPLE + 1e-6


def test_what_the_model_does_not_know_of_a_person_is_the_least_doubt_of_the_value():
    known = replace(known_people(PEOPLE, configured()), effect_sd={})
    wide = replace(known, scores=replace(known.scores, uplift_sd=np.full_like(known.scores.uplift, 0.5)))
    cautious = configured({"risk": Risk(value="cautious", deviations=1.0)})
    usual, doubtful = (decided(cautious, each).problem.given.value_sd for each in (known, wide))
    assert (doubtful >= usual).all()
    assert doubtful.min() >= 0.5 * min(values.min() for values in known.unit_values.values()) * (1 - 1e-6)


def test_caution_takes_deviations_off_every_value_and_a_draw_moves_them_by_its_seed(plain, tmp_path):
    known = replace(known_people(PEOPLE, configured()), effect_sd={QUOTA: 0.4})
    found = decided(configured({"risk": Risk(value="cautious", deviations=2.0)}), known)
    assert terms(found, RiskAversion) == [RiskAversion(2.0)]
    given, used = found.problem.given, found.problem.candidates
    is_known = found.problem.columns.objective[given.column] == found.problem.columns.objectives.index(QUOTA)
    assert np.allclose((given.value - used.value)[is_known], (2 * given.value_sd)[is_known], atol=1e-4)
    assert found.allocation.value < plain.allocation.value
    assert replayed(found, tmp_path / "cautious").is_same
    drawn = decided(configured({"risk": Risk(value="draw")}))
    (term,) = terms(drawn, PosteriorDraw)
    assert terms(decided(configured({"risk": Risk(value="draw")})), PosteriorDraw) == [term]
    assert replayed(drawn, tmp_path / "draw").is_same


def test_returns_diminish_towards_the_ceiling_and_what_still_acts_leaves_less_to_gain(plain, tmp_path):
    share = system(plain)["channel"].value_counts()
    channel = share.index[0]
    response = {channel: Response(ceiling=20.0, retention=0.5)}
    found = decided(configured(channels=response))
    assert {(t.channel, t.ceiling, t.retention, t.past) for t in terms(found, ConcaveResponse)} == {
        (channel, (20.0,), 0.5, ())
    }
    assert found.allocation.value < plain.allocation.value
    counts = system(found)["channel"].value_counts()
    assert counts.get(channel, 0) < share[channel]
    names = found.problem.columns.objectives
    tired = decided(configured(channels=response), earlier={f"{name}:{channel}": [[60.0]] for name in names})
    assert terms(tired, ConcaveResponse)[0].past == ((60.0,),)
    assert tired.allocation.value < found.allocation.value
    assert replayed(tired, tmp_path).is_same


def test_too_small_an_effect_is_no_contact_and_offers_that_exclude_each_other_do_not_meet(plain):
    found = decided(
        configured(
            {"max_contacts_per_cycle": 2},
            {QUOTA: {"minimum_effect": 0.02}},
            exclusive_offers=[["ten_off", "free_shipping"]],
        )
    )
    assert terms(found, MinimumEffect) == [MinimumEffect(0.02, QUOTA)]
    assert terms(found, ExclusiveOffers) == [ExclusiveOffers(("ten_off", "free_shipping"))]
    rows = system(found)
    assert rows.loc[rows["objective_id"] == QUOTA, "uplift"].min() >= 0.02 - 1e-6
    assert system(plain).query(f"objective_id == '{QUOTA}'")["uplift"].min() < 0.02
    given = rows[rows["offer_id"].isin(["ten_off", "free_shipping"])]
    assert not given["customer_id"].duplicated().any()


def test_the_random_arm_contacts_fewer_where_it_would_cost_more_than_it_may():
    usual = decided(configured({"exploration": Exploration(value_share=0.0, random_contact_share=1.0)}))
    less = decided(
        configured({"exploration": Exploration(value_share=0.0, random_contact_share=1.0, spend_per_day=0.3)})
    )

    def random(found):
        return found.plan.decisions.query("channel != 'none' and arm == 'random'")

    assert len(random(less)) < len(random(usual))
    assert random(less)["contact_cost"].sum() < random(usual)["contact_cost"].sum()
    both = random(usual).merge(random(less), on=["customer_id", "channel", "offer_id"], suffixes=("", "_less"))
    assert (both["logging_propensity_less"] < both["logging_propensity"]).all()


def test_a_re_optimization_with_a_risk_repeats_to_the_same_bits(tmp_path):
    configuration = configured({"risk": Risk(value="cautious")}, {QUOTA: {"minimum_effect": 0.001}})
    known = known_people(PEOPLE, configuration)
    first = decided(configuration, known)
    keeps = system(first)[["customer_id", "objective_id", "channel", "offer_id"]]
    room = room_for(PEOPLE, configuration)
    anew = decide(MOMENT, known, configuration, room, threads=1, keeps=keeps, keep_bonus=0.01)
    assert replayed(anew, tmp_path).is_same
    assert (anew.problem.given.value >= first.problem.given.value).all()
    assert (anew.problem.given.value > first.problem.given.value).any()


def test_a_quota_leaves_room_for_exploring():
    configuration = configured({"exploration": Exploration(value_share=0.03)})
    known = known_people(6000, configuration)
    wanted = 20.0
    found = decide(
        MOMENT, known, configuration, replace(room_for(6000, configuration), quotas={QUOTA: wanted}), threads=1
    )
    assert found.exploration.temperature > 0
    assert caused(found, QUOTA) >= wanted * (1 - 1e-6)
    assert found.allocation.gap <= 1e-4
