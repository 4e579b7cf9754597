"""Whether the response model is honest about effects at a cold start: what it promises beside the sample market's truth.

    python -m benchmarks.effects [--quick] [--customers N] [--seeds 7 8]

A market's year of history, two thirds of whose campaigns picked likely buyers by habit, goes through landing, dbt and the
training frame as in a first cycle. The model is trained as the cycle trains it, everybody is scored, and the mean promised
uplift by channel is held against the market's true effect of that message on those whom the channel can reach: nobody without a
telephone is ever sent a text, whatever is promised of it. Rank is Spearman's correlation of the two over these people. Beside
it stands the plain propensity model that marketing teams use: one LightGBM on all rows as they are, with the contact's channel
and offer among its features, asked with and without it. Truth is read by this judge alone. Ends with one line of JSON.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from assets.frames import TrainingSources, training_frame
from assets.home import Home
from assets.intake import land, set_cycle
from assets.publishing import publish
from benchmarks.identity import CUTOFF, DAY, PROJECT, run
from ml.configuration import read_configuration
from ml.entities import CONTACT_DETAILS, Option
from ml.features import FeatureSpec
from ml.training import History, train

HORIZON = 14
MAX_ROWS = 300_000
ZONE = "America/New_York"
ACTIONS = read_configuration(PROJECT.parent / "config").actions

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """A market's rows to learn from, its people today, and what each option would truly do to them, [N, O]."""

    training: pd.DataFrame
    customers: pd.DataFrame
    options: list[Option]
    truth: Matrix
    organic: npt.NDArray[np.float64]


def world(folder: Path, customers: int, seed: int) -> World:
    """Makes a market, builds its warehouse, and reads its truth."""
    python, database = sys.executable, folder / "wayfinder.duckdb"
    run(python, "-m", "market", "make", "--home", str(folder), "--customers", str(customers), "--seed", str(seed))
    for what, more in (("identity", ()), ("effects", ("--days", str(HORIZON)))):
        out = str(folder / f"{what}.parquet")
        run(python, "-m", "market", "truth", "--home", str(folder), "--what", what, "--out", out, *more)
    with duckdb.connect(str(database)) as connection:
        land(folder, connection, at=CUTOFF, known=())
        set_cycle(
            connection, cycle_on=DAY, cutoff_at=CUTOFF, received_by=CUTOFF, time_zone=ZONE, lapsing_days=60,
            lapsed_days=90, margin_share=0.4, horizon_days=HORIZON,
        )  # fmt: skip
    environment = {
        "WAYFINDER_WAREHOUSE": str(database), "DBT_PROFILES_DIR": str(PROJECT), "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"), "DO_NOT_TRACK": "1",
    }  # fmt: skip
    dbt = str(Path(python).with_name("dbt"))
    run(dbt, "run", "--project-dir", str(PROJECT), "--select", "+path:models/marts", environment=environment)
    home = Home(folder)
    with duckdb.connect(str(database)) as connection:
        publish(home, connection, "g1")
        persons = connection.execute(
            """
            select customer_id, mode(person_id) as person_id
            from intermediate.int_contact_customers
            join (
                select value, any_value(person_id) as person_id from read_parquet($identity)
                where kind = 'contact_id' group by value
            ) as truth on contact_id = truth.value
            group by customer_id
            """,
            {"identity": str(folder / "identity.parquet")},
        ).df()
    training = training_frame(
        TrainingSources(home.generation("g1"), (), DAY, HORIZON, ZONE, valid_days=ACTIONS.valid_days), MAX_ROWS, seed
    )
    view = pd.read_parquet(home.generation("g1") / "dim_customers.parquet").merge(persons, on="customer_id")
    return _told(training, view, pd.read_parquet(folder / "effects.parquet"))


def _told(training: pd.DataFrame, customers: pd.DataFrame, effects: pd.DataFrame) -> World:
    options = [Option(*pair) for pair in sorted(set(zip(effects["channel"], effects["offer_id"], strict=True)))]
    by_option = {pair: part.set_index("person_id") for pair, part in effects.groupby(["channel", "offer_id"])}
    who = customers["person_id"]
    truth = np.column_stack([by_option[option]["effect"].reindex(who).to_numpy(dtype=float) for option in options])
    return World(
        training, customers, options, truth, by_option[options[0]]["organic"].reindex(who).to_numpy(dtype=float)
    )


