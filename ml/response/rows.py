"""A training frame as arrays: what every head is fitted on."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import NONE, Option
from ml.features import FeatureSpec, Matrix
from ml.response.evidence import is_contacted, row_weights
from ml.response.logit import unit_mean
from ml.response.split import TEST, TRAIN, TUNE, split
from ml.response.trees import Rows

Vector = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrainingRows:
    """The training frame as arrays of n rows.

    Attributes:
        features: float32 [n, F].
        is_converted: 0 or 1, [n].
        is_clicked: 1 where the row's message was clicked, [n]; NaN where it isn't known.
        is_traced: 1 where a conversion followed a click on the row's message, [n]; NaN where it isn't known.
        is_exposed: 1 where the person looked within the horizon at what came by the row's channel, [n]; NaN where it isn't known.
        usual_discount: Off a conversion without an offer, money, [n]; NaN where there is none.
        margin: Margin of the conversions, NaN elsewhere, [n].
        weight: Sample weight x inverse propensity, [n].
        contacted: Who was contacted, [n].
        train: Rows to learn from, [n].
        tune: Rows to stop and to calibrate on, [n].
    """

    features: Matrix
    is_converted: Vector
    is_clicked: Vector
    is_traced: Vector
    is_exposed: Vector
    usual_discount: Vector
    margin: Vector
    weight: Vector
    contacted: Mask
    train: Mask
    tune: Mask

    def pick(self, mask: Mask, target: Vector, start: Vector) -> Rows:
        """The rows under `mask` as input of a forest; `target` and `start` are over all rows."""
        return Rows(self.features[mask], target[mask], unit_mean(self.weight[mask]), start[mask])


def prepare(training: pd.DataFrame, spec: FeatureSpec) -> TrainingRows:
    """Turns the training frame into arrays."""
    part = split(training)
    is_over = training["maturity"].to_numpy(dtype=np.float64) >= 1 if "maturity" in training else True
    return TrainingRows(
        spec.matrix(training),
        training["is_converted"].to_numpy(dtype=np.float64),
        _numbers(training, "is_clicked"),
        _numbers(training, "is_traced"),
        np.where(is_over, _numbers(training, "is_exposed"), np.nan),
        _numbers(training, "usual_discount"),
        training["margin"].to_numpy(dtype=np.float64, na_value=np.nan),
        row_weights(training),
        is_contacted(training),
        part == TRAIN,
        part == TUNE,
    )


def _numbers(training: pd.DataFrame, name: str) -> Vector:
    if name not in training:
        return np.full(len(training), np.nan)
    return np.asarray(training[name].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def at_most(places: npt.NDArray[np.int64], most: int, draws: int | np.random.Generator) -> npt.NDArray[np.int64]:
    """The places, or so many of them in their order, drawn with a seed or from a generator."""
    if len(places) <= most:
        return places
    return np.sort(np.random.default_rng(draws).choice(places, most, replace=False))


def known_offers(training: pd.DataFrame, options: Sequence[Option]) -> tuple[str, ...]:
    """Offers: `none`, those that can be made, those that history has besides."""
    history = sorted(set(_text(training["offer_id"])))
    return tuple(dict.fromkeys([NONE, *(option.offer_id for option in options), *history]))


def distinct_options(rows: pd.DataFrame) -> tuple[npt.NDArray[np.int64], list[Option | None]]:
    """Position of each row's channel and offer in the list of distinct ones; None is to be left alone."""
    (channel, channels), (offer, offers) = (pd.factorize(_text(rows[name])) for name in ("channel", "offer_id"))
    codes, distinct = pd.factorize(channel * len(offers) + offer)
    found = [(channels[key // len(offers)], offers[key % len(offers)]) for key in distinct]
    return codes.astype(np.int64), [None if channel == NONE else Option(channel, offer) for channel, offer in found]


def training_facts(training: pd.DataFrame, rows: TrainingRows, seconds: dict[str, float], seed: int) -> dict[str, Any]:
    """Counts of the training frame, for the model's card and its run."""
    days = (
        pd.to_datetime(training["as_of_on"]).dropna() if "as_of_on" in training else pd.Series(dtype="datetime64[us]")
    )
    part = split(training)
    return {
        "rows": len(training),
        "people": int(training["customer_id"].nunique()),
        "contacts": int(rows.contacted.sum()),
        "conversions": int(rows.is_converted.sum()),
        "days": int(days.nunique()),
        "first_day": str(days.min().date()) if len(days) else None,
        "last_day": str(days.max().date()) if len(days) else None,
        "rows_train": int((part == TRAIN).sum()),
        "rows_tune": int((part == TUNE).sum()),
        "rows_test": int((part == TEST).sum()),
        "seed": seed,
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Notes the wall time of its block under `stage`."""
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started


def _text(column: pd.Series) -> npt.NDArray[Any]:
    return column.astype(object).where(column.notna(), NONE).to_numpy(dtype=object)
