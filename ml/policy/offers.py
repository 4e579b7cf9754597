"""What an offer costs: how often a contact makes it redeemed, beyond what the offer that a person holds already does."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
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


def days_held(people: pd.Series, contacts: pd.DataFrame, actions: Actions, on: date, time_zone: str) -> np.ndarray:
    """Days for which each person can still redeem each offer, by what was sent lately, float32 [N, F].

    Args:
        people: N customer ids.
        contacts: Contacts lately, as `frequency.all_contacts` gives them.
        actions: F offers, in their order; one that doesn't say how long it is valid is held by nobody.
        on: The cycle's day.
        time_zone: Of the workspace: where a day begins.
    """
    held = np.zeros((len(people), len(actions.offers)), dtype=np.float32)
    valid = np.array([terms.valid_days or 0 for terms in actions.offers.values()])
    given = positions(text(contacts["offer_id"]), text(actions.offers))
    kept = np.flatnonzero(np.where(given >= 0, valid[given], 0))
    if len(kept):
        some = contacts.iloc[kept]
        person = positions(text(some["customer_id"]), text(people))
        sent_at = pd.to_datetime(some["sent_at"], utc=True).dt.tz_convert(time_zone)
        age = (pd.Timestamp(on) - sent_at.dt.tz_localize(None).dt.normalize()).dt.days.to_numpy()
        left = np.clip(valid[given[kept]] - age, 0, valid[given[kept]])
        known = person >= 0
        np.maximum.at(held, (person[known], given[kept][known]), left[known].astype(np.float32))
    return held


def expected_redemptions(
    scores: Scores, actions: Actions, horizon_days: int, held: np.ndarray | None = None
) -> np.ndarray:
    """Times that a contact makes its offer redeemed, float32 [N, O]: min(anyway_o e_io, 1) b_i (v_o - d_io) / h + caused_o max(u_io, 0).

    With e how likely the person looks at the contact over those whom the shares were learned from.

    People who would have bought anyway redeem as well, and an offer that stays valid for v days, longer than the horizon h,
    is redeemed on what they buy after it; left out, a generous offer looks cheap with a short horizon. Who holds the same
    offer for d more days redeems it on these days whether they are contacted or not.

    Args:
        scores: What is expected within the horizon.
        actions: How long offers are valid; the horizon where it isn't said.
        horizon_days: The horizon h.
        held: Days that each of F offers is held, [N, F] (`days_held`); nobody holds any without it.
    """
    offers = list(actions.offers)
    place = [offers.index(option.offer_id) for option in scores.options]
    valid = np.array([actions.offers[option.offer_id].valid_days or horizon_days for option in scores.options])
    anyway = np.array([shares.anyway for shares in scores.redemption], dtype=np.float32)
    caused = np.array([shares.caused for shares in scores.redemption], dtype=np.float32)
    added = valid.astype(np.float32) - (np.float32(0) if held is None else held[:, place])
    lasting = scores.baseline[:, None] * np.minimum(anyway * scores.exposure, 1) * added / np.float32(horizon_days)
    return np.asarray(lasting + np.maximum(scores.uplift, 0) * caused, dtype=np.float32)
