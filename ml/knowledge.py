"""What is known of people when a cycle is decided: who may be contacted, and what each contact is worth."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pandas as pd

from ml.configuration import Configuration
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.objective import Objective
from ml.entities import CHANNELS
from ml.journeys.model import JourneyModel
from ml.objectives.audience import parse
from ml.policy.arms import assign_arms
from ml.policy.eligibility import Eligibility, eligibility, for_objective, lacking, without_rejected
from ml.policy.frequency import most_a_day
from ml.policy.in_hand import Spans, in_hand
from ml.policy.offers import expected_redemptions, offer_prices, saved_discounts
from ml.policy.reasons import Reason
from ml.policy.value import ValueTable, contact_costs, wear_costs
from ml.response.scores import Scores


@dataclass(frozen=True)
class Moment:
    """Which cycle is decided, and when.

    Attributes:
        cycle_id: The cycle.
        cycle_on: Its day.
        at: The clock T, UTC.
        seed: Fixes all that is drawn.
        salt: Of the arms; kept per workspace.
    """

    cycle_id: str
    cycle_on: date
    at: datetime
    seed: int
    salt: str


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What is known of N people.

    Attributes:
        customers: `dim_customers`, N rows.
        scores: Of the same people in the same order.
        future_margin: float [N], margin expected of each over the next 365 days.
        unit_values: By objective id, money for one conversion caused, float [N].
        consents: `dim_consents`.
        contacts: Contacts lately, as `frequency.all_contacts` gives them.
        suppressions: customer_id, channel.
        stopped: Channels that a person has stopped.
        do_not_call: The list, where the policy names one.
        effect_sd: Standard deviation of what contacts cause, as a multiple of what the model expects, by objective;
            `forecast.PRIOR_SD` where none is given.
        phones: customer_id, phone; without it nobody's number tells where they are.
        rejected: customer_id (None: everybody), objective_id, channel of what a person refused lately.
        needs: By channel the columns of `phones` that its messages say of a person, and that must be there.
        creative_shares: Chances of creatives within their option; without any they are drawn equally.
        journeys: What was learned of conversations; without it a contact counts for its next response alone.
        contact_prices: By objective and option, what a contact used of all that was scarce in the newest earlier plan: what
            a follow-up has to be worth besides its costs. Before the first plan nothing is known of it, and no
            continuation is counted.
    """

    customers: pd.DataFrame
    scores: Scores
    future_margin: np.ndarray
    unit_values: Mapping[str, np.ndarray]
    consents: pd.DataFrame
    contacts: pd.DataFrame
    suppressions: pd.DataFrame
    stopped: Collection[str] = ()
    do_not_call: DoNotCall | None = None
    phones: pd.DataFrame | None = None
    effect_sd: Mapping[str, float] = field(default_factory=dict)
    rejected: pd.DataFrame | None = None
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    creative_shares: Mapping[str, float] = field(default_factory=dict)
    journeys: JourneyModel | None = None
    contact_prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def eligible_on(moment: Moment, known: Knowledge, configuration: Configuration, closes_at: np.ndarray) -> Eligibility:
    """Who may be contacted on the day, and why not.

    Args:
        moment: The cycle and its clock.
        known: N people.
        configuration: What the operator states.
        closes_at: datetime64[us] [N, 8] UTC, until when each channel reaches each person (`Windows.closes_at`).
    """
    everyone = eligibility(
        known.customers,
        policy=configuration.policy,
        actions=configuration.actions,
        consents=known.consents,
        contacts=known.contacts,
        suppressions=known.suppressions,
        earliest_at=moment.at,
        closes_at=closes_at,
        do_not_call=known.do_not_call,
        phones=known.phones,
        stopped=known.stopped,
    )
    lacks = lacking(known.customers, known.phones, known.needs)
    return everyone.forbid(lacks, Reason.MISSING_DATA).forbid(np.isnat(closes_at), Reason.WINDOW_PASSED)


def valued_on(
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    objectives: Sequence[Objective],
    everyone: Eligibility,
) -> ValueTable:
    """What each contact is worth for its next response alone, and in which arm each person is.

    Args:
        moment: The cycle and its clock.
        known: N people.
        configuration: What the operator states.
        objectives: Those that are active on the day.
        everyone: Who may be contacted.
    """
    scores, actions, policy = known.scores, configuration.actions, configuration.policy
    count = len(known.customers)
    arm = np.full((count, len(objectives)), -1, dtype=np.int8)
    for j, objective in enumerate(objectives):
        members = np.flatnonzero(parse(objective.audience.where).mask(known.customers))
        ids = known.customers["customer_id"].to_numpy()[members]
        arm[members, j] = assign_arms(ids, objective.id, objective.arms, moment.salt)
    people, rejected = known.customers["customer_id"], known.rejected
    allowed = [
        without_rejected(for_objective(everyone, objective, actions, moment.at), people, objective.id, rejected).allowed
        for objective in objectives
    ]
    horizon_days = policy.training.horizon_days
    often = most_a_day(policy.max_contacts_per_cycle, policy.frequency_caps)
    spans = Spans.of(arm, objectives, moment.cycle_on, often)
    hand = in_hand(
        people, known.contacts, actions, horizon_days, spans=spans, on=moment.cycle_on, time_zone=policy.time_zone
    )
    return ValueTable(
        objectives=tuple(objective.id for objective in objectives),
        options=scores.options,
        uplift=scores.uplift,
        uplift_sd=scores.uplift_sd,
        propensity=scores.propensity,
        baseline=scores.baseline,
        unit_value=np.stack([known.unit_values[o.id] for o in objectives], axis=1).astype(np.float32)
        if objectives
        else np.zeros((count, 0), dtype=np.float32),
        contact_cost=contact_costs(scores.options, actions),
        redemptions=expected_redemptions(scores, actions, horizon_days, hand),
        offer_price=offer_prices(scores.options, actions),
        offer_saved=saved_discounts(scores),
        wear_cost=wear_costs(known.future_margin, scores.options, policy.wear),
        arm=arm,
        allowed=np.stack(allowed) if allowed else np.zeros((0, count, len(CHANNELS)), dtype=bool),
        counts_money=np.array([objective.metric == "incremental_margin" for objective in objectives], dtype=bool),
    )
