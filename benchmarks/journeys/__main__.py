"""What conversations teach, on the sample market: objections heard on the telephone, and what a contact makes possible.

    python -m benchmarks.journeys [--quick] [--law NAME]

The market runs in this process; readings, factors, continuations, values and the allocation are the product's own. The
scores of the response model are the true effect at rest, blurred by a log-normal error of each person and channel, the
same for every way of deciding. Learned from a log of random actions (10 % of the people a day, 14 days to mature).

(a) Objections: the next action of people who spoke, within the same money, with what they said used or ignored; true
    value. The issue asks for +10 %.
(b) Value-to-go: cycles of decisions by the next response alone and with continuations, same money, true incremental
    value. "Law known" has the market's own factors, without doubt: the upper limit for a model that sees the same states.
(c) How a factor's error falls with logged days.

Ends with one line of JSON.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.journeys.logs import Log, blur, keep_log, known, learned
from benchmarks.journeys.policies import Way, decide, lead, policy_of
from benchmarks.journeys.shop import CONFIG, USED, Shop, make_world
from ml.configuration import read_configuration
from ml.configuration.policy import Policy
from ml.entities import NONE, Option
from ml.journeys.model import JourneyModel
from ml.journeys.signals import SIGNALS

SPREAD = 0.8
FIRST_SEED = 201
"""Nothing was chosen on these markets."""
LATER = (3, 10)
T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 8: 2.36, 10: 2.26, 12: 2.20, 20: 2.09}


def measure(seed: int, people: int, days: int, cycles: int, law: str) -> dict[str, Any]:
    """One market: its log, what it teaches, and both comparisons."""
    configuration = read_configuration(CONFIG)
    world, state = make_world(people, seed, law)
    options = tuple(o for o in configuration.actions.options() if o.channel in USED)
    costs = {str(name): terms.cost for name, terms in configuration.actions.channels.items()}
    shop = Shop(world, state, options, costs)
    blurred = blur(shop, SPREAD, seed)
    log = keep_log(shop, days, blurred, seed)
    terms = Policy().journeys
    models = {"learned": learned(log, terms), "law known": known(world.law)}
    return {
        "objections": objections(shop, blurred, models),
        "cycles": continuations(shop, blurred, models, cycles),
        "factors": {name: factors_of(model) for name, model in models.items()},
        "growth": growth(log, days),
        "scan": {"mailers": log.scans.mailers, "scanned": log.scans.scanned, "chance": log.scans.chance()},
    }


def objections(shop: Shop, blurred: np.ndarray, models: dict[str, JourneyModel]) -> dict[str, float]:
    """True value of the next action of those who said what they have against it, by what was known of it.

    Everybody who may be is called; the next action is decided three days later, and again ten days later.
    """
    shop = shop.another()
    called = np.array([shop.options.index(Option("voice", NONE))])
    who = np.flatnonzero(shop.allowed()[:, called[0]])
    shop.send(who, np.repeat(called, len(who)))
    spoke = np.array([said is not None for said in shop.objection])
    plain = policy_of(value_to_go=False)
    ways = [Way("ignored", None, plain), *(Way(name, model, plain) for name, model in models.items())]
    found = {"people": float(spoke.sum()), **{way.name: 0.0 for way in ways}}
    for day in range(LATER[-1] + 1):
        if day in LATER:
            for way in ways:
                found[way.name] += _next(shop, blurred, way, spoke)
        shop.live()
    return found


def _next(shop: Shop, blurred: np.ndarray, way: Way, among: np.ndarray) -> float:
    who, option, _, _ = decide(shop, blurred, way, {}, among)
    return float(shop.true_value(who, option, shop.true_chance(who, option)).sum())


def continuations(shop: Shop, blurred: np.ndarray, models: dict[str, JourneyModel], cycles: int) -> dict[str, Any]:
    """True value of cycles led by the next response alone, and with continuations."""
    plain, ahead, sure = (
        policy_of(value_to_go=False),
        policy_of(value_to_go=True),
        policy_of(value_to_go=True, deviations=0),
    )
    ways = [
        Way("scores alone", None, plain),
        Way("next response, learned", models["learned"], plain),
        Way("value-to-go, learned", models["learned"], ahead),
        Way("value-to-go, learned, unguarded", models["learned"], sure),
        Way("next response, law known", models["law known"], plain),
        Way("value-to-go, law known", models["law known"], ahead),
    ]
    prices = decide(shop, blurred, ways[0], {})[2]
    return {way.name: lead(shop, blurred, way, cycles, prices) for way in ways}


def factors_of(model: JourneyModel) -> dict[str, list[float]]:
    """Factor, deviation, supported factor and contacts by signal."""
    deviations = Policy().journeys.deviations
    return {f.signal: [f.value, f.deviation, 1 + f.supported(deviations), f.contacts] for f in model.whole.factors}


def growth(log: Log, days: int) -> dict[int, dict[str, list[float]]]:
    """Factors of the same log after a quarter, a half and all of its days."""
    terms = Policy().journeys
    return {day: factors_of(learned(log.until(day), terms)) for day in (days // 4, days // 2, days)}


def gains(results: Sequence[dict[str, Any]], part: str, of: str, against: str) -> tuple[float, float]:
    """Mean relative gain over seeds, and half of its 95 % interval."""
    read = [_value(one[part][of]) / _value(one[part][against]) - 1 for one in results]
    half = (
        T95.get(len(read), 1.96 if len(read) > 20 else 2.3) * np.std(read, ddof=1) / len(read) ** 0.5
        if len(read) > 1
        else np.inf
    )
    return float(np.mean(read)), float(half)


def _value(entry: Any) -> float:
    return float(entry["value"] if isinstance(entry, dict) else entry)


def show(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Prints the tables and gives the figures."""
    figures: dict[str, Any] = {}
    print("\n(a) true value of the next action of people who spoke, against ignoring what they said   (asked: +10 %)")
    print(f"    people who said something: {np.mean([r['objections']['people'] for r in results]):,.0f} a market")
    for name in ("learned", "law known"):
        mean, half = figures[f"objections, {name}"] = gains(results, "objections", name, "ignored")
        print(f"    objections used, {name:14} {mean:+8.1%} ± {half:.1%}")
    print("\n(b) true incremental value of the cycles, against the next response alone with the same knowledge")
    pairs = (
        ("next response, learned", "scores alone"),
        ("value-to-go, learned", "next response, learned"),
        ("value-to-go, learned, unguarded", "next response, learned"),
        ("next response, law known", "scores alone"),
        ("value-to-go, law known", "next response, law known"),
    )
    for name, against in pairs:
        mean, half = figures[name] = gains(results, "cycles", name, against)
        rows = [r["cycles"][name] for r in results]
        told = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
        print(f"    {name:34} against {against:28} {mean:+8.1%} ± {half:.1%}")
        print(" " * 8 + ", ".join(f"{key} {number:,.0f}" for key, number in told.items()))
    _factors(results)
    return figures


