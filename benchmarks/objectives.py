"""Objectives that can't be reached: are the conflicting limits named, does a stated move resolve it, and how fast?

Objectives are generated on people with heavy-tailed effects, over all four metrics and these causes: too little money,
capacity, contacts a person, time, a share of spend, minimums that leave no plan, or simply too high a target. What is
scarce is known, because without it (the same objective with that limit taken away) the target is reached. For each: is the
cause among the conflicts named, is there a move, and can the target be reached with the move made? That is checked anew by
a general solver on the whole linear program, which shares nothing with the search but the problem's rows.

    python -m benchmarks.objectives [--quick] [--cases N] [--seed S]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from time import perf_counter, process_time
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linprog

from ml.allocation.errors import Relaxation
from ml.allocation.infeasibility import moved_to
from ml.configuration.objective import Objective
from ml.configuration.policy import FrequencyCap
from ml.entities import CHANNELS, METRICS, Channel, Metric, Option
from ml.objectives.fluid import Fluid, of_objective
from ml.objectives.question import Answer, Question
from ml.objectives.reach import ENOUGH, can_be_reached
from ml.objectives.rest import DayLimits, People, Period, Rest, rest_of_period
from ml.objectives.words import figure_of
from ml.policy.value import ValueTable

COSTS: Final[dict[Channel, float]] = {
    "email": 0.002, "sms": 0.03, "direct_mail": 0.68, "voice": 0.9,
    "paid_social": 0.05, "display": 0.02, "web": 0.001, "push": 0.001,
}  # fmt: skip
OPTIONS: Final = tuple(Option(channel, offer) for channel in CHANNELS for offer in ("none", "ten_off"))
CAUSES: Final = ("budget", "capacity", "contacts", "deadline", "share", "minimum", "target")
STARTS_ON: Final = date(2026, 1, 5)
STANDS_FOR: Final = 20.0
LEAST_PART: Final = 1e-3


@dataclass(frozen=True)
class Case:
    """An objective that can't be reached, and why."""

    cause: str
    people: People
    question: Question
    limits: DayLimits


def people_of(rng: np.random.Generator, count: int, metric: Metric) -> People:
    """People whose contacts cause conversions with heavy tails; two objectives, the second competes."""
    shape = (count, len(OPTIONS))
    strength = np.array([0.006 + 0.01 * np.log10(1 + 50 * COSTS[option.channel]) for option in OPTIONS])
    uplift = (strength * rng.lognormal(-0.3, 0.8, (count, 1)) * rng.uniform(0.4, 1.6, shape)).astype(np.float32)
    baseline = rng.uniform(0.005, 0.1, count).astype(np.float32)
    margin = rng.lognormal(3.5, 0.5, count)
    objectives = ("first", "second")
    table = ValueTable(
        objectives=objectives,
        options=OPTIONS,
        uplift=uplift,
        propensity=uplift + baseline[:, None],
        baseline=baseline,
        unit_value=np.stack([margin, margin], axis=1).astype(np.float32),
        contact_cost=np.array([COSTS[option.channel] for option in OPTIONS], dtype=np.float32),
        redemptions=uplift + baseline[:, None],
        offer_price=np.full(len(OPTIONS), 0.02, dtype=np.float32),
        offer_saved=np.zeros_like(uplift),
        wear_cost=np.full(shape, 0.002, dtype=np.float32),
        arm=np.where(rng.random((count, 2)) < [0.8, 0.3], 3, -1).astype(np.int8),
        allowed=rng.random((2, count, len(CHANNELS))) < 0.7,
    )
    unit = {"incremental_margin": margin, "churn_rate": np.full(count, 0.4)}.get(metric, np.ones(count))
    return People(
        table,
        stands_for=STANDS_FOR,
        unit=dict.fromkeys(objectives, unit),
        ends_once=dict.fromkeys(objectives, metric != "incremental_margin"),
        baseline_days=14,
    )


def limits_of(rng: np.random.Generator, count: int) -> DayLimits:
    """Generous limits of a day."""
    everybody = count * STANDS_FOR
    capacity: dict[str, float] = {channel: float(rng.uniform(0.15, 0.4)) * everybody for channel in CHANNELS}
    caps = [
        FrequencyCap(max=int(rng.integers(2, 5)), days=7),
        FrequencyCap(channels=["voice"], max=1, days=30),
        FrequencyCap(channels=["direct_mail"], max=1, days=21),
    ]
    return DayLimits(None, {}, capacity, 1.0, caps, 1)


