r"""The rest of a period as a fluid: which mixture of plans, repeated until the deadline, keeps all limits.

One contact of the problem stands for many over the rest of the period, so its plans may be mixed: some rounds follow one,
some another. That is the linear relaxation, solved by column generation (Dantzig and Wolfe, "Decomposition principle for
linear programs", Operations Research 1960): at given prices each person's best contact is a lookup, a master program over
the plans seen so far sets the prices anew, and

    upper bound \(= \lambda^\top b + \sum_i \max(0, \max_j r_{ij})\), lower bound = the mixture's own figure.

Plans don't depend on the limits' numbers, so another number, or another thing to maximize, starts from all plans seen.
It is not `ml.allocation.solve`: that makes whole contacts for a day with their proof; this says what many days can reach.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64, I64, kernel
from ml.allocation.problem import Problem, Rows

GAP = 1e-4
_GROUPS = 4
_SMOOTHING = 0.35
"""Share of the prices with the best bound so far in the next ones: master prices alone swing from end to end."""
_MOST_PASSES = 300
_RELIEF_COST = 1e3
"""Cost of breaking a minimum, in multiples of what everybody's best contact brings: used only where nothing else helps."""
_UNUSED = 1e-7


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of plans.

    Attributes:
        reached: What was maximized.
        bound: Nothing within the limits is more.
        value: Its net value, money.
        contacts: Contacts by column [C].
        units: Units by column (`Candidates.quantity`) [C].
        prices: Worth of one more unit of each limit, in what was maximized [R].
        people_worth: Part of the bound that no limit on totals holds: what more people, or more contacts of each, are worth.
        broken: By how much each limit is broken because no mixture keeps it [R]; 0 where all are kept.
    """

    reached: float
    bound: float
    value: float
    contacts: F64
    units: F64
    prices: F64
    people_worth: float
    broken: F64

    @property
    def is_within_limits(self) -> bool:
        """Whether all limits are kept."""
        return not bool((self.broken > 0).any())


@dataclass(eq=False)
class _Plans:
    """All plans seen of one group of people, as totals."""

    value: list[float]
    contacts: list[F64]
    units: list[F64]


class Fluid:
    """Mixtures over a problem's candidates; keeps the plans that it has seen.

    Args:
        problem: Its candidates need `quantity`; at most one contact a person.
        prices: To start from: those of a problem with the same limits under other numbers.

    Raises:
        ValueError: The problem lets a person have more contacts than one, or has no units.
    """

    def __init__(self, problem: Problem, prices: F64 | None = None):
        if problem.contacts_per_person != 1 or problem.candidates.quantity is None:
            raise ValueError("a fluid needs units (`Candidates.quantity`) and one contact a person in each round")
        self.problem, self._candidates = problem, problem.candidates
        self._column = self._candidates.column.astype(np.int64)
        self._value = self._candidates.value.astype(np.float64)
        self._units = problem.candidates.quantity.astype(np.float64)
        columns = len(problem.columns)
        self._plans = [_Plans([0.0], [np.zeros(columns)], [np.zeros(columns)]) for _ in range(_GROUPS)]
        self.prices = prices

    def best(
        self,
        rows: Rows,
        *,
        value_weight: float = 0.0,
        unit_weights: F64 | None = None,
        relief: F64 | None = None,
        until: float | None = None,
        gap: float = GAP,
    ) -> Mixture:
        """The mixture that maximizes a weighted sum of net value and units, less what breaking limits costs.

        Args:
            rows: Limits; one segment.
            value_weight: Of net value.
            unit_weights: Of the units of each column [C]; 0 without it.
            relief: Cost of breaking each limit by as much as its number is [R]; infinite where it can't be broken. Without
                it minimums can, at a cost above all else: what is broken then can't be kept.
            until: Stop as soon as so much is reached, or proven out of reach.
            gap: Relative distance to the bound at which it stops.

        Raises:
            SolverStatusError: The master program failed, or the gap isn't met in 300 passes.
        """
        unit_weights = np.zeros(len(self.problem.columns)) if unit_weights is None else unit_weights
        worth = value_weight * self._value + unit_weights[self._column] * self._units
        scale = float(np.abs(worth).mean()) * self._candidates.people_count if len(worth) else 1.0
        scale = scale or 1.0
        relief = np.where(rows.bound < 0, _RELIEF_COST * scale, np.inf) if relief is None else relief
        centre = self.prices if self.prices is not None and len(self.prices) == len(rows.bound) else None
        bound = np.inf
        if centre is not None:
            bound = self._look_up(worth, rows, centre)
        for _ in range(_MOST_PASSES):
            master = _Master(self._plans, rows, value_weight, unit_weights, relief, scale)
            prices = master.prices if centre is None else _SMOOTHING * centre + (1 - _SMOOTHING) * master.prices
            found = self._look_up(worth, rows, prices)
            if found < bound or centre is None:
                bound, centre = min(found, bound), prices
            is_settled = until is not None and (master.objective >= until or bound < until)
            if is_settled or bound - master.objective <= gap * max(abs(bound), abs(master.objective), 1e-12 * scale):
                self.prices = master.prices
                return master.mixture(bound)
        raise SolverStatusError(
            f"The plan of the rest of the period is within {bound - master.objective:.3g} of its bound {bound:.3g} "
            f"after {_MOST_PASSES} passes, not within {gap:g} of it. Look for limits of very different size."
        )

    def _look_up(self, worth: F64, rows: Rows, prices: F64) -> float:
        """Adds each group's best plan at the prices; returns the upper bound that they prove."""
        columns = len(self.problem.columns)
        charge, unit_charge = prices @ rows.contacts, prices @ rows.conversions[:, 0]
        groups = len(self._plans)
        contacts, units = np.zeros((groups, columns)), np.zeros((groups, columns))
        value, best = np.zeros(groups), np.zeros(groups)
        tables = (self._candidates.starts, self._column, worth, self._value, self._units)
        _look_up(*tables, charge, unit_charge, contacts, units, value, best)
        for g, plans in enumerate(self._plans):
            plans.value.append(float(value[g]))
            plans.contacts.append(contacts[g])
            plans.units.append(units[g])
        return float(best.sum()) + float(prices @ rows.bound)


