r"""The aggregate problem: money over channels and periods, from each channel's response curve, without any person.

Spend \(x_{ct}\) of channel c in period t acts as its geometric adstock \(a_{ct} = \sum_{l=0}^{L-1} w_l x_{c,t-l}\),
\(w_l \propto \theta_c^l\) with sum 1, and causes \(s_c S_c(a_{ct})\): S concave with slope 1 at 0 (`saturation`). The
best split is concave maximization over a polytope: a linear program over tangents of S, refined at each answer until
the program's value, an upper bound, and the true value of its answer meet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cvxpy as cp
import numpy as np

from ml.allocation.errors import Infeasible, TermError
from ml.allocation.kernel import F64
from ml.allocation.master import solve_quietly
from ml.allocation.saturation import SHAPES, Saturation, Shape
from ml.allocation.solution import relative_gap

_FIRST = np.geomspace(1e-3, 1.0, 40)
"""Where the first tangents touch, as parts of all money; and at 0."""
_ROUNDS = 30
_COUNTED = 1e-9
"""Part of a period's effect that the program may count too much without another tangent."""


@dataclass(frozen=True)
class ResponseCurve:
    r"""What a channel's spend causes in a period.

    Attributes:
        channel: its name.
        slope: s, effect of the first unit of money.
        ceiling: b of the shape, money a period (see `saturation`).
        shape: of S.
        retention: \(\theta\), 0 to under 1.
        lags: L, periods in which spend acts, its own included.
    """

    channel: str
    slope: float
    ceiling: float
    shape: Shape = "logistic"
    retention: float = 0.0
    lags: int = 8

    def __post_init__(self) -> None:
        """Checks the figures."""
        if not (self.slope > 0 and self.ceiling > 0 and 0 <= self.retention < 1 and self.lags >= 1):
            raise TermError(f"The curve of {self.channel} needs slope and ceiling over 0, a retention of 0 to under 1.")

    @classmethod
    def logistic(cls, channel: str, effect: float, rate: float, retention: float, lags: int = 8) -> "ResponseCurve":
        r"""\(\beta (1 - e^{-\lambda a})/(1 + e^{-\lambda a})\), with \(\beta\) the effect and \(\lambda\) the rate."""
        return cls(channel, effect * rate / 2, 2 / rate, "logistic", retention, lags)

    @cached_property
    def saturation(self) -> Saturation:
        """S."""
        return SHAPES[self.shape](np.array([self.ceiling]))

    def adstock(self, periods: int) -> F64:
        """Matrix from the spend of `lags - 1` periods before and `periods` of the plan to adstock [T, L - 1 + T]."""
        weights = self.retention ** np.arange(self.lags)
        matrix = np.zeros((periods, self.lags - 1 + periods))
        for lag, weight in enumerate(weights / weights.sum()):
            np.fill_diagonal(matrix[:, self.lags - 1 - lag :], weight)
        return matrix

    def effect(self, spend: F64, past: Sequence[float] = ()) -> F64:
        """What the spend [T] causes by period, after the spend of earlier periods, oldest first [T]."""
        return self.slope * self.saturation.effect(self.acting(spend, past))

    def acting(self, spend: F64, past: Sequence[float]) -> F64:
        """Adstock of the spend [T] after that of earlier periods [T]."""
        return np.asarray(self.adstock(len(spend)) @ np.concatenate([self.before(past), spend]))

    def before(self, past: Sequence[float]) -> F64:
        """The spend of the `lags - 1` periods before the plan, oldest first, 0 where nothing is known."""
        known = np.asarray(past, dtype=np.float64)[max(0, len(past) - self.lags + 1) :]
        return np.concatenate([np.zeros(self.lags - 1 - len(known)), known])


