r"""The redemption head: how often an offer that was made is redeemed.

    E R_i = anyway_o b_i v_i + caused_o u_i min(v_i, 1)

R_i: redemptions of the offer o by the person i in the v_i horizons that it could be redeemed; b_i: chance to convert within
one horizon when left alone, times how likely the person looks over others who got it; u_i: what the contact adds to it. Who
would have bought anyway redeems less often than whom the offer brought, so one share for both would make offers look dear for
regular buyers and cheap for everyone else.
Both shares are fitted as means of a Poisson count, by expectation and maximization (Dempster, Laird and Rubin 1977).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE

Vector = npt.NDArray[np.float64]

LEAST_REDEEMED: Final = 30
"""Sales from which their mean discount is known."""
COUNTS_IN: Final = 0.9
"""Share of an offer's price from which the discount of sales that redeem it is taken to count the offer."""
PRIOR_SALES: Final = 20.0
"""Both shares are drawn towards 1 by so many sales: that an offer is dear is the error that costs less."""
_ROUNDS: Final = 2000
_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Redemption:
    """How an offer is redeemed.

    Attributes:
        anyway: Share of the conversions that come anyway of people with the offer that redeem it.
        caused: The same of conversions that it caused.
        replaces: Share of the usual discount that isn't given beside the offer: shops seldom add discounts up, so who redeems
            $10 instead of the usual $3 off costs 7.
    """

    anyway: float
    caused: float
    replaces: float = 0.0


EVERY: Final = Redemption(1.0, 1.0)
"""Of an offer that nothing is known of."""


def unknown(offers: Sequence[str]) -> dict[str, Redemption]:
    """What is taken of offers that nothing is known of; `none` redeems nothing."""
    return {offer: Redemption(0.0, 0.0) if offer == NONE else EVERY for offer in offers}


def fit_redemption(
    training: pd.DataFrame,
    offers: Sequence[str],
    baseline: Vector,
    uplift: Vector,
    prices: Mapping[str, float],
) -> dict[str, Redemption]:
    """How each offer is redeemed, and each option that it was made by: drawn towards the offer's shares over all channels.

    Args:
        training: Of n rows: `channel` and `offer_id`, and `offer_horizons` and `redemption_count` where redemptions are known; without
            these every conversion redeems its offer.
        offers: To rate; `none` redeems nothing.
        baseline: Chance to convert within the horizon when left alone, the less the less likely the person looks, [n].
        uplift: What each row's contact is expected to add, [n].
        prices: What a redemption costs, by offer; 0 where it isn't given.
    """
    found = unknown(offers)
    if "redemption_count" not in training:
        return found
    made = training["offer_id"].to_numpy(dtype=object)
    channel = training["channel"].to_numpy(dtype=object)
    horizons = training["offer_horizons"].to_numpy(dtype=np.float64)
    count = training["redemption_count"].to_numpy(dtype=np.float64)
    anyway, caused = baseline * horizons, np.maximum(uplift, 0.0) * np.minimum(horizons, 1.0)
    for offer in offers:
        at = np.flatnonzero((made == offer) & (horizons > 0))
        if offer == NONE or not len(at):
            continue
        whole = shares_of(count[at], anyway[at], caused[at], (1.0, 1.0))
        found[offer] = Redemption(*whole, _replaces(training, at, prices.get(offer, 0.0)))
        for name in dict.fromkeys(channel[at]):
            own = at[channel[at] == name]
            shares = shares_of(count[own], anyway[own], caused[own], whole)
            found[f"{name}:{offer}"] = replace(found[offer], anyway=shares[0], caused=shares[1])
    return found


def _replaces(training: pd.DataFrame, at: npt.NDArray[np.int64], price: float) -> float:
    """Share of the usual discount that sales with the offer lack, 0 to 1; 0 where it isn't known.

    The discount of a sale may count the offer, or not where the offer is a service such as free shipping: it's taken to only
    where it's at least about as large.
    """
    if "offer_discount" not in training:
        return 0.0
    usual, told = training["usual_discount"].dropna(), training["offer_discount"].iloc[at].dropna()
    if min(len(usual), len(told)) < LEAST_REDEEMED or usual.mean() <= 0:
        return 0.0
    beside = float(told.mean()) - (price if told.mean() >= COUNTS_IN * price else 0.0)
    return float(np.clip(1 - beside / usual.mean(), 0.0, 1.0))


def shares_of(count: Vector, anyway: Vector, caused: Vector, prior: tuple[float, float]) -> tuple[float, float]:
    """Shares of what comes anyway and of what is caused that are counted, by expectation and maximization.

    Args:
        count: Of each row, [n].
        anyway: Conversions that come anyway, expected, [n].
        caused: Conversions that are caused, expected, [n].
        prior: Shares towards which both are drawn by `PRIOR_SALES` conversions.
    """
    shares = prior
    for _ in range(_ROUNDS):
        told = count / np.maximum(shares[0] * anyway + shares[1] * caused, _LEAST)
        before = shares
        shares = (
            _drawn(float(told @ (before[0] * anyway)), float(anyway.sum()), prior[0]),
            _drawn(float(told @ (before[1] * caused)), float(caused.sum()), prior[1]),
        )
        if max(abs(now - old) for now, old in zip(shares, before, strict=True)) < 1e-6:  # noqa: PLR2004 - read to a per mille
            break
    return shares


def _drawn(counted: float, sales: float, prior: float) -> float:
    """A share drawn towards what is thought of it, and at most 1: a conversion is counted once."""
    return min((counted + prior * PRIOR_SALES) / (sales + PRIOR_SALES), 1.0)
