"""The master problem over aggregates, in cvxpy: mixes the plans seen so far, and prices the limits."""

from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np

from ml.allocation.concave import Losses, Tangents
from ml.allocation.engine import ClassPrices
from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64, Bool

SOLVER = cp.HIGHS
_OPTIONS = {"output_flag": False, "random_seed": 0}
_WAYS: tuple[dict[str, object], ...] = ({}, {"presolve": "off"}, {"solver": "ipm"})
_COLUMNS, _ROWS = 16, 16
"""The master grows in steps of these sizes; between two steps cvxpy only refills parameters."""
_MOST_COLUMNS = 64
_TOLERANCE = 1e-9


def solve_quietly(problem: cp.Problem, **options: object) -> None:
    """Solves with the named solver and accepts nothing but an optimal answer.

    Where its first way gives up (ill-conditioned programs), the next is tried: without presolve, then by interior point.

    Raises:
        SolverStatusError: none of the ways ended as optimal.
    """
    for way in _WAYS:
        try:
            problem.solve(solver=SOLVER, **_OPTIONS, **options, **way)
        except cp.SolverError as error:
            if way is _WAYS[-1]:
                raise SolverStatusError(
                    f"{SOLVER} gave up on a problem of {problem.size_metrics.num_scalar_variables} variables: {error}"
                ) from error
            continue
        if problem.status == cp.OPTIMAL:
            return
        if problem.status in {cp.INFEASIBLE, cp.UNBOUNDED, cp.USER_LIMIT}:
            break
    raise SolverStatusError(f"{SOLVER} ended as '{problem.status}', not as optimal.")


@dataclass(frozen=True, eq=False)
class Mix:
    """The best mixture of the plans seen.

    Attributes:
        value: of the mixture, in money, less its true losses to saturation; a lower bound on the optimum where no
            relief is in use.
        prices: of the limits [R].
        weights: of each group's plans, in the order added [G][J].
        relief: by how much each limit is exceeded [R].
        is_held: limits whose price is kept from going on by `Master.hold` [R].
    """

    value: float
    prices: F64
    weights: list[F64]
    relief: F64
    is_held: Bool


@dataclass(eq=False)
class Cuts:
    """One group's plans: value [J], use [J, R], and the prices that gave them (None: the empty plan)."""

    value: list[float] = field(default_factory=list)
    use: list[F64] = field(default_factory=list)
    prices: list[ClassPrices | None] = field(default_factory=list)

    def add(self, value: float, use: F64, prices: ClassPrices | None) -> bool:
        """Adds the plan unless it is there already."""
        for known_value, known_use in zip(self.value, self.use, strict=True):
            if known_value == value and np.array_equal(known_use, use):
                return False
        self.value.append(value)
        self.use.append(use)
        self.prices.append(prices)
        return True

    def keep(self, chosen: list[int]) -> None:
        """Forgets all plans but the chosen ones."""
        self.value = [self.value[j] for j in chosen]
        self.use = [self.use[j] for j in chosen]
        self.prices = [self.prices[j] for j in chosen]


