import io
import json
import math
import time
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
import pytest

from ml.entities import ARMS, CHANNELS
from ml.policy.choices import Choices, no_choices
from ml.policy.decisions import DECISION_COLUMNS, message_ids, plan_hash
from ml.policy.delivery import TRIED_SHARE, deliver
from ml.policy.hashing import digests, uniforms
from ml.policy.plan import build_plan
from ml.policy.prices import ShadowPrices
from ml.policy.randomized import randomized_choices
from ml.policy.reasons import Reason

DAY = date(2026, 1, 5)


def randomized(market, *, seed: int, horizon_days: int = 14):
    return randomized_choices(
        market.table, market.customers, market.objectives, market.actions,
        random_contact_share=0.5, horizon_days=horizon_days, cycle_on=DAY, seed=seed,
    )  # fmt: skip


def decide(market, *, seed: int = 7, cycle_id: str = "2026-01-05", price=None):
    arms = randomized(market, seed=seed)
    is_free = np.ones(len(market.customers), dtype=bool)
    is_free[arms.choices.person] = False
    value, candidates = market.table.dense("system", is_free)
    worth = np.where(candidates, value, 0)
    column = np.where(worth.max(axis=1) > 0, worth.argmax(axis=1), -1)
    system = Choices.of_columns(column, len(market.table.options), arms.left_alone)
    return build_plan(
        cycle_id, market.customers, market.table, arms.choices + system, actions=market.actions, day=market.day, reasons=market.reasons,
        price=market.zero_price if price is None else price, none_probability=arms.left_alone, seed=seed,
    )  # fmt: skip


@pytest.fixture
def plan(small_world):
    return decide(small_world)


def test_every_person_of_an_audience_has_one_decision(small_world, plan):
    audience = small_world.customers["customer_id"][(small_world.table.arm >= 0).any(axis=1)]
    assert sorted(plan.decisions["customer_id"]) == sorted(audience)
    assert list(plan.decisions.columns) == list(DECISION_COLUMNS)
    assert {n: str(t) for n, t in plan.decisions.dtypes.items()} == DECISION_COLUMNS


def test_a_holdout_is_never_contacted_for_its_objective(plan):
    contacted = plan.decisions[plan.decisions["channel"] != "none"]
    assert len(contacted) > 1000
    assert set(contacted["arm"]) == {"manual", "random", "system"}


def test_nobody_is_contacted_through_a_channel_that_is_not_allowed(small_world, plan):
    contacted = plan.decisions[plan.decisions["channel"] != "none"]
    rows = pd.Index(small_world.customers["customer_id"]).get_indexer(contacted["customer_id"])
    column = np.where(contacted["channel"] == "email", 0, 2)
    assert (small_world.reasons[rows, column] == 0).all()


def test_the_net_value_adds_up_from_its_parts(small_world, plan):
    contacted = plan.decisions[plan.decisions["channel"] != "none"].iloc[0]
    table, i = small_world.table, int(contacted["customer_id"][1:])
    o = [str(option) for option in table.options].index(f"{contacted['channel']}:{contacted['offer_id']}")
    redeemed = 10.0 if contacted["offer_id"] == "ten_off" else 0.0
    expected = (
        contacted["uplift"] * contacted["unit_value"]
        - contacted["contact_cost"]
        - contacted["propensity"] * redeemed
        - table.wear_cost[i, o]
    )
    assert contacted["net_value"] == pytest.approx(expected, abs=1e-5)
    assert contacted["propensity"] - contacted["baseline"] == pytest.approx(contacted["uplift"], abs=1e-6)


def test_adjusted_values_are_net_values_less_prices(small_world):
    price = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    contacted = decide(small_world, price=ShadowPrices(price)).decisions.query("channel != 'none'")
    names = [str(option) for option in small_world.table.options]
    o = (contacted["channel"] + ":" + contacted["offer_id"]).map(names.index)
    j = contacted["objective_id"].map(["first", "second"].index)
    assert np.allclose(contacted["net_value"] - contacted["adjusted_value"], price[j, o], atol=1e-5)


