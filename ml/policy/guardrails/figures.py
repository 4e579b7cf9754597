"""What guardrails look at: one objective's part of a plan in figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ml.entities import Channel

SETTLED_AFTER_DAYS: Final = 7
"""Days after which an objective is compared with its own last seven, and no longer with the forecast of its plan."""


@dataclass(frozen=True)
class PlanFigures:
    """One objective's part of a plan. A figure that nobody knows yet is None, and its guardrail is silent.

    Attributes:
        spend: Contact cost by channel.
        people: People contacted.
        data_age_hours: Age of the newest data at T.
        past_spend: Spend of each of the objective's earlier days, oldest first.
        past_people: People contacted on each of them.
        forecast_spend: Spend that the objective's plan foresees for the day.
        forecast_people: People that it foresees; None where it foresees no number.
        day_spend: Contact cost by channel of the whole day, all objectives together; the plan's own where not given.
        pace_spend: Money that the objective's pace gives the day.
        complaints: Unsubscribes and complaints expected of the contacts, a number.
        contacts: Contacts, a number.
        offer_cost: Expected cost of offers, money.
        sales_value: Expected value of the contacted people's conversions, money.
        weekly_contacts: Most contacts of any of its people in seven days, all objectives and this plan together.
        new_actions: Channels with their offers that were never used before, such as `push:none`.
        is_first_cycle: Whether it is the objective's first; new actions are then announced, not escalated.
        score_drift: Population stability index of today's scores against the model's first, among people left alone since.
        lift_high: Upper end of the lift's interval against holdout, per person.
        lift_unit: What the lift counts, such as `conversions a person`.
    """

    spend: Mapping[Channel, float]
    people: int
    data_age_hours: float
    past_spend: Sequence[float] = ()
    past_people: Sequence[int] = ()
    forecast_spend: float | None = None
    forecast_people: float | None = None
    day_spend: Mapping[Channel, float] | None = None
    pace_spend: float | None = None
    complaints: float | None = None
    contacts: int = 0
    offer_cost: float | None = None
    sales_value: float | None = None
    weekly_contacts: int | None = None
    new_actions: Sequence[str] = field(default_factory=tuple)
    is_first_cycle: bool = False
    score_drift: float | None = None
    lift_high: float | None = None
    lift_unit: str = "conversions a person"

    @property
    def total_spend(self) -> float:
        """Spend over all channels."""
        return float(sum(self.spend.values()))


def reference(past: Sequence[float], forecast: float | None) -> tuple[float | None, str]:
    """What a day is compared with, and what that is in words: the largest of its own last seven days once there are as many.

    Weeks have a rhythm: people who were all contacted as often as caps allow are free again on one day, and some shops send on
    Mondays alone. Against the mean of a week every such day would be a leap.
    """
    if len(past) >= SETTLED_AFTER_DAYS:
        return max(past[-SETTLED_AFTER_DAYS:]), "the largest of its last seven days"
    return forecast, "the forecast of its plan"


def rise(value: float, against: float | None) -> float | None:
    """Value / against - 1; None where there is nothing to compare with."""
    if against is None or against <= 0:
        return None
    return value / against - 1
