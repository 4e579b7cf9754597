"""One policy in one market: the days one after another, and what the market's truth says of them."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pandas as pd

from assets.frames import read_mart
from assets.home import Home
from benchmarks.value.books import Books
from benchmarks.value.cycle import Seen, Shop, decide_day, learn, look, tell_of_contacts
from benchmarks.value.outside import Outside
from benchmarks.value.policies import POLICIES, Day, Policy, Told, scores_of
from benchmarks.value.setting import ARMS, START, Setting, write_configuration
from benchmarks.value.views import Views
from benchmarks.value.yardstick import Yardsticks
from ml.configuration import read_configuration
from ml.entities import NONE
from ml.response.model import ResponseModel
from orchestration.settings import Settings

TAIL_DAYS: Final = 30
"""Days that the market lives on after the last cycle, so that what was caused late is sold as well."""
Watch = Callable[[Day], None]
"""Sees a morning before it is decided."""
_MODEL: Final = "first-model"
_BASE: Final = "base"
_NEVER_WRITTEN: Final = {"landing", "published", "market"}


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        policy: Its name.
        seed: Of the market.
        cycles: A row a cycle and channel: cycle, channel, messages, spend, worth (expected margin by the law).
        realized_margin: Of all sales from the first cycle to `TAIL_DAYS` after the last one.
        verdicts: The gate's words, by day.
        seconds: Wall time by part.
        cpu_seconds: The process's own, by part: what the wall time would be where nothing else runs.
    """

    policy: str
    seed: int
    cycles: list[dict[str, Any]]
    realized_margin: float
    verdicts: dict[str, str]
    seconds: dict[str, float]
    cpu_seconds: dict[str, float]


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        begun, cpu = time.perf_counter(), time.process_time()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - begun, 2)
        self.cpu_seconds[name] = round(self.cpu_seconds.get(name, 0.0) + time.process_time() - cpu, 2)


@dataclass(frozen=True, eq=False)
class _Life:
    """What the days of a run have in common."""

    name: str
    policy: Policy
    shop: Shop
    outside: Outside
    sticks: Yardsticks
    clock: _Clock
    watch: Watch | None
    told: Told | None


def prepare_base(folder: Path, setting: Setting, seed: int) -> Path:
    """A market with its first morning's view and first model, from which each policy of the seed starts; made once.

    Args:
        folder: Of the seed.
        setting: The market.
        seed: Its seed.
    """
    base = folder / _BASE
    if (base / "done").exists():
        return base
    shutil.rmtree(base, ignore_errors=True)
    config = write_configuration(base / "config", setting, arms=ARMS)
    shop = shop_at(base / "home", config)
    Outside(shop.home.root, config).make(setting, seed)
    learn(shop, look(shop, START, learns=True))
    if shop.model is None:
        raise ValueError(f"seed {seed}: the first training gave no model")
    shop.model.save(base / _MODEL)
    (base / "done").touch()
    return base


def run_policy(
    name: str,
    setting: Setting,
    seed: int,
    folder: Path,
    sticks: Yardsticks,
    *,
    watch: Watch | None = None,
    tail_days: int = TAIL_DAYS,
    keeps: bool = False,
) -> Result:
    """Live through the setting's days under a policy.

    Args:
        name: Of `POLICIES`.
        setting: The market.
        seed: Its seed.
        folder: Of the seed; the run's own folder in it is removed afterwards.
        sticks: The yardsticks.
        watch: Is shown each day before it is decided.
        tail_days: That the market lives on.
        keeps: Whether the run's folder stays.
    """
    clock, policy = _Clock(), POLICIES[name]
    with clock.part("base"):
        base = prepare_base(folder, setting, seed)
    with clock.part("copy"):
        run = _copied(base, folder / name, setting, policy)
    outside = Outside(run / "home", run / "config")
    verdicts: dict[str, str] = {}
    spends: list[pd.DataFrame] = []
    if name != "nothing":
        shop = shop_at(run / "home", run / "config")
        if policy.uses_past:
            shop.model, shop.trained_on = ResponseModel.load(base / _MODEL), START
        told = Told.of(setting.shift) if name == "told" else None
        life = _Life(name, policy, shop, outside, sticks, clock, watch, told)
        spends = [_live(life, START + timedelta(days=n)) for n in range(setting.days)]
        verdicts = shop.verdicts
    zone = shop_at(run / "home", run / "config")
    with clock.part("market"):
        outside.live(zone.at(START + timedelta(days=setting.days + tail_days)))
    realized = _realized(outside)
    result = Result(name, seed, _cycles(spends, outside), realized, verdicts, clock.seconds, clock.cpu_seconds)
    if not keeps:
        shutil.rmtree(run)
    return result


