"""The response law as figures: what each channel causes, when, and for whom. README.md gives their sources."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from market.words import CHANNELS, MarketError


@dataclass(frozen=True)
class ChannelLaw:
    """How one channel works.

    Attributes:
        lift: Mean chance of a caused purchase over all reached persons, in full, with a ten-unit offer and no fatigue.
        wrong_way: Mean chance of a prevented purchase, as a share of ``lift``.
        delay_days: Median from exposure to the caused purchase.
        delay_spread: Sigma of the log of that delay.
        transit_days: Least and most days from sending to exposure.
        reached: Share of messages that get to the person.
        opened: Share of the reached who look (answer, for calls).
        clicked: Share of those who look and act on it.
        wear: What one message adds to a person's fatigue.
        unsubscribed: Chance of a withdrawal for one message without fatigue.
        complained: Chance of a complaint for one message without fatigue.
        slot: How strongly the hour matters (log factor between best and worst hour).
        drift: Yearly change of ``lift`` (-0.2: a fifth is lost in a year).
        tastes: Weights of the six traits in who is moved.
    """

    lift: float
    wrong_way: float
    delay_days: float
    delay_spread: float
    transit_days: tuple[float, float]
    reached: float
    opened: float
    clicked: float
    wear: float
    unsubscribed: float
    complained: float
    slot: float
    drift: float
    tastes: tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Shift:
    """A planted change: from a day on, the lift of a channel is multiplied."""

    day: int
    channel: str
    factor: float


_CHANNELS: Final = {
    #             lift  wrong  delay spread transit     reach  open click wear unsub  compl   slot drift; then tastes
    "email": ChannelLaw(.0032, .10, 0.8, 1.1, (0.0, 0.02), .985, .24, .13, .45, .0016, .00020, .35, -.15,
            (.3, .8, .0, -.2, .2, .1)),
    "sms": ChannelLaw(.0060, .20, 0.3, 1.0, (0.0, 0.01), .970, .90, .06, .80, .0080, .00060, .45, -.10,
            (.5, .4, .4, .0, -.2, .1)),
    "direct_mail": ChannelLaw(.0110, .03, 4.0, 0.7, (3.0, 9.0), .960, .60, .05, .25, .0008, .00005, .0, .0,
            (.3, -.4, .1, .7, .3, .0)),
    "voice": ChannelLaw(.0190, .25, 0.8, 1.2, (0.0, 0.0), .980, .34, .20, 1.30, .0120, .00300, .60, -.05,
            (-.1, -.3, .8, .2, .3, .0)),
    "paid_social": ChannelLaw(.0022, .05, 1.5, 0.9, (0.3, 1.0), .620, .80, .02, .12, .0002, .00002, .0, .25,
            (.2, .5, .0, -.3, -.3, .6)),
    "display": ChannelLaw(.0018, .05, 2.0, 0.9, (0.3, 1.0), .700, .80, .01, .08, .0001, .00001, .0, -.10,
            (.2, .4, .0, .0, -.1, .4)),
    "web": ChannelLaw(.0120, .05, 0.05, 1.2, (0.0, 0.0), 1.00, .90, .12, .08, .0001, .00000, .0, .0,
            (.4, .6, .0, -.2, .1, .3)),
    "push": ChannelLaw(.0042, .20, 0.25, 1.1, (0.0, 0.01), .930, .12, .30, .60, .0060, .00020, .50, .0,
            (.2, .6, .1, -.1, .3, .3)),
}  # fmt: skip


@dataclass(frozen=True)
class Law:
    """All parameters of the world's behaviour. A market is made with one and keeps it.

    Attributes:
        name: The variant's name.
        channels: Each channel's law.
        moved_share: Share of persons whom a channel moves at all; the rest is unmoved or moved the wrong way.
        wrong_share: Share of persons whom a channel moves the wrong way.
        person_weight: Weight of the trait common to all channels in who is moved.
        taste_weight: Weight of the traits that events show.
        hidden_weight: Weight of what nothing in the data shows.
        curve: Exponent of the growth of the effect beyond the threshold.
        cap: Highest chance of a caused purchase from one message.
        offer_floor: Factor of a message without an offer for a person who does not mind the price.
        offer_gain: What a generous offer adds to that factor for a person who minds it most.
        offer_scale: Offer cost at which two thirds of the gain is reached.
        offer_taste: Sigma of the log factor of an offer for a person.
        creative_spread: Sigma of the log factor of a creative.
        category_match: Factor where a creative speaks of the person's category.
        fatigue_days: Time in which fatigue falls to a third.
        fatigue_loss: Log loss of response for a unit of fatigue.
        fatigue_leave: Factor on withdrawals and complaints for a unit of fatigue.
        scan_share: Share of delivered mail that is scanned.
        scan_call: Factor on calls for ten days after a scan.
        offer_alive: Factor where the same offer came by another channel within its window.
        objection_price: Factors (no offer, generous offer) for who objects to the price.
        objection_no_need: Factor for who needs nothing.
        objection_timing: Factors (before, after the seventh day since the last contact) for who has no time now.
        spell_share: Share of 14-day blocks in which a person is looking for something.
        spell: Factors in a spell: visits, purchases, response.
        lifecycle: Factors of response: prospect, buyer in the last 30 days, 31 to 90 days, dormant.
        audience_days: Days that an audience membership lasts.
        offer_days: Days that an offer can be redeemed.
        redeem_caused: Share of caused purchases that redeem the offer.
        redeem_organic: Share of purchases that come anyway and redeem it, by price sensitivity 0.5.
        repeat_share: Chance that a caused purchase leads to another one.
        repeat_days: Mean days to it.
        hour_spread: Sigma of a person's hours around the preferred one.
        order_spread: Sigma of the log of a purchase's amount.
        shifts: Planted changes.
    """

    name: str = "default"
    channels: dict[str, ChannelLaw] = field(default_factory=lambda: dict(_CHANNELS))
    moved_share: float = 0.30
    wrong_share: float = 0.12
    person_weight: float = 0.45
    taste_weight: float = 0.65
    hidden_weight: float = 0.61
    curve: float = 1.0
    cap: float = 0.10
    offer_floor: float = 0.50
    offer_gain: float = 1.10
    offer_scale: float = 6.0
    offer_taste: float = 0.30
    creative_spread: float = 0.22
    category_match: float = 1.30
    fatigue_days: float = 7.0
    fatigue_loss: float = 0.28
    fatigue_leave: float = 0.8
    scan_share: float = 0.05
    scan_call: float = 3.0
    offer_alive: float = 1.5
    objection_price: tuple[float, float] = (0.35, 1.6)
    objection_no_need: float = 0.15
    objection_timing: tuple[float, float] = (0.6, 1.5)
    spell_share: float = 0.15
    spell: tuple[float, float, float] = (3.0, 1.7, 1.6)
    lifecycle: tuple[float, float, float, float] = (0.75, 0.70, 1.45, 1.05)
    audience_days: int = 14
    offer_days: int = 21
    redeem_caused: float = 0.80
    redeem_organic: float = 0.20
    repeat_share: float = 0.25
    repeat_days: float = 40.0
    hour_spread: float = 2.2
    order_spread: float = 0.55
    shifts: tuple[Shift, ...] = ()


def _scaled(channels: dict[str, ChannelLaw], lift: float, delay: float, spread: float) -> dict[str, ChannelLaw]:
    return {
        name: replace(c, lift=c.lift * lift, delay_days=c.delay_days * delay, delay_spread=c.delay_spread * spread)
        for name, c in channels.items()
    }


LAWS: Final[dict[str, Law]] = {
    "default": Law(),
    "sparse": Law(  # another law: few are moved, those strongly, by steeper taste; offers matter less, journeys more
        name="sparse", channels=_scaled(_CHANNELS, 0.9, 1.0, 1.0), moved_share=0.12, wrong_share=0.06,
        person_weight=0.20, taste_weight=0.80, hidden_weight=0.57, curve=1.4, offer_floor=0.75, offer_gain=0.5,
        scan_call=4.0, fatigue_loss=0.45, lifecycle=(0.9, 0.4, 1.2, 1.4),
    ),
    "noisy": Law(  # other noise: most of who is moved is hidden, delays have heavy tails, amounts and hours scatter
        name="noisy", channels=_scaled(_CHANNELS, 1.0, 1.6, 1.4), person_weight=0.25, taste_weight=0.40,
        hidden_weight=0.88, order_spread=0.9, hour_spread=4.0, spell_share=0.25, creative_spread=0.30,
    ),
}  # fmt: skip
"""The committed variants, by name."""


def law_named(name: str, shifts: Sequence[str] = ()) -> Law:
    """A committed law, with planted changes written ``2026-02-01:email=0.3``.

    Raises:
        MarketError: No such law, or a change that cannot be read.
    """
    if name not in LAWS:
        raise MarketError(f"--law {name}: no such law; there are {', '.join(LAWS)}")
    return replace(LAWS[name], shifts=tuple(_shift(text) for text in shifts))


def _shift(text: str) -> Shift:
    try:
        when, rest = text.split(":")
        channel, factor = rest.split("=")
        day = date.fromisoformat(when).toordinal() - date(1970, 1, 1).toordinal()
        shift = Shift(day, channel, float(factor))
    except ValueError as error:
        raise MarketError(f"--shift {text}: write DAY:CHANNEL=FACTOR, as 2026-02-01:email=0.3") from error
    if channel not in CHANNELS:
        raise MarketError(f"--shift {text}: no channel {channel!r}; there are {', '.join(CHANNELS)}")
    return shift
