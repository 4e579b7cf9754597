"""The learners by name, and a learner from what it wrote."""

from typing import Any, Final

from ml.learners.average import Average
from ml.learners.contract import Learner
from ml.learners.dr_learner import DRLearner
from ml.learners.mean_effect import MeanEffect
from ml.learners.s_learner import SLearner
from ml.learners.t_learner import TLearner
from ml.learners.x_learner import XLearner

_LEARNERS: Final[dict[str, type[Learner]]] = {
    "s": SLearner, "t": TLearner, "x": XLearner, "dr": DRLearner, "mean": MeanEffect, "average": Average,
}  # fmt: skip


def candidates() -> list[Learner]:
    """Every learner that is tried, unfitted; the baseline first."""
    return [
        MeanEffect(), SLearner("line"), TLearner("line"), DRLearner("line"),
        SLearner("trees"), TLearner("trees"), XLearner("trees"), DRLearner("trees"),
    ]  # fmt: skip


def learner_from(values: dict[str, Any]) -> Learner:
    """The learner that its `to_dict` wrote."""
    return _LEARNERS[values["learner"]].from_dict(values)