def save(result: Result, path: Path) -> None:
    """Write a result whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".writing")
    aside.write_text(json.dumps(asdict(result)), encoding="utf-8")
    aside.replace(path)


def _live(live: _Life, on: date) -> pd.DataFrame:
    """A day; says what it spent by channel."""
    shop, outside, clock = live.shop, live.outside, live.clock
    if on > START:
        with clock.part("market"):
            outside.live(shop.at(on))
        with clock.part("views"):
            seen = look(shop, on, learns=live.policy.learns)
    else:
        seen = first_view(shop)
    if live.policy.learns:
        with clock.part("training"):
            learn(shop, seen, uses_past=live.policy.uses_past)
    recipients = read_mart(shop.home, seen.generation_id, "dim_recipients", "customer_id, contact_ids")
    day = Day(shop, seen, outside, recipients)
    if live.watch is not None:
        live.watch(day)
    with clock.part("scores"):
        scores = live.told.scores(shop, seen) if live.told else scores_of(live.name, day, live.sticks)
    with clock.part("decision"):
        decisions = decide_day(shop, seen, scores).plan.decisions
    with clock.part("hand over"):
        shop.ledger.send(on, decisions)
        outside.hand_over(decisions, recipients)
        tell_of_contacts(shop, seen, decisions, recipients)
    contacts = decisions[decisions["channel"] != NONE]
    spend = contacts.groupby("channel")["contact_cost"].sum().rename("spend").reset_index()
    return spend.assign(cycle_on=on.isoformat())


def first_view(shop: Shop) -> Seen:
    """The first morning's view, which the base has."""
    generation_id = f"{START.isoformat()}-0"
    return Seen(START, generation_id, read_mart(shop.home, generation_id, "dim_customers"))


def shop_at(root: Path, config: Path) -> Shop:
    """A workspace; this process works on it from now on."""
    settings = Settings(home=root, config=config, threads=1).resolved()
    environment = settings.environment()
    environment.pop("NUMBA_CACHE_DIR")  # compiled loops stay beside the source: they are the same in every home
    os.environ.update(environment)
    home = Home(settings.home).make()
    return Shop(home, read_configuration(settings.config), Books(), Views(home))


def _copied(base: Path, run: Path, setting: Setting, policy: Policy) -> Path:
    """A copy of the base; files that are never written again, only replaced whole, are linked."""
    shutil.rmtree(run, ignore_errors=True)
    home = base / "home"
    shutil.copytree(home, run / "home", copy_function=lambda source, target: _link_or_copy(home, source, target))
    write_configuration(
        run / "config", setting, arms=policy.arms, exploration=policy.exploration, channel_caps=policy.channel_caps
    )
    return run


def _link_or_copy(home: Path, source: str, target: str) -> None:
    if _NEVER_WRITTEN & set(Path(source).relative_to(home).parts):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _cycles(spends: list[pd.DataFrame], outside: Outside) -> list[dict[str, Any]]:
    if not spends:
        return []
    spend = pd.concat(spends)
    found = outside.expected().merge(spend, on=["cycle_on", "channel"], how="outer").fillna(0.0)
    number = [(date.fromisoformat(each) - START).days + 1 for each in found["cycle_on"]]
    rows = found.assign(cycle=number).rename(columns={"message_count": "messages", "expected_margin": "worth"})
    records = rows[["cycle", "channel", "messages", "spend", "worth"]].to_dict("records")
    return [{str(key): value for key, value in each.items()} for each in records]


def _realized(outside: Outside) -> float:
    margin = outside.margin()
    return float(margin[margin.index >= START].sum())
