"""The words that every part of Wayfinder shares. No logic beyond what follows from a word itself."""

from typing import Final, Literal, NamedTuple, get_args

Channel = Literal["email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push"]
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)

CALLED: Final[tuple[Channel, ...]] = ("sms", "voice")
"""Channels that ring: the law on calls and texts is about these."""
CONTACT_DETAILS: Final[dict[Channel, tuple[str, ...]]] = {
    "email": ("has_email",),
    "sms": ("has_phone",),
    "direct_mail": ("has_address",),
    "voice": ("has_phone",),
    "paid_social": ("has_email", "has_phone"),
    "display": ("has_email", "has_phone"),
    "web": ("has_visitor",),
    "push": ("has_device_token",),
}
"""Columns of the customer view, one of which has to be true for the channel to reach the person."""
ON_SCREEN: Final[frozenset[str]] = frozenset({"email", "sms", "paid_social", "display", "web", "push"})
"""Channels whose messages are looked at on a screen: not letters, and not calls."""
AUDIENCES: Final[tuple[Channel, ...]] = ("paid_social", "display")
"""Channels that show advertisements to the members of an audience, for as long as they are in it."""

Arm = Literal["holdout", "manual", "random", "system"]
ARMS: Final[tuple[Arm, ...]] = get_args(Arm)

Metric = Literal["new_customers", "reactivations", "churn_rate", "incremental_margin"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)

CallReader = Literal["words", "sentences"]
"""Whether what customers say on the telephone is read by its words or by what its sentences mean."""
Autonomy = Literal["assisted", "supervised", "autonomous"]
AUTONOMY_LEVELS: Final[tuple[Autonomy, ...]] = get_args(Autonomy)


def lower(one: Autonomy, other: Autonomy) -> Autonomy:
    """The level of the two that lets less go by itself."""
    return min(one, other, key=AUTONOMY_LEVELS.index)


PlanState = Literal["released", "waiting", "rejected"]

NONE: Final = "none"
"""The action of leaving a person alone, and the offer that gives nothing away."""
OTHER: Final = "other"
"""Segment of everybody for whom none of the policy's holds."""


class Option(NamedTuple):
    """A channel with an offer: what the response models score. Creative and slot are chosen within it."""

    channel: Channel
    offer_id: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.offer_id}"


class Action(NamedTuple):
    """A channel, an offer, a creative and a send slot: what a person is sent."""

    channel: Channel
    offer_id: str
    creative_id: str
    slot: str

    @property
    def action_id(self) -> str:
        """The action's name in every file, table and screen."""
        return ":".join(self)

    @property
    def option(self) -> Option:
        """The channel and offer of the action."""
        return Option(self.channel, self.offer_id)
