r"""The prices of the smooth choice: Newton's method on the dual, each step a small quadratic program in the prices.

\(\min_{\lambda \ge 0} \phi(\lambda) = \sum_i \tau \log Z_i(G^\top \lambda) + b^\top \lambda\) is smooth and convex, with
slope \(b - G z\) and curvature \(G\, \mathrm{Cov}(z)\, G^\top / \tau\): one pass gives all three. A step solves the
quadratic model within \(\lambda \ge 0\), then is halved until the dual descends.
"""

import warnings
from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64
from ml.allocation.smooth.margins import Margins
from ml.allocation.smooth.passes import PassTotals, run_pass
from ml.allocation.smooth.table import SmoothTable

_TOLERANCE = 5e-8
"""Largest excess over a tightened limit, as a share of it: less than the tightening leaves for rounding."""
_WORTH = 1e-6
"""Largest worth of room that is paid for but not used, as a share of the value at stake."""
_MOST_PASSES = 60
_HALVINGS = 25
_DESCENT = 1e-4
_ROUNDING = 1e-12
"""Relative rounding of the dual's sums: within it a step is taken as it is."""
_ROOMY = 1e4
"""Room beyond which a limit's slope says no more than that its price is to go."""
_RIDGE, _LEAST_RIDGE = 1e-6, 1e-10
_TRIES, _STIFFER = 4, 100.0
"""A step that the solver can't find is asked for again with a stiffer model."""


@dataclass(frozen=True, eq=False)
class Point:
    """The dual at some prices.

    Attributes:
        prices: of the limits [R].
        dual: money; no plan of the tightened problem is worth more in expectation plus entropy.
        found: sums of the pass.
        slack: b - G z [R].
    """

    prices: F64
    dual: float
    found: PassTotals
    slack: F64


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where the search ended.

    Attributes:
        point: the best prices.
        passes: over the table.
        is_met: all limits hold in expectation and no room that is paid for is left.
    """

    point: Point
    passes: int
    is_met: bool


class Dual:
    """The smooth dual of one table.

    Args:
        table: N people.
        margins: the limits that hold.
        threads: of the passes.
    """

    def __init__(self, table: SmoothTable, margins: Margins, threads: int):
        self._table, self._limits, self._scale, self._threads = table, margins.limits, margins.scale, threads
        self._step: _Step | None = None
        # No plan is worth less than all contacts at their worst, so a dual below it proves that there is no plan.
        largest = float(np.abs(table.value).max(initial=0.0))
        self._floor = -largest * float(table.most.astype(np.float64).sum()) - largest
        self.passes = 0

    def at(self, prices: F64, temperature: float) -> Point:
        """One pass."""
        self.passes += 1
        found = run_pass(self._table, self._table.charge(prices), temperature, self._threads)
        slack = self._limits - self._table.use @ found.totals
        return Point(prices, found.dual + float(prices @ self._limits), found, slack)

    def minimize(self, start: F64, temperature: float) -> Minimum:
        """Prices of the smallest dual from the prices `start` [R], at a temperature in money."""
        before, ridge, point = self.passes, _RIDGE, self.at(start, temperature)
        while self.passes - before < _MOST_PASSES:
            if self._is_met(point):
                return Minimum(point, self.passes - before, is_met=True)
            money = max(abs(point.dual), abs(point.found.value), 1e-300)
            step = self._newton(point, temperature, money, ridge)
            following, halvings = self._descend(point, step, temperature)
            if following is None or following.dual < self._floor:
                break
            ridge = min(ridge * 100, 1.0) if halvings > 2 else max(ridge / 10, _LEAST_RIDGE)  # noqa: PLR2004
            point = following
        return Minimum(point, self.passes - before, is_met=self._is_met(point))

    def _is_met(self, point: Point) -> bool:
        unused = float(point.prices @ np.maximum(point.slack, 0.0))
        size = max(abs(point.dual), abs(point.found.value))
        return bool((point.slack >= -_TOLERANCE * self._scale).all()) and unused <= _WORTH * size

    def _newton(self, point: Point, temperature: float, money: float, ridge: float) -> F64:
        """The step to the least of the quadratic model, in the units of prices [R]."""
        if self._step is None:
            self._step = _Step(*self._table.use.shape)
        size, vectors = np.linalg.eigh(point.found.covariance / temperature)
        root = np.sqrt(np.maximum(size, 0.0))[:, None] * (vectors.T @ self._table.use.T)  # [D, R]
        unit = money / self._scale  # one unit of a scaled price
        prices, slope = point.prices / unit, point.slack / self._scale
        # The program's own tolerance is absolute: it is asked in units of what is still wrong.
        wrong = max(float(np.where(slope < 0, -slope, np.minimum(prices, slope)).max()), 1e-300)
        slope = np.minimum(slope / wrong, _ROOMY)
        return self._step.solve(np.sqrt(1 / money) * root * unit, slope, prices / wrong, np.sqrt(ridge)) * unit * wrong

    def _descend(self, point: Point, step: F64, temperature: float) -> tuple[Point | None, int]:
        share = 1.0
        for halvings in range(_HALVINGS):
            following = self.at(np.maximum(point.prices + share * step, 0.0), temperature)
            wanted = _DESCENT * share * float(step @ point.slack)
            if following.dual <= point.dual + min(wanted, 0.0) + _ROUNDING * abs(point.dual):
                return following, halvings
            share /= 2
        return None, _HALVINGS


class _Step:
    r"""\(\min_d g^\top d + \tfrac12 \lVert F d \rVert^2 + \tfrac12 \lVert \rho d \rVert^2\), \(d \ge -\lambda\); refilled step by step."""

    def __init__(self, limits: int, totals: int):
        self._move = cp.Variable(limits)
        self._root, self._slope = cp.Parameter((totals, limits)), cp.Parameter(limits)
        self._prices, self._ridge = cp.Parameter(limits, nonneg=True), cp.Parameter(nonneg=True)
        model = (
            self._slope @ self._move
            + 0.5 * cp.sum_squares(self._root @ self._move)
            + 0.5 * cp.sum_squares(self._ridge * self._move)
        )
        self._problem = cp.Problem(cp.Minimize(model), [self._move >= -self._prices])

    def solve(self, root: F64, slope: F64, prices: F64, ridge: float) -> F64:
        self._root.value, self._slope.value = root, slope
        self._prices.value, self._ridge.value = np.maximum(prices, 0.0), ridge
        for _ in range(_TRIES):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # an inaccurate step is judged by the dual, as any other is
                    self._problem.solve(solver=cp.CLARABEL)
            except cp.SolverError:
                pass
            else:
                if self._move.value is not None and np.isfinite(self._move.value).all():
                    return np.asarray(self._move.value, dtype=np.float64)
            self._ridge.value = max(ridge, _LEAST_RIDGE) * _STIFFER
            ridge = self._ridge.value
        raise SolverStatusError(
            f"Clarabel ended a Newton step of {len(slope)} prices as '{self._problem.status}', not as optimal."
        )
