"""How conversations are read, and how far ahead a contact is valued (`policy.yaml`, `journeys`)."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from ml.configuration.base import Days, Model, Share

Signal = Literal[
    "call_after_scan",
    "offer_repeated",
    "wear",
    "price_without_offer",
    "price_with_offer",
    "timing_too_soon",
    "timing_rested",
    "trust",
    "no_need",
    "competitor",
]

MOST_ASSUMED: Final = 10.0


class Journeys(Model):
    """States of a conversation, and the continuation that a contact is credited with."""

    value_to_go: bool = Field(default=False, description="whether a contact counts for what it makes possible")
    follow_up_days: list[Days] = Field(
        default=[3, 10], min_length=1, max_length=4, description="days after a contact at which the next one may come"
    )
    discount_per_day: Share = Field(default=0.01, description="what a day of waiting takes off a later contact's value")
    deviations: float = Field(
        default=1.64, ge=0, le=5, description="standard errors taken off a factor before a continuation rests on it"
    )
    scan_days: Days = Field(default=14, description="days that a scanned mailer counts as lately")
    offer_days: Days = Field(default=21, description="days that an offer is in hand")
    rest_days: Days = Field(default=7, description="days without a contact after which somebody is rested")
    assumed: dict[Signal, float] = Field(
        default_factory=dict,
        description="factor on a contact's effect that the seller states before there is evidence, by signal; 1 for those not named",
    )
    assumed_deviation: float = Field(
        default=0.25, gt=0, le=5, description="standard deviation of those factors: how soon evidence outweighs them"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if sorted(set(self.follow_up_days)) != self.follow_up_days:
            raise ValueError("follow_up_days must rise: [3, 10]")
        wrong = [name for name, factor in self.assumed.items() if not 0 <= factor <= MOST_ASSUMED]
        if wrong:
            raise ValueError(f"assumed.{wrong[0]}: a factor lies between 0 and {MOST_ASSUMED:g}; 1 changes nothing")
        return self
