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

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import solve
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.configuration import Configuration
from ml.configuration.do_not_call import DoNotCall
from ml.configuration.objective import Objective
from ml.entities import CHANNELS, NONE
from ml.objectives.active import active_objectives
from ml.objectives.audience import parse
from ml.policy.arms import assign_arms
from ml.policy.chances import Chances
from ml.policy.choices import Choices
from ml.policy.delivery import Windows, windows
from ml.policy.eligibility import Eligibility, eligibility, for_objective, lacking, without_rejected
from ml.policy.plan import Plan, build_plan
from ml.policy.randomized import randomized_choices
from ml.policy.reasons import Reason
from ml.policy.standing import credit_of
from ml.policy.system import Exploration, choose
from ml.policy.value import ValueTable, contact_costs, offer_costs, wear_costs
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
        phones: customer_id, phone; without it nobody's number tells where they are.
        rejected: customer_id (None: everybody), objective_id, channel of what a person refused lately.
        needs: By channel the columns of `phones` that its messages say of a person, and that must be there.
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
    rejected: pd.DataFrame | None = None
    needs: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """What may still be spent and carried today.

    Attributes:
        total: Money over all channels; None where nothing caps it.
        objectives: Money by objective id.
        channels: Money by channel, where capped.
        capacity: Contacts by channel.
        spend_share: Largest share of the day's spend for one channel.
        spent: Money by channel that is bound or spent today already.
    """

    total: float | None
    objectives: Mapping[str, float]
    channels: Mapping[str, float]
    capacity: Mapping[str, float]
    spend_share: float
    spent: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Decided:
    """A cycle's decision, before anybody has allowed it.

    Attributes:
        plan: The decisions and their summary.
        allocation: The exact plan of the system arm: its value, bound and prices, which prove what there is to win.
        problem: The allocation problem, for what-if.
        eligibility: Who may be contacted, and why not.
        eligible: People with at least one allowed option in an audience.
        randomized_spend: Money that the random and manual arms spend.
        seconds: Wall time by phase.
        exploration: What the plan's draw gives up against the allocation, and at which temperature it was drawn.
        chances: Chance of a contact by objective and channel, for parts of the plan that aren't released.
        column: Column of each of the system arm's contacts, as drawn; -1 for none [N, k].
    """

    plan: Plan
    allocation: Allocation
    problem: Problem
    eligibility: Eligibility
    eligible: int
    randomized_spend: float
    seconds: dict[str, float]
    exploration: Exploration
    chances: Chances
    column: np.ndarray


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
        everyone = _everyone(moment, known, configuration, day)
    with clock.phase("values"):
        table = _value_table(moment, known, configuration, objectives, everyone)
    with clock.phase("randomized arms"):
        randomized = randomized_choices(
            table,
            known.customers,
            objectives,
            configuration.actions,
            random_contact_share=configuration.policy.exploration.random_contact_share,
            cycle_on=moment.cycle_on,
            seed=moment.seed,
        )
        first = _within(randomized.choices, table, room)
    with clock.phase("allocation"):
        is_free = np.ones(len(known.customers), dtype=bool)
        is_free[randomized.choices.person] = False
        left = _left(room, table, first)
        problem = _problem(table, is_free, everyone, configuration, left)
        try:
            allocation = _solve(problem, table, known, keeps, keep_bonus, warm_prices, threads)
        except Infeasible:
            # What is bound already crosses a share: the rest keeps it by itself, and the guardrail escalates.
            problem = _problem(table, is_free, everyone, configuration, replace(left, spent={}))
            allocation = _solve(problem, table, known, keeps, keep_bonus, warm_prices, threads)
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
        system = Choices.of_columns(choice.column, options, choice.probability * alone[:, None])
        plan = build_plan(
            moment.cycle_id,
            known.customers,
            table,
            first + system,
            actions=configuration.actions,
            day=day,
            reasons=everyone.reasons,
            price=_price(problem, choice.prices, len(objectives), options),
            none_probability=alone * choice.nothing,
            seed=moment.seed,
        )
    is_candidate = np.zeros(len(known.customers), dtype=bool)
    for j in range(len(objectives)):
        is_candidate |= (table.arm[:, j] >= 0) & table.allowed[j][:, table.channel].any(axis=1)
    spend = float(table.contact_cost[first.option].sum())
    return Decided(
        plan,
        allocation,
        problem,
        everyone,
        int(is_candidate.sum()),
        spend,
        clock.seconds,
        choice.exploration,
        Chances(randomized.chance, _by_channel(problem, choice.chance, len(objectives))),
        choice.column,
    )


