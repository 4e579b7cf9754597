r"""The redemption head: how often an offer that was made is redeemed.

    E R_i = anyway_o b_i v_i + caused_o u_i min(v_i, 1)

R_i: redemptions of the offer o by the person i in the v_i horizons that it could be redeemed; b_i: chance to convert within
one horizon when left alone and look at the offer; u_i: what the contact adds to it. Who would have bought anyway redeems less often than
whom the offer brought, so one share for both would make offers look dear for regular buyers and cheap for everyone else.
Both shares are fitted as means of a Poisson count, by expectation and maximization (Dempster, Laird and Rubin 1977).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.rows import TrainingRows

Vector = npt.NDArray[np.float64]

LEAST_REDEEMED: Final = 30
"""Sales from which their mean discount is known."""
PRIOR_SALES: Final = 20.0
"""Both shares are drawn towards 1 by so many sales: that an offer is dear is the error that costs less."""
_ROUNDS: Final = 2000
_LEAST: Final = 1e-9


@dataclass(frozen=True)
class Redemption:
    """How an offer is redeemed.

    Attributes:
        anyway: Share that redeems it of the conversions that come anyway of people who saw the offer.
        caused: The same of conversions that it caused.
        discount: Mean discount of conversions that redeem it, money; None where too few are known.
        usual_discount: Mean discount of conversions without an offer, money.
    """

    anyway: float
    caused: float
    discount: float | None = None
    usual_discount: float = 0.0

    def replaces(self, price: float) -> float:
        """Share of the usual discount that isn't given beside the offer, 0 to 1; 0 while it isn't known.

        Shops seldom add discounts up: who redeems $10 instead of the usual $3 off costs 7. The discount of a sale that
        redeems may count the offer itself, or not where the offer is a service such as free shipping.

        Args:
            price: What a redemption costs, money.
        """
        if self.discount is None or self.usual_discount <= 0:
            return 0.0
        beside = self.discount - price if self.discount >= price / 2 else self.discount
        return min(max(1 - beside / self.usual_discount, 0.0), 1.0)


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
    usual, redeeming = (_known(training, name) for name in ("usual_discount", "offer_discount"))
    usually = float(np.nan_to_num(usual).sum() / max((~np.isnan(usual)).sum(), 1))
    for offer in offers:
        at = np.flatnonzero((made == offer) & (horizons > 0))
        if offer != NONE and len(at):
            anyway, caused = shares_of(
                count[at],
                baseline[at] * horizons[at],
                np.maximum(uplift[at], 0.0) * np.minimum(horizons[at], 1.0),
                (1.0, 1.0),
            )
            told = redeeming[at][~np.isnan(redeeming[at])]
            discount = float(told.mean()) if len(told) >= LEAST_REDEEMED else None
            found[offer] = Redemption(anyway, caused, discount, usually)
    return found


def fit_usual_discount(rows: TrainingRows, features: FactorFeatures) -> LogLine | None:
    """Expected discount of a conversion without an offer; None where too few are known, or none has any.

    Args:
        rows: Training rows.
        features: What it may depend on.
    """
    at = np.flatnonzero(~np.isnan(rows.usual_discount))
    if len(at) < LEAST_REDEEMED or not (rows.usual_discount[at] > 0).any():
        return None
    mean = float(rows.usual_discount[at].mean())
    # In units of the mean, since the line's priors are about counts.
    line = LogLine.fit(features, rows.features[at], rows.usual_discount[at] / mean, np.ones(len(at)))
    return replace(line, rate=line.rate * mean)


def _known(training: pd.DataFrame, name: str) -> Vector:
    if name not in training:
        return np.full(len(training), np.nan)
    return np.asarray(training[name].to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


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
