"""The cost of diminishing effects among a few open people, for the programs that make a plan whole."""

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from ml.allocation.concave import Losses
from ml.allocation.kernel import F64

_POINTS = np.linspace(0.0, 1.0, 9)
_TOLERANCE = 1e-9


class SoftRows:
    r"""Rows \(f_g + \sum_j u_{gj} x_j \le y_g\) with the cost \(L_g(y_g) - L_g(f_g)\), from outside by tangents.

    Args:
        losses: L.
        fixed: f, what everybody else causes [G].
        use: u, what the pool's candidates would cause [G, n].
        unit: money per unit of the program's objective.
    """

    def __init__(self, losses: Losses, fixed: F64, use: F64, unit: float):
        self._losses, self._fixed, self._use, self._unit = losses, fixed, use, unit
        self._rows = np.flatnonzero((use != 0).any(axis=1))
        self._size = np.abs(use[self._rows]).max(axis=1, initial=0.0)
        low, high = np.minimum(use, 0.0).sum(axis=1), np.maximum(use, 0.0).sum(axis=1)
        self._points = [np.clip(fixed + low + part * (high - low), 0.0, losses.most) for part in _POINTS]
        self._before = losses.loss(fixed)
        self.short = 0.0

    def add_to(self, x: cp.Variable) -> tuple[list[cp.Constraint], cp.Expression]:
        """The rows (the first constraint) and the tangents over the shares or choices x [n], and their cost."""
        rows, size = self._rows, self._size
        more, self._cost = cp.Variable(len(rows)), cp.Variable(len(rows))
        constraints = [sp.csr_array(self._use[rows] / size[:, None]) @ x - more <= 0]
        constraints.append(self._cost >= -self._before[rows] / self._unit)
        for point in self._points:
            slope, intercept = (part[rows] for part in self._losses.tangent(point))
            above = (intercept + slope * self._fixed[rows] - self._before[rows]) / self._unit
            constraints.append(self._cost >= cp.multiply(slope * size / self._unit, more) + above)
        return constraints, cp.sum(self._cost)

    def prices(self, row: cp.Constraint) -> F64:
        """The share of one more unit of each effect that is lost [G]; 0 where the pool has no say."""
        prices = np.zeros(len(self._losses))
        prices[self._rows] = np.maximum(row.dual_value, 0.0) * self._unit / self._size
        return prices

    def refine(self, x: F64) -> bool:
        """Adds tangents at an answer; whether it had counted less than its true cost."""
        effect = self._fixed + self._use @ x
        lost = self._losses.loss(effect) - self._before
        self.short = float(lost[self._rows].sum()) - float(self._cost.value.sum()) * self._unit
        self._points.append(effect)
        return self.short > _TOLERANCE * self._unit
