"""Tunes the baseline's trees: who converts when left alone decides how much of an outcome is left to explain.

Settings are drawn by optuna's tree-structured Parzen estimator with a stated seed, each judged by the log loss of people left
alone who didn't teach. The settings in use are the first trial, so tuning can't do worse by that judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.evaluation.classification import log_loss
from ml.features import FeatureSpec
from ml.response.baseline import SETTINGS
from ml.response.factor_features import FactorFeatures
from ml.response.log_line import LogLine
from ml.response.rows import TrainingRows, prepare
from ml.response.trees import TreeSettings, chances

MOST_ROWS: Final = 40_000
"""Rows that a trial learns from: their order of settings is that of all rows, at a fraction of the time."""


@dataclass(frozen=True)
class TuningTrial:
    """Settings that were tried, and the loss on people who didn't teach."""

    settings: TreeSettings
    loss: float
    seconds: float
    is_best: bool = False

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The settings that differ between trials."""
        names = ("leaves", "learning_rate", "rows_per_leaf", "l2", "feature_share")
        return {name: getattr(self.settings, name) for name in names}


def tune(
    training: pd.DataFrame, *, trials: int, seed: int, threads: int, start: TreeSettings = SETTINGS
) -> tuple[TuningTrial, ...]:
    """Tries settings; the best is marked.

    Args:
        training: The training frame.
        trials: How many to try, the first being `start`.
        seed: Of the draws and the trees.
        threads: Cores that this process really owns.
        start: Settings in use.

    Returns:
        The trials in order; none where nobody was left alone to learn from or to judge by.
    """
    import optuna  # noqa: PLC0415 - a second that only the job `train` spends

    spec = FeatureSpec.fit(training)
    rows = _left_alone(training, spec, seed)
    if rows is None or trials < 1:
        return ()
    features = FactorFeatures.fit(spec, rows.features)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({
        "leaves": start.leaves, "learning_rate": start.learning_rate, "rows_per_leaf": start.rows_per_leaf,
        "l2": start.l2, "feature_share": start.feature_share,
    })  # fmt: skip
    done: list[TuningTrial] = []

    def loss(trial: "optuna.Trial") -> float:
        begun = perf_counter()
        settings = replace(
            start,
            leaves=trial.suggest_int("leaves", 4, 31),
            learning_rate=trial.suggest_float("learning_rate", 0.02, 0.2, log=True),
            rows_per_leaf=trial.suggest_int("rows_per_leaf", 20, 800, log=True),
            l2=trial.suggest_float("l2", 1.0, 100.0, log=True),
            feature_share=trial.suggest_float("feature_share", 0.3, 1.0),
        )
        found = _loss(rows, features, settings, seed, threads)
        done.append(TuningTrial(settings, found, perf_counter() - begun))
        return found

    study.optimize(loss, n_trials=trials)
    best = min(range(len(done)), key=lambda place: done[place].loss)
    return tuple(replace(one, is_best=place == best) for place, one in enumerate(done))


def _left_alone(training: pd.DataFrame, spec: FeatureSpec, seed: int) -> TrainingRows | None:
    rows = prepare(training, spec)
    taken = ~rows.contacted & (rows.train | rows.tune)
    if taken.sum() > MOST_ROWS:
        taken &= np.random.default_rng(seed).random(len(taken)) < MOST_ROWS / taken.sum()
    part = {name: getattr(rows, name)[taken] for name in rows.__dataclass_fields__}
    kept = TrainingRows(**part)
    enough = all(0 < kept.is_converted[side].sum() < side.sum() for side in (kept.train, kept.tune))
    return kept if enough else None


def _loss(rows: TrainingRows, features: FactorFeatures, settings: TreeSettings, seed: int, threads: int) -> float:
    """Log loss of half of the tuning rows, after the trees on top of the line were stopped on the other half."""
    judges = rows.tune & (np.random.default_rng(seed).random(len(rows.tune)) < 0.5)  # noqa: PLR2004
    teach = rows.train
    line = LogLine.fit(features, rows.features[teach], rows.is_converted[teach], np.ones(int(teach.sum())))
    start = line.logit(rows.features)
    learn, stop = (rows.pick(part, rows.is_converted, start) for part in (rows.train, rows.tune & ~judges))
    chance = chances(learn, stop, rows.features[judges], start[judges], settings, seed, threads)
    return log_loss(chance, rows.is_converted[judges], rows.weight[judges])
