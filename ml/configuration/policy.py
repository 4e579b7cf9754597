"""What always holds, and the bounds outside which a plan is escalated (`policy.yaml`)."""

from typing import Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from ml.configuration.base import (
    Count,
    Days,
    Identifier,
    Model,
    Money,
    NoWindow,
    PositiveMoney,
    Share,
    Window,
    WindowText,
    ZoneName,
)
from ml.configuration.journeys import Journeys
from ml.entities import CHANNELS, Channel

Basis = Literal["express_written", "express", "soft_opt_in"]
OptOut = Literal["opt_out"]

DEFAULT_CONSENT: Final[dict[Channel, list[Basis] | OptOut]] = {
    "email": ["express_written", "express", "soft_opt_in"],
    "sms": ["express_written"],
    "direct_mail": "opt_out",
    "voice": ["express_written"],
    "paid_social": ["express_written", "express"],
    "display": ["express_written", "express"],
    "web": "opt_out",
    "push": ["express_written", "express"],
}
DEFAULT_LOSS_RATES: Final[dict[Channel, float]] = {
    "email": 0.001, "sms": 0.004, "direct_mail": 0.0002, "voice": 0.008,
    "paid_social": 0.0002, "display": 0.0001, "web": 0.0, "push": 0.002,
}  # fmt: skip


class Sender(Model):
    """Who the messages come from; the law wants the postal address in each e-mail."""

    name: str = Field(min_length=1, description="the sender's name")
    postal_address: str = Field(min_length=5, description="a postal address at which the sender can be reached")


class Lifecycle(Model):
    """Days since the last purchase after which a customer is `lapsing`, then `lapsed`."""

    lapsing_days: Days = 60
    lapsed_days: Days = 90

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.lapsed_days <= self.lapsing_days:
            raise ValueError("lapsed_days must be greater than lapsing_days")
        return self


class Training(Model):
    """How often models are fitted, and how long after a contact an outcome still counts for them."""

    every_days: Days = 7
    horizon_days: Days = 14


_ANY_HOUR: Final[dict[Channel, WindowText | NoWindow]] = {
    "email": "none",
    "web": "none",
    "paid_social": "none",
    "display": "none",
}


class QuietHours(Model):
    """Local hours in which nobody is contacted."""

    default: WindowText | NoWindow = Field(default="21:00-08:00", description='a window such as "21:00-08:00", or none')
    channels: dict[Channel, WindowText | NoWindow] = Field(
        default_factory=_ANY_HOUR.copy,
        description="by channel, where it differs",
    )

    def of(self, channel: Channel) -> Window | None:
        """The channel's quiet window; None where it has none."""
        text = self.channels.get(channel, self.default)
        return None if text == "none" else Window.parse(text)


class FrequencyCap(Model):
    """At most `max` contacts of a person through `channels` together in any `days` days."""

    channels: Literal["all"] | list[Channel] = Field(default="all", description="all, or a list of channels")
    max: Count
    days: Days

    def covers(self, channel: Channel) -> bool:
        """Whether contacts through the channel count towards the cap."""
        return self.channels == "all" or channel in self.channels


class SpendCaps(Model):
    """Money that is never exceeded in a day, whoever approves."""

    per_day: PositiveMoney | None = Field(default=None, description="over all channels, above 0; none without it")
    per_channel_per_day: dict[Channel, Money] = Field(default_factory=dict, description="by channel")


class ChangeBounds(Model):
    """Bounds of a day's spend against the day before."""

    rise: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="largest rise, as a share of it: 0.2, or none"
    )
    fall: float | None = Field(default=None, ge=0, le=1, description="largest fall, as a share of it, 0 to 1; or none")


class SpendChange(ChangeBounds):
    """How far a day's spend may move from the day before, all objectives together, whoever approves."""

    channels: dict[Channel, ChangeBounds] = Field(default_factory=dict, description="bounds of single channels")


class Risk(Model):
    """What a contact counts for, its effect being uncertain."""

    value: Literal["mean", "cautious", "draw"] = "mean"
    deviations: float = Field(
        default=1.0, gt=0, le=10, description="standard deviations that `cautious` takes off, above 0 and up to 10"
    )


class Exploration(Model):
    """What learning may cost."""

    value_share: Share = Field(
        default=0.02,
        description="share of a plan's value that exploring may cost; it keeps to the plan's money where the limits leave room for that",
    )
    random_contact_share: float = Field(
        default=0.1, gt=0, le=1, description="share of the random arm contacted in a cycle, above 0 and up to 1"
    )
    spend_per_day: Money | None = Field(
        default=None, description="money for the random arm's contacts of a day, or none"
    )


