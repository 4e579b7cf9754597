"""Learners of what any contact changes for a person, from drawn contacts of all channels together.

A channel alone has too few contacts to say who differs; what makes people ready for one makes them readier for others. The
DR-learner regresses the contrast's residuals, so one regression does; S-, T- and X-learners (`ml.learners`) learn outcomes anew.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.learners.bases import BASES, regressor_from
from ml.learners.contract import Answer, Learner, Matrix, Trial
from ml.learners.every import learner_from
from ml.learners.regressors import Base
from ml.learners.s_learner import SLearner
from ml.learners.t_learner import TLearner
from ml.learners.x_learner import XLearner
from ml.response.contrast import Contrast
from ml.response.personal import PooledLearner
from ml.response.rows import TrainingRows, at_most

ALONE_PER_CONTACT: Final = 1
"""People left alone per contact that a learner compares with and is judged by; more takes time and adds little precision."""
MOST_ROWS: Final = 40_000
"""Of the DR-learner, which fits once."""
MOST_OUTCOME_ROWS: Final = 16_000
"""Of learners that fit outcomes, up to four times each: a training stays under a minute."""
LEAST_CHANCE: Final = 0.02

Mask = npt.NDArray[np.bool_]


class ContrastLearner:
    """DR-learner on a contrast: regresses each row's doubly robust score of any contact's effect on its features.

    The score of a contact is its residual over the share of contacts, of a person left alone its negative over the share of
    these; residuals are of models that haven't seen the person (Kennedy 2023).

    Args:
        base: What predicts.
    """

    def __init__(self, base: Base) -> None:
        """Stores the base."""
        self.base: Base = base
        self.name = f"dr_{base}"
        self.model_ = BASES[base]()

    def fit(self, rows: TrainingRows, contrast: Contrast, mask: Mask, *, seed: int, threads: int) -> "ContrastLearner":
        """Learns from the rows of the contrast under `mask` [n]."""
        used = _some(contrast, mask, MOST_ROWS, seed)
        contacted = rows.contacted[used]
        share = float(contacted.mean()) if len(used) else 0.5
        side = np.where(contacted, 1 / share if share else 0.0, -1 / (1 - share) if share < 1 else 0.0)
        score = side * contrast.weight[used] * contrast.residual[used]
        ones = np.ones(len(used))
        self.model_ = BASES[self.base]().fit(rows.features[used], score, ones, "continuous", seed=seed, threads=threads)
        return self

    def answer(self, matrix: Matrix) -> Answer:
        """The effect of any contact, as the only action's; the baseline isn't learned here."""
        return Answer(np.zeros(len(matrix)), self.model_.predict(matrix)[:, None])

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {"learner": "contrast", "base": self.base, "model": self.model_.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ContrastLearner":
        """The learner that `to_dict` wrote."""
        made = cls(values["base"])
        made.model_ = regressor_from(values["model"])
        return made


Fit = Callable[..., PooledLearner]


def pooled_from(values: dict[str, Any]) -> PooledLearner:
    """The learner that wrote these values."""
    return ContrastLearner.from_dict(values) if values["learner"] == "contrast" else learner_from(values)


def _of_contrast(
    base: Base, rows: TrainingRows, contrast: Contrast, mask: Mask, *, seed: int, threads: int
) -> PooledLearner:
    return ContrastLearner(base).fit(rows, contrast, mask, seed=seed, threads=threads)


def _of_outcomes(
    make: Callable[[], Learner], rows: TrainingRows, contrast: Contrast, mask: Mask, *, seed: int, threads: int
) -> PooledLearner:
    """A learner of `ml.learners` with one action: any contact."""
    used = _some(contrast, mask, MOST_OUTCOME_ROWS, seed)
    contacted = rows.contacted[used]
    share = float(contacted.mean()) if len(used) else 0.5
    # Each side's weights have mean 1: a row's chance is its side's share, divided by how much it stands for.
    chance = np.where(contacted, share, 1 - share) / np.maximum(contrast.weight[used], LEAST_CHANCE)
    trial = Trial.of(
        rows.features[used],
        contacted.astype(np.int64),
        contrast.converted[used],
        propensity=np.clip(chance, LEAST_CHANCE, 1.0),
        actions=1,
    )
    return make().fit(trial, seed=seed, threads=threads)


def _some(contrast: Contrast, mask: Mask, most: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of contacts and of people left alone under `mask`, at most so many, in order."""
    rng = np.random.default_rng(seed)
    contact = at_most(contrast.contact[mask[contrast.contact]], most // (1 + ALONE_PER_CONTACT), rng)
    alone = at_most(contrast.alone[mask[contrast.alone]], ALONE_PER_CONTACT * len(contact), rng)
    return np.sort(np.concatenate([contact, alone]))


LEARNERS: Final[dict[str, Fit]] = {
    "dr_line": partial(_of_contrast, "line"),
    "s_trees": partial(_of_outcomes, partial(SLearner, "trees")),
    "t_trees": partial(_of_outcomes, partial(TLearner, "trees")),
    "x_trees": partial(_of_outcomes, partial(XLearner, "trees")),
    "dr_trees": partial(_of_contrast, "trees"),
}
"""What is tried, from the simplest to the least simple: called with the rows, the contrast, a mask, seed and threads."""
