"""People, assignments and purchases as the sample market's figures say, with their expectations in closed form.

Organic purchases come at a person's own rate: 0.5 % of the prospects, 3 % of the lapsed, 10 % of the lapsing and 16 % of the
active buy in 14 days, each of them more or less by a gamma factor (coefficient of variation 1). Three in ten of the system arm
are moved, one in eight is put off; the rest is unmoved. Amounts are log-normal over people and over purchases, 42 % of them is
margin, and four in five caused purchases redeem an offer of ten, so that some lose money.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.entities import ARMS
from ml.learning.panel import DAY, FOLDS, Panel, Vector, Whole, covariates

PER_14_DAYS: Final = np.array([0.005, 0.03, 0.10, 0.16])
SHARES: Final = np.array([0.35, 0.30, 0.15, 0.20])
MOVED, WRONG = 0.30, 0.12
LOG_AMOUNT, PERSON_SPREAD, ORDER_SPREAD = 3.95, 0.40, 0.55
MARGIN_SHARE, OFFER, REDEEMED = 0.42, 10.0, 0.8
JOIN_AT_ONCE, JOIN_DAYS = 0.5, 30
LATENT: Final = 400_000


@dataclass(frozen=True)
class Setting:
    """One simulated campaign.

    Attributes:
        people: How many there are in the audience.
        holdout: Share of the holdout arm; the rest is the system's.
        days: Days that are looked at.
        caused: Purchases that a day in the system arm adds, mean over people; 0 is A/A.
        prevented: Share of the purchases of who is put off that doesn't happen; 0 is A/A.
    """

    people: int = 10_000
    holdout: float = 0.2
    days: int = 45
    caused: float = 0.004 / 7
    prevented: float = 0.2


@dataclass(frozen=True, eq=False)
class _Latent:
    rate: Vector
    caused: Vector
    kept: Vector
    log_amount: Vector


def _latent(setting: Setting, count: int, rng: np.random.Generator) -> _Latent:
    kind = rng.choice(len(SHARES), count, p=SHARES)
    rate = PER_14_DAYS[kind] / 14 * rng.gamma(1.0, 1.0, count)
    moved = rng.random(count)
    strength = np.where(moved < MOVED, rng.gamma(2.0, 0.5, count) / MOVED, 0.0)
    kept = np.where(moved > 1 - WRONG, 1 - setting.prevented, 1.0)
    return _Latent(rate, setting.caused * strength, kept, rng.normal(LOG_AMOUNT, PERSON_SPREAD, count))


class Truth:
    """Expected difference of the arms by age of a person's assignment, over `LATENT` people drawn once."""

    def __init__(self, setting: Setting) -> None:
        one = _latent(setting, LATENT, np.random.default_rng(5))
        ages = np.arange(setting.days + 1)
        organic, system = one.rate, one.rate * one.kept + one.caused
        self._conversion = np.array([float((np.exp(-organic * a) - np.exp(-system * a)).mean()) for a in ages])
        money = MARGIN_SHARE * np.exp(one.log_amount + ORDER_SPREAD**2 / 2)
        daily = one.caused * (money - REDEEMED * OFFER) - one.rate * (1 - one.kept) * money
        self._margin = float(daily.mean()) * ages

    def difference(self, measure: str, entry: Whole, day: int) -> float:
        """Per person of those who joined before a day, by the days since they did."""
        age = day - entry[entry < day]
        return float((self._conversion if measure == "conversion" else self._margin)[age].mean())


def draw(setting: Setting, seed: int) -> tuple[Panel, Whole]:
    """A campaign's panel, and the day on which each person of it joined."""
    rng = np.random.default_rng(seed)
    count = setting.people
    later = rng.integers(1, JOIN_DAYS + 1, count)
    entry = np.sort(np.where(rng.random(count) < JOIN_AT_ONCE, 0, later)).astype(np.int64)
    is_system = rng.random(count) >= setting.holdout
    one = _latent(setting, count, rng)
    length = (setting.days - entry).astype(np.float64)
    organic = one.rate * np.where(is_system, one.kept, 1.0)
    begin = entry.astype(np.float64)
    before, before_at = _purchases(rng, one.rate, np.full(count, 365.0), np.asarray(begin - 365.0))
    usual, usual_at = _purchases(rng, organic, length, begin)
    caused, caused_at = _purchases(rng, np.where(is_system, one.caused, 0.0), length, begin)
    money = [_margin(rng, one, who) for who in (before, usual, caused)]
    money[2] -= np.where(rng.random(len(caused)) < REDEEMED, OFFER, 0.0)
    buyer, at = np.concatenate([usual, caused]), np.concatenate([usual_at, caused_at])
    margin = np.concatenate([money[1], money[2]])
    order = np.argsort(at, kind="stable")
    arm = np.where(is_system, ARMS.index("system"), ARMS.index("holdout")).astype(np.int8)
    panel = Panel(
        arm=arm,
        assigned_at=entry * DAY,
        covariates=covariates(entry * DAY, before, (before_at * DAY).astype(np.int64), money[0]),
        fold=rng.integers(0, FOLDS, count),
        cost=np.zeros(count),
        segment=np.full(count, "all", dtype=object),
        buyer=buyer[order],
        bought_at=(at[order] * DAY).astype(np.int64),
        margin=margin[order],
    )
    return panel, entry


def _purchases(rng: np.random.Generator, rate: Vector, length: Vector, begin: Vector) -> tuple[Whole, Vector]:
    """Who bought and when, in days: a Poisson process of each person's rate over a length of days from a begin."""
    buyer = np.repeat(np.arange(len(rate)), rng.poisson(rate * length))
    return buyer, begin[buyer] + rng.random(len(buyer)) * length[buyer]


def _margin(rng: np.random.Generator, one: _Latent, buyer: Whole) -> Vector:
    return np.asarray(MARGIN_SHARE * np.exp(one.log_amount[buyer] + rng.normal(0.0, ORDER_SPREAD, len(buyer))))
