"""Propensity: what is learned from the past, and what it says of everybody under every action."""

import time
from dataclasses import replace
from datetime import date
from typing import Any, Final

import dagster as dg
import pandas as pd

from assets.conversations import newest_journeys
from assets.cycles import CHANGES, write_frame, write_json, write_scores
from assets.due import TRAIN_JOB, TRAINED_ON, is_training_due
from assets.frames import TrainingSources, read_mart, training_frame
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.models import keep_model
from assets.partitions import CYCLES
from assets.pictures import inline_picture
from ml.configuration import Configuration
from ml.learning.memory import believed, of_trials, prior_uplift
from ml.policy.value import contact_cost_of
from ml.response.fit import settings_of
from ml.response.store import OutdatedModelError, with_threads
from ml.response.thought import thought_of_channels
from ml.tracking import ChampionModel, RegisteredModel, Tracking
from ml.training import History, Judged, judge, train
from ml.training_run import training_run

GROUP: Final = "propensity"
OWNERS: Final = ["team:machine-learning"]
MAX_TRAINING_ROWS: Final = 300_000
TRAINING_THREADS: Final = 1
"""Two threads save a third on two idle cores, and take ten times as long where another process wants one of them."""

TUNING_TRIALS: Final = 12
"""Settings of the baseline's trees that the job `train` tries; the daily cycle takes those of the model in use."""


