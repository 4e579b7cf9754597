"""The problem among a few open people, everybody else being fixed: as shares, and as whole contacts."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64, I64, Bool
from ml.allocation.master import SOLVER, solve_quietly
from ml.allocation.pruning import Table
from ml.entities import CHANNELS

_TOLERANCE = 1e-9
_TAKEN = 0.5
_TIGHTENINGS = 4


@dataclass(frozen=True, eq=False)
class Plan:
    """Chosen candidates of the pruned table, within all limits.

    Attributes:
        chosen: [P, k], -1 where there is none.
        value: money.
        bound: of the integer program, where all candidates were in it; else infinite.
        prices: of the limits among the people who were open [R]; None where they weren't asked for.
    """

    chosen: I64
    value: float
    bound: float = np.inf
    prices: F64 | None = None


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


def person_of(table: Table, candidates: I64) -> I64:
    """The person that each candidate belongs to [n]."""
    return np.asarray(np.searchsorted(table.starts, candidates, side="right") - 1, dtype=np.int64)


def excess(table: Table, chosen: I64, limits: F64) -> F64:
    """By how much a plan breaks each limit [R], summed candidate by candidate; the sums' own rounding is left out."""
    use = candidate_use(table, chosen[chosen >= 0])
    over = use.sum(axis=1) - limits
    rounding = _TOLERANCE * np.maximum(1.0, np.maximum(np.abs(limits), np.abs(use).sum(axis=1)))
    return np.where(over > rounding, over, 0.0)


class Restricted:
    """The problem over a pool of candidates of open people.

    Args:
        table: the value table.
        limits: b [R].
        chosen: everybody's contacts [P, k]; those of open people are decided anew.
        is_open: per person [P].
        pool: candidates of open people that may be chosen [n], ascending.
    """

    def __init__(self, table: Table, limits: F64, chosen: I64, is_open: Bool, pool: I64):
        self._table, self._limits, self._chosen, self._is_open, self._pool = table, limits, chosen, is_open, pool
        self._unit = float(np.abs(table.value[pool]).max(initial=0.0)) or 1.0
        fixed = chosen[~is_open]
        self._left = limits - candidate_use(table, fixed[fixed >= 0]).sum(axis=1)
        self._use = candidate_use(table, pool)
        # Limits that the whole pool could not break stay out: their large numbers would spoil the scaling.
        self._rows = np.flatnonzero(np.maximum(self._use, 0.0).sum(axis=1) > self._left - self._rounding())
        size = np.abs(self._use[self._rows]).max(axis=1, initial=0.0)
        self._size = np.where(size > 0, size, 1.0)

    def shares(self) -> Shares | None:
        """The best shares; None where no shares keep the limits."""
        x = cp.Variable(len(self._pool), nonneg=True)
        problem = self._program(x, np.zeros(len(self._limits)))
        try:
            solve_quietly(problem, primal_feasibility_tolerance=_TOLERANCE)
        except SolverStatusError:
            return None
        prices = np.zeros(len(self._limits))
        prices[self._rows] = np.maximum(problem.constraints[0].dual_value, 0.0) * self._unit / self._size
        return Shares(np.asarray(x.value, dtype=np.float64), prices)

    def whole(self, loss: float, seconds: float) -> Plan | None:
        """Whole contacts within `loss` money of the best, found in time; None where there are none.

        The solver's tolerance may let a sum slip over its limit; the limit is then tightened by what slipped.
        """
        tighter = np.zeros(len(self._limits))
        for _ in range(_TIGHTENINGS):
            x = cp.Variable(len(self._pool), boolean=True)
            problem = self._program(x, tighter)
            if not _solve_whole(problem, max(loss / self._unit, _TOLERANCE), seconds):
                return None
            plan = self.settled(np.round(x.value), self._is_open)
            over = excess(self._table, plan, self._limits)
            if not (over > 0).any():
                has_all = len(self._pool) == len(self._table.value)
                bound = -problem.solver_stats.extra_stats.mip_dual_bound * self._unit if has_all else np.inf
                value = self._table.value[plan[plan >= 0]].astype(np.float64).sum()
                return Plan(plan, float(value), float(bound))
            tighter = tighter + 2.0 * over
        return None

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
        return cp.Problem(cp.Maximize((table.value[self._pool].astype(np.float64) / self._unit) @ x), constraints)


def _solve_whole(problem: cp.Problem, loss: float, seconds: float) -> bool:
    """Whether the integer program gave whole contacts, proven to be near the best or the best found in time."""
    try:
        problem.solve(
            solver=SOLVER,
            output_flag=False,
            random_seed=0,
            presolve="off",  # on some programs it does not end, whatever the time limit
            mip_abs_gap=loss,
            mip_rel_gap=0.0,
            time_limit=seconds,
            primal_feasibility_tolerance=_TOLERANCE,
            mip_feasibility_tolerance=_TOLERANCE,
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
