"""What an offer costs: how often a contact makes it redeemed, beyond what the offer that a person holds already does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from ml.entities import Option
from ml.policy.lookup import positions, text
from ml.response.scores import Scores


def offer_prices(options: Sequence[Option], actions: Actions) -> np.ndarray:
    """What a redemption costs by option, float32 [O]."""
    return np.array([actions.offers[option.offer_id].cost_when_redeemed for option in options], dtype=np.float32)


def saved_discounts(scores: Scores) -> np.ndarray:
    """What isn't given as the usual discount where an option's offer is redeemed, float32 [N, O]."""
    share = np.array([each.replaces for each in scores.redemption], dtype=np.float32)
    return np.outer(scores.usual_discount, share)


@dataclass(frozen=True, eq=False)
class InHand:
    """What N people can redeem of F offers, and how often they are contacted.

    Attributes:
        days: For which each person can still redeem each offer, float32 [N, F].
        rate: Contacts with each person a day, whatever is offered, float32 [N].
        days_to_come: In which there will be more of them.
    """

    days: np.ndarray
    rate: np.ndarray
    days_to_come: float


@dataclass(frozen=True)
class Span:
    """The days in which people are contacted as they are today.

    Attributes:
        first: The first one.
        last: The last one.
        most_a_day: Contacts of a person a day that frequency caps allow in the long run.
    """

    first: date
    last: date
    most_a_day: float

    @classmethod
    def of(cls, objectives: Sequence[Objective], policy: Policy) -> "Span":
        """From the beginning of the first objective to the end of the last one; no day where there is none."""
        caps = [cap.max / cap.days for cap in policy.frequency_caps if cap.channels == "all"]
        return cls(
            min((each.starts_on for each in objectives), default=date.max),
            max((each.ends_on for each in objectives), default=date.min),
            min([float(policy.max_contacts_per_cycle), *caps]),
        )


def in_hand(
    people: pd.Series, contacts: pd.DataFrame, actions: Actions, on: date, time_zone: str, *, span: Span
) -> InHand:
    """What people have in hand by what was sent before a day, and how often they are contacted.

    Args:
        people: N customer ids.
        contacts: Contacts lately, as `frequency.all_contacts` gives them.
        actions: F offers, in their order; one that doesn't say how long it is valid is held by nobody.
        on: The cycle's day.
        time_zone: Of the workspace: where a day begins.
        span: Of the objectives that are pursued. Contacts are counted from its beginning on, at most in the days that the
            longest offer is valid: before, another plan contacted others.
    """
    days = np.zeros((len(people), len(actions.offers)), dtype=np.float32)
    rate, to_come = np.zeros(len(people), dtype=np.float32), float(max((span.last - on).days, 0))
    if contacts.empty:
        return InHand(days, rate, to_come)
    valid = np.array([terms.valid_days or 0 for terms in actions.offers.values()])
    person = positions(text(contacts["customer_id"]), text(people))
    sent_at = pd.to_datetime(contacts["sent_at"], utc=True).dt.tz_convert(time_zone)
    age = (pd.Timestamp(on) - sent_at.dt.tz_localize(None).dt.normalize()).dt.days.to_numpy()
    given = positions(text(contacts["offer_id"]), text(actions.offers))
    kept = np.flatnonzero((person >= 0) & (given >= 0))
    left = np.clip(valid[given[kept]] - age[kept], 0, valid[given[kept]])
    np.maximum.at(days, (person[kept], given[kept]), left.astype(np.float32))
    lately = min((on - span.first).days, int(valid.max(initial=0)))
    if lately > 0:
        counted = np.bincount(person[(person >= 0) & (age >= 1) & (age <= lately)], minlength=len(people))
        rate = np.minimum(counted / lately, span.most_a_day).astype(np.float32)
    return InHand(days, rate, to_come)


def expected_redemptions(scores: Scores, actions: Actions, horizon_days: int, hand: InHand | None = None) -> np.ndarray:
    r"""Times that a contact makes its offer redeemed, float32 [N, O]: min(anyway_o e_io, 1) b_i t_io / h + caused_o max(u_io, 0).

    With e how likely the person looks at the contact over those whom the shares were learned from, and t the days for which who
    would have bought anyway may redeem because of it. A purchase redeems one offer, the dearest in hand: of an offer that is valid
    for v days those are new for which nothing as dear is held, and of which a cheaper one is held count in part,

        left_io = v_o - max over offers h of d_ih min(1, price_h / price_o)

    The days at its end are paid once, however often the offer is made again until then: of n contacts in the v days from today on,
    if they go on to come as they did, each 1 / rate days after the one before, one bears that distance and its part of the rest,

        n_io = 1 + rate_i min(v_o, days to come),   t_io = min(left_io, 1 / rate_i) + max(left_io - 1 / rate_i, 0) / n_io

    Charged with all of it, the first offer to a regular buyer would never be worth its cost, nor any of those that would follow it.

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
    """Days of each offer that a contact today bears, float32 [N, F]; [1, F] where nobody has anything in hand."""
    terms = list(actions.offers.values())
    valid = np.array([each.valid_days or horizon_days for each in terms], dtype=np.float32)
    if hand is None:
        return valid[None, :]
    price = np.array([each.cost_when_redeemed for each in terms], dtype=np.float32)
    part = np.divide(price[:, None], price[None, :], out=np.zeros((len(terms),) * 2, np.float32), where=price > 0)
    paid = (hand.days[:, :, None] * np.minimum(part, 1)).max(axis=1)
    left = np.maximum(valid - paid, 0)
    rate = hand.rate[:, None]
    count = 1 + rate * np.minimum(valid, np.float32(hand.days_to_come))
    apart = 1 / np.maximum(rate, 1 / valid.max())
    return np.asarray(np.minimum(left, apart) + np.maximum(left - apart, 0) / count)
