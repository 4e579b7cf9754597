"""What a contact is worth: uplift in money, less everything that it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ml.configuration import Configuration
from ml.configuration.actions import Actions
from ml.configuration.policy import Wear
from ml.entities import ARMS, CHANNELS, Arm, Option
from ml.journeys.follow_up import Ahead


def contact_costs(options: Sequence[Option], actions: Actions) -> np.ndarray:
    """What one contact costs by option, float32 [O]."""
    return np.array([actions.channels[option.channel].cost for option in options], dtype=np.float32)


def wear_costs(future_margin: np.ndarray, options: Sequence[Option], wear: Wear) -> np.ndarray:
    """Cost of wearing a person out, float32 [N, O]: loss_c * s * m_i.

    loss is the channel's chance that a contact ends in an unsubscribe or complaint, s the share of the future margin m
    that is lost with a channel.

    Args:
        future_margin: float [N], margin expected of the person over the next 365 days; missing counts as 0.
        options: O options.
        wear: Loss rates and the share.
    """
    loss = np.array([wear.rate(option.channel) * wear.future_margin_share for option in options], dtype=np.float32)
    margin = np.nan_to_num(np.asarray(future_margin, dtype=np.float32)).clip(min=0)
    return np.asarray(margin[:, None] * loss)


@dataclass(frozen=True, eq=False)
class ValueTable:
    """Net value of N people under O options for J objectives, computed where it is asked for.

    value_ijo = uplift_io * u_ij + ahead_io - cost_o - offer_io - wear_io

    Attributes:
        objectives: J ids.
        options: O options.
        uplift: float32 [N, O], conversions caused.
        propensity: float32 [N, O], chance of a conversion when contacted.
        baseline: float32 [N], chance of a conversion when left alone.
        unit_value: float32 [N, J], money for one conversion caused, by objective.
        contact_cost: float32 [O].
        redemptions: Times that a contact's offer is expected to be redeemed because of it, float32 [N, O].
        offer_price: float32 [O], what a redemption costs, the usual discount left aside.
        offer_saved: What a redemption saves of the usual discount, float32 [N, O].
        wear_cost: float32 [N, O].
        arm: int8 [N, J], positions in `ARMS`; -1 where the person isn't in the objective's audience.
        allowed: bool [J, N, 8], what policy allows for each objective (`eligibility.for_objective`).
        counts_money: bool [J], objectives whose quantity is money and not conversions; none without it.
        uplift_sd: float32 [N, O], standard deviation of what is known of `uplift`; 0 without it.
        ahead: What each contact makes possible, and by which follow-up; nothing without it.
    """

    objectives: tuple[str, ...]
    options: tuple[Option, ...]
    uplift: np.ndarray
    propensity: np.ndarray
    baseline: np.ndarray
    unit_value: np.ndarray
    contact_cost: np.ndarray
    redemptions: np.ndarray
    offer_price: np.ndarray
    offer_saved: np.ndarray
    wear_cost: np.ndarray
    arm: np.ndarray
    allowed: np.ndarray
    counts_money: np.ndarray | None = None
    uplift_sd: np.ndarray | None = None
    ahead: Ahead | None = None

    @cached_property
    def channel(self) -> np.ndarray:
        """Position in `CHANNELS` of each option's channel, int [O]."""
        return np.array([CHANNELS.index(option.channel) for option in self.options], dtype=np.int64)

    @cached_property
    def offer_cost(self) -> np.ndarray:
        """Expected cost of the offer beyond the usual discount that it replaces, at least 0, float32 [N, O]."""
        return np.asarray(self.redemptions * np.maximum(self.offer_price - self.offer_saved, 0))

    @cached_property
    def cost(self) -> np.ndarray:
        """Contact, offer and wear together, less what the contact makes possible, float32 [N, O]."""
        spent = self.offer_cost + self.wear_cost + self.contact_cost
        return np.asarray(spent if self.ahead is None else spent - self.ahead.value)

    def value(self, j: int) -> np.ndarray:
        """Net value for objective j, float32 [N, O], whether allowed or not."""
        return np.asarray(self.uplift * self.unit_value[:, j : j + 1] - self.cost)

    def effect(self, j: int) -> np.ndarray:
        """What a contact is expected to cause for objective j, money, float32 [N, O]."""
        return np.asarray(self.uplift * self.unit_value[:, j : j + 1])

    def effect_sd(self, j: int, least: float) -> np.ndarray:
        """Standard deviation of `effect(j)`, money, float32 [N, O]: the model's, and at least a share of the effect.

        Args:
            j: The objective.
            least: That share: what the objective's own history leaves open.
        """
        of_share = np.float32(least) * np.abs(self.effect(j))
        if self.uplift_sd is None:
            return np.asarray(of_share)
        return np.asarray(np.maximum(of_share, self.uplift_sd * self.unit_value[:, j : j + 1]))

    def quantity(self, j: int) -> np.ndarray:
        """What quotas and responses count for objective j: conversions, or money where it counts that, float32 [N, O]."""
        return self.effect(j) if self.counts_money is not None and self.counts_money[j] else self.uplift

    def is_candidate(self, j: int, arm: Arm) -> np.ndarray:
        """Bool [N, O]: people of that arm of objective j, and the options that policy allows them."""
        members = self.arm[:, j] == ARMS.index(arm)
        return np.asarray(self.allowed[j][:, self.channel] & members[:, None])

    def dense(self, arm: Arm, is_free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All objectives side by side, for the allocation: columns are objective by objective, options within.

        Args:
            arm: Whose candidates.
            is_free: bool [N], people who may still be contacted in this cycle.

        Returns:
            Net values float32 [N, J * O], and which of them are candidates, bool [N, J * O].
        """
        values = [self.value(j) for j in range(len(self.objectives))]
        candidates = [self.is_candidate(j, arm) & is_free[:, None] for j in range(len(self.objectives))]
        none = self.uplift[:, :0]  # a day without an active objective has no column
        return np.concatenate([none, *values], axis=1), np.concatenate([none.astype(bool), *candidates], axis=1)


def contact_cost_of(configuration: Configuration) -> dict[Option, float]:
    """What one contact costs, by option of the configuration."""
    return {option: configuration.actions.channels[option.channel].cost for option in configuration.actions.options()}
