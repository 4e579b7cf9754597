"""Fits a response model: all heads, the average effects, and the learner of personal effects that evidence supports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import Option
from ml.features import FeatureSpec
from ml.response.amount import Amount, fit_amount
from ml.response.averages import Averages, fit_averages
from ml.response.baseline import SETTINGS, fit_baseline
from ml.response.candidates import Candidate, Judge, choose
from ml.response.contrast import Contrast, contrast_of
from ml.response.effects import Effects
from ml.response.effects_fit import Trial, fit_effects
from ml.response.evidence import gather_evidence
from ml.response.factor_features import FactorFeatures
from ml.response.logit import sigmoid
from ml.response.model import ResponseModel
from ml.response.person_factor import FACTOR, fit_factor
from ml.response.personal import CONSTANT, HIERARCHICAL, Personal
from ml.response.personal_fit import LEAST_CONTACTS, Learn, centres_of
from ml.response.pooled import LEARNERS
from ml.response.redemption import fit_redemption
from ml.response.rows import TrainingRows, known_offers, prepare, timed, training_facts
from ml.response.spoken import SaysByTrees, SaysFactor, SaysNothing, SaysPooled, Spoken
from ml.response.trees import TreeSettings

BASELINE_TREES: Final = "baseline_trees"
"""Among a model's facts: the settings of its baseline's trees, for the next training to begin with."""


@dataclass(frozen=True)
class Fitted:
    """A model, and what it was chosen among."""

    model: ResponseModel
    candidates: tuple[Candidate, ...]


def fit(
    training: pd.DataFrame,
    options: Sequence[Option],
    *,
    seed: int,
    threads: int,
    costs: Mapping[Option, float] | None = None,
    assumed: Mapping[str, float] | None = None,
    settings: TreeSettings = SETTINGS,
) -> Fitted:
    """Learns all heads.

    Args:
        training: As for `ResponseModel.fit`.
        options: What can be done; its offers are coded even where history has none of them.
        seed: Seeds everything random.
        threads: Cores that this process really owns.
        costs: Of a contact, by option, for the choice of the learner; 0 where it isn't given.
        assumed: By offer, how many times as many a contact with it is thought to move; once without it.
        settings: Size and caution of the baseline's trees.

    Raises:
        ValueError: No row at all; `ResponseModel.cold_start` is for that.
    """
    if training.empty:
        raise ValueError("the training frame has no rows; use ResponseModel.cold_start until outcomes have matured")
    seconds: dict[str, float] = {}
    offers = known_offers(training, options)
    with timed(seconds, "features"):
        spec = FeatureSpec.fit(training)
        rows = prepare(training, spec, offers)
    with timed(seconds, "effects"):
        trial = Trial.of(training, rows)
        effects, difference = fit_effects(trial, seed=seed, threads=threads)
    with timed(seconds, "baseline"):
        baseline = fit_baseline(rows, difference, seed=seed, threads=threads, settings=settings)
        alone = sigmoid(baseline.logit(rows.features, threads))
    with timed(seconds, "amount"):
        amount = fit_amount(rows, seed=seed, threads=threads)
    with timed(seconds, "averages"):
        contrast = contrast_of(training, rows, trial.option, trial.options, seed=seed, threads=threads)
        averages = fit_averages(contrast, options, assumed)
        factor_features = FactorFeatures.fit(spec, rows.features)
    with timed(seconds, "personal"):
        personal, candidates = _personal(
            _Personal(trial, contrast, averages, amount, effects, offers, factor_features, seed, threads),
            options,
            costs or {},
        )
    with timed(seconds, "redemption"):
        uplift = np.array([0.0 if done is None else averages.of(done).mean for done in trial.options])[trial.option]
        redemption = fit_redemption(training, offers, alone, uplift)
    model = ResponseModel(
        spec, offers, baseline, effects, averages, personal, amount, redemption,
        tuple(gather_evidence(training, options)),
        training_facts(training, rows, seconds, seed) | {BASELINE_TREES: asdict(settings)}, threads,
    )  # fmt: skip
    return Fitted(model, tuple(candidates))


def settings_of(model: ResponseModel | None) -> TreeSettings:
    """Settings of a model's baseline trees; the usual ones where it has none."""
    known = {} if model is None else model.facts.get(BASELINE_TREES, {})
    return TreeSettings(**known) if known else SETTINGS


@dataclass(frozen=True)
class _Personal:
    """What the learners of personal effects are fitted on."""

    trial: Trial
    contrast: Contrast
    averages: Averages
    amount: Amount
    effects: Effects
    offers: tuple[str, ...]
    factor_features: FactorFeatures
    seed: int
    threads: int

    @property
    def rows(self) -> TrainingRows:
        """The training rows."""
        return self.trial.rows

    def hierarchical(self, mask: npt.NDArray[np.bool_], seed: int) -> Spoken:
        """The pooled trees and the channels' own, from the rows under `mask`."""
        part = replace(self.rows, train=self.rows.train & mask, tune=self.rows.tune & mask)
        effects, _ = fit_effects(replace(self.trial, rows=part), seed=seed, threads=self.threads)
        return SaysByTrees(effects, self.offers, self.threads)

    def factor(self, mask: npt.NDArray[np.bool_], seed: int) -> SaysFactor:
        """The factor of people, from the rows under `mask`."""
        return SaysFactor(fit_factor(self.rows, self.contrast, self.averages, self.factor_features, mask, seed))

    def pooled(self, name: str, mask: npt.NDArray[np.bool_], seed: int) -> SaysPooled:
        """A learner of any contact's effect, from the rows under `mask`."""
        return SaysPooled(LEARNERS[name](self.rows, self.contrast, mask, seed=seed, threads=self.threads))


def _personal(
    given: _Personal, options: Sequence[Option], costs: Mapping[Option, float]
) -> tuple[Personal, list[Candidate]]:
    contrast = given.contrast
    if contrast.is_empty or not contrast.is_drawn or len(contrast.contact) < LEAST_CONTACTS:
        return Personal(), []
    amount = given.amount.predict(given.rows.features, given.threads).astype(np.float64)
    judge = Judge(given.trial, contrast, given.averages, amount, costs, options, given.seed)
    learns: dict[str, Learn] = {CONSTANT: lambda _mask, _seed: SaysNothing(), FACTOR: given.factor}
    learns |= {name: partial(given.pooled, name) for name in LEARNERS}
    learns[HIERARCHICAL] = given.hierarchical
    factor = given.factor(np.ones(len(given.rows.train), dtype=bool), given.seed)
    evidence = {FACTOR: factor.factor.evidence}
    candidates = choose(judge, [judge.of(name, learn) for name, learn in learns.items()], evidence)
    best = next(one for one in candidates if one.is_chosen)
    if best.name == CONSTANT:
        return Personal(), candidates
    if best.name == FACTOR:
        centres = centres_of(given.trial, contrast, factor, options, given.seed)
        return Personal(FACTOR, 1.0, factor.factor.log_sd, centres, factor.factor), candidates
    spoken: Spoken = SaysByTrees(given.effects, given.offers, given.threads)
    if best.name != HIERARCHICAL:
        spoken = given.pooled(best.name, np.ones(len(given.rows.train), dtype=bool), given.seed)
    centres = centres_of(given.trial, contrast, spoken, options, given.seed)
    learner = spoken.learner if isinstance(spoken, SaysPooled) else None
    return Personal(best.name, best.slope.used, min(best.slope.sd, 1.0), centres, learner), candidates
