"""Learns the contact heads from people contacted and people left alone."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import CHANNELS, Option
from ml.response.effects import Effects, Shifts
from ml.response.logit import Line, fit_cells, fit_line, logit_of, smoothed_rate, unit_mean
from ml.response.rows import TrainingRows, distinct_options
from ml.response.trees import Forest, TreeSettings, fit_forest

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

COMMON: Final = TreeSettings(trees=150, leaves=7, learning_rate=0.08, rows_per_leaf=200, l2=20.0)
POOLED: Final = TreeSettings(trees=100, leaves=5, learning_rate=0.08, rows_per_leaf=100, l2=8.0)
CHANNEL: Final = TreeSettings(trees=80, leaves=5, learning_rate=0.08, rows_per_leaf=100, l2=8.0)

# Prior standard deviations in logits: a contact may multiply the odds by e, channels differ by half of that, and offers
# within a channel by half again. The level has no opinion of its own.
LEVEL_SD, POOLED_SD, CHANNEL_SD, OPTION_SD = 10.0, 1.0, 0.5, 0.25

SLOPE_SD, INTERCEPT_SD = 0.25, 0.05
"""How far calibration may move a difference from what its head says, on strong evidence."""

CONTROLS_PER_CONTACT: Final = 4
"""A channel's trees compare with so many people left alone per contact; more adds time and hardly any precision."""


@dataclass(frozen=True)
class Trial:
    """Training rows seen as one experiment with many arms.

    Attributes:
        rows: The training rows.
        option: Position of each row's action in `options`, [n].
        options: The distinct channels and offers; None is to be left alone.
    """

    rows: TrainingRows
    option: Integers
    options: list[Option | None]

    @classmethod
    def of(cls, training: pd.DataFrame, rows: TrainingRows) -> "Trial":
        """The trial in a training frame.

        Each side's weights have mean 1: a thinned row that stands for ten people is the evidence of one, and must not
        drown the contacts that it's compared with.
        """
        weight = rows.weight.copy()
        for side in (rows.contacted, ~rows.contacted):
            weight[side] = unit_mean(weight[side])
        return cls(replace(rows, weight=weight), *distinct_options(training))

    @property
    def channels(self) -> list[str]:
        """Channels with a contact, in the order of CHANNELS."""
        used = {done.channel for done in self.options if done is not None}
        return [channel for channel in CHANNELS if channel in used]

    def reached_by(self, channel: str) -> Mask:
        """Which rows were contacted through `channel`, [n]."""
        hits = np.array([done is not None and done.channel == channel for done in self.options], dtype=bool)
        return np.asarray(hits[self.option])

    def average_difference(self, shifts: Shifts) -> Vector:
        """The average difference of each row's action, 0 for those left alone, [n]."""
        return np.array([0.0 if done is None else shifts.of(done) for done in self.options])[self.option]


def fit_effects(trial: Trial, *, seed: int, threads: int) -> tuple[Effects, Vector]:
    """Learns the differences.

    Args:
        trial: The training rows.
        seed: Seeds everything random.
        threads: Cores that this process really owns.

    Returns:
        The heads before calibration, and what they say of each row's action in logits, 0 for those left alone, [n].
        Without contacts, or with nobody left alone to compare with, the heads say 0.
    """
    rows = trial.rows
    if rows.contacted.all() or not rows.contacted.any():
        return Effects(Shifts(0.0, {}, {}), Forest(), {}, {}), np.zeros(len(trial.option))
    common = _fit_common(trial, seed, threads)
    shifts = _fit_shifts(trial, common)
    start = common + trial.average_difference(shifts)
    everyone = np.ones(len(start), dtype=bool)
    pooled = _fit_trees(trial, everyone, rows.contacted, start, np.zeros_like(start), POOLED, seed, threads)
    inherited = pooled.answer(_with_offers(trial, everyone, rows.contacted, seed), threads)
    forests: dict[str, Forest] = {
        channel: _fit_channel(trial, channel, start, inherited, seed + 1 + position, threads)
        for position, channel in enumerate(CHANNELS)
        if channel in trial.channels
    }
    effects = Effects(shifts, pooled, forests, {})
    return effects, _difference(trial, effects, threads)


def calibrate_effects(trial: Trial, effects: Effects, difference: Vector, baseline: Vector) -> Effects:
    """Fits each channel's calibration line on held-out contacts.

    The line moves the difference alone: the baseline is an offset and keeps its own calibration, so that uplift can't
    come from two calibrations that disagree.

    Args:
        trial: The training rows.
        effects: The heads.
        difference: What they say of each row's action, [n].
        baseline: Calibrated baseline logit of each row, [n].
    """
    lines: dict[str, Line] = {}
    if trial.rows.contacted.all():  # nobody to compare with: the difference stays 0
        return effects
    for channel in trial.channels:
        hold = trial.reached_by(channel) & trial.rows.tune
        lines[channel] = fit_line(
            difference[hold],
            trial.rows.is_converted[hold],
            unit_mean(trial.rows.weight[hold]),
            offset=baseline[hold],
            slope_sd=SLOPE_SD,
            intercept_sd=INTERCEPT_SD,
        )
    return replace(effects, lines=lines)


