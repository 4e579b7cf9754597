"""Measures off-policy evaluation: against a policy's own log, against the sample market's truth, and its propensities.

*Open Bandit* (small; Saito and others 2021): the value of the Thompson policy, by its log's action frequencies by position,
from the uniform policy's 10,000 rows; the truth is the mean of its own log. The published errors are of the same rows with
the policy's probabilities as its authors' pipeline replays them. *Sample market*: a market of its own is made; people are
logged over cycles by the product's own draw near the best plan of a noisy model and, a share of them, by a uniformly
random action; what they buy is drawn from the market's true effects. Six policies are valued from the log and by the
truth, in margin less contact costs per person and cycle; those that the system arm hardly ever follows are valued on the
random arm alone; *gain* is over leaving everybody alone, on the same rows.
*Redraws*: frequencies of a plan's contacts against the probabilities that are logged.

    python -m benchmarks.policy_evaluation --data FOLDER [--quick] [--people N] [--cycles N] [--redraws N]
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from benchmarks.allocation.instances import COSTS
from benchmarks.smooth import frequencies
from market.__main__ import main as market
from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.terms import ChannelCapacity, ContactLimit, Term, TotalBudget
from ml.entities import CHANNELS, Option
from ml.evaluation.off_policy import Log, Valued, Vector, cross_fitted, difference, evaluate, pooled_means, support
from ml.policy.system import choose

PUBLISHED: Final = {"ips": 0.0840, "dm": 0.1560, "dr": 0.1255, "snips": 0.1371}
OFFERS: Final = ("none", "ten_off")
OPTIONS: Final = [Option(channel, offer) for channel in CHANNELS for offer in OFFERS]
RANDOM_SHARE: Final = 0.5
SUPPORTED: Final = 0.99
BINS: Final = 10


def open_bandit(folder: Path) -> dict[str, Any]:
    """Value of the Thompson policy from the uniform log.

    Raises:
        SystemExit: The data aren't there.
    """
    paths = [folder / f"{name}_all.csv.gz" for name in ("random", "bts")]
    if not all(path.exists() for path in paths):
        print(
            f"{folder} lacks random_all.csv.gz or bts_all.csv.gz: --data names the folder of Open Bandit, small",
            file=sys.stderr,
        )
        raise SystemExit(2)
    columns = ["item_id", "position", "click", "propensity_score"]
    uniform, thompson = (pd.read_csv(path, usecols=columns) for path in paths)
    places = np.sort(uniform["position"].unique())
    actions = int(max(uniform["item_id"].max(), thompson["item_id"].max())) + 1
    frequency = np.zeros((len(places), actions))
    np.add.at(frequency, (np.searchsorted(places, thompson["position"]), thompson["item_id"].to_numpy()), 1.0)
    frequency /= frequency.sum(axis=1, keepdims=True)
    place = np.searchsorted(places, uniform["position"]).astype(np.int64)
    action, click = uniform["item_id"].to_numpy(np.int64), uniform["click"].to_numpy(float)
    logged = Log(action, uniform["propensity_score"].to_numpy(float), click)
    expected = cross_fitted(_by_cell(place, action, click, (len(places), actions)), len(click))
    found = evaluate(logged, frequency[place], expected)
    truth = float(thompson["click"].mean())
    print(
        f"Open Bandit, small: Thompson policy from the uniform log, {len(click):,} rows, {click.sum():.0f} clicks; truth {truth:.4f}"
    )
    print(
        f"{'':8}{'value':>10}{'95 % interval':>24}{'holds it':>10}{'error':>8}{'published':>11}{'effective':>11}{'clipped':>9}"
    )
    rows: dict[str, dict[str, Any]] = {}
    for name, one in found.items():
        error = abs(one.value - truth) / truth
        holds = None if one.interval == "none" else one.low <= truth <= one.high
        rows[name] = {"value": one.value, "low": one.low, "high": one.high, "error": error, "holds": holds}
        span = "–" if holds is None else f"{one.low:.6f} to {one.high:.6f}"
        said = {True: "yes", False: "NO", None: "–"}[holds]
        print(
            f"{name:8}{one.value:>10.6f}{span:>24}{said:>10}{error:>8.4f}{PUBLISHED[name]:>11.4f}"
            f"{one.effective_rows:>11,.0f}{one.clipped_share:>9.1%}"
        )
    return {"truth": truth, "estimates": rows}


def _by_cell(
    stratum: np.ndarray, action: np.ndarray, reward: np.ndarray, shape: tuple[int, int]
) -> Callable[[np.ndarray], Callable[[np.ndarray], Vector]]:
    def fit(rows: np.ndarray) -> Callable[[np.ndarray], Vector]:
        means = pooled_means(stratum[rows], action[rows], reward[rows], shape)
        return lambda others: means[stratum[others]]

    return fit


@dataclass(frozen=True, eq=False)
class World:
    """True effects of a made market: action 0 is to be left alone.

    Attributes:
        chance: float [N, A], of a purchase within 14 days.
        amount: float [N, A], margin of it, offers redeemed deducted.
        cost: float [A], of the contact.
        noisy: float [N, A], two models' net value of each action over none, which know half of what moves a person.
    """

    chance: Vector
    amount: Vector
    cost: Vector
    noisy: tuple[Vector, Vector]

    @property
    def net(self) -> Vector:
        """Expected margin less cost, float [N, A]."""
        return np.asarray(self.chance * self.amount - self.cost)


def world(people: int, seed: int) -> World:
    """A market's people with what every channel and offer causes for them."""
    with tempfile.TemporaryDirectory() as home, redirect_stdout(StringIO()):
        made = [
            "--home",
            home,
            "--customers",
            str(people),
            "--history-days",
            "60",
            "--start",
            "2026-01-05",
            "--seed",
            str(seed),
        ]
        out = str(Path(home) / "effects.parquet")
        if market(["make", *made]) or market(
            ["truth", "--home", home, "--what", "effects", "--out", out, "--offers", ",".join(OFFERS)]
        ):
            raise SystemExit("the market could not be made")
        told = pd.read_parquet(out)
    count = int(told["person_id"].max()) + 1
    shape = (len(OPTIONS), count)
    order = pd.MultiIndex.from_tuples([tuple(option) for option in OPTIONS])
    table = told.set_index(["channel", "offer_id"])
    effect, margin = (
        np.stack([table.loc[key, name].to_numpy(float) for key in order]).reshape(shape).T
        for name in ("effect", "margin_effect")
    )
    organic = told["organic"].to_numpy(float)[:count]
    plain = [k for k, option in enumerate(OPTIONS) if option.offer_id == "none"]  # without an offer to deduct from it
    caused, told_margin = np.maximum(effect[:, plain], 0.0).sum(axis=1), np.maximum(margin[:, plain], 0.0).sum(axis=1)
    usual = told_margin.sum() / caused.sum()
    gross = np.where(caused > 1e-4, told_margin / np.maximum(caused, 1e-4), usual)
    chance = np.clip(np.column_stack([organic, organic[:, None] + effect]), 1e-6, 1.0)
    amount = np.column_stack([gross, (organic[:, None] * gross[:, None] + margin) / chance[:, 1:]])
    cost = np.array([0.0, *(COSTS[option.channel] for option in OPTIONS)])
    rng = np.random.default_rng(seed)
    gain = margin - cost[1:]
    noisy = tuple(
        np.column_stack([np.zeros(count), gain + rng.normal(0, noise * gain.std(axis=0), gain.shape)])
        for noise in (1.0, 2.5)
    )
    return World(chance, amount, cost, noisy)  # type: ignore[arg-type]


