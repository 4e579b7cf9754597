"""Fits a response model: all heads, the average effects, and the learner of personal effects that evidence supports."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from ml.entities import Option
from ml.features import FeatureSpec
from ml.learning.delay import come_by, fit_delays
from ml.response.amount import Amount, fit_amount
from ml.response.averages import LEAST_CONVERSIONS, Averages, fit_averages
from ml.response.baseline import SETTINGS, fit_baseline
from ml.response.candidates import Candidate, Judge, choose
from ml.response.changes import Change, fit_changes
from ml.response.contrast import Contrast, contrast_of, told_of
from ml.response.day_levels import days_of, latest_level
from ml.response.evidence import gather_evidence
from ml.response.exposure import ALIKE, fit_exposure
from ml.response.factor_features import FactorFeatures
from ml.response.levels import Levels
from ml.response.logit import logits, sigmoid
from ml.response.model import ResponseModel
from ml.response.person_factor import FACTOR, DrawnContacts, PersonFactor, fit_factor
from ml.response.personal import CONSTANT, Personal
from ml.response.personal_fit import LEAST_CONTACTS, Learn, centres_of
from ml.response.pooled import LEARNERS
from ml.response.redemption import fit_redemption
from ml.response.rows import TrainingRows, known_offers, prepare, timed, training_facts
from ml.response.spoken import SaysFactor, SaysNothing, SaysPooled
from ml.response.thought import Thought
from ml.response.traces import TracedRows, Traces, fit_traces
from ml.response.trees import TreeSettings
from ml.response.trial import Trial
from ml.response.usual_discount import fit_usual_discount

BASELINE_TREES: Final = "baseline_trees"
"""Among a model's facts: the settings of its baseline's trees, for the next training to begin with."""
MOST_JUDGED: Final = 20_000
"""Contacts, and people left alone, by which learners are judged; the one in use learns from all."""
_LEAST_TOLD: Final = 1e-3
TRACE_ROUNDS: Final = 3
"""Of effects and the shares of conversions that follow a click, each learned given the other."""


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
    thought: Thought | None = None,
    prices: Mapping[str, float] | None = None,
    settings: TreeSettings = SETTINGS,
) -> Fitted:
    """Learns all heads.

    Args:
        training: As for `ResponseModel.fit`.
        options: What can be done; its offers are rated even where history has none of them.
        seed: Seeds everything random.
        threads: Cores that this process really owns.
        costs: Of a contact, by option, for the choice of the learner; 0 where it isn't given.
        thought: What contacts are thought to add; `PRIOR_UPLIFT` without it.
        prices: What a redemption costs, by offer; 0 where it isn't given.
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
        rows = prepare(training, spec)
        trial = Trial.of(training, rows)
        factor_features = FactorFeatures.fit(spec, rows.features)
    with timed(seconds, "exposure"), threadpool_limits(threads, user_api="blas"):
        trial = replace(trial, exposure=fit_exposure(rows, trial.channel, spec, factor_features, seed))
    with timed(seconds, "amount"):
        amount = fit_amount(rows, seed=seed, threads=threads)
    with timed(seconds, "averages"), threadpool_limits(threads, user_api="blas"):
        contrast = contrast_of(training, rows, trial.option, trial.options, factor_features, seed=seed, threads=threads)
        known = dict.fromkeys([*contrast.options, *contrast.habit_options, *options])
        levels = Levels.of([*known], thought or Thought())
        averages = shown = fit_averages(contrast, options, thought)
        traces = Traces().of(rows, contrast)
        contacts = None
        if _may_differ(contrast):
            everyone = np.ones(len(rows.train), dtype=bool)
            trial, whole = _weighed(trial, DrawnContacts.of(trial, contrast, levels, factor_features, everyone, seed))
            contacts = whole
            for _ in range(TRACE_ROUNDS):
                caused = _uplift(trial, contacts.averages(), Personal())[contrast.contacts]
                traces = fit_traces(rows, contrast, factor_features, caused).of(rows, contrast)
                contacts = whole.split(traces, contacts)
            averages = contacts.averages().unless_harmful(shown)
    # More threads of linear algebra than cores that are ours wait for each other, many times as long as the work takes.
    with timed(seconds, "personal"), threadpool_limits(threads, user_api="blas"):
        given = _Personal(
            trial, contrast, averages, shown, traces, levels, _anyway(contrast, contacts), amount, factor_features, seed, threads
        )  # fmt: skip
        personal, candidates = _personal(given, options, costs or {})
        uplift = _uplift(trial, averages, personal)
        changes = _changes(training, trial, contrast, contacts, uplift) if personal.name == FACTOR and contacts else {}
    with timed(seconds, "baseline"), threadpool_limits(threads, user_api="blas"):
        usual = np.where(contrast.expected > 0, contrast.expected, contrast.base_rate)
        # In a horizon that others overlap with there is what several contacts caused.
        difference = np.where(rows.contacted, logits(usual + uplift / contrast.share) - logits(usual), 0.0)
        seen = contrast.told / np.maximum(told_of(training), _LEAST_TOLD)
        alone = np.zeros(len(rows.train), dtype=bool)
        alone[contrast.alone] = True
        baseline = fit_baseline(
            replace(rows, is_converted=contrast.converted, weight=rows.weight * seen),
            difference, factor_features, alone, contrast.told, seed=seed, threads=threads, settings=settings,
        )  # fmt: skip
        chance = sigmoid(baseline.logit(rows.features, threads))
        at = contrast.alone
        recent = latest_level(
            days_of(training)[at], contrast.converted[at], (contrast.told * chance)[at], rows.weight[at]
        )
        baseline = replace(baseline, recent=recent)
    with timed(seconds, "redemption"):
        usual_discount = fit_usual_discount(rows, factor_features, contrast.purchase)
        redemption = fit_redemption(training, offers, chance * trial.own_ratio, uplift, prices or {})
    model = ResponseModel(
        spec, baseline, averages, personal, trial.exposure, amount, redemption, usual_discount,
        tuple(gather_evidence(training, options)), changes,
        training_facts(training, rows, seconds, seed) | {BASELINE_TREES: asdict(settings)}, threads,
    )  # fmt: skip
    return Fitted(model, tuple(candidates))


