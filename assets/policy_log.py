"""A logged day as a log of drawn actions with what came of them, to value any policy on (`ml.evaluation.off_policy`).

Its people are those whom only the system arm could contact: what it did was drawn with the probabilities that the day's
stored problem gives again to the bit. People with a part that was withheld, or changed within the day, are as they ended:
a withheld contact is none, and whoever was decided anew is left out. An action is an objective's channel with an offer: which
creative shows it is drawn apart, alike under every policy.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from assets.cycles import CHANCES
from assets.duck import query
from assets.frames import withdrawn
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.allocation.problem import Problem
from ml.allocation.stored import StoredProblem, load
from ml.configuration import Configuration
from ml.entities import CHANNELS, NONE
from ml.evaluation.off_policy import Log, Vector


class LogError(RuntimeError):
    """A day can't be a log; the message says why."""


@dataclass(frozen=True, eq=False)
class DayLog:
    """A day's rows, one a person. Action 0 is to be left alone, the others are the problem's columns.

    Attributes:
        person: int [n], position of each row's person in the day's problem.
        rows: What was done, how likely it was, and the margin within the horizon less the contact's cost.
        logging: float [n, 1 + C], probabilities with which the day drew.
        withheld: int, columns that were never released: doing them is doing nothing.
    """

    person: npt.NDArray[np.int64]
    rows: Log
    logging: Vector
    withheld: npt.NDArray[np.int64]

    def as_released(self, policy: Vector) -> Vector:
        """Probabilities of the rows' people under a policy, were the same part of it withheld, float [n, 1 + C].

        Args:
            policy: float [N, 1 + C], of everybody in the problem.
        """
        return _without(policy[self.person], self.withheld)


def dense(problem: Problem, chance: Vector) -> Vector:
    """Probability of every action of every person, float [N, 1 + C].

    Args:
        problem: The problem, of one contact a person at most.
        chance: float [M], of each candidate.
    """
    candidates, count = problem.candidates, _column_count(problem)
    found = np.zeros((candidates.people_count, 1 + count))
    person = np.repeat(np.arange(candidates.people_count), np.diff(candidates.starts))
    np.add.at(found, (person, candidates.column.astype(np.int64) % count + 1), chance)
    found[:, 0] = np.clip(1 - found[:, 1:].sum(axis=1), 0, 1)
    return found


def _column_count(problem: Problem) -> int:
    """Columns, each once whether or not contacts through it are also made to learn."""
    return len(problem.columns) // (1 if problem.columns.is_exploring is None else 2)


def logged_chances(stored: StoredProblem, *, threads: int) -> Vector:
    """Chance of each candidate with which a stored day drew, float [M]; 1 and 0 where it took the exact plan."""
    chance = np.zeros(len(stored.problem.candidates))
    if stored.drawn is None:
        chosen = stored.allocation.chosen
        chance[chosen[chosen >= 0]] = 1.0
        return chance
    plan = stored.drawn.plan(stored.problem, stored.allocation, threads=threads)
    if plan is None or plan.temperature != stored.drawn.temperature:
        raise LogError(
            "the day's probabilities don't come out again as they were drawn (other versions of the libraries?): see "
            "`wayfinder what-if` without --set"
        )
    return np.clip(plan.probability, 0.0, 1.0)


