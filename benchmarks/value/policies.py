"""The policies that are compared: what each believes of a contact. All of them decide by `ml.decision.decide`.

So all keep to the same consent, frequency caps, capacities and money. They differ in what they think a contact is worth:

- **nothing**: nobody is contacted.
- **random**: every person's allowed options are equally good; half of the people each day, until the money is spent.
- **fixed**: the habit of marketing teams, money split 60/25/15 over e-mail, paid social and direct mail, each to the people
  whom a propensity model (the product's own, trained before the first cycle) holds for the likeliest buyers, with the offer
  that did best for it on the development seeds. Money that a channel has no capacity for isn't moved.
- **rules**: hand-drawn rules, tuned on the truth: what is sent may depend only on which of eight segments a person is in
  (stage of life x visited the site in the last two weeks); who of a segment gets it is drawn by lot. The rules are the best
  of that class: each option is worth the mean of its true worth over the segment on the development seeds.
- **wayfinder**: as shipped, with its holdout, its manual and its random arm.
- **cold**: the same without the campaigns of the past.
- **told**: the same, where a change is planted (`--shift`), told of it at once: from that day on the channel moves so many times
  what the model of that morning says.
- **same**: the best policy with the same information: the mean of the true worth given the features that Wayfinder sees,
  a regression on the development seeds (`yardstick`).
- **same-arms**: the same with Wayfinder's holdout, manual and random arm, so that what proving costs is taken from both.
- **truth**: the true worth of each person and option on the day. Greedy: it doesn't spare people for later days.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.value.cycle import Seen, Shop, believed
from benchmarks.value.outside import Outside
from benchmarks.value.setting import ALL_RANDOM, ALL_SYSTEM, ARMS, SPLIT
from benchmarks.value.yardstick import Yardsticks, segments
from ml.entities import Option
from ml.response.model import ResponseModel
from ml.response.scores import Scores

EXACT: Final = {"value_share": 0.0}
LIKELY: Final = 1000.0
"""Money that the fixed split's team imagines for a likely buyer: so much that no channel's cost keeps it from spending."""


@dataclass(frozen=True, eq=False)
class Day:
    """A morning: the workspace, its view, and the market outside.

    Attributes:
        shop: The workspace.
        seen: The day's view.
        outside: The market; only judges and yardsticks ask it.
        recipients: `dim_recipients`: customer_id, contact_ids.
    """

    shop: Shop
    seen: Seen
    outside: Outside
    recipients: pd.DataFrame

    def worth(self, options: list[Option]) -> np.ndarray:
        """True worth of each option for everybody in the view, float64 [N, O]."""
        return self.outside.worth_of(self.seen.customers["customer_id"], self.recipients, options, self.seen.on)


@dataclass(frozen=True)
class Policy:
    """A policy by name.

    Attributes:
        arms: Shares of the arms.
        exploration: What differs from the shop's.
        channel_caps: Shares of money by channel.
        learns: Whether it trains as the days go by.
        uses_past: Whether campaigns before the first cycle count.
    """

    arms: Mapping[str, float] = field(default_factory=lambda: dict(ALL_SYSTEM))
    exploration: Mapping[str, float] = field(default_factory=lambda: dict(EXACT))
    channel_caps: Mapping[str, float] | None = None
    learns: bool = False
    uses_past: bool = True


POLICIES: Final[dict[str, Policy]] = {
    "nothing": Policy(),
    "random": Policy(arms=ALL_RANDOM, exploration={"value_share": 0.0, "random_contact_share": 0.5}),
    "fixed": Policy(channel_caps=SPLIT),
    "rules": Policy(),
    "wayfinder": Policy(arms=ARMS, exploration={}, learns=True),
    "cold": Policy(arms=ARMS, exploration={}, learns=True, uses_past=False),
    "told": Policy(arms=ARMS, exploration={}, learns=True),
    "same": Policy(),
    "same-arms": Policy(arms=ARMS),
    "truth": Policy(),
}


def scores_of(name: str, day: "Day", sticks: Yardsticks) -> Scores:
    """What a policy believes of everybody on a day."""
    shop, seen = day.shop, day.seen
    options = shop.configuration.actions.options()
    if name in {"wayfinder", "cold", "random"}:
        return believed(shop, seen)
    if name == "fixed":
        return fixed(shop, seen, sticks.fixed_offer)
    if name == "rules":
        return _scores(seen, options, sticks.by_segment(segments(seen.customers), options, seed=shop.seed))
    if name in {"same", "same-arms"}:
        return _scores(seen, options, sticks.expected(seen.customers, options))
    if name == "truth":
        return _scores(seen, options, day.worth(options))
    raise ValueError(f"policy {name!r}: there are {', '.join(POLICIES)}")


@dataclass
class Told:
    """Who is told of a planted change.

    Attributes:
        channel: That changes.
        times: So many times what it moved.
        on: From this day on.
    """

    channel: str
    times: float
    on: date
    _before: ResponseModel | None = None

    @classmethod
    def of(cls, shift: str) -> "Told":
        """Of `DAY:CHANNEL=FACTOR`."""
        on, _, what = shift.partition(":")
        channel, _, times = what.partition("=")
        return cls(channel, float(times), date.fromisoformat(on))

    def scores(self, shop: Shop, seen: Seen) -> Scores:
        """What the champion says, and of the channel that changed what it said before, so many times."""
        now = believed(shop, seen)
        if seen.on < self.on:
            return now
        self._before = self._before or shop.model
        before = believed(replace(shop, model=self._before), seen)
        is_changed = np.array([option.channel == self.channel for option in now.options])
        uplift = np.where(is_changed, np.float32(self.times) * before.uplift, now.uplift)
        doubt = np.where(is_changed, np.float32(self.times) * before.uplift_sd, now.uplift_sd)
        propensity = np.clip(now.baseline[:, None] + uplift, 0, 1)
        return replace(now, uplift=uplift, uplift_sd=doubt, propensity=propensity)


def fixed(shop: Shop, seen: Seen, offer: str) -> Scores:
    """The fixed split's belief: the likeliest buyers first, all with one offer."""
    options, likely = shop.configuration.actions.options(), believed(shop, seen).baseline
    offered = np.array([option.offer_id == offer for option in options])
    return _scores(seen, options, np.where(offered, LIKELY * likely[:, None], -1.0))


def _scores(seen: Seen, options: list[Option], worth: np.ndarray) -> Scores:
    return Scores.of_worth(seen.customers["customer_id"].to_numpy(), options, worth)