def _weighed(trial: Trial, contacts: DrawnContacts) -> tuple[Trial, DrawnContacts]:
    """The trial with as much of who looks carried over to channels that don't tell as its contacts bear out; and these by it.

    Each share is weighed by how well it explains the conversions, all alike beforehand.
    """
    if not any(trial.exposure.is_carried_to(done.channel) for done in trial.options if done is not None):
        return trial, contacts
    contacted = trial.rows.contacted
    people, channel = trial.rows.features[contacted], trial.channel[contacted]

    def sharing(share: float) -> Trial:
        return replace(trial, exposure=trial.exposure.carried_over(share, people, channel))

    evidence = np.array([contacts.seen_by(sharing(share)).alike.evidence for share in ALIKE])
    weight = np.exp(evidence - evidence.max())
    found = sharing(float(weight @ ALIKE / weight.sum()))
    return found, contacts.seen_by(found)


def _anyway(contrast: Contrast, contacts: DrawnContacts | None) -> npt.NDArray[np.float64]:
    """Conversions that come anyway within each row's horizon, as far as it's over, of contacts made right along features, [n]."""
    found = contrast.told * np.maximum(contrast.expected, 0.0)
    if contacts is not None:
        found[contacts.contacts.at] = contacts.contacts.usual
    return np.asarray(found)


def _uplift(trial: Trial, averages: Averages, personal: Personal) -> npt.NDArray[np.float64]:
    """What each row's contact is expected to have added, 0 for people left alone, [n]."""
    factor = personal.learner if isinstance(personal.learner, PersonFactor) else None
    moved = averages if factor is None else factor.levels
    uplift = np.array([0.0 if done is None else moved.of(done).mean for done in trial.options])[trial.option]
    uplift = uplift * trial.own_ratio
    return uplift if factor is None else np.asarray(uplift * factor.of(trial.rows.features))


