"""The randomized arms' part of a day: they act first, within the day's room, and the system has what they leave."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml.configuration import Configuration
from ml.configuration.objective import Objective
from ml.day_problem import Room
from ml.entities import ARMS, CHANNELS
from ml.knowledge import Knowledge, Moment
from ml.policy.choices import Choices
from ml.policy.randomized import Randomized, randomized_choices
from ml.policy.value import ValueTable


def randomized_on(
    moment: Moment,
    known: Knowledge,
    configuration: Configuration,
    objectives: Sequence[Objective],
    table: ValueTable,
) -> Randomized:
    """What the randomized arms do, the random arm contacting fewer where it would spend more than exploring may."""
    exploration = configuration.policy.exploration

    def at(share: float) -> Randomized:
        return randomized_choices(
            table,
            known.customers,
            objectives,
            configuration.actions,
            random_contact_share=share,
            horizon_days=configuration.policy.training.horizon_days,
            cycle_on=moment.cycle_on,
            seed=moment.seed,
        )

    found, most = at(exploration.random_contact_share), exploration.spend_per_day
    if most is None:
        return found
    cost = np.zeros(len(CHANNELS))
    cost[table.channel] = table.contact_cost
    is_random = table.arm == ARMS.index("random")
    expected = float((found.chance * is_random[:, :, None]).sum(axis=(0, 1)) @ cost)
    # A smaller share keeps each contact's chance exact; leaving out contacts that were drawn would not.
    return found if expected <= most else at(exploration.random_contact_share * most / expected)


def within(choices: Choices, table: ValueTable, room: Room) -> Choices:
    """The randomized contacts that today's limits have room for, in the order of persons.

    Persons come in no order that depends on what they are worth, so a limit that cuts them off leaves a random sample.
    """
    kept = np.ones(len(choices), dtype=bool)
    cost = table.contact_cost[choices.option].astype(np.float64)
    channel = table.channel[choices.option]
    limits = [(np.ones(len(choices), dtype=bool), cost, room.total)]
    limits += [(channel == c, cost, room.channels.get(name)) for c, name in enumerate(CHANNELS)]
    limits += [(channel == c, np.ones(len(choices)), room.capacity.get(name)) for c, name in enumerate(CHANNELS)]
    limits += [(choices.objective == j, cost, room.objectives.get(name)) for j, name in enumerate(table.objectives)]
    for where, use, limit in limits:
        if limit is not None:
            kept &= ~where | (np.cumsum(np.where(where & kept, use, 0.0)) <= limit)
    return Choices(choices.person[kept], choices.objective[kept], choices.option[kept], choices.probability[kept])


def left_by(spent: Choices, table: ValueTable, room: Room) -> Room:
    """The room that contacts leave to those that come after them."""
    cost = table.contact_cost[spent.option].astype(np.float64)
    by_channel = np.bincount(table.channel[spent.option], weights=cost, minlength=len(CHANNELS))
    contacts = np.bincount(table.channel[spent.option], minlength=len(CHANNELS))
    by_objective = np.bincount(spent.objective, weights=cost, minlength=len(table.objectives))
    return replace(
        room,
        total=None if room.total is None else max(0.0, room.total - float(cost.sum())),
        objectives={n: max(0.0, room.objectives[n] - float(by_objective[j])) for j, n in enumerate(table.objectives)},
        channels={n: max(0.0, cap - float(by_channel[CHANNELS.index(n)])) for n, cap in room.channels.items()},
        capacity={n: max(0.0, cap - float(contacts[CHANNELS.index(n)])) for n, cap in room.capacity.items()},
        spent={n: room.spent.get(n, 0.0) + float(by_channel[c]) for c, n in enumerate(CHANNELS)},
    )
