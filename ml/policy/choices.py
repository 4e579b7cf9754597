"""Who was chosen for what, with the exact probability of that choice."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Choices:
    """K contacts.

    Attributes:
        person: int64 [K], position of the customer.
        objective: int64 [K], position of the objective.
        option: int64 [K], position of the option.
        probability: float64 [K], chance with which the policy chose this option for this person in this cycle.
    """

    person: np.ndarray
    objective: np.ndarray
    option: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.person)

    def __add__(self, other: "Choices") -> "Choices":
        pairs = zip(self._columns(), other._columns(), strict=True)
        return Choices(*(np.concatenate(pair) for pair in pairs))

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.person, self.objective, self.option, self.probability

    @classmethod
    def of_columns(cls, column: np.ndarray, options: int, probability: np.ndarray | float = 1.0) -> "Choices":
        """Choices among columns that are objective by objective, options within, as `ValueTable.dense` makes them.

        Args:
            column: int [N] or [N, k], chosen column of each person; -1 for none.
            options: O.
            probability: float [N] of the person's contacts, or [N, k] of each; or one for all.
        """
        chosen = column[:, None] if column.ndim == 1 else column
        person, rank = np.nonzero(chosen >= 0)
        objective, option = np.divmod(chosen[person, rank].astype(np.int64), options)
        each = np.asarray(probability, dtype=np.float64)
        each = np.broadcast_to(each[:, None] if each.ndim == 1 else each, chosen.shape)[person, rank]
        return cls(person, objective, option, each)


def no_choices() -> Choices:
    """Nobody is contacted."""
    empty = np.zeros(0, dtype=np.int64)
    return Choices(empty, empty, empty, np.zeros(0))
