"""Guardrails on people: how many are contacted, how often, with what that is new, and what they may resent."""

from dataclasses import dataclass
from typing import ClassVar

from ml.policy.guardrails.figures import PlanFigures, reference, rise
from ml.policy.guardrails.reading import Reading, reading


@dataclass(frozen=True)
class AudienceChange:
    """Rise of the people contacted."""

    name: ClassVar[str] = "audience_change"
    formula: ClassVar[str] = "people / most people of the last 7 days - 1 <= bound; before a week, against the forecast"
    remedy: ClassVar[str] = "approve it, or raise audience_change"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's people against its reference."""
        usual, what = reference(plan.past_people, plan.forecast_people)
        figures = f"{plan.people:,} people against {usual or 0:,.0f} ({what})"
        return reading(self, rise(plan.people, usual), figures, limit=f"{self.bound:+.0%}")


@dataclass(frozen=True)
class AudienceSize:
    """People contacted for the objective in a day."""

    name: ClassVar[str] = "audience_people"
    formula: ClassVar[str] = "people <= bound"
    remedy: ClassVar[str] = "approve it, narrow the objective's audience, or raise audience_people"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """How many people the plan contacts."""
        return reading(self, float(plan.people), f"{plan.people:,} people are contacted", limit=f"{self.bound:,.0f}")


@dataclass(frozen=True)
class FirstUses:
    """Channels with offers that were never used before; in an objective's first cycle they are announced only."""

    name: ClassVar[str] = "new_actions"
    formula: ClassVar[str] = "count of (channel, offer) without a touch before this day <= bound"
    remedy: ClassVar[str] = "approve it once, and they are known"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """What the plan does for the first time. A crossing is about those channels alone."""
        count = None if plan.is_first_cycle else float(len(plan.new_actions))
        one = len(plan.new_actions) == 1
        what = f"{', '.join(plan.new_actions)} {'is' if one else 'are'} used for the first time"
        channels = frozenset(action.partition(":")[0] for action in plan.new_actions)
        figures = what if plan.new_actions else "0 actions are used for the first time"
        return reading(self, count, figures, limit=f"{self.bound:.0f} new actions", channels=channels)


@dataclass(frozen=True)
class Complaints:
    """Expected share of contacts that end in an unsubscribe or a complaint."""

    name: ClassVar[str] = "complaint_rate"
    formula: ClassVar[str] = "sum_c contacts_c rate_c / sum_c contacts_c <= bound; rate_c as measured, from wear's on"
    remedy: ClassVar[str] = "approve it, leave the channels out that people close, or raise complaint_rate"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """What the plan's contacts are expected to end in."""
        if plan.complaints is None or plan.contacts <= 0:
            return reading(self, None, "", limit=f"{self.bound:.2%}")
        rate = plan.complaints / plan.contacts
        figures = f"{rate:.2%} of {plan.contacts:,} contacts are expected to end in an unsubscribe or complaint"
        return reading(self, rate, figures, limit=f"{self.bound:.2%}")


@dataclass(frozen=True)
class WeeklyContacts:
    """Most contacts of one person in seven days, over all objectives."""

    name: ClassVar[str] = "weekly_contacts"
    formula: ClassVar[str] = "max_i contacts_i of the last 7 days and this plan, all objectives together <= bound"
    remedy: ClassVar[str] = "approve it, tighten frequency_caps, or raise weekly_contacts"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """How often the plan's most contacted person is reached in a week."""
        count = None if plan.weekly_contacts is None else float(plan.weekly_contacts)
        figures = f"somebody would get {plan.weekly_contacts or 0} contacts in seven days"
        return reading(self, count, figures, limit=f"{self.bound:.0f}")
