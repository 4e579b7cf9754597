"""The passage of time: from one instant to another, everything that happens without anyone's message."""

import numpy as np

from market.draws import Stream, uniform
from market.events import Events
from market.organic import live_on, moments, organic_day
from market.respond import audience_day
from market.sales import ORGANIC, add_sales, redeemed_offers, schedule_caused
from market.words import DAY_MS, Ints
from market.world import State, World


def advance(world: World, state: State, events: Events, until_ms: int) -> None:
    """Lets the world live from the state's clock to an instant.

    A day's organic behaviour is drawn whole however the day is cut into intervals; of it, what falls into
    [clock, until) is added. An audience's purchases are scheduled in the interval in which they are decided.

    Args:
        world: The world.
        state: Is moved to ``until_ms``.
        events: Receives what happens; some of it may lie beyond ``until_ms`` and is to be told later.
        until_ms: Milliseconds since 1970, at or after the clock.
    """
    while state.clock_ms < until_ms:
        day = state.day
        stop = min(until_ms, (day + 1) * DAY_MS)
        _part_of_day(world, state, events, day, stop)
        state.clock_ms = stop


def _part_of_day(world: World, state: State, events: Events, day: int, stop: int) -> None:
    ends = stop == (day + 1) * DAY_MS
    limit = stop if not ends else stop + DAY_MS  # what starts before midnight may end after it
    whole = Events()
    buyers = organic_day(world, state, whole, day)
    bought = moments(world, day, buyers, 3)
    kept = _not_prevented(world, state, buyers, bought, day)
    offers = redeemed_offers(world, state, buyers[kept], bought[kept], day)
    add_sales(world, state, whole, buyers[kept], bought[kept], offer=offers, origin=np.full(len(kept), ORGANIC))
    moved, when, offer = audience_day(world, state, whole, day)
    decided = day * DAY_MS + (uniform(world.seed, Stream.TIME, moved, day, 62) * DAY_MS).astype(np.int64)
    mine = (decided >= state.clock_ms) & (decided < limit)
    _move(whole, events, state.clock_ms, limit)
    schedule_caused(world, state, events, moved[mine], np.maximum(when[mine], state.clock_ms), offer=offer[mine])
    now = bought[kept] < limit
    state.last_sale_day[buyers[kept][now]] = day
    _come_due(state, stop)
    if ends:
        live_on(world, state, day, buyers)


def _not_prevented(world: World, state: State, buyers: Ints, when: Ints, day: int) -> Ints:
    chance = np.where(state.prevented_until[buyers] >= day, state.prevented[buyers], 0.0)
    return np.flatnonzero(uniform(world.seed, Stream.DETAIL, buyers, when // 1000, 30) >= chance)


def _come_due(state: State, stop: int) -> None:
    when, person = state.scheduled
    due = when < stop
    np.maximum.at(state.last_sale_day, person[due], (when[due] // DAY_MS).astype(np.int32))
    state.scheduled = (when[~due], person[~due])


def _move(source: Events, target: Events, start: int, limit: int) -> None:
    for kind in ("web", "sales", "ads", "mail", "calls"):
        columns = source.columns(kind)
        if columns:
            mine = (columns["t"] >= start) & (columns["t"] < limit)
            target.add(kind, **{name: values[mine] for name, values in columns.items()})
