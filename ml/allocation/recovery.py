"""From prices to a plan: whole contacts that keep every limit, found where people are nearly tied."""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from ml.allocation.errors import SolverFailed
from ml.allocation.kernel import F64, I64, Bool
from ml.allocation.lookup import ClassPrices, Lookup, look_up
from ml.allocation.master import SOLVER, solve_quietly
from ml.allocation.pricing import Priced
from ml.allocation.pruning import Table

_TOLERANCE = 1e-9
_FEW_CANDIDATES = 1500
"""Up to so many, whole contacts are chosen among all of them at once."""
_NEAR_TIES = 150
_OPTIONS = {"primal_feasibility_tolerance": _TOLERANCE, "mip_feasibility_tolerance": _TOLERANCE}


@dataclass(frozen=True, eq=False)
class Plan:
    """Chosen candidates of the pruned table.

    Attributes:
        chosen: [P, k], -1 where there is none.
        value: money.
        bound: of the integer program, where all candidates were in it; else infinite.
    """

    chosen: I64
    value: float
    bound: float


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
    return np.searchsorted(table.starts, candidates, side="right") - 1


def excess(table: Table, chosen: I64, limits: F64) -> F64:
    """By how much a plan breaks each limit [R], computed candidate by candidate; rounding of sums left out."""
    use = candidate_use(table, chosen[chosen >= 0])
    over = use.sum(axis=1) - limits
    slack = _TOLERANCE * np.maximum(1.0, np.maximum(np.abs(limits), np.abs(use).sum(axis=1)))
    return np.where(over > slack, over, 0.0)


