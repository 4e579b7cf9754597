"""Guardrails on what a plan rests on: the data, the model, and whether contacting these people helps at all."""

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from ml.policy.guardrails.figures import PlanFigures
from ml.policy.guardrails.reading import Reading, reading

BINS: Final = 10
_FLOOR: Final = 1e-4
"""Least share of a bin: an empty one would make the index infinite."""


def stability_index(before: np.ndarray, now: np.ndarray) -> float | None:
    """Population stability index of two samples of scores: sum_b (a_b - e_b) ln(a_b / e_b) over deciles of `before`.

    Customary readings: below 0.1 no shift, above 0.25 a large one (Siddiqi, Credit Risk Scorecards, 2006).

    Args:
        before: float [N], scores that the model was accepted with.
        now: float [M], today's.

    Returns:
        The index, at least 0; None where either sample is empty.

    >>> stability_index(np.arange(100.0), np.arange(100.0))
    0.0
    """
    if not len(before) or not len(now):
        return None
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    expected, actual = (
        np.maximum(np.bincount(np.searchsorted(edges, scores, "right"), minlength=len(edges) + 1) / len(scores), _FLOOR)
        for scores in (before, now)
    )
    return float(((actual - expected) * np.log(actual / expected)).sum())


@dataclass(frozen=True)
class DataAge:
    """Age of the newest data."""

    name: ClassVar[str] = "data_age_hours"
    formula: ClassVar[str] = "hours since a file with rows came in <= bound"
    remedy: ClassVar[str] = "new landing files lift it"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """How old the data are on which the plan rests."""
        figures = f"the newest data are {plan.data_age_hours:.0f} hours old"
        return reading(self, plan.data_age_hours, figures, limit=f"{self.bound:.0f}")


@dataclass(frozen=True)
class ModelDrift:
    """Shift of the scores since the model came into use, among people left alone: contacts move scores by themselves."""

    name: ClassVar[str] = "score_drift"
    formula: ClassVar[str] = (
        "population stability index of scores of people left alone since the model's first day <= bound"
    )
    remedy: ClassVar[str] = "a model fitted on newer data lifts it (job `train`)"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """How far today's scores are from those that the model began with."""
        figures = (
            f"scores of people left alone have shifted by {plan.score_drift or 0:.3f} since the model came into use"
        )
        return reading(self, plan.score_drift, figures, limit=f"{self.bound:.2f}")


@dataclass(frozen=True)
class LiftLoss:
    """Loss that is certain: how far the lift's whole interval lies below 0."""

    name: ClassVar[str] = "lift_loss"
    formula: ClassVar[str] = "-(upper end of the lift against holdout) <= bound"
    remedy: ClassVar[str] = "approve it, or change the objective's audience, offers or channels: contacts do harm"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The upper end of the lift, below 0 as a loss."""
        loss = None if plan.lift_high is None else -plan.lift_high
        figures = f"the lift against holdout is at best {plan.lift_high or 0:+.5f} {plan.lift_unit}"
        return reading(self, loss, figures, limit=f"a certain loss of {self.bound:g}")