class Guardrails(Model):
    """Bounds of a plan under supervision; outside one of them a person decides."""

    spend_change_per_day: float = Field(
        default=0.5, gt=0, description="rise of a day's spend against its reference, as a share of it"
    )
    channel_spend_share: float = Field(
        default=0.6, gt=0, le=1, description="largest share of spend through one channel"
    )
    audience_change: float = Field(
        default=1.0, gt=0, description="rise of the number of people contacted, as a share of its reference"
    )
    data_age_hours: float = Field(default=36, gt=0, description="age of the newest data, in hours")
    spend_over_pace: float = Field(
        default=0.5, gt=0, description="spend of a day beyond what the objective's pace gives it, as a share of it"
    )
    discount_depth: float = Field(
        default=0.5, gt=0, le=1, description="expected cost of offers, as a share of the value of conversions"
    )
    audience_people: Count | None = Field(
        default=None, description="people contacted for an objective in a day, 0 or more; no bound without it"
    )
    complaint_rate: float = Field(
        default=0.02, gt=0, le=1, description="expected share of contacts ending in an unsubscribe or complaint"
    )
    weekly_contacts: Count = Field(
        default=5, description="most contacts of a person in seven days over all objectives, 0 or more"
    )
    new_actions: Count = Field(
        default=0, description="channels with offers never used before that a plan may begin with, 0 or more"
    )
    score_drift: float = Field(
        default=0.25,
        gt=0,
        description="population stability index of scores since the model's first day, of people left alone",
    )
    lift_loss: float = Field(
        default=0.0, ge=0, description="loss that the whole interval of the lift may show, per person, 0 or more"
    )


class Approvals(Model):
    """How a person's word is taken."""

    expire_hours: float = Field(default=24, gt=0, description="hours that an approval holds")
    four_eyes: bool = Field(default=False, description="whether two named persons are needed")


class AutonomyTest(Model):
    """What a higher level of autonomy takes, stated before anything is seen; kept for an objective from its first cycle."""

    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="chance of proposing a raise without an advantage, above 0 and up to 0.5",
    )
    effect: float = Field(
        default=0.3, gt=0, le=10, description="advantage over the manual arm that is looked for, as a share of its rate"
    )
    margin: float = Field(
        default=0.0, ge=0, le=10, description="advantage over the manual arm that isn't enough, as a share of its rate"
    )
    crossing_share: Share = Field(
        default=0.05, description="most of the days at a level whose plan may have crossed a guardrail, a share"
    )


class Wear(Model):
    """What a contact wears out: the chance that the person closes the channel, and what goes with it."""

    loss_rates: dict[Channel, Share] = Field(
        default_factory=dict, description="chance by channel that a contact ends in an unsubscribe or complaint"
    )
    future_margin_share: Share = Field(
        default=0.2, description="share of a person's future margin that is lost with a channel"
    )

    def rate(self, channel: Channel) -> float:
        """The channel's loss rate as stated, else the default."""
        return self.loss_rates.get(channel, DEFAULT_LOSS_RATES[channel])


class Policy(Model):
    """What always holds."""

    currency: str = Field(default="USD", pattern="^[A-Z]{3}$", description="an ISO 4217 code, such as USD")
    time_zone: ZoneName = Field(default="UTC", description="the workspace's zone, where its days begin")
    consent: dict[Channel, list[Basis] | OptOut] = Field(
        default_factory=dict, validate_default=True, description="accepted bases by channel"
    )
    soft_opt_in_needs_sale: bool = Field(
        default=True, description="whether a soft opt-in counts only for people who have bought"
    )
    sender: Sender | None = None
    do_not_call_file: str | None = Field(
        None, min_length=1, description="file of numbers, relative to the configuration folder"
    )
    unknown_time_zone: Literal["deny", "workspace"] = "deny"
    lifecycle: Lifecycle = Lifecycle()
    training: Training = Training()
    margin_share: float = Field(
        default=0.4, gt=0, le=1, description="margin as a share of revenue, where margin is missing"
    )
    max_contacts_per_cycle: int = Field(default=1, ge=1, le=8, description="contacts of a person in a cycle, 1 to 8")
    quiet_hours: QuietHours = QuietHours()
    frequency_caps: list[FrequencyCap] = Field(default_factory=list)
    spend_caps: SpendCaps = SpendCaps()
    minimum_age: int = Field(default=18, ge=0, le=120, description="years")
    unknown_age: Literal["adult", "deny"] = "adult"
    exploration: Exploration = Exploration()
    guardrails: Guardrails = Guardrails()
    approvals: Approvals = Approvals()
    autonomy: AutonomyTest = AutonomyTest()
    wear: Wear = Wear()
    spend_change: SpendChange = SpendChange()
    risk: Risk = Risk()
    journeys: Journeys = Journeys()
    segments: dict[Identifier, str] = Field(
        default_factory=dict, description="predicates over dim_customers by name; the first that holds is a person's"
    )

    @field_validator("consent", mode="after")
    @classmethod
    def _with_defaults(cls, given: dict[Channel, list[Basis] | OptOut]) -> dict[Channel, list[Basis] | OptOut]:
        soft = [channel for channel, bases in given.items() if "soft_opt_in" in bases and channel != "email"]
        if soft:
            raise ValueError(
                f"soft_opt_in is for e-mail only (Directive 2002/58/EC, Art. 13(2)): remove it from {soft[0]}"
            )
        return {channel: given.get(channel, DEFAULT_CONSENT[channel]) for channel in CHANNELS}
