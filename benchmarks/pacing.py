"""Pacing against the even split, in a period with noisy outcomes, late effects, an outage and a fall of the effect.

A period of 84 days. Money's effect has diminishing returns each day, follows a weekday pattern, is noisy from day to day
and arrives within two weeks. What is allowed is never spent to the last unit (whole contacts, failed messages). From day
30 a channel fails for ten days and only a quarter can be spent; from day 50 money does 30 % less. The target is what an
undisturbed period would have reached. Four ways to set the day's money, on the same draws:

- **even, fixed**: budget / days, whatever happens;
- **even, of what is left**: left / days left;
- **chasing**: what is left, times needed over forecast, without damping: what a target-driven controller does;
- **ours**: `ml.objectives.pacing`, with the weekday pattern and the delays estimated from eight weeks before.

The level is the day's money over what the weekday counts for. Reported: money spent of the budget, the most of it that was
ever passed (0: never), mean change of the level from day to day, its turns (changes of direction of more than 2 %; a
smooth adaptation has few), sales by the deadline, and after it.

    python -m benchmarks.pacing [--quick] [--runs N]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ml.objectives.estimate import Estimate
from ml.objectives.history import Maturation, maturation, weekday_pattern
from ml.objectives.pacing import MoneyWorth, pace

DAYS: Final = 84
BUDGET: Final = 84_000.0
WEEKDAYS: Final = np.array([0.95, 0.9, 0.95, 1.0, 1.15, 1.2, 0.85])
OUTAGE: Final = range(30, 40)
FALL_FROM: Final = 50
SCALE: Final = 60.0
HALF: Final = 800.0
"""Sales caused by a day's money m: SCALE log(1 + m / HALF)."""
DELAY: Final = np.diff(1 - np.exp(-np.arange(15) / 4.0)) / (1 - np.exp(-14 / 4.0))
TURN: Final = 0.02


@dataclass
class World:
    """One period as it goes, with all its draws made beforehand: each way to pace meets the same."""

    seed: int
    spent: list[float] = field(default_factory=list)
    caused: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draws."""
        rng = np.random.default_rng(self.seed)
        self.luck = rng.lognormal(-0.02, 0.2, DAYS)
        self.used = rng.uniform(0.94, 1.0, DAYS)
        self.before = rng.poisson(300 * np.tile(WEEKDAYS, 8)).astype(float)
        self.after_contacts = rng.poisson(40 + 900 * DELAY).astype(float)
        self.before_contacts = rng.poisson(np.full(14, 40.0)).astype(float)

    @property
    def left(self) -> float:
        """Money left."""
        return BUDGET - sum(self.spent)

    def spend(self, day: int, allowance: float) -> None:
        """What becomes of a day's allowance."""
        room = 0.25 * BUDGET / DAYS if day in OUTAGE else np.inf
        money = min(allowance * self.used[day], room)
        self.spent.append(money)
        effect = 0.7 if day >= FALL_FROM else 1.0
        self.caused.append(effect * WEEKDAYS[day % 7] * self.luck[day] * SCALE * float(np.log1p(money / HALF)))

    def arrived(self, by: int) -> float:
        """Sales that have come by the beginning of a day."""
        late = np.concatenate([[0.0], np.cumsum(DELAY), np.ones(DAYS)])
        return float(sum(caused * late[by - day] for day, caused in enumerate(self.caused[:by])))


def target() -> float:
    """Sales by the deadline of an even split in an undisturbed period."""
    world = World(0)
    world.caused = [float(WEEKDAYS[day % 7] * SCALE * np.log1p(BUDGET / DAYS / HALF)) for day in range(DAYS)]
    return world.arrived(DAYS)


def even_fixed(world: World, day: int, memory: dict[str, Any]) -> float:  # noqa: ARG001 - one shape for all
    """The budget over the days."""
    return min(world.left, BUDGET / DAYS)


def even_of_left(world: World, day: int, memory: dict[str, Any]) -> float:  # noqa: ARG001
    """What is left over the days left."""
    return world.left / (DAYS - day)


def chasing(world: World, day: int, memory: dict[str, Any]) -> float:  # noqa: ARG001
    """What is left, times how far behind the target the last three days' pace is."""
    recent = np.mean(world.caused[-3:]) if world.caused else target() / DAYS
    forecast = sum(world.caused) + recent * (DAYS - day)
    behind = np.clip(max(0.0, target() - sum(world.caused)) / max(1.0, forecast - sum(world.caused)), 0.3, 3.0)
    return float(min(world.left, behind * world.left / (DAYS - day)))


