"""`wayfinder simulate`: policies over many days of the sample market, by the real assets, judged by the market's truth."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import pandas as pd

from assets.dbt_build import keeping
from assets.ledger.ledger import Ledger
from orchestration import demo, market, verbs
from orchestration.build import ledger_url
from orchestration.comparison import Runs, cycles_table, totals_table
from orchestration.knowing import believe_truth
from orchestration.runs import Progress
from orchestration.settings import Settings
from orchestration.simulated_policies import NOTHING, TRUTH, WAYFINDER, write_policy

TAIL_DAYS: Final = 30
"""Days that the market lives on after the last cycle, so that what was caused late is sold as well."""
RESULT: Final = "result.json"

Facts = dict[str, Any]


def simulate(
    settings: Settings,
    customers: int,
    day_count: int,
    seeds: Sequence[int],
    policies: Sequence[str],
    progress: Progress,
) -> Facts:
    """Let each policy live through the same days of each seed's market, and compare them.

    Args:
        settings: The home holds a folder for each seed and policy; a run that was interrupted goes on where it was.
        customers: People of a market.
        day_count: Cycles.
        seeds: Of the markets.
        policies: To compare; `nothing` is always among them, since what was realized is measured against it.
        progress: Told each step.

    Returns:
        `runs`, and `totals` and `cycles` as tables of text.
    """
    names = list(dict.fromkeys([NOTHING, *policies]))
    found = []
    with keeping():
        for seed in seeds:
            for name in names:
                found.append(_run(settings, name, seed, customers, day_count, progress))
                progress(f"seed {seed}: {name}", found[-1]["seconds"])
    runs = Runs(found)
    return {
        "customers": customers,
        "days": day_count,
        "seeds": list(seeds),
        "runs": found,
        "per_spend": {name: vars(runs.per_spend(name)) for name in names if name != NOTHING},
        "totals": totals_table(runs),
        "cycles": cycles_table(runs),
    }


def _run(settings: Settings, name: str, seed: int, customers: int, day_count: int, progress: Progress) -> Facts:
    place = settings.home / f"{seed}-{customers}-{day_count}-{name}"  # with days: after its tail no day can be added
    kept = place / RESULT
    if kept.exists():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    config = write_policy(WAYFINDER if name == NOTHING else name, settings.config, place / "config")
    own = settings.model_copy(update={"home": place / "home", "config": config}).resolved()
    with _entered(own, settings):
        begun = datetime.now().astimezone()
        end = demo.START + timedelta(days=day_count + TAIL_DAYS)
        done = verbs.last_cycle_day(own)
        if name == NOTHING:
            if not (own.home / "market").exists():
                market.make(own, customers, seed, demo.START)
        else:
            left = day_count if done is None else day_count - (done - demo.START).days - 1
            if left > 0:
                believes = partial(believe_truth, own) if name == TRUTH else None
                demo.demo(own, customers, left, seed, progress, is_brief=True, believes=believes)
        zone = ZoneInfo(verbs.configuration_of(own).policy.time_zone)
        seconds = (datetime.now().astimezone() - begun).total_seconds()
        market.answer(own, *_tail(name, day_count, end, zone))
        found = {"policy": name, "seed": seed, "cycles": _cycles(own, name), "realized_margin": _realized(own)}
    result = {**found, "seconds": round(seconds, 1)}
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


def _tail(name: str, day_count: int, end: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first = demo.START if name == NOTHING else demo.START + timedelta(days=day_count)
    return datetime.combine(first, demo.MORNING, zone), datetime.combine(end, time(), zone)


@contextmanager
def _entered(own: Settings, outer: Settings) -> Iterator[None]:
    """This process works in a run's home, and then in the one it was called for again."""
    own.home.mkdir(parents=True, exist_ok=True)
    numba = outer.environment()["NUMBA_CACHE_DIR"]  # compiled loops are the same in every home
    own.enter(NUMBA_CACHE_DIR=numba)
    try:
        yield
    finally:
        outer.enter()


def _cycles(settings: Settings, name: str) -> list[Facts]:
    """A row a cycle and channel: messages that went out, what they cost, and what they were worth by the market's law."""
    if name == NOTHING:
        return []
    worth = _truth(settings, "worth")
    spend = Ledger(ledger_url(settings)).figures.since(demo.START).groupby(["cycle_on", "channel"])["spend"].sum()
    rows = worth.merge(spend.reset_index(), on=["cycle_on", "channel"], how="outer").fillna(0.0)
    numbers = [(date.fromisoformat(on) - demo.START).days + 1 for on in rows["cycle_on"]]
    named = rows.assign(cycle=numbers).rename(columns={"message_count": "messages", "expected_margin": "worth"})
    records = named[["cycle", "channel", "messages", "spend", "worth"]].to_dict("records")
    return [{str(key): value for key, value in each.items()} for each in records]


def _realized(settings: Settings) -> float:
    sales = _truth(settings, "value")
    return float(sales.loc[pd.to_datetime(sales["sold_on"]).dt.date >= demo.START, "margin"].sum())


def _truth(settings: Settings, what: str) -> pd.DataFrame:
    return pd.read_parquet(market.truth(settings, what))
