"""The figures of one response model on rows that it has not learned from, by head, under names that people compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import CHANNELS, NONE, Option
from ml.evaluation.classification import CalibrationGroup, auc, calibration_error, calibration_table, log_loss
from ml.evaluation.gate import policy_value
from ml.evaluation.uplift import QiniCurve, UpliftDecile, qini, qini_curve, uplift_at, uplift_by_group
from ml.response.evidence import is_contacted, is_drawn, row_weights
from ml.response.model import ResponseModel
from ml.response.person_factor import PersonFactor
from ml.response.split import TEST, is_finished, split

UPLIFT_SHARES = (0.1, 0.2, 0.3)
_MIN_CONVERSIONS = 5


@dataclass(frozen=True)
class ChannelPictures:
    """What a channel's uplift plots are drawn from."""

    curve: QiniCurve
    deciles: list[UpliftDecile]


@dataclass(frozen=True)
class Report:
    """Figures and what the pictures are drawn from.

    Attributes:
        metrics: Finite figures by name: `policy_value`, `calibration_error`, `email.auc`, `email.qini`, ...
        calibration: All heads together, by decile of the prediction.
        channels: Uplift curves and deciles by channel with enough contacts.
        importance: Gain by feature over all heads, as shares, largest first.
    """

    metrics: Mapping[str, float]
    calibration: list[CalibrationGroup]
    channels: Mapping[str, ChannelPictures]
    importance: Mapping[str, float]


def validation_rows(training: pd.DataFrame) -> pd.DataFrame:
    """The rows of a training frame that only judge, their outcomes complete; all where the frame is too small for that."""
    finished = is_finished(training)
    rows = training[(split(training) == TEST) & finished]
    return rows if len(rows) else training[finished]


def evaluate(model: ResponseModel, validation: pd.DataFrame, costs: Mapping[Option, float] | None = None) -> Report:
    """Figures of `model` on `validation`.

    Args:
        model: The model.
        validation: Training-frame rows that it has not learned from (`validation_rows`).
        costs: Cost of a contact by option, for the policy value.

    Returns:
        The report. A figure that the rows can't give (one class, nobody contacted) isn't in it.
    """
    target = validation["is_converted"].to_numpy(dtype=bool)
    weight = _weight(validation)
    chance = model.propensity_of(validation)
    alone = ~is_contacted(validation)
    metrics = {
        **_of_head("", chance, target, weight),
        **_of_head("baseline.", chance[alone], target[alone], weight[alone]),
        **_of_amount(model, validation[target]),
        **_of_policy(model, validation, costs),
    }
    channels: dict[str, ChannelPictures] = {}
    for channel in CHANNELS:
        reached = (validation["channel"] == channel).to_numpy(dtype=bool)
        metrics |= _of_head(f"{channel}.", chance[reached], target[reached], weight[reached])
        if reached.any() and alone.any():
            figures, pictures = _of_uplift(model, channel, validation[reached | alone])
            metrics |= {f"{channel}.{name}": value for name, value in figures.items()}
            channels[channel] = pictures
    for evidence in model.evidence:
        metrics[f"{evidence.channel}.contacts"] = float(evidence.contacts)
        metrics[f"{evidence.channel}.is_randomised"] = float(evidence.kind == "randomised")
    for name, change in model.changes.items():
        metrics |= {f"{name}.times_now": change.times, f"{name}.change_probability": change.probability}
    finite = {name: value for name, value in metrics.items() if isfinite(value)}
    return Report(finite, calibration_table(chance, target, weight), channels, feature_importance(model))


