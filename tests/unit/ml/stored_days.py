"""A small day with its stored problem, for tests of what-if and replay."""

from typing import Any

import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.problem import Problem
from ml.allocation.solve import solve
from ml.allocation.stored import StoredProblem
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.entities import Channel, Option
from ml.levers import CONTACTS, PER_CHANNEL, PER_DAY, SPEND_CHANGE, SPEND_SHARE, Day, ObjectiveDay

COSTS: dict[Channel, float] = {"email": 0.01, "sms": 0.05, "direct_mail": 0.7, "voice": 2.0}
COLUMNS = Columns.of(
    [(o, Option(c, f), cost) for o in ("win", "grow") for c, cost in COSTS.items() for f in ("none", "ten_off")]
)
SPENT = {"email": 1.0, "sms": 0.0, "direct_mail": 2.0, "voice": 0.0}
CARRIED = {"email": 10.0, "sms": 0.0, "direct_mail": 3.0, "voice": 0.0}
GAP = 1e-4


def day_of(**more: Any) -> Day:
    """Two objectives; 3 of the day's 20 are spent outside of the problem; one objective is under the bound on a rise."""
    values: dict[str, Any] = {
        "cycle_id": "2026-01-05",
        "currency": "USD",
        "numbers": {
            PER_DAY: 20.0,
            **dict.fromkeys((f"{PER_CHANNEL}.{name}" for name in COSTS), None),
            f"{PER_CHANNEL}.direct_mail": 9.0,
            SPEND_SHARE: 0.6,
            SPEND_CHANGE: 0.5,
            CONTACTS: 1.0,
            **{f"actions.channels.{name}.cost": cost for name, cost in COSTS.items()},
            **{f"actions.channels.{name}.capacity_per_day": 60.0 for name in COSTS},
            "objectives.win.budget": 1000.0,
            "objectives.grow.budget": 500.0,
        },
        "objectives": {
            "win": ObjectiveDay(1000.0, 800.0, 8.0, 0.01),
            "grow": ObjectiveDay(500.0, 400.0, 9.0, 0.1, rise_reference=8.0, today=3.0),
        },
        "spent": SPENT,
        "carried": CARRIED,
        "randomized": {"win": 1.0},
    }
    return Day(**(values | more))


def terms_of(day: Day) -> list[Term]:
    """The limits as a decision states them on that day."""
    spent = sum(SPENT.values())
    numbers = {key: number for key, number in day.numbers.items() if number is not None}
    share = numbers[SPEND_SHARE]
    return [
        ContactLimit(1),
        TotalBudget(numbers[PER_DAY] - spent),
        ObjectiveBudget("win", 7.0),
        ObjectiveBudget("grow", 9.0),
        ChannelBudget("direct_mail", numbers[f"{PER_CHANNEL}.direct_mail"] - 2.0),
        *(ChannelCapacity(name, 60.0 - CARRIED[name]) for name in COSTS),
        *(ChannelSpendShare(name, share, max(0.0, share * spent - SPENT[name])) for name in COSTS),
    ]


def problem_of(people: int = 300, seed: int = 0, terms: list[Term] | None = None) -> Problem:
    """Heavy-tailed values; 60 % of the pairs eligible."""
    rng = np.random.default_rng(seed)
    shape = (people, len(COLUMNS))
    value = rng.lognormal(0.0, 1.0, shape).astype(np.float32) - 0.6 + COLUMNS.unit_cost.astype(np.float32)
    candidates = Candidates.from_dense(value.astype(np.float32), rng.random(shape) < 0.6)
    return Problem(candidates, COLUMNS, terms_of(day_of()) if terms is None else terms)


def stored_day(people: int = 300, seed: int = 0) -> tuple[StoredProblem, Day]:
    """A solved problem with its day."""
    problem, day = problem_of(people, seed), day_of()
    found = solve(problem, gap=GAP, threads=1)
    ids = np.arange(people, dtype=np.uint64) * np.uint64(2654435761)
    return StoredProblem(problem, found, GAP, {}, ids, {"day": day.to_dict()}), day