@dg.asset(
    name="training_frame",
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["published_generation"],
)
def training_frame_asset(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    seed: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """Rows of people on past days: what was known, what was done, what came of it. Left as it is while no training is due."""
    day, policy = date.fromisoformat(context.partition_key), configuration.policy
    if not _is_due(context, tracking, configuration):
        return dg.MaterializeResult(
            metadata={"is_due": False, "trained_on": tracking.challenger_tag(TRAINED_ON) or "never"}
        )
    generation_id = ledger.generations.latest_of(day)
    cycles = [path.parent for path in home.root.glob("cycles/*/features.parquet") if path.parent.name < day.isoformat()]
    sources = TrainingSources(
        home.generation(generation_id),
        tuple(sorted(cycles)),
        day,
        policy.training.horizon_days,
        policy.time_zone,
        {folder.name: ledger.plans.withheld(folder.name) for folder in cycles},
        configuration.actions.valid_days,
    )
    frame = training_frame(sources, MAX_TRAINING_ROWS, seed)
    write_frame(frame, home.training / f"{day}.parquet")
    contacted = frame[frame["channel"] != "none"] if len(frame) else frame
    return dg.MaterializeResult(
        metadata={
            "is_due": True,
            "dagster/row_count": len(frame),
            "contacted": len(contacted),
            "conversions": int(frame["is_converted"].sum()) if len(frame) else 0,
            "unfinished": int((frame["maturity"] < 1).sum()) if len(frame) else 0,
            "randomized": int(contacted["propensity"].notna().sum()) if len(frame) else 0,
            "contacts_by_channel": dg.MetadataValue.json(
                {str(name): int(count) for name, count in contacted["channel"].value_counts().items()}
                if len(frame)
                else {}
            ),
            "maturity_of_unfinished": dg.MetadataValue.json(_maturity(frame)),
        }
    )


@dg.asset(group_name=GROUP, kinds={"lightgbm", "mlflow"}, owners=OWNERS, partitions_def=CYCLES, deps=["training_frame"])
def response_models(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    seed: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """Response models of all channels, logged to MLflow. A challenger that is worse doesn't replace the champion."""
    day = date.fromisoformat(context.partition_key)
    path = home.training / f"{day}.parquet"
    champion = _champion_to_beat(context, tracking)
    if not path.exists() or not _is_due(context, tracking, configuration):
        return dg.MaterializeResult(
            metadata=_kept_metadata(tracking, champion, configuration.policy.training.every_days)
        )
    training = pd.read_parquet(path)
    options = configuration.actions.options()
    generation_id = ledger.generations.latest_of(day)
    costs = contact_cost_of(configuration)
    trained = train(
        training,
        options,
        seed=seed,
        threads=TRAINING_THREADS,
        history=_with_findings(history_of(home, generation_id, configuration), ledger, day),
        costs=costs,
        settings=settings_of(champion.model if champion else None),
        tuning_trials=TUNING_TRIALS if context.run.job_name == TRAIN_JOB else 0,
    )
    judged = judge(trained.model, champion.model if champion else None, trained.validation, costs)
    record = training_run(
        trained,
        judged,
        name=f"response {day}",
        data_version=generation_id,
        parameters={
            "seed": seed,
            "max_rows": MAX_TRAINING_ROWS,
            "horizon_days": configuration.policy.training.horizon_days,
            "rows": len(training),
        },
        tags={
            "dagster.run_id": context.run.run_id,
            "dagster.asset": context.asset_key.to_user_string(),
            "wayfinder.cycle": context.partition_key,
            TRAINED_ON: context.partition_key,
            "wayfinder.configuration": configuration.version,
        },
    )
    registered = tracking.log_training(trained.model, record)
    if judged.verdict.may_replace:
        tracking.promote(registered.version)
    return dg.MaterializeResult(metadata=_training_metadata(tracking, registered, judged, trained.notes))


@dg.asset(
    group_name=GROUP,
    kinds={"lightgbm", "parquet"},
    owners=OWNERS,
    partitions_def=CYCLES,
    deps=["response_models", "journeys", "champion_promises", "published_generation"],
)
def candidate_scores(
    context: dg.AssetExecutionContext,
    home: dg.ResourceParam[Home],
    ledger: dg.ResourceParam[Ledger],
    configuration: dg.ResourceParam[Configuration],
    tracking: dg.ResourceParam[Tracking],
    threads: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """What the champion says of every person under every channel and offer, as of the cycle's day."""
    cycle_id = context.partition_key
    champion = tracking.champion()
    if champion is None:
        raise dg.Failure(f"cycle {cycle_id}: no model is in use; materialize response_models first (job `train`)")
    generation_id = ledger.generations.latest_of(date.fromisoformat(cycle_id))
    begun = time.perf_counter()
    customers = read_mart(home, generation_id, "dim_customers")
    scores = with_threads(champion.model, threads).score(customers, configuration.actions.options())
    write_scores(scores, home.cycle(cycle_id) / "scores.parquet")
    seconds = time.perf_counter() - begun
    keep_model(home, champion.model, champion.sha256)
    versions = {
        "generation_id": generation_id,
        "model": champion.version,
        "model_sha256": champion.sha256,
        "configuration": configuration.version,
        "journeys": newest_journeys(home),
    }
    write_json(versions, home.cycle(cycle_id) / "versions.json")
    changed = {name: each.words for name, each in champion.model.changes.items() if each.is_likely}
    write_json(changed, home.cycle(cycle_id) / CHANGES)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(customers),
            "options": len(scores.options),
            "rows_per_second": round(len(customers) * len(scores.options) / max(seconds, 1e-9)),
            "mean_baseline": float(scores.baseline.mean()) if len(customers) else 0.0,
            "mean_uplift": dg.MetadataValue.json(
                {str(o): round(float(scores.uplift[:, i].mean()), 6) for i, o in enumerate(scores.options)}
                if len(customers)
                else {}
            ),
            "changed": "; ".join(f"{name} {words}" for name, words in changed.items()) or "no channel",
            "model_version": champion.version,
            "generation": generation_id,
        }
    )


def _maturity(frame: pd.DataFrame) -> dict[str, float]:
    """Mean share of the conversions that have come of the rows whose horizon isn't over, by channel."""
    if frame.empty:
        return {}
    unfinished = frame[frame["maturity"] < 1]
    means = unfinished.groupby("channel")["maturity"].mean()
    return {str(channel): round(float(share), 3) for channel, share in means.items()}


def _is_due(context: dg.AssetExecutionContext, tracking: Tracking, configuration: Configuration) -> bool:
    day = date.fromisoformat(context.partition_key)
    return is_training_due(tracking, context.run.job_name, day, configuration.policy.training.every_days)


def _champion_to_beat(context: dg.AssetExecutionContext, tracking: Tracking) -> ChampionModel | None:
    """The model in use; none where an earlier version of the product wrote it, since it can't be compared with."""
    try:
        return tracking.champion()
    except OutdatedModelError as error:
        context.log.warning(f"{error}: the next model that is trained takes its place")
        return None


def _with_findings(history: History, ledger: Ledger, day: date) -> History:
    """What campaigns and trials before this day have found of each channel's contacts."""
    held = believed(ledger.findings.held(before=day.isoformat()).values(), day)
    return replace(
        history,
        uplift=prior_uplift(held, history.uplift),
        trials=prior_uplift(of_trials(held), history.trials),
    )


def history_of(home: Home, generation_id: str, configuration: Configuration) -> History:
    """What a cold start rests on: how many people there are, how many of them bought in the last horizon, and for how much.

    What contacts add is what is thought of them; findings come on top.
    """
    customers = read_mart(home, generation_id, "dim_customers", "purchase_30d_count, margin_30d")
    buyers = customers[customers["purchase_30d_count"] > 0]
    horizon_days = configuration.policy.training.horizon_days
    share = len(buyers) / max(len(customers), 1) * horizon_days / 30
    margin = float(buyers["margin_30d"].sum() / max(buyers["purchase_30d_count"].sum(), 1))
    thought = thought_of_channels(configuration.actions, horizon_days)
    return History(
        conversion_rate=min(max(share, 1e-4), 0.5),
        margin=max(margin, 0.0),
        uplift=thought,
        trials=thought,
        assumed=configuration.actions.assumed_responses,
        prices={name: offer.cost_when_redeemed for name, offer in configuration.actions.offers.items()},
    )


def _kept_metadata(tracking: Tracking, champion: ChampionModel | None, every_days: int) -> dict[str, Any]:
    """What a day without a training shows: the model in use, and where its figures are."""
    metadata: dict[str, Any] = {
        "trained": False,
        "champion": champion.version if champion else "none",
        "trained_on": tracking.challenger_tag(TRAINED_ON) or "never",
        "trains_every_days": every_days,
    }
    return metadata | ({"mlflow_run": dg.MetadataValue.url(tracking.url_of(champion.run_id))} if champion else {})


def _training_metadata(tracking: Tracking, registered: RegisteredModel, judged: Judged, notes: str) -> dict[str, Any]:
    shown = ("auc", "log_loss", "calibration_error", "policy_value", "policy_value_low", "policy_value_high")
    metadata: dict[str, Any] = {name: round(judged.metrics[name], 4) for name in shown if name in judged.metrics}
    metadata |= {
        "trained": True,
        "version": registered.version,
        "is_champion": judged.verdict.may_replace,
        "verdict": judged.verdict.reason,
        "notes": notes or "none",
        "mlflow_run": dg.MetadataValue.url(tracking.url_of(registered.run_id)),
        "model_card": dg.MetadataValue.md(judged.card),
    }
    for name, picture in judged.pictures.items():
        if name.startswith(("calibration", "feature_importance")):
            metadata[name.removesuffix(".png")] = inline_picture(picture)
    return metadata
