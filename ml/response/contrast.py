"""What contacts that were drawn brought, beyond what the same people were expected to do when left alone.

    residual_i = y_i - m(x_i) - (mean over people left alone on that day, weighted, of y - m(x))

m is learned from people left alone, by folds of people so that nobody's own outcome is in their expectation. Weighted by the
inverse of the probability of what was done, the mean residual of an option's contacts is its doubly robust effect (Robins,
Rotnitzky and Zhao 1994; cross-fitted after Chernozhukov et al. 2018): right where either m or the probabilities are.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import Option
from ml.response.evidence import is_drawn
from ml.response.logit import logit_of, sigmoid, smoothed_rate, unit_mean
from ml.response.rows import TrainingRows
from ml.response.split import person_bucket
from ml.response.trees import TreeSettings, fit_forest

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SETTINGS: Final = TreeSettings(trees=80, leaves=15, learning_rate=0.1, rows_per_leaf=200, l2=10.0)
FOLDS: Final = 2
MAXIMUM_ALONE: Final = 60_000
"""People left alone that an expectation is learned from; more take time and change it by less than its trees do."""
DAY_ROWS: Final = 1000.0
"""People left alone after whom a day's level counts as much as that of all days."""


@dataclass(frozen=True)
class Contrast:
    """Drawn contacts and the people left alone beside them, as rows of a training frame of n rows.

    Attributes:
        contact: Rows of drawn contacts, [C].
        option: Position of each contact's option in `options`, [C].
        options: Distinct options with a drawn contact.
        alone: Rows of people left alone, [A].
        expected: Chance to convert when left alone, from other people's outcomes, [n].
        residual: Outcome beyond what was expected and beyond the day's level, [n]; of other rows it means nothing.
        weight: Sample weight x inverse probability, mean 1 within each channel and among people left alone, [n].
        fold: Fold of each row's person, [n].
        person: Number of each row's person, [n].
        base_rate: Conversions of people left alone, weighted.
        conversions: Of the contacts.
        is_drawn: False where no contact was drawn, and those chosen by habit stand in.
    """

    contact: Integers
    option: Integers
    options: tuple[Option, ...]
    alone: Integers
    expected: Vector
    residual: Vector
    weight: Vector
    fold: Integers
    person: Integers
    base_rate: float
    conversions: int
    is_drawn: bool

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to compare."""
        return not len(self.contact) or not len(self.alone)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel of each option."""
        return tuple(option.channel for option in self.options)


def contrast_of(
    training: pd.DataFrame,
    rows: TrainingRows,
    option: Integers,
    options: list[Option | None],
    *,
    seed: int,
    threads: int,
) -> Contrast:
    """The contrast in the rows that teach and tune.

    Args:
        training: The training frame, of n rows.
        rows: The same as arrays.
        option: Position of each row's action in `options`, [n].
        options: Distinct options; None is to be left alone.
        seed: Seeds everything random.
        threads: Cores that this process really owns.
    """
    used = rows.train | rows.tune
    if not used.any():
        used = np.ones_like(used)
    drawn = rows.contacted & is_drawn(training) & used
    contact = drawn if drawn.any() else rows.contacted & used
    alone = ~rows.contacted & used
    weight = _weights(rows, option, options, alone)
    fold = person_bucket(training["customer_id"]) % FOLDS
    person = pd.factorize(training["customer_id"])[0].astype(np.int64)
    kept = [
        position for position, done in enumerate(options) if done is not None and (option[contact] == position).any()
    ]
    place = np.full(len(options), -1)
    place[kept] = np.arange(len(kept))
    expected, residual, rate = np.zeros(len(fold)), np.zeros(len(fold)), 0.0
    if alone.any() and contact.any():
        expected = _expected(rows, alone, contact | alone, weight, fold, seed, threads)
        residual = rows.is_converted - expected
        residual -= _levels(training, residual, weight, alone)
        rate = smoothed_rate(float((unit_mean(weight[alone]) * rows.is_converted[alone]).sum()), float(alone.sum()))
    return Contrast(
        np.flatnonzero(contact), place[option[contact]], tuple(options[position] for position in kept),  # type: ignore[misc]
        np.flatnonzero(alone), expected, residual, weight, fold, person, rate,
        int(rows.is_converted[contact].sum()), bool(drawn.any()),
    )  # fmt: skip


def _weights(rows: TrainingRows, option: Integers, options: list[Option | None], alone: Mask) -> Vector:
    """Row weights with mean 1 within each channel and among people left alone, [n]."""
    channel = np.array([-1 if done is None else sum(map(ord, done.channel)) for done in options])[option]
    weight = rows.weight.copy()
    for code in np.unique(channel):
        part = alone if code < 0 else channel == code
        weight[part] = unit_mean(weight[part])
    return weight


def _expected(  # noqa: PLR0917 - everything that says who learns from whom
    rows: TrainingRows, alone: Mask, wanted: Mask, weight: Vector, fold: Integers, seed: int, threads: int
) -> Vector:
    """Chance to convert when left alone, learned from people of the other folds, [n]; 0 outside `wanted`."""
    expected = np.zeros(len(fold))
    for k in range(FOLDS):
        teach, asked = alone & (fold != k), wanted & (fold == k)
        if not teach.any():
            teach = alone
        if teach.sum() > MAXIMUM_ALONE:
            teach &= np.random.default_rng(seed + k).random(len(fold)) < MAXIMUM_ALONE / teach.sum()
        known = unit_mean(weight[teach])
        start = np.full(len(fold), logit_of(smoothed_rate(float((known * rows.is_converted[teach]).sum()), len(known))))
        weighted = replace(rows, weight=weight)
        stops = np.random.default_rng(seed + k).random(len(fold)) < 0.2  # noqa: PLR2004 - a fifth says when to stop
        learn, hold = (
            weighted.pick(teach & part, rows.is_converted, start, with_offer=False) for part in (~stops, stops)
        )
        score = start[asked]
        if learn.has_both_classes:
            forest = fit_forest(learn, hold, SETTINGS, objective="binary", seed=seed + k, threads=threads)
            score = score + forest.answer(rows.features[asked], threads)
        expected[asked] = sigmoid(score)
    return expected


def _levels(training: pd.DataFrame, residual: Vector, weight: Vector, alone: Mask) -> Vector:
    """Mean residual of people left alone on each row's day, drawn towards that of all days, [n]."""
    day = pd.factorize(training["as_of_on"])[0] if "as_of_on" in training else np.zeros(len(residual), dtype=np.int64)
    count = int(day.max(initial=0)) + 1
    total = np.bincount(day[alone], weight[alone] * residual[alone], minlength=count)
    mass = np.bincount(day[alone], weight[alone], minlength=count)
    overall = float(total.sum() / mass.sum())
    return np.asarray(((total + DAY_ROWS * overall) / (mass + DAY_ROWS))[day])
