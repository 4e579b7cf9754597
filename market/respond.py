"""What a day's messages do to the persons, now and later."""

from dataclasses import dataclass

import numpy as np

from market.draws import Stream, gaussian, uniform
from market.effects import Messages, channel_values, closeness, effect_when_reached, reach_chance
from market.events import Events
from market.organic import daily_chance, visits
from market.sales import schedule_caused
from market.words import DAY_MS, DIGITAL, DISPLAY, EMAIL, MAIL, PHONE, SOCIAL, VOICE, WEB, Bools, Floats, Ints
from market.world import State, World


@dataclass(frozen=True)
class Reactions:
    """What came of each message; arrays of the messages' length, times in milliseconds.

    Attributes:
        reached: It got to the person (was delivered; on the web, was seen).
        exposed: When.
        opened, clicked: The person looked (answered a call), and acted on it (scanned the mail).
        opened_at, clicked_at: When.
        left, complained: The person withdrew consent, or complained.
        caused: It leads to a purchase that would not have been.
        bought_at: When.
        effect: The true effect when reached.
    """

    reached: Bools
    exposed: Ints
    opened: Bools
    opened_at: Ints
    clicked: Bools
    clicked_at: Ints
    left: Bools
    complained: Bools
    caused: Bools
    bought_at: Ints
    effect: Floats


