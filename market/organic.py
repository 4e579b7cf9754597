"""What persons do whether or not anyone writes to them. It depends on the seed, the person and the day alone."""

import numpy as np

from market.draws import Stream, gaussian, uniform
from market.events import Events
from market.identities import visitor_codes
from market.places import utc_offsets
from market.words import CATEGORIES, DAY_MS, DIGITAL, EMAIL, HOUR_MS, Bools, Floats, Ints
from market.world import State, World

PAGE, PRODUCT, SEARCH, CART, CHECKOUT = range(5)
_NEWSLETTER_EVERY = 28


def season(day: int) -> float:
    """How much is bought on a day against the year's mean: a Christmas peak, a January low, busier weekends."""
    of_year = (day - 4) % 365.25  # day 4 of 1970 was a Monday: weeks and years both count from there
    christmas = 0.55 * np.exp(-(((of_year - 334) / 20.0) ** 2))
    january = -0.15 * np.exp(-(((of_year - 20) / 18.0) ** 2))
    weekend = 1.18 if (day - 4) % 7 >= 5 else 0.93
    return float((1.0 + christmas + january) * weekend)


def daily_chance(world: World, state: State, day: int, spell: Bools | None = None) -> Floats:
    """Chance of an organic purchase on a day for each person, in the organic life that they are in."""
    people, law = world.people, world.law
    alive = np.where(state.is_alive, people.buy_rate, people.buy_rate * 0.06)
    rate = np.where(state.is_customer, alive, people.first_rate) * season(day)
    looking = world.in_spell(day) if spell is None else spell
    return np.asarray(np.minimum(rate * np.where(looking, law.spell[1], 0.92), 0.3))


def moments(world: World, day: int, person: Ints, purpose: int, extra: Ints | int = 0) -> Ints:
    """Milliseconds since 1970 at which persons do something on a (UTC) day, near their preferred local hour."""
    near = gaussian(world.seed, Stream.TIME, person, day, purpose, extra) * world.law.hour_spread
    hour = np.clip(world.people.hour[person] + near, 5.5, 23.4) - utc_offsets(day)[world.people.place[person]]
    return np.asarray(day * DAY_MS + (hour % 24 * HOUR_MS).astype(np.int64))


def favourite_or_other(world: World, person: Ints, day: int, key: Ints | int) -> Ints:
    """A product category: mostly the person's own."""
    u = uniform(world.seed, Stream.DETAIL, person, day, key, 1)
    return np.where(u < 0.6, world.people.category[person], (u * 997).astype(np.int64) % len(CATEGORIES))


def visits(
    world: World, events: Events, person: Ints, start: Ints, *, buys: Bools, from_email: Bools, key: int
) -> None:
    """Adds the pages of one visit for each person: a geometric number of them, a checkout where it ends in an order."""
    seed, day = world.seed, start // DAY_MS
    u = uniform(seed, Stream.DETAIL, person, start, key, 2)
    pages = np.minimum(1 + (np.log1p(-u) / np.log(0.66)).astype(np.int64) + buys * 2, 14)
    row = np.repeat(np.arange(len(person)), pages)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(pages) - pages, pages)
    who = person[row]
    pick = uniform(seed, Stream.DETAIL, who, start[row], nth, 3)
    kind = np.select([pick < 0.32, pick < 0.80, pick < 0.93], [PAGE, PRODUCT, SEARCH], CART)
    last = nth == pages[row] - 1
    kind = np.where(buys[row] & last, CHECKOUT, kind)
    logged = uniform(seed, Stream.DETAIL, person, start, 4) < np.where(buys, 0.7, 0.13)
    events.add(
        "web",
        t=start[row] + nth * 47_000 + (pick * 40_000).astype(np.int64),
        person=who,
        kind=kind,
        category=np.where(kind == PAGE, -1, favourite_or_other(world, person, 0, day)[row]),
        visitor=visitor_codes(seed, world.people, person, start)[row],
        logged=logged[row],
        hashed_email=(from_email & ~logged)[row],
        key=start[row] + nth,
    )


