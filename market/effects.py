"""The law of response at work: the true effect of a message on a person, in the state that the person is in.

The chance that a message reaches a person and causes a purchase is::

    reach · lift_c · g(m) · offer · creative · hour · life · spell · journey · season · drift · exp(-loss · fatigue)

where ``m`` is the person's readiness for the channel and ``g`` is zero for the unmoved, grows beyond a threshold for
the moved (mean 1 over all persons), and is negative for those who are put off.
"""

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from market.catalogue import Catalogue
from market.law import ChannelLaw, Law
from market.organic import daily_chance, season
from market.places import utc_offsets
from market.words import CHANNELS, DAY_MS, HOUR_MS, MAIL, OBJECTIONS, PRICE, VOICE, WEB, Floats, Ints
from market.world import State, World


@dataclass(frozen=True)
class Messages:
    """Messages as columns of equal length. ``key`` tells the draws of one message from another's.

    Attributes:
        person: Index of the person.
        channel: Index into ``CHANNELS``.
        offer: Index into the catalogue's offers.
        creative: Index into its creatives; -1 for a plain one.
        sent: Milliseconds since 1970.
        is_removal: Whether an advertising audience loses the person.
    """

    person: Ints
    channel: Ints
    offer: Ints
    creative: Ints
    sent: Ints
    is_removal: Ints

    @property
    def count(self) -> int:
        """Number of messages."""
        return len(self.person)

    def take(self, rows: Ints) -> "Messages":
        """Some of the messages."""
        return Messages(
            self.person[rows],
            self.channel[rows],
            self.offer[rows],
            self.creative[rows],
            self.sent[rows],
            self.is_removal[rows],
        )


@lru_cache(maxsize=64)
def _thresholds(moved: float, wrong: float, curve: float) -> tuple[float, float, float, float]:
    grid = np.linspace(-8, 8, 32001)
    density = np.exp(-grid * grid / 2) / np.sqrt(2 * np.pi) * (grid[1] - grid[0])
    up, down = NormalDist().inv_cdf(1 - moved), NormalDist().inv_cdf(wrong)
    mean_up = float((np.maximum(grid - up, 0) ** curve * density).sum())
    mean_down = float((np.maximum(down - grid, 0) ** curve * density).sum())
    return up, down, mean_up, mean_down


def channel_values(law: Law, name: str) -> Floats:
    """One parameter of all channels, in their order."""
    return np.array([getattr(law.channels[c], name) for c in CHANNELS], dtype=np.float64)


def readiness_gain(law: Law, moved: Floats) -> tuple[Floats, Floats]:
    """What the readiness makes of a channel's lift: gain (≥ 0, mean 1) and loss (≥ 0, mean 1) for each element."""
    up, down, mean_up, mean_down = _thresholds(law.moved_share, law.wrong_share, law.curve)
    gain = np.maximum(moved - up, 0.0) ** law.curve / mean_up
    loss = np.maximum(down - moved, 0.0) ** law.curve / mean_down
    return gain, loss


def offer_factor(world: World, catalogue: Catalogue, person: Ints, offer: Ints) -> Floats:
    """How an offer's generosity, its kind and the person's objection change the response."""
    law, people = world.law, world.people
    generous = 1.0 - np.exp(-catalogue.offer_costs()[offer] / law.offer_scale)
    traits = people.traits[person]
    sensitive = 1.0 / (1.0 + np.exp(-traits[:, PRICE]))
    taste = np.einsum("ij,ij->i", traits, catalogue.offer_vectors(world.seed)[offer])
    factor = (law.offer_floor + law.offer_gain * sensitive * generous) * np.exp(
        law.offer_taste * (taste - law.offer_taste / 2)
    )
    objection = people.objection[person]
    poor, rich = law.objection_price
    factor *= np.where(objection == OBJECTIONS.index("price"), poor + (rich - poor) * generous, 1.0)
    return np.asarray(factor * np.where(objection == OBJECTIONS.index("no_need"), law.objection_no_need, 1.0))


def creative_factor(world: World, catalogue: Catalogue, person: Ints, creative: Ints) -> Floats:
    """How a creative's appeal and its category change the response; 1 for a plain one."""
    appeal, category = catalogue.creative_looks(world.seed)
    law, plain = world.law, creative < 0
    index = np.maximum(creative, 0)
    factor = np.exp(law.creative_spread * (appeal[index] - law.creative_spread / 2))
    factor *= np.where(category[index] == world.people.category[person], law.category_match, 1.0)
    return np.where(plain, 1.0, factor)