class Recovery:
    """Looks for a plan near the prices' own choice.

    People are fixed to what the prices choose for them, but for those whose choice is not settled: it differs between the plans
    that the master mixes (a feasible mixture exists among these), or is nearly tied. Among them a linear program finds
    the split, then an integer program over the few still divided and the nearest ties makes it whole.
    """

    def __init__(self, lookup: Lookup, limits: F64, contacts: int):
        self.lookup, self.table, self._limits, self._contacts = lookup, lookup.table, limits, contacts

    def plan(self, priced: Priced, gap: float, seconds: float) -> Plan | None:
        """The best plan found; None where none was.

        Args:
            priced: prices, bound and mixture.
            gap: relative to the bound, how close the integer program has to come.
            seconds: time limit of each integer program.
        """
        table = self.table
        if len(table.value) <= _FEW_CANDIDATES:
            return self.whole(gap, seconds, abs(priced.bound))
        prices = ClassPrices.of(table, priced.prices)
        chosen = self.lookup.choices(prices, self._contacts)
        margin = self.lookup.margins(prices)
        unsettled, candidates = self._unsettled(priced, chosen)
        ties = _NEAR_TIES
        while True:
            open_people = unsettled | _smallest(margin, ties)
            plan = self._repair(priced, prices, chosen, margin, open_people, candidates, ties, gap, seconds)
            if plan is not None or ties >= table.people_count or ties > 40 * _NEAR_TIES:
                return plan
            ties *= 6

    def whole(self, gap: float, seconds: float, money: float) -> Plan | None:
        """Whole contacts chosen among all candidates, with the integer program's own bound."""
        nothing = np.full((self.table.people_count, self._contacts), -1, dtype=np.int64)
        everything = np.arange(len(self.table.value), dtype=np.int64)
        return self._integer(nothing, everything, np.ones(len(nothing), dtype=bool), gap * max(money, 0.0), seconds)

    def _unsettled(self, priced: Priced, chosen: I64) -> tuple[Bool, I64]:
        """People whose contacts differ between the plans mixed, and the candidates that these plans give them."""
        unsettled = np.zeros(len(chosen), dtype=bool)
        others = []
        for (low, high), cuts, weights in zip(self.lookup.ranges, priced.master.cuts, priced.mix.weights, strict=True):
            for cut in np.flatnonzero(weights > 1e-10):
                cut_prices = cuts.prices[cut]
                part = np.full((high - low, self._contacts), -1, dtype=np.int64)
                if cut_prices is not None:
                    look_up(self.table, ClassPrices.of(self.table, cut_prices), low, high, part)
                differs = (part != chosen[low:high]).any(axis=1)
                unsettled[low:high] |= differs
                others.append(part[differs].reshape(-1))
                self.lookup.passes += (high - low) / len(chosen)
        found = np.concatenate(others) if others else np.empty(0, dtype=np.int64)
        return unsettled, np.unique(found[found >= 0])

    def _repair(
        self,
        priced: Priced,
        prices: ClassPrices,
        chosen: I64,
        margin: np.ndarray,
        open_people: Bool,
        candidates: I64,
        ties: int,
        gap: float,
        seconds: float,
    ) -> Plan | None:
        near = self._near(prices, chosen, margin, open_people, ties)
        pool = np.union1d(near, candidates)
        share = self._linear(chosen, pool, open_people)
        if share is None:
            return None
        divided = np.zeros(len(chosen), dtype=bool)
        divided[person_of(self.table, pool[(share > 1e-7) & (share < 1 - 1e-7)])] = True
        settled = _settle(self.table, chosen, pool, share, open_people & ~divided)
        still_open = open_people & (divided | _smallest(np.where(open_people, margin, np.inf).astype(np.float32), ties))
        inner = pool[still_open[person_of(self.table, pool)]]
        return self._integer(settled, inner, still_open, gap * abs(priced.bound), seconds)

    def _near(self, prices: ClassPrices, chosen: I64, margin: np.ndarray, open_people: Bool, ties: int) -> I64:
        """Candidates of open people that are chosen or lose little against what is chosen."""
        table = self.table
        people = np.flatnonzero(open_people)
        lengths = np.diff(table.starts)[people]
        candidates = np.repeat(table.starts[people], lengths) + _ramp(lengths)
        owner = np.repeat(people, lengths)
        klass, quantity = table.klass[candidates], 0.0
        reduced = table.value[candidates].astype(np.float64) - prices.contact[klass]
        if table.quantity.size:
            quantity = table.quantity[candidates].astype(np.float64)
            reduced = reduced + prices.conversion[table.segment[owner], klass] * quantity
        last = chosen[owner, -1]
        floor = np.zeros(len(owner))
        index = np.flatnonzero(last >= 0)
        if len(index):
            value = table.value[last[index]].astype(np.float64) - prices.contact[table.klass[last[index]]]
            if table.quantity.size:
                value += (
                    prices.conversion[table.segment[owner[index]], table.klass[last[index]]]
                    * table.quantity[last[index]]
                )
            floor[index] = value
        width = 4.0 * float(np.max(margin[_smallest(margin, ties)], initial=0.0))
        return candidates[reduced >= floor - width - 1e-12 * np.abs(floor)]

    def _linear(self, chosen: I64, pool: I64, open_people: Bool) -> F64 | None:
        """Shares of the pool's candidates that are best among open people, the rest fixed; None where there are none."""
        x = cp.Variable(len(pool), nonneg=True)
        problem = self._program(x, chosen, pool, open_people, np.zeros(len(self._limits)))
        try:
            solve_quietly(problem, primal_feasibility_tolerance=_TOLERANCE)
        except SolverFailed:
            return None
        return np.asarray(x.value, dtype=np.float64)

    def _integer(self, chosen: I64, pool: I64, open_people: Bool, loss: float, seconds: float) -> Plan | None:
        """Whole contacts among the pool's candidates; limits are tightened where float tolerance let one slip."""
        tighter = np.zeros(len(self._limits))
        money = self._unit(pool)
        for _ in range(4):
            x = cp.Variable(len(pool), boolean=True)
            problem = self._program(x, chosen, pool, open_people, tighter)
            try:
                problem.solve(solver=SOLVER, output_flag=False, random_seed=0, mip_abs_gap=max(loss / money, 1e-9),
                              mip_rel_gap=0.0, time_limit=seconds, **_OPTIONS)  # fmt: skip
            except cp.SolverError:
                return None
            if x.value is None or problem.status not in {cp.OPTIMAL, cp.USER_LIMIT}:
                return None
            plan = _settle(self.table, chosen, pool, np.round(x.value), open_people)
            over = excess(self.table, plan, self._limits)
            if not (over > 0).any():
                everything = len(pool) == len(self.table.value)
                bound = -problem.solver_stats.extra_stats.mip_dual_bound * money if everything else np.inf
                return Plan(plan, plan_value(self.table, plan), float(bound))
            tighter = tighter + 2.0 * over
        return None

    def _program(self, x: cp.Variable, chosen: I64, pool: I64, open_people: Bool, tighter: F64) -> cp.Problem:
        table, owner = self.table, person_of(self.table, pool)
        fixed = chosen[~open_people]
        left = self._limits - tighter - candidate_use(table, fixed[fixed >= 0]).sum(axis=1)
        use = candidate_use(table, pool)
        size = np.abs(use).max(axis=1, initial=0.0)
        size[size == 0] = 1.0
        constraints = [(sp.csr_array(use / size[:, None])) @ x <= left / size] if len(left) else []
        constraints += _at_most(x, owner, table.most)
        if table.most.max(initial=1) > 1:
            constraints += _at_most(x, owner * 8 + table.classes.channel[table.klass[pool]], None)
        return cp.Problem(cp.Maximize((table.value[pool].astype(np.float64) / self._unit(pool)) @ x), constraints)

    def _unit(self, pool: I64) -> float:
        return float(np.abs(self.table.value[pool]).max(initial=0.0)) or 1.0


def plan_value(table: Table, chosen: I64) -> float:
    """Total net value of a plan, summed without loss of order."""
    return float(table.value[np.sort(chosen[chosen >= 0])].astype(np.float64).sum())


def _at_most(x: cp.Variable, group: I64, most: np.ndarray | None) -> list[cp.Constraint]:
    keys, row = np.unique(group, return_inverse=True)
    if not len(keys):
        return []
    members = sp.csr_array((np.ones(len(row)), (row, np.arange(len(row)))), shape=(len(keys), len(row)))
    return [members @ x <= (np.ones(len(keys)) if most is None else most[keys].astype(np.float64))]


def _settle(table: Table, chosen: I64, pool: I64, share: F64, people: Bool) -> I64:
    """The plan with the people's contacts replaced by the pool's candidates of share 1."""
    plan = chosen.copy()
    plan[people] = -1
    taken = np.sort(pool[share > 0.5])
    taken = taken[people[person_of(table, taken)]]
    owner = person_of(table, taken)
    position = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    plan[owner, position] = taken
    return plan


def _smallest(margin: np.ndarray, count: int) -> Bool:
    """The people with the `count` smallest margins; all of them where there are no more."""
    chosen = np.zeros(len(margin), dtype=bool)
    if count >= len(margin):
        chosen[:] = True
    else:
        chosen[np.argpartition(margin, count)[:count]] = True
    return chosen & np.isfinite(margin)


def _ramp(lengths: I64) -> I64:
    """0, 1, … restarting with each length."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
