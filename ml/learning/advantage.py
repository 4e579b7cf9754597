r"""Whether the system arm does better than the manual arm, or worse: a sequential test that may be looked at every day.

What counts is each person's first purchase since they were assigned. Of the people in either arm who hadn't bought yet
on the morning of a day, n_s are the system's and n_m the manual arm's; if the system buys at (1 + margin) times the
manual arm's rate, a purchase of that day is the system's with probability

    p = (1 + margin) n_s / ((1 + margin) n_s + n_m)

whatever came before. Against it stands the rate of an advantage theta (log of the ratio beyond the margin), which a
purchase of weight w multiplies by exp(theta w):

    E(theta) = prod exp(theta w_i a_i) / (1 - p_i + p_i exp(theta w_i)),    a_i = 1 where purchase i is the system's

Without an advantage, E is a nonnegative supermartingale from 1 for every theta > 0, so is its mean over a distribution of
theta that was fixed before, and it ever reaches 1 / alpha with probability at most alpha (Ville 1939). The mean is taken
over theta from a third of the effect that was stated beforehand to four times it (Robbins' mixture; Wald's test knows theta).
Whatever theta is, it is known to some 40 % when the evidence is enough, so an even spread of its logarithm costs all of them
about the same, some .5 of the log(20) = 3 that are needed, and twice as much at its ends; large ones get a little more, since so
few purchases decide about them that whole ones matter. What a day would win beyond 1 / alpha isn't needed, so that day's bets
are larger by what it makes up for (Fischer and Ramdas, "Improving Wald's sequential probability ratio test by avoiding
overshoot", 2024); it pays for most of that.
theta < 0 tests for the system being worse in the same way. A part of either bet waits for later days: a system that learns
its way past the manual arm, or loses its advantage, isn't held to all that came before. Purchases of a day are taken as
drawn with replacement: they are few among the people.

A person counts once: later purchases of somebody who has bought say again what the first one said.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import exp, log, log1p
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import gammaln

from ml.configuration.policy import AutonomyTest

BET_ON: Final = np.geomspace(1 / 3, 4, 13)
"""Advantages that are bet on, as multiples of the stated one, in logs: neighbours are nearer than one can be told from the other."""
BETS: Final = np.sqrt(BET_ON)
"""How much is placed on each, up to a factor."""
FROM_THE_START: Final = 0.8
"""Part of a bet that is placed at the beginning; the rest waits for an advantage to be won, or lost, later."""


@dataclass(frozen=True, eq=False)
class ArmDay:
    """First purchases of a day in both arms.

    Attributes:
        on: The day.
        system_people: People of the system arm who hadn't bought before it.
        manual_people: Of the manual arm.
        system: float [n], weight of each first purchase of the system arm.
        manual: float [m], of the manual arm.
    """

    on: date
    system_people: int
    manual_people: int
    system: np.ndarray
    manual: np.ndarray


@dataclass(frozen=True)
class Advantage:
    """What the arms show so far.

    Attributes:
        better: Natural logarithm of the evidence that the system does better than the margin asks.
        worse: The same of its doing worse.
        days: Days counted.
        system_people: People of the system arm when counting began, or who came since.
        system_buyers: Of these, with a first purchase on the days counted.
        manual_people: Of the manual arm.
        manual_buyers: Of these.
    """

    better: float
    worse: float
    days: int
    system_people: int
    system_buyers: int
    manual_people: int
    manual_buyers: int


def first_purchases(
    people: pd.DataFrame, conversions: pd.DataFrame, until_at: datetime, time_zone: str
) -> pd.DataFrame:
    """The first purchase of each person since they were assigned.

    Args:
        people: customer_id, objective_id, arm, assigned_at (UTC); one row a person and objective.
        conversions: `fct_conversions`: customer_id, converted_at (UTC), margin (missing counts as 0).
        until_at: Until when, exclusive, UTC.
        time_zone: In which days begin.

    Returns:
        The people with assigned_on, bought_on and margin, the latter two missing where nothing was bought.
    """
    keyed = people.reset_index(drop=True)
    keyed = keyed.assign(row=keyed.index, assigned_at=pd.to_datetime(keyed["assigned_at"], utc=True))
    bought = conversions[["customer_id", "converted_at", "margin"]].dropna(subset=["customer_id"])
    bought = bought.assign(
        converted_at=pd.to_datetime(bought["converted_at"], utc=True), margin=bought["margin"].fillna(0.0)
    )
    joined = keyed[["row", "customer_id", "assigned_at"]].merge(
        bought[bought["converted_at"] < until_at], on="customer_id"
    )
    joined = joined[joined["converted_at"] >= joined["assigned_at"]].sort_values("converted_at", kind="stable")
    first = joined.drop_duplicates("row").set_index("row").reindex(keyed["row"])
    on = {"assigned_on": keyed["assigned_at"], "bought_on": first["converted_at"].reset_index(drop=True)}
    local = {name: at.dt.tz_convert(time_zone).dt.date for name, at in on.items()}
    return keyed.drop(columns="row").assign(**local, margin=first["margin"].to_numpy(dtype=float))


def arm_days(people: pd.DataFrame, days: Sequence[date], *, is_weighed: bool) -> list[ArmDay]:
    """First purchases by day.

    Args:
        people: arm, assigned_on, bought_on (both dates; missing where nothing was bought) and margin of that purchase.
        days: Days in order, without gaps.
        is_weighed: Whether a purchase counts by its margin, as a multiple of the mean of those of earlier days
            (losses count nothing); each counts 1 until there are any, and otherwise.
    """
    sides = {arm: people[people["arm"] == arm] for arm in ("system", "manual")}
    at_risk = {arm: _at_risk(own, days) for arm, own in sides.items()}
    bought = {
        arm: dict(list(own.dropna(subset=["bought_on"]).groupby("bought_on")["margin"])) for arm, own in sides.items()
    }
    found, seen = [], np.zeros(0)
    for d, on in enumerate(days):
        margins = {
            arm: np.maximum(bought[arm].get(on, pd.Series(dtype=float)).to_numpy(dtype=float), 0.0) for arm in sides
        }
        scale = float(seen.mean()) if is_weighed and len(seen) else 0.0
        weights = {arm: own / scale if scale > 0 else np.ones(len(own)) for arm, own in margins.items()}
        found.append(ArmDay(on, at_risk["system"][d], at_risk["manual"][d], weights["system"], weights["manual"]))
        seen = np.concatenate([seen, *margins.values()]) if is_weighed else seen
    return found


def _at_risk(own: pd.DataFrame, days: Sequence[date]) -> list[int]:
    """People assigned by each day who hadn't bought before it."""
    begins = np.sort(own["assigned_on"].to_numpy(dtype="datetime64[D]"))
    ends = np.sort(own["bought_on"].dropna().to_numpy(dtype="datetime64[D]"))
    at = np.array(days, dtype="datetime64[D]")
    return [int(n) for n in np.searchsorted(begins, at, "right") - np.searchsorted(ends, at, "left")]


