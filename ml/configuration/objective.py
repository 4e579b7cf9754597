"""An objective as its owner states it (`objectives/*.yaml`)."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml.configuration.base import Days, Identifier, Model, PositiveMoney, Share
from ml.entities import CHANNELS, NONE, Autonomy, Channel, Metric, lower

PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False, description="a number above 0")]


class Target(Model):
    """What is to be reached: exactly one of `count`, `change`, `amount`."""

    count: int | None = Field(default=None, gt=0, description="how many, above 0")
    change: float | None = Field(default=None, gt=-1, lt=10, description="a relative change, such as -0.15; not 0")
    amount: PositiveMoney | None = Field(default=None, description="an amount of margin, above 0")
    baseline: Literal["forecast"] | float | None = Field(
        None, description="what `change` is against: forecast, or a rate from 0 to 1"
    )
    counted: Literal["lift", "total"] = Field(default="lift", description="lift (against holdout) or total")
    pursued: bool = Field(
        default=True, description="whether a day does its part of a target that value alone would miss, true or false"
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("count", "change", "amount") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of count, change, amount (given: {', '.join(given) or 'none'})")
        if self.change == 0:
            raise ValueError("a change of 0 is nothing to reach: give the change, such as -0.15")
        if (self.change is None) != (self.baseline is None):
            raise ValueError("baseline goes with change: {change: -0.15, baseline: forecast}")
        if isinstance(self.baseline, float) and not 0 < self.baseline <= 1:
            raise ValueError("a baseline is forecast, or a rate above 0 and up to 1")
        return self


class AudienceClause(Model):
    """Who is meant: a predicate over the columns of `dim_customers`."""

    where: str = Field(min_length=1, max_length=4000, description="a predicate, such as \"lifecycle = 'lapsed'\"")


class ArmShares(Model):
    """Shares of the audience that are randomized to each arm, for good; the rest is `system`."""

    holdout: Share = 0.05
    manual: Share = 0.05
    random: Share = 0.02

    @model_validator(mode="after")
    def _leaves_system(self) -> Self:
        if self.holdout + self.manual + self.random > 1 + 1e-9:
            raise ValueError("holdout, manual and random add up to more than 1")
        return self

    @property
    def system(self) -> float:
        """What the other arms leave."""
        return max(0.0, 1 - self.holdout - self.manual - self.random)


class ManualRule(Model):
    """One rule of business as usual: who of the manual arm gets what, and how many of them a cycle.

    Rules are tried in order; the first whose `where` holds and whose option is allowed for the person is used.
    """

    where: str = Field(default="true", min_length=1, max_length=4000, description="a predicate over dim_customers")
    channel: Channel
    offer: Identifier = NONE
    share: float = Field(default=1.0, gt=0, le=1, description="share of those people contacted, above 0 and up to 1")
    every_days: Days = Field(default=7, description="a person is contacted by the rules at most once in so many days")


class Objective(Model):
    """Metric, target, audience, period, budget and autonomy: what is to be achieved, and within what."""

    id: Identifier
    description: str = Field(min_length=1, description="what is to be achieved, in a sentence")
    owner: str = Field(min_length=3, description="who answers for it, such as growth@example.com")
    metric: Metric
    target: Target
    audience: AudienceClause
    starts_on: date = Field(description="the first day, YYYY-MM-DD")
    ends_on: date = Field(description="the last day, YYYY-MM-DD")
    budget: PositiveMoney
    value_per_unit: PositiveMoney | Literal["from_data"] = Field(
        "from_data", description="an amount of money above 0, or from_data"
    )
    conversion_window_days: Days = 14
    autonomy: Autonomy = "supervised"
    autonomy_by_channel: dict[Channel, Autonomy] = Field(
        default_factory=dict, description="levels of channels that may do less by themselves than the objective"
    )
    arms: ArmShares = ArmShares()
    channels: Literal["all"] | list[Channel] = Field(default="all", description="all, or a list of channels")
    manual: list[ManualRule] = Field(default_factory=list, description="business-as-usual rules of the manual arm")
    minimum_effect: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="least that a contact must be expected to cause, 0 or more"
    )
    segment_quotas: dict[Identifier, PositiveAmount] = Field(
        default_factory=dict, description="least to be caused a day in a segment of policy.yaml, by its name"
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError(
                f"ends_on ({self.ends_on}) is before starts_on ({self.starts_on}): exchange or correct them"
            )
        kinds = {"churn_rate": ("change", "count"), "incremental_margin": ("amount", "change")}.get(
            self.metric, ("count", "change")
        )
        if all(getattr(self.target, kind) is None for kind in kinds):
            raise ValueError(f"a target for {self.metric} is given as {' or '.join(kinds)}")
        beyond = [c for c, level in self.autonomy_by_channel.items() if lower(level, self.autonomy) != level]
        if beyond:
            raise ValueError(
                f"autonomy_by_channel: {', '.join(beyond)} would do more by itself than the objective, which is "
                f"{self.autonomy}: state a lower level, or raise autonomy"
            )
        if self.channels == []:
            raise ValueError("channels is empty: name at least one, or write all")
        return self

    @property
    def allowed_channels(self) -> frozenset[Channel]:
        """The channels that may be used for it."""
        return frozenset(CHANNELS if self.channels == "all" else self.channels)
