"""Lift: the difference between arms in what people bought since they were assigned.

Counted on orders and store purchases by assignment, whoever was contacted (intention to treat), never on attributed
events. The difference of two arms' means per person has the interval of `confidence.py`; below a stated number of
people or buyers in either arm it is "too early" and there is no figure.
"""

from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Final, Literal

import numpy as np
import pandas as pd

from ml.entities import ARMS, Arm
from ml.learning.confidence import always_valid_radius

MINIMUM_PEOPLE: Final = 100
MINIMUM_BUYERS: Final = 20
TIGHTEST_BUYERS: Final = 500.0

Measure = Literal["conversion", "margin"]

_COLUMNS: Final[dict[Measure, str]] = {"conversion": "is_converted", "margin": "margin"}


@dataclass(frozen=True)
class ArmFigures:
    """An arm's people and what they did since assignment, per person.

    Attributes:
        people: People assigned.
        buyers: Those with at least one purchase.
        mean: Of the measure per person.
        variance: Of the measure between persons.
    """

    people: int
    buyers: int
    mean: float
    variance: float


@dataclass(frozen=True)
class Lift:
    """System less another arm, per person; an interval that may be looked at daily.

    Attributes:
        objective_id: The objective randomized for.
        measure: `conversion` (share with a purchase) or `margin` (money).
        against: The arm compared with.
        system: The system arm.
        other: The arm compared with.
        difference: Per person; None where it's too early.
        low: Lower end; None where it's too early.
        high: Upper end; None where it's too early.
        words: The lift as a person would say it.
    """

    objective_id: str
    measure: Measure
    against: Arm
    system: ArmFigures
    other: ArmFigures
    difference: float | None
    low: float | None
    high: float | None
    words: str

    @property
    def is_too_early(self) -> bool:
        """Whether there is no figure yet."""
        return self.difference is None

    @property
    def total(self) -> float | None:
        """What the system caused among all of its people: difference times people; None where it's too early."""
        return None if self.difference is None else self.difference * self.system.people


def since_assignment(assignments: pd.DataFrame, conversions: pd.DataFrame, until_at: datetime) -> pd.DataFrame:
    """What each assigned person did since.

    Args:
        assignments: customer_id, objective_id, arm, assigned_at (UTC); one row a person and objective.
        conversions: `fct_conversions`: customer_id, converted_at (UTC), margin (missing counts as 0).
        until_at: Until when, exclusive, UTC.

    Returns:
        The assignments with is_converted (0 or 1) and margin (sum).
    """
    bought = conversions[["customer_id", "converted_at", "margin"]].dropna(subset=["customer_id"])
    bought = bought.assign(
        converted_at=pd.to_datetime(bought["converted_at"], utc=True), margin=bought["margin"].astype(float).fillna(0.0)
    )
    bought = bought[bought["converted_at"] < until_at]
    keyed = assignments.reset_index(drop=True)
    keyed = keyed.assign(row=np.arange(len(keyed)), assigned_at=pd.to_datetime(keyed["assigned_at"], utc=True))
    joined = keyed.merge(bought, on="customer_id")
    joined = joined[joined["converted_at"] >= joined["assigned_at"]]
    margin = joined.groupby("row")["margin"].sum().reindex(keyed["row"], fill_value=0.0).to_numpy()
    is_converted = np.isin(keyed["row"], joined["row"]).astype(float)
    return keyed.drop(columns="row").assign(is_converted=is_converted, margin=margin)


def lifts(people: pd.DataFrame, *, tightest: float = TIGHTEST_BUYERS, alpha: float = 0.05) -> list[Lift]:
    """Lift of the system arm against each other arm, by objective and measure.

    Args:
        people: As `since_assignment` gives them.
        tightest: Buyers counted at which the interval is tightest; the same at every look.
        alpha: Chance that any look misses the truth.
    """
    found = []
    for objective_id, members in people.groupby("objective_id", observed=True):
        for measure, column in _COLUMNS.items():
            figures = {arm: _figures(members[members["arm"] == arm], column) for arm in ARMS}
            for against in ARMS:
                if against != "system" and figures[against].people:
                    pair = figures["system"], figures[against]
                    found.append(compare(str(objective_id), measure, against, *pair, tightest=tightest, alpha=alpha))
    return found


def _figures(members: pd.DataFrame, column: str) -> ArmFigures:
    values = members[column].to_numpy(dtype=float)
    variance = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    buyers = int(members["is_converted"].sum())
    return ArmFigures(len(values), buyers, float(values.mean()) if len(values) else 0.0, variance)


def compare(
    objective_id: str,
    measure: Measure,
    against: Arm,
    system: ArmFigures,
    other: ArmFigures,
    *,
    tightest: float = TIGHTEST_BUYERS,
    alpha: float = 0.05,
) -> Lift:
    """Lift of one arm's figures against another's; the arguments are those of `Lift` and `lifts`."""
    early = min(system.people, other.people) < MINIMUM_PEOPLE or min(system.buyers, other.buyers) < MINIMUM_BUYERS
    if early:
        words = (
            f"too early: {other.people:,} people and {other.buyers:,} buyers in {against}, {system.people:,} and "
            f"{system.buyers:,} in system; {MINIMUM_PEOPLE} and {MINIMUM_BUYERS} are needed in each"
        )
        return Lift(objective_id, measure, against, system, other, None, None, None, words)
    difference = system.mean - other.mean
    error = sqrt(system.variance / system.people + other.variance / other.people)
    radius = always_valid_radius(error, _buyers_counted(system, other), tightest=tightest, alpha=alpha)
    low, high = difference - radius, difference + radius
    shown = "{:+.2%}" if measure == "conversion" else "{:+,.2f}"
    sure = "" if low > 0 or high < 0 else "; it may be nothing"
    words = f"{shown.format(difference)} a person against {against} ({shown.format(low)} to {shown.format(high)}){sure}"
    return Lift(objective_id, measure, against, system, other, difference, low, high, words)


def _buyers_counted(system: ArmFigures, other: ArmFigures) -> float:
    """Intrinsic time of the comparison: buyers, each weighted as they weigh in the difference's variance.

    Purchases accumulate while the people stay the same, so it is buyers and not people that tell how much was seen:
    the variance of the difference, times the smaller arm's size squared, grows with them.
    """
    smaller = min(system.people, other.people)
    return system.buyers * (smaller / system.people) ** 2 + other.buyers * (smaller / other.people) ** 2