def evidence(days: Sequence[ArmDay], test: AutonomyTest) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the evidence at the end of each day, float [days] each: of doing better, and of doing worse.

    Args:
        days: As `arm_days` gives them.
        test: As it was stated.
    """
    theta, prior = log1p(test.effect) * BET_ON, np.log(BETS / BETS.sum())
    better, worse = _Bets(theta, prior, -log(test.alpha)), _Bets(-theta, prior, -log(test.alpha))
    found = np.array([(better.after(day, test.margin), worse.after(day, test.margin)) for day in days])
    return found[:, 0], found[:, 1]


class _Bets:
    """Bets on several theta, and the money that they have become: the evidence.

    `FROM_THE_START` of it is placed on the first day, 1 / (s (s + 1)) of the rest on each day s after it.

    Args:
        theta: float [K].
        prior: float [K], log of the part that is placed on each.
        enough: Log of the evidence at which betting ends.
    """

    def __init__(self, theta: np.ndarray, prior: np.ndarray, enough: float) -> None:
        self.theta, self.prior, self.enough = theta, prior, enough
        self.placed, self.rest = log(FROM_THE_START) + prior, log(1 - FROM_THE_START)
        self.scale, self.day, self.is_over = 0.0, 0, False

    def after(self, day: ArmDay, margin: float) -> float:
        """Log of the evidence at the end of the day."""
        self._place()
        if day.system_people and day.manual_people:
            share = (1 + margin) * day.system_people / ((1 + margin) * day.system_people + day.manual_people)
            before = self._total(self.placed)
            gain = self.theta * day.system.sum() - self._expected(day, share)
            self.scale += 0.0 if self.is_over else self._spared(day, share, before)
            self.placed = self.placed + gain
        total = float(self._total(self.placed))
        self.is_over |= total >= self.enough
        return total

    def _place(self) -> None:
        if self.day:
            part = self.rest - log(self.day * (self.day + 1.0))
            self.placed = np.logaddexp(self.placed, part + self.prior)
        self.day += 1

    def _total(self, placed: np.ndarray) -> np.ndarray:
        unplaced = self.rest - log(max(self.day, 1))
        return np.asarray(self.scale + np.logaddexp(np.logaddexp.reduce(placed, axis=-1), unplaced))

    def _expected(self, day: ArmDay, share: float) -> np.ndarray:
        """Log of what exp(theta w) of the day's purchases is without an advantage."""
        weights = np.concatenate([day.system, day.manual])
        if (weights == 1).all():
            return np.asarray(len(weights) * np.log1p(share * np.expm1(self.theta)))
        return np.asarray(np.log1p(share * np.expm1(np.outer(weights, self.theta))).sum(axis=0))

    def _spared(self, day: ArmDay, share: float, before: np.ndarray) -> float:
        """Log of the factor by which bets may grow today, since what is won beyond `enough` isn't needed.

        The largest b with mean(min(b E, enough)) <= E before, the mean over how many of the day's purchases are the
        system's (Fischer and Ramdas 2024). Where purchases have weights, none.
        """
        weights = np.concatenate([day.system, day.manual])
        if not len(weights) or (weights != 1).any():
            return 0.0
        count = np.arange(len(weights) + 1)
        won = self._total(self.placed + count[:, None] * self.theta - self._expected(day, share))
        return _factor(won - self.enough, _binomial(len(weights), share), float(before) - self.enough)


