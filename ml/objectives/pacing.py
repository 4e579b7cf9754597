"""What an objective may spend today."""

from datetime import date

from ml.configuration.objective import Objective


def daily_budget(objective: Objective, spent: float, cycle_on: date) -> float:
    """What is left of the budget over the days left, today included; 0 outside the period or when all is spent.

    Args:
        objective: Its budget and period.
        spent: Money spent or bound for it so far, whatever the day.
        cycle_on: The cycle's day.
    """
    if not objective.starts_on <= cycle_on <= objective.ends_on:
        return 0.0
    days_left = (objective.ends_on - cycle_on).days + 1
    return max(0.0, objective.budget - spent) / days_left