def _factors(results: Sequence[dict[str, Any]]) -> None:
    days = list(results[0]["growth"])
    print("\n(c) factors: the law's, and as learned after some logged days: factor (its deviation; contacts)")
    print(
        f"    {'signal':22}{'law':>9}" + "".join(f"{str(day) + ' days':>26}" for day in days) + f"{'counted ahead':>15}"
    )
    for signal in SIGNALS:
        true = np.mean([r["factors"]["law known"][signal][0] for r in results])
        cells = []
        for day in days:
            value, deviation, _, contacts = np.mean([r["growth"][day][signal] for r in results], axis=0)
            cells.append(f"{value:6.2f} ({deviation:.2f}; {contacts:,.0f})")
        used = np.mean([r["factors"]["learned"][signal][2] for r in results])
        print(f"    {signal:22}{true:9.2f}" + "".join(f"{cell:>26}" for cell in cells) + f"{used:15.2f}")
    scan = [r["scan"] for r in results]
    print(f"    mailers {np.mean([s['mailers'] for s in scan]):,.0f}, scanned {np.mean([s['scanned'] for s in scan]):,.0f}, "
          f"chance of a scan {np.mean([s['chance'] for s in scan]):.1%}")  # fmt: skip


def main() -> int:
    """Measures, prints the tables, and ends with the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small markets, eight logged days, four cycles")
    parser.add_argument("--law", default="default", help="the market's law: default, sparse or noisy")
    parser.add_argument("--people", type=int, help="persons of a market")
    parser.add_argument("--days", type=int, help="logged days")
    parser.add_argument("--seeds", type=int, help="markets")
    asked = parser.parse_args()
    people, days, cycles, seeds = (3_000, 8, 4, 2) if asked.quick else (20_000, 30, 15, 8)
    people, days, seeds = asked.people or people, asked.days or days, asked.seeds or seeds
    print(f"{seeds} markets of {people:,} persons, law {asked.law}, {days} logged days, {cycles} cycles")
    began, results = time.perf_counter(), []
    for seed in range(seeds):
        results.append(measure(FIRST_SEED + seed, people, days, cycles, asked.law))
        values = {name: round(row["value"]) for name, row in results[-1]["cycles"].items()}
        said = {name: round(value) for name, value in results[-1]["objections"].items()}
        print(f"  market {seed + 1}, {time.perf_counter() - began:.0f} s: {said}, {values}", file=sys.stderr)
    figures = show(results)
    settings = {"people": people, "days": days, "cycles": cycles, "seeds": seeds, "law": asked.law}
    print(json.dumps({"benchmark": "journeys", "quick": asked.quick, **settings, "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