@dataclass(frozen=True, eq=False)
class Split:
    """Money over channels and periods, and what proves it.

    Attributes:
        spend: money by channel and period [C, T].
        value: what it causes.
        bound: no split within the limits causes more.
        gap: relative.
        marginal: what one more unit of the budget would cause.
    """

    spend: F64
    value: float
    bound: float
    gap: float
    marginal: float

    @property
    def share(self) -> F64:
        """Of each channel in all money [C]."""
        return np.asarray(self.spend.sum(axis=1) / max(float(self.spend.sum()), 1e-300))


def split_value(
    curves: Sequence[ResponseCurve], spend: F64, past: Mapping[str, Sequence[float]] | None = None
) -> float:
    """What spend by channel and period [C, T] causes in these periods."""
    known = past or {}
    return float(
        sum(curve.effect(row, known.get(curve.channel, ())).sum() for curve, row in zip(curves, spend, strict=True))
    )


def best_split(
    curves: Sequence[ResponseCurve],
    budget: float,
    periods: int,
    *,
    minimum: Mapping[str, float] | None = None,
    maximum: Mapping[str, float] | None = None,
    past: Mapping[str, Sequence[float]] | None = None,
    is_even: bool = False,
    gap: float = 1e-6,
) -> Split:
    """The split of a budget that causes most in the periods.

    Args:
        curves: one a channel.
        budget: money over all channels and periods; all of it may be spent.
        periods: T.
        minimum: least money of a channel over all periods, by name; equal to its maximum it holds the channel fixed.
        maximum: most money of a channel, by name.
        past: spend of earlier periods by channel, oldest first: it still acts.
        is_even: the same spend in every period.
        gap: relative distance of value and bound.

    Raises:
        Infeasible: minimums exceed the budget or their maximums; names them.
        TermError: a limit names no curve, or a figure means nothing.
    """
    least, most = _limits(curves, budget, minimum or {}, maximum or {})
    program = _Program(curves, budget, periods, least, most, past or {}, is_even=is_even)
    best, bound = np.zeros((len(curves), periods)), np.inf
    value = -np.inf
    for _ in range(_ROUNDS):
        found, over, marginal = program.solve()
        worth, bound = split_value(curves, found, past), min(bound, over)
        if worth > value:
            best, value = found, worth
        if relative_gap(value, bound) <= gap:
            break
        program.refine(found)
        program.refine((best + found) / 2)  # between the two: the answers swing around the best split
    return Split(best, value, max(bound, value), relative_gap(value, bound), marginal)


def money_curve(
    curves: Sequence[ResponseCurve], budgets: Sequence[float], periods: int, *, is_even: bool = False
) -> list[tuple[float, float, float]]:
    """Budget, value and marginal value of money of the best split of each budget."""
    found = [(budget, best_split(curves, budget, periods, is_even=is_even)) for budget in budgets]
    return [(budget, split.value, split.marginal) for budget, split in found]