def _fit_common(trial: Trial, seed: int, threads: int) -> Vector:
    """What contacted and uncontacted people have in common: logit of each row before its difference, [n]."""
    rows = trial.rows
    known = rows.train if rows.train.any() else np.ones_like(rows.train)
    converted = float((unit_mean(rows.weight[known]) * rows.is_converted[known]).sum())
    flat = np.full(len(known), logit_of(smoothed_rate(converted, float(known.sum()))))
    start = flat + trial.average_difference(_fit_shifts(trial, flat))
    learn, hold = (rows.pick(part, rows.is_converted, start, with_offer=False) for part in (rows.train, rows.tune))
    if not learn.has_both_classes:
        return flat
    forest = fit_forest(learn, hold, COMMON, objective="binary", seed=seed, threads=threads)
    return flat + forest.answer(rows.features, threads)


def _fit_shifts(trial: Trial, common: Vector) -> Shifts:
    rows, options, channels = trial.rows, trial.options, trial.channels
    known = rows.train if (rows.train & rows.contacted).any() else np.ones_like(rows.train)
    contact = np.array([done is not None for done in options])
    columns = [[done is not None and done.channel == channel for done in options] for channel in channels]
    own = np.eye(len(options))[:, contact]
    design = np.column_stack([np.ones(len(options)), contact, *columns, own]).astype(np.float64)
    prior = np.repeat([LEVEL_SD, POOLED_SD, CHANNEL_SD, OPTION_SD], [1, 1, len(channels), own.shape[1]])
    weight = unit_mean(rows.weight[known])
    _, pooled, *rest = fit_cells(
        trial.option[known],
        design,
        offset=common[known],
        target=rows.is_converted[known],
        weight=weight,
        prior_sd=prior,
    ).tolist()
    names = [str(done) for done in options if done is not None]
    return Shifts(pooled, dict(zip(channels, rest, strict=False)), dict(zip(names, rest[len(channels) :], strict=True)))


def _fit_channel(  # noqa: PLR0917 - as _fit_trees
    trial: Trial, channel: str, start: Vector, inherited: Vector, seed: int, threads: int
) -> Forest:
    reached = trial.reached_by(channel)
    alone = np.flatnonzero(~trial.rows.contacted)
    wanted = min(len(alone), CONTROLS_PER_CONTACT * int(reached.sum()))
    among = reached.copy()
    among[np.random.default_rng(seed).choice(alone, wanted, replace=False)] = True
    return _fit_trees(trial, among, reached, start, inherited, CHANNEL, seed, threads)


def _fit_trees(  # noqa: PLR0917 - one call shape for pooled and channel trees
    trial: Trial,
    among: Mask,
    reached: Mask,
    start: Vector,
    inherited: Vector,
    settings: TreeSettings,
    seed: int,
    threads: int,
) -> Forest:
    """Trees for the difference between rows `reached` and the other rows `among`, beyond what they have `inherited`."""
    rows = trial.rows
    share = float(np.average(reached[among], weights=rows.weight[among]))
    exposure = reached.astype(np.float64) - share
    matrix = _with_offers(trial, among, reached, seed)
    compared = replace(rows, matrix=matrix)
    learn, hold = (
        compared.pick(among & part, rows.is_converted, start + exposure * inherited, with_offer=True, exposure=exposure)
        for part in (rows.train, rows.tune)
    )
    if not learn.has_both_classes:
        return Forest()
    return fit_forest(learn, hold, settings, objective="binary", seed=seed, threads=threads)


def _with_offers(trial: Trial, among: Mask, reached: Mask, seed: int) -> npt.NDArray[np.float32]:
    """The matrix where people left alone carry an offer that they might have had, drawn from those that were made.

    Otherwise a split on the offer would set contacted people apart, and the trees would learn their level as an effect.
    """
    matrix = trial.rows.matrix.copy()
    alone = np.flatnonzero(among & ~reached)
    made = matrix[reached, -1]
    matrix[alone, -1] = np.random.default_rng(seed).choice(made, len(alone)) if len(made) else 0.0
    return matrix


def _difference(trial: Trial, effects: Effects, threads: int) -> Vector:
    difference = trial.average_difference(effects.shifts)
    for channel in trial.channels:
        reached = trial.reached_by(channel)
        matrix = trial.rows.matrix[reached]
        difference[reached] += effects.pooled.answer(matrix, threads) + effects.channel(channel).answer(matrix, threads)
    return difference
