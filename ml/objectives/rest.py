r"""The rest of a period as a problem of the allocation's own kind: the same values, limits scaled to the days left.

A *round* is the time within which the policy lets a person be contacted once: \(L = 1 / \min(k, m / d)\) days, with k
contacts a cycle and the tightest cap over all channels of m contacts in d days. H days have R = H / L rounds. The n people
of the problem stand for N, so one contact in it stands for \(S = R N / n\) over the rest, and a limit on the rest is divided
by S: money left, capacity a day times H, units still missing. A channel with a cap of its own (m contacts in d days) is
open to a share L m / d of people in a round, in turn, so that the caps of two channels don't fall on the same round.

What it leaves out: who joins the audience and who leaves it (today's people stand for those of every day), the arms other
than `system`, caps that bind only over several channels together, and hours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ml.allocation.candidates import Candidates, Columns
from ml.allocation.kernel import F64
from ml.allocation.problem import Problem, Rows
from ml.allocation.terms import (
    ChannelBudget,
    ChannelCapacity,
    ChannelSpendShare,
    ContactLimit,
    ContactVolume,
    ObjectiveBudget,
    Term,
    TotalBudget,
)
from ml.configuration.policy import FrequencyCap
from ml.entities import CHANNELS, Channel
from ml.policy.frequency import most_a_day
from ml.policy.value import ValueTable

_GOLDEN = 0.6180339887498949
"""Its multiples, less their whole part, are spread evenly however many are taken (Weyl)."""


@dataclass(frozen=True)
class DayLimits:
    """What a day allows, over all objectives.

    Attributes:
        total: Money; None where nothing caps it.
        channels: Money by channel, where capped.
        capacity: Contacts by channel.
        spend_share: Largest share of one channel in all spend.
        caps: How often a person may be contacted.
        contacts: Contacts of a person in a cycle.
        floors: Fewest contacts by channel.
    """

    total: float | None
    channels: Mapping[str, float]
    capacity: Mapping[str, float]
    spend_share: float
    caps: Sequence[FrequencyCap]
    contacts: int
    floors: Mapping[Channel, float] = field(default_factory=dict)

    @cached_property
    def contacts_a_day(self) -> float:
        """Most contacts of a person a day in the long run, over all channels."""
        return most_a_day(self.contacts, self.caps)

    def contacts_a_day_by(self, channel: Channel) -> float:
        """Most contacts of a person a day in the long run through one channel."""
        return min([1.0, *(cap.max / cap.days for cap in self.caps if cap.covers(channel))])


@dataclass(frozen=True, eq=False)
class People:
    """The people that stand for all, and what a contact of each would cause.

    Attributes:
        table: Values of n people; frequency caps and windows of the day left aside in `allowed`.
        stands_for: People that each of them stands for, N / n.
        unit: By objective, units that a conversion caused counts for, float [n]: 1, or margin, or lapses averted.
        ends_once: By objective, whether a person's conversion ends what can be caused with them.
        baseline_days: Days of the model's horizon, for which its chances hold.
    """

    table: ValueTable
    stands_for: float
    unit: Mapping[str, F64]
    ends_once: Mapping[str, bool]
    baseline_days: float


@dataclass(frozen=True)
class Period:
    """The rest of an objective's period, and what is left for it.

    Attributes:
        objective_id: Whose.
        days: Days left, the day of the cycle included.
        effective_days: Days of them in which a contact's effect counts at the end.
        matures: Share of what contacts cause that comes by the end, over the days that count.
        budgets: Money left in these days, by objective.
        effect: What a contact causes, as a multiple of what the model expects, by objective.
    """

    objective_id: str
    days: int
    effective_days: float
    matures: float
    budgets: Mapping[str, float]
    effect: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Rest:
    """The problem of a rest of a period.

    Attributes:
        problem: In its own units; without the quota.
        period: Whose rest it is.
        limits: What a day allows.
        scale: Contacts, money and units over the rest for one of the problem, S.
    """

    problem: Problem
    period: Period
    limits: DayLimits
    scale: float

    def rows_like(self, rows: Rows) -> Rows:
        """The limits as rows, from those of a rest whose limits differ in their numbers only, the shares not even in these.

        The numbers stand on the right side alone, so what a contact uses need not be worked out again, which takes
        fifty times as long.
        """
        totals = self.problem.totals
        totals.contacts.value, totals.conversions.value = (
            np.zeros(totals.contacts.shape),
            np.zeros(totals.conversions.shape),
        )
        sides = [limit.constraint.args for limit in self.problem.limits]
        bound = np.array([float(right.value) - float(left.value) for left, right in sides])
        return replace(rows, bound=bound)


def rest_of_period(people: People, period: Period, limits: DayLimits) -> Rest:
    """The problem of the days left to one objective's end; all objectives compete in it.

    Args:
        people: Who stands for all.
        period: What is left of the objective's period.
        limits: What a day allows.
    """
    table = people.table
    round_days = 1.0 / limits.contacts_a_day
    rounds = period.days / round_days
    scale = rounds * people.stands_for
    columns = Columns.of(
        [(o, option, float(c)) for o in table.objectives for option, c in zip(table.options, table.contact_cost, strict=True)]
    )  # fmt: skip
    is_open = _in_turn(table, limits, round_days)
    values, allowed = table.dense("system", np.ones(len(table.uplift), dtype=bool))
    allowed &= np.tile(is_open[:, table.channel], len(table.objectives))
    parts = [_units(people, period, j, rounds) for j in range(len(table.objectives))]
    units = np.concatenate(parts, axis=1).astype(np.float32) if parts else values
    candidates = Candidates.from_dense(values, allowed, units)
    return Rest(Problem(candidates, columns, _terms(table, period, limits, scale)), period, limits, scale)


def _in_turn(table: ValueTable, limits: DayLimits, round_days: float) -> np.ndarray:
    """Bool [n, 8]: the channels that are open to each person in the round that the problem stands for."""
    count, start = len(table.uplift), 0.0
    place = np.arange(count) * _GOLDEN % 1.0
    is_open = np.ones((count, len(CHANNELS)), dtype=bool)
    used = {option.channel for option in table.options}
    for channel in (name for name in CHANNELS if name in used):  # a set's own order changes from run to run
        share = limits.contacts_a_day_by(channel) * round_days
        if share < 1 - 1e-9:
            is_open[:, CHANNELS.index(channel)] = (place - start) % 1.0 < share
            start += share
    return is_open


def _units(people: People, period: Period, j: int, rounds: float) -> F64:
    r"""Units that a contact causes on average over the rounds, float [n, O].

    A person who converts has nothing left to cause where the metric counts people. With chances b untouched and b + u
    contacted, of a round, contacts in all R rounds cause \((1-b)^R - (1-b-u)^R\), which is less than \(R u\); the mean
    of a round stands for every contact, however few a person gets: too low for those.
    """
    table, objective = people.table, people.table.objectives[j]
    uplift = table.uplift.astype(np.float64) * period.effect.get(objective, 1.0)
    share = period.effective_days / period.days
    if people.ends_once[objective]:
        effective = max(1.0, rounds * share)
        baseline = (
            np.minimum(table.baseline.astype(np.float64), 1.0)[:, None] * period.days / rounds / people.baseline_days
        )
        stays = np.clip(1 - baseline, 0.0, 1.0)
        left = stays**effective - np.clip(stays - np.maximum(uplift, 0.0), 0.0, 1.0) ** effective
        uplift = np.where(uplift > 0, np.minimum(uplift, left / effective), uplift)
    return np.asarray(uplift * people.unit[objective][:, None] * share * period.matures, dtype=np.float64)


def _terms(table: ValueTable, period: Period, limits: DayLimits, scale: float) -> list[Term]:
    used = [channel for channel in CHANNELS if any(option.channel == channel for option in table.options)]
    terms: list[Term] = [ContactLimit(1)]
    if limits.total is not None:
        terms.append(TotalBudget(limits.total * period.days / scale))
    terms += [ObjectiveBudget(o, period.budgets[o] / scale) for o in table.objectives if o in period.budgets]
    terms += [ChannelBudget(c, maximum=limits.channels[c] * period.days / scale) for c in used if c in limits.channels]
    terms += [ChannelCapacity(c, limits.capacity[c] * period.days / scale) for c in used if c in limits.capacity]
    if len(used) > 1 and limits.spend_share < 1:
        terms += [ChannelSpendShare(c, limits.spend_share) for c in used]
    return [
        *terms,
        *(ContactVolume(channel=c, minimum=n * period.days / scale) for c, n in limits.floors.items() if c in used),
    ]
