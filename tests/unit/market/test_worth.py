"""What a message is expected to be worth: each consequence of the law counts once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from market.effects import Messages, effect_when_reached, reach_chance
from market.options import options_table
from market.store import Places, load_state, load_world
from market.words import CHANNELS, DAY_MS, DISPLAY, EMAIL, HOUR_MS, SOCIAL
from market.world import State, World
from market.worth import margin_of_sale, worth


@pytest.fixture
def place(made: Path) -> tuple[World, State]:
    where = Places(made, made / "market")
    return load_world(where), load_state(where)[0]


def to_everybody(world: World, state: State, channel: int, offer: int = 0, *, removes: bool = False) -> Messages:
    count = world.people.count
    return Messages(
        np.arange(count),
        np.full(count, channel),
        np.full(count, offer),
        np.full(count, -1),
        np.full(count, state.day * DAY_MS + 17 * HOUR_MS),
        np.full(count, removes),
    )


@pytest.mark.parametrize("channel", [c for c in range(len(CHANNELS)) if c not in {SOCIAL, DISPLAY}])
def test_without_offer_it_is_the_effect_times_the_margin_and_what_follows(place, channel: int) -> None:
    world, state = place
    state = replace(state, prevented=state.prevented * 0, prevented_until=state.prevented_until * 0 - 100_000)
    m = to_everybody(world, state, channel)
    effect, reach = effect_when_reached(world, state, m, state.day), reach_chance(world, m, state.day)
    moved = effect > 0
    margin = margin_of_sale(world, state, m.person, m.offer) * (1 + world.law.repeat_share)
    found = worth(world, state, m, state.day)
    np.testing.assert_allclose(found[moved], (reach * effect * margin)[moved])
    assert (found[(effect < 0) & (reach > 0)] < 0).all()
    assert (found[effect == 0] == 0).all()


def test_an_offer_costs_what_those_redeem_who_would_have_bought_anyway(place) -> None:
    world, state = place
    state = replace(state, offer=state.offer * 0)
    ten = state.catalogue.offer_index("ten_off")
    m = to_everybody(world, state, EMAIL, ten)
    unmoved = (effect_when_reached(world, state, m, state.day) == 0) & (reach_chance(world, m, state.day) > 0)
    unmoved &= world.people.discount_share < 0.1  # who often gets more off than the offer gives loses by redeeming it
    assert unmoved.sum() > 50
    assert (worth(world, state, m, state.day)[unmoved] < 0).all()
    held = replace(state, offer=state.offer * 0 + ten, offer_until=state.offer_until * 0 + state.day + 30)
    assert (worth(world, held, m, state.day)[unmoved] > worth(world, state, m, state.day)[unmoved]).all()


def test_a_membership_is_paid_once_and_leaving_gives_back_what_was_to_come(place) -> None:
    world, state = place
    m = to_everybody(world, state, SOCIAL)
    effect = np.clip(effect_when_reached(world, state, m, state.day), 0, world.law.cap)
    first = worth(world, state, m, state.day)
    inside, days = replace(state), world.law.audience_days
    inside.audience_until = np.full_like(state.audience_until, state.day + days)
    inside.audience_chance = np.repeat((effect / days)[:, None], 2, axis=1)
    inside.audience_offer = state.audience_offer * 0
    assert np.abs(first[effect > 0]).max() > 0.01
    np.testing.assert_allclose(worth(world, inside, m, state.day)[effect > 0], 0, atol=1e-6)
    gone = worth(world, inside, to_everybody(world, state, SOCIAL, removes=True), state.day)
    assert (gone[(effect > 0) & (reach_chance(world, m, state.day) > 0)] < 0).all()


def test_options_say_of_every_contact_what_a_message_to_its_person_would_be_worth(made: Path, place) -> None:
    world, state = place
    table = options_table(Places(made, made / "market"), state.day, ["ten_off"])
    assert table.column_names == ["contact_id", *(f"{name}:ten_off" for name in CHANNELS)]
    assert table["contact_id"].to_pylist() == world.ids.contacts["contact_id"].to_pylist()
    m = to_everybody(world, state, EMAIL, state.catalogue.offer_index("ten_off"))
    expected = worth(world, state, m, state.day)[world.ids.person]
    np.testing.assert_allclose(table["email:ten_off"].to_numpy(), expected)
