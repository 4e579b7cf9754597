"""Words for a system decision that isn't the best at its prices: it was drawn, so that other options are learned about."""

from typing import Final

import numpy as np

from ml.entities import ARMS
from ml.policy.prices import ShadowPrices
from ml.policy.value import ValueTable

_SYSTEM: Final = ARMS.index("system")
_NOTICED: Final = 5e-5
"""Money: less than this isn't seen in figures of four decimals."""
CONTACTED: Final = "drawn: another choice is worth a little more, and this one is learned about at little cost"
LEFT_ALONE: Final = (
    "drawn: a contact is worth a little more, and what happens without one is learned about at little cost"
)


def reasons_of_the_draw(
    table: ValueTable,
    chosen: tuple[np.ndarray, np.ndarray, np.ndarray],
    price: ShadowPrices,
    reason: np.ndarray,
    chance: np.ndarray,
) -> np.ndarray:
    """The reasons [R], those of system decisions replaced that were drawn against a better choice.

    Args:
        table: Values.
        chosen: Person, objective and option (-1: none) of each decision [R].
        price: shadow prices.
        reason: object [R], as the exact plan would give them.
        chance: float [R], probability of each decision.
    """
    person, objective, option = chosen
    rows = np.flatnonzero(((table.arm[person] == _SYSTEM).any(axis=1)) & (chance < 1))
    people, best = np.unique(person[rows], return_inverse=True)
    best_of = _best(table, people, price)[best]
    net = table.uplift[person[rows], option[rows]] * table.unit_value[person[rows], objective[rows]]
    own = net - table.cost[person[rows], option[rows]] - price.at(table, person[rows], objective[rows], option[rows])
    is_contact = option[rows] >= 0
    by_system = is_contact & (table.arm[person[rows], objective[rows]] == _SYSTEM)
    is_alone = ~is_contact
    worse = best_of > np.where(is_contact, own, 0.0) + _NOTICED
    words = reason.copy()
    words[rows[worse & by_system]] = CONTACTED
    words[rows[worse & is_alone]] = LEFT_ALONE
    return words


def _best(table: ValueTable, people: np.ndarray, price: ShadowPrices) -> np.ndarray:
    """Best value after prices that the system arm could choose for some people, at least 0 for none, float [P]."""
    best = np.zeros(len(people))
    for j in range(len(table.objectives)):
        allowed = table.allowed[j][people][:, table.channel] & (table.arm[people, j] == _SYSTEM)[:, None]
        left = (
            table.uplift[people] * table.unit_value[people, j : j + 1] - table.cost[people] - price.of(table, j, people)
        )
        best = np.maximum(best, np.where(allowed, left, 0.0).max(axis=1, initial=0.0))
    return best
