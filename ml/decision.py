"""One joint decision: from what is known of people to the plan of a cycle.

It puts the pieces together and adds none of its own: who may be contacted (`policy.eligibility`), in which arm
(`policy.arms`), what each contact is worth (`policy.value`), what the randomized arms do (`policy.randomized`), what the
system does with the rest (`allocation`), and the decisions with their probabilities and reasons (`policy.plan`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from time import perf_counter

import numpy as np
import pandas as pd

from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import usual_gap
from ml.concessions import Concession
from ml.configuration import Configuration
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.objective import Objective
from ml.day_problem import Room, segments_of
from ml.entities import ARMS, CHANNELS
from ml.journeys.deciding import ahead_of
from ml.journeys.model import JourneyModel
from ml.objectives.active import active_objectives
from ml.objectives.audience import parse
from ml.objectives.forecast import PRIOR_SD
from ml.policy.arms import assign_arms
from ml.policy.chances import Chances
from ml.policy.choices import Choices
from ml.policy.delivery import windows
from ml.policy.eligibility import Eligibility, eligibility, for_objective, lacking, without_rejected
from ml.policy.frequency import contact_caps, most_a_day
from ml.policy.in_hand import Spans, in_hand
from ml.policy.offers import expected_redemptions, offer_prices, saved_discounts
from ml.policy.plan import Plan, build_plan
from ml.policy.prices import ShadowPrices
from ml.policy.randomized import Randomized, randomized_choices
from ml.policy.reasons import Reason
from ml.policy.system import Exploration, choose, draw_seed
from ml.policy.value import ValueTable, contact_costs, wear_costs
from ml.response.scores import Scores
from ml.solving import Solving, prices_of


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


@dataclass(frozen=True, eq=False)
class Decided:
    """A cycle's decision, before anybody has allowed it.

    Attributes:
        plan: The decisions and their summary.
        allocation: The exact plan of the system arm: its value, bound and prices, which prove what there is to win.
        problem: The allocation problem, for what-if.
        table: What its values are made of.
        eligibility: Who may be contacted, and why not.
        eligible: People with at least one allowed option in an audience.
        randomized_spend: Money that the random and manual arms spend.
        seconds: Wall time by phase.
        exploration: What the plan's draw gives up against the allocation, and at which temperature it was drawn.
        chances: Chance of a contact by objective and channel, for parts of the plan that aren't released.
        column: Column of each of the system arm's contacts, as drawn; -1 for none [N, k].
        chance: Chance of every candidate of the problem, given what the randomized arms do, float64 [M].
        gap: Relative distance to the bound that was asked of the allocation.
        conceded: What today should have brought and can't, with what stands in the way.
        contact_prices: By objective and option, what a contact uses of all that is scarce, money.
    """

    plan: Plan
    allocation: Allocation
    problem: Problem
    table: ValueTable
    eligibility: Eligibility
    eligible: int
    randomized_spend: float
    seconds: dict[str, float]
    exploration: Exploration
    chances: Chances
    column: np.ndarray
    chance: np.ndarray
    gap: float
    conceded: tuple[Concession, ...] = ()
    contact_prices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = perf_counter()
        yield
        self.seconds[name] = perf_counter() - begun


def decide(
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    room: Room,
    *,
    threads: int,
    warm_prices: Mapping[str, float] | None = None,
    keeps: pd.DataFrame | None = None,
    keep_bonus: float = 0.0,
) -> Decided:
    """Decide for everybody in the audience of an objective that is active on the day.

    Args:
        moment: The cycle and its clock.
        known: The people.
        configuration: What the operator states.
        room: What may be spent.
        threads: Cores that the lookup may use.
        warm_prices: Prices of an earlier decision.
        keeps: customer_id, objective_id, channel, offer_id of decisions that can still be changed, channel `none` for
            people left alone, and `given_up` where a draw accepted a loss (`policy.standing`). With it the decision is
            a re-optimization: it is exact, and leaves each of them as it is unless another choice is better by more
            than `keep_bonus` and what was given up.
        keep_bonus: Money.

    Returns:
        The plan and what proves it. Without an active objective the plan is empty.

    Raises:
        Infeasible: The limits contradict each other; the message names them.
        CandidateError: A score isn't a finite number.
    """
    clock = _Clock()
    objectives = active_objectives(configuration.objectives, moment.cycle_on)
    with clock.phase("eligibility"):
        day = windows(
            known.customers,
            configuration.actions,
            configuration.policy,
            moment.cycle_on,
            moment.at,
            phones=known.phones,
        )
        everyone = _everyone(moment, known, configuration, day.closes_at())
        day = replace(day, from_at=everyone.from_at)
    with clock.phase("values"):
        table = _value_table(moment, known, configuration, objectives, everyone)
        table = replace(
            table,
            ahead=ahead_of(
                table,
                known.customers,
                known.journeys,
                known.contact_prices,
                configuration.policy.journeys,
                contact_caps(configuration.policy, configuration.actions),
            ),
        )
    with clock.phase("randomized arms"):
        randomized = _randomized(moment, known, configuration, objectives, table)
        first = _within(randomized.choices, table, room)
        is_free = np.ones(len(known.customers), dtype=bool)
        is_free[randomized.choices.person] = False
    with clock.phase("allocation"):
        solving = _solving(
            moment, known, configuration, table, everyone, is_free, keeps, keep_bonus, warm_prices, threads
        )
        solved = solving.solve(_left(room, table, first))
        problem, allocation = solved.problem, solved.allocation
    with clock.phase("exploration"):
        options = len(table.options)
        choice = choose(
            problem,
            allocation,
            configuration.policy.exploration.value_share,
            cycle_id=moment.cycle_id,
            seed=moment.seed,
            threads=threads,
            is_revision=keeps is not None,
        )
    with clock.phase("plan"):
        alone = randomized.left_alone
        price = prices_of(solving, problem, choice.prices)
        system = Choices.of_columns(choice.column, options, choice.probability * alone[:, None])
        plan = build_plan(
            moment.cycle_id,
            known.customers,
            table,
            first + system,
            actions=configuration.actions,
            day=day,
            reasons=everyone.reasons,
            price=price,
            none_probability=alone * choice.nothing,
            seed=moment.seed,
            shares=known.creative_shares,
        )
    is_candidate = np.zeros(len(known.customers), dtype=bool)
    for j in range(len(objectives)):
        is_candidate |= (table.arm[:, j] >= 0) & table.allowed[j][:, table.channel].any(axis=1)
    spend = float(table.contact_cost[first.option].sum())
    return Decided(
        plan,
        allocation,
        problem,
        table,
        everyone,
        int(is_candidate.sum()),
        spend,
        clock.seconds,
        choice.exploration,
        Chances(randomized.chance, _by_channel(problem, choice.chance, len(objectives))),
        choice.column,
        choice.chance,
        solving.gap,
        solved.conceded,
        _contact_prices(table, prices_of(solving, problem, allocation.prices)),
    )


def _randomized(
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    objectives: Sequence[Objective],
    table: ValueTable,
) -> Randomized:
    """What the randomized arms do, the random arm contacting fewer where it would spend more than exploring may."""
    exploration = configuration.policy.exploration

    def at(share: float) -> Randomized:
        return randomized_choices(
            table,
            known.customers,
            objectives,
            configuration.actions,
            random_contact_share=share,
            horizon_days=configuration.policy.training.horizon_days,
            cycle_on=moment.cycle_on,
            seed=moment.seed,
        )

    found, most = at(exploration.random_contact_share), exploration.spend_per_day
    if most is None:
        return found
    cost = np.zeros(len(CHANNELS))
    cost[table.channel] = table.contact_cost
    is_random = table.arm == ARMS.index("random")
    expected = float((found.chance * is_random[:, :, None]).sum(axis=(0, 1)) @ cost)
    # A smaller share keeps each contact's chance exact; leaving out contacts that were drawn would not.
    return found if expected <= most else at(exploration.random_contact_share * most / expected)


def _solving(  # noqa: PLR0917 - what `decide` was given, and what it made of it so far
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    table: ValueTable,
    everyone: Eligibility,
    is_free: np.ndarray,
    keeps: pd.DataFrame | None,
    keep_bonus: float,
    warm_prices: Mapping[str, float] | None,
    threads: int,
) -> Solving:
    return Solving(
        table,
        known.customers["customer_id"],
        configuration,
        is_free,
        everyone.most(moment.at),
        segments_of(known.customers, configuration.policy.segments),
        np.array([known.effect_sd.get(name, PRIOR_SD) for name in table.objectives]),
        keeps,
        keep_bonus,
        warm_prices or {},
        usual_gap(len(known.customers)),
        threads,
        draw_seed(moment.seed, f"value/{moment.cycle_id}"),
    )


def _everyone(moment: Moment, known: Knowledge, configuration: Configuration, closes_at: np.ndarray) -> Eligibility:
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


def _value_table(
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    objectives: Sequence[Objective],
    everyone: Eligibility,
) -> ValueTable:
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


def _contact_prices(table: ValueTable, price: ShadowPrices) -> dict[str, dict[str, float]]:
    names = [str(option) for option in table.options]
    return {
        objective: dict(zip(names, map(float, price.contact[j]), strict=True))
        for j, objective in enumerate(table.objectives)
    }


def _within(choices: Choices, table: ValueTable, room: Room) -> Choices:
    """The randomized contacts that today's limits have room for, in the order of persons.

    Persons come in no order that depends on what they are worth, so a limit that cuts them off leaves a random sample.
    """
    kept = np.ones(len(choices), dtype=bool)
    cost = table.contact_cost[choices.option].astype(np.float64)
    channel = table.channel[choices.option]
    limits = [(np.ones(len(choices), dtype=bool), cost, room.total)]
    limits += [(channel == c, cost, room.channels.get(name)) for c, name in enumerate(CHANNELS)]
    limits += [(channel == c, np.ones(len(choices)), room.capacity.get(name)) for c, name in enumerate(CHANNELS)]
    limits += [(choices.objective == j, cost, room.objectives.get(name)) for j, name in enumerate(table.objectives)]
    for where, use, limit in limits:
        if limit is not None:
            kept &= ~where | (np.cumsum(np.where(where & kept, use, 0.0)) <= limit)
    return Choices(choices.person[kept], choices.objective[kept], choices.option[kept], choices.probability[kept])


def _left(room: Room, table: ValueTable, spent: Choices) -> Room:
    cost = table.contact_cost[spent.option].astype(np.float64)
    by_channel = np.bincount(table.channel[spent.option], weights=cost, minlength=len(CHANNELS))
    contacts = np.bincount(table.channel[spent.option], minlength=len(CHANNELS))
    by_objective = np.bincount(spent.objective, weights=cost, minlength=len(table.objectives))
    return replace(
        room,
        total=None if room.total is None else max(0.0, room.total - float(cost.sum())),
        objectives={n: max(0.0, room.objectives[n] - float(by_objective[j])) for j, n in enumerate(table.objectives)},
        channels={n: max(0.0, cap - float(by_channel[CHANNELS.index(n)])) for n, cap in room.channels.items()},
        capacity={n: max(0.0, cap - float(contacts[CHANNELS.index(n)])) for n, cap in room.capacity.items()},
        spent={n: room.spent.get(n, 0.0) + float(by_channel[c]) for c, n in enumerate(CHANNELS)},
    )


def _by_channel(problem: Problem, chance: np.ndarray, objectives: int) -> np.ndarray:
    """Chances of candidates added up by person, objective and channel, float64 [N, J, 8]."""
    candidates, columns = problem.candidates, problem.columns
    shape = (candidates.people_count, objectives, len(CHANNELS))
    if not len(columns):
        return np.zeros(shape)
    person = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
    part = (columns.objective * len(CHANNELS) + columns.channel)[candidates.column]
    size = objectives * len(CHANNELS)
    return np.bincount(person * size + part, weights=chance, minlength=np.prod(shape)).reshape(shape)
