"""Whole contacts drawn from a smooth plan: each with just its probability, every limit kept in every draw.

Flight by ranges of people, then of all who are left undecided together, then landing: the totals are let go one by one,
conversions first, and the few people left are decided as each allows. The limits were tightened by what that can add.
"""

import numpy as np

from ml.allocation.errors import AllocationError
from ml.allocation.kernel import F64, I64, Bool, slices
from ml.allocation.smooth.flight import fly
from ml.allocation.smooth.outcomes import Outcomes, outcomes, together, uses
from ml.allocation.smooth.passes import each
from ml.allocation.smooth.plan import SmoothPlan
from ml.allocation.smooth.table import SmoothTable

_GROUPS, _LEAST_PEOPLE = 16, 4096
"""People fly in so many ranges at most, each of so many people at least; their number doesn't depend on threads."""
_DECIDED = 1 - 1e-9
_TAKEN = 0.5


def draw(plan: SmoothPlan, seed: int, *, threads: int = 2) -> I64:
    """One draw: candidates of each person, -1 where there is none [N, k].

    Candidate j is drawn with probability `plan.probability[j]`. With k > 1, which contacts come together follows
    systematic sampling within the person (`outcomes`).

    Args:
        plan: the probabilities.
        seed: fixes the draw; the same on any number of threads.
        threads: ranges of people flown at the same time.

    Raises:
        AllocationError: the drawn contacts break a limit, which the tightened limits should not allow.
    """
    chosen = np.full((plan.table.people_count, plan.contacts), -1, dtype=np.int64)
    flights = _Flights(plan, seed)
    parts = slices(plan.table.people_count, int(np.clip(plan.table.people_count // _LEAST_PEOPLE, 1, _GROUPS)))
    left = each(lambda group: flights.of_range(group, parts[group], chosen), list(range(len(parts))), threads)
    if left:
        flights.land(together(left), chosen, is_flown=len(parts) == 1)
    _check(plan.table, chosen)
    return chosen


class _Flights:
    def __init__(self, plan: SmoothPlan, seed: int):
        self._plan, self._table, self._seed = plan, plan.table, seed
        self._scale = plan.table.largest_quantity
        self._merges = not (plan.held >= plan.table.classes).any()

    def of_range(self, group: int, part: tuple[int, int], chosen: I64) -> Outcomes:
        """Decides a range of people as far as the totals allow, and returns the outcomes of the others."""
        plan, state = self._plan, self._state(group)
        made = outcomes(self._table, plan.probability, plan.nothing, part, state, merges=self._merges)
        self._fly(made, plan.held, state)
        return _settle(made, chosen)

    def land(self, left: Outcomes, chosen: I64, *, is_flown: bool) -> None:
        """Decides the rest: together first, unless they were, then with ever fewer totals held."""
        held, state = self._plan.held, self._state(_GROUPS)
        while len(left.person):
            held = self._let_go(held, left) if is_flown else held
            self._fly(left, held, state)
            left, is_flown = _settle(left, chosen), True

    def _fly(self, made: Outcomes, held: I64, state: I64) -> None:
        row = np.full(self._table.use.shape[1], -1, dtype=np.int64)
        row[held] = np.arange(len(held))
        is_whole = self._table.is_single and self._merges
        fly(made.people, *uses(self._table, made, self._scale), row, len(held), is_whole, made.probability, state)

    def _let_go(self, held: I64, left: Outcomes) -> I64:
        """Without the conversions, where there are any; else without some classes.

        With one contact these are the classes that a single undecided person may get, or none. People and classes make
        a forest, which has such a leaf, and its total then stays between the whole numbers around its expected value.
        """
        conversions = held >= self._table.classes
        if conversions.any():
            return held[~conversions]
        if not self._table.is_single:
            return held[1:]
        klass = self._table.klass[left.contacts].astype(np.int64)
        return held[np.bincount(klass, minlength=self._table.classes)[held] > 1]

    def _state(self, group: int) -> I64:
        return np.random.default_rng([self._seed, group]).integers(np.iinfo(np.int64).max, size=1)


def _settle(made: Outcomes, chosen: I64) -> Outcomes:
    """Writes down the contacts of people who are decided, and returns the outcomes of the others."""
    highest = np.maximum.reduceat(made.probability, made.people[:-1]) if len(made.person) else np.zeros(0)
    is_decided = highest >= _DECIDED
    taken = np.repeat(is_decided, np.diff(made.people)) & (made.probability > _TAKEN)
    lengths = np.diff(made.starts)
    owner = np.repeat(np.repeat(made.person, np.diff(made.people)), lengths)[np.repeat(taken, lengths)]
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    chosen[owner, rank] = made.contacts[np.repeat(taken, lengths)]
    return made.of(~is_decided)


def totals_of(table: SmoothTable, chosen: I64) -> F64:
    """What whole contacts add up to [D]."""
    person, _ = np.nonzero(chosen >= 0)
    contacts = chosen[chosen >= 0]
    klass = table.klass[contacts].astype(np.int64)
    totals = np.bincount(klass, minlength=table.use.shape[1]).astype(np.float64)
    if table.quantity.size:
        part = table.part[table.segment[person], klass]
        amount = table.quantity[contacts].astype(np.float64)[part >= 0]
        totals += np.bincount(part[part >= 0], weights=amount, minlength=len(totals))
    return totals


def excess(table: SmoothTable, totals: F64) -> F64:
    """By how much totals break each limit, as a share of the limit or of what is used of it [R]."""
    scale = np.maximum(np.abs(table.limits), np.abs(table.use) @ np.abs(totals))
    return np.asarray((table.use @ totals - table.limits) / np.maximum(scale, 1e-300))


def _check(table: SmoothTable, chosen: I64) -> None:
    over = excess(table, totals_of(table, chosen))
    broken: Bool = over > 1e-9  # noqa: PLR2004
    if broken.any():
        names = ", ".join(f"{table.names[r]} by {over[r]:.2g} of it" for r in np.flatnonzero(broken))
        raise AllocationError(f"The draw broke {names}; its limits weren't tightened by enough. Nothing is made of it.")
