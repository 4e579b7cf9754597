"""The problem among a few open people, everybody else being fixed: as shares, and as whole contacts."""

import warnings
from dataclasses import dataclass, replace

import cvxpy as cp
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ml.allocation.concave import Losses
from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64, I64, Bool
from ml.allocation.master import SOLVER, solve_quietly
from ml.allocation.pruning import Table
from ml.allocation.softened import SoftRows
from ml.entities import CHANNELS

_TOLERANCE = 1e-9
_WHOLE_TOLERANCE = 1e-7
"""Of an integer program. At 1e-9 rounding alone keeps the presolve of the small programs that its search makes strengthening rows
for ever, and no time limit is looked at there: a shop of 1,500 people waited for its plan until it was stopped."""
_TAKEN = 0.5
_TIGHTENINGS, _REFINEMENTS = 4, 4
_MOST_ITERATIONS = 20_000
"""Of a linear program: where the solver cycles among ties, fewer people are tried instead."""
_MOST_NODES = 2000
"""Of an integer program's search tree: unlike its time limit, this one stops every machine at the same plan."""


@dataclass(frozen=True, eq=False)
class Whole:
    """Chosen candidates of a table, within its limits.

    Attributes:
        chosen: [P, k], -1 where there is none.
        value: money.
        bound: of the integer program, money.
    """

    chosen: I64
    value: float
    bound: float


@dataclass(frozen=True, eq=False)
class Shares:
    """The linear program's answer: the share of each candidate of the pool [n], and the limits' prices [R]."""

    share: F64
    prices: F64


def candidate_use(table: Table, candidates: I64) -> F64:
    """What each candidate uses of each limit [R, n]."""
    klass = table.klass[candidates].astype(np.int64)
    use = table.classes.contacts[:, klass]
    if table.quantity.size:
        segment = table.segment[person_of(table, candidates)]
        use = use + table.classes.conversions[:, segment, klass] * table.quantity[candidates].astype(np.float64)
    return np.asarray(use, dtype=np.float64)


def total_use(table: Table, candidates: I64) -> tuple[F64, F64]:
    """What candidates use of each limit in all [R], and the sum of their uses' sizes [R]."""
    klass, classes = table.klass[candidates].astype(np.int64), table.classes
    count = np.bincount(klass, minlength=len(classes.channel)).astype(np.float64)
    use, size = classes.contacts @ count, np.abs(classes.contacts) @ count
    if table.quantity.size:
        shape = classes.conversions.shape[1:]
        at = table.segment[person_of(table, candidates)].astype(np.int64) * shape[1] + klass
        quantity = table.quantity[candidates].astype(np.float64)
        count_of = shape[0] * shape[1]
        use += classes.conversions.reshape(len(use), -1) @ np.bincount(at, weights=quantity, minlength=count_of)
        sizes = np.bincount(at, weights=np.abs(quantity), minlength=count_of)
        size += np.abs(classes.conversions).reshape(len(use), -1) @ sizes
    return use, size


def person_of(table: Table, candidates: I64) -> I64:
    """The person that each candidate belongs to [n]."""
    return np.asarray(np.searchsorted(table.starts, candidates, side="right") - 1, dtype=np.int64)


def excess(table: Table, chosen: I64, limits: F64, settled: F64) -> F64:
    """By how much a plan and what is settled beside it break each limit [R]; the sums' own rounding is left out."""
    use, size = total_use(table, chosen[chosen >= 0])
    over = settled + use - limits
    rounding = _TOLERANCE * np.maximum(1.0, np.maximum(np.abs(limits), size))
    return np.where(over > rounding, over, 0.0)


