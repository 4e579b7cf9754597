"""What each signal is worth on the sample market: known exactly, and learned from history and logged random contacts.

A market with its year of history lives through 14 weekly waves of contacts that were drawn at random and logged. What a
shop would see of it goes through the pipeline's own landing and warehouse; on the morning after, everybody's best
contact is chosen within one budget, and judged by the true margin of each choice under the market's law.

1. *Known*: choosing by the truth, with each term of the law known or at its mean: the most that a signal can add.
2. *Learned*: choosing by the pipeline's model, fitted with and without the signal's columns: what it adds today.
3. *Cases*: the same model on trials with more and more people in a state: from how many on it is seen by itself.
4. *Hours*: what the choice of the slot makes of the effect.
5. *Audiences*: people like the converters that nobody expected, as members of an ad audience, against others.

The issue asks that each signal is shown to be worth something or left out, and of a planted objection +10 % of the next
action's value; figures are true net margin of 1,000 people, with 95 % t-intervals over markets of different seeds.

    python -m benchmarks.signals [--quick] [--customers N] [--seeds K] [--law NAME] [--without-learning]
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.signals.ablation import GROUPS, Field, field_of, fit, value_of, without
from benchmarks.signals.cases import CASES, STATES, learned
from benchmarks.signals.known import Known, known
from benchmarks.signals.lived import Lived, live
from benchmarks.signals.lookalikes import audiences
from benchmarks.signals.slots import worth_of_slots
from benchmarks.signals.terms import RECENT_SCAN_DAYS, TERMS, told_of, worth
from benchmarks.signals.told import tell
from ml.configuration import Configuration, read_configuration
from ml.response.model import ResponseModel

CONFIG = Path(__file__).resolve().parents[2] / "config"
BUDGET_EACH = 0.05
CONTACTED_SHARE = 0.4
NOISE = "no signal: another fit"
"""The same columns fitted with other draws: what a difference is worth that means nothing."""

Facts = dict[str, Any]


def measure(customers: int, seed: int, law: str, *, quick: bool, learns: bool, threads: int) -> Facts:
    """All figures of one market, or those that need no model."""
    configuration = read_configuration(CONFIG)
    with tempfile.TemporaryDirectory() as folder:
        lived = live(Path(folder), CONFIG, customers=customers, seed=seed, law=law, share=CONTACTED_SHARE)
        seen = known(Path(folder), lived, configuration, with_training=learns)
    field = field_of(lived, seen, configuration, BUDGET_EACH)
    found = {
        "known": _known(lived, seen, field),
        "hours": {each.channel: dict(each.factor) for each in worth_of_slots(lived, seen, configuration)},
    }
    if not learns:
        return found
    model = fit(seen.training, field, seed=seed, threads=threads)
    value = value_of(model, seen.customers, configuration, field)
    ads = audiences(seen, field, model, value, seed=seed, threads=threads)
    return found | {
        "counts": _counts(lived, seen),
        "learned": _learned(seen, configuration, field, model, seed, quick=quick, threads=threads),
        "cases": _cases(lived, seen, configuration, seed, quick=quick, threads=threads),
        "audiences": {name: dict(each) for name, each in ads.items()},
    }


def _counts(lived: Lived, seen: Known) -> Facts:
    rows = seen.training
    scanned = rows["days_since_last_scan"] <= RECENT_SCAN_DAYS
    voiced = rows["last_objection"].notna()
    called = rows["channel"] == "voice"
    return {
        "contacts": sum(lived.contacts.values()), "calls": int(called.sum()), "scans": int(scanned.sum()),
        "calls after a scan": int((scanned & called).sum()), "voiced objections": int(voiced.sum()),
        "calls after an objection": int((voiced & called).sum()),
    }  # fmt: skip


def _known(lived: Lived, seen: Known, field: Field) -> Facts:
    pairs = {name: worth(lived, seen, field, term) for name, term in TERMS.items()}
    for name, told in told_of(seen).items():
        if told.any():
            pairs[f"{name}, of whom told"] = worth(lived, seen, field, TERMS[name], told)
    return {name: dict(zip(("with", "without"), pair, strict=True)) for name, pair in pairs.items()}


def _learned(
    seen: Known,
    configuration: Configuration,
    field: Field,
    model: ResponseModel,
    seed: int,
    *,
    quick: bool,
    threads: int,
) -> Facts:
    def brings(fitted: ResponseModel) -> float:
        return field.brings(field.choose(value_of(fitted, seen.customers, configuration, field)))

    def refitted(rows: pd.DataFrame) -> float:
        return brings(fit(rows, field, seed=seed, threads=threads))

    groups = ("scans", "fatigue", "voice readings") if quick else tuple(GROUPS)
    found: Facts = {"all": brings(model)} | {name: refitted(without(seen.training, GROUPS[name])) for name in groups}
    found[NOISE] = brings(fit(seen.training, field, seed=seed + 1000, threads=threads))
    if not quick:
        days = np.sort(seen.training["as_of_on"].unique())
        found["half of the waves"] = refitted(seen.training[seen.training["as_of_on"].isin(days[len(days) // 2 :])])
    return found | {"perfect": field.brings(field.choose(field.truth))}


def _cases(lived: Lived, seen: Known, configuration: Configuration, seed: int, *, quick: bool, threads: int) -> Facts:
    return {
        name: {
            str(cases): {"true": one.true, "model": one.model, "needed": one.needed}
            for cases in (CASES[:2] if quick else CASES)
            for one in [learned(lived, seen, configuration, planted, cases, seed=seed, threads=threads)]
        }
        for name, planted in STATES.items()
    }


def main() -> None:
    """Measures, prints the tables, and ends with the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one market of 4,000 people")
    parser.add_argument("--customers", type=int, default=15_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--law", default="default")
    parser.add_argument("--without-learning", action="store_true", help="only what needs no model: parts 1 and 4")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    customers, seeds = (4_000, 1) if options.quick else (options.customers, options.seeds)
    print(f"Signals: {seeds} markets of {customers:,} people, law {options.law}, {BUDGET_EACH} of money a person")
    found, begun, learns = [], perf_counter(), not options.without_learning
    for seed in range(1, seeds + 1):
        found.append(measure(customers, seed, options.law, quick=options.quick, learns=learns, threads=options.threads))
        print(f"market {seed}: {perf_counter() - begun:,.0f} s", flush=True)
    figures = tell(found)
    told = {
        name: [None if not np.isfinite(value) else round(value, 4) for value in pair] for name, pair in figures.items()
    }
    print(json.dumps({"customers": customers, "seeds": seeds, "law": options.law, "figures": told}))


if __name__ == "__main__":
    main()
