"""The response model with and without a group of features, judged by what its choices truly bring at the same spend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.signals.known import Known
from benchmarks.signals.lived import Lived
from market.truth import effects_table
from market.words import CHANNELS
from ml.configuration import Configuration
from ml.entities import Option
from ml.policy.offers import expected_redemptions, offer_prices, saved_discounts
from ml.policy.value import contact_costs
from ml.response.model import ResponseModel
from ml.training import trustworthy

GROUPS: Mapping[str, tuple[str, ...]] = {
    "hours": ("preferred_hour", "open_morning_", "open_noon_", "open_evening_"),
    "voice readings": ("last_intent", "last_objection", "last_sentiment", "days_since_last_objection"),
    "scans": ("days_since_last_scan",),
    "fatigue": ("wear", "touch_", "days_since_last_touch", "email_sent_"),
    "ad engagement": ("ad_impression_", "ad_click_", "days_since_last_ad_click"),
    "conversation": ("days_since_last_offer", "last_touch_channel", "response_", "last_call_", "answered_call_"),
    "attributes": ("attr_",),
}
"""Columns of each signal by the beginning of their names."""


@dataclass(frozen=True)
class Field:
    """Whom a day's money can be spent on: N people and O options.

    Attributes:
        options: Channels and offers.
        allowed: bool [N, O], by consent.
        truth: float64 [N, O], margin that a contact truly adds, less its cost.
        cost: float64 [O], of a contact.
        budget: Money of the day.
    """

    options: tuple[Option, ...]
    allowed: np.ndarray
    truth: np.ndarray
    cost: np.ndarray
    budget: float

    def choose(self, value: np.ndarray) -> np.ndarray:
        """Each person's best option by `value` [N, O] at the price of money that keeps to the budget; -1 for none.

        The price is found by bisection; a value has the contact's cost deducted already.
        """
        value = np.where(self.allowed, value, -np.inf)
        low, high = 0.0, float(np.nanmax(value / np.maximum(self.cost, 1e-9), initial=1.0))
        if self._spend(self._best(value, 0.0)) <= self.budget:
            return self._best(value, 0.0)
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self._spend(self._best(value, middle)) > self.budget else (low, middle)
        return self._best(value, high)

    def brings(self, chosen: np.ndarray, among: np.ndarray | None = None) -> float:
        """True net margin of choices [N] for 1,000 people, of those `among` [N] where given."""
        gained = np.where(chosen >= 0, self.truth[np.arange(len(chosen)), np.maximum(chosen, 0)], 0.0)
        return float(gained.mean() if among is None else gained[among].mean()) * 1000

    def _best(self, value: np.ndarray, price: float) -> np.ndarray:
        after = value - price * self.cost
        best = after.argmax(axis=1)
        return np.where(after[np.arange(len(best)), best] > 0, best, -1)

    def _spend(self, chosen: np.ndarray) -> float:
        return float(self.cost[chosen[chosen >= 0]].sum())


def field_of(lived: Lived, known: Known, configuration: Configuration, budget_each: float) -> Field:
    """The day after the waves: the same people, the truth about each option, and a budget for each person."""
    options = tuple(configuration.actions.options())
    offers = list(dict.fromkeys(option.offer_id for option in options))
    days = configuration.policy.training.horizon_days
    table = effects_table(lived.world, lived.state, lived.day, days, offers)
    margin = table["margin_effect"].to_numpy().reshape(len(CHANNELS), len(offers), -1)
    place = [(CHANNELS.index(option.channel), offers.index(option.offer_id)) for option in options]
    cost = contact_costs(options, configuration.actions).astype(np.float64)
    truth = np.stack([margin[channel, offer] for channel, offer in place], axis=1)[known.person] - cost
    able = lived.state.may_contact[known.person]
    allowed = np.stack([able[:, channel] for channel, _ in place], axis=1)
    return Field(options, allowed, truth, cost, budget_each * len(known.person))


def value_of(model: ResponseModel, customers: pd.DataFrame, configuration: Configuration, field: Field) -> np.ndarray:
    """Net margin that a model expects of each option, float64 [N, O]."""
    scores = model.score(customers, field.options)
    redeemed = expected_redemptions(scores, configuration.actions, configuration.policy.training.horizon_days)
    price = offer_prices(scores.options, configuration.actions)
    offer = redeemed * np.maximum(price - saved_discounts(scores), 0)
    return np.asarray(scores.uplift * scores.amount[:, None] - offer - field.cost, dtype=np.float64)


def without(training: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The rows without the columns whose names begin so."""
    return training.drop(columns=[column for column in training.columns if column.startswith(tuple(names))])


def fit(training: pd.DataFrame, field: Field, *, seed: int, threads: int) -> ResponseModel:
    """The pipeline's model on the rows that it would trust."""
    return ResponseModel.fit(trustworthy(training), field.options, seed=seed, threads=threads)
