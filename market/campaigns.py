"""The shop's past campaigns: every second week, mostly to whom habit holds for likely buyers, in part at random."""

from typing import Final

import numpy as np

from market.draws import Stream, generator
from market.effects import Messages
from market.events import Events
from market.respond import carry_out, react
from market.words import CHANNELS, DAY_MS, EMAIL, HOUR_MS, MAIL, PUSH, SMS, SOCIAL, VOICE, WEB, Bools, Floats, Ints
from market.world import State, World

EVERY_DAYS: Final = 14
_POOL: Final = 0.11
_CONTACTED: Final = 0.70
_HABIT: Final = {EMAIL: 0.075, WEB: 0.02, SOCIAL: 0.02, MAIL: 0.012, SMS: 0.012, PUSH: 0.01, VOICE: 0.004, 5: 0.012}
COSTS: Final = {
    "email": 0.002,
    "sms": 0.03,
    "direct_mail": 0.68,
    "voice": 1.1,
    "paid_social": 0.12,
    "display": 0.06,
    "web": 0.0005,
    "push": 0.001,
}


def is_campaign_day(world: World, day: int) -> bool:
    """Whether a campaign went out; the last one was four days before the simulation starts."""
    return (world.start_ms // DAY_MS - day) % EVERY_DAYS == 4


def _liking(world: World, state: State, day: int) -> Floats:
    """What a marketer goes by: bought lately, customer, young or old enough; higher is likelier to be picked."""
    since = np.minimum(day - state.last_sale_day, 400)
    noise = generator(world.seed, Stream.CAMPAIGN, day, 9).standard_normal(world.people.count)
    return np.asarray(
        -np.abs(since - 45) / 60.0 + 0.8 * state.is_customer + 0.3 * world.people.traits[:, 1] + 0.5 * noise
    )


def _by_habit(world: World, state: State, day: int, free: Bools) -> tuple[Ints, Ints, Ints]:
    """Targets of the habitual campaign: the likeliest of each channel's reachable persons, one channel a person."""
    liking = np.where(free, _liking(world, state, day), -np.inf)
    order = np.argsort(-liking, kind="stable")
    order = order[np.isfinite(liking[order])]
    taken = np.zeros(world.people.count, dtype=bool)
    people, channels, offers = [], [], []
    for channel, share in _HABIT.items():
        able = order[state.may_contact[order, channel] & ~taken[order]][: int(share * world.people.count)]
        taken[able] = True
        names = state.catalogue.offers_of(CHANNELS[channel])
        generous = max(names, key=lambda name: state.catalogue.costs.get(name, 0.0))
        usual = [
            state.catalogue.offer_index(names[(day // EVERY_DAYS) % len(names)]),
            state.catalogue.offer_index(generous),
        ]
        lapsing = (day - state.last_sale_day[able] > 60).astype(np.int64)
        people.append(able)
        channels.append(np.full(len(able), channel))
        offers.append(np.array(usual)[lapsing])
    return np.concatenate(people), np.concatenate(channels), np.concatenate(offers)


def _by_lot(world: World, state: State, day: int, pool: Bools) -> tuple[Ints, Ints, Ints, Floats]:
    """Targets of the randomized campaign, each channel and offer open to a person being as likely as the others."""
    rng = generator(world.seed, Stream.TRIAL, day, 1)
    person = np.flatnonzero(pool & state.may_contact.any(axis=1) & (rng.random(len(pool)) < _CONTACTED))
    able = state.may_contact[person]
    rank = (rng.random(len(person)) * able.sum(axis=1)).astype(np.int64)
    channel = (np.cumsum(able, axis=1) > rank[:, None]).argmax(axis=1)
    menu = [[state.catalogue.offer_index(o) for o in state.catalogue.offers_of(c)] for c in CHANNELS]
    width = np.array([len(offers) for offers in menu])
    table = np.array([offers + [0] * (int(width.max()) - len(offers)) for offers in menu])
    offer = table[channel, (rng.random(len(person)) * width[channel]).astype(np.int64)]
    return person, channel, offer, _POOL * _CONTACTED / (able.sum(axis=1) * width[channel])


def run_campaign(world: World, state: State, events: Events, day: int) -> int:
    """Sends a day's campaigns, records them, and lets them take effect.

    The randomized part is drawn from everyone before habit picks its targets, so that ``assignment_probability`` is
    the chance over all persons of getting that channel and offer in the trial.

    Returns:
        Messages sent.
    """
    pool = generator(world.seed, Stream.TRIAL, day).random(world.people.count) < _POOL
    trial = _by_lot(world, state, day, pool)
    habit = _by_habit(world, state, day, ~pool)
    person, channel, offer = (np.concatenate([a, b]) for a, b in zip(trial[:3], habit, strict=True))
    chance = np.concatenate([trial[3], np.full(len(habit[0]), np.nan)])
    hour = generator(world.seed, Stream.CAMPAIGN, day).choice([14, 16, 18, 23], size=len(person))
    minute = generator(world.seed, Stream.CAMPAIGN, day, 1).integers(0, 2_400_000, len(person))
    m = Messages(
        person,
        channel,
        offer,
        np.full(len(person), -1),
        day * DAY_MS + hour * HOUR_MS + minute,
        np.zeros(len(person), dtype=bool),
    )
    names = np.array([state.campaign_index(f"{kind}-{day}") for kind in ("test", "promo")])
    campaign = names[np.isnan(chance).astype(np.int64)]
    costs = np.array([state.catalogue.contact_costs.get(c, COSTS[c]) for c in CHANNELS])
    events.add(
        "sends",
        t=m.sent,
        person=person,
        channel=channel,
        offer=offer,
        campaign=campaign,
        cost=costs[channel],
        chance=chance,
    )
    carry_out(world, state, events, m, react(world, state, m, day), day=day, campaign=campaign)
    return len(person)