def test_alternatives_are_the_best_others_that_are_allowed(small_world, plan):
    table = small_world.table
    checked = 0
    for row in plan.decisions.head(300).itertuples():
        i, j = int(row.customer_id[1:]), ["first", "second"].index(row.objective_id)
        value = table.value(j)[i]
        expected = [
            str(table.options[o])
            for o in np.argsort(-value)
            if table.allowed[j][i, table.channel[o]] and str(table.options[o]) != f"{row.channel}:{row.offer_id}"
        ]
        told = json.loads(row.alternatives)
        assert [t["option"] for t in told] == expected[:3]
        assert all(
            t["net_value"] == pytest.approx(value[list(map(str, table.options)).index(t["option"])], abs=1e-4)
            for t in told
        )
        checked += len(told)
    assert checked > 200


def test_categories_and_reasons_say_why(small_world, plan):
    d = plan.decisions
    assert set(d["category"]) <= {
        "likely_with_this_offer", "likely_with_another_offer", "would_act_anyway", "not_worth_contact", "not_allowed", "held_out",
    }  # fmt: skip
    contacted = d["channel"] != "none"
    assert (contacted == d["category"].str.startswith("likely")).all()
    assert (d.loc[d["category"] == "held_out", "arm"] != "system").all()
    rows = pd.Index(small_world.customers["customer_id"]).get_indexer(
        d.loc[d["category"] == "not_allowed", "customer_id"]
    )
    assert (small_world.reasons[rows][:, [0, 2]] == Reason.NO_CONSENT).all()
    assert d.loc[d["category"] == "not_allowed", "reason"].str.contains("gave no consent").all()
    worth = d[d["category"].isin(["would_act_anyway", "not_worth_contact"])]
    assert all(json.loads(a)[0]["net_value"] <= 0 for a in worth["alternatives"])
    threshold = d[contacted & (d["arm"] == "system")].groupby("objective_id")["propensity"].median()
    anyway = d[d["category"] == "would_act_anyway"]
    assert (anyway["baseline"].to_numpy() >= threshold[anyway["objective_id"]].to_numpy()).all()
    assert d["reason"].str.len().min() > 10


def test_another_offer_is_likelier_where_the_category_says_so(small_world, plan):
    table = small_world.table
    names, offers = [str(o) for o in table.options], np.array([o.offer_id for o in table.options])
    for row in plan.decisions.query("channel != 'none'").head(200).itertuples():
        i, o = int(row.customer_id[1:]), names.index(f"{row.channel}:{row.offer_id}")
        other = small_world.table.allowed[0][i][table.channel] & (offers != offers[o])
        likelier = bool((table.propensity[i][other] > table.propensity[i, o]).any())
        assert (row.category == "likely_with_another_offer") == likelier


def test_the_hours_of_looking_choose_the_slot_and_creatives_alternate(small_world, plan):
    mails = plan.decisions.query("channel == 'email'").merge(small_world.customers, on="customer_id")
    early, late = (mails[mails["preferred_hour"] == hour] for hour in (9, 18))
    tried = TRIED_SHARE / 2  # of two slots the other one is drawn so often
    assert abs((early["slot"] == "evening").mean() - tried) < 0.04
    assert abs((late["slot"] == "morning").mean() - tried) < 0.04
    east = early[(early["time_zone"] == "America/New_York") & (early["slot"] == "morning")]
    assert (east["send_at"].dt.hour == 9 + 5).all(), "at the person's hour, not at the slot's first"
    tries = early[early["slot"] == "evening"]
    assert (tries["logging_propensity"] <= tried).all(), "what is tried is logged as such"
    ten = mails.query("offer_id == 'ten_off' and arm == 'random'")
    assert 0.3 < (ten["creative_id"] == "ten_again").mean() < 0.7
    assert (plan.decisions["send_at"] < plan.decisions["expires_at"])[plan.decisions["channel"] != "none"].all()
    cards = plan.decisions.query("channel == 'direct_mail'")
    assert set(cards["slot"]) == {"any"}


def test_logged_propensities_are_the_frequencies_of_redraws(make_world):
    market, redraws = make_world(60), 800
    market.table.arm[market.table.arm >= 0] = ARMS.index("random")
    shape = (60, 2, 3)
    counts, logged = np.zeros(shape), np.zeros(shape)
    none_counts = np.zeros(60)
    for seed in range(redraws):
        arms = randomized(market, seed=seed)
        c = arms.choices
        counts[c.person, c.objective, c.option] += 1
        logged[c.person, c.objective, c.option] = c.probability
        none_counts += ~np.isin(np.arange(60), c.person)
    assert (counts > 0).sum() > 40
    spread = np.sqrt(redraws * logged * (1 - logged))
    assert (np.abs(counts - redraws * logged) <= 4.5 * spread + 1e-9).all()
    assert np.allclose(arms.left_alone + logged.sum(axis=(1, 2)), 1)
    assert (np.abs(none_counts / redraws - arms.left_alone) < 0.05).all()


