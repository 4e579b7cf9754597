"""What other budgets would be worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ml.allocation.errors import TermError
from ml.allocation.infeasibility import moved_to
from ml.allocation.problem import Problem
from ml.allocation.solve import solve

_BUDGET = "budget"


def budget_curve(
    problem: Problem, multipliers: Sequence[float], *, gap: float = 1e-4, threads: int = 2
) -> pd.DataFrame:
    """Value and marginal value of money at multiples of the total budget, each solved from its neighbour's prices.

    Args:
        problem: with a `TotalBudget`; its number is back in place afterwards.
        multipliers: of the budget.
        gap: of each solve.
        threads: of the lookup.

    Returns:
        A row per multiplier: `budget`, `value`, `marginal` (value of one more unit of money).

    Raises:
        TermError: the problem has no total budget.
        Infeasible: a budget is too small for the minimums.
    """
    limit = next((limit for limit in problem.limits if limit.name == _BUDGET), None)
    if limit is None:
        raise TermError("A budget curve needs a TotalBudget among the terms.")
    amount = float(limit.number.value)
    rows: dict[float, tuple[float, float, float]] = {}
    prices: dict[str, float] = {}
    for multiplier in sorted(multipliers):
        with moved_to(limit, multiplier * amount):
            found = solve(problem, warm_prices=prices, gap=gap, threads=threads)
        prices = found.prices
        rows[multiplier] = (multiplier * amount, found.value, found.prices.get(_BUDGET, 0.0))
    return pd.DataFrame(
        np.array([rows[m] for m in multipliers]).reshape(-1, 3), columns=["budget", "value", "marginal"]
    )
