"""Bounds of a plan under supervision. Each is a small class: its formula, how far a plan is from it, what lifts it.

A guardrail bounds what could do harm: more spend, more people, older data. Doing less than expected isn't escalated.
A new one is a class here and a line in `guardrails_of`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ml.configuration.policy import Guardrails
from ml.entities import Channel

SETTLED_AFTER_DAYS: Final = 7
"""Days after which an objective is compared with its own last seven, and no longer with the forecast of its plan."""


@dataclass(frozen=True)
class PlanFigures:
    """What guardrails look at, of one objective's part of a plan.

    Attributes:
        spend: Contact cost by channel.
        people: People contacted.
        data_age_hours: Age of the newest data at T.
        past_spend: Spend of each of the objective's earlier days, oldest first.
        past_people: People contacted on each of them.
        forecast_spend: Spend that the objective's plan foresees for the day.
        forecast_people: People that it foresees; None where it foresees no number.
        day_spend: Contact cost by channel of the whole day, all objectives together; the plan's own where not given.
    """

    spend: Mapping[Channel, float]
    people: int
    data_age_hours: float
    past_spend: Sequence[float] = ()
    past_people: Sequence[int] = ()
    forecast_spend: float | None = None
    forecast_people: float | None = None
    day_spend: Mapping[Channel, float] | None = None

    @property
    def total_spend(self) -> float:
        """Spend over all channels."""
        return float(sum(self.spend.values()))


@dataclass(frozen=True)
class Reading:
    """A guardrail asked of a plan.

    Attributes:
        name: The guardrail's key in `policy.yaml`.
        value: The plan's figure; None where there is nothing yet to compare with.
        bound: What the figure must not exceed.
        words: The figure against the bound, and what lifts it.
    """

    name: str
    value: float | None
    bound: float
    words: str

    @property
    def distance(self) -> float | None:
        """How far inside the bound, as a share of it; negative outside."""
        return None if self.value is None else (self.bound - self.value) / self.bound

    @property
    def is_crossed(self) -> bool:
        """Whether the plan is outside."""
        return self.value is not None and self.value > self.bound * (1 + 1e-9)


class Guardrail(Protocol):
    """A bound on a plan."""

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's figure against the bound."""
        ...


def _reference(past: Sequence[float], forecast: float | None) -> tuple[float | None, str]:
    if len(past) >= SETTLED_AFTER_DAYS:
        recent = past[-SETTLED_AFTER_DAYS:]
        return sum(recent) / len(recent), "the mean of its last seven days"
    return forecast, "the forecast of its plan"


def _rise(value: float, reference: float | None) -> float | None:
    if reference is None or reference <= 0:
        return None
    return value / reference - 1


@dataclass(frozen=True)
class SpendChange:
    """Rise of the day's spend: spend / reference - 1 <= bound."""

    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's spend against its reference."""
        reference, what = _reference(plan.past_spend, plan.forecast_spend)
        rise = _rise(plan.total_spend, reference)
        figures = f"spend {plan.total_spend:,.2f} against {reference or 0:,.2f} ({what})"
        words = f"{figures}: at most {self.bound:+.0%} without a person's word"
        return Reading("spend_change_per_day", rise, self.bound, words)


@dataclass(frozen=True)
class ChannelSpendShare:
    """Largest share of one channel in the day's spend, all objectives together: max_c spend_c / sum_c spend_c <= bound."""

    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The dearest channel's share of the day's spend."""
        spend = plan.spend if plan.day_spend is None else plan.day_spend
        if sum(spend.values()) <= 0:
            return Reading("channel_spend_share", None, self.bound, "nothing is spent")
        channel = max(spend, key=lambda c: spend[c])
        share = spend[channel] / sum(spend.values())
        words = f"{channel} takes {share:.1%} of the day's spend: at most {self.bound:.0%} without a person's word"
        return Reading("channel_spend_share", share, self.bound, words)


@dataclass(frozen=True)
class AudienceChange:
    """Rise of the people contacted: people / reference - 1 <= bound."""

    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's people against its reference."""
        reference, what = _reference(plan.past_people, plan.forecast_people)
        rise = _rise(plan.people, reference)
        figures = f"{plan.people:,} people against {reference or 0:,.0f} ({what})"
        words = f"{figures}: at most {self.bound:+.0%} without a person's word"
        return Reading("audience_change", rise, self.bound, words)


@dataclass(frozen=True)
class DataAge:
    """Age of the newest data: hours <= bound."""

    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """How old the data are on which the plan rests."""
        figures = f"the newest data are {plan.data_age_hours:.0f} hours old"
        words = f"{figures}: at most {self.bound:.0f}; new landing files lift it"
        return Reading("data_age_hours", plan.data_age_hours, self.bound, words)


def guardrails_of(bounds: Guardrails) -> list[Guardrail]:
    """The guardrails of a policy."""
    return [
        SpendChange(bounds.spend_change_per_day),
        ChannelSpendShare(bounds.channel_spend_share),
        AudienceChange(bounds.audience_change),
        DataAge(bounds.data_age_hours),
    ]