def test_the_random_arm_sends_nothing_of_which_nothing_can_come_within_the_horizon(make_world):
    market = make_world(500)
    market.table.arm[market.table.arm >= 0] = ARMS.index("random")
    mail = CHANNELS.index("direct_mail")
    lead_days = math.ceil(market.actions.channels["direct_mail"].lead_time_hours / 24)
    by_days = [randomized(market, seed=1, horizon_days=days).chance for days in (lead_days, lead_days + 1)]
    assert not by_days[0][:, :, mail].any()
    assert by_days[0].sum() > 0
    assert by_days[1][:, :, mail].any()


def test_a_dear_contact_is_explored_as_much_less_as_the_root_of_its_cost(make_world):
    market = make_world(2000)
    market.table.arm[market.table.arm >= 0] = ARMS.index("random")
    table = market.table
    arms = randomized(market, seed=1)
    may = table.allowed[0][:, table.channel]
    every = (table.arm[:, 0] >= 0) & may.all(axis=1)
    email, mail = CHANNELS.index("email"), CHANNELS.index("direct_mail")
    # two e-mails beside one card
    ratio = arms.chance[every, 0, mail] / (arms.chance[every, 0, email] / 2)
    assert ratio == pytest.approx(np.sqrt(0.01 / 0.7), rel=1e-6)
    assert arms.chance[every, 0].sum(axis=1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("shares", "chances"), [({}, {0.475, 0.025}), ({"ten": 0.6, "ten_again": 0.2}, {0.7125, 0.0375, 0.2375, 0.0125})]
)
def test_creative_and_slot_are_drawn_with_the_probability_that_is_logged(make_world, shares, chances):
    market, redraws = make_world(40), 800
    person, option = np.arange(40), np.full(40, 1)
    identity, seen, logged = digests("x", market.customers["customer_id"]), {}, {}
    for seed in range(redraws):
        draws = partial(uniforms, identity, seed)
        made = deliver(person, option, market.table.options, market.actions, market.day, draws, shares)
        for key in zip(person, made.creative_id, made.slot, made.probability, strict=True):
            seen[key[:3]] = seen.get(key[:3], 0) + 1
            logged[key[:3]] = key[3]
    assert {round(p, 4) for p in logged.values()} == chances
    for key, p in logged.items():
        assert abs(seen[key] - redraws * p) < 4.5 * np.sqrt(redraws * p * (1 - p))


def test_who_is_capped_until_a_moment_is_sent_something_after_it_and_within_a_slot(small_world):
    person = np.flatnonzero(small_world.customers["time_zone"] == "America/New_York")[:400]
    until = np.datetime64("2026-01-05T13:00", "us") + np.arange(400) * np.timedelta64(90, "s")  # 08:00 to 18:00 there
    from_at = np.full((len(small_world.customers), len(CHANNELS)), np.datetime64("2026-01-05T05:00", "us"))
    from_at[person, CHANNELS.index("email")] = until
    day = replace(small_world.day, from_at=from_at)
    draws = partial(uniforms, digests("x", small_world.customers["customer_id"].iloc[person]), 1)
    made = deliver(person, np.full(400, 1), small_world.table.options, small_world.actions, day, draws)
    local = pd.Series(made.send_at).dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.hour
    is_morning = made.slot == "morning"
    assert (made.send_at >= until).all()
    assert local[is_morning].between(8, 10).all()
    assert local[~is_morning].between(17, 19).all()
    is_late = until >= np.datetime64("2026-01-05T16:00")
    assert not is_morning[is_late].any()
    assert is_morning[~is_late].any()
    is_certain = made.creative_id[is_late] == "ten"
    assert made.probability[is_late][is_certain] == pytest.approx(0.5), "the evening is the only slot left"