def _everyone(moment: Moment, known: Knowledge, configuration: Configuration, day: Windows) -> Eligibility:
    everyone = eligibility(
        known.customers,
        policy=configuration.policy,
        actions=configuration.actions,
        consents=known.consents,
        contacts=known.contacts,
        suppressions=known.suppressions,
        earliest_at=moment.at,
        do_not_call=known.do_not_call,
        phones=known.phones,
        stopped=known.stopped,
    )
    lacks = lacking(known.customers, known.phones, known.needs)
    return everyone.forbid(lacks, Reason.MISSING_DATA).forbid(~day.is_open(), Reason.WINDOW_PASSED)


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
    return ValueTable(
        objectives=tuple(objective.id for objective in objectives),
        options=scores.options,
        uplift=scores.uplift,
        propensity=scores.propensity,
        baseline=scores.baseline,
        unit_value=np.stack([known.unit_values[o.id] for o in objectives], axis=1).astype(np.float32)
        if objectives
        else np.zeros((count, 0), dtype=np.float32),
        contact_cost=contact_costs(scores.options, actions),
        offer_cost=offer_costs(scores.propensity, scores.options, actions, scores.redemption),
        wear_cost=wear_costs(known.future_margin, scores.options, policy.wear),
        arm=arm,
        allowed=np.stack(allowed) if allowed else np.zeros((0, count, len(CHANNELS)), dtype=bool),
    )


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
    return Room(
        None if room.total is None else max(0.0, room.total - float(cost.sum())),
        {name: max(0.0, room.objectives[name] - float(by_objective[j])) for j, name in enumerate(table.objectives)},
        {name: max(0.0, cap - float(by_channel[CHANNELS.index(name)])) for name, cap in room.channels.items()},
        {name: max(0.0, cap - float(contacts[CHANNELS.index(name)])) for name, cap in room.capacity.items()},
        room.spend_share,
        {name: room.spent.get(name, 0.0) + float(by_channel[c]) for c, name in enumerate(CHANNELS)},
    )


def _problem(
    table: ValueTable, is_free: np.ndarray, everyone: Eligibility, configuration: Configuration, room: Room
) -> Problem:
    values, candidates = table.dense("system", is_free)
    left = np.clip(everyone.left.max(axis=1), 0, len(CHANNELS)).astype(np.uint8)
    columns = Columns.of(
        [
            (objective, option, float(cost))
            for objective in table.objectives
            for option, cost in zip(table.options, table.contact_cost, strict=True)
        ]
    )
    return Problem(
        Candidates.from_dense(values, candidates, contacts_left=left), columns, _terms(table, configuration, room)
    )


def _terms(table: ValueTable, configuration: Configuration, room: Room) -> list[Term]:
    used = {option.channel for option in table.options}
    terms: list[Term] = [ContactLimit(configuration.policy.max_contacts_per_cycle)]
    if room.total is not None:
        terms.append(TotalBudget(room.total))
    terms += [ObjectiveBudget(name, amount) for name, amount in room.objectives.items() if name in table.objectives]
    terms += [ChannelBudget(name, maximum=cap) for name, cap in room.channels.items() if name in used]  # type: ignore[arg-type]
    terms += [ChannelCapacity(name, cap) for name, cap in room.capacity.items() if name in used]  # type: ignore[arg-type]
    if table.objectives and len(used) > 1:
        spent = sum(room.spent.values())
        terms += [
            ChannelSpendShare(name, room.spend_share, room.spend_share * spent - room.spent.get(name, 0.0))
            for name in CHANNELS
            if name in used and room.spend_share < 1
        ]
    return terms


def _solve(  # noqa: PLR0917 - the problem, and what an open message adds to it
    problem: Problem,
    table: ValueTable,
    known: Knowledge,
    keeps: pd.DataFrame | None,
    keep_bonus: float,
    warm_prices: Mapping[str, float] | None,
    threads: int,
) -> Allocation:
    if keeps is not None and len(keeps) and keep_bonus > 0:
        _favour(problem, table, known.customers["customer_id"], keeps, keep_bonus)
    return solve(problem, warm_prices=dict(warm_prices or {}), threads=threads)


def _favour(problem: Problem, table: ValueTable, customer_ids: pd.Series, keeps: pd.DataFrame, bonus: float) -> None:
    """Raise the value of what stands already, or lower all others: few changes where little has changed."""
    candidates, columns = problem.candidates, len(problem.columns)
    if not columns:
        return
    credit = credit_of(keeps, bonus)
    person = pd.Index(customer_ids).get_indexer(keeps["customer_id"])
    owner = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
    is_alone = (keeps["channel"] == NONE).to_numpy() & (person >= 0)
    lowered = np.bincount(person[is_alone], weights=credit[is_alone], minlength=candidates.people_count)
    names = [(name, option.channel, option.offer_id) for name in table.objectives for option in table.options]
    column = pd.MultiIndex.from_tuples(names).get_indexer(
        pd.MultiIndex.from_frame(keeps[["objective_id", "channel", "offer_id"]])
    )
    # A person's candidates are in the order of columns, so all of them are in the order of this key.
    key, wanted = owner * columns + candidates.column, person * columns + column
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    is_known = (person >= 0) & (column >= 0) & (len(key) > 0)
    is_known[is_known] = key[at[is_known]] == wanted[is_known]
    candidates.value[:] -= lowered[owner].astype(np.float32)
    np.add.at(candidates.value, at[is_known], credit[is_known].astype(np.float32))


def _price(problem: Problem, prices: Mapping[str, float], objectives: int, options: int) -> np.ndarray:
    """Shadow price of one contact by objective and option, float [J, O]."""
    if not prices:
        return np.zeros((objectives, options))
    rows = problem.rows()
    return np.asarray((rows.prices(dict(prices)) @ rows.contacts).reshape(objectives, options))


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
