"""What a fitted learner says of people: one call shape for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.entities import Option
from ml.features import Matrix
from ml.response.exposure import Exposure
from ml.response.person_factor import PersonFactor
from ml.response.personal import PooledLearner

Vector = npt.NDArray[np.float64]


class Spoken(Protocol):
    """A fitted learner."""

    @property
    def is_whole(self) -> bool:
        """Whether it says the whole effect, already as far as it's believed, and not how people differ from the average."""

    def of(self, features: Matrix, options: Sequence[Option]) -> Vector:
        """What it says that each of O options changes for each of m people, difference in chances, [m, O].

        Args:
            features: [m, F].
            options: The contacts.
        """


@dataclass(frozen=True)
class SaysNothing:
    """The same of everybody."""

    is_whole: bool = False

    def of(self, features: Matrix, options: Sequence[Option]) -> Vector:  # noqa: D102
        return np.broadcast_to(0.0, (len(features), len(options)))


@dataclass(frozen=True)
class SaysPooled:
    """One effect of any contact."""

    learner: PooledLearner
    is_whole: bool = False

    def of(self, features: Matrix, options: Sequence[Option]) -> Vector:  # noqa: D102
        return np.broadcast_to(self.learner.answer(features).effects[:, :1], (len(features), len(options)))


@dataclass(frozen=True)
class SaysFactor:
    """The option's level times the person's factor, and how likely the person looks."""

    factor: PersonFactor
    exposure: Exposure
    is_whole: bool = True

    def of(self, features: Matrix, options: Sequence[Option]) -> Vector:  # noqa: D102
        level = np.array([self.factor.levels.of(option).mean for option in options])
        return np.asarray(self.factor.of(features)[:, None] * level * self.exposure.ratios(features, options))
