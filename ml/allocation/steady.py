"""A search for prices that starts near them: the master's prices are held in a box around the start, which moves.

Without the box the first mixtures know too few plans, and their prices lie far from anything known: a good start would
be forgotten at once.
"""

from dataclasses import dataclass, replace

import numpy as np

from ml.allocation.concave import Losses
from ml.allocation.engine import Engine
from ml.allocation.kernel import F64, Bool
from ml.allocation.pricing import Priced, Pricing

_INWARD = 0.75
_ROUNDS = 150
_WIDENINGS = 8
_WIDER = 4.0
_SETTLED = 5e-3
"""Distance of value and bound within the box from which on a price at its edge moves it."""
_FROM_NOWHERE, _FROM_NEARBY = 1.0, 0.1
_SMALLEST = 0.02
"""Where all that the plan is worth is 1, and a limit's own number 1: prices under this get this one's room."""


@dataclass(frozen=True, eq=False)
class _Box:
    """Prices from `center - radius` to `center + radius`, at least 0 [R]."""

    center: F64
    radius: F64

    @property
    def edges(self) -> tuple[F64, F64]:
        return np.maximum(self.center - self.radius, 0.0), self.center + self.radius

    def moved(self, prices: F64, is_held: Bool) -> "_Box":
        """Around the prices, and wider, where the box has held them."""
        return _Box(np.where(is_held, prices, self.center), np.where(is_held, _WIDER * self.radius, self.radius))


def search_near(  # noqa: PLR0917 - what the plain search takes, in its order
    lookup: Engine,
    limits: F64,
    scale: F64,
    money: float,
    start: F64 | None,
    gap: float,
    *,
    losses: Losses | None = None,
) -> Priced:
    """Prices, bound and mixture, searched around `start`.

    Args:
        lookup: over the table.
        limits: b [R].
        scale: what is one unit of each limit [R].
        money: what is one unit of value.
        start: prices expected nearby [R]; None where nothing is known.
        gap: relative distance of value and bound to stop at.
        losses: of the last limits, those with diminishing effects.

    Returns:
        Not met where it was not found, and where no mixture keeps all limits: the plain search decides then.
    """
    pricing = Pricing(lookup, limits, scale, money, inward=_INWARD, losses=losses)
    unit = money / scale
    if start is None:
        box = _Box(np.zeros(len(limits)), _FROM_NOWHERE * unit)
    else:
        box = _Box(start, _FROM_NEARBY * np.maximum(start, _SMALLEST * unit))
    pricing.begin(box.center)
    widenings = 0
    for _ in range(_ROUNDS):
        pricing.master.hold(*box.edges)
        priced = pricing.mix()
        distance, is_held = pricing.distance(priced.mix), priced.mix.is_held
        if not is_held.any() and distance <= gap:
            return replace(priced, is_met=True)
        is_stuck = distance > gap and not pricing.advance(priced.mix)
        if is_held.any() and (is_stuck or distance <= max(gap, _SETTLED)):
            widenings += 1
            box = box.moved(priced.prices, is_held)
        elif is_stuck:
            break
        if widenings > _WIDENINGS:
            break
    return priced