def organic_day(world: World, state: State, events: Events, day: int) -> Ints:
    """Adds a whole day's organic behaviour and says who bought.

    Returns:
        Persons with an organic purchase, before any of it is prevented.
    """
    people, seed = world.people, world.seed
    spell = world.in_spell(day)
    buyers = np.flatnonzero(world.draw(Stream.PURCHASE, day) < daily_chance(world, state, day, spell))
    rate = people.visit_rate * np.where(spell, world.law.spell[0], 1.0) * (0.9 + 0.1 * season(day))
    guests = np.flatnonzero(world.draw(Stream.VISIT, day) < rate)
    none = np.zeros(len(guests), dtype=bool)
    visits(world, events, guests, moments(world, day, guests, 1), buys=none, from_email=none, key=1)
    _impressions(world, events, day)
    callers = np.flatnonzero(world.draw(Stream.CALL, day) < people.call_rate * np.where(state.is_customer, 1.3, 0.3))
    length = 60 + 400 * uniform(seed, Stream.DETAIL, callers, day, 9)
    events.add(
        "calls",
        t=moments(world, day, callers, 4),
        person=callers,
        inbound=np.ones(len(callers), dtype=bool),
        seconds=length,
        disposition=np.where(length > 90, 0, 3),
        words=np.full(len(callers), -1),
    )
    if day % _NEWSLETTER_EVERY == 6:
        _newsletter(world, state, events, day)
    return buyers


def _impressions(world: World, events: Events, day: int) -> None:
    seen = np.flatnonzero(world.draw(Stream.IMPRESSION, day) < world.people.impression_rate)
    u = uniform(world.seed, Stream.DETAIL, seen, day, 5)
    clicks = uniform(world.seed, Stream.DETAIL, seen, day, 6) < 0.012
    cost = np.where(clicks, 0.45, 0.004) * (0.6 + 0.8 * u)
    events.add(
        "ads",
        t=moments(world, day, seen, 2),
        person=seen,
        platform=(u < 0.45).astype(np.int64),
        click=clicks,
        cost=cost,
        campaign=np.zeros(len(seen), dtype=np.int64),
    )


def _newsletter(world: World, state: State, events: Events, day: int) -> None:
    readers = np.flatnonzero(state.may_contact[:, EMAIL])
    sent = np.full(len(readers), day * DAY_MS + 14 * HOUR_MS)
    digital = world.people.traits[readers, DIGITAL]
    opens = uniform(world.seed, Stream.NEWSLETTER, readers, day) < 0.22 * np.exp(0.5 * digital - 0.12)
    at = np.maximum(moments(world, day, readers, 5), sent + 60_000)
    clicks = opens & (uniform(world.seed, Stream.NEWSLETTER, readers, day, 1) < 0.08)
    campaign = np.zeros(len(readers), dtype=np.int64) + state.campaign_index(f"newsletter-{day}")
    for kind, rows, when in ((0, opens | True, sent), (1, opens, at), (2, clicks, at + 45_000)):
        events.add(
            "mail", t=when[rows], person=readers[rows], kind=np.full(int(rows.sum()), kind), campaign=campaign[rows]
        )


def live_on(world: World, state: State, day: int, buyers: Ints) -> None:
    """Ends a day: some go dormant, some come back, first buyers become customers, fatigue wears off."""
    people = world.people
    u = world.draw(Stream.DORMANT, day)
    leaves = state.is_alive & (u < people.leave_rate)
    returns = state.is_customer & ~state.is_alive & (u < people.return_rate)
    state.is_alive = (state.is_alive & ~leaves) | returns
    state.is_customer[buyers] = True
    first = buyers[~state.is_alive[buyers]]
    state.is_alive[first] = True
    state.fatigue *= np.float32(np.exp(-1.0 / world.law.fatigue_days))