def test_a_retired_creative_is_not_drawn(small_world):
    person = np.arange(200)
    draws = partial(uniforms, digests("x", small_world.customers["customer_id"][:200]), 1)
    made = deliver(
        person,
        np.full(200, 1),
        small_world.table.options,
        small_world.actions,
        small_world.day,
        draws,
        {"ten_again": 1.0},
    )
    assert set(made.creative_id) == {"ten_again"}


def test_a_plan_is_the_same_when_made_again_and_differs_with_its_seed(small_world, plan):
    again = decide(small_world)
    pd.testing.assert_frame_equal(again.decisions, plan.decisions)
    assert again.plan_hash == plan.plan_hash != decide(small_world, seed=8).plan_hash


def test_ids_are_of_the_business_and_not_of_the_run(small_world, plan):
    other = decide(small_world, seed=8).decisions.merge(plan.decisions, on=["customer_id", "objective_id", "channel"])
    assert (other["decision_id_x"] == other["decision_id_y"]).all()
    assert not set(decide(small_world, cycle_id="2026-01-05.2").decisions["decision_id"]) & set(
        plan.decisions["decision_id"]
    )
    messages = message_ids(plan.decisions["decision_id"])
    assert messages.str.fullmatch("m-[0-9a-f]{32}").all()
    assert messages.is_unique


def test_the_hash_survives_storage_and_sorting_and_sees_every_cell(plan):
    stored = io.BytesIO()
    plan.decisions.sample(frac=1, random_state=1).to_parquet(stored)
    assert plan_hash(pd.read_parquet(stored)) == plan.plan_hash
    for column in DECISION_COLUMNS:
        changed = plan.decisions.copy()
        row = int(np.flatnonzero(changed["channel"] != "none")[0])
        value = changed[column].iloc[row]
        changed.loc[row, column] = (
            value + "x"
            if isinstance(value, str)
            else value + pd.Timedelta(1, "s")
            if "at" in column[-3:]
            else value + 1
        )
        assert plan_hash(changed) != plan.plan_hash, column
    with pytest.raises(ValueError, match="twice"):
        plan_hash(pd.concat([plan.decisions, plan.decisions.head(1)]))
    with pytest.raises(ValueError, match="lack slot"):
        plan_hash(plan.decisions.drop(columns="slot"))


def test_the_summary_adds_up_to_the_decisions(small_world, plan):
    summary, d = plan.summary, plan.decisions
    assert summary.people == len(d)
    assert sum(line.people for line in summary.lines) == summary.people
    assert {line.category: line.people for line in summary.lines if line.people} == d[
        "category"
    ].value_counts().to_dict()
    assert summary.spend == pytest.approx(d["contact_cost"].sum(), rel=1e-6)
    assert sum(summary.spend_by_objective.values()) == pytest.approx(summary.spend, rel=1e-6)
    assert summary.value == pytest.approx(d["net_value"].astype(float).sum(), rel=1e-4)
    saving = {line.category: line.saving for line in summary.lines}
    assert saving["not_worth_contact"] > 0
    assert saving["held_out"] == saving["not_allowed"] == 0
    given_up = {line.category: line.value_given_up for line in summary.lines}
    assert given_up["not_worth_contact"] < 0
    json.dumps(summary.to_dict())


def test_everybody_ineligible_gives_a_plan_that_contacts_nobody(small_world):
    small_world.table.allowed[:] = False
    small_world.reasons[:] = Reason.SUPPRESSED
    plan = decide(small_world)
    assert set(plan.decisions["channel"]) == {"none"}
    assert "suppression" in plan.decisions.query("category == 'not_allowed'")["reason"].iloc[0]


def test_nobody_at_all_is_an_empty_plan(make_world):
    market = make_world(0)
    plan = build_plan(
        "2026-01-05", market.customers, market.table, no_choices(), actions=market.actions, day=market.day, reasons=market.reasons,
        price=market.zero_price, none_probability=np.ones(0), seed=1,
    )  # fmt: skip
    assert len(plan.decisions) == 0
    assert len(plan.plan_hash) == 64


@pytest.mark.slow
def test_fifty_thousand_decisions_are_made_in_seconds(make_world):
    market = make_world(50_000)
    decide(market)
    started = time.process_time()
    plan = decide(market)
    assert len(plan.decisions) > 30_000
    assert time.process_time() - started < 4


def test_arms_keep_their_order():
    assert ARMS == ("holdout", "manual", "random", "system")