@kernel
def _look_up(  # noqa: PLR0917 - a compiled loop takes its arrays in order
    starts: I64, column: I64, worth: F64, value: F64, units: F64, charge: F64, unit_charge: F64,
    contacts: F64, unit_totals: F64, value_totals: F64, best_totals: F64,
) -> None:  # fmt: skip
    """Each person's best candidate at the prices, added up by group (people in turn)."""
    for i in range(starts.size - 1):
        best, at = 0.0, -1
        for j in range(starts[i], starts[i + 1]):
            adjusted = worth[j] - charge[column[j]] - unit_charge[column[j]] * units[j]
            if adjusted > best:
                best, at = adjusted, j
        if at >= 0:
            g, c = i % value_totals.size, column[at]
            contacts[g, c] += 1.0
            unit_totals[g, c] += units[at]
            value_totals[g] += value[at]
            best_totals[g] += best


class _Master:
    """The best mixture of the plans seen so far, and the prices that say where to look next."""

    def __init__(  # noqa: PLR0917 - all that the program is made of
        self, plans: list[_Plans], rows: Rows, value_weight: float, unit_weights: F64, cost: F64, scale: float
    ):
        self.values = np.array([value for group in plans for value in group.value])
        self.contacts = np.array([contacts for group in plans for contacts in group.contacts])
        self.units = np.array([units for group in plans for units in group.units])
        use = self.contacts @ rows.contacts.T + self.units @ rows.conversions[:, 0].T
        size = np.maximum(np.abs(rows.bound), 1e-9 + np.abs(use).max(axis=0, initial=0.0) * 1e-3)
        elastic = np.flatnonzero(np.isfinite(cost))
        relief = np.zeros((len(rows.bound), len(elastic)))
        relief[elastic, np.arange(len(elastic))] = -1.0
        worth = (value_weight * self.values + self.units @ unit_weights) / scale
        found = linprog(
            np.concatenate([-worth, cost[elastic] / scale]),
            A_ub=np.hstack([use.T / size[:, None], relief]) if len(size) else None,
            b_ub=rows.bound / size if len(size) else None,
            A_eq=np.hstack([_membership(plans), np.zeros((len(plans), len(elastic)))]),
            b_eq=np.ones(len(plans)),
            method="highs-ds",
        )
        if found.status != 0:
            raise SolverStatusError(f"The master program of the rest of the period ended with: {found.message}.")
        self._weights = found.x[: len(worth)]
        self.broken = np.zeros(len(size))
        self.broken[elastic] = np.where(found.x[len(worth) :] > _UNUSED, found.x[len(worth) :] * size[elastic], 0.0)
        self.prices = np.maximum(0.0, -found.ineqlin.marginals) * scale / size if len(size) else np.zeros(0)
        self.objective = -float(found.fun) * scale
        self.people_worth = -float(found.eqlin.marginals.sum()) * scale
        self.worth = float(self._weights @ worth) * scale

    def mixture(self, bound: float) -> Mixture:
        """What the mixture adds up to."""
        weights = self._weights
        return Mixture(
            self.worth, bound, float(weights @ self.values), weights @ self.contacts, weights @ self.units,
            self.prices, self.people_worth, self.broken,
        )  # fmt: skip


def _membership(plans: list[_Plans]) -> F64:
    return np.hstack([_unit(g, len(plans), len(group.value)) for g, group in enumerate(plans)])


def _unit(row: int, rows: int, columns: int) -> F64:
    block = np.zeros((rows, columns))
    block[row] = 1.0
    return block


def of_objective(problem: Problem, objective_id: str) -> F64:
    """1 for each column of an objective, else 0 [C].

    Raises:
        ValueError: No column is the objective's.
    """
    columns = problem.columns
    if objective_id not in columns.objectives:
        raise ValueError(
            f"objective {objective_id} has no column: the problem is about {', '.join(columns.objectives)}"
        )
    return np.asarray(columns.objective == columns.objectives.index(objective_id), dtype=np.float64)


def spend_of(problem: Problem, mixture: Mixture, objective_id: str) -> float:
    """Money that a mixture spends for an objective."""
    return float((mixture.contacts * problem.columns.unit_cost) @ of_objective(problem, objective_id))


def named(rows: Rows, values: F64) -> Iterator[tuple[str, float]]:
    """Values of limits with their names."""
    return zip(rows.names, (float(value) for value in values), strict=True)
