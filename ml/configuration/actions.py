"""What can be done: channels with their terms, offers, creatives and send slots (`actions.yaml`)."""

from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field

from ml.configuration.base import ANY_SLOT, Count, Days, Identifier, Model, Money, PositiveMoney, SlotText
from ml.entities import AUDIENCES, CHANNELS, Action, Channel, Option

MessageField = Literal["first_name", "last_name", "city", "region", "country"]
MESSAGE_FIELDS: Final[tuple[MessageField, ...]] = get_args(MessageField)
"""What a message may say of a person."""


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or not path.suffix == ".j2":
        raise ValueError("a .j2 file inside the configuration folder, such as templates/winback_email.html.j2")
    return text


class Response(Model):
    """Diminishing returns of a channel: what its contacts of a day cause grows ever more slowly towards a ceiling."""

    ceiling: PositiveMoney = Field(
        description="money that the channel can cause at most in a day, for one objective in one segment; above 0"
    )
    by_segment: dict[Identifier, PositiveMoney] = Field(
        default_factory=dict, description="the ceiling in single segments of policy.yaml"
    )
    shape: Literal["ratio", "exponential", "logarithmic", "logistic"] = "ratio"
    retention: float = Field(
        default=0.0, ge=0, lt=1, description="share of a day's effect that still acts a day later, from 0 to under 1"
    )


class ChannelTerms(Model):
    """What a channel costs, how much it takes, and when."""

    cost: Money = Field(description="what one contact costs")
    capacity_per_day: Count = Field(description="contacts that it takes in a day")
    lead_time_hours: float = Field(
        default=0.0, ge=0, le=2160, description="hours from hand-over until the person is reached"
    )
    slots: list[Identifier] = Field(
        default_factory=list, description="send slots; without any, whenever quiet hours allow"
    )
    audience_days: Days = Field(
        default=7,
        description="days that a person stays in an ad audience (paid_social, display), then they are taken out",
    )
    response: Response | None = Field(default=None, description="diminishing returns; none without it")


class Offer(Model):
    """Something given to the person who buys."""

    cost_when_redeemed: Money = Field(description="what a redemption costs")
    channels: Literal["all"] | list[Channel] = Field(
        default="all", description="channels it may go through: all, or a list"
    )
    label: str = Field(default="", description="the offer in words, for messages")
    assumed_response: float = Field(
        default=1.0,
        ge=0.1,
        le=10,
        description="0.1 to 10: how many times as many a contact is thought to move with it as without an offer, "
        "until results say so",
    )
    valid_days: Days | None = Field(
        default=None, description="days that it can be redeemed after a contact; without it, the training horizon's"
    )


class Creative(Model):
    """What a message says: one channel, one offer, one template."""

    channel: Channel
    offer: Identifier
    template: Annotated[str, AfterValidator(_inside)] = Field(
        description="template file, relative to the configuration folder"
    )
    subject: str | None = Field(default=None, min_length=1, max_length=200, description="subject line (e-mail)")
    needs: list[MessageField] = Field(
        default_factory=list, description="what it says of a person; people without it are left out"
    )
    defaults: dict[MessageField, str] = Field(
        default_factory=dict, description="what it says instead where a person has none"
    )


class Actions(Model):
    """Everything that can be done to a person."""

    channels: dict[Channel, ChannelTerms] = Field(min_length=1, description="terms by channel")
    offers: dict[Identifier, Offer] = Field(min_length=1, description="offers by id")
    creatives: dict[Identifier, Creative] = Field(min_length=1, description="creatives by id")
    slots: dict[Identifier, SlotText] = Field(
        default_factory=dict, description='slots by name, "HH:MM-HH:MM" local time'
    )
    exclusive_offers: list[list[Identifier]] = Field(
        default_factory=list, description="lists of offers of which a person gets at most one in a cycle"
    )

    def options(self) -> list[Option]:
        """Channel and offer with a creative, in the order of the channels, then of the offers as written."""
        made = {(creative.channel, creative.offer) for creative in self.creatives.values()}
        return [Option(c, o) for c in CHANNELS if c in self.channels for o in self.offers if (c, o) in made]

    @property
    def assumed_responses(self) -> dict[str, float]:
        """What each offer is thought to multiply the response by, until results say so."""
        return {name: offer.assumed_response for name, offer in self.offers.items()}

    def shares_within(self, horizon_days: int) -> dict[Channel, float]:
        """Share of what a contact does that comes within the horizon of its decision, by channel, from 0 to 1.

        Of a horizon of h days those after the lead time are left; a member of an ad audience sees advertisements for
        `audience_days` and is moved a little on each of them.
        """
        shares: dict[Channel, float] = {}
        for channel, terms in self.channels.items():
            left = max(horizon_days - terms.lead_time_hours / 24, 0.0)
            works = max(horizon_days, terms.audience_days) if channel in AUDIENCES else horizon_days
            shares[channel] = left / works
        return shares

    @property
    def valid_days(self) -> dict[str, int]:
        """Days that each offer can be redeemed, of those that say it."""
        return {name: offer.valid_days for name, offer in self.offers.items() if offer.valid_days is not None}

    def creatives_of(self, option: Option) -> list[str]:
        """Ids of the creatives that are alternatives for the option, as written."""
        return [name for name, c in self.creatives.items() if (c.channel, c.offer) == (option.channel, option.offer_id)]

    def slots_of(self, channel: Channel) -> list[str]:
        """The channel's slots; `any` alone where it names none."""
        return list(self.channels[channel].slots) or [ANY_SLOT]

    def actions(self) -> list[Action]:
        """Every option with each of its creatives and slots."""
        return [
            Action(option.channel, option.offer_id, creative, slot)
            for option in self.options()
            for creative in self.creatives_of(option)
            for slot in self.slots_of(option.channel)
        ]
