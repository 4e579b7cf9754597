"""One training: fit, judge on rows held out, and compare with the model in use. Pure; `tracking` keeps what comes of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pandas as pd

from ml.entities import CHANNELS, NONE, Option
from ml.evaluation.card import model_card
from ml.evaluation.gate import Comparison, compare
from ml.evaluation.plots import draw
from ml.evaluation.report import evaluate, validation_rows
from ml.response.baseline import SETTINGS
from ml.response.candidates import Candidate
from ml.response.fit import fit
from ml.response.left_alone import with_chances
from ml.response.model import ResponseModel
from ml.response.thought import PRIOR_UPLIFT, Thought
from ml.response.trees import TreeSettings
from ml.response.tuning import TuningTrial, tune

MINIMUM_CONVERSIONS: Final = 50
"""Fewer conversions than this teach a tree nothing: a cold start says so instead."""
RANDOMIZED_CONVERSIONS: Final = 100
"""With so many among the randomized contacts of a channel, its chosen ones are left out."""


@dataclass(frozen=True)
class History:
    """What a cold start rests on.

    Attributes:
        conversion_rate: Chance to convert within the horizon.
        margin: Of a conversion, money.
        uplift: What a contact is held to add to that chance, by channel (`learning.memory.prior_uplift`);
            `PRIOR_UPLIFT` where none is given.
        trials: The same by what trials outside of the product found alone (`wayfinder model fit --teaches`): also where the
            product's own results, which are in the training rows, say more.
        assumed: By offer, how many times as many a contact with it is thought to move (`Actions.assumed_responses`).
        prices: What a redemption costs, by offer.
    """

    conversion_rate: float
    margin: float
    uplift: Mapping[str, float] = field(default_factory=dict)
    trials: Mapping[str, float] = field(default_factory=dict)
    assumed: Mapping[str, float] = field(default_factory=dict)
    prices: Mapping[str, float] = field(default_factory=dict)

    @property
    def prior(self) -> dict[str, float]:
        """The uplift of each channel; none prevents more conversions than there are."""
        least = -0.9 * self.conversion_rate
        return {channel: max(self.uplift.get(channel, PRIOR_UPLIFT), least) for channel in CHANNELS}


@dataclass(frozen=True)
class Trained:
    """A fitted model, the rows that it has not seen, and the learners that it was chosen among.

    `notes` says what a person should know about it.
    """

    model: ResponseModel
    validation: pd.DataFrame
    started_at: datetime
    seconds: float
    notes: str
    candidates: tuple[Candidate, ...] = ()
    tuning: tuple[TuningTrial, ...] = ()


@dataclass(frozen=True)
class Judged:
    """How good a model is, and whether it may replace the one in use."""

    metrics: Mapping[str, float]
    pictures: Mapping[str, bytes]
    card: str
    verdict: Comparison


def train(
    training: pd.DataFrame,
    options: Sequence[Option],
    *,
    seed: int,
    threads: int,
    history: History,
    costs: Mapping[Option, float] | None = None,
    settings: TreeSettings = SETTINGS,
    tuning_trials: int = 0,
) -> Trained:
    """Fit on a training frame, or start cold where it teaches nothing.

    Args:
        training: As `assets.frames.training_frame` makes it; may be empty.
        options: What can be done.
        seed: Of everything random.
        threads: Cores that this process owns.
        history: For a cold start.
        costs: Of a contact, by option, for the choice of the learner; 0 where it isn't given.
        settings: Of the baseline's trees: those of the model in use.
        tuning_trials: Settings to try before; 0 doesn't tune.
    """
    started_at, begun = datetime.now(UTC), time.perf_counter()
    conversions = int(training["is_converted"].sum()) if len(training) else 0
    if conversions < MINIMUM_CONVERSIONS:
        notes = (
            f"cold start: {conversions} conversions to learn from, {MINIMUM_CONVERSIONS} are needed; a contact is taken "
            f"to raise the chance by up to {max(history.prior.values()):.4f}, as channels before have"
        )
        model = ResponseModel.cold_start(
            options,
            conversion_rate=history.conversion_rate,
            margin=history.margin,
            uplift=history.prior,
            assumed=history.assumed,
            threads=threads,
        )
        return Trained(model, training, started_at, time.perf_counter() - begun, notes)
    training = trustworthy(with_chances(training, seed=seed, threads=threads))
    tuning = tune(training, trials=tuning_trials, seed=seed, threads=threads, start=settings) if tuning_trials else ()
    settings = next((one.settings for one in tuning if one.is_best), settings)
    thought = Thought(history.trials, history.assumed)
    fitted = fit(
        training,
        options,
        seed=seed,
        threads=threads,
        costs=costs,
        thought=thought,
        prices=history.prices,
        settings=settings,
    )
    randomized = training["propensity"].notna() & (training["channel"] != "none")
    notes = (
        ""
        if randomized.any()
        else "observational: no contact in the history was randomized, so effects may be partly selection; the arms will tell"
    )
    seconds = time.perf_counter() - begun
    return Trained(fitted.model, validation_rows(training), started_at, seconds, notes, fitted.candidates, tuning)


def trustworthy(training: pd.DataFrame) -> pd.DataFrame:
    """The rows without chosen contacts of those channels whose randomized contacts alone are enough to learn from.

    Who was chosen by habit was likelier to buy anyway; beside a trial, such contacts only bring that likeliness back in as
    if the contact had caused it. A channel without enough randomized contacts keeps all of them, and is called observational.
    What the system chose itself stays: it chose by the features that the model sees, and by nothing else.
    """
    is_contact = (training["channel"] != NONE) & (training["source"] == "history")
    is_randomized = is_contact & training["propensity"].notna() & (training["propensity"] < 1)
    conversions = training.loc[is_randomized & training["is_converted"], "channel"].value_counts()
    proven = conversions.index[conversions >= RANDOMIZED_CONVERSIONS]
    kept = ~is_contact | is_randomized | ~training["channel"].isin(proven)
    return training[kept].reset_index(drop=True)


def judge(
    model: ResponseModel, champion: ResponseModel | None, validation: pd.DataFrame, costs: Mapping[Option, float]
) -> Judged:
    """Figures, pictures and the gate's verdict, on rows that neither model has learned from."""
    verdict = gate(model, champion, validation, costs)
    if not _is_telling(validation):
        return Judged({}, {}, model_card(model, {}), verdict)
    report = evaluate(model, validation, costs)
    return Judged(report.metrics, draw(report), model_card(model, report.metrics), verdict)


def gate(
    model: ResponseModel, champion: ResponseModel | None, validation: pd.DataFrame, costs: Mapping[Option, float]
) -> Comparison:
    """Whether a model may replace the one in use: the verdict of `judge` without its figures and pictures."""
    if _is_telling(validation):
        return compare(model, champion, validation, costs)
    words = "nothing to judge by: " + ("the first model is used" if champion is None else "the champion stays")
    return Comparison(champion is None, "none", 0.0, 0.0, 0.0, words)


def _is_telling(validation: pd.DataFrame) -> bool:
    return not validation.empty and bool(validation["is_converted"].any())