def feature_importance(model: ResponseModel) -> dict[str, float]:
    """Share of each feature in all heads together, largest first: gains of trees, sizes of the weights of lines."""
    names = model.spec.names
    heads = [each.gain(len(names)) for each in (model.baseline.forest, model.amount.forest) if not each.is_empty]
    rise, learner = model.baseline.rise, model.personal.learner
    if rise is not None:
        heads.append(rise.features.sizes(rise.weights[1:], len(names)))
    if isinstance(learner, PersonFactor):
        heads.append(learner.features.sizes(learner.weights, len(names)))
    total = np.sum([head / max(float(head.sum()), 1e-12) for head in heads], axis=0) if heads else np.zeros(len(names))
    whole = max(float(total.sum()), 1e-12)
    order = np.argsort(-total, kind="stable")
    return {names[position]: float(total[position] / whole) for position in order if total[position] > 0}


def _weight(rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    return rows["sample_weight"].to_numpy(dtype=np.float64) if "sample_weight" in rows else np.ones(len(rows))


def _of_head(
    prefix: str, chance: npt.NDArray[Any], target: npt.NDArray[Any], weight: npt.NDArray[Any]
) -> dict[str, float]:
    if not len(target):
        return {}
    return {
        f"{prefix}auc": auc(chance, target),
        f"{prefix}log_loss": log_loss(chance, target, weight),
        f"{prefix}calibration_error": calibration_error(chance, target, weight),
    }


def _of_uplift(model: ResponseModel, channel: str, rows: pd.DataFrame) -> tuple[dict[str, float], ChannelPictures]:
    """Uplift of a contact through the channel as it was made there: its offers, weighted as history has them.

    Rows are weighted by the inverse of the probability of what was done; where contacts were drawn, only those count.
    """
    drawn = is_drawn(rows)
    if (drawn & is_contacted(rows)).any() and (drawn & ~is_contacted(rows)).any():
        rows = rows[drawn]
    contacted, target = is_contacted(rows), rows["is_converted"].to_numpy(dtype=bool)
    weight = row_weights(rows)
    shares = rows.loc[contacted, "offer_id"].fillna(NONE).value_counts(normalize=True)
    options = [Option(channel, str(offer)) for offer in shares.index]  # type: ignore[arg-type]
    uplift = model.as_learned.score(rows, options).uplift @ shares.to_numpy(dtype=np.float32)
    deciles = uplift_by_group(uplift, contacted, target, weight=weight)
    curve = qini_curve(uplift, contacted, target, weight)
    figures = {
        "promised_uplift": float(np.average(uplift[contacted], weights=weight[contacted])),
        "observed_uplift": uplift_at(1.0, uplift, contacted, target, weight),
    }
    if target[contacted].sum() >= _MIN_CONVERSIONS and target[~contacted].sum() >= _MIN_CONVERSIONS:
        figures["qini"], figures["auuc"] = qini(uplift, contacted, target, weight), curve.gain_area
        figures |= {
            f"uplift_at_{round(100 * k)}": uplift_at(k, uplift, contacted, target, weight) for k in UPLIFT_SHARES
        }
        people = [group.people for group in deciles]
        gaps = [abs(group.promised - group.observed) for group in deciles]
        figures["uplift_calibration_error"] = float(np.average(gaps, weights=people)) if people else float("nan")
    return figures, ChannelPictures(curve, deciles)


def _of_amount(model: ResponseModel, sold: pd.DataFrame) -> dict[str, float]:
    known = sold[sold["margin"].notna()]
    if known.empty:
        return {}
    margin = known["margin"].to_numpy(dtype=np.float64)
    predicted = model.amount.predict(model.spec.matrix(known), model.threads)
    return {
        "amount.mean": float(margin.mean()),
        "amount.mean_predicted": float(predicted.mean()),
        "amount.absolute_error": float(np.abs(margin - predicted).mean()),
        "amount.absolute_error_of_constant": float(np.abs(margin - model.amount.mean).mean()),
    }


def _of_policy(
    model: ResponseModel, validation: pd.DataFrame, costs: Mapping[Option, float] | None
) -> dict[str, float]:
    estimate = policy_value(model, validation, costs)
    if estimate is None:
        return {}
    names = ("policy_value", "policy_value_low", "policy_value_high", "policy_value_rows")
    values = (estimate.value, estimate.low, estimate.high, float(estimate.rows))
    return dict(zip(names, values, strict=True))