def objective_of(rng: np.random.Generator, metric: Metric, days: int) -> Objective:
    """An objective of the metric; its figures are set by the case."""
    target: dict[str, Any] = {"count": 1000}
    if metric == "churn_rate":
        target = {"change": -0.15, "baseline": "forecast"}
    elif metric == "incremental_margin":
        target = {"amount": 50_000.0}
    return Objective.model_validate({
        "id": "first", "description": "generated", "owner": "bench@example.com", "metric": metric, "target": target,
        "audience": {"where": "true"}, "starts_on": STARTS_ON, "ends_on": STARTS_ON + timedelta(days=days + 29),
        "budget": 1e6 * float(rng.uniform(0.5, 2)),
    })  # fmt: skip


def case_of(seed: int, cause: str, count: int = 600) -> Case:
    """An objective that `cause` makes unreachable: the limit is set, then the target above what it allows."""
    rng = np.random.default_rng(seed)
    metric = METRICS[seed % len(METRICS)]
    days = int(rng.integers(12, 70))
    people, limits, objective = people_of(rng, count, metric), limits_of(rng, count), objective_of(rng, metric, days)
    money = {"first": 1e7, "second": 1e7}
    free = _most(people, _periods(metric, money), days, limits)
    if cause == "minimum":
        limits, needed = _with_minimum(rng, limits), 0.1 * free[0]
    elif cause in {"contacts", "deadline", "target"}:
        limits = replace(limits, capacity=dict.fromkeys(CHANNELS, 10.0 * count * STANDS_FOR))
        needed = _most(people, _periods(metric, money), days, limits)[0] * float(rng.uniform(1.1, 1.35))
    else:
        part, tight = float(rng.uniform(0.1, 0.4)), free[0]
        while tight > 0.95 * free[0]:  # until the cause takes something away
            if part < LEAST_PART:
                return case_of(seed + 1_000_003, cause, count)  # it never does with these people: others
            kept, limits_now = _scarce(cause, part, free[1], limits)
            tight = _most(people, _periods(metric, kept), days, limits_now)[0]
            part /= 2
        money, limits = kept, limits_now
        needed = tight + float(rng.uniform(0.2, 0.7)) * (free[0] - tight)
    already = needed * float(rng.uniform(0.0, 0.5))
    spent = {"first": 0.0, "second": 0.0}
    return Case(
        cause, people, Question(objective, needed, needed + already, spent, _periods(metric, money), days), limits
    )


def _scarce(cause: str, part: float, spend: float, limits: DayLimits) -> tuple[dict[str, float], DayLimits]:
    """Money by objective and the limits of a day with only a part of what the cause is about."""
    money = {"first": part * spend if cause == "budget" else 1e7, "second": 1e7}
    if cause == "capacity":
        limits = replace(limits, capacity={channel: part * most for channel, most in limits.capacity.items()})
    elif cause == "share":
        limits = replace(limits, spend_share=0.125 + part / 4)
    return money, limits


def _with_minimum(rng: np.random.Generator, limits: DayLimits) -> DayLimits:
    """More contacts of a channel asked for than it can carry."""
    channel: Channel = ("email", "sms", "push")[int(rng.integers(3))]
    return replace(limits, floors={channel: 1.4 * limits.capacity[channel]})


def _periods(metric: Metric, money: dict[str, float]) -> Callable[[int], Period]:
    def period(days: int) -> Period:
        effective = min(days, 40) if metric == "churn_rate" else days
        return Period("first", days, effective, max(0.2, 1 - 5 / days), money, {})

    return period


def _most(people: People, periods: Callable[[int], Period], days: int, limits: DayLimits) -> tuple[float, float]:
    """Most units within the limits, and the money that it takes."""
    rest = rest_of_period(people, periods(days), limits)
    weights = of_objective(rest.problem, "first")
    found = Fluid(rest.problem).best(rest.problem.rows(), unit_weights=weights)
    spend = float(found.contacts @ rest.problem.columns.unit_cost)
    return float(found.units @ weights) * rest.scale, spend * rest.scale


def names_cause(case: Case, answer: Answer) -> bool:
    """Whether what makes the objective unreachable is among the conflicts."""
    kinds = {name.partition(":")[0] for name in answer.conflicts}
    wanted = {"minimum": {"contacts"}, "deadline": {"deadline", "contacts"}}.get(case.cause, {case.cause})
    return bool(kinds & wanted) and (case.cause == "minimum" or "target" in kinds)


