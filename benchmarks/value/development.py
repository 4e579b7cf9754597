"""Makes the yardsticks on the development seeds: people with the true worth of every option, as later days see them."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from assets.frames import read_mart
from benchmarks.value.cycle import decide_day
from benchmarks.value.outside import Outside
from benchmarks.value.policies import Day, fixed
from benchmarks.value.run import first_view, prepare_base, run_policy, shop_at
from benchmarks.value.setting import SPLIT, START, Setting, write_configuration
from benchmarks.value.yardstick import DEVELOPMENT_SEEDS, Yardsticks
from ml.entities import NONE, Option
from ml.response.model import ResponseModel

LOOKS: Final = (1, 5, 9, 13)
"""Cycles of which people are taken down."""


def yardsticks(folder: Path, setting: Setting, *, is_quick: bool) -> Yardsticks:
    """The yardsticks of a setting, made on the development seeds where they aren't there yet.

    Args:
        folder: Of the setting; development seeds have folders of their own in it.
        setting: Its law counts and its size; a planted shift is left out.
        is_quick: One seed and its first day alone.
    """
    kept = folder / "yardsticks"
    if (kept / "means.json").exists():
        return Yardsticks(kept)
    plain = Setting(setting.customers, setting.days, setting.law, "", setting.history_days)
    seeds, looks = (DEVELOPMENT_SEEDS[:1], LOOKS[:1]) if is_quick else (DEVELOPMENT_SEEDS, LOOKS)
    seen = _Seen(looks)
    for seed in seeds:
        place = folder / "development" / str(seed)
        base = prepare_base(place, plain, seed)
        if seed == seeds[0]:
            kept.mkdir(parents=True, exist_ok=True)
            (kept / "fixed.txt").write_text(_offer_of_fixed(base, plain), encoding="utf-8")
        short = Setting(plain.customers, max(looks), plain.law, "", plain.history_days)
        run_policy("random", short, seed, place, Yardsticks(kept), watch=seen, tail_days=1)
    shutil.rmtree(folder / "development")
    return Yardsticks.learn(kept, pd.concat(seen.rows, ignore_index=True), np.concatenate(seen.worth), seen.options)


class _Seen:
    """Takes down the people of some days with the true worth of every option."""

    def __init__(self, looks: tuple[int, ...]) -> None:
        self._days = {START + timedelta(days=look - 1) for look in looks}
        self.rows: list[pd.DataFrame] = []
        self.worth: list[np.ndarray] = []
        self.options: list[Option] = []

    def __call__(self, day: Day) -> None:
        if day.seen.on in self._days:
            self.options = day.shop.configuration.actions.options()
            self.rows.append(day.seen.customers)
            self.worth.append(day.worth(self.options))


def _offer_of_fixed(base: Path, setting: Setting) -> str:
    """The offer with which the fixed split's first day is truly worth most."""
    config = write_configuration(
        base / "config-fixed", setting, arms={}, exploration={"value_share": 0.0}, channel_caps=SPLIT
    )
    shop = shop_at(base / "home", config)
    shop.model = ResponseModel.load(base / "first-model")
    seen, outside = first_view(shop), Outside(base / "home", config)
    recipients = read_mart(shop.home, seen.generation_id, "dim_recipients", "customer_id, contact_ids")
    found = {}
    for offer in shop.configuration.actions.offers:
        decisions = decide_day(shop, seen, fixed(shop, seen, offer)).plan.decisions
        chosen = decisions[decisions["channel"] != NONE]
        options = [o for o in shop.configuration.actions.options() if o.offer_id == offer]
        worth = outside.worth_of(chosen["customer_id"], recipients, options, START)
        column = chosen["channel"].map({o.channel: i for i, o in enumerate(options)}).to_numpy(dtype=np.int64)
        found[offer] = float(worth[np.arange(len(chosen)), column].sum())
    return max(found, key=lambda offer: found[offer])
