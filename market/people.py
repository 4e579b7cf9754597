"""Who the persons are: traits that nobody sees whole, and habits that follow from them."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from market.draws import Stream, generator
from market.places import SHARES
from market.words import CATEGORIES, CHANNELS, OBJECTIONS, TRAITS, Bools, Floats, Ints


@dataclass(frozen=True)
class People:
    """The persons, one element (or row) each. Nothing here changes once the market is made.

    Attributes:
        traits: float32 [N, 6]; standard normal, columns as ``TRAITS``; events show them, each in its own way.
        hidden: float32 [N]; what moves a person beyond what any data shows.
        hidden_channel: float32 [N, 8]; the same for one channel.
        household: Household of each person; members follow one another.
        place: Index into ``PLACES``.
        birth_year: Year of birth, whether known to the shop or not.
        hour: Preferred local hour.
        category: Index into ``CATEGORIES`` of the favourite.
        objection: Index into ``OBJECTIONS``.
        buy_rate: Chance of a purchase on a day while alive and a customer.
        first_rate: Chance of the first purchase on a day while a prospect.
        visit_rate: Chance of a web visit on a day outside spells.
        leave_rate: Chance on a day that an alive customer goes dormant.
        return_rate: Chance on a day that a dormant customer comes back.
        impression_rate: Chance of an advertisement seen on a day without any campaign.
        call_rate: Chance of an inbound call on a day.
        store_share: Share of purchases made in a store.
        discount_share: Share of organic purchases with a discount.
        log_amount: Mean log of a purchase's amount.
        spell_phase: Day on which the person's 14-day blocks start.
        devices: Visitor ids in use, 1 to 3.
        has_phone, has_app, has_loyalty, has_address, has_email: What the shop could know.
        was_customer: Customer when history begins.
        was_alive: Alive when history begins.
    """

    traits: Floats
    hidden: Floats
    hidden_channel: Floats
    household: Ints
    place: Ints
    birth_year: Ints
    hour: Floats
    category: Ints
    objection: Ints
    buy_rate: Floats
    first_rate: Floats
    visit_rate: Floats
    leave_rate: Floats
    return_rate: Floats
    impression_rate: Floats
    call_rate: Floats
    store_share: Floats
    discount_share: Floats
    log_amount: Floats
    spell_phase: Ints
    devices: Ints
    has_phone: Bools
    has_app: Bools
    has_loyalty: Bools
    has_address: Bools
    has_email: Bools
    was_customer: Bools
    was_alive: Bools

    @property
    def count(self) -> int:
        """Number of persons."""
        return len(self.hour)

    def save(self, path: Path) -> None:
        """Writes all arrays to one file."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def load(cls, path: Path) -> "People":
        """Reads what ``save`` wrote."""
        with np.load(path) as stored:
            return cls(**{f.name: stored[f.name] for f in fields(cls)})


def _sigmoid(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


def _households(rng: np.random.Generator, count: int) -> Ints:
    sizes = rng.choice([1, 2, 3, 4], size=count, p=[0.72, 0.18, 0.06, 0.04])
    return np.repeat(np.arange(count), sizes)[:count].astype(np.int32)


def _first_of_household(household: Ints, values: Ints) -> Ints:
    _, first, inverse = np.unique(household, return_index=True, return_inverse=True)
    return np.asarray(values[first[inverse]])


def _f32(x: Floats) -> Floats:
    return np.asarray(x, dtype=np.float32)


def make_people(seed: int, count: int, start_year: int, activity: float) -> People:
    """Draws the persons.

    Args:
        seed: The market's seed.
        count: Number of persons.
        start_year: Year in which the simulation starts; ages count from it.
        activity: Factor on visits and impressions (1: about 50 events a person and year).

    Returns:
        The persons.
    """
    rng = generator(seed, Stream.PEOPLE)
    z = rng.standard_normal((count, len(TRAITS)))
    z[:, 3] = 0.92 * z[:, 3] - 0.4 * z[:, 1]  # who is at home on the web goes less to stores
    household = _households(rng, count)
    place = _first_of_household(household, rng.choice(len(SHARES), size=count, p=SHARES))
    age = np.clip(rng.gamma(4.5, 8.0, count) + 12 + 4 * z[:, 3] - 4 * z[:, 1], 13, 92)
    noise = rng.standard_normal((count, 6))
    buy = 0.0085 * rng.gamma(1.6, 1 / 1.6, count) * np.exp(0.35 * z[:, 4] - 0.06)
    customer = rng.random(count) < _sigmoid(0.75 + 0.35 * z[:, 4] + 0.2 * z[:, 3])
    weights = np.array([0.30, 0.22, 0.16, 0.10, 0.14, 0.08])
    scores = np.log(weights) + rng.gumbel(size=(count, len(OBJECTIONS))) * 0.9
    scores[:, 1] += 0.8 * z[:, 0]
    scores[:, 3] -= 0.5 * z[:, 1]
    return People(
        traits=_f32(z), hidden=_f32(rng.standard_normal(count)),
        hidden_channel=_f32(rng.standard_normal((count, len(CHANNELS)))),
        household=household, place=place.astype(np.int8), birth_year=(start_year - age).astype(np.int16),
        hour=_f32(np.clip(np.where(rng.random(count) < 0.55, 19.3, 11.0) + 2.4 * noise[:, 0], 6.5, 22.8)),
        category=rng.choice(len(CATEGORIES), size=count, p=[0.28, 0.16, 0.12, 0.2, 0.12, 0.12]).astype(np.int8),
        objection=np.argmax(scores, axis=1).astype(np.int8),
        buy_rate=_f32(np.clip(buy, 0.0004, 0.06)),
        first_rate=_f32(0.00042 * np.exp(0.8 * noise[:, 1] + 0.3 * z[:, 1] - 0.36)),
        visit_rate=_f32(np.clip(0.0135 * activity * np.exp(0.75 * z[:, 1] + 0.2 * z[:, 4] - 0.3), 0, 0.5)),
        leave_rate=_f32(np.clip(0.0023 * np.exp(-0.4 * z[:, 4]), 0, 0.02)),
        return_rate=_f32(np.clip(0.0016 * np.exp(0.4 * z[:, 4]), 0, 0.01)),
        impression_rate=_f32(np.clip(0.016 * activity * np.exp(0.6 * noise[:, 2] + 0.3 * z[:, 1] - 0.22), 0, 0.6)),
        call_rate=_f32(0.0004 * np.exp(0.9 * z[:, 2] - 0.4)),
        store_share=_f32(_sigmoid(-0.6 + 1.1 * z[:, 3] - 0.4 * z[:, 1])),
        discount_share=_f32(_sigmoid(-1.1 + 0.9 * z[:, 0])),
        log_amount=_f32(3.95 + 0.38 * noise[:, 3] + 0.1 * z[:, 4] - 0.1 * z[:, 0]),
        spell_phase=rng.integers(0, 14, count).astype(np.int8),
        devices=(1 + rng.binomial(2, _sigmoid(-0.9 + 0.5 * z[:, 1]))).astype(np.int8),
        has_phone=rng.random(count) < 0.72, has_app=rng.random(count) < _sigmoid(-1.0 + 0.8 * z[:, 1]),
        has_loyalty=rng.random(count) < _sigmoid(-0.1 + 0.7 * z[:, 3] + 0.3 * z[:, 4]),
        has_address=rng.random(count) < 0.78, has_email=rng.random(count) < 0.93,
        was_customer=customer, was_alive=customer & (rng.random(count) < _sigmoid(0.1 + 0.4 * z[:, 4])),
    )  # fmt: skip
