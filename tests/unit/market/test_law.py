"""The law of response: small, uneven, worn by use, and stated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market.effects import Messages, effect_when_reached, maturity, reach_chance
from market.law import LAWS, Shift
from market.store import Places, load_state, load_world
from market.truth import effects_table
from market.words import CHANNELS, DAY_MS, EMAIL, HOUR_MS, MAIL, SMS, VOICE
from market.world import State, World

DAY = 20458


@pytest.fixture
def scene(made: Path) -> tuple[World, State]:
    where = Places(made, made / "market")
    return load_world(where), load_state(where)[0]


def to_everyone(world: World, channel: int, offer: int = 0, hour: int = 17) -> Messages:
    n = world.people.count
    who = np.arange(n)
    sent = np.full(n, DAY * DAY_MS + hour * HOUR_MS)
    return Messages(who, np.full(n, channel), np.full(n, offer), np.full(n, -1), sent, np.zeros(n, dtype=bool))


def mean_effect(world: World, state: State, channel: int, offer: int = 0) -> float:
    return float(effect_when_reached(world, state, to_everyone(world, channel, offer), DAY).mean())


@pytest.mark.parametrize("law", LAWS)
def test_lifts_are_small_most_persons_are_unmoved_and_some_are_put_off(scene: tuple[World, State], law: str) -> None:
    world, state = scene
    table = effects_table(replace(world, law=LAWS[law]), state, DAY, 14, ["none", "ten_off"]).to_pandas()
    by_action = table.groupby(["channel", "offer_id"])["effect"].mean()
    assert by_action.between(-0.001, 0.05).all()
    assert by_action.max() > 0.003
    assert table["effect"].max() <= LAWS[law].cap
    assert (table["effect"].abs() < 1e-4).mean() > 0.5
    assert (table["effect"] < -1e-5).any()


def test_base_rates_are_between_half_a_percent_and_fifteen(scene: tuple[World, State]) -> None:
    world, state = scene
    table = effects_table(world, state, DAY, 14, ["none"]).to_pandas()
    organic = table[table["channel"] == "email"]["organic"].to_numpy()
    assert 0.003 < organic[state.last_sale_day < 0].mean() < 0.02
    assert 0.05 < organic[state.last_sale_day > DAY - 60].mean() < 0.25


def test_fatigue_lowers_response_over_all_channels(scene: tuple[World, State]) -> None:
    world, state = scene
    fresh = [mean_effect(world, state, c) for c in range(len(CHANNELS))]
    state.fatigue[:] = 3.0
    tired = [mean_effect(world, state, c) for c in range(len(CHANNELS))]
    assert all(t < f for t, f in zip(tired, fresh, strict=True))


def test_a_scanned_mailer_makes_a_call_attractive(scene: tuple[World, State]) -> None:
    world, state = scene
    before_call, before_sms = mean_effect(world, state, VOICE), mean_effect(world, state, SMS)
    state.scan_from[:], state.scan_until[:] = DAY, DAY + 10
    assert mean_effect(world, state, VOICE) > 1.8 * before_call
    assert mean_effect(world, state, SMS) == before_sms


def test_an_offer_kept_alive_by_another_channel_works_better(scene: tuple[World, State]) -> None:
    world, state = scene
    ten_off = state.catalogue.offer_index("ten_off")
    before = mean_effect(world, state, EMAIL, ten_off)
    state.offer[:], state.offer_until[:], state.offer_channel[:] = ten_off, DAY + 5, MAIL
    assert mean_effect(world, state, EMAIL, ten_off) > 1.2 * before


def test_a_generous_offer_moves_those_who_object_to_the_price(scene: tuple[World, State]) -> None:
    world, state = scene
    ten_off = state.catalogue.offer_index("ten_off")
    minds = world.people.objection == 1
    plain = effect_when_reached(world, state, to_everyone(world, EMAIL), DAY)[minds].mean()
    assert effect_when_reached(world, state, to_everyone(world, EMAIL, ten_off), DAY)[minds].mean() > 3 * plain


def test_an_unknown_creative_has_an_effect_of_its_own_whatever_was_met_before(scene: tuple[World, State]) -> None:
    world, state = scene
    looks = []
    for names in (["a", "b"], ["b"]):
        state.catalogue.creatives = names
        appeal, category = state.catalogue.creative_looks(world.seed)
        looks.append((appeal[names.index("b")], category[names.index("b")]))
    assert looks[0] == looks[1]


def test_effects_mature_with_time_and_mail_last(scene: tuple[World, State]) -> None:
    world, _ = scene
    early, late = maturity(world.law, 3.0), maturity(world.law, 30.0)
    assert (early < late).all()
    assert early.argmin() == MAIL
    assert late.min() > 0.85


def test_a_planted_shift_holds_from_its_day(scene: tuple[World, State]) -> None:
    world, state = scene
    shifted = replace(world, law=replace(world.law, shifts=(Shift(DAY, "email", 0.0),)))
    gone = effect_when_reached(shifted, state, to_everyone(world, EMAIL), DAY)
    assert gone.max() <= 0.0
    assert mean_effect(shifted, state, SMS) == mean_effect(world, state, SMS)


def test_who_has_no_telephone_is_not_reached_by_one(scene: tuple[World, State]) -> None:
    world, _ = scene
    reach = reach_chance(world, to_everyone(world, SMS), DAY)
    assert (reach[~world.people.has_phone] == 0).all()
    assert (reach[world.people.has_phone] > 0.9).all()
