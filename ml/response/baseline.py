"""The baseline head: how likely a person converts within the horizon when left alone."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.logit import Line, fit_line, logit_of, smoothed_rate, unit_mean
from ml.response.rows import Mask, TrainingRows
from ml.response.trees import Forest, TreeSettings, fit_forest

Vector = npt.NDArray[np.float64]
LearnedFrom = Literal["not_contacted", "everyone", "prior"]

SETTINGS: Final = TreeSettings(trees=200, leaves=7, learning_rate=0.08, rows_per_leaf=200, l2=20.0)

# The rows that calibrate have stopped the trees as well, so where they are few they may not move them far.
SLOPE_SD, INTERCEPT_SD = 0.1, 0.1


@dataclass(frozen=True)
class Baseline:
    """P(conversion in the horizon | not contacted, x) on the logit scale.

    Attributes:
        start: Logit of the overall rate.
        rise: What a log-linear function of few features says instead, where there is one.
        forest: What all features add.
        line: Calibration on held-out rows.
        learned_from: `not_contacted` people; `everyone` where everyone was contacted (the effect of a contact is then
            inside the baseline and can't be told apart); `prior` without any history.
        recent: Conversions of people left alone in the last days over those that it says. It is learned from all days, and its
            chances are those of an average one; people are scored for the days that come.
    """

    start: float
    forest: Forest
    line: Line
    learned_from: LearnedFrom
    rise: LogLine | None = None
    recent: float = 1.0

    def logit(self, matrix: Matrix, threads: int) -> Vector:
        """Calibrated logit of each row of `matrix` [n, F], [n]."""
        begun = self.start if self.rise is None else self.rise.logit(matrix)
        return np.asarray(self.line(begun + self.forest.answer(matrix, threads)))


def fit_baseline(
    rows: TrainingRows,
    difference: Vector,
    features: FactorFeatures,
    alone: Mask,
    told: Vector,
    *,
    seed: int,
    threads: int,
    settings: TreeSettings = SETTINGS,
) -> Baseline:
    """Learns the baseline from everyone, given what being contacted added.

    People left alone fix its level and its calibration; those contacted help with who is likelier than whom.

    Args:
        rows: All training rows.
        difference: What the contact added to each row's logit, 0 for those left alone, [n].
        features: Those that its trees begin with.
        alone: Rows of people left alone that count as such, [n]; others who weren't contacted teach nothing.
        told: Share of its outcome that each row has told, [n].
        seed: Seeds everything random.
        threads: Cores that this process really owns.
        settings: Size and caution of the trees.

    Returns:
        The head. With one class only it's the smoothed rate: never 0, never 1.
    """
    learned_from: LearnedFrom = "not_contacted" if alone.any() else "everyone"
    level = alone if alone.any() else rows.contacted
    known = level & rows.train if (level & rows.train).any() else level
    converted = float((unit_mean(rows.weight[known]) * rows.is_converted[known]).sum())
    start = logit_of(smoothed_rate(converted, float(known.sum())))
    rise, begun = None, np.full(len(rows.weight), start)
    if 0 < converted < known.sum():
        rise = LogLine.fit(features, rows.features[known], rows.is_converted[known], told[known])
        begun = rise.logit(rows.features)
    teaches = alone | rows.contacted
    learn = rows.pick(rows.train & teaches, rows.is_converted, begun + difference)
    hold = rows.pick(rows.tune & teaches, rows.is_converted, begun + difference)
    forest = Forest()
    if learn.has_both_classes:
        forest = fit_forest(learn, hold, settings, objective="binary", seed=seed, threads=threads)
    judge = rows.pick(level & rows.tune, rows.is_converted, difference)
    score = begun[level & rows.tune] + forest.answer(judge.matrix, threads)
    line = fit_line(score, judge.target, judge.weight, slope_sd=SLOPE_SD, intercept_sd=INTERCEPT_SD)
    return Baseline(start, forest, line, learned_from, rise)
