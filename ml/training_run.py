"""What MLflow is told of a training: why this learner won, and how good the model is."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from ml.evaluation.choice import averages_plot, candidates_plot, candidates_table, figures_of, reason_of
from ml.tracking import NestedRun, TrainingRun
from ml.training import Judged, Trained


def training_run(
    trained: Trained,
    judged: Judged,
    *,
    name: str,
    data_version: str,
    parameters: Mapping[str, Any],
    tags: Mapping[str, str],
) -> TrainingRun:
    """The training as a run, with its candidates and trials of tuning within.

    Args:
        trained: What was learned.
        judged: How good it is.
        name: Of the run.
        data_version: Of what it was learned from.
        parameters: That the caller chose.
        tags: That say where it ran.
    """
    return TrainingRun(
        name=name,
        started_at=trained.started_at,
        data_version=data_version,
        parameters={**parameters, "learner": trained.model.personal.name},
        metrics={**judged.metrics, **_choice(trained), "training_seconds": trained.seconds},
        tags={**tags, "wayfinder.verdict": judged.verdict.reason},
        pictures={**judged.pictures, **_pictures(trained)},
        card=_card(judged, trained),
        nested=_nested(trained),
    )


def _choice(trained: Trained) -> dict[str, float]:
    """Figures of the candidate in use, and average effects by channel."""
    chosen = next((one for one in trained.candidates if one.is_chosen), None)
    figures = {} if chosen is None else figures_of(chosen)
    for channel, average in trained.model.averages.channels.items():
        figures |= {f"{channel}.average_effect": average.mean, f"{channel}.average_effect_sd": average.sd}
    return {name: value for name, value in figures.items() if isfinite(value)}


def _pictures(trained: Trained) -> dict[str, bytes]:
    pictures = {"average_effects.png": averages_plot(trained.model.averages)} if trained.model.averages.options else {}
    return pictures | ({"candidates.png": candidates_plot(trained.candidates)} if trained.candidates else {})


def _card(judged: Judged, trained: Trained) -> str:
    """The candidates first, since MLflow shows the beginning of it beside the run."""
    return f"{candidates_table(trained.candidates)}\n{judged.card}" if trained.candidates else judged.card


def _nested(trained: Trained) -> tuple[NestedRun, ...]:
    """Candidates and trials of tuning, each as a run within the training's."""
    candidates = [
        NestedRun(
            f"candidate {one.name}",
            one.seconds,
            figures_of(one),
            {"learner": one.name},
            {
                "wayfinder.kind": "candidate",
                "wayfinder.is_chosen": str(one.is_chosen).lower(),
                "wayfinder.why": reason_of(one),
            },
        )
        for one in trained.candidates
    ]
    trials = [
        NestedRun(
            f"tuning {number}",
            one.seconds,
            {"tuning_log_loss": one.loss},
            one.parameters,
            {"wayfinder.kind": "tuning", "wayfinder.is_chosen": str(one.is_best).lower()},
        )
        for number, one in enumerate(trained.tuning)
    ]
    return (*candidates, *trials)
