"""What a plan does and whom it leaves alone, in one table.

Definitions. *People* are persons, each counted once, by the category of their decision. *Spend* is what contacts cost.
*Saving* is what contacting the people left alone would have cost, each with the option that was best for them: contact
cost plus expected offer cost. It is a saving only where the plan had the choice, so it stands for `would_act_anyway`
and `not_worth_contact` alone. *Value given up* is the net value that those contacts would have had: where it is
negative, leaving them alone earns as much.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.entities import CHANNELS
from ml.policy.categories import CONTACTED, LEFT_ALONE, LeftAlone
from ml.policy.choices import Choices
from ml.policy.value import ValueTable


@dataclass(frozen=True)
class CategoryLine:
    """One line of the table; money in the workspace's currency."""

    category: str
    people: int
    contacts: int
    spend: float
    saving: float
    value_given_up: float


@dataclass(frozen=True)
class Summary:
    """What a plan adds up to.

    Attributes:
        lines: One a category, in the order of `CONTACTED` and `LEFT_ALONE`.
        people: People in any audience.
        contacted: People contacted.
        contacts_by_channel: Contacts, channels without any left out.
        spend_by_channel: Contact cost.
        spend_by_objective: Contact cost.
        people_by_objective: People contacted.
        offer_cost: Expected cost of offers.
        value: Expected net value of all contacts.
    """

    lines: tuple[CategoryLine, ...]
    people: int
    contacted: int
    contacts_by_channel: dict[str, int]
    spend_by_channel: dict[str, float]
    spend_by_objective: dict[str, float]
    people_by_objective: dict[str, int]
    offer_cost: float
    value: float

    @property
    def spend(self) -> float:
        """Cost of all contacts."""
        return float(sum(self.spend_by_channel.values()))

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for `plan.json`."""
        return {**asdict(self), "spend": self.spend}


def summarize(table: ValueTable, chosen: Choices, category: np.ndarray, alone: LeftAlone) -> Summary:
    """Add up a plan.

    Args:
        table: Values.
        chosen: All contacts.
        category: object [K], their categories.
        alone: Everybody else.
    """
    cost = table.contact_cost[chosen.option].astype(np.float64)
    channel = table.channel[chosen.option]
    contacts = np.bincount(channel, minlength=len(CHANNELS))
    spend = np.bincount(channel, weights=cost, minlength=len(CHANNELS))
    spend_for = np.bincount(chosen.objective, weights=cost, minlength=len(table.objectives))
    contacted = [np.unique(chosen.person[chosen.objective == j]) for j in range(len(table.objectives))]
    everybody = len(np.unique(chosen.person))
    return Summary(
        lines=(*_contacted_lines(chosen, category, cost), *_left_alone_lines(table, alone)),
        people=everybody + len(alone.person),
        contacted=everybody,
        contacts_by_channel={c: int(contacts[i]) for i, c in enumerate(CHANNELS) if contacts[i]},
        spend_by_channel={c: float(spend[i]) for i, c in enumerate(CHANNELS) if contacts[i]},
        spend_by_objective={o: float(spend_for[j]) for j, o in enumerate(table.objectives)},
        people_by_objective={o: len(contacted[j]) for j, o in enumerate(table.objectives)},
        offer_cost=float(table.offer_cost[chosen.person, chosen.option].sum(dtype=np.float64)),
        value=_value(table, chosen.person, chosen.objective, chosen.option),
    )


def _contacted_lines(chosen: Choices, category: np.ndarray, cost: np.ndarray) -> list[CategoryLine]:
    first = np.zeros(len(chosen), dtype=bool)
    first[np.unique(chosen.person, return_index=True)[1]] = True
    lines = []
    for name in CONTACTED:
        rows = category == name
        lines.append(CategoryLine(name, int((rows & first).sum()), int(rows.sum()), float(cost[rows].sum()), 0.0, 0.0))
    return lines


def _left_alone_lines(table: ValueTable, alone: LeftAlone) -> list[CategoryLine]:
    lines = []
    for name in LEFT_ALONE:
        of_category = alone.category == name
        rows = np.flatnonzero(of_category & (alone.option >= 0)) if name in LEFT_ALONE[:2] else np.zeros(0, np.int64)
        person, option = alone.person[rows], alone.option[rows]
        saving = table.contact_cost[option].sum(dtype=np.float64) + table.offer_cost[person, option].sum(
            dtype=np.float64
        )
        given_up = _value(table, person, alone.objective[rows], option)
        lines.append(CategoryLine(name, int(of_category.sum()), 0, 0.0, float(saving), given_up))
    return lines


def _value(table: ValueTable, person: np.ndarray, objective: np.ndarray, option: np.ndarray) -> float:
    net = table.uplift[person, option] * table.unit_value[person, objective] - table.cost[person, option]
    return float(net.sum(dtype=np.float64))
