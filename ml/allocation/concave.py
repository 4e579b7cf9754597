r"""Totals whose effect diminishes: what the realized effect loses against a linear one, as the solver needs it.

A group of contacts would cause \(e\) in all if effects added up. With \(c\) carried over from what was done before, it
causes \(S(c + e) - S(c)\), S concave with slope 1 at 0. The loss \(L(e) = e - S(c + e) + S(c)\) is convex, rising and
0 at 0, so a plan is worth its linear value less \(\sum_g L_g(e_g)\): the row \(e_g \le y_g\) with the cost
\(L_g(y_g)\), \(y_g \ge 0\). The row's price \(\mu_g\) is the share of one more unit of effect that is lost.
"""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from ml.allocation.kernel import F64, Bool
from ml.allocation.saturation import SHAPES, Saturation, Shape

_FIRST = np.array([0.0, 0.03, 0.1, 0.2, 0.35, 0.55, 0.8, 1.1])
"""Where the first tangents touch, as parts of the largest effect expected."""
_LATEST = 10
"""Tangents that follow the search; the oldest gives way."""
_EXACT = 1e-11
"""Part of all value up to which a tangent's cost of a curve counts as its loss."""
_ALL = slice(None)


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


class Tangents:
    r"""The costs \(z_g \ge L_g(y_g)\) from outside, by tangents: the block that a linear master adds for the curves.

    It never overstates a loss, so what is proven with it stays proven; a tangent is added wherever the last answer was.

    Args:
        losses: of the curves.
        scale: what is one unit of each effect [G].
        money: what is one unit of value.
        widest: effects up to which the first tangents reach [G].
    """

    def __init__(self, losses: Losses, scale: F64, money: float, widest: F64):
        self._losses, self._scale, self._money = losses, scale, money
        shape = (_FIRST.size + _LATEST, len(losses))
        self._slope_value, self._intercept_value = np.zeros(shape), np.zeros(shape)
        self._next = _FIRST.size
        for row, part in enumerate(_FIRST):
            self._put(row, part * widest)
        self.short = np.inf

    def build(self) -> list[cp.Constraint]:
        """Variables y (units of scale) and z (units of money), and their constraints."""
        shape = self._slope_value.shape
        self.effect, self.cost = cp.Variable(shape[1], nonneg=True), cp.Variable(shape[1], nonneg=True)
        self._slope = [cp.Parameter(shape[1], nonneg=True) for _ in range(shape[0])]
        self._intercept = cp.Parameter(shape)
        return [
            self.cost >= cp.multiply(slope, self.effect) + self._intercept[row] for row, slope in enumerate(self._slope)
        ]

    def fill(self) -> None:
        """Sets the tangents that are known now."""
        for slope, value in zip(self._slope, self._slope_value, strict=True):
            slope.value = value * self._scale / self._money
        self._intercept.value = self._intercept_value / self._money

    def refine(self, effect: F64) -> float:
        """Adds tangents at a mixture's effects [G] where z fell short; returns the true loss, and keeps by how much."""
        lost = self._losses.loss(effect)
        short = lost - self.cost.value * self._money
        self.short = float(short.sum())
        # Where z is right already, another tangent beside the old one would only spoil the program's conditioning.
        is_short = short > _EXACT * self._money
        if is_short.any():
            self._put(self._next, effect, is_short)
            self._next = self._next + 1 if self._next + 1 < len(self._slope_value) else _FIRST.size
        return float(lost.sum())

    def _put(self, row: int, effect: F64, where: Bool | slice = _ALL) -> None:
        slope, intercept = self._losses.tangent(effect)
        self._slope_value[row, where], self._intercept_value[row, where] = slope[where], intercept[where]
