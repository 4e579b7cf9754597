"""Why each person is contacted or left alone, as one of eight categories, and in words.

Contacted:
- `likely_with_this_offer`: no other allowed offer would make the person likelier to act.
- `likely_with_another_offer`: one would, but isn't worth what it costs.

Left alone:
- `held_out`: by their arm and not by their value: the holdout, or not drawn in the random or manual arm.
- `not_allowed`: policy allows no channel.
- `would_act_anyway`: no option adds more than it costs and takes away elsewhere, and the chance to act uncontacted is
  at least the middle chance of those whom the system contacts for the same objective.
- `not_worth_contact`: no option adds more than it costs and takes away elsewhere.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.entities import ARMS, CHANNELS
from ml.policy.choices import Choices
from ml.policy.prices import ShadowPrices
from ml.policy.reasons import Reason
from ml.policy.value import ValueTable

CONTACTED: Final = ("likely_with_this_offer", "likely_with_another_offer")
LEFT_ALONE: Final = ("would_act_anyway", "not_worth_contact", "not_allowed", "held_out")

_SYSTEM: Final = ARMS.index("system")

CATEGORY_WORDS: Final = {
    "likely_with_this_offer": "likely to act with this offer",
    "likely_with_another_offer": "likely with another offer",
    "would_act_anyway": "would act anyway",
    "not_worth_contact": "not worth the contact",
    "not_allowed": "not allowed",
    "held_out": "held out",
}
"""A category as the report and the screen say it."""


@dataclass(frozen=True, eq=False)
class LeftAlone:
    """People of an audience who get nothing, one row each.

    Attributes:
        person: int64 [L].
        objective: int64 [L], the objective under which a contact would have been worth most.
        option: int64 [L], that contact's option; -1 where none is allowed.
        category: object [L].
        reason: object [L].
    """

    person: np.ndarray
    objective: np.ndarray
    option: np.ndarray
    category: np.ndarray
    reason: np.ndarray


def contacted_category(table: ValueTable, chosen: Choices) -> np.ndarray:
    """`CONTACTED` category of each contact, object [K]."""
    offers = np.array([option.offer_id for option in table.options], dtype=object)
    codes = np.unique(offers, return_inverse=True)[1]
    another = np.zeros(len(chosen), dtype=bool)
    for j in range(len(table.objectives)):
        rows = np.flatnonzero(chosen.objective == j)
        people, option = chosen.person[rows], chosen.option[rows]
        other = table.allowed[j][people][:, table.channel] & (codes != codes[option][:, None])
        likeliest = np.where(other, table.propensity[people], -np.inf).max(axis=1, initial=-np.inf)
        another[rows] = likeliest > table.propensity[people, option]
    return np.asarray(np.where(another, CONTACTED[1], CONTACTED[0]).astype(object))


def contacted_reason(table: ValueTable, chosen: Choices) -> np.ndarray:
    """Why each contact is made, in words, object [K]."""
    words = {
        "holdout": "",
        "manual": "business as usual: the rules of the manual arm",
        "random": "drawn at random among the allowed options, so that all of them are learned about",
        "system": "worth most of what is allowed, after the prices of money and capacity",
    }
    arm = table.arm[chosen.person, chosen.objective]
    return np.asarray(np.array([words[a] for a in ARMS], dtype=object)[arm])


def left_alone(table: ValueTable, chosen: Choices, reasons: np.ndarray, price: ShadowPrices) -> LeftAlone:
    """Category and reason of everybody in an audience who isn't contacted.

    Args:
        table: Values and arms.
        chosen: All contacts.
        reasons: uint8 [N, 8], `Reason` by channel.
        price: shadow prices.
    """
    is_contacted = np.zeros(len(table.baseline), dtype=bool)
    is_contacted[chosen.person] = True
    person = np.flatnonzero((table.arm >= 0).any(axis=1) & ~is_contacted)
    objective, option, adjusted = _best_of_system(table, price)
    objective, option, adjusted = objective[person], option[person], adjusted[person]
    in_system = (table.arm[person] == _SYSTEM).any(axis=1)
    anyway = table.baseline[person] >= _middle(table, chosen)[objective]
    category = np.select(
        [~in_system, option < 0, anyway], [LEFT_ALONE[3], LEFT_ALONE[2], LEFT_ALONE[0]], LEFT_ALONE[1]
    ).astype(object)
    return LeftAlone(person, objective, option, category, _words(table, person, objective, category, reasons, adjusted))


def _best_of_system(table: ValueTable, price: ShadowPrices) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Objective, option (-1: none) and adjusted value [N] of the best contact in a system arm, else an audience."""
    n = len(table.baseline)
    if not table.objectives:
        nothing = np.full(n, -1, dtype=np.int64)
        return np.zeros(n, dtype=np.int64), nothing, np.full(n, -np.inf, dtype=np.float32)
    objective, option = np.argmax(table.arm >= 0, axis=1), np.full(n, -1, dtype=np.int64)
    adjusted = np.full(n, -np.inf, dtype=np.float32)
    system = table.arm == _SYSTEM
    objective = np.where(system.any(axis=1), np.argmax(system, axis=1), objective)
    for j in range(len(table.objectives)):
        members = np.flatnonzero(system[:, j])
        if not len(members):
            continue
        net = (
            table.uplift[members] * table.unit_value[members, j : j + 1]
            - table.cost[members]
            - price.of(table, j, members)
        )
        worth = np.where(table.allowed[j][members][:, table.channel], net, -np.inf)
        top = np.argmax(worth, axis=1)
        best = worth[np.arange(len(members)), top]
        better = best > adjusted[members]
        rows = members[better]
        adjusted[rows], option[rows], objective[rows] = best[better], top[better], j
    return objective, option, adjusted