def closeness(world: World, person: Ints, sent: Ints) -> Floats:
    """How near an hour is to the person's own, 0 to 1."""
    offsets = np.array([utc_offsets(int(day)) for day in np.unique(sent // DAY_MS)])
    row = np.searchsorted(np.unique(sent // DAY_MS), sent // DAY_MS)
    local = (sent % DAY_MS / HOUR_MS + offsets[row, world.people.place[person]]) % 24
    apart = np.abs(local - world.people.hour[person])
    return np.asarray(np.exp(-((np.minimum(apart, 24 - apart) / 3.5) ** 2)))


def drift_factor(law: Law, day: int, start_day: int) -> Floats:
    """What time and planted changes have made of each channel's lift: float64 [8], 1 at the start."""
    factor = (1.0 + channel_values(law, "drift")) ** ((day - start_day) / 365.25)
    for shift in law.shifts:
        if day >= shift.day:
            factor[CHANNELS.index(shift.channel)] *= shift.factor
    return np.asarray(factor)


def life_factor(world: World, state: State, person: Ints, day: int) -> Floats:
    """How the person's stage and present interest change the response."""
    prospect, recent, cooling, dormant = world.law.lifecycle
    since = day - state.last_sale_day[person]
    stage = np.where(since <= 30, recent, np.where(since <= 90, cooling, dormant))
    stage = np.where(state.last_sale_day[person] < 0, prospect, stage)
    return np.asarray(stage * np.where(world.in_spell(day, person), world.law.spell[2], 1.0))


def journey_factor(world: World, state: State, m: Messages, day: int) -> Floats:
    """What earlier touches make possible: a call after a scan, an offer kept alive, patience with who has no time."""
    law, p = world.law, m.person
    scanned = (state.scan_from[p] <= day) & (day <= state.scan_until[p]) & (m.channel == VOICE)
    alive = (
        (state.offer[p] == m.offer)
        & (m.offer > 0)
        & (state.offer_until[p] >= day)
        & (state.offer_channel[p] != m.channel)
    )
    rested = day - state.touched_day[p] > 7
    early, late = law.objection_timing
    timing = np.where(world.people.objection[p] == OBJECTIONS.index("timing"), np.where(rested, late, early), 1.0)
    return np.asarray(np.where(scanned, law.scan_call, 1.0) * np.where(alive, law.offer_alive, 1.0) * timing)


def reach_chance(world: World, m: Messages, day: int) -> Floats:
    """Chance that a message gets to the person; on the web, that the person comes within seven days.

    Who has no telephone, app, address or e-mail isn't reached by what needs one.
    """
    reached = channel_values(world.law, "reached")[m.channel]
    factor = np.where(world.in_spell(day, m.person), world.law.spell[0], 1.0)
    comes = 1.0 - (1.0 - np.minimum(world.people.visit_rate[m.person] * factor, 0.9)) ** 7
    return np.where(m.channel == WEB, comes, reached) * world.reachable[m.person, m.channel]


def effect_when_reached(world: World, state: State, m: Messages, day: int, *, with_hour: bool = True) -> Floats:
    """Signed effect on the chance of a purchase, in full time, given that the message reaches the person.

    Args:
        world: The world.
        state: As it is when the message is sent.
        m: The messages, all of one day.
        day: That day.
        with_hour: Whether the hour of sending counts; without, it is as at a middling hour.

    Returns:
        float64 of the messages' length, in [-cap / 2, cap]; what is prevented is at most nine tenths of the usual.
    """
    law = world.law
    gain, loss = readiness_gain(law, world.moved[m.person, m.channel].astype(np.float64))
    lift = channel_values(law, "lift")[m.channel] * drift_factor(law, day, world.start_ms // DAY_MS)[m.channel]
    fatigue = state.fatigue[m.person].astype(np.float64)
    up = (
        gain
        * offer_factor(world, state.catalogue, m.person, m.offer)
        * creative_factor(world, state.catalogue, m.person, m.creative)
    )
    up *= life_factor(world, state, m.person, day) * journey_factor(world, state, m, day)
    up *= season(day) ** 0.5 * np.exp(-law.fatigue_loss * fatigue)
    if with_hour:
        up *= np.exp(channel_values(law, "slot")[m.channel] * (closeness(world, m.person, m.sent) - 0.5))
    down = loss * channel_values(law, "wrong_way")[m.channel] * (1.0 + 0.3 * fatigue)
    usual = daily_chance(world, state, day)[m.person] * 14
    down = np.minimum(down * lift, np.minimum(usual * 0.9, law.cap / 2))
    return np.asarray(np.minimum(up * lift, law.cap) - down)


def delay_share(law: ChannelLaw, days: Floats | float, *, is_mail: bool) -> Floats:
    """Share of a message's effect that shows within some days after sending (mean over its transit)."""
    least, most = law.transit_days
    transit = np.linspace(least, most, 21 if is_mail else 3)
    left = np.maximum(np.asarray(days, dtype=np.float64) - transit, 1e-9)
    z = np.log(left / law.delay_days) / law.delay_spread
    return np.asarray(np.mean([NormalDist().cdf(float(x)) for x in np.atleast_1d(z)]))


def maturity(law: Law, days: float) -> Floats:
    """Share of each channel's effect that shows within some days after sending: float64 [8]."""
    return np.array([float(delay_share(law.channels[c], days, is_mail=i == MAIL)) for i, c in enumerate(CHANNELS)])
