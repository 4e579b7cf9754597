r"""Narrows a mixture of plans to few people, whatever ties there are: everybody else gets one of the plans whole.

The master mixes plans of large groups, \(\sum_j w_{gj} = 1\). Cut in parts, a group's plans may be mixed part by part,
and a vertex of that linear program mixes no more parts than limits bind: all others take one plan. Parts that are still
mixed are cut again, until few people are left. No draw is needed, so totals are kept to the last contact, and only sums
of the parts come back from the people.
"""

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
import scipy.sparse as sp

from ml.allocation.concave import Losses
from ml.allocation.engine import ClassPrices, Engine, Mixture
from ml.allocation.errors import SolverStatusError
from ml.allocation.kernel import F64, I64, slices
from ml.allocation.master import solve_quietly
from ml.allocation.pricing import Priced
from ml.allocation.softened import SoftRows

_PARTS = 16
"""Parts that a mixed range of people is cut into."""
_FEW = 400
"""People in mixed parts that need no further cut."""
_LEVELS = 12
"""Cuts at most: 16 to this power is beyond any number of people."""
_REFINEMENTS = 4
_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class _Part:
    """A range of people with the totals of its plans [J], their uses [J, R] and the share of each [J]."""

    people: tuple[int, int]
    prices: list[ClassPrices | None]
    value: F64
    use: F64
    weight: F64

    @property
    def is_mixed(self) -> bool:
        return len(self.weight) > 1

    def only(self, weight: F64) -> "_Part":
        """With the plans that have a weight over rounding."""
        kept = np.flatnonzero(weight > _TOLERANCE)
        prices = [self.prices[j] for j in kept]
        return _Part(self.people, prices, self.value[kept], self.use[kept], weight[kept] / weight[kept].sum())


def divided(engine: Engine, limits: F64, priced: Priced, losses: Losses | None = None) -> list[Mixture]:
    """The mixture's value and use, or better, with few people in ranges that still mix plans.

    Args:
        engine: the people.
        limits: b [R].
        priced: prices and the mixture over the engine's groups.
        losses: of the last limits, those with diminishing effects.

    Returns:
        Ranges that cover everybody, with the plans of each.
    """
    parts = _groups(engine, priced)
    for _ in range(_LEVELS):
        mixed = [part for part in parts if part.is_mixed]
        if sum(high - low for low, high in (part.people for part in mixed)) <= _FEW:
            break
        settled = [part for part in parts if not part.is_mixed]
        cut = _cut(engine, mixed)
        beside = sum((part.use[0] for part in settled), np.zeros(len(limits)))
        weights = _weights(cut, limits, beside, losses)
        if weights is None:
            break
        parts = settled + [part.only(weight) for part, weight in zip(cut, weights, strict=True)]
    return [Mixture(part.people, part.prices, part.weight) for part in sorted(parts, key=lambda part: part.people)]


def _groups(engine: Engine, priced: Priced) -> list[_Part]:
    return [
        _Part(people, cuts.prices, np.array(cuts.value), np.array(cuts.use), weight).only(weight)
        for people, cuts, weight in zip(engine.ranges, priced.master.cuts, priced.mix.weights, strict=True)
    ]


def _cut(engine: Engine, parts: list[_Part]) -> list[_Part]:
    """The parts in smaller ones, with the same plans and their totals there."""
    asked = [
        ((part.people[0] + low, part.people[0] + high), prices)
        for part in parts
        for low, high in slices(part.people[1] - part.people[0], _PARTS)
        for prices in part.prices
    ]
    totals = iter(engine.totals_within(asked))
    found, measures = [], engine.measures
    for part in parts:
        for low, high in slices(part.people[1] - part.people[0], _PARTS):
            plans = [next(totals) for _ in part.prices]
            value = np.array([plan.money(measures) for plan in plans])
            use = np.array([plan.use(measures) for plan in plans])
            people = (part.people[0] + low, part.people[0] + high)
            found.append(_Part(people, part.prices, value, use, part.weight))
    return found


def _weights(parts: list[_Part], limits: F64, beside: F64, losses: Losses | None) -> list[F64] | None:
    """The best weights of all parts' plans; None where the linear program finds none."""
    value, use = np.concatenate([part.value for part in parts]), np.concatenate([part.use for part in parts]).T
    owner: I64 = np.repeat(np.arange(len(parts)), [len(part.weight) for part in parts])
    unit = float(np.abs(value).max(initial=0.0)) or 1.0
    size = np.abs(use).max(axis=1)
    rows = np.flatnonzero((size > 0) & np.isfinite(limits))
    w = cp.Variable(len(value), nonneg=True)
    whole = sp.csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))))
    held = sp.csr_array(use[rows] / size[rows, None]) @ w <= (limits - beside)[rows] / size[rows]
    constraints, worth, soft = [whole @ w == 1, held], (value / unit) @ w, None
    for _ in range(_REFINEMENTS):
        if losses is not None:
            curved = slice(len(limits) - len(losses), len(limits))
            soft = soft or SoftRows(losses, beside[curved], use[curved], unit)
            rounded, cost = soft.add_to(w)
            program = cp.Problem(cp.Maximize(worth - cost), [*constraints, *rounded])
        else:
            program = cp.Problem(cp.Maximize(worth), constraints)
        try:
            solve_quietly(program, primal_feasibility_tolerance=_TOLERANCE)
        except SolverStatusError:
            return None
        if soft is None or not soft.refine(w.value):
            break
    weight = np.maximum(w.value, 0.0)
    return [weight[owner == part] for part in range(len(parts))]