def _middle(table: ValueTable, chosen: Choices) -> np.ndarray:
    """Median propensity of the system's contacts by objective, float [J]; infinite where it makes none."""
    is_system = table.arm[chosen.person, chosen.objective] == _SYSTEM
    middle = np.full(len(table.objectives), np.inf)
    for j in range(len(middle)):
        rows = is_system & (chosen.objective == j)
        if rows.any():
            middle[j] = np.median(table.propensity[chosen.person[rows], chosen.option[rows]])
    return middle


def _words(  # noqa: PLR0917 - one sentence, all its facts
    table: ValueTable,
    person: np.ndarray,
    objective: np.ndarray,
    category: np.ndarray,
    reasons: np.ndarray,
    adjusted: np.ndarray,
) -> np.ndarray:
    arm = np.array(
        [
            "held out, so that what contacts cause can be measured",
            "in the manual arm, whose rules leave this person alone today",
            "in the random arm, and not drawn today",
            "",
        ],
        dtype=object,
    )[table.arm[person, objective]]
    dear = np.where(
        adjusted > 0,
        "worth a contact, but others are worth more of the money or capacity that there is",
        "no allowed option adds more than it costs",
    )
    anyway = "likely to act without a contact: no option adds enough to pay for itself"
    worth = np.where(category == LEFT_ALONE[0], anyway, dear)
    return np.where(
        category == LEFT_ALONE[3], arm, np.where(category == LEFT_ALONE[2], _forbidden(reasons[person]), worth)
    )


def _forbidden(reasons: np.ndarray) -> np.ndarray:
    """The rule that stands in the way: of the first channel for which a contact detail is there, object [L]."""
    words = np.array(
        [[f"not allowed: {channel}: {reason.words}" for reason in Reason] for channel in CHANNELS], dtype=object
    )
    told = ~np.isin(
        reasons, [Reason.ALLOWED, Reason.NO_CONTACT_DETAIL, Reason.CHANNEL_NOT_IN_USE, Reason.NOT_FOR_OBJECTIVE]
    )
    channel = np.argmax(told, axis=1)
    some = words[channel, reasons[np.arange(len(reasons)), channel]]
    return np.where(told.any(axis=1), some, f"not allowed: {Reason.NO_CONTACT_DETAIL.words} for any channel")
