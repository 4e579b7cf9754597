r"""How much of a learner's differences between people held-out people support.

The learner is fitted on half of the people and asked of the other half, and the other way round. Its differences d, centred by
option, are then held against the residuals r of `ml.response.contrast`:

    slope = (mean of r d / mean of d^2 over contacts) - (the same over people left alone)

which is the interaction of contact and d in a regression of r, the doubly robust scores (Chernozhukov, Demirer, Duflo and
Fernandez-Val 2018, the best linear predictor of effects). 1 means that differences are as large as said, 0 that they are noise. What is
used is the slope's lower confidence bound, between 0 and 1: a difference that isn't there costs more than one that is missed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ml.entities import Option
from ml.response.contrast import FOLDS, Contrast
from ml.response.pooled import ALONE_PER_CONTACT
from ml.response.rows import at_most
from ml.response.spoken import Spoken
from ml.response.trial import Trial

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Learn = Callable[[npt.NDArray[np.bool_], int], Spoken]
"""Fits a learner on rows under a mask with a seed."""

Z_LOWER: Final = 1.2816
"""One-sided 90 % bound: one learner in ten that knows nothing gets any say."""
LEAST_CONTACTS: Final = 200
"""Fewer drawn contacts support no difference between people."""
CENTRE_ROWS: Final = 20_000


@dataclass(frozen=True)
class Slope:
    """What held-out people support of a learner's differences."""

    estimate: float
    sd: float

    @property
    def used(self) -> float:
        """The lower bound, between 0 and 1."""
        return float(np.clip(self.estimate - Z_LOWER * self.sd, 0.0, 1.0))


@dataclass(frozen=True)
class HeldOut:
    """What a learner said of people that it had not learned from.

    Attributes:
        rows: Contacts, then people left alone, as rows of the training frame, [m].
        option: Option of each contact, and one drawn for each person left alone, [m].
        effects: What it said of each row's person and each of O options, as it said it, [m, O].
        said: The same of each row's own option, centred by option and side, [m].
        fold: Fold of each row, [m].
        is_whole: Of what was fitted for each fold, `Spoken.is_whole`.
    """

    rows: Integers
    option: Integers
    effects: Vector
    said: Vector
    fold: Integers
    is_whole: tuple[bool, ...]


def sides(contrast: Contrast, seed: int) -> tuple[Integers, Integers]:
    """Rows of contacts and some people left alone, and their options: drawn ones for people left alone."""
    rng = np.random.default_rng(seed)
    alone = at_most(contrast.alone, ALONE_PER_CONTACT * len(contrast.contact), rng)
    drawn = rng.choice(contrast.option, len(alone))
    return np.concatenate([contrast.contact, alone]), np.concatenate([contrast.option, drawn])


def held_out(trial: Trial, contrast: Contrast, learn: Learn, *, seed: int) -> HeldOut:
    """What a learner says of people of the other fold.

    Args:
        trial: The training rows.
        contrast: The same rows' contrast.
        learn: Fits the learner.
        seed: Seeds everything random.
    """
    rows, option = sides(contrast, seed)
    fold, effects, is_whole = contrast.fold[rows], np.zeros((len(rows), len(contrast.options))), []
    for k in range(FOLDS):
        spoken = learn(contrast.fold != k, seed + k)
        is_whole.append(spoken.is_whole)
        effects[fold == k] = spoken.of(trial.rows.features[rows[fold == k]], contrast.options)
    said = effects[np.arange(len(rows)), option]
    said -= _centred(said, contrast.weight[rows], option, np.arange(len(rows)) < len(contrast.contact))
    return HeldOut(rows, option, effects, said, fold, tuple(is_whole))


def slope_of(contrast: Contrast, held: HeldOut, usual: Vector, where: npt.NDArray[np.bool_] | None = None) -> Slope:
    """The slope on these rows.

    Args:
        contrast: The contrast.
        held: What was said of its rows.
        usual: What the average of each row's option says of who is as likely to look, [m]: a learner's differences are
            what is left, or who looks would count twice.
        where: Rows to use, [m]; all without it.
    """
    contacted = np.arange(len(held.rows)) < len(contrast.contact)
    used = np.ones(len(held.rows), dtype=bool) if where is None else where
    if min((contacted & used).sum(), (~contacted & used).sum()) < LEAST_CONTACTS:
        return Slope(0.0, 0.0)
    weight, residual = contrast.weight[held.rows], contrast.residual[held.rows].copy()
    residual[contacted] -= usual[contacted]
    residual[contacted] -= _centred(residual, weight, held.option, contacted)[contacted]
    _, person = np.unique(contrast.person[held.rows], return_inverse=True)
    estimate, influence = 0.0, np.zeros(int(person.max()) + 1)
    for sign, side in ((1.0, contacted & used), (-1.0, ~contacted & used)):
        share, said = weight[side] / weight[side].sum(), held.said[side]
        square = float(share @ said**2)
        if square <= 0:
            return Slope(0.0, 0.0)
        part = float((share * residual[side]) @ said) / square
        estimate += sign * part
        influence += np.bincount(
            person[side], sign * share * said * (residual[side] - part * said) / square, minlength=len(influence)
        )
    return Slope(estimate, float(np.sqrt((influence**2).sum())))


def centres_of(
    trial: Trial, contrast: Contrast, spoken: Spoken, options: Sequence[Option], seed: int
) -> dict[str, float]:
    """Mean of what a learner says, by option, over those whom its channel reached; over all contacts where these are few."""
    rng, centres = np.random.default_rng(seed), dict[str, float]()
    channel = np.array([done.channel for done in contrast.options], dtype=object)[contrast.option]
    for name in [*dict.fromkeys(option.channel for option in [*contrast.options, *options])]:
        at = contrast.contact[channel == name]
        at = at if len(at) >= LEAST_CONTACTS else contrast.contact
        if len(at) > CENTRE_ROWS:
            at = rng.choice(at, CENTRE_ROWS, replace=False)
        share = contrast.weight[at] / contrast.weight[at].sum()
        wanted = [one for one in dict.fromkeys([*contrast.options, *options]) if one.channel == name]
        means = (share @ spoken.of(trial.rows.features[at], wanted)).tolist()
        centres |= dict(zip(map(str, wanted), means, strict=True)) | {name: float(np.mean(means))}
    return centres | {"": float(np.mean(list(centres.values()) or [0.0]))}


def _centred(values: Vector, weight: Vector, option: Integers, contacted: npt.NDArray[np.bool_]) -> Vector:
    """Weighted mean by option and side, for each row."""
    cell = option * 2 + contacted
    count = int(cell.max(initial=0)) + 1
    total = np.bincount(cell, weight * values, minlength=count)
    mass = np.bincount(cell, weight, minlength=count)
    return np.asarray(np.divide(total, mass, out=np.zeros(count), where=mass > 0)[cell])
