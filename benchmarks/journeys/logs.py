"""Logged conversations: days on which random people get a random eligible action, and what is learned from them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.journeys.shop import HORIZON_DAYS, USED, Shop
from market.law import Law
from ml.configuration.journeys import Journeys
from ml.journeys.factors import Factor, Factors, Logged, fit_factors
from ml.journeys.model import JourneyModel, Scans, logged_of
from ml.journeys.signals import SIGNALS

CONTACTED, ALONE = 0.10, 0.05
"""Shares of the people contacted on a day, and of the others who are kept as rows."""


@dataclass(frozen=True, eq=False)
class Log:
    """Rows as a training frame, with what a response model says of them.

    Attributes:
        rows: n rows.
        baseline: Chance to buy when left alone, [n].
        uplift: Blurred effect at rest of the contact that was made, 0 where there was none, [n].
        moved: Mean blurred effect at rest over all options, [n].
        scans: Of mailers.
    """

    rows: pd.DataFrame
    baseline: np.ndarray
    uplift: np.ndarray
    moved: np.ndarray
    scans: Scans

    def until(self, day: int) -> "Log":
        """The log as it was after some days."""
        kept = (self.rows["day"] < day).to_numpy()
        return Log(
            self.rows[kept],
            self.baseline[kept],
            self.uplift[kept],
            self.moved[kept],
            self.scans,
        )


def blur(shop: Shop, spread: float, seed: int) -> np.ndarray:
    """How far a response model is off for each person and channel: log-normal with mean 1, float64 [N, O]."""
    rng = np.random.default_rng(seed)
    channels = list(dict.fromkeys(o.channel for o in shop.options))
    by_channel = np.exp(spread * rng.standard_normal((len(shop.wear), len(channels))) - spread**2 / 2)
    return by_channel[:, [channels.index(o.channel) for o in shop.options]]


def keep_log(shop: Shop, days: int, blurred: np.ndarray, seed: int) -> Log:
    """Let days of random actions pass, then the horizon in which nothing is sent."""
    rng, parts = np.random.default_rng(seed), []
    began = shop.day
    for _ in range(days):
        parts.append(_a_day(shop, blurred, rng, began))
        shop.live()
    for _ in range(HORIZON_DAYS):
        shop.live()
    rows = pd.concat([part for part, _ in parts], ignore_index=True)
    numbers = np.concatenate([each for _, each in parts])
    person, day = np.concatenate([p for p, _ in shop.sales]), np.concatenate([d for _, d in shop.sales])
    bought = np.zeros((len(shop.wear), days + HORIZON_DAYS + 2), dtype=bool)
    inside = (day >= began) & (day - began < bought.shape[1])
    bought[person[inside], day[inside] - began] = True
    ever = np.concatenate([np.zeros((len(bought), 1), int), bought.cumsum(axis=1)], axis=1)
    who, on = rows["customer_id"].astype(int).to_numpy(), rows["day"].to_numpy()
    rows["is_converted"] = ever[who, on + HORIZON_DAYS] > ever[who, on]
    mailers, scanned = (sum(each[i] for each in shop.scans) for i in (1, 2))
    return Log(rows, numbers[:, 0], numbers[:, 1], numbers[:, 2], Scans(mailers, scanned))


def _a_day(shop: Shop, blurred: np.ndarray, rng: np.random.Generator, began: int) -> tuple[pd.DataFrame, np.ndarray]:
    allowed, expected, view, organic = shop.allowed(), shop.at_rest() * blurred, shop.view(), shop.organic()
    who = np.flatnonzero((rng.random(len(allowed)) < CONTACTED) & allowed.any(axis=1))
    option = np.where(allowed[who], rng.random((len(who), allowed.shape[1])), -1).argmax(axis=1)
    alone = np.flatnonzero(rng.random(len(allowed)) < ALONE)
    alone = np.setdiff1d(alone, who)
    names = np.array([(o.channel, o.offer_id) for o in shop.options], dtype=object)
    shop.send(who, option)
    rows = view.iloc[np.concatenate([who, alone])].reset_index(drop=True)
    nothing = np.full((len(alone), 2), "none", dtype=object)
    rows[["channel", "offer_id"]] = np.concatenate([names[option], nothing])
    rows["sample_weight"] = np.concatenate([np.ones(len(who)), np.full(len(alone), 1 / ALONE)])
    everyone = np.concatenate([who, alone])
    numbers = np.zeros((len(rows), 3))
    numbers[:, 0], numbers[:, 2] = organic[everyone], expected.mean(axis=1)[everyone]
    numbers[: len(who), 1] = expected[who, option]
    return rows.assign(propensity=np.nan, day=shop.day - began), numbers


def learned(log: Log, terms: Journeys) -> JourneyModel:
    """What the product learns from a log."""
    factors = fit_factors(_logged(log, terms), terms)
    return JourneyModel(factors, factors, log.scans, {"rows": len(log.rows)})


def known(law: Law) -> JourneyModel:
    """The market's law in the same signals, without doubt: what no log can teach better."""
    poor, rich = law.objection_price
    soon, rested = law.objection_timing
    mean_wear = float(np.mean([law.channels[name].wear for name in USED]))
    offers = 1 - np.exp(-np.array([10.0, 6.0]) / law.offer_scale)  # of the configuration's two offers
    true: dict[str, float] = {
        "call_after_scan": law.scan_call,
        "offer_repeated": law.offer_alive,
        "wear": float(np.exp(-law.fatigue_loss * mean_wear)),
        "price_without_offer": poor,
        "price_with_offer": poor + (rich - poor) * float(offers.mean()),
        "timing_too_soon": soon,
        "timing_rested": rested,
        "no_need": law.objection_no_need,
    }
    factors = Factors(tuple(Factor(n, true.get(n, 1.0) - 1, 0.0, 1.0, true.get(n, 1.0), 0.0, 0, 0) for n in SIGNALS))
    return JourneyModel(factors, factors, Scans(10**9, int(law.scan_share * 0.96 * 10**9)), {"rows": 0})


def _logged(log: Log, terms: Journeys) -> Logged:
    return logged_of(log.rows, terms, log.baseline, log.uplift, log.moved)
