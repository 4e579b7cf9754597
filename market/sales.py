"""Purchases: what a basket is worth, where it is bought, and what an offer takes off it."""

import numpy as np

from market.draws import Stream, gaussian, uniform
from market.events import Events
from market.organic import favourite_or_other, visits
from market.words import PRICE, Floats, Ints
from market.world import State, World

ORGANIC, CAUSED, REPEATED = range(3)
MARGIN_SHARE = 0.42


def expected_amount(world: World, person: Ints) -> Floats:
    """Mean revenue of a purchase of each person, before discounts."""
    return np.asarray(np.exp(world.people.log_amount[person].astype(np.float64) + world.law.order_spread**2 / 2))


def basket(world: World, person: Ints, when: Ints) -> Floats:
    """What a person's purchase at a time comes to before discounts."""
    normal = gaussian(world.seed, Stream.DETAIL, person, when // 1000, 20)
    amount = np.exp(world.people.log_amount[person] + world.law.order_spread * normal)
    return np.asarray(np.round(np.maximum(amount, 4.0), 2))


def add_sales(
    world: World, state: State, events: Events, person: Ints, when: Ints, *, offer: Ints, origin: Ints
) -> None:
    """Adds purchases and, for those online, the visit that ends in one.

    Args:
        world: The world.
        state: For the offers' costs.
        events: Receives ``sales`` and ``web``.
        person: Buyers.
        when: Milliseconds.
        offer: Redeemed offer's index, -1 for none.
        origin: ORGANIC, CAUSED or REPEATED.
    """
    people, seed = world.people, world.seed
    key = when // 1000
    amount = basket(world, person, when)
    u = uniform(seed, Stream.DETAIL, person, key, 21)
    off = np.where(u < people.discount_share[person], 0.08 + 0.14 * uniform(seed, Stream.DETAIL, person, key, 22), 0.0)
    given = np.where(offer >= 0, state.catalogue.offer_costs()[np.maximum(offer, 0)], 0.0)
    discount = np.round(np.where(offer >= 0, np.minimum(given, 0.5 * amount), off * amount), 2)
    in_store = uniform(seed, Stream.DETAIL, person, key, 23) < people.store_share[person]
    events.add(
        "sales",
        t=when,
        person=person,
        revenue=np.round(amount - discount, 2),
        margin=np.round(MARGIN_SHARE * amount - discount, 2),
        items=1 + (amount / 28).astype(np.int64),
        category=favourite_or_other(world, person, 0, 24),
        discount=discount,
        offer=offer,
        in_store=in_store,
        origin=origin,
    )
    online = ~in_store
    buys = np.ones(int(online.sum()), dtype=bool)
    visits(world, events, person[online], when[online] - 240_000, buys=buys, from_email=~buys, key=7)


def redeemed_offers(world: World, state: State, person: Ints, when: Ints, day: int) -> Ints:
    """Which offer each organic buyer redeems: the one in hand, the likelier the more the person minds the price."""
    sensitive = 2.0 / (1.0 + np.exp(-world.people.traits[person, PRICE].astype(np.float64)))
    u = uniform(world.seed, Stream.DETAIL, person, when // 1000, 25)
    holds = (state.offer[person] > 0) & (state.offer_until[person] >= day)
    return np.where(holds & (u < world.law.redeem_organic * sensitive), state.offer[person], -1).astype(np.int64)


def schedule_caused(world: World, state: State, events: Events, person: Ints, when: Ints, *, offer: Ints) -> None:
    """Adds caused purchases and those that they lead to, and remembers when each becomes known."""
    seed, law = world.seed, world.law
    u = uniform(seed, Stream.DETAIL, person, when // 1000, 26)
    uses = np.where((offer > 0) & (u < law.redeem_caused), offer, -1)
    add_sales(world, state, events, person, when, offer=uses.astype(np.int64), origin=np.full(len(person), CAUSED))
    again = np.flatnonzero(uniform(seed, Stream.DETAIL, person, when // 1000, 27) < law.repeat_share)
    wait = -np.log1p(-uniform(seed, Stream.DETAIL, person[again], when[again] // 1000, 28)) * law.repeat_days
    later = when[again] + ((1.0 + wait) * 86_400_000).astype(np.int64)
    none = np.full(len(again), -1, dtype=np.int64)
    add_sales(world, state, events, person[again], later, offer=none, origin=np.full(len(again), REPEATED))
    state.scheduled = (
        np.concatenate([state.scheduled[0], when, later]),
        np.concatenate([state.scheduled[1], person, person[again]]),
    )