def day_log(home: Home, ledger: Ledger, configuration: Configuration, day: date, *, threads: int) -> DayLog:
    """Read a day.

    Args:
        home: The workspace.
        ledger: For what was withheld, and the newest published data.
        configuration: For the horizon, the time zone and what contacts cost.
        day: A day whose horizon is over.
        threads: Cores to use.

    Raises:
        LogError: Its horizon isn't over in the published data, a person could get several contacts, or it doesn't come
            out again.
    """
    folder = home.cycle(day.isoformat())
    decisions = pd.read_parquet(folder / "decisions.parquet")
    stored, sales = load(folder), _sales(home, ledger, configuration, day)
    if decisions.loc[decisions["channel"] != NONE, "customer_id"].duplicated().any():
        raise LogError(f"{day}: some people got several contacts, whose joint probabilities aren't logged")
    problem, columns = stored.problem, stored.problem.columns
    mine = decisions.drop_duplicates("customer_id")
    mine = mine[~mine["customer_id"].isin(_others(home, decisions, folder.name))].reset_index(drop=True)
    mine, person = _known(stored, mine)
    count = _column_count(problem)
    names = {name: column + 1 for column, name in enumerate(columns.names[:count])}
    done = mine["objective_id"] + "/" + mine["channel"] + ":" + mine["offer_id"]
    action = np.where(mine["channel"] == NONE, 0, done.map(names).fillna(-1)).astype(np.int64)
    part = ledger.plans.withheld(day.isoformat())
    pairs = zip(columns.objective[:count], columns.channel[:count], strict=True)
    keys = [(columns.objectives[j], CHANNELS[c]) for j, c in pairs]
    withheld = np.flatnonzero([False, *(key in part for key in keys)])
    logging = _without(dense(problem, logged_chances(stored, threads=threads))[person], withheld)
    action = np.where(np.isin(action, withheld), 0, action)
    cost = np.concatenate([[0.0], columns.unit_cost[:count]])
    reward = mine["customer_id"].map(sales).fillna(0.0).to_numpy(dtype=float) - cost[np.maximum(action, 0)]
    propensity = logging[np.arange(len(action)), np.maximum(action, 0)]
    kept = (action >= 0) & (propensity > 0)
    rows = Log(action[kept], np.minimum(propensity[kept], 1.0), reward[kept])
    return DayLog(person[kept], rows, logging[kept], withheld)


def _known(stored: StoredProblem, mine: pd.DataFrame) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Decisions of people whom the problem had a choice for, and their places in it."""
    hashes = pd.util.hash_pandas_object(mine["customer_id"], index=False).to_numpy().astype(np.uint64)
    order = np.argsort(stored.people)
    place = np.minimum(np.searchsorted(stored.people[order], hashes), len(order) - 1)
    person = order[place]
    is_known = (stored.people[person] == hashes) & (np.diff(stored.problem.candidates.starts)[person] > 0)
    return mine[is_known], person[is_known]


def _without(policy: Vector, withheld: npt.NDArray[np.int64]) -> Vector:
    found = policy.copy()
    found[:, 0] += found[:, withheld].sum(axis=1)
    found[:, withheld] = 0.0
    return found


def _others(home: Home, decisions: pd.DataFrame, cycle_id: str) -> set[str]:
    """People whom a randomized arm could have contacted, or who were decided anew within the day."""
    chances, revisions = pd.read_parquet(home.cycle(cycle_id) / CHANCES), sorted(home.root.glob(f"cycles/{cycle_id}.*"))
    changed = {name for later in revisions for name in withdrawn(later)}
    anew = decisions.loc[decisions["decision_id"].isin(changed), "customer_id"]
    later = [
        pd.read_parquet(one / "decisions.parquet", columns=["customer_id"])["customer_id"]
        for one in revisions
        if (one / "decisions.parquet").exists()
    ]
    return set(chances.loc[chances["is_randomized"], "customer_id"]).union(anew, *later)


def _sales(home: Home, ledger: Ledger, configuration: Configuration, day: date) -> pd.Series:
    """Margin of each customer's purchases within the horizon."""
    horizon = timedelta(days=configuration.policy.training.horizon_days)
    zone = ZoneInfo(configuration.policy.time_zone)
    begins, ends = (datetime.combine(on, time(), zone).astimezone(UTC) for on in (day, day + horizon))
    generation = ledger.generations.latest()
    if generation is None or date.fromisoformat(generation[:10]) < day + horizon:
        raise LogError(
            f"{day}: what came of it isn't known before {day + horizon}, when its {horizon.days} days are over and a cycle "
            "has published the data: ask again then"
        )
    sold = query(
        "select customer_id, sum(coalesce(margin, 0)::decimal(18, 4))::double as margin from read_parquet($path) "
        "where converted_at >= $begins and converted_at < $ends group by all",
        path=str(home.generation(generation) / "fct_conversions.parquet"),
        begins=begins.replace(tzinfo=None),
        ends=ends.replace(tzinfo=None),
    )
    return pd.Series(sold["margin"].to_numpy(dtype=float), index=sold["customer_id"])