def _changes(
    training: pd.DataFrame,
    trial: Trial,
    contrast: Contrast,
    contacts: DrawnContacts,
    uplift: npt.NDArray[np.float64],
) -> dict[str, Change]:
    """Channels whose contacts lately moved people more or less than all of them together say.

    From conversions that followed a click on the contact's own message alone: others are shared between all contacts of the person,
    so one channel's change would pass for another's, and days with more contacts for days on which each moves less. How many of
    them have come at an age is the channel's own as well: what contacts cause comes sooner than what comes anyway, so by the
    maturity of all conversions the youngest contacts would always seem to move more.

    Only beside the factor: with another learner, or where all are taken to be alike, contacts that go to readier people than
    before would pass for a channel that moves more.
    """
    if contrast.days is None or "age_days" not in training:
        return {}
    at = np.flatnonzero(contacts.is_traced)
    row, count = contacts.row[at], contacts.count[at]
    channel, age = trial.channel[row], training["age_days"].to_numpy(dtype=np.int64)[row]
    sold = np.where(count > 0, contrast.days.sold[row], np.nan)
    rows = pd.DataFrame({"channel": channel, "age_days": age, "converted_day": sold, "sample_weight": 1.0})
    come = come_by(fit_delays(rows, contrast.days.horizon), channel, age)
    whole = contacts.anyway()[at] / np.maximum(contacts.told[at], _LEAST_TOLD)
    return fit_changes(channel, days_of(training)[row], count, come * whole, come * contacts.caused[at] * uplift[row])


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
    shown: Averages
    traces: TracedRows
    levels: Levels
    anyway: npt.NDArray[np.float64]
    amount: Amount
    factor_features: FactorFeatures
    seed: int
    threads: int

    @property
    def rows(self) -> TrainingRows:
        """The training rows."""
        return self.trial.rows

    def factor(self, mask: npt.NDArray[np.bool_], seed: int) -> SaysFactor:
        """The factor of people, from the rows under `mask`."""
        contacts = DrawnContacts.of(self.trial, self.contrast, self.levels, self.factor_features, mask, seed)
        found = fit_factor(contacts.split(self.traces))
        return SaysFactor(replace(found, levels=found.levels.unless_harmful(self.shown)), self.trial.exposure)

    def pooled(self, name: str, mask: npt.NDArray[np.bool_], seed: int) -> SaysPooled:
        """A learner of any contact's effect, from the rows under `mask`."""
        return SaysPooled(LEARNERS[name](self.rows, self.contrast, mask, seed=seed, threads=self.threads))


def _may_differ(contrast: Contrast) -> bool:
    """Whether drawn contacts are enough to compare options and people by."""
    enough = len(contrast.contact) >= LEAST_CONTACTS and contrast.conversions >= LEAST_CONVERSIONS
    return contrast.is_drawn and not contrast.is_empty and enough


def _personal(
    given: _Personal, options: Sequence[Option], costs: Mapping[Option, float]
) -> tuple[Personal, list[Candidate]]:
    contrast = given.contrast
    if not _may_differ(contrast):
        return Personal(), []
    amount = given.amount.predict(given.rows.features, given.threads).astype(np.float64)
    judged = replace(given, contrast=contrast.thinned(MOST_JUDGED, given.seed))
    judge = Judge(given.trial, judged.contrast, given.averages, given.anyway, amount, costs, options, given.seed)
    learns: dict[str, Learn] = {CONSTANT: lambda _mask, _seed: SaysNothing(), FACTOR: judged.factor}
    learns |= {name: partial(judged.pooled, name) for name in LEARNERS}
    factor = given.factor(np.ones(len(given.rows.train), dtype=bool), given.seed)
    evidence = {FACTOR: factor.factor.evidence}
    candidates = choose(judge, [judge.of(name, learn) for name, learn in learns.items()], evidence)
    best = next(one for one in candidates if one.is_chosen)
    if best.name == CONSTANT:
        return Personal(), candidates
    if best.name == FACTOR:
        return Personal(FACTOR, 1.0, factor.factor.log_sd, {}, factor.factor), candidates
    spoken = given.pooled(best.name, np.ones(len(given.rows.train), dtype=bool), given.seed)
    centres = centres_of(given.trial, contrast, spoken, options, given.seed)
    return Personal(best.name, best.slope.used, min(best.slope.sd, 1.0), centres, spoken.learner), candidates