def smooth(values: Vector, cost: Vector, share: float, seed: int, threads: int) -> tuple[Vector, np.ndarray]:
    """Probabilities of the product's plan by a model's values, float [N, A], and one draw of it, int [N]."""
    columns = Columns.of([("grow", option, float(c)) for option, c in zip(OPTIONS, cost[1:], strict=True)])
    worth = values[:, 1:].astype(np.float32)
    terms: list[Term] = [TotalBudget(0.05 * len(values)), ChannelCapacity("voice", 0.01 * len(values)), ContactLimit(1)]
    problem = Problem(Candidates.from_dense(worth, np.ones(worth.shape, dtype=bool)), columns, terms)
    exact = solve(problem, threads=threads)
    chosen = choose(problem, exact, share, cycle_id=f"2026-01-{seed}", seed=seed, threads=threads)
    chance = np.zeros(values.shape)
    person = np.repeat(np.arange(len(values)), np.diff(problem.candidates.starts))
    chance[person, problem.candidates.column.astype(np.int64) + 1] = chosen.chance
    chance[:, 0] = np.clip(1 - chance[:, 1:].sum(axis=1), 0, 1)
    return chance, chosen.column[:, 0] + 1


def policies(w: World, threads: int) -> dict[str, Vector]:
    """Six policies, float [N, A] each."""
    count, actions = w.chance.shape
    alone, evenly = np.zeros((count, actions)), np.full((count, actions), 1 / actions)
    alone[:, 0] = 1.0
    mail = np.zeros((count, actions))
    mail[:, 1 + OPTIONS.index(Option("email", "ten_off"))] = 1.0
    return {
        "nobody": alone,
        "at random": evenly,
        "e-mail with an offer to all": mail,
        "a noisier model": smooth(w.noisy[1], w.cost, 0.02, 3, threads)[0],
        "the model": smooth(w.noisy[0], w.cost, 0.02, 4, threads)[0],
        "what the truth says": smooth(w.net - w.net[:, :1], w.cost, 0.02, 5, threads)[0],
    }


