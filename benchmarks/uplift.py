"""Real trials through the functions of `wayfinder model fit`: who is moved by a mail, which mail for whom, who responds later.

    python -m benchmarks.uplift --data hillstrom.csv.gz [--bank bank-additional-full.csv.gz] [--quick]

Hillstrom's e-mail trial, half of the people teach and half judge, seeds 42 to 46. Women's mail against none: Qini and
uplift@30 % of the learner that is chosen inside the teaching half, beside a random order and a response model run here and
figures of other methods measured in the same way elsewhere. Three arms: value of the guarded policy for spend and visits,
inverse-propensity weighted, beside each mail to everybody. Bank Marketing by date: the first three quarters teach, the
rest judges. What judges never chooses anything. Ends with one line of JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from ml.evaluation.classification import auc
from ml.evaluation.uplift import qini, uplift_at
from ml.learners.forward import choose_head
from ml.learners.guard import chosen
from ml.learners.line import Line
from ml.tables.encoding import Encoder
from ml.tables.reading import read_table
from ml.trials.amounts import one_each
from ml.trials.fitting import LearnedTrial, learn_effects
from ml.trials.roles import Roles, prepare

SEEDS: Final = (42, 43, 44, 45, 46)
OUTCOMES: Final = ("visit", "conversion", "spend")
CONTROL: Final = "No E-Mail"
REFERENCE: Final = {
    "T-learner, logistic regression": (0.0767, 0.0662),
    "S-learner, LightGBM regularized": (0.0751, 0.0645),
    "causal forest (econml)": (0.0742, 0.0597),
    "uplift random forest (causalml)": (0.0760, 0.0582),
    "X-learner, LightGBM regularized": (0.0730, 0.0545),
    "T-learner, LightGBM regularized": (0.0709, 0.0506),
    "DR-learner, LightGBM regularized": (0.0695, 0.0485),
}
BARS: Final = {"spend": 1.393 - 0.005, "visit": 0.1808}
Vector = npt.NDArray[np.float64]
Order = Callable[[pd.DataFrame, pd.DataFrame, int], Vector]


def learn(train: pd.DataFrame, outcome: str, seed: int) -> tuple[LearnedTrial, Encoder]:
    """Effects as `model fit` learns them."""
    roles = Roles(outcome, "segment", CONTROL, exclude=tuple(name for name in OUTCOMES if name != outcome))
    prepared = prepare(train, roles, "train")
    encoder = Encoder.of(train, roles.named)
    return learn_effects(prepared, encoder.matrix(train, "train"), one_each(), 0.0, seed=seed), encoder


def wayfinder(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Vector:
    """The learner that is chosen inside the teaching half."""
    learned, encoder = learn(train, "visit", seed)
    print(f"  seed {seed}: {learned.choice.chosen.name} of {', '.join(learned.choice.members)}", flush=True)
    return learned.kept().of(encoder.matrix(test, "test"))[:, 0]


def random_order(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Vector:  # noqa: ARG001
    """Nobody before anybody."""
    return np.random.default_rng(seed).random(len(test))


def response_model(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Vector:  # noqa: ARG001
    """Who visits if mailed: what targeting by propensity does."""
    mailed = train[train["segment"] != CONTROL]
    encoder = Encoder.of(mailed, (*OUTCOMES, "segment"))
    visits = mailed["visit"].to_numpy(dtype=np.float64)
    line = Line().fit(encoder.matrix(mailed, "train"), visits, np.ones(len(mailed)), "binary")
    return line.predict(encoder.matrix(test, "test"))


def halves(frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Teaching and judging half, each with its share of every arm and of visits."""
    strata = frame["segment"].astype(str) + frame["visit"].astype(str)
    train, test = train_test_split(frame, test_size=0.5, random_state=seed, stratify=strata)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def two_arms(frame: pd.DataFrame, order: Order, seeds: Sequence[int]) -> dict[str, float]:
    """Mean and standard deviation over seeds of uplift@30 % and Qini on the judging half."""
    started, figures = time.perf_counter(), []
    for seed in seeds:
        train, test = halves(frame, seed)
        uplift = order(train, test, seed)
        mailed, visited = (test["segment"] != CONTROL).to_numpy(), test["visit"].to_numpy()
        figures.append((uplift_at(0.3, uplift, mailed, visited), qini(uplift, mailed, visited)))
    mean, deviation = np.mean(figures, axis=0), np.std(figures, axis=0)
    names = ("uplift_at_30", "qini", "uplift_at_30_sd", "qini_sd", "seconds")
    seconds = (time.perf_counter() - started) / len(seeds)
    return dict(zip(names, map(float, (*mean, *deviation, seconds)), strict=True))


