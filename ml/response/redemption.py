r"""The redemption head: how often an offer that was made is redeemed.

    E R_i = anyway_o b_i v_i + caused_o u_i min(v_i, 1)

R_i: redemptions of the offer o by the person i in the v_i horizons that it could be redeemed; b_i: chance to convert within
one horizon when left alone; u_i: what the contact adds to it. Who would have bought anyway redeems less often than
whom the offer brought, so one share for both would make offers look dear for regular buyers and cheap for everyone else.
Both shares are fitted as means of a Poisson count, by expectation and maximization (Dempster, Laird and Rubin 1977).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE

Vector = npt.NDArray[np.float64]

PRIOR_SALES: Final = 20.0
"""Both shares are drawn towards 1 by so many sales: that an offer is dear is the error that costs less."""
_ROUNDS: Final = 2000
_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Redemption:
    """Shares of the conversions of people with an offer that redeem it: of those that come anyway, and of those caused."""

    anyway: float
    caused: float


EVERY: Final = Redemption(1.0, 1.0)
"""Of an offer that nothing is known of."""


def unknown(offers: Sequence[str]) -> dict[str, Redemption]:
    """What is taken of offers that nothing is known of; `none` redeems nothing."""
    return {offer: Redemption(0.0, 0.0) if offer == NONE else EVERY for offer in offers}


def fit_redemption(
    training: pd.DataFrame, offers: Sequence[str], baseline: Vector, uplift: Vector
) -> dict[str, Redemption]:
    """The shares of each offer.

    Args:
        training: Of n rows: `offer_id`, and `offer_horizons` and `redemption_count` where redemptions are known; without
            these every conversion redeems its offer.
        offers: To rate; `none` redeems nothing.
        baseline: Chance to convert within the horizon when left alone, [n].
        uplift: What each row's contact is expected to add, [n].
    """
    found = unknown(offers)
    if "redemption_count" not in training:
        return found
    made = training["offer_id"].to_numpy(dtype=object)
    horizons = training["offer_horizons"].to_numpy(dtype=np.float64)
    count = training["redemption_count"].to_numpy(dtype=np.float64)
    for offer in offers:
        at = np.flatnonzero((made == offer) & (horizons > 0))
        if offer != NONE and len(at):
            found[offer] = _shares(
                count[at], baseline[at] * horizons[at], np.maximum(uplift[at], 0.0) * np.minimum(horizons[at], 1.0)
            )
    return found


def _shares(count: Vector, anyway: Vector, caused: Vector) -> Redemption:
    return Redemption(*shares_of(count, anyway, caused, (1.0, 1.0)))


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
