"""Finds the prices: asks the lookup for plans and the master for their best mixture until value and bound meet."""

from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.engine import ClassPrices, Engine, RangeTotals
from ml.allocation.kernel import F64
from ml.allocation.master import Cuts, Master, Mix

_INWARD = 0.35
"""Share of the best prices known in the next prices tried: steadies the search (in-out smoothing)."""
_MOST_ROUNDS = 400


@dataclass(frozen=True, eq=False)
class Priced:
    """What the search ended with.

    Attributes:
        prices: those of the smallest bound [R].
        bound: no plan is worth more.
        mix: the best mixture.
        master: with the plans of the mixture.
        is_met: value and bound are as close as asked.
    """

    prices: F64
    bound: float
    mix: Mix
    master: Master
    is_met: bool


def upper_bound(  # noqa: PLR0917 - the proof and all it is made of
    totals: list[RangeTotals],
    lookup: Engine,
    prices: F64,
    limits: F64,
    value_weight: float = 1.0,
    losses: Losses | None = None,
) -> float:
    r"""\(\phi(\lambda) + \lambda^\top b + \sum_g L_g^*(\lambda_g)\): the Lagrangian bound, valid for any prices of at least 0.

    \(L^*\) is the conjugate of the losses of the last limits, where effects diminish.
    """
    whole = sum(totals[1:], totals[0])
    bound = value_weight * whole.money(lookup.measures) + float(prices @ (limits - whole.use(lookup.measures)))
    return bound if losses is None else bound + losses.conjugate(prices[len(prices) - len(losses) :])


class Pricing:
    """Dantzig-Wolfe with a cut for each group of people and in-out smoothing.

    Args:
        lookup: over the table.
        limits: b [R].
        value_weight: 0 where only feasibility is sought.
        relief_cost: per unit of scale [R], see `Master`.
        plans: plans known from an earlier search over the same table and limits.
        inward: share of the best prices known in the next prices tried.
        losses: of the last limits, those with diminishing effects.
    """

    def __init__(
        self,
        lookup: Engine,
        limits: F64,
        scale: F64,
        money: float,
        *,
        value_weight: float = 1.0,
        relief_cost: F64 | None = None,
        plans: list[Cuts] | None = None,
        inward: float = _INWARD,
        losses: Losses | None = None,
    ):
        self._lookup, self._limits, self._weight = lookup, limits, value_weight
        self._money, self._inward, self._losses = money, inward, losses
        self.master = Master(
            limits,
            scale,
            money,
            len(lookup.ranges),
            relief_cost=relief_cost,
            value_weight=value_weight,
            losses=losses,
            widest=None if losses is None else scale[len(scale) - len(losses) :],
        )
        if plans is not None:
            self.master.cuts = plans
        self._best, self._bound = np.zeros(len(limits)), np.inf
        self._is_outward = False

    def try_prices(self, prices: F64) -> list[RangeTotals]:
        """One pass at the prices, which may lower the bound."""
        totals = self._lookup.totals(self._charged(prices))
        bound = upper_bound(totals, self._lookup, prices, self._limits, self._weight, self._losses)
        if bound < self._bound:
            self._bound, self._best = bound, prices
        return totals

    def begin(self, start: F64) -> None:
        """One pass at the prices tried first [R]."""
        self._add(self.try_prices(start), start)

    def mix(self) -> Priced:
        """The best mixture of the plans so far, and the bound; `is_met` is left false."""
        self.master.forget(self._best)
        return Priced(self._best, self._bound, self.master.mix(), self.master, is_met=False)

    def distance(self, mix: Mix) -> float:
        """From the mixture's value to the bound, relative to the larger of them."""
        return (self._bound - mix.value) / max(abs(mix.value), abs(self._bound), 1e-12 * self._money)

    def advance(self, mix: Mix) -> bool:
        """One pass between the best prices known and the mixture's. False: its prices give no new plan.

        Nothing new at the master's own prices says that its mixture is optimal to the last digits that there are.
        """
        was_outward = self._is_outward
        prices = mix.prices if was_outward else self._inward * self._best + (1 - self._inward) * mix.prices
        totals = self.try_prices(prices)
        is_new, is_better = self._improves(totals, mix.prices), self._add(totals, prices)
        self._is_outward = not is_new
        return is_better or not was_outward or not self.master.is_exact

    def search(self, start: F64, gap: float, *, stop_when_feasible: bool = False) -> Priced:
        """Narrows value and bound to a relative `gap`, from the prices `start`.

        Args:
            start: prices tried first [R].
            gap: where to stop.
            stop_when_feasible: stop as soon as no relief is in use.
        """
        self.begin(start)
        for _ in range(_MOST_ROUNDS):
            priced = self.mix()
            is_feasible = stop_when_feasible and not (priced.mix.relief > 0).any()
            if is_feasible or self.distance(priced.mix) <= gap:
                return replace(priced, is_met=True)
            if not self.advance(priced.mix):
                return priced
        return priced

    def _charged(self, prices: F64) -> ClassPrices:
        return ClassPrices.of(self._lookup.measures, prices, self._weight)

    def _add(self, totals: list[RangeTotals], prices: F64) -> bool:
        added = [
            cuts.add(part.money(self._lookup.measures), part.use(self._lookup.measures), self._charged(prices))
            for cuts, part in zip(self.master.cuts, totals, strict=True)
        ]
        return any(added)

    def _improves(self, totals: list[RangeTotals], prices: F64) -> bool:
        """Whether some group's plan beats all its known ones at the master's own prices."""
        measures = self._lookup.measures
        for cuts, part in zip(self.master.cuts, totals, strict=True):
            known = (self._weight * np.array(cuts.value) - np.array(cuts.use) @ prices).max()
            new = self._weight * part.money(measures) - float(part.use(measures) @ prices)
            if new > known + 1e-13 * self._money:
                return True
        return False