class Restricted:
    """The problem over a pool of candidates of open people.

    Args:
        table: the value table.
        limits: b [R].
        chosen: everybody's contacts [P, k]; those of open people are decided anew.
        is_open: per person [P].
        pool: candidates of open people that may be chosen [n], ascending.
        settled: use of people outside of the table [R]; None where there are none.
        losses: of the last limits, those with diminishing effects.
    """

    def __init__(
        self,
        table: Table,
        limits: F64,
        chosen: I64,
        is_open: Bool,
        pool: I64,
        *,
        settled: F64 | None = None,
        losses: Losses | None = None,
    ):
        self._table, self._limits, self._chosen, self._is_open, self._pool = table, limits, chosen, is_open, pool
        self._unit = float(np.abs(table.value[pool]).max(initial=0.0)) or 1.0
        fixed = chosen[~is_open]
        self._settled = np.zeros(len(limits)) if settled is None else settled
        used = self._settled + total_use(table, fixed[fixed >= 0])[0]
        self._left = limits - used
        self._use = candidate_use(table, pool)
        self._losses, self._soft = losses, None
        if losses is not None:
            curved = slice(len(limits) - len(losses), len(limits))
            self._soft = SoftRows(losses, used[curved], self._use[curved], self._unit)
        # Limits that the whole pool could not break stay out: their large numbers would spoil the scaling.
        self._rows = np.flatnonzero(np.maximum(self._use, 0.0).sum(axis=1) > self._left - self._rounding())
        size = np.abs(self._use[self._rows]).max(axis=1, initial=0.0)
        self._size = np.where(size > 0, size, 1.0)

    def shares(self) -> Shares | None:
        """The best shares; None where no shares keep the limits."""
        x = cp.Variable(len(self._pool), nonneg=True)
        for _ in range(_REFINEMENTS):
            problem = self._program(x, np.zeros(len(self._limits)))
            try:
                solve_quietly(
                    problem, primal_feasibility_tolerance=_TOLERANCE, simplex_iteration_limit=_MOST_ITERATIONS
                )
            except SolverStatusError:
                return None
            if self._soft is None or not self._soft.refine(x.value):
                break
        prices = np.zeros(len(self._limits))
        prices[self._rows] = np.maximum(problem.constraints[0].dual_value, 0.0) * self._unit / self._size
        if self._soft is not None:
            prices[len(prices) - len(self._losses or ()) :] = self._soft.prices(problem.constraints[1])
        return Shares(np.asarray(x.value, dtype=np.float64), prices)

    def whole(self, loss: float, seconds: float, *, has_subtrees: bool = True) -> Whole | None:
        """Whole contacts within `loss` money of the best, found in time; None where there are none.

        `has_subtrees` lets the solver search small programs of its own for plans: their nodes are not counted, and
        where many plans are near the best they take most of its time. The solver's tolerance may let a sum slip over
        its limit; the limit is then tightened by what slipped.
        """
        tighter, best = np.zeros(len(self._limits)), None
        for _ in range(_TIGHTENINGS + (_REFINEMENTS if self._soft is not None else 0)):
            x = cp.Variable(len(self._pool), boolean=True)
            problem = self._program(x, tighter)
            if not _solve_whole(problem, max(loss / self._unit, _TOLERANCE), seconds, has_subtrees=has_subtrees):
                return best
            taken = np.round(x.value)
            plan = self.settled(taken, self._is_open)
            over = excess(self._table, plan, self._limits, self._settled)
            if (over > 0).any():
                tighter = tighter + 2.0 * over
                continue
            bound = -problem.solver_stats.extra_stats.mip_dual_bound * self._unit
            found = Whole(plan, self._worth(plan), float(bound))
            best = found if best is None else _better(found, best)
            if self._soft is None or not self._soft.refine(taken) or self._soft.short <= loss:
                return best
        return best

    def _worth(self, plan: I64) -> float:
        """Value of the table's contacts in a plan, less what is lost to saturation."""
        chosen = plan[plan >= 0]
        value = float(self._table.value[chosen].astype(np.float64).sum())
        if self._losses is None:
            return value
        use = self._settled + total_use(self._table, chosen)[0]
        return value - float(self._losses.loss(use[len(use) - len(self._losses) :]).sum())

    def settled(self, share: F64, people: Bool) -> I64:
        """Everybody's contacts, those of the given people replaced by the pool's candidates of share 1 [P, k]."""
        plan = self._chosen.copy()
        plan[people] = -1
        taken = self._pool[share > _TAKEN]
        taken = taken[people[person_of(self._table, taken)]]
        owner = person_of(self._table, taken)
        plan[owner, np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")] = taken
        return plan

    def _rounding(self) -> F64:
        return _TOLERANCE * np.maximum(1.0, np.abs(self._limits))

    def _program(self, x: cp.Variable, tighter: F64) -> cp.Problem:
        table, owner = self._table, person_of(self._table, self._pool)
        use = sp.csr_array(self._use[self._rows] / self._size[:, None])
        left = (self._left - tighter)[self._rows] / self._size
        constraints = [use @ x <= left, _at_most(x, owner, table.most)]
        if not table.is_single:
            in_channel = owner * len(CHANNELS) + table.classes.channel[table.klass[self._pool]]
            constraints.append(_at_most(x, in_channel, None))
            for group in table.classes.exclusive:
                inside = np.flatnonzero(group[table.klass[self._pool]])
                constraints.append(_at_most(x[inside], owner[inside], None))
        worth = (table.value[self._pool].astype(np.float64) / self._unit) @ x
        if self._soft is not None:
            soft, cost = self._soft.add_to(x)
            constraints[1:1] = soft
            worth -= cost
        return cp.Problem(cp.Maximize(worth), constraints)


def _better(one: Whole, other: Whole) -> Whole:
    """The plan of greater value, with the smaller bound: both hold for all plans."""
    chosen = one if one.value >= other.value else other
    return replace(chosen, bound=min(one.bound, other.bound))


def _solve_whole(problem: cp.Problem, loss: float, seconds: float, *, has_subtrees: bool) -> bool:
    """Whether the integer program gave whole contacts, proven to be near the best or the best found in time."""
    try:
        with warnings.catch_warnings():
            # A search that its limits end is no surprise here: the plan's bound says what it may have missed.
            warnings.filterwarnings("ignore", message="Solution may be inaccurate", category=UserWarning)
            problem.solve(
                solver=SOLVER,
                output_flag=False,
                random_seed=0,
                presolve="off",  # on some programs it does not end, whatever the time limit
                mip_abs_gap=loss,
                mip_rel_gap=0.0,
                mip_heuristic_run_rins=has_subtrees,
                mip_heuristic_run_rens=has_subtrees,
                mip_max_nodes=_MOST_NODES,
                time_limit=seconds,
                primal_feasibility_tolerance=_TOLERANCE,
                mip_feasibility_tolerance=_WHOLE_TOLERANCE,
            )
    except cp.SolverError:
        return False
    found = problem.status in {cp.OPTIMAL, cp.USER_LIMIT} and problem.value is not None
    return found and bool(np.isfinite(problem.value))


def _at_most(x: cp.Variable, group: I64, most: npt.NDArray[np.uint8] | None) -> cp.Constraint:
    """Sums of x within each group at most its number, 1 where none is given."""
    keys, row = np.unique(group, return_inverse=True)
    members = sp.csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(keys), len(row)))
    return members @ x <= (np.ones(len(keys)) if most is None else most[keys].astype(np.float64))
