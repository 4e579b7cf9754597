"""Guardrails on money: what a plan spends, on what, and what it gives away."""

from dataclasses import dataclass
from typing import ClassVar

from ml.policy.guardrails.figures import PlanFigures, reference, rise
from ml.policy.guardrails.reading import Reading, reading


@dataclass(frozen=True)
class SpendChange:
    """Rise of the day's spend against the objective's own last days."""

    name: ClassVar[str] = "spend_change_per_day"
    formula: ClassVar[str] = (
        "spend / largest spend of the last 7 days - 1 <= bound; before a week, against the forecast"
    )
    remedy: ClassVar[str] = "approve it, or raise spend_change_per_day"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's spend against its reference."""
        usual, what = reference(plan.past_spend, plan.forecast_spend)
        figures = f"spend {plan.total_spend:,.2f} against {usual or 0:,.2f} ({what})"
        return reading(self, rise(plan.total_spend, usual), figures, limit=f"{self.bound:+.0%}")


@dataclass(frozen=True)
class SpendAgainstPace:
    """Spend of the day beyond what the objective's pace gives it."""

    name: ClassVar[str] = "spend_over_pace"
    formula: ClassVar[str] = "spend / (share of the money left that the pace gives the day) - 1 <= bound"
    remedy: ClassVar[str] = "approve it, raise the objective's budget, or raise spend_over_pace"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The plan's spend against its pace."""
        figures = f"spend {plan.total_spend:,.2f} against a pace of {plan.pace_spend or 0:,.2f} for the day"
        return reading(self, rise(plan.total_spend, plan.pace_spend), figures, limit=f"{self.bound:+.0%}")


@dataclass(frozen=True)
class ChannelSpendShare:
    """Largest share of one channel in the day's spend, all objectives together."""

    name: ClassVar[str] = "channel_spend_share"
    formula: ClassVar[str] = "max_c spend_c / sum_c spend_c <= bound"
    remedy: ClassVar[str] = "approve it, open other channels to the objectives, or raise channel_spend_share"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """The dearest channel's share of the day's spend."""
        spend = plan.spend if plan.day_spend is None else plan.day_spend
        total = sum(spend.values())
        if total <= 0:
            return reading(self, None, "", limit=f"{self.bound:.0%}")
        channel = max(spend, key=lambda c: spend[c])
        share = spend[channel] / total
        return reading(self, share, f"{channel} takes {share:.1%} of the day's spend", limit=f"{self.bound:.0%}")


@dataclass(frozen=True)
class DiscountDepth:
    """Expected cost of offers as a share of what the contacted people's conversions are worth."""

    name: ClassVar[str] = "discount_depth"
    formula: ClassVar[str] = "sum p_i cost_i / sum p_i value_i <= bound, over contacts i with propensity p"
    remedy: ClassVar[str] = "approve it, lower the offers' cost_when_redeemed, or raise discount_depth"
    bound: float

    def read(self, plan: PlanFigures) -> Reading:
        """What is given away against what comes in."""
        if plan.offer_cost is None or not plan.sales_value or plan.sales_value <= 0:
            return reading(self, None, "", limit=f"{self.bound:.0%}")
        depth = plan.offer_cost / plan.sales_value
        figures = f"offers give away {depth:.1%} of what conversions are worth ({plan.offer_cost:,.2f} expected)"
        return reading(self, depth, figures, limit=f"{self.bound:.0%}")
