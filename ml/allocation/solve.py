"""Decides a problem: prunes, prices, recovers whole contacts, and proves how good they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.engine import ClassPrices, Decision, Engine
from ml.allocation.errors import Infeasible, SolverStatusError, TermError
from ml.allocation.infeasibility import Explanation, find_feasible
from ml.allocation.kernel import F64
from ml.allocation.lookup import Lookup
from ml.allocation.many_curves import solve_by_turns
from ml.allocation.pricing import Priced, Pricing, upper_bound
from ml.allocation.problem import Problem, Rows
from ml.allocation.pruning import Measures, classify, largest_use, pruned
from ml.allocation.recovery import Plan, Recovery
from ml.allocation.solution import Allocation, allocation, relative_gap
from ml.allocation.steady import search_near

GROUPS = 8
"""Ranges of people whose plans the master mixes one by one."""
_PRICE_GAP = 1e-6
_SAMPLE, _SAMPLE_GAP = 20_000, 1e-4
"""People in a sample that only finds prices to start from, and how near their optimum these must be."""
_WHOLE_CANDIDATES = 20_000
"""Up to so many, an integer program over all candidates stands in where the plan near the prices misses its gap."""
_SECONDS, _TRIAL_SECONDS, _TRIAL_GAP = 10.0, 1.0, 0.1
"""Limit of one integer program, and of one that only asks whether moved limits leave any plan."""
_MOST_CURVES = 100
"""Diminishing totals that one master takes; where there are more, it and they are settled by turns."""
_TURN_GAP = 2e-5
"""A turn's plan need not be nearer to its bound: the next turn moves both."""
_FEW, _MANY = 1000, 200_000
_LOSS = 0.5
"""Share of the gap that the integer program may use up."""


def solve(
    problem: Problem, *, warm_prices: dict[str, float] | None = None, gap: float | None = None, threads: int = 2
) -> Allocation:
    """The allocation of greatest value within all limits, with its proof.

    The same problem gives the same allocation to the bit on any number of threads.

    Args:
        problem: value table and terms.
        warm_prices: prices of an earlier allocation, by limit name: fewer passes where little has changed.
        gap: relative distance to the bound that is asked for; None: `usual_gap`. A plan that misses it is returned as
            `gap_not_met`.
        threads: of the lookup.

    Raises:
        Infeasible: no plan keeps all limits; names the conflict and what resolves it.
        SolverStatusError: the solver, not the problem, is at fault.
    """
    gap = usual_gap(problem.candidates.people_count) if gap is None else gap
    if problem.curves:
        return _with_curves(problem, warm_prices or {}, gap, threads)
    return _Solve(problem, gap, threads).run(warm_prices or {})


def usual_gap(people: int) -> float:
    """What a gap can be expected to reach: a dozen people are divided in the best mixture, whatever their number.

    Few people are decided by an integer program over all of them, for which 1e-4 is no more work than 3e-4.
    """
    if people >= _MANY:
        return 1e-5
    return 3e-4 if _FEW < people < 10 * _FEW else 1e-4


def _with_curves(problem: Problem, warm: dict[str, float], gap: float, threads: int) -> Allocation:
    """By one master where the curves are few; by turns where they are many, or where the master misses the gap."""
    begun, found = perf_counter(), None
    if len(problem.curve_names) <= _MOST_CURVES:
        try:
            found = _Solve(problem, gap, threads).run(warm)
        except SolverStatusError:  # too ill-conditioned: the turns have no such program
            found = None
        if found is not None and found.status != "gap_not_met":
            return found

    def linear(part: Problem, prices: dict[str, float]) -> Allocation:
        return _Solve(part, max(gap / 4, _TURN_GAP), threads, seconds=_TRIAL_SECONDS).run(prices)

    by_turns = solve_by_turns(problem, linear, gap=gap, threads=threads, warm=warm)
    best = by_turns if found is None or by_turns.value >= found.value else found
    bound = by_turns.bound if found is None else min(by_turns.bound, found.bound)
    proven = allocation(problem, best.chosen, bound=bound, prices=best.prices, passes=best.passes, gap=gap)
    return replace(proven, seconds={"turns": perf_counter() - begun})


@dataclass(frozen=True, eq=False)
class ProvenPlan:
    """A plan in few words, with its proof: what comes back where the people stay elsewhere.

    Attributes:
        decision: who gets what.
        value: money.
        bound: no plan within the limits is worth more.
        prices: of each binding limit.
        passes: over the table.
    """

    decision: Decision
    value: float
    bound: float
    prices: dict[str, float]
    passes: float

    @property
    def gap(self) -> float:
        """(bound - value) / bound."""
        return relative_gap(self.value, self.bound)