def three_arms(frame: pd.DataFrame, outcome: str, seeds: Sequence[int]) -> dict[str, float]:
    """Inverse-propensity value a person on the judging half: the guarded policy, and each action to everybody."""
    values: list[dict[str, float]] = []
    for seed in seeds:
        train, test = halves(frame, seed)
        learned, encoder = learn(train, outcome, seed)
        kept = learned.kept()
        uplift = kept.of(encoder.matrix(test, "test"))
        net = np.column_stack([np.zeros(len(test)), uplift])
        names = (CONTROL, *sorted(set(test["segment"]) - {CONTROL}))
        done = test["segment"].map({name: place for place, name in enumerate(names)}).to_numpy()
        came = test[outcome].to_numpy(dtype=np.float64)
        shares = np.bincount(done) / len(done)
        policies = {
            "guarded": chosen(net, kept.constant, kept.threshold),
            "argmax without the guard": net.argmax(axis=1),
            **{name: np.full(len(test), place) for place, name in enumerate(names)},
        }
        values.append(
            {name: float(np.mean((done == choice) / shares[done] * came)) for name, choice in policies.items()}
        )
        print(f"  seed {seed}: {', '.join(learned.choice.members)}; {values[-1]}", flush=True)
    return {name: float(np.mean([each[name] for each in values])) for name in values[0]}


def bank(path: Path) -> dict[str, Any]:
    """AUC on the last quarter by date, without the call's duration."""
    frame = read_table(path)
    prepared = prepare(frame, Roles("y", exclude=("duration",)), str(path))
    first = int(0.75 * len(frame))
    encoder = Encoder.of(frame.iloc[:first], ("y", "duration"))
    matrix, target = encoder.matrix(frame, str(path)), prepared.outcome
    head = choose_head(matrix[:first], target[:first], np.ones(first), "binary", seed=SEEDS[0])
    found = auc(head.head.predict(matrix[first:]), target[first:])
    return {"auc": found, "used": head.used, "forward_score": head.score}


def main() -> int:
    """Runs the benchmark; 2 where the data isn't there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="Hillstrom's trial, csv or csv.gz")
    parser.add_argument("--bank", type=Path, help="Bank Marketing, bank-additional-full, csv or csv.gz")
    parser.add_argument("--quick", action="store_true", help="one seed, two arms only")
    arguments = parser.parse_args()
    for path in (arguments.data, arguments.bank):
        if path is not None and not path.exists():
            print(f"{path} isn't there: --data names Hillstrom's trial, --bank Bank Marketing", file=sys.stderr)
            return 2
    with threadpool_limits(1, user_api="blas"):
        results = measure(read_table(arguments.data), arguments.bank, quick=arguments.quick)
    print(json.dumps({"benchmark": "uplift", "quick": arguments.quick, **results}))
    return 0


def measure(frame: pd.DataFrame, bank_path: Path | None, *, quick: bool) -> dict[str, Any]:
    """All sections, printed as they end."""
    seeds = SEEDS[:1] if quick else SEEDS
    results: dict[str, Any] = {"two_arms": show_two_arms(frame, seeds)}
    for outcome, bar in BARS.items() if not quick else ():
        print(
            f"\nthree arms, {outcome} a person, inverse-propensity value, seeds {seeds[0]} to {seeds[-1]}; bar {bar:.4f}"
        )
        results[outcome] = three_arms(frame, outcome, seeds)
        for name, value in results[outcome].items():
            print(f"{name:44} {value:10.4f}")
    if bank_path is not None and not quick:
        results["bank"] = bank(bank_path)
        print(
            f"\nBank Marketing, last quarter by date, without duration: AUC {results['bank']['auc']:.4f} (bar .70; LightGBM .677-.687)"
        )
        print(f"chosen forward in time: {'; '.join(results['bank']['used'])}")
    return results


def show_two_arms(frame: pd.DataFrame, seeds: Sequence[int]) -> dict[str, Any]:
    """Women's mail against none, with the reference figures."""
    frame = frame[frame["segment"].isin(["Womens E-Mail", CONTROL])].reset_index(drop=True)
    print(
        f"women's mail against none, visit, 50/50, seeds {seeds[0]} to {seeds[-1]}, {len(frame)} people; bar .0765 and .066"
    )
    print(f"{'method':44} {'uplift@30 % (sd)':>18} {'Qini (sd)':>18} {'s':>6}")
    results = {}
    orders: dict[str, Order] = {"wayfinder": wayfinder, "random order": random_order, "response model": response_model}
    for name, order in orders.items():
        figures = results[name] = two_arms(frame, order, seeds)
        columns = [f"{figures[key]:.4f} ({figures[key + '_sd']:.3f})" for key in ("uplift_at_30", "qini")]
        print(f"{name:44} {columns[0]:>18} {columns[1]:>18} {figures['seconds']:6.1f}")
    for name, (share, area) in REFERENCE.items():
        print(f"{name + ' (reference)':44} {share:>18.4f} {area:>18.4f}")
    return results


if __name__ == "__main__":
    sys.exit(main())
