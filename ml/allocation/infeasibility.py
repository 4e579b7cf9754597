"""When no plan keeps all limits: which ones conflict, and the smallest move of each that resolves it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

from ml.allocation.engine import Engine, RangeTotals
from ml.allocation.errors import Infeasible, Relaxation
from ml.allocation.kernel import F64
from ml.allocation.pricing import Priced, Pricing
from ml.allocation.problem import Problem
from ml.allocation.terms import Limit

_OTHERS = 1e4
"""Cost of relieving another limit than the one asked about: it is used only where that one cannot do it alone."""
_GAP = 1e-7
_UNUSED = 1e-6
_WIDENINGS = 6
_SECONDS = 20.0
"""After so long no further moves are tried: what has been found is said."""
_STEP = {"money": 0.01, "contacts": 1.0, "conversions": 0.01, "share": 0.0001, "change": 0.0001}
"""The finest move that an operator would state."""


def find_feasible(lookup: Engine, limits: F64, scale: F64) -> Priced:
    """Searches for a mixture of plans that keeps all limits, whatever it is worth.

    The minimums are elastic, so there is always an answer: where relief stays in use, the limits with a price conflict.
    """
    relief_cost = np.where(limits < 0, 1.0, np.inf)
    pricing = Pricing(lookup, limits, scale, 1.0, value_weight=0.0, relief_cost=relief_cost)
    return pricing.search(np.zeros(len(limits)), _GAP, stop_when_feasible=True)


class Explanation:
    """Says why a problem has no plan.

    Args:
        problem: as built.
        lookup: over its pruned table; None where nobody has a candidate.
        limits: b [R].
        scale: one unit of each limit [R].
        is_solvable: solves the problem with the numbers that its parameters hold now, and says whether there is a plan.
    """

    def __init__(
        self, problem: Problem, lookup: Engine | None, limits: F64, scale: F64, is_solvable: Callable[[], bool]
    ):
        self._problem, self._lookup, self._limits, self._scale = problem, lookup, limits, scale
        self._is_solvable, self._deadline = is_solvable, perf_counter() + _SECONDS

    def of_mixture(self, priced: Priced) -> Infeasible:
        """For limits that even a mixture of plans breaks: those with weight in the proof conflict."""
        priced_rows = np.flatnonzero(priced.mix.prices * self._scale > _GAP)
        rows = [int(row) for row in priced_rows if row < len(self._problem.limits)]
        return self._error(rows, [self._relaxation(row) for row in rows])

    def of_whole_contacts(self) -> Infeasible:
        """For limits that leave room for fractions of contacts only: those conflict whose move makes room."""
        count = len(self._problem.limits)
        moves = [(row, self._relaxation(row)) for row in range(count)]
        rows = [row for row, move in moves if move is not None] or list(range(count))
        return self._error(rows, [move for _, move in moves])

    def of_nobody(self) -> Infeasible:
        """For minimums where nobody has a candidate."""
        rows = [int(row) for row in np.flatnonzero(self._limits < 0)]
        return self._error(rows, [self._relaxation(row) for row in rows] if len(rows) == 1 else [])

    def _error(self, rows: list[int], relaxations: list[Relaxation | None]) -> Infeasible:
        named = [self._problem.limits[row] for row in rows]
        found = [relaxation for relaxation in relaxations if relaxation is not None]
        return Infeasible([limit.spoken() for limit in named], [limit.name for limit in named], found)

    def _relaxation(self, row: int) -> Relaxation | None:
        """The smallest move of one limit that leaves a plan: found on totals, verified by solving. None: none does."""
        limit, needed = self._problem.limits[row], self._needed(row)
        if needed is None:
            return None
        number, step = float(limit.number.value), _STEP[limit.unit]
        for widening in range(_WIDENINGS):
            if perf_counter() > self._deadline:
                return None
            slack = max(step, 0.003 * abs(needed)) * (2**widening - 1)
            moved = _outward(limit, needed, slack, step)
            with moved_to(limit, moved):
                if self._is_solvable():
                    verb = "lower" if limit.is_minimum else "raise"
                    words = f"{verb} {limit.spoken(number)} to {limit.figure(moved)}"
                    return Relaxation(limit.name, words, number, moved, is_verified=True)
        return None

    def _needed(self, row: int) -> float | None:
        """The number at which the limit leaves room for a mixture of plans, the others being kept."""
        limit = self._problem.limits[row]
        if self._lookup is None:
            return self._reached_by_nothing(limit)
        cost = np.where(self._limits < 0, _OTHERS, np.inf)
        cost[row] = 1.0
        pricing = Pricing(self._lookup, self._limits, self._scale, 1.0, value_weight=0.0, relief_cost=cost)
        priced = pricing.search(np.zeros(len(self._limits)), _GAP)
        others = np.delete(priced.mix.relief / self._scale, row)
        if (others > _UNUSED).any():
            return None
        if priced.mix.relief[row] == 0.0:
            return float(limit.number.value)
        return self._reached(limit, priced, self._lookup)

    def _reached_by_nothing(self, limit: Limit) -> float:
        """The limit's own figure where nobody is contacted."""
        totals = self._problem.totals
        totals.contacts.value, totals.conversions.value = (
            np.zeros(totals.contacts.shape),
            np.zeros(totals.conversions.shape),
        )
        return float(limit.reached.value)

    def _reached(self, limit: Limit, priced: Priced, lookup: Engine) -> float:
        """The limit's own figure in the mixture."""
        measures, totals = lookup.measures, self._problem.totals
        contacts, conversions = np.zeros(totals.contacts.shape), np.zeros(totals.conversions.shape)
        first = measures.classes.first_column
        for part, weight in _mixed(priced, lookup):
            contacts[first] += weight * part.contacts
            conversions[:, first] += weight * part.conversions / measures.quantity_scale
        totals.contacts.value, totals.conversions.value = contacts, conversions
        return float(limit.reached.value)


@contextmanager
def moved_to(limit: Limit, number: float) -> Iterator[None]:
    """The problem with one limit's number changed for a while."""
    before = limit.number.value
    limit.number.value = number
    try:
        yield
    finally:
        limit.number.value = before


def _mixed(priced: Priced, lookup: Engine) -> Iterator[tuple[RangeTotals, float]]:
    """The totals of the plans that a feasibility search mixes, with their weights."""
    for group, (cuts, weights) in enumerate(zip(priced.master.cuts, priced.mix.weights, strict=True)):
        for cut in np.flatnonzero(weights > 0):
            prices = cuts.prices[cut]
            if prices is not None:
                yield lookup.totals(prices)[group], float(weights[cut])


def _outward(limit: Limit, needed: float, slack: float, step: float) -> float:
    """The needed number, moved by the slack and rounded to the step on the side that keeps it sufficient."""
    if limit.is_minimum:
        return max(0.0, float(np.floor((needed - slack) / step + 1e-6) * step))
    moved = float(np.ceil((needed + slack) / step - 1e-6) * step)
    return min(moved, 1.0) if limit.unit == "share" else moved