def ours(world: World, day: int, memory: dict[str, Any]) -> float:
    """`ml.objectives.pacing`, knowing what it would know on the day."""
    if not memory:
        memory["weekdays"] = weekday_pattern(world.before, last_weekday=6)
        memory["late"] = maturation(world.after_contacts, world.before_contacts)
    late: Maturation = memory["late"]
    set_today = pace(
        world.left,
        DAYS - day,
        weekdays=late.weekdays(memory["weekdays"]),
        weekday=day % 7,
        maturation=late,
        chance=_chance(world, day),
        worth=_worth(world),
        previous=memory.get("pace"),
    )
    memory["pace"] = set_today
    memory.setdefault("levels", []).append(set_today.level)
    return set_today.allowance


def _chance(world: World, day: int) -> float | None:
    if day < 7:
        return None
    recent = float(np.mean(world.caused[-14:])) * (DAYS - day)
    forecast = Estimate(sum(world.caused), 0.0) + Estimate(recent, 0.15 * recent)
    return forecast.chance_of(target())


def _worth(world: World) -> MoneyWorth | None:
    if len(world.spent) < 7:
        return None
    lately = float(
        np.mean([caused / (HALF + money) for caused, money in zip(world.caused[-7:], world.spent[-7:], strict=True)])
    )
    all_days = float(
        np.mean([caused / (HALF + money) for caused, money in zip(world.caused, world.spent, strict=True)])
    )
    return MoneyWorth(lately, all_days)


WAYS: Final[dict[str, Callable[[World, int, dict[str, Any]], float]]] = {
    "even, fixed": even_fixed,
    "even, of what is left": even_of_left,
    "chasing": chasing,
    "ours": ours,
}


def run(way: str, seed: int) -> dict[str, float]:
    """One period under one way to pace."""
    world, over = World(seed), 0.0
    memory: dict[str, Any] = {}
    levels: list[float] = []
    for day in range(DAYS):
        allowance = WAYS[way](world, day, memory)
        over = max(over, allowance - world.left)
        levels.append(memory["levels"][-1] if way == "ours" else allowance)
        world.spend(day, allowance)
    changes = np.diff(
        np.log(np.maximum(levels[:-1], 1e-9))
    )  # the last day may have all that is left, whatever the level
    turning = changes[np.abs(changes) > TURN]
    return {
        "spent_share": sum(world.spent) / BUDGET,
        "over_budget": max(over, sum(world.spent) - BUDGET) / BUDGET,
        "daily_change": float(np.abs(changes).mean()),
        "turns": float((np.sign(turning[1:]) != np.sign(turning[:-1])).sum()),
        "sales_by_deadline": world.arrived(DAYS),
        "sales_in_all": sum(world.caused),
    }


def main() -> None:
    """Print the table, then the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 periods")
    parser.add_argument("--runs", type=int, default=100, help="periods (default 100)")
    given = parser.parse_args()
    runs = 10 if given.quick else given.runs
    print(f"{runs} periods of {DAYS} days; target {target():,.0f} sales by the deadline\n")
    head = ("spent", "worst", "over", "change a day", "turns", "by deadline", "in all")
    print(f"{'':<24}" + "".join(f"{name:>14}" for name in head))
    figures = {}
    for way in WAYS:
        rows = [run(way, seed) for seed in range(runs)]
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        worst = min((row["spent_share"] for row in rows), key=lambda share: -abs(1 - share))
        over = max(row["over_budget"] for row in rows)
        most = max(row["turns"] for row in rows)
        figures[way] = {**mean, "worst_spent_share": worst, "most_over_budget": over, "most_turns": most}
        print(
            f"{way:<24}{mean['spent_share']:>14.2%}{worst:>14.2%}{over:>14.2%}{mean['daily_change']:>14.2%}"
            f"{mean['turns']:>14.1f}{mean['sales_by_deadline']:>14,.0f}{mean['sales_in_all']:>14,.0f}"
        )
    print(json.dumps({"benchmark": "pacing", "runs": runs, "target": target(), "ways": figures}))


if __name__ == "__main__":
    main()