def _binomial(n: int, share: float) -> np.ndarray:
    """Logs of the chances of 0 to n."""
    k = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.asarray(ways + k * log(share) + (n - k) * log1p(-share))


def _factor(won: np.ndarray, chance: np.ndarray, before: float) -> float:
    """Log of the largest b with sum(exp(chance) x min(b exp(won), 1)) <= exp(before).

    With the largest outcomes cut off one after the other, b is what the others leave room for; the first b for which they
    stay below 1 is the one.

    Args:
        won: float [n], logs of the outcomes over what is enough.
        chance: float [n], log of each one's chance.
        before: Log of the evidence before over what is enough, below 0.
    """
    order = np.argsort(won)[::-1]
    won, chance = won[order], chance[order]
    cut = np.concatenate([[0.0], np.cumsum(np.exp(chance))[:-1]])
    room = exp(before) - cut
    left = np.logaddexp.accumulate((chance + won)[::-1])[::-1]
    factor = np.log(room[room > 0]) - left[room > 0]
    fits = np.flatnonzero(factor + won[room > 0] <= 0)
    return max(0.0, float(factor[fits[0]])) if len(fits) else 0.0


def advantage(days: Sequence[ArmDay], test: AutonomyTest) -> Advantage:
    """What the days show together."""
    if not days:
        return Advantage(0.0, 0.0, 0, 0, 0, 0, 0)
    better, worse = evidence(days, test)
    buyers = {arm: sum(len(getattr(day, arm)) for day in days) for arm in ("system", "manual")}
    last = days[-1]
    people = {
        "system": last.system_people + buyers["system"] - len(last.system),
        "manual": last.manual_people + buyers["manual"] - len(last.manual),
    }
    return Advantage(
        float(better[-1]),
        float(worse[-1]),
        len(days),
        people["system"],
        buyers["system"],
        people["manual"],
        buyers["manual"],
    )