class _Program:
    """The linear program over tangents; budget and limits are Parameters."""

    def __init__(  # noqa: PLR0917 - what `best_split` takes, in its order
        self,
        curves: Sequence[ResponseCurve],
        budget: float,
        periods: int,
        least: F64,
        most: F64,
        past: Mapping[str, Sequence[float]],
        *,
        is_even: bool,
    ):
        self._curves, self._past, count = curves, past, len(curves)
        self._unit = budget / periods or 1.0  # money and effect of one period are of order one
        self._worth = max(curve.slope for curve in curves) * self._unit
        self._spend = cp.Variable((count, 1 if is_even else periods), nonneg=True)
        spent = cp.sum(self._spend, axis=1) * (periods if is_even else 1)
        self._budget = cp.sum(spent) <= cp.Parameter(nonneg=True, value=budget / self._unit)
        low, high = cp.Parameter(count, value=least / self._unit), cp.Parameter(count, value=most / self._unit)
        self._constraints = [self._budget, spent >= low, spent <= high]
        self._periods, weights, carried = periods, [], []
        for curve in curves:
            matrix, before = curve.adstock(periods), curve.before(past.get(curve.channel, ()))
            carried.append(matrix[:, : curve.lags - 1] @ before / self._unit)
            own = matrix[:, curve.lags - 1 :]
            weights.append(own.sum(axis=1, keepdims=True) if is_even else own)
        # With even spend, all periods but the first few are the same: each kind is stated once, with its number.
        facts = np.round(np.hstack([*weights, *(each[:, None] for each in carried)]), 12)
        _, self._kept, self._number = np.unique(facts, axis=0, return_index=True, return_counts=True)
        self._acting = [
            each[self._kept] @ row + more[self._kept]
            for each, row, more in zip(weights, self._spend, carried, strict=True)
        ]
        self._caused = cp.Variable((count, len(self._kept)))
        for part in (0.0, *_FIRST):
            self._touch([np.full(periods, part * budget / (periods if is_even else 1))] * count)

    def solve(self) -> tuple[F64, float, float]:
        """Spend [C, T], an upper bound of what any spend causes, and the value of one more unit of money."""
        problem = cp.Problem(cp.Maximize(cp.sum(self._caused @ self._number)), self._constraints)
        solve_quietly(problem, primal_feasibility_tolerance=1e-10, dual_feasibility_tolerance=1e-10)
        marginal = float(self._budget.dual_value) * self._worth / self._unit
        spend = np.maximum(self._spend.value, 0.0) * self._unit
        return (
            np.repeat(spend, self._periods // spend.shape[1], axis=1),
            float(problem.value) * self._worth * (1 + 1e-9),
            max(0.0, marginal),
        )

    def refine(self, spend: F64) -> None:
        """Adds tangents at an answer, where the program had counted more than it causes."""
        known = [self._past.get(curve.channel, ()) for curve in self._curves]
        acting = [curve.acting(row, past) for curve, row, past in zip(self._curves, spend, known, strict=True)]
        self._touch(acting, least=_COUNTED)

    def _touch(self, acting: Sequence[F64], *, least: float = -np.inf) -> None:
        for c, (curve, everywhere) in enumerate(zip(self._curves, acting, strict=True)):
            at = everywhere[self._kept]
            caused = curve.slope * curve.saturation.effect(at) / self._worth
            counted = np.inf if self._caused.value is None else self._caused.value[c]
            where = np.flatnonzero(counted - caused > least)
            if not len(where):
                continue
            slope = (curve.slope * curve.saturation.slope(at) / self._worth)[where]
            tangent = cp.multiply(slope * self._unit, self._acting[c][where]) + (caused[where] - slope * at[where])
            self._constraints.append(self._caused[c][where] <= tangent)


def _limits(
    curves: Sequence[ResponseCurve], budget: float, minimum: Mapping[str, float], maximum: Mapping[str, float]
) -> tuple[F64, F64]:
    names = [curve.channel for curve in curves]
    figures = [budget, *minimum.values(), *maximum.values()]
    unknown = sorted({*minimum, *maximum} - set(names))
    if unknown or len(set(names)) != len(names):
        raise TermError(f"Limits on {unknown} and curves of {names}: each curve's channel once, limits on these only.")
    if not (np.isfinite(figures).all() and min(figures) >= 0):
        raise TermError(f"A budget and its limits must be amounts of at least 0; got {figures}.")
    least = np.array([minimum.get(name, 0.0) for name in names])
    most = np.array([maximum.get(name, 2 * budget) for name in names])  # no limit: the budget alone has a price
    crossed = [name for name, low, high in zip(names, least, most, strict=True) if low > high]
    if crossed:
        words = [
            f"at least {minimum[name]:,.2f} and at most {maximum.get(name, budget):,.2f} on {name}" for name in crossed
        ]
        raise Infeasible(words, [f"channel_budget:{name}" for name in crossed], [])
    if least.sum() > budget * (1 + 1e-12):
        held = [name for name, low in zip(names, least, strict=True) if low > 0]
        words = [f"a total budget of {budget:,.2f}", *(f"at least {minimum[name]:,.2f} on {name}" for name in held)]
        raise Infeasible(words, ["budget", *(f"channel_budget:{name}:minimum" for name in held)], [])
    return least, most
