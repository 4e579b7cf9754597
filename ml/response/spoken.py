"""What a fitted learner says of people: one call shape for all of them."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ml.entities import Option
from ml.features import Matrix
from ml.response.effects import Effects
from ml.response.logit import sigmoid
from ml.response.person_factor import PersonFactor
from ml.response.personal import PooledLearner

Vector = npt.NDArray[np.float64]
_FLOOR = 1e-6


class Spoken(Protocol):
    """A fitted learner."""

    @property
    def is_relative(self) -> bool:
        """Whether it says shares of an option's average, already as far as they're believed, and not differences in chances."""

    def of(self, matrix: Matrix, baseline: npt.NDArray[Any], option: Option) -> Vector:
        """What it says that a contact changes.

        Args:
            matrix: Features and, in the last column, the offer's code (it is overwritten), [n, F + 1].
            baseline: Chance to convert when left alone, [n].
            option: The contact.

        Returns:
            The difference in chances, [n]; a share of the average where it is relative.
        """


@dataclass(frozen=True)
class SaysNothing:
    """The same of everybody."""

    is_relative: bool = False

    def of(self, matrix: Matrix, baseline: npt.NDArray[Any], option: Option) -> Vector:  # noqa: ARG002, D102
        return np.zeros(len(matrix))


@dataclass(frozen=True)
class SaysByTrees:
    """Pooled trees and a channel's own, on the logit scale."""

    effects: Effects
    offers: tuple[str, ...]
    threads: int
    is_relative: bool = False

    def of(self, matrix: Matrix, baseline: npt.NDArray[Any], option: Option) -> Vector:  # noqa: D102
        matrix[:, -1] = self.offers.index(option.offer_id) if option.offer_id in self.offers else np.nan
        trees = self.effects.pooled.answer(matrix, self.threads)
        trees = trees + self.effects.channel(option.channel).answer(matrix, self.threads)
        chance = np.clip(baseline.astype(np.float64), _FLOOR, 1 - _FLOOR)
        return np.asarray(sigmoid(np.log(chance / (1 - chance)) + self.effects.calibrate(option, trees)) - chance)


@dataclass(frozen=True)
class SaysPooled:
    """One effect of any contact."""

    learner: PooledLearner
    is_relative: bool = False

    def of(self, matrix: Matrix, baseline: npt.NDArray[Any], option: Option) -> Vector:  # noqa: ARG002, D102
        return np.asarray(self.learner.answer(matrix[:, :-1]).effects[:, 0])


@dataclass(frozen=True)
class SaysFactor:
    """The person's factor, the same for every option."""

    factor: PersonFactor
    is_relative: bool = True

    def of(self, matrix: Matrix, baseline: npt.NDArray[Any], option: Option) -> Vector:  # noqa: ARG002, D102
        return self.factor.of(matrix[:, :-1])
