r"""Totals whose effect diminishes: what the realized effect loses against a linear one, as the solver needs it.

A group of contacts would cause \(e\) in all if effects added up. With \(c\) carried over from what was done before, it
causes \(S(c + e) - S(c)\), S concave with slope 1 at 0. The loss \(L(e) = e - S(c + e) + S(c)\) is convex, rising and
0 at 0, so a plan is worth its linear value less \(\sum_g L_g(e_g)\): the row \(e_g \le y_g\) with the cost
\(L_g(y_g)\), \(y_g \ge 0\). The row's price \(\mu_g\) is the share of one more unit of effect that is lost.
"""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from ml.allocation.kernel import F64
from ml.allocation.saturation import SHAPES, Saturation, Shape


@dataclass(frozen=True, eq=False)
class Curves:
    """The curves of one term.

    Attributes:
        names: keys of their prices [G].
        effect: e, affine in the totals [G], money.
        shape: of S.
        ceiling: b [G], money.
        carried: c [G], money.
    """

    names: tuple[str, ...]
    effect: cp.Expression
    shape: Shape
    ceiling: F64
    carried: F64


@dataclass(frozen=True, eq=False)
class Losses:
    """The losses of all curves of a problem, in their order.

    Attributes:
        parts: shape, carry-over and place of each term's curves.
        most: no plan causes more than this [G].
    """

    parts: tuple[tuple[Saturation, F64, slice], ...]
    most: F64

    @classmethod
    def of(cls, curves: tuple[Curves, ...], most: F64) -> "Losses":
        """Puts the curves of all terms in a row."""
        parts: list[tuple[Saturation, F64, slice]] = []
        low = 0
        for one in curves:
            parts.append((SHAPES[one.shape](one.ceiling), one.carried, slice(low, low + len(one.names))))
            low += len(one.names)
        return cls(tuple(parts), most)

    def __len__(self) -> int:
        return len(self.most)

    def loss(self, effect: F64) -> F64:
        """L at the effects, 0 where they are negative [G]."""
        y, lost = np.maximum(effect, 0.0), np.zeros(len(self))
        for shape, carried, at in self.parts:
            lost[at] = y[at] - shape.effect(carried + y[at]) + shape.effect(carried)
        return lost

    def slope(self, effect: F64) -> F64:
        """L' at the effects: the share lost of one more unit [G]."""
        y, slope = np.maximum(effect, 0.0), np.zeros(len(self))
        for shape, carried, at in self.parts:
            slope[at] = 1.0 - shape.slope(carried + y[at])
        return slope

    def tangent(self, effect: F64) -> tuple[F64, F64]:
        """Slope and intercept of the tangents at the effects, each at most L everywhere [G]."""
        y, slope = np.maximum(effect, 0.0), self.slope(effect)
        return slope, self.loss(y) - slope * y

    def conjugate(self, prices: F64) -> float:
        r"""\(\sum_g \max_{0 \le y \le \mathrm{most}_g} \mu_g y - L_g(y)\): what the prices may overstate the bound by."""
        best = np.zeros(len(self))
        for shape, carried, at in self.parts:
            slope = np.clip(1.0 - prices[at], 1e-12, 1.0)
            best[at] = np.clip(shape.at_slope(slope) - carried, 0.0, self.most[at])
        best = np.where(prices >= 1.0 - 1e-12, self.most, best)
        return float((prices * best - self.loss(best)).sum())
