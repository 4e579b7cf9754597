"""What a contact uses of all that is scarce, in money: a price for the contact itself, and one for what it causes."""

from dataclasses import dataclass

import numpy as np

from ml.policy.value import ValueTable


@dataclass(frozen=True, eq=False)
class ShadowPrices:
    r"""Shadow prices of a plan, by which values are compared.

    \(\mathrm{price}_{ijo} = p_{jo} + q_{ijo}\, c_{s(i)jo} + a_j\, |e_{ijo}|\), with q the quantity that quotas and responses
    count (`ValueTable.quantity`) and e the contact's effect in money.

    Attributes:
        contact: p, float [J, O]: budgets, capacities and shares.
        conversion: c, float [S, J, O]: below 0 where a quota asks for more, above 0 where returns diminish; None: no term
            speaks of conversions.
        segment: s, int [N]; None puts everybody into the first.
        caution: a, float [J]: part of an effect taken off because it is uncertain; None: nothing is.
    """

    contact: np.ndarray
    conversion: np.ndarray | None = None
    segment: np.ndarray | None = None
    caution: np.ndarray | None = None

    def of(self, table: ValueTable, j: int, people: np.ndarray) -> np.ndarray:
        """Of every option for some people and one objective, float32 [P, O] or, where it is the same for all, [O]."""
        price = self.contact[j].astype(np.float32)
        if self.conversion is None and self.caution is None:
            return np.asarray(price)
        if self.conversion is not None:
            segment = np.zeros(len(people), dtype=np.int64) if self.segment is None else self.segment[people]
            price = price + self.conversion[segment, j].astype(np.float32) * table.quantity(j)[people]
        if self.caution is not None:
            price = price + np.float32(self.caution[j]) * np.abs(table.effect(j)[people])
        return np.asarray(price)

    def at(self, table: ValueTable, person: np.ndarray, objective: np.ndarray, option: np.ndarray) -> np.ndarray:
        """Of single contacts, float [K]."""
        price = self.contact[objective, option]
        if self.conversion is None and self.caution is None:
            return np.asarray(price)
        price = price.astype(np.float64)
        for j in range(len(table.objectives)):
            rows = np.flatnonzero(objective == j)
            whole = np.broadcast_to(self.of(table, j, person[rows]), (len(rows), len(table.options)))
            price[rows] = whole[np.arange(len(rows)), option[rows]]
        return np.asarray(price)
