"""An ad audience of people like the converters that nobody expected, against others of the same size.

Unexpected are converters of the waves whom no advertisement reached and whose chance to convert, by the pipeline's model,
was below four fifths of everybody's. A forest learns to tell them from who didn't convert; the people most like them are
the audience. Beside it: members drawn at random, the likeliest buyers, those whom the response model says an
advertisement moves most, and those whom it truly moves most.
"""

from collections.abc import Mapping

import lightgbm as lgb
import numpy as np

from benchmarks.signals.ablation import Field
from benchmarks.signals.known import Known
from ml.entities import NONE, Channel
from ml.response.model import ResponseModel

AUDIENCE_SHARE = 0.05
EXPECTED_FROM = 0.8
ADS: tuple[Channel, ...] = ("paid_social", "display")
PARAMETERS = {
    "objective": "binary", "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 200, "lambda_l2": 20.0,
    "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63, "verbosity": -1,
}  # fmt: skip
ROUNDS = 60


def likeness(known: Known, model: ResponseModel, *, seed: int, threads: int) -> np.ndarray:
    """How like the unexpected converters each customer is, float64 [N]."""
    rows = known.training[~known.training["channel"].isin(ADS)]
    expected = model.propensity_of(rows)
    bought = rows["is_converted"].to_numpy(dtype=bool)
    is_unexpected = bought & (expected < np.quantile(expected, EXPECTED_FROM))
    kept = np.flatnonzero(is_unexpected | ~bought)
    data = lgb.Dataset(
        model.spec.matrix(rows.iloc[kept]),
        is_unexpected[kept].astype(float),
        weight=rows["sample_weight"].to_numpy(dtype=float)[kept],
    )
    forest = lgb.train(PARAMETERS | {"seed": seed, "num_threads": threads}, data, ROUNDS)
    return np.asarray(forest.predict(model.spec.matrix(known.customers), num_threads=threads), dtype=np.float64)


def audiences(
    known: Known, field: Field, model: ResponseModel, value: np.ndarray, *, seed: int, threads: int
) -> Mapping[str, Mapping[str, float]]:
    """By ad channel, true net margin of 1,000 members by how they were chosen; without an offer.

    Args:
        known: The customers.
        field: Who may be added, and the truth.
        model: The pipeline's.
        value: What it expects of each option, float64 [N, O].
        seed: Of the forest and of the random audience.
        threads: Cores.
    """
    like = likeness(known, model, seed=seed, threads=threads)
    likely = model.score(known.customers, field.options[:1]).baseline
    found: dict[str, dict[str, float]] = {}
    for option in field.options:
        if option.channel not in ADS or option.offer_id != NONE:
            continue
        o = field.options.index(option)
        able = np.flatnonzero(field.allowed[:, o])
        count = int(AUDIENCE_SHARE * len(able))
        ranks = {"lookalike": like, "likeliest": likely, "response model": value[:, o], "truth": field.truth[:, o]}
        brings = {
            name: float(field.truth[able[np.argsort(-rank[able], kind="stable")[:count]], o].mean()) * 1000
            for name, rank in ranks.items()
        }
        found[option.channel] = {"random": float(field.truth[able, o].mean()) * 1000} | brings
    return found
