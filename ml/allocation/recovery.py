"""From prices to a plan: whole contacts that keep every limit, found where people are nearly tied."""

from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.kernel import F32, F64, I64, Bool
from ml.allocation.lookup import ClassPrices, Lookup, look_up
from ml.allocation.pricing import Priced
from ml.allocation.restricted import Plan, Restricted

_FEW_CANDIDATES = 1500
"""Up to so many, whole contacts are chosen among all of them at once."""
_NEAR_TIES = 150
_MOST_TIES = 6000
_WIDER = 6
_WIDTH = 4.0
"""How far from the nearest ties' loss a candidate of an open person may lie to stay in the pool."""
_DIVIDED = 1e-7


@dataclass(frozen=True, eq=False)
class _Settling:
    """What the prices choose, and where that is not the last word.

    Attributes:
        prices: of the smallest bound.
        chosen: at these prices [P, k].
        margin: loss of each person's cheapest change [P].
        unsettled: people whose contacts differ between the plans that the master mixes [P].
        others: candidates that these plans give them.
    """

    prices: ClassPrices
    chosen: I64
    margin: F32
    unsettled: Bool
    others: I64


class Recovery:
    """Looks for a plan near the prices' own choice.

    People are fixed to what the prices choose for them, but for those whose choice is not settled: it differs between
    the plans that the master mixes (a feasible mixture exists among these), or is nearly tied. Among them a linear
    program finds the split, then an integer program over the few still divided and the nearest ties makes it whole.

    Args:
        lookup: over the table.
        limits: b [R].
        contacts: k.
        loss: money that each integer program may stay below the best it could find.
        seconds: time limit of each integer program.
    """

    def __init__(self, lookup: Lookup, limits: F64, contacts: int, *, loss: float, seconds: float):
        self._lookup, self._table, self._limits = lookup, lookup.table, limits
        self._contacts, self._loss, self._seconds = contacts, loss, seconds

    def plan(self, priced: Priced) -> Plan | None:
        """The best plan found near the prices; None where none was."""
        if len(self._table.value) <= _FEW_CANDIDATES:
            return self.whole()
        settling, ties = self._settle(priced), _NEAR_TIES
        while True:
            plan = self._repair(settling, ties)
            if plan is not None or ties >= min(self._table.people_count, _MOST_TIES):
                return plan
            ties *= _WIDER

    def whole(self) -> Plan | None:
        """Whole contacts chosen among all candidates, with the integer program's own bound."""
        people = self._table.people_count
        nothing = np.full((people, self._contacts), -1, dtype=np.int64)
        everything = np.arange(len(self._table.value), dtype=np.int64)
        program = Restricted(self._table, self._limits, nothing, np.ones(people, dtype=np.bool_), everything)
        return program.whole(self._loss, self._seconds)

    def _settle(self, priced: Priced) -> _Settling:
        table, lookup = self._table, self._lookup
        prices = ClassPrices.of(table, priced.prices)
        chosen, margin = lookup.choices(prices, self._contacts), lookup.margins(prices)
        unsettled, others = np.zeros(len(chosen), dtype=np.bool_), [np.empty(0, dtype=np.int64)]
        for (low, high), cuts, weights in zip(lookup.ranges, priced.master.cuts, priced.mix.weights, strict=True):
            for cut in np.flatnonzero(weights > 0):
                part, cut_prices = np.full((high - low, self._contacts), -1, dtype=np.int64), cuts.prices[cut]
                if cut_prices is not None:
                    look_up(table, cut_prices, low, high, part)
                differs = (part != chosen[low:high]).any(axis=1)
                unsettled[low:high] |= differs
                others.append(part[differs].reshape(-1))
                lookup.passes += (high - low) / len(chosen)
        found = np.concatenate(others)
        return _Settling(prices, chosen, margin, unsettled, np.unique(found[found >= 0]))

    def _repair(self, settling: _Settling, ties: int) -> Plan | None:
        table, tied = self._table, _smallest(settling.margin, ties)
        is_open = settling.unsettled | tied
        width = _WIDTH * float(np.max(settling.margin[tied], initial=0.0))
        pool = np.union1d(self._near(settling, is_open, width), settling.others)
        linear = Restricted(table, self._limits, settling.chosen, is_open, pool)
        split = linear.shares()
        if split is None:
            return None
        owner = np.searchsorted(table.starts, pool, side="right") - 1
        divided = np.zeros(len(is_open), dtype=np.bool_)
        divided[owner[(split.share > _DIVIDED) & (split.share < 1 - _DIVIDED)]] = True
        still_open = is_open & (divided | tied)
        settled = linear.settled(split.share, is_open & ~still_open)
        rest = Restricted(table, self._limits, settled, still_open, pool[still_open[owner]])
        plan = rest.whole(self._loss, self._seconds)
        return None if plan is None else replace(plan, prices=split.prices)

    def _near(self, settling: _Settling, is_open: Bool, width: float) -> I64:
        """Candidates of open people that lose at most `width` against the last contact chosen, or against none."""
        table, people = self._table, np.flatnonzero(is_open)
        lengths = np.diff(table.starts)[people]
        candidates = np.repeat(table.starts[people], lengths) + _ramp(lengths)
        owner = np.repeat(people, lengths)
        last = settling.chosen[owner, -1]
        floor = np.where(last >= 0, self._reduced(settling.prices, last, owner), 0.0)
        reduced = self._reduced(settling.prices, candidates, owner)
        near: I64 = candidates[reduced >= floor - width - 1e-12 * np.abs(floor)]
        return near

    def _reduced(self, prices: ClassPrices, candidates: I64, owner: I64) -> F64:
        """Value less price of candidates [n]."""
        table, klass = self._table, self._table.klass[candidates]
        reduced = table.value[candidates].astype(np.float64) - prices.contact[klass]
        if table.quantity.size:
            reduced += prices.conversion[table.segment[owner], klass] * table.quantity[candidates]
        return np.asarray(reduced, dtype=np.float64)


def _smallest(margin: F32, count: int) -> Bool:
    """The people with the `count` smallest margins; all of them where there are no more."""
    chosen = np.ones(len(margin), dtype=np.bool_)
    if count < len(margin):
        chosen[:] = False
        chosen[np.argpartition(margin, count)[:count]] = True
    return chosen


def _ramp(lengths: I64) -> I64:
    """0, 1, … restarting with each length."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
