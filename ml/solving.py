"""Solves the system arm's problem of a day, with as much of what the day has to bring as there is a plan for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml.allocation.errors import Infeasible
from ml.allocation.problem import Problem
from ml.allocation.smooth.table import SPEND
from ml.allocation.solution import Allocation
from ml.allocation.solve import solve
from ml.allocation.terms import Term, Totals
from ml.concessions import Concession, conceding
from ml.configuration import Configuration
from ml.day_problem import (
    Room,
    Segmented,
    candidates_of,
    changes_of,
    columns_of,
    limits_of,
    quotas_of,
    wishes_of,
)
from ml.policy.prices import ShadowPrices
from ml.policy.standing import favoured
from ml.policy.value import ValueTable


@dataclass(frozen=True, eq=False)
class Solving:
    """The system arm's problem of a day, and how it is solved.

    Attributes:
        table: Values of N people.
        customer_ids: Of the same people [N].
        configuration: What the operator states.
        is_free: bool [N], people whom no randomized arm contacts.
        left: Contacts that the frequency caps leave each person, uint8 [N].
        segmented: Segments of the same people.
        effect_sd: Standard deviation of what contacts cause, as a multiple of what the model expects [J].
        keeps: Decisions that stand unless another choice is clearly better; None in the morning.
        keep_bonus: Money.
        warm_prices: Prices of an earlier decision.
        gap: Relative distance to the bound that is asked for.
        threads: Cores that the lookup may use.
        draw_seed: Of values that are drawn.
    """

    table: ValueTable
    customer_ids: pd.Series
    configuration: Configuration
    is_free: np.ndarray
    left: np.ndarray
    segmented: Segmented
    effect_sd: np.ndarray
    keeps: pd.DataFrame | None
    keep_bonus: float
    warm_prices: Mapping[str, float]
    gap: float
    threads: int
    draw_seed: int

    def solve(self, room: Room) -> "Solved":
        """The exact allocation within what the randomized arms leave, as near to what the day has to bring as it gets."""
        wishes = wishes_of(self.table, self.configuration, room, draw_seed=self.draw_seed)
        quotas = quotas_of(self.table, self.configuration, room)
        columns = columns_of(self.table)
        candidates = candidates_of(
            self.table, self.is_free, self.left, [*quotas, *wishes], self.segmented, self.effect_sd
        )
        if self.keeps is not None and len(self.keeps) and self.keep_bonus > 0:
            candidates = favoured(candidates, columns, self.customer_ids, self.keeps, self.keep_bonus)

        def within(asked: Sequence[Term], kept: Room) -> tuple[Problem, Allocation]:
            limits = limits_of(self.table, self.configuration, kept)
            problem = Problem(candidates, columns, [*limits, *asked, *wishes])
            return problem, solve(problem, warm_prices=dict(self.warm_prices), gap=self.gap, threads=self.threads)

        def with_shares(asked: Sequence[Term]) -> tuple[Problem, Allocation]:
            try:
                return within(asked, room)
            except Infeasible as conflict:
                if not any(name.startswith("share:") for name in conflict.conflicts):
                    raise
                # What is bound already crosses a share: the rest keeps it by itself, and the guardrail escalates.
                return within(asked, replace(room, spent={}))

        changes = changes_of(self.table, self.configuration, room)
        totals = Totals(columns, candidates.segments)
        (problem, allocation), conceded = conceding([*changes, *quotas], totals, with_shares)
        return Solved(problem, allocation, conceded)


@dataclass(frozen=True, eq=False)
class Solved:
    """The problem as it was decided, its exact allocation, and what the day should have brought and can't."""

    problem: Problem
    allocation: Allocation
    conceded: tuple[Concession, ...]


def prices_of(solving: Solving, problem: Problem, named: Mapping[str, float]) -> ShadowPrices:
    """What the problem's prices make of each contact, and of each conversion where a quota or a response counts them."""
    objectives, options = len(solving.table.objectives), len(solving.table.options)
    risk = solving.configuration.policy.risk
    caution = risk.deviations * solving.effect_sd if risk.value == "cautious" else None
    if not named:
        return ShadowPrices(np.zeros((objectives, options)), caution=caution)
    rows = problem.rows().followed_by(problem.curve_rows())
    price = rows.prices(dict(named))
    contact = price @ rows.contacts + named.get(SPEND, 0.0) * problem.columns.unit_cost
    contact = contact.reshape(objectives, options)
    if not rows.uses_conversions:
        return ShadowPrices(contact, caution=caution)
    conversion = np.tensordot(price, rows.conversions, axes=1).reshape(-1, objectives, options)
    segment = None if problem.candidates.segment is None else solving.segmented.of
    return ShadowPrices(contact, conversion, segment, caution)
