"""The people that stand for an audience in the days left: a hash sample, as if nobody had been contacted lately."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.knowledge import Knowledge
from ml.objectives.active import audience_masks
from ml.objectives.rest import People
from ml.policy.arms import assign_arms
from ml.policy.eligibility import eligibility, for_objective
from ml.policy.frequency import all_contacts, most_a_day
from ml.policy.in_hand import InHand
from ml.policy.offers import expected_redemptions, offer_prices, saved_discounts
from ml.policy.value import ValueTable, contact_costs, wear_costs

SAMPLE: Final = 6_000
"""People of all audiences together. Their mean effect is within about 3 % of everybody's where effects are heavy-tailed."""
_SALT: Final = "rest of the period"


def people_of(
    known: Knowledge,
    objectives: Sequence[Objective],
    configuration: Configuration,
    at: datetime,
    lapse_share: Mapping[str, float],
    *,
    most: int = SAMPLE,
) -> People:
    """A sample of the audiences with their values, for planning the days left.

    Frequency caps are left to the rounds of the plan and today's windows to the day, so contacts made lately don't count, and
    nobody is taken to hold an offer yet; rounds follow each other as often as caps allow.
    Arms are drawn with the shares of the objectives, not as they are: only their size matters here.

    Args:
        known: Everybody.
        objectives: J active objectives.
        configuration: What the operator states.
        at: The clock T, UTC.
        lapse_share: For objectives with `churn_rate`, the part of those active who lapse untouched: what a sale averts.
        most: People at most, in expectation.
    """
    masks = audience_masks(objectives, known.customers)
    is_member = masks.any(axis=1)
    share = min(1.0, most / max(1, int(is_member.sum())))
    keys = pd.util.hash_pandas_object(known.customers["customer_id"], index=False).to_numpy()
    chosen = np.flatnonzero(is_member & (keys < share * 2.0**64)) if share < 1 else np.flatnonzero(is_member)
    customers = known.customers.iloc[chosen].reset_index(drop=True)
    table = _table(known, objectives, configuration, at, chosen, customers, masks[chosen])
    unit = {
        objective.id: table.unit_value[:, j].astype(np.float64)
        if objective.metric == "incremental_margin"
        else np.full(len(chosen), lapse_share.get(objective.id, 1.0))
        for j, objective in enumerate(objectives)
    }
    return People(
        table,
        stands_for=float(is_member.sum()) / len(chosen) if len(chosen) else 1.0,
        unit=unit,
        ends_once={objective.id: objective.metric != "incremental_margin" for objective in objectives},
        baseline_days=float(configuration.policy.training.horizon_days),
    )


def _table(  # noqa: PLR0917 - everything about the people chosen
    known: Knowledge,
    objectives: Sequence[Objective],
    configuration: Configuration,
    at: datetime,
    chosen: np.ndarray,
    customers: pd.DataFrame,
    masks: np.ndarray,
) -> ValueTable:
    scores, actions, policy = known.scores, configuration.actions, configuration.policy
    everyone = eligibility(
        customers,
        policy=policy,
        actions=actions,
        consents=known.consents,
        contacts=all_contacts(),
        suppressions=known.suppressions,
        earliest_at=at,
        do_not_call=known.do_not_call,
        phones=known.phones,
        stopped=known.stopped,
    )
    arm = np.full(masks.shape, -1, dtype=np.int8)
    for j, objective in enumerate(objectives):
        members = np.flatnonzero(masks[:, j])
        arm[members, j] = assign_arms(customers["customer_id"].to_numpy()[members], objective.id, objective.arms, _SALT)
    propensity = scores.propensity[chosen]
    often = most_a_day(policy.max_contacts_per_cycle, policy.frequency_caps)
    left = max((objective.ends_on - at.date()).days for objective in objectives)
    one = np.ones(len(scores.customer_ids), dtype=np.float32)
    hand = InHand(np.zeros((len(one), len(actions.offers)), dtype=np.float32), one * often, one * max(left, 0))
    redeemed = expected_redemptions(scores, actions, policy.training.horizon_days, hand)
    return ValueTable(
        objectives=tuple(objective.id for objective in objectives),
        options=scores.options,
        uplift=scores.uplift[chosen],
        uplift_sd=scores.uplift_sd[chosen],
        propensity=propensity,
        baseline=scores.baseline[chosen],
        unit_value=np.stack([known.unit_values[o.id][chosen] for o in objectives], axis=1).astype(np.float32),
        contact_cost=contact_costs(scores.options, actions),
        redemptions=redeemed[chosen],
        offer_price=offer_prices(scores.options, actions),
        offer_saved=saved_discounts(scores)[chosen],
        wear_cost=wear_costs(known.future_margin[chosen], scores.options, policy.wear),
        arm=arm,
        allowed=np.stack([for_objective(everyone, objective, actions, at).allowed for objective in objectives]),
    )