def holds_with(case: Case, move: Relaxation) -> bool:
    """Whether the target can be reached once the move is made."""
    question, limits, people, days = case.question, case.limits, case.people, case.question.days
    needed = question.needed
    if move.limit == "target":
        needed = move.needed - (question.goal - question.needed)
    elif move.limit == "deadline":
        days = round(move.needed)
    elif move.limit == "contacts":
        wider = [
            cap.model_copy(update={"max": int(move.needed)}) if cap.channels == "all" else cap for cap in limits.caps
        ]
        limits = replace(limits, caps=wider)
    elif move.limit == "audience":
        people = replace(people, stands_for=people.stands_for * move.needed)
    rest = rest_of_period(people, question.period_of(days), limits)
    if move.limit == "together":
        return _solvable(rest, case, needed, move.needed)
    named = [limit for limit in rest.problem.limits if limit.name == move.limit]
    if not named:
        return _solvable(rest, case, needed, 1.0)
    stated = figure_of(named[0], rest, question.spent).back(move.needed)
    with moved_to(named[0], stated):
        return _solvable(rest, case, needed, 1.0)


def _solvable(rest: Rest, case: Case, needed: float, raised: float) -> bool:
    """Whether the whole linear program, one variable a candidate, has a plan that reaches the target (HiGHS)."""
    problem, rows = rest.problem, rest.problem.rows()
    column, quantity = problem.candidates.column, problem.candidates.quantity
    if quantity is None:
        raise ValueError("the rest of a period has units")
    use = rows.contacts[:, column] + rows.conversions[:, 0][:, column] * quantity
    is_raised = np.array([limit.unit != "share" for limit in problem.limits])
    bound = np.where(is_raised, rows.bound * raised, rows.bound)
    people = problem.candidates.people_count
    owner = np.repeat(np.arange(people), np.diff(problem.candidates.starts))
    one_each = sp.csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(people, len(owner)))
    units = of_objective(problem, "first")[column] * quantity
    found = linprog(
        -units,
        A_ub=sp.vstack([sp.csr_array(use), one_each]),
        b_ub=np.concatenate([bound, np.ones(people)]),
        bounds=(0, 1),
        method="highs-ipm",
    )
    if found.status != 0:
        return False
    return case.cause == "minimum" or -float(found.fun) * rest.scale >= needed * (1 - 1.5 * ENOUGH)


def run(case: Case) -> dict[str, Any]:
    """One case: what was said, in how long, and whether it's so."""
    begun, used = perf_counter(), process_time()
    answer = can_be_reached(case.people, case.question, case.limits)
    seconds, cpu_seconds = perf_counter() - begun, process_time() - used
    held = [holds_with(case, move) for move in answer.relaxations]
    return {
        "cause": case.cause, "metric": case.question.objective.metric, "seconds": seconds, "cpu_seconds": cpu_seconds,
        "is_unreachable": not answer.is_reachable, "names_cause": names_cause(case, answer),
        "moves": len(held), "moves_held": sum(held), "words": [move.words for move in answer.relaxations],
        "conflicts": list(answer.conflicts),
    }  # fmt: skip


def main() -> None:
    """Print the table, then the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="14 objectives")
    parser.add_argument("--cases", type=int, default=56, help="objectives (default 56)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="every move in words")
    given = parser.parse_args()
    count = 14 if given.quick else given.cases
    rows = []
    print(f"{'cause':<10}{'metric':<20}{'named':>7}{'moves':>7}{'held':>6}{'seconds':>9}{'cpu':>7}")
    for k in range(count):
        row = run(case_of(given.seed + k, CAUSES[k % len(CAUSES)]))
        rows.append(row)
        print(
            f"{row['cause']:<10}{row['metric']:<20}{'yes' if row['names_cause'] else 'NO':>7}{row['moves']:>7}"
            f"{row['moves_held']:>6}{row['seconds']:>9.2f}{row['cpu_seconds']:>7.2f}",
            flush=True,
        )
        if given.verbose:
            print(*(f"    {words}" for words in row["words"]), sep="\n")
    totals = {
        "cases": len(rows),
        "unreachable": sum(row["is_unreachable"] for row in rows),
        "cause_named": sum(row["names_cause"] for row in rows),
        "with_a_move": sum(row["moves"] > 0 for row in rows),
        "with_a_move_that_held": sum(row["moves_held"] > 0 for row in rows),
        "moves": sum(row["moves"] for row in rows),
        "moves_held": sum(row["moves_held"] for row in rows),
        "longest_seconds": max(row["seconds"] for row in rows),
        "longest_cpu_seconds": max(row["cpu_seconds"] for row in rows),
        "mean_cpu_seconds": float(np.mean([row["cpu_seconds"] for row in rows])),
    }
    print(json.dumps({"benchmark": "objectives", **totals}))


if __name__ == "__main__":
    main()
