"""What the system arm does: the exact plan, or a draw near it whose expected loss is what exploring may cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.allocation.problem import Problem
from ml.allocation.smooth.draw import draw
from ml.allocation.smooth.temperature import explore
from ml.allocation.solution import Allocation, saturation_loss
from ml.policy.hashing import digests


@dataclass(frozen=True)
class Exploration:
    """What exploring costs a plan. Money; all of it is beside the exact plan's bound and gap, which stay the proof.

    Attributes:
        value_share: What it may cost, as a share of the exact plan's value.
        temperature: At which choices were drawn; 0 where the exact plan was taken, each choice with probability 1.
        exact_value: Of the exact plan.
        expected_cost: Exact value less what a draw is worth on average.
        drawn_cost: Exact value less what this draw is worth.
        passes: Over the table.
        seconds: To find the probabilities.
        reason: Why the temperature is 0; empty where it isn't.
        spend: Money that contacts take at most in expectation: the exact plan's; None where nothing but the limits does.
    """

    value_share: float
    temperature: float
    exact_value: float
    expected_cost: float = 0.0
    drawn_cost: float = 0.0
    passes: int = 0
    seconds: float = 0.0
    reason: str = ""
    spend: float | None = None


@dataclass(frozen=True, eq=False)
class SystemChoice:
    """The system arm's contacts with their exact probabilities, given prices, models and what other arms did.

    Attributes:
        column: int64 [N, k], column of the problem; -1 for none.
        probability: float64 [N, k], chance of that contact; 1 where there is none.
        nothing: float64 [N], chance that the person gets none.
        chance: float64 [M], of every candidate of the problem.
        prices: By limit: those that values were compared after.
        exploration: What it costs.
    """

    column: np.ndarray
    probability: np.ndarray
    nothing: np.ndarray
    chance: np.ndarray
    prices: Mapping[str, float]
    exploration: Exploration


def choose(
    problem: Problem,
    exact: Allocation,
    value_share: float,
    *,
    cycle_id: str,
    seed: int,
    threads: int,
    is_revision: bool = False,
) -> SystemChoice:
    """The system arm's choice.

    A re-optimization takes the exact plan as it is: what the morning drew stands, and only what came in since may
    change it (`standing`), so nothing is left to chance and the probability of a change, given what came in, is 1.

    Args:
        problem: The allocation problem.
        exact: Its exact allocation.
        value_share: Share of its value that exploring may cost.
        cycle_id: Together with the seed it fixes the draw.
        seed: Of the run.
        threads: Cores to use.
        is_revision: Whether the day has a plan already.
    """
    if is_revision:
        return _as_it_is(problem, exact, value_share, "a re-optimization changes only what came in calls for")
    plan = explore(problem, exact, value_share, threads=threads)
    if plan is None:
        reason = (
            "the limits leave no room for chances at that cost"
            if value_share > 0 and exact.value > 0
            else "nothing may be spent on exploring, or there is nothing to choose from"
        )
        return _as_it_is(problem, exact, value_share, reason)
    chosen = draw(plan, draw_seed(seed, cycle_id), threads=threads)
    picked = chosen[chosen >= 0]
    drawn = float(problem.candidates.value[picked].sum(dtype=np.float64)) - saturation_loss(problem, picked)
    facts = Exploration(
        value_share,
        plan.temperature,
        exact.value,
        exact.value - plan.value,
        exact.value - drawn,
        plan.passes,
        plan.seconds,
        spend=plan.spend,
    )
    chance = np.clip(plan.probability, 0.0, 1.0)
    return SystemChoice(
        _columns(problem, chosen),
        np.where(chosen >= 0, chance[chosen], 1.0) if len(chance) else np.ones(chosen.shape),
        np.clip(plan.nothing, 0.0, 1.0),
        chance,
        plan.prices,
        facts,
    )


def draw_seed(seed: int, cycle_id: str) -> int:
    """Seed of a cycle's draw."""
    return int(digests(f"draw/{seed}", [cycle_id])[0, 0] >> np.uint64(1))


def _as_it_is(problem: Problem, exact: Allocation, value_share: float, reason: str) -> SystemChoice:
    chance = np.zeros(len(problem.candidates))
    chance[exact.chosen[exact.chosen >= 0]] = 1.0
    return SystemChoice(
        _columns(problem, exact.chosen),
        np.ones(exact.chosen.shape),
        np.asarray((exact.chosen < 0).all(axis=1), dtype=np.float64),
        chance,
        exact.prices,
        Exploration(value_share, 0.0, exact.value, reason=reason),
    )


def _columns(problem: Problem, chosen: np.ndarray) -> np.ndarray:
    column = np.full(chosen.shape, -1, dtype=np.int64)
    is_chosen = chosen >= 0  # where nobody may be contacted there is no column to look up
    column[is_chosen] = problem.candidates.column[chosen[is_chosen]]
    return column
