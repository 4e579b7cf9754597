"""Probabilities of what is released, where a rule over totals withholds a part of a plan.

A plan may lose whole objectives or channels between the decision and the release: a guardrail escalates them, a person
rejects them. The rule looks at totals, which a draw holds, so it takes the same part of every draw. Whoever would have
been contacted by that part gets nothing: the probability of `none` grows by just those contacts' probabilities, and
what is released keeps its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.allocation.kernel import F64, Bool, kernel
from ml.allocation.problem import Problem
from ml.entities import CHANNELS, NONE

COLUMNS: Final = ("customer_id", "objective_id", "channel", "is_randomized", "chance")


@dataclass(frozen=True, eq=False)
class Chances:
    """Chance of a contact by objective and channel, of everybody.

    Attributes:
        randomized: float64 [N, J, 8], by the random and manual arms; at most one of these contacts is made.
        system: float64 [N, J, 8], by the system arm where none of those is made; which of them come together follows
            systematic sampling along channels and, within a channel, objectives (`allocation.smooth.outcomes`).
    """

    randomized: np.ndarray
    system: np.ndarray

    def nothing(self, is_withheld: np.ndarray) -> np.ndarray:
        """Probability that nobody contacts the person once a part is withheld, float64 [N].

        For people whom a randomized arm contacts the system's choice is unknown, and taken as none.

        Args:
            is_withheld: bool [J, 8], objectives' channels that are withheld.
        """
        line = np.ascontiguousarray(self.system.transpose(0, 2, 1)).reshape(len(self.system), is_withheld.size)
        free = _uncovered(line.astype(np.float64), ~is_withheld.T.reshape(-1))
        left_alone = 1.0 - self.randomized.sum(axis=(1, 2))
        return np.asarray(np.clip(self.randomized[:, is_withheld].sum(axis=1) + left_alone * free, 0.0, 1.0))

    def frame(self, customer_ids: Sequence[str] | np.ndarray, objectives: Sequence[str]) -> pd.DataFrame:
        """A row a chance above 0, with the columns `COLUMNS`, to be kept with the decisions."""
        parts = []
        for is_randomized, table in ((True, self.randomized), (False, self.system)):
            person, objective, channel = np.nonzero(table)
            names = (np.asarray(customer_ids, dtype=object), np.array(objectives, dtype=object))
            values = (names[0][person], names[1][objective], np.array(CHANNELS, dtype=object)[channel])
            parts.append(pd.DataFrame(dict(zip(COLUMNS[:3], values, strict=True))))
            parts[-1]["is_randomized"], parts[-1]["chance"] = is_randomized, table[person, objective, channel]
        return pd.concat(parts, ignore_index=True)


def released_propensity(
    decisions: pd.DataFrame, chances: pd.DataFrame, withheld: Collection[tuple[str, str]]
) -> pd.Series:
    """Logging propensities of what is done once a part of a plan is withheld.

    Args:
        decisions: Of a cycle, with customer_id, objective_id, channel and logging_propensity.
        chances: As `Chances.frame` gives them, of the same cycle.
        withheld: (objective_id, channel) of every part that isn't released.

    Returns:
        By the decisions' index: of a contact that is released what it was; of a person who gets nothing, the
        probability of that; NaN for a withheld contact of a person who gets another one, which leaves nothing to log.
    """
    customers, person = np.unique(decisions["customer_id"].to_numpy(dtype=object), return_inverse=True)
    objectives = sorted(set(chances["objective_id"]) | {objective for objective, _ in withheld})
    is_withheld = np.zeros((len(objectives), len(CHANNELS)), dtype=bool)
    for objective, channel in withheld:
        is_withheld[objectives.index(objective), CHANNELS.index(channel)] = True
    nothing = _of_frame(chances, customers, objectives).nothing(is_withheld)[person]
    part = pd.MultiIndex.from_arrays([decisions["objective_id"], decisions["channel"]])
    is_out = part.isin(list(withheld)) if withheld else np.zeros(len(decisions), dtype=bool)
    is_released = (decisions["channel"] != NONE).to_numpy() & ~is_out
    is_contacted = np.zeros(len(customers), dtype=bool)
    is_contacted[person[is_released]] = True
    alone = np.where(is_contacted[person], np.nan, nothing)
    return pd.Series(np.where(is_released, decisions["logging_propensity"], alone), decisions.index)


def _of_frame(chances: pd.DataFrame, customers: np.ndarray, objectives: Sequence[str]) -> Chances:
    known = chances[chances["customer_id"].isin(customers)]
    place = (
        np.searchsorted(customers, known["customer_id"].to_numpy(dtype=object)),
        np.array([objectives.index(name) for name in known["objective_id"]], dtype=np.int64),
        np.array([CHANNELS.index(name) for name in known["channel"]], dtype=np.int64),
    )
    tables = np.zeros((2, len(customers), len(objectives), len(CHANNELS)))
    np.add.at(tables, (known["is_randomized"].to_numpy(dtype=bool).astype(np.int64), *place), known["chance"])
    return Chances(tables[1], tables[0])


@kernel
def _uncovered(line: F64, is_kept: Bool) -> F64:
    """Share of offsets at which systematic sampling hits no segment that is kept [N]; lengths are [N, L]."""
    people, count = line.shape
    free = np.ones(people)
    ends, cuts = np.zeros(count + 1), np.empty(count + 2)
    for i in range(people):
        used = 0
        for m in range(count):
            ends[m + 1] = ends[m] + line[i, m]
            if line[i, m] > 0.0:
                cuts[used] = ends[m + 1] - np.floor(ends[m + 1])
                used += 1
        if used == 0:
            continue
        if ends[count] <= 1.0:  # segments don't overlap
            for m in range(count):
                free[i] -= line[i, m] if is_kept[m] else 0.0
            continue
        cuts[used], cuts[used + 1] = 0.0, 1.0
        at = np.sort(cuts[: used + 2])
        free[i] = 0.0
        for c in range(used + 1):
            middle = (at[c] + at[c + 1]) / 2
            hit = False
            for m in range(count):
                hit = hit or (is_kept[m] and np.ceil(ends[m] - middle) + middle < ends[m + 1])
            free[i] += 0.0 if hit else at[c + 1] - at[c]
    return free


def by_channel(problem: Problem, chance: np.ndarray, objectives: int) -> np.ndarray:
    """Chances of candidates added up by person, objective and channel, float64 [N, J, 8]."""
    candidates, columns = problem.candidates, problem.columns
    shape = (candidates.people_count, objectives, len(CHANNELS))
    if not len(columns):
        return np.zeros(shape)
    person = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
    part = (columns.objective * len(CHANNELS) + columns.channel)[candidates.column]
    size = objectives * len(CHANNELS)
    return np.bincount(person * size + part, weights=chance, minlength=np.prod(shape)).reshape(shape)
