"""What an objective's budget means today: one derivation for the decision's room and for what a stored problem keeps of it."""

from datetime import date
from typing import Final

import pandas as pd

from assets.ledger.ledger import Ledger
from ml.configuration.objective import Objective
from ml.levers import ObjectiveDay
from ml.policy.guardrails.figures import SETTLED_AFTER_DAYS

SUPERVISED: Final = "supervised"


def objective_day(
    ledger: Ledger, objective: Objective, figures: pd.DataFrame, on: date, share: float | None
) -> ObjectiveDay:
    """Money of a day, before any of it is freed; `room` is left for whoever knows it.

    Supervised, the rise of a day's spend is bounded as its guardrail bounds it, so that a plan which can stay within it
    does: against the objective's last seven days with spend, and before there are seven against the even split of what is
    left, the forecast of its plan.

    Args:
        ledger: The ledger.
        objective: Whose.
        figures: `ledger.figures.since` the objective's first day.
        on: The day.
        share: Of the money left that today may have; the even split without it.
    """
    by_day = figures[figures["objective_id"] == objective.id].groupby("cycle_on")["spend"].sum()
    today = float(by_day.get(on.isoformat(), 0.0))
    before = by_day[by_day.index < on.isoformat()]
    days_left = (objective.ends_on - on).days + 1
    is_bounded = (ledger.objectives.level(objective.id) or objective.autonomy) == SUPERVISED
    is_settled = len(before) >= SETTLED_AFTER_DAYS
    return ObjectiveDay(
        budget=objective.budget,
        left=max(0.0, objective.budget - (ledger.budgets.spent_of(objective.id) - today)),
        room=0.0,
        day_share=1 / days_left if share is None else float(share),
        rise_reference=float(before.iloc[-SETTLED_AFTER_DAYS:].mean()) if is_bounded and is_settled else None,
        even_days=days_left if is_bounded and not is_settled else None,
        today=today,
    )
