"""What a contact is worth: uplift in money, less everything that it costs."""

from collections.abc import Sequence

import numpy as np

from ml.configuration.actions import Actions
from ml.configuration.policy import Wear
from ml.entities import Option


def contact_costs(options: Sequence[Option], actions: Actions) -> np.ndarray:
    """What one contact costs by option, float32 [O]."""
    return np.array([actions.channels[option.channel].cost for option in options], dtype=np.float32)


def redemption_costs(options: Sequence[Option], actions: Actions) -> np.ndarray:
    """What one redemption costs by option, float32 [O]."""
    return np.array([actions.offers[option.offer_id].cost_when_redeemed for option in options], dtype=np.float32)


def net_value(
    *,
    uplift: np.ndarray,
    propensity: np.ndarray,
    unit_value: np.ndarray,
    future_margin: np.ndarray,
    options: Sequence[Option],
    actions: Actions,
    wear: Wear,
    redemption: np.ndarray | None = None,
) -> np.ndarray:
    """Net value of each option for each person, in money.

    value_io = uplift_io * u_i - cost_c - p_io * r_io * redeemed_o - loss_c * s * m_i

    with u the value of a unit, p the propensity when contacted, r the chance that a sale redeems the offer, loss the
    channel's chance of an unsubscribe or complaint, s the share of the future margin m that is lost with a channel.
    People who would have bought anyway redeem as well, so the offer costs p, not uplift.

    Args:
        uplift: float [N, O], conversions caused.
        propensity: float [N, O], chance of a conversion when contacted.
        unit_value: float [N], money for one conversion caused.
        future_margin: float [N], margin expected of the person over the next 365 days; missing counts as 0.
        options: O options.
        actions: Costs.
        wear: Loss rates.
        redemption: float [N, O], chance that a sale redeems the offer; 1 without it, which errs on the dear side.

    Returns:
        float32 [N, O].
    """
    redeemed = redemption_costs(options, actions)
    loss = np.array([wear.rate(option.channel) for option in options], dtype=np.float32) * np.float32(
        wear.future_margin_share
    )
    margin = np.nan_to_num(np.asarray(future_margin, dtype=np.float32)).clip(min=0)
    value = np.multiply(uplift, np.asarray(unit_value, dtype=np.float32)[:, None], dtype=np.float32)
    value -= expected_offer_cost(propensity, redeemed, redemption)
    value -= margin[:, None] * loss
    value -= contact_costs(options, actions)
    return np.asarray(value)


def expected_offer_cost(
    propensity: np.ndarray, redeemed: np.ndarray, redemption: np.ndarray | None = None
) -> np.ndarray:
    """Expected cost of the offer, float32 [N, O]: propensity, times the chance of redeeming, times what it costs."""
    cost = np.multiply(propensity, redeemed, dtype=np.float32)
    return np.asarray(cost if redemption is None else np.multiply(cost, redemption, dtype=np.float32))
