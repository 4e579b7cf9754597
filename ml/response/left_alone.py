"""Who was left alone by chance: gives people left alone beside a trial the chance with which they were.

A past campaign keeps the probability of each contact that it drew, and says nothing of those it left alone. Where another
campaign picks its targets by habit on the same day, the likeliest buyers are missing among people left alone, and whoever
is compared with these seems to have been moved by the contact. The chance to be left alone is therefore estimated from what
was known of everybody on that day; weighted by its inverse, people left alone stand for everybody again (Rosenbaum and
Rubin 1983; Hirano, Imbens and Ridder 2003).
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.features import FeatureSpec
from ml.response.evidence import is_contacted, is_drawn
from ml.response.logit import logit_of, unit_mean
from ml.response.split import person_bucket
from ml.response.trees import Rows, TreeSettings, chances

Mask = npt.NDArray[np.bool_]

SETTINGS: Final = TreeSettings(trees=50, leaves=15, learning_rate=0.1, rows_per_leaf=200, l2=10.0)
LEAST_CHANCE: Final = 0.02
"""A smaller one makes a single person stand for more than fifty."""
MAXIMUM_ROWS: Final = 50_000
"""So many rows settle how habit chose; more take time alone."""
_TUNE_SHARE: Final = 20  # per cent of people that say when to stop


def with_chances(training: pd.DataFrame, *, seed: int, threads: int) -> pd.DataFrame:
    """The frame with a `propensity` of people left alone on days of a trial in the history.

    Rows that have one keep it, and so do days on which no contact was drawn: there is nobody to compare with.

    Args:
        training: As `assets.frames.training_frame` makes it, with the contacts that were chosen by habit.
        seed: Seeds everything random.
        threads: Cores that this process really owns.
    """
    contacted = is_contacted(training)
    drawn = contacted & is_drawn(training)
    own = training["source"].to_numpy() == "history" if "source" in training else np.ones(len(training), dtype=bool)
    days = training["as_of_on"] if "as_of_on" in training else pd.Series(0, index=training.index)
    on_trial = own & days.isin(set(days[drawn & own])).to_numpy()
    unknown = on_trial & ~contacted & training["propensity"].isna().to_numpy()
    if not unknown.any():
        return training
    chance = _chance(training[on_trial], ~contacted[on_trial], unknown[on_trial], seed, threads)
    filled = training["propensity"].to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    filled[unknown] = np.clip(chance, LEAST_CHANCE, 1 - 1e-6)
    return training.assign(propensity=filled)


def _chance(rows: pd.DataFrame, alone: Mask, wanted: Mask, seed: int, threads: int) -> npt.NDArray[np.float64]:
    """Estimated chance to be left alone of the rows that are wanted."""
    matrix = FeatureSpec.fit(rows).matrix(rows)
    target = alone.astype(np.float64)
    sample = rows["sample_weight"].to_numpy(dtype=np.float64) if "sample_weight" in rows else np.ones(len(rows))
    start = np.full(len(rows), logit_of(float(np.average(target, weights=sample))))
    taken = np.ones(len(rows), dtype=bool)
    if len(rows) > MAXIMUM_ROWS:
        taken = np.random.default_rng(seed).random(len(rows)) < MAXIMUM_ROWS / len(rows)
    tune = person_bucket(rows["customer_id"]) % 100 < _TUNE_SHARE
    learn, hold = (
        Rows(matrix[part], target[part], unit_mean(sample[part]), start[part]) for part in (taken & ~tune, taken & tune)
    )
    return chances(learn, hold, matrix[wanted], start[wanted], SETTINGS, seed, threads)
