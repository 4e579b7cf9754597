r"""Diminishing returns of very many totals, thousands of segments by channel: by turns, instead of in one master.

With the share lost of each effect held at \(\mu\), effects add up, at \(v_{ij} - \mu_g e_{ij}\) a contact: that problem
is decided like any other, and gives prices \(\lambda\) of the limits. With \(\lambda\) held, the segments have nothing
to do with each other: each one's \(\mu\) is found by Frank-Wolfe steps, all segments in one pass over the table, each
with its own step. Both turns lower the same bound, \(\phi(\lambda, \mu) + \lambda^\top b + \sum_g L_g^*(\mu_g)\), valid
at any prices. Between two turns the bound may stop falling before it is met; the gap says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.engine import ClassPrices
from ml.allocation.kernel import F64, I64
from ml.allocation.lookup import Lookup
from ml.allocation.problem import Problem
from ml.allocation.pruning import Classes, Table, fixed_point, largest
from ml.allocation.solution import Allocation, allocation
from ml.allocation.terms import Term

_TURNS = 20
_PATIENCE, _STALLED = 3, 0.9
"""The turns end where so many of them have left more than this share of the gap: what is left is in whole contacts."""
_FURTHER = 1.35
"""The turns approach the best shares from one side: going on by so much saves some."""
_PASSES = 30
_HALVINGS = 40
_SETTLED = 0.1
"""Share of the asked gap at which the segments' own search stops."""

Decide = Callable[[Problem, dict[str, float]], Allocation]


def solve_by_turns(
    problem: Problem, decide: Decide, *, gap: float, threads: int, warm: dict[str, float] | None = None
) -> Allocation:
    """The best plan of a problem with very many curves, and what proves it.

    Args:
        problem: with curves.
        decide: solves a problem without curves from prices by limit name.
        gap: relative distance to the bound that is asked for.
        threads: of the lookup.
        warm: prices of an earlier allocation, by the names of limits and curves.

    Raises:
        Infeasible: no plan keeps all limits.
    """
    segments = _Segments(problem, threads)
    prices, least = dict(warm or {}), segments.losses.slope(np.zeros(len(segments.losses)))
    lost = np.array([prices.get(name, share) for name, share in zip(problem.curve_names, least, strict=True)])
    best: Allocation | None = None
    bound, passes, gaps = np.inf, 0.0, list[float]()
    while True:
        linear = decide(_linear(problem, segments.charge(lost)), prices)
        prices, passes = linear.prices, passes + linear.passes
        bound = min(bound, linear.bound + segments.losses.conjugate(lost))
        named = prices | {
            name: float(share) for name, share in zip(problem.curve_names, lost, strict=True) if share > 0
        }
        found = allocation(problem, linear.chosen, bound=bound, prices=named, passes=passes, gap=gap)
        best = found if best is None or found.value > best.value else best
        best = allocation(problem, best.chosen, bound=bound, prices=best.prices, passes=passes, gap=gap)
        gaps.append(best.gap)
        is_stalled = len(gaps) > _PATIENCE and gaps[-1] > _STALLED * gaps[-1 - _PATIENCE]
        if best.status == "certified" or is_stalled or len(gaps) == _TURNS:
            return best
        better = segments.settle(prices, linear.chosen, _SETTLED * gap)
        lost = np.clip(lost + (_FURTHER if len(gaps) > 1 else 1.0) * (better - lost), 0.0, 1.0)
        passes += segments.passes


def _linear(problem: Problem, charge: tuple[F64, F64]) -> Problem:
    """The problem in which each contact pays for what it takes from the curves, and nothing diminishes."""
    candidates, (per_contact, per_conversion) = problem.candidates, charge
    value = candidates.value - per_contact[candidates.column]
    if candidates.quantity is not None:
        value -= per_conversion[_segment(problem), candidates.column] * candidates.quantity
    built = Problem(
        replace(candidates, value=value.astype(np.float32)),
        problem.columns,
        [term for term in problem.terms if type(term).admitted is Term.admitted and not _is_curve(term)],
    )
    for limit in built.limits:
        limit.number.value = problem.limit(limit.name).number.value
    return built


def _is_curve(term: Term) -> bool:
    return type(term).curves is not Term.curves


def _segment(problem: Problem) -> I64:
    """Of each candidate's person [M]."""
    candidates = problem.candidates
    if candidates.segment is None:
        return np.zeros(len(candidates), dtype=np.int64)
    return np.repeat(candidates.segment.astype(np.int64), np.diff(candidates.starts))


@dataclass(frozen=True, eq=False)
class _Sums:
    """What a plan adds up to: value less the limits' prices by segment [S], effects [G]."""

    worth: F64
    effect: F64


