"""One joint decision: from what is known of people to the plan of a cycle.

It puts the pieces together and adds none of its own: who may be contacted, in which arm, and what each contact is worth
(`knowledge`), what the randomized arms do (`randomized_day`), what the system does with the rest (`solving`), and the decisions
with their probabilities and reasons (`policy.plan`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import pandas as pd

from ml.allocation.problem import Problem
from ml.allocation.solution import Allocation
from ml.allocation.solve import usual_gap
from ml.concessions import Concession
from ml.configuration import Configuration
from ml.day_problem import Room, segments_of
from ml.journeys.deciding import ahead_of
from ml.knowledge import Knowledge, Moment, eligible_on, valued_on
from ml.objectives.active import active_objectives
from ml.objectives.forecast import PRIOR_SD
from ml.policy.chances import Chances, by_channel
from ml.policy.choices import Choices
from ml.policy.delivery import windows
from ml.policy.eligibility import Eligibility
from ml.policy.frequency import contact_caps
from ml.policy.plan import Plan, build_plan
from ml.policy.prices import ShadowPrices
from ml.policy.system import Exploration, choose, draw_seed
from ml.policy.value import ValueTable
from ml.randomized_day import left_by, randomized_on, within
from ml.solving import Solving, prices_of


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
        everyone = eligible_on(moment, known, configuration, day.closes_at())
        day = replace(day, from_at=everyone.from_at)
    with clock.phase("values"):
        table = valued_on(moment, known, configuration, objectives, everyone)
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
        randomized = randomized_on(moment, known, configuration, objectives, table)
        first = within(randomized.choices, table, room)
        is_free = np.ones(len(known.customers), dtype=bool)
        is_free[randomized.choices.person] = False
    with clock.phase("allocation"):
        solving = _solving(
            moment, known, configuration, table, everyone, is_free, keeps, keep_bonus, warm_prices, threads
        )
        solved = solving.solve(left_by(first, table, room))
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
        Chances(randomized.chance, by_channel(problem, choice.chance, len(objectives))),
        choice.column,
        choice.chance,
        solving.gap,
        solved.conceded,
        _contact_prices(table, prices_of(solving, problem, allocation.prices)),
    )


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


def _contact_prices(table: ValueTable, price: ShadowPrices) -> dict[str, dict[str, float]]:
    names = [str(option) for option in table.options]
    return {
        objective: dict(zip(names, map(float, price.contact[j]), strict=True))
        for j, objective in enumerate(table.objectives)
    }
