"""What the `random` and `manual` arms do. They act first; the system allocates what they leave.

random: with the policy's contact share one of the allowed options, else nobody writes. An option's share is one over the
square root of what its contact costs: for the same money the effects of all options together are known best (Neyman's
allocation where units differ in cost; Cochran, Sampling Techniques, 1977, section 5.5). A call that costs as much as hundreds
of e-mails is still made, but seldom. A contact of which nothing can come within the horizon of outcomes, as a card that is on its
way for longer, would teach nothing of its effect and isn't made.
manual: business as usual. The objective's rules in order; without any, an e-mail with the cheapest offer once a week to
whoever may get it. "Once in `every_days`" is kept by giving each person a day of that round by hash, so nothing needs
to be remembered and every day has its share of the work.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml.configuration.actions import Actions
from ml.configuration.objective import ManualRule, Objective
from ml.entities import ARMS, CHANNELS, Option
from ml.objectives.audience import parse
from ml.policy.choices import Choices, no_choices
from ml.policy.hashing import digests, uniforms
from ml.policy.value import ValueTable

_LEFT_ALONE: Final = -1
_LEAST_COST: Final = 1e-4
"""Money; a contact that costs nothing isn't drawn without end."""


@dataclass(frozen=True, eq=False)
class Randomized:
    """What the randomized arms chose.

    Attributes:
        choices: Their contacts, at most one a person.
        left_alone: float64 [N], probability with which none of them contacts the person. Whatever the system then
            chooses has its own probability times this.
        chance: float64 [N, J, 8], chance of a contact by objective and channel.
    """

    choices: Choices
    left_alone: np.ndarray
    chance: np.ndarray


def default_rule(options: Sequence[Option], actions: Actions) -> ManualRule:
    """E-mail with the cheapest offer once a week; where there is no e-mail, the cheapest channel."""
    by_mail = [option for option in options if option.channel == "email"] or list(options)
    cheapest = min(
        by_mail,
        key=lambda o: (actions.channels[o.channel].cost, actions.offers[o.offer_id].cost_when_redeemed),
    )
    return ManualRule(channel=cheapest.channel, offer=cheapest.offer_id)


def randomized_choices(
    table: ValueTable,
    customers: pd.DataFrame,
    objectives: Sequence[Objective],
    actions: Actions,
    *,
    random_contact_share: float,
    horizon_days: int,
    cycle_on: date,
    seed: int,
) -> Randomized:
    """Contacts of the random and manual arms of all objectives.

    Where several objectives would contact one person the first in order does; probabilities account for it.

    Args:
        table: Arms, options and what is allowed.
        customers: `dim_customers`, the same N rows.
        objectives: The objectives of the table, in its order.
        actions: Costs, for the default rule.
        random_contact_share: Share of the random arm contacted in a cycle.
        horizon_days: Days within which outcomes are counted.
        cycle_on: The cycle's day.
        seed: Of the run; together with day, objective and customer it fixes every draw.
    """
    ids = customers["customer_id"].astype("object").to_numpy()
    left_alone, is_free = np.ones(len(ids)), np.ones(len(ids), dtype=bool)
    choices, within = no_choices(), actions.shares_within(horizon_days)
    teaches = np.array([within[option.channel] > 0 for option in table.options], dtype=bool)
    chance = np.zeros((len(ids), len(objectives), len(CHANNELS)))
    for j, objective in enumerate(objectives):
        for arm in ("random", "manual"):
            members = np.flatnonzero(table.arm[:, j] == ARMS.index(arm))
            identity = digests(f"randomized/{objective.id}", ids[members])
            draw, pick = (uniforms(identity, seed, f"{cycle_on.isoformat()}/{what}") for what in ("contact", "option"))
            allowed = table.allowed[j][members][:, table.channel]
            if arm == "random":
                drawn = _random(allowed & teaches, table.contact_cost, random_contact_share, draw, pick)
            else:
                turn = _turn(identity, cycle_on)
                drawn = _manual(allowed, table.options, customers.iloc[members], objective, actions, turn, draw)
            taken = (drawn.option >= 0) & is_free[members]
            person = members[taken]
            together = drawn.probability[taken] * left_alone[person]
            choices += Choices(person, np.full(len(person), j), drawn.option[taken], together)
            for c in range(len(CHANNELS)):
                of_channel = drawn.chances[:, table.channel == c].sum(axis=1)
                chance[members, j, c] += of_channel * left_alone[members]
            left_alone[members] *= 1 - drawn.chance
            is_free[person] = False
    return Randomized(choices, left_alone, chance)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Of M members: option chosen [M] (-1: none), its probability [M], the chance [M] that any was to be chosen, and of each [M, O]."""

    option: np.ndarray
    probability: np.ndarray
    chance: np.ndarray
    chances: np.ndarray


def _random(candidates: np.ndarray, cost: np.ndarray, share: float, draw: np.ndarray, pick: np.ndarray) -> _Drawn:
    weight = np.where(candidates, 1 / np.sqrt(np.maximum(cost.astype(np.float64), _LEAST_COST)), 0.0)
    total = weight.sum(axis=1)
    has_any = total > 0
    chance = np.where(has_any, share, 0.0)
    chances = share * weight / np.where(has_any, total, 1.0)[:, None]
    reached = np.cumsum(weight, axis=1) > (pick * total)[:, None]
    option = np.where((draw < chance) & has_any, np.argmax(reached & candidates, axis=1), _LEFT_ALONE)
    probability = chances[np.arange(len(option)), np.maximum(option, 0)]
    return _Drawn(option, probability, chance, chances)


def _manual(  # noqa: PLR0917 - one objective, all that its rules look at
    candidates: np.ndarray,
    options: Sequence[Option],
    customers: pd.DataFrame,
    objective: Objective,
    actions: Actions,
    turn: Callable[[int], np.ndarray],
    draw: np.ndarray,
) -> _Drawn:
    option = np.full(len(customers), _LEFT_ALONE, dtype=np.int64)
    share = np.zeros(len(customers))
    usable = [o for o in options if o.channel in objective.allowed_channels]
    for rule in objective.manual or ([default_rule(usable, actions)] if usable else []):
        o = options.index(Option(rule.channel, rule.offer))
        applies = candidates[:, o] & (option == _LEFT_ALONE) & parse(rule.where).mask(customers)
        option[applies], share[applies] = o, np.where(turn(rule.every_days)[applies], rule.share, 0.0)
    chances = np.where(np.arange(len(options)) == option[:, None], share[:, None], 0.0)
    return _Drawn(np.where(draw < share, option, _LEFT_ALONE), share, share, chances)


def _turn(identity: np.ndarray, cycle_on: date) -> Callable[[int], np.ndarray]:
    """Whether it's a person's day in a round of so many days, bool [N]."""
    return lambda every_days: (identity[:, 1] % np.uint64(every_days)) == cycle_on.toordinal() % every_days