class _Segments:
    """The curves' own search, at fixed prices of the limits.

    Attributes:
        losses: of all curves.
        passes: taken by the last `settle`.
    """

    def __init__(self, problem: Problem, threads: int):
        self._problem = problem
        self._per_contact, self._per_conversion = problem.effects()
        self._shape = problem.totals.conversions.shape
        self._of_candidate = _segment(problem)
        self._lookup = Lookup(_whole_table(problem), 2 * threads, threads)
        self.losses = Losses.of(problem.curves, self._most())
        self._block = self._blocks()
        self.passes = 0.0

    def _most(self) -> F64:
        """More than any plan causes of each effect [G]: all candidates together, but for those that cause less."""
        candidates, (segments, columns) = self._problem.candidates, self._shape
        most = self._per_contact @ np.bincount(candidates.column, minlength=columns)
        if candidates.quantity is not None:
            at, weights = self._of_candidate * columns + candidates.column, np.maximum(candidates.quantity, 0.0)
            most = most + self._per_conversion @ np.bincount(at, weights=weights, minlength=segments * columns)
        return np.asarray(most, dtype=np.float64)

    def charge(self, lost: F64) -> tuple[F64, F64]:
        """What a contact [C] and an expected conversion [S, C] lose at the shares lost [G]."""
        return self._per_contact.T @ lost, (self._per_conversion.T @ lost).reshape(self._shape)

    def settle(self, prices: dict[str, float], chosen: I64, gap: float) -> F64:
        """The share lost of each effect that is best at the limits' prices [G], from a plan nearby."""
        rows = self._problem.rows()
        charged = rows.prices(prices)
        contact, conversion = charged @ rows.contacts, np.einsum("r,rsc->sc", charged, rows.conversions)
        net = self._net(contact, conversion)
        now = self._sums(np.sort(chosen[chosen >= 0]), net)
        self.passes = 0.0
        for _ in range(_PASSES):
            lost = self.losses.slope(now.effect)
            lost_contact, lost_conversion = self.charge(lost)
            at = self._lookup.choices(ClassPrices(contact + lost_contact, -(conversion + lost_conversion)))
            best = self._sums(np.sort(at[at >= 0]), net)
            self.passes += 1
            worth, effect = best.worth - now.worth, best.effect - now.effect
            if worth.sum() - lost @ effect <= gap * max(abs(now.worth.sum()), 1e-300):
                break
            step = self._step(now, worth, effect)
            now = _Sums(now.worth + step * worth, now.effect + step[self._block] * effect)
        return self.losses.slope(now.effect)

    def _step(self, now: _Sums, worth: F64, effect: F64) -> F64:
        """The best step of each segment toward its new plan, by bisection of the slope [S]."""
        low, high = np.zeros(len(worth)), np.ones(len(worth))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            lost = self.losses.slope(now.effect + middle[self._block] * effect) * effect
            rises = worth > np.bincount(self._block, weights=lost, minlength=len(worth))
            low, high = np.where(rises, middle, low), np.where(rises, high, middle)
        return low

    def _net(self, contact: F64, conversion: F64) -> F64:
        """Value of each candidate less the limits' prices [M]."""
        candidates = self._problem.candidates
        net = candidates.value.astype(np.float64) - contact[candidates.column]
        if candidates.quantity is not None:
            net -= conversion[self._of_candidate, candidates.column] * candidates.quantity
        return net

    def _sums(self, picked: I64, net: F64) -> _Sums:
        candidates, (segments, columns) = self._problem.candidates, self._shape
        segment, column = self._of_candidate[picked], candidates.column[picked].astype(np.int64)
        worth = np.bincount(segment, weights=net[picked], minlength=segments)
        effect: F64 = self._per_contact @ np.bincount(column, minlength=columns).astype(np.float64)
        if candidates.quantity is not None:
            weights = candidates.quantity[picked].astype(np.float64)
            caused = np.bincount(segment * columns + column, weights=weights, minlength=segments * columns)
            effect = effect + self._per_conversion @ caused
        return _Sums(np.asarray(worth, dtype=np.float64), effect)

    def _blocks(self) -> I64:
        """The segment of each curve [G]; where one is about several, all move with one step."""
        matrix = self._per_conversion.tocsr()
        first = np.full(len(self.losses), 0, dtype=np.int64)
        for curve in range(len(self.losses)):
            inside = np.unique(matrix.indices[matrix.indptr[curve] : matrix.indptr[curve + 1]] // self._shape[1])
            if len(inside) != 1:
                return np.zeros(len(self.losses), dtype=np.int64)
            first[curve] = inside[0]
        return first


def _whole_table(problem: Problem) -> Table:
    """All candidates, unpruned: a curve's charge may make any of them best."""
    given, columns = problem.candidates, problem.columns
    count = given.people_count
    most = np.full(count, problem.contacts_per_person, dtype=np.uint8)
    if given.contacts_left is not None:
        most = np.minimum(most, given.contacts_left)
    every = np.arange(len(columns), dtype=np.int64)
    none = np.zeros((0, len(columns)))
    classes = Classes(every, every, columns.channel, none, np.zeros((0, 1, len(columns))), problem.exclusive)
    quantity = np.empty(0, dtype=np.float32) if given.quantity is None else given.quantity
    segment = np.zeros(count, dtype=np.uint8) if given.segment is None else given.segment
    contacts = count * problem.contacts_per_person
    return Table(
        given.starts, given.column, given.value, quantity, np.arange(len(given)), np.arange(count), segment, most, classes,
        fixed_point(largest(given.value), contacts), fixed_point(largest(quantity), contacts),
    )  # fmt: skip
