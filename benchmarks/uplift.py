"""Hillstrom's e-mail trial, women's mail against none, visits: how well the response model orders people by uplift.

    python -m benchmarks.uplift --data hillstrom.csv.gz [--quick]

Half of the people teach, half judge, five seeds. Beside the product's learner stand a random order, a response model
(who visits if mailed) and a T-learner of logistic regressions, run here on the same halves, and figures of other
methods measured in the same way elsewhere. Ends with one line of JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.entities import NONE, Option
from ml.evaluation.uplift import qini, uplift_at
from ml.features import FeatureSpec
from ml.response.model import ResponseModel

SEEDS = (42, 43, 44, 45, 46)
MAIL = Option("email", "none")
OUTCOMES = ["segment", "visit", "conversion", "spend"]
REFERENCE = {
    "T-learner, logistic regression": (0.0767, 0.0662),
    "S-learner, LightGBM regularized / default": (0.0751, 0.0645),
    "causal forest (econml)": (0.0742, 0.0597),
    "X-learner, LightGBM regularized": (0.0730, 0.0545),
    "T-learner, LightGBM regularized": (0.0709, 0.0506),
    "DR-learner, LightGBM regularized": (0.0695, 0.0485),
}

Learner = Callable[[pd.DataFrame, pd.DataFrame, int], npt.NDArray[Any]]


def read_trial(path: Path) -> pd.DataFrame:
    """The women's mail and no mail arms in the shape of a training frame."""
    table = pd.read_csv(path)
    table = table[table["segment"].isin(["Womens E-Mail", "No E-Mail"])].reset_index(drop=True)
    mailed = table["segment"] == "Womens E-Mail"
    frame = table.drop(columns=OUTCOMES).rename(columns={"channel": "purchase_channel"})
    return frame.assign(
        customer_id=[f"c{position}" for position in range(len(frame))],
        channel=np.where(mailed, MAIL.channel, NONE),
        offer_id=NONE,
        propensity=0.5,
        sample_weight=1.0,
        is_converted=table["visit"].to_numpy(dtype=bool),
        margin=np.where(table["visit"] == 1, table["spend"], np.nan),
    )


def wayfinder(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> npt.NDArray[Any]:
    """The product's response model, as the daily cycle trains it."""
    return ResponseModel.fit(train, [MAIL], seed=seed, threads=1).score(test, [MAIL]).uplift[:, 0]


def random_order(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> npt.NDArray[Any]:  # noqa: ARG001
    """Nobody before anybody."""
    return np.random.default_rng(seed).random(len(test))


def response_model(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> npt.NDArray[Any]:  # noqa: ARG001
    """Who visits if mailed: what targeting by propensity does."""
    return _logistic(train[train["channel"] != NONE], train, test)


def two_regressions(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> npt.NDArray[Any]:  # noqa: ARG001
    """T-learner of logistic regressions, one-hot text."""
    mailed = train["channel"] != NONE
    return np.asarray(_logistic(train[mailed], train, test) - _logistic(train[~mailed], train, test))


def _logistic(rows: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame) -> npt.NDArray[Any]:
    names = list(FeatureSpec.fit(train).names)
    columns = pd.get_dummies(train[names]).columns
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(pd.get_dummies(rows[names]).reindex(columns=columns, fill_value=0), rows["is_converted"])
    return np.asarray(model.predict_proba(pd.get_dummies(test[names]).reindex(columns=columns, fill_value=0))[:, 1])


LEARNERS: dict[str, Learner] = {
    "wayfinder": wayfinder,
    "random order": random_order,
    "response model, logistic regression": response_model,
    "T-learner, logistic regression, run here": two_regressions,
}


def measure(frame: pd.DataFrame, learner: Learner, seeds: tuple[int, ...]) -> dict[str, float]:
    """Mean and standard deviation over seeds of uplift@30 % and Qini on the half that judges."""
    started, figures = time.perf_counter(), []
    for seed in seeds:
        mailed = frame["channel"] != NONE
        strata = mailed.astype(str) + frame["is_converted"].astype(str)
        train, test = train_test_split(frame, test_size=0.5, random_state=seed, stratify=strata)
        uplift = learner(train.reset_index(drop=True), test.reset_index(drop=True), seed)
        contacted, converted = (test["channel"] != NONE).to_numpy(), test["is_converted"].to_numpy()
        figures.append((uplift_at(0.3, uplift, contacted, converted), qini(uplift, contacted, converted)))
    mean, deviation = np.mean(figures, axis=0), np.std(figures, axis=0)
    seconds = (time.perf_counter() - started) / len(seeds)
    names = ("uplift_at_30", "qini", "uplift_at_30_sd", "qini_sd", "seconds")
    return dict(zip(names, map(float, (*mean, *deviation, seconds)), strict=True))


def main() -> int:
    """Runs the benchmark; 2 where the data isn't there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="Hillstrom's trial, csv or csv.gz")
    parser.add_argument("--quick", action="store_true", help="two seeds")
    arguments = parser.parse_args()
    if not arguments.data.exists():
        print(f"{arguments.data} isn't there: --data names the file of Hillstrom's e-mail trial", file=sys.stderr)
        return 2
    frame, seeds = read_trial(arguments.data), SEEDS[:2] if arguments.quick else SEEDS
    print(f"women's mail against none, visit, 50/50, seeds {seeds[0]} to {seeds[-1]}, {len(frame)} people")
    print(f"{'method':44} {'uplift@30 % (sd)':>18} {'Qini (sd)':>18} {'s':>6}")
    results = {}
    for name, learner in LEARNERS.items():
        figures = results[name] = measure(frame, learner, seeds)
        columns = [f"{figures[key]:.4f} ({figures[key + '_sd']:.3f})" for key in ("uplift_at_30", "qini")]
        print(f"{name:44} {columns[0]:>18} {columns[1]:>18} {figures['seconds']:6.1f}")
    for name, (share, area) in REFERENCE.items():
        print(f"{name + ' (reference)':44} {share:>18.4f} {area:>18.4f}")
    print(json.dumps({"benchmark": "uplift", "quick": arguments.quick, "figures": results}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