class Master:
    r"""Dantzig-Wolfe master with one convexity row for each group of people.

    \(\max \sum_{gj} V_{gj} w_{gj} - c^\top s + d^\top t\) subject to \(\sum_{gj} U_{gj} w_{gj} - s + t \le b\),
    \(\sum_j w_{gj} = 1\), \(w, s, t \ge 0\), \(s \le\) the relief allowed. V, U, b, c, d are cvxpy Parameters; the
    duals of the limits are the prices, and lie between d and c. Where effects diminish, the last limits read
    \(\sum U w \le y\), and the losses \(\sum_g L_g(y_g)\) are taken off by tangents (`Tangents`).

    Args:
        bound: b [R].
        scale: what is one unit of each limit, so that all rows are of order one [R].
        money: what is one unit of value.
        groups: G.
        relief_cost: c per unit of `scale` [R]; `inf` where a limit must hold. None: all must hold.
        value_weight: 0 where only feasibility is sought.
        losses: of the last limits, those with diminishing effects.
        widest: largest effect expected of each of these [G].
    """

    def __init__(
        self,
        bound: F64,
        scale: F64,
        money: float,
        groups: int,
        *,
        relief_cost: F64 | None = None,
        value_weight: float = 1.0,
        losses: Losses | None = None,
        widest: F64 | None = None,
    ):
        self.cuts = [Cuts() for _ in range(groups)]
        self.solves = 0
        self._bound, self._scale, self._money, self._weight = bound, scale, money, value_weight
        self._relief_cost, self._credit = relief_cost, np.zeros(len(bound))
        self._active: list[int] = [] if relief_cost is None else list(np.flatnonzero(np.isfinite(relief_cost)))
        self._used: list[list[int]] = [[] for _ in range(groups)]
        self._shape = (0, 0)
        self._tangents: Tangents | None = None
        if losses is not None and widest is not None:
            self._curved = slice(len(bound) - len(losses), len(bound))
            self._tangents = Tangents(losses, scale[self._curved], money, widest)
            self._active = [*range(*self._curved.indices(len(bound))), *self._active]
        for cuts in self.cuts:
            cuts.add(0.0, np.zeros(len(bound)), None)

    def mix(self) -> Mix:
        """The best mixture under all limits. Limits enter the linear program once a mixture breaks them."""
        while True:
            mix = self._solve()
            use = sum(weights @ np.array(cuts.use) for weights, cuts in zip(mix.weights, self.cuts, strict=True))
            excess = (use - self._bound - mix.relief) / self._scale
            excess[self._active] = 0.0
            broken = np.flatnonzero(excess > _TOLERANCE)
            if not len(broken):
                return mix
            self._active.extend(int(row) for row in broken)

    @property
    def is_exact(self) -> bool:
        """Whether the last mixture's losses were what the tangents said, up to rounding."""
        return self._tangents is None or self._tangents.short <= _TOLERANCE * self._money

    def hold(self, low: F64, high: F64) -> None:
        """Keeps the prices between two vectors [R]: beyond `high` relief is cheaper, under `low` room left is paid for.

        The mixture is one of the problem itself only where `Mix.is_held` is false for every limit.
        """
        unit = self._scale / self._money
        if self._relief_cost is None:
            self._shape = (0, 0)
        self._relief_cost, self._credit = high * unit, low * unit
        self._active.extend(int(row) for row in np.flatnonzero(low > 0) if row not in self._active)

    def forget(self, prices: F64) -> None:
        """Drops the plans that are worst at the prices, where a group has more than the master holds.

        Plans of the last mixture stay: without them there may be no feasible one.
        """
        for cuts, used in zip(self.cuts, self._used, strict=True):
            if len(cuts.value) >= _MOST_COLUMNS:
                reduced = self._weight * np.array(cuts.value) - np.array(cuts.use) @ prices
                best = np.argsort(-reduced, kind="stable")[: _MOST_COLUMNS // 2]
                cuts.keep(sorted({0, *(int(j) for j in best), *used}))

    def _solve(self) -> Mix:
        longest = max(len(cuts.value) for cuts in self.cuts)
        shape = (_step(longest, _COLUMNS), _step(len(self._active), _ROWS))
        if shape != self._shape:
            self._shape = shape
            self._build(*shape)
        self._fill()
        solve_quietly(self._problem)
        self.solves += 1
        return self._read()

    def _build(self, columns: int, rows: int) -> None:
        count = len(self.cuts) * columns
        self._w = cp.Variable(count, nonneg=True)
        self._V, self._U, self._b = cp.Parameter(count), cp.Parameter((rows, count)), cp.Parameter(rows)
        use, cost = self._U @ self._w, 0.0
        if self._relief_cost is not None:
            self._s, self._t = cp.Variable(rows, nonneg=True), cp.Variable(rows, nonneg=True)
            self._c, self._d = cp.Parameter(rows, nonneg=True), cp.Parameter(rows, nonneg=True)
            self._most = cp.Parameter(rows)
            use, cost = use - self._s + self._t, self._c @ self._s - self._d @ self._t
        constraints = []
        if self._tangents is not None:
            constraints = self._tangents.build()
            use = use - np.eye(rows, self._tangents.effect.size) @ self._tangents.effect
            cost = cost + cp.sum(self._tangents.cost)
        self._limits = use <= self._b
        constraints += [self._limits, np.kron(np.eye(len(self.cuts)), np.ones(columns)) @ self._w == 1]
        if self._relief_cost is not None:
            constraints.append(self._s <= self._most)
        self._problem = cp.Problem(cp.Maximize(self._V @ self._w - cost), constraints)

    def _fill(self) -> None:
        columns, rows = self._shape
        active, scale = self._active, self._scale[self._active]
        value = np.zeros((len(self.cuts), columns))
        use = np.zeros((rows, len(self.cuts), columns))
        for g, cuts in enumerate(self.cuts):
            # Unused places repeat the empty plan, the first of each group.
            value[g, : len(cuts.value)] = self._weight * np.array(cuts.value) / self._money
            use[: len(active), g, : len(cuts.value)] = (np.array(cuts.use)[:, active] / scale).T
        bound = np.ones(rows)
        bound[: len(active)] = self._bound[active] / scale
        self._V.value, self._U.value, self._b.value = value.reshape(-1), use.reshape(rows, -1), bound
        if self._relief_cost is not None:
            cost = np.full(rows, np.inf)
            cost[: len(active)] = self._relief_cost[active]
            credit = np.zeros(rows)
            credit[: len(active)] = self._credit[active]
            self._c.value, self._d.value = np.where(np.isfinite(cost), cost, 0.0), credit
            self._most.value = np.where(np.isfinite(cost), 1e6, 0.0)
        if self._tangents is not None:
            self._tangents.fill()

    def _read(self) -> Mix:
        active = self._active
        weights = np.maximum(self._w.value, 0.0).reshape(len(self.cuts), -1)
        for row, cuts in zip(weights, self.cuts, strict=True):
            row[0] += row[len(cuts.value) :].sum()  # unused places repeat the empty plan
            row[len(cuts.value) :] = 0.0
        prices = np.zeros(len(self._bound))
        prices[active] = np.maximum(self._limits.dual_value[: len(active)], 0.0) * self._money / self._scale[active]
        relief, is_held = np.zeros(len(self._bound)), np.zeros(len(self._bound), dtype=np.bool_)
        if self._relief_cost is not None:
            in_use = np.where(self._s.value[: len(active)] > _TOLERANCE, self._s.value[: len(active)], 0.0)
            relief[active] = in_use * self._scale[active]
            is_held[active] = (in_use > 0) | ((self._credit[active] > 0) & (self._t.value[: len(active)] > _TOLERANCE))
        self._used = [[int(j) for j in np.flatnonzero(row > 0)] for row in weights]
        kept = [row[: len(cuts.value)] for row, cuts in zip(weights, self.cuts, strict=True)]
        value = float(self._problem.value) * self._money
        if self._tangents is not None:
            effect = sum(row @ np.array(cuts.use)[:, self._curved] for row, cuts in zip(kept, self.cuts, strict=True))
            value += float(self._tangents.cost.value.sum()) * self._money - self._tangents.refine(effect)
        return Mix(
            value,
            prices,
            kept,
            relief,
            is_held,
        )


def _step(count: int, size: int) -> int:
    return max(size, -(-count // size) * size)
