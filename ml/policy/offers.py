"""What an offer costs: how often a contact makes it redeemed, beyond what the offer that a person holds already does."""

from collections.abc import Sequence

import numpy as np

from ml.configuration.actions import Actions
from ml.entities import Option
from ml.policy.in_hand import InHand
from ml.response.scores import Scores


def offer_prices(options: Sequence[Option], actions: Actions) -> np.ndarray:
    """What a redemption costs by option, float32 [O]."""
    return np.array([actions.offers[option.offer_id].cost_when_redeemed for option in options], dtype=np.float32)


def saved_discounts(scores: Scores) -> np.ndarray:
    """What isn't given as the usual discount where an option's offer is redeemed, float32 [N, O]."""
    share = np.array([each.replaces for each in scores.redemption], dtype=np.float32)
    return np.outer(scores.usual_discount, share)


def expected_redemptions(scores: Scores, actions: Actions, horizon_days: int, hand: InHand | None = None) -> np.ndarray:
    r"""Times that a contact's offer is redeemed because of it, float32 [N, O]: min(anyway_o e_io, 1) b_i t_io / h + caused_o max(u_io, 0).

    With e how likely the person looks at the contact over those whom the shares were learned from, and t the days that the contact
    is held against. A purchase redeems one offer, the dearest in hand: of an offer that is valid for v days those are new on which
    nothing as dear is held, and on which only a cheaper one is held, what it costs more,

        left_io = v_o - sum over days on which o' is the dearest held of min(1, price_o' / price_o)

    The days at an offer's end come once, however often it is made again until then. Of n contacts in the v days from today on, each
    1 / rate days after the one before, the first is held against the mean of them all, later ones against what they add,

        n_io = 1 + rate_i min(v_o, days to come),   t_io = min(left_io, 1 / rate_i) + max(left_io - 1 / rate_i, 0) / n_io

    Held against all of it, the first offer to a regular buyer would never be worth its cost, nor be followed by others that are.
    What it costs in money is therefore more than is charged at first where those others don't come.

    Args:
        scores: What is expected within the horizon.
        actions: How long offers are valid; the horizon where it isn't said.
        horizon_days: The horizon h.
        hand: What people have in hand; nobody has anything without it.
    """
    offers = list(actions.offers)
    place = [offers.index(option.offer_id) for option in scores.options]
    anyway = np.array([shares.anyway for shares in scores.redemption], dtype=np.float32)
    caused = np.array([shares.caused for shares in scores.redemption], dtype=np.float32)
    days = _days_borne(actions, horizon_days, hand)[:, place]
    lasting = scores.baseline[:, None] * np.minimum(anyway * scores.exposure, 1) * days / np.float32(horizon_days)
    return np.asarray(lasting + np.maximum(scores.uplift, 0) * caused, dtype=np.float32)


def _days_borne(actions: Actions, horizon_days: int, hand: InHand | None) -> np.ndarray:
    """Days of each offer that a contact today is held against, float32 [N, F]; [1, F] where nobody has anything in hand."""
    terms = list(actions.offers.values())
    valid = np.array([each.valid_days or horizon_days for each in terms], dtype=np.float32)
    if hand is None:
        return valid[None, :]
    price = np.array([each.cost_when_redeemed for each in terms], dtype=np.float32)
    dearest = np.argsort(-price, kind="stable")
    # Of the days that something is held, those on which the dearest, the next one, ... is what a purchase redeems.
    days = np.diff(np.maximum.accumulate(hand.days[:, dearest], axis=1), axis=1, prepend=np.float32(0))
    part = np.divide(price[dearest, None], price[None, :], out=np.ones((len(terms),) * 2, np.float32), where=price > 0)
    left = np.maximum(valid - days @ np.minimum(part, 1), 0)
    rate = hand.rate[:, None]
    count = 1 + rate * np.minimum(valid, hand.days_to_come[:, None])
    apart = 1 / np.maximum(rate, 1 / valid.max())
    return np.asarray(np.minimum(left, apart) + np.maximum(left - apart, 0) / count)