def before(known: World) -> Matrix:
    """Uplift by a propensity model: its answer with the contact less its answer without."""
    spec, rows = FeatureSpec.fit(known.training), known.training
    contacts = pd.MultiIndex.from_tuples(known.options)
    done = contacts.get_indexer(pd.MultiIndex.from_frame(rows[["channel", "offer_id"]]))
    matrix = np.column_stack([spec.matrix(rows), done])
    data = lgb.Dataset(matrix, rows["is_converted"].astype(float), categorical_feature=[matrix.shape[1] - 1])
    model = lgb.train(
        {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": 1}, data, 150
    )
    asked = np.column_stack([spec.matrix(known.customers), np.full(len(known.customers), -1)])

    def chance(option: int) -> Matrix:
        asked[:, -1] = option
        return np.asarray(model.predict(asked, num_threads=1))

    alone = chance(-1)
    return np.column_stack([chance(option) - alone for option in range(len(known.options))])


def measure(folder: Path, customers: int, seed: int) -> dict[str, Any]:
    """Figures of one market."""
    begun = perf_counter()
    known = world(folder, customers, seed)
    made, begun, spent = perf_counter() - begun, perf_counter(), process_time()
    trained = train(
        known.training, known.options, seed=1, threads=1, history=History(0.05, 20.0, assumed=ACTIONS.assumed_responses)
    )
    seconds, cpu = perf_counter() - begun, process_time() - spent
    scores = trained.model.score(known.customers, known.options)
    old, averages = before(known), trained.model.averages
    reached: dict[str, npt.NDArray[np.bool_]] = {
        name: known.customers[list(columns)].any(axis=1).to_numpy() for name, columns in CONTACT_DETAILS.items()
    }
    channels = {
        channel: _channel(reached[channel], at, known.truth, scores.uplift.astype(float), old)
        | {"promised_sd": 100 * float(np.mean([averages.of(known.options[o]).sd for o in at]))}
        for channel, at in _columns(known.options).items()
    }
    mean = {name: float(np.mean([row[name] for row in channels.values()])) for name in ("true", "before", "after")}
    errors = {
        name: float(np.sqrt(np.mean([(row[name] - row["true"]) ** 2 for row in channels.values()])))
        for name in ("before", "after")
    }
    return {
        "customers": customers, "seed": seed, "channels": channels, "mean_points": mean, "error_points": errors,
        "baseline": [float(scores.baseline.mean()), float(known.organic.mean())],
        "learner": trained.model.personal.name, "slope": trained.model.personal.slope,
        "candidates": {one.name: [one.slope.estimate, one.slope.sd] for one in trained.candidates},
        "seconds": {"market and warehouse": round(made, 1), "training": round(seconds, 1), "training, cpu": round(cpu, 1)},
    }  # fmt: skip


def _columns(options: Sequence[Option]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, option in enumerate(options):
        found.setdefault(option.channel, []).append(position)
    return found


def _channel(
    reached: npt.NDArray[np.bool_], at: list[int], truth: Matrix, after: Matrix, old: Matrix
) -> dict[str, float]:
    """Means in points over the people reached and the channel's offers, and rank correlations over these people."""
    figures = {"true": truth[reached], "before": old[reached], "after": after[reached]}
    truth = figures["true"]
    means = {name: 100 * float(values[:, at].mean()) for name, values in figures.items()}
    ranks = {}
    for name in ("before", "after"):
        told = [o for o in at if figures[name][:, o].std() > 0]
        ranks[f"rank_{name}"] = (
            float(np.mean([spearmanr(figures[name][:, o], truth[:, o])[0] for o in told])) if told else 0.0
        )
    return means | ranks


def show(figures: dict[str, Any]) -> None:
    """The table of one market."""
    print(
        f"\n{figures['customers']:,} people, seed {figures['seed']}: mean uplift of a contact, points of conversion in {HORIZON} days"
    )
    print(f"{'channel':<14}{'true':>9}{'before':>9}{'after':>9}{'± sd':>8}{'rank before':>13}{'rank after':>12}")
    for name, row in figures["channels"].items():
        print(
            f"{name:<14}{row['true']:>9.3f}{row['before']:>9.3f}{row['after']:>9.3f}{row['promised_sd']:>8.3f}"
            f"{row['rank_before']:>13.3f}{row['rank_after']:>12.3f}"
        )
    mean, error = figures["mean_points"], figures["error_points"]
    print(f"{'mean':<14}{mean['true']:>9.3f}{mean['before']:>9.3f}{mean['after']:>9.3f}")
    print(f"{'RMS error':<14}{'':>9}{error['before']:>9.3f}{error['after']:>9.3f}")
    print(f"chance when left alone: promised {figures['baseline'][0]:.4f}, true {figures['baseline'][1]:.4f}")
    told = ", ".join(f"{name} {value:.2f} ± {sd:.2f}" for name, (value, sd) in figures["candidates"].items())
    print(f"share of each learner's differences that held-out people support: {told}; in use: {figures['learner']}")
    print(", ".join(f"{name} {value} s" for name, value in figures["seconds"].items()))


def main() -> int:
    """Run the markets, print a table each, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5,000 people, one seed, under a minute")
    parser.add_argument("--customers", type=int)
    parser.add_argument("--seeds", type=int, nargs="*", default=[7, 8])
    arguments = parser.parse_args()
    customers = arguments.customers or (5_000 if arguments.quick else 20_000)
    figures = []
    for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
        with TemporaryDirectory(prefix="effects-") as folder:
            figures.append(measure(Path(folder), customers, seed))
        show(figures[-1])
    print(json.dumps({"benchmark": "effects", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