def _chance(world: World, m: Messages, purpose: int) -> Floats:
    return uniform(world.seed, Stream.RESPONSE, m.person, m.sent // DAY_MS, m.channel, purpose)


def _days(world: World, m: Messages, purpose: int, median: Floats, spread: Floats | float) -> Ints:
    normal = gaussian(world.seed, Stream.DELAY, m.person, m.sent // DAY_MS, m.channel, purpose)
    return np.asarray((median * np.exp(spread * normal) * DAY_MS).astype(np.int64))


def _attention(world: World, state: State, m: Messages) -> Floats:
    """How likely a reached person looks, by habit, hour and fatigue."""
    traits = world.people.traits[m.person]
    habit = np.where(m.channel == VOICE, traits[:, PHONE], np.where(m.channel == MAIL, 0.0, traits[:, DIGITAL]))
    hour = channel_values(world.law, "slot")[m.channel] * (closeness(world, m.person, m.sent) - 0.5)
    base = channel_values(world.law, "opened")[m.channel] * np.exp(
        0.5 * habit + 1.5 * hour - 0.2 * state.fatigue[m.person]
    )
    return np.asarray(np.minimum(base, 0.95))


def react(world: World, state: State, m: Messages, day: int) -> Reactions:
    """Decides each message's course. Nothing is changed yet.

    Args:
        world: The world.
        state: As it is when the messages are sent.
        m: Messages of one day.
        day: That day.

    Returns:
        What becomes of each.
    """
    law, c = world.law, m.channel
    transit = np.array([world.law.channels[name].transit_days for name in law.channels])[c]
    reached = _chance(world, m, 1) < reach_chance(world, m, day)
    wait = transit[:, 0] + (transit[:, 1] - transit[:, 0]) * _chance(world, m, 2)
    wait = np.where(c == WEB, 7.0 * _chance(world, m, 2), wait)
    exposed = m.sent + (wait * DAY_MS).astype(np.int64)
    effect = effect_when_reached(world, state, m, day)
    is_audience = (c == SOCIAL) | (c == DISPLAY)
    caused = reached & ~is_audience & (_chance(world, m, 3) < effect)
    look = _attention(world, state, m)
    opened = reached & ~is_audience & ((_chance(world, m, 4) < look) | caused)
    act = channel_values(law, "clicked")[c] * np.where(
        c == MAIL, law.scan_share / law.channels["direct_mail"].clicked, 1.0
    )
    clicked = opened & ((_chance(world, m, 5) < act) | caused & (_chance(world, m, 6) < np.where(c == MAIL, 0.3, 0.75)))
    opened_at = exposed + _days(world, m, 7, np.where(c == VOICE, 0.0, 0.12), 1.3)
    clicked_at = opened_at + 20_000 + (_chance(world, m, 8) * np.where(c == MAIL, 3 * DAY_MS, 600_000)).astype(np.int64)
    delay = _days(world, m, 9, channel_values(law, "delay_days")[c], channel_values(law, "delay_spread")[c])
    annoyed = (1.0 + law.fatigue_leave * state.fatigue[m.person]) * np.where(state.may_contact[m.person, c], 1.0, 12.0)
    left = reached & (_chance(world, m, 10) < channel_values(law, "unsubscribed")[c] * annoyed)
    complained = reached & (_chance(world, m, 11) < channel_values(law, "complained")[c] * annoyed)
    bought_at = np.maximum(exposed + delay, np.where(clicked, clicked_at + 90_000, exposed + 90_000))
    return Reactions(
        reached, exposed, opened, opened_at, clicked, clicked_at, left, complained, caused, bought_at, effect
    )


def carry_out(
    world: World, state: State, events: Events, m: Messages, r: Reactions, *, day: int, campaign: Ints
) -> None:
    """Lets the reactions happen: purchases, visits, the mail log, withdrawals, and the persons' new state."""
    buy = np.flatnonzero(r.caused)
    schedule_caused(world, state, events, m.person[buy], r.bought_at[buy], offer=m.offer[buy].astype(np.int64))
    comes = np.flatnonzero(r.clicked & (m.channel != VOICE) & ~r.caused)
    none = np.zeros(len(comes), dtype=bool)
    visits(
        world,
        events,
        m.person[comes],
        r.clicked_at[comes] + 3000,
        buys=none,
        from_email=m.channel[comes] == EMAIL,
        key=8,
    )
    _log_mail(world, events, m, r, campaign)
    gone = np.flatnonzero(r.left | r.complained)
    events.add("leaves", t=r.opened_at[gone] + 60_000, person=m.person[gone], channel=m.channel[gone])
    state.may_contact[m.person[gone], m.channel[gone]] = False
    _remember(world, state, m, r, day)


def _log_mail(world: World, events: Events, m: Messages, r: Reactions, campaign: Ints) -> None:
    e = (m.channel == EMAIL) & world.people.has_email[m.person]
    log = (
        (0, e, m.sent),
        (1, e & r.opened, r.opened_at),
        (2, e & r.clicked, r.clicked_at),
        (3, e & ~r.reached, m.sent + 30_000),
        (4, e & r.complained, r.opened_at + 50_000),
        (5, e & r.left, r.opened_at + 60_000),
    )
    for kind, mask, when in log:
        rows = np.flatnonzero(mask)
        events.add("mail", t=when[rows], person=m.person[rows], kind=np.full(len(rows), kind), campaign=campaign[rows])


def _remember(world: World, state: State, m: Messages, r: Reactions, day: int) -> None:
    law, p = world.law, m.person
    adds = ~m.is_removal
    np.add.at(state.fatigue, p[adds], channel_values(law, "wear")[m.channel[adds]].astype(np.float32))
    state.touched_day[p[adds]] = day
    put_off = np.flatnonzero(r.reached & adds & (r.effect < 0))
    usual = np.maximum(daily_chance(world, state, day)[p[put_off]] * 14, 1e-6)
    state.prevented[p[put_off]] = np.minimum(-r.effect[put_off] / usual, 0.9)
    state.prevented_until[p[put_off]] = day + 14
    holds = np.flatnonzero(r.reached & adds & (m.offer > 0))
    state.offer[p[holds]] = m.offer[holds]
    state.offer_channel[p[holds]] = m.channel[holds]
    state.offer_until[p[holds]] = r.exposed[holds] // DAY_MS + law.offer_days
    scans = np.flatnonzero(r.clicked & (m.channel == MAIL))
    state.scan_from[p[scans]] = r.clicked_at[scans] // DAY_MS
    state.scan_until[p[scans]] = r.clicked_at[scans] // DAY_MS + 10
    for column, channel in enumerate((SOCIAL, DISPLAY)):
        rows = np.flatnonzero((m.channel == channel) & r.reached)
        full = np.clip(r.effect[rows], 0.0, law.cap)
        state.audience_until[p[rows], column] = np.where(m.is_removal[rows], day, day + law.audience_days)
        state.audience_chance[p[rows], column] = 1.0 - (1.0 - full) ** (1.0 / law.audience_days)
        state.audience_offer[p[rows], column] = m.offer[rows]


def audience_day(world: World, state: State, events: Events, day: int) -> tuple[Ints, Ints, Ints]:
    """Shows advertisements to the audiences' members.

    Returns:
        Persons whom they lead to buy, when, and the offer.
    """
    who, when, offers = [], [], []
    for column, channel in enumerate((SOCIAL, DISPLAY)):
        inside = state.audience_until[:, column] > day
        seen = np.flatnonzero(
            inside & (uniform(world.seed, Stream.AD_SEEN, np.arange(len(inside)), day, column) < 0.55)
        )
        at = _moment(world, day, seen, column)
        click = uniform(world.seed, Stream.AD_SEEN, seen, day, column, 1) < 0.011
        price = np.where(click, 0.42, 0.006) * (0.7 + 0.6 * uniform(world.seed, Stream.AD_SEEN, seen, day, column, 2))
        campaign = np.full(len(seen), state.campaign_index("retargeting" if channel == SOCIAL else "display-audience"))
        events.add(
            "ads", t=at, person=seen, platform=np.full(len(seen), column), click=click, cost=price, campaign=campaign
        )
        u = uniform(world.seed, Stream.AD_CAUSED, np.arange(len(inside)), day, column)
        moved = np.flatnonzero(inside & (u < state.audience_chance[:, column]))
        spec = world.law.channels["paid_social" if channel == SOCIAL else "display"]
        wait = spec.delay_days * np.exp(
            spec.delay_spread * gaussian(world.seed, Stream.AD_CAUSED, moved, day, column, 3)
        )
        who.append(moved)
        when.append(_moment(world, day, moved, column) + (wait * DAY_MS).astype(np.int64))
        offers.append(state.audience_offer[moved, column].astype(np.int64))
    return np.concatenate(who), np.concatenate(when), np.concatenate(offers)


def _moment(world: World, day: int, person: Ints, column: int) -> Ints:
    return np.asarray(
        day * DAY_MS + (uniform(world.seed, Stream.TIME, person, day, 60 + column) * DAY_MS).astype(np.int64)
    )