def decide_on(
    problem: Problem, engine: Engine, *, warm_prices: dict[str, float] | None = None, gap: float | None = None
) -> ProvenPlan:
    """`solve` for people that an engine holds elsewhere.

    Args:
        problem: columns and terms; its own table may be empty.
        engine: the people, pruned by the same terms.
        warm_prices: see `solve`.
        gap: likewise; None: what is usual for the people that have a candidate.

    Raises:
        Infeasible: no plan keeps all limits; names the conflict and what resolves it.
        TermError: a term of diminishing returns, which needs the whole table in this process.
    """
    if problem.curves:
        raise TermError("Diminishing returns are decided in one process: leave their terms out of a problem in parts.")
    gap = usual_gap(engine.people_count) if gap is None else gap
    rows = problem.rows()
    engine = engine.classified(classify(problem, rows))
    solver = _Solve(problem, gap, 1, elsewhere=engine)
    if engine.people_count == 0:
        solver.nobody(rows)
        nothing = Decision(np.empty(0, dtype=np.int64), np.empty((0, engine.contacts), dtype=np.int64))
        return ProvenPlan(nothing, 0.0, 0.0, {}, 0.0)
    return solver.decide(engine, rows, rows.prices(warm_prices or {}))


class _Solve:
    def __init__(
        self,
        problem: Problem,
        gap: float,
        threads: int,
        *,
        seconds: float = _SECONDS,
        explains: bool = True,
        elsewhere: Engine | None = None,
    ):
        self._problem, self._gap, self._threads, self._explains = problem, gap, threads, explains
        self._elsewhere = elsewhere
        self._most_seconds = seconds
        self._seconds: dict[str, float] = {}
        self._losses: Losses | None = None

    def run(self, warm: dict[str, float]) -> Allocation:
        with self._phase("prune"):
            rows = self._problem.rows()
            if not len(self._problem.columns):  # no objective is active: nothing to choose from
                return self.nobody(rows)
            if self._problem.curves:
                rows = rows.followed_by(self._problem.curve_rows())
            table = pruned(self._problem, rows, self._threads)
        if table.people_count == 0:
            return self.nobody(rows)
        if self._problem.curves:
            self._losses = Losses.of(self._problem.curves, largest_use(table)[-len(self._problem.curve_names) :])
        lookup = Lookup(table, GROUPS, self._threads)
        decided = self.decide(lookup, rows, rows.prices(warm))
        with self._phase("verify"):
            shape = (self._problem.candidates.people_count, self._problem.contacts_per_person)
            chosen = lookup.chosen(decided.decision, shape)
            found = allocation(
                self._problem,
                chosen,
                bound=decided.bound,
                prices=decided.prices,
                passes=lookup.passes,
                gap=self._gap,
            )
        return replace(found, seconds=self._seconds)

    def decide(self, lookup: Engine, rows: Rows, warm: F64) -> ProvenPlan:
        """Prices, the plan near them and its proof, from the people wherever they are."""
        with self._phase("price"):
            priced = self._price(lookup, rows, warm)
        with self._phase("recover"):
            plan = self._recover(lookup, rows, priced)
        with self._phase("prove"):
            return self._proven(lookup, rows, priced, plan)

    def nobody(self, rows: Rows) -> Allocation:
        if (rows.bound < 0).any():
            explanation = Explanation(self._problem, None, rows.bound, np.ones(len(rows.bound)), self._is_solvable)
            raise explanation.of_nobody() if self._explains else Infeasible([], [], [])
        shape = (self._problem.candidates.people_count, self._problem.contacts_per_person)
        empty = allocation(
            self._problem, np.full(shape, -1, dtype=np.int64), bound=0.0, prices={}, passes=0.0, gap=self._gap
        )
        return replace(empty, status="empty", seconds=self._seconds)

    def _price(self, lookup: Engine, rows: Rows, start: F64) -> Priced:
        free = lookup.totals(ClassPrices.of(lookup.measures, np.zeros(len(rows.bound))))
        whole = sum(free[1:], free[0])
        use = whole.use(lookup.measures)
        self._scale = _scale(lookup.measures, rows, use)
        if self._losses is not None:
            curved = slice(len(use) - len(self._losses), len(use))
            self._scale[curved] = np.maximum(np.abs(use[curved]), self._scale[curved])
        money = max(abs(whole.money(lookup.measures)), lookup.largest_value) or 1.0
        price_gap = min(_PRICE_GAP, self._gap / 10)
        near = search_near(
            lookup,
            rows.bound,
            self._scale,
            money,
            self._start(lookup, rows, start, money),
            price_gap,
            losses=self._losses,
        )
        if near.is_met:
            return near
        plans = None
        if (rows.bound < 0).any():
            feasible = find_feasible(lookup, self._hard(rows), self._scale)
            if (feasible.mix.relief > 0).any():
                raise self._explanation(lookup, rows).of_mixture(feasible) if self._explains else Infeasible([], [], [])
            plans = feasible.master.cuts
        pricing = Pricing(lookup, rows.bound, self._scale, money, plans=plans, losses=self._losses)
        return pricing.search(start, price_gap)

    def _start(self, lookup: Engine, rows: Rows, warm: F64, money: float) -> F64 | None:
        """Prices of an earlier allocation, or of a sample of the people where that saves passes; None where neither."""
        if warm.any() or self._losses is not None or lookup.people_count < 2 * _SAMPLE:
            return warm if warm.any() else None
        few = lookup.sampled(_SAMPLE / lookup.people_count)
        share = few.people_count / lookup.people_count
        return search_near(few, share * rows.bound, share * self._scale, share * money, None, _SAMPLE_GAP).prices

    def _recover(self, lookup: Engine, rows: Rows, priced: Priced) -> Plan:
        loss = _LOSS * self._gap * abs(priced.bound)
        recovery = Recovery(lookup, self._hard(rows), loss=loss, seconds=self._most_seconds, losses=self._losses)
        plan = recovery.plan(priced, priced.bound - self._gap * abs(priced.bound))
        is_small = lookup.candidate_count <= _WHOLE_CANDIDATES
        is_whole = plan is not None and np.isfinite(plan.bound)  # among all candidates already: again takes as long
        if is_small and not is_whole and (plan is None or relative_gap(plan.value, priced.bound) > self._gap):
            whole = recovery.whole()
            if whole is not None and (plan is None or whole.value >= plan.value):
                plan = whole
        if plan is not None:
            return plan
        if is_small:
            raise self._explanation(lookup, rows).of_whole_contacts() if self._explains else Infeasible([], [], [])
        raise SolverStatusError(
            "Fractions of contacts keep all limits, but no whole contacts near the prices do. "
            "Widen a minimum and a maximum that leave less than one contact between them."
        )

    def _proven(self, lookup: Engine, rows: Rows, priced: Priced, plan: Plan) -> ProvenPlan:
        best, bound = priced.prices, priced.bound
        if plan.prices is not None:
            # A vertex's prices are 0 for every limit with room; nearly always they prove as much.
            totals = lookup.totals(ClassPrices.of(lookup.measures, plan.prices))
            proven = upper_bound(totals, lookup, plan.prices, rows.bound, losses=self._losses)
            if proven <= bound + 1e-7 * abs(bound):
                best, bound = plan.prices, min(bound, proven)
        bound = min(bound, plan.bound)
        prices = {
            name: float(price)
            for name, price, size in zip(rows.names, best, self._scale, strict=True)
            if price * size > 1e-9 * max(abs(bound), 1e-300)
        }
        return ProvenPlan(plan.decision, plan.value, max(bound, plan.value), prices, lookup.passes)

    def _explanation(self, lookup: Engine, rows: Rows) -> Explanation:
        return Explanation(self._problem, lookup, self._hard(rows), self._scale, self._is_solvable)

    def _hard(self, rows: Rows) -> F64:
        """The limits that a plan must keep [R]: those with diminishing effects are none."""
        if self._losses is None:
            return rows.bound
        return np.concatenate([rows.bound[: len(rows.bound) - len(self._losses)], self._losses.most])

    def _is_solvable(self) -> bool:
        trial = _Solve(self._problem, _TRIAL_GAP, self._threads, seconds=_TRIAL_SECONDS, explains=False)
        try:
            if self._elsewhere is None:
                trial.run({})
            else:
                rows = self._problem.rows()
                trial.decide(self._elsewhere.classified(classify(self._problem, rows)), rows, rows.prices({}))
        except (Infeasible, SolverStatusError):
            return False
        return True

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = perf_counter() - start


def _scale(measures: Measures, rows: Rows, use: F64) -> F64:
    """One unit of each limit: its number, or where that is 0 what contacts would use of it."""
    scale = np.maximum(np.abs(rows.bound), 1e-3 * np.abs(use))
    single = np.abs(measures.classes.contacts).max(axis=1, initial=0.0)
    scale = np.where(scale > 0, scale, single)
    return np.where(scale > 0, scale, 1.0)