def sample_market(people: int, cycles: int, seed: int, threads: int) -> dict[str, Any]:
    """The six policies' values from a log, against the truth."""
    w, rng = world(people, seed), np.random.default_rng(seed + 1)
    count, actions = len(w.chance), len(w.cost)
    is_random = rng.random(count) < RANDOM_SHARE
    model, _ = smooth(w.noisy[0], w.cost, 0.1, 2, threads)
    logging = np.where(is_random[:, None], 1 / actions, model)
    person = np.tile(np.arange(count), cycles)
    ladder = np.cumsum(logging, axis=1)
    drawn = [(rng.random(count)[:, None] > ladder).sum(axis=1) for _ in range(cycles)]
    action = np.concatenate(drawn).clip(0, actions - 1)
    bought = rng.random(len(person)) < w.chance[person, action]
    reward = bought * w.amount[person, action] - w.cost[action]
    logged = Log(action, logging[person, action], reward, person)
    level = np.minimum((w.chance[:, 0] * w.amount[:, 0]).argsort().argsort() * BINS // count, BINS - 1)
    expected = cross_fitted(_by_cell(level[person], action, reward, (BINS, actions)), len(person), person=person)
    candidates = policies(w, threads)
    truth = {name: float((policy * w.net).sum(axis=1).mean()) for name, policy in candidates.items()}
    print(
        f"\nsample market: {count:,} people, {cycles} cycles, {len(person):,} rows; {RANDOM_SHARE:.0%} of them at random"
    )
    print(
        f"{'':38}{'truth':>8}{'dr':>9}{'error':>8}{'ips':>9}{'snips':>9}{'dm':>9}{'effective':>11}{'gain':>9}{'dr':>9}{'95 % interval':>20}"
    )
    rows: dict[str, dict[str, Any]] = {}
    for name, policy in candidates.items():
        is_shown = float(support(policy, model)[~is_random].mean()) >= SUPPORTED
        used = np.flatnonzero(is_random[person] | is_shown)
        _, numbered = np.unique(person[used], return_inverse=True)
        own = Log(action[used], logged.propensity[used], reward[used], numbered)
        found = evaluate(own, policy[person[used]], expected[used])
        gain = difference(own, policy[person[used]], candidates["nobody"][person[used]], expected[used])
        rows[name] = _row(name, found, gain, truth)
    order = [[row[key] for row in rows.values()] for key in ("truth", "dr", "ips", "snips")]
    tau = {
        name: float(kendalltau(order[0], each).statistic)
        for name, each in zip(("dr", "ips", "snips"), order[1:], strict=True)
    }
    gains = [[row[key] for row in rows.values()] for key in ("true_gain", "gain")]
    tau["gain"] = float(kendalltau(*gains).statistic)
    worst: float = max(row["error"] for row in rows.values())
    print(
        f"largest error of a value {worst:.2%} (asked: at most 5 %); Kendall's tau "
        + ", ".join(f"{k} {v:.2f}" for k, v in tau.items())
        + " (asked: at least .8)"
    )
    return {"people": count, "rows": len(person), "policies": rows, "largest_error": worst, "tau": tau}


def _row(name: str, found: dict[Any, Valued], gain: Valued, truth: dict[str, float]) -> dict[str, Any]:
    true, one = truth[name], found["dr"]
    row = {
        "truth": true, **{each: found[each].value for each in ("dr", "ips", "snips", "dm")}, "error": abs(one.value - true) / abs(true),
        "effective_rows": one.effective_rows, "clipped_share": one.clipped_share, "true_gain": true - truth["nobody"], "gain": gain.value,
        "gain_low": gain.low, "gain_high": gain.high,
    }  # fmt: skip
    values = "".join(f"{found[each].value:>9.4f}" for each in ("ips", "snips", "dm"))
    span = f"{gain.low:+.4f} to {gain.high:+.4f}"
    print(
        f"{name:38}{true:>8.4f}{one.value:>9.4f}{row['error']:>8.2%}{values}{one.effective_rows:>11,.0f}{row['true_gain']:>+9.4f}{gain.value:>+9.4f}{span:>20}"
    )
    return row


def main() -> int:
    """Prints the tables, then the figures as one line of JSON; 2 where the data aren't there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of Open Bandit, small")
    parser.add_argument("--quick", action="store_true", help="4,000 people, 30 cycles, 1,000 redraws")
    parser.add_argument("--people", type=int, help="of the market; default 30,000")
    parser.add_argument("--cycles", type=int, help="logged; default 100")
    parser.add_argument("--redraws", type=int, help="default 100,000")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    people, cycles, redraws = (4_000, 30, 1_000) if given.quick else (30_000, 100, 100_000)
    bandit = open_bandit(given.data)
    sample = sample_market(given.people or people, given.cycles or cycles, 1, given.threads)
    print()
    redrawn = frequencies(400, given.redraws or redraws, 1, given.threads, family="few eligible")
    print(
        json.dumps({"benchmark": "policy_evaluation", "open_bandit": bandit, "market": sample, "frequencies": redrawn})
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
