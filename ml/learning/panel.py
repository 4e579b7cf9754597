"""The people randomized for one objective, and what they bought before and since: what every lift is counted on.

Covariates are of purchases before the person's own assignment, so nothing that an arm does can change them: count and
margin of the last 30, 90 and 365 days on a logarithmic scale, and the lifecycle that these make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import ARMS
from ml.policy.hashing import digests

Measure = Literal["conversion", "margin"]
MEASURES: Final[tuple[Measure, ...]] = ("conversion", "margin")
WINDOWS: Final = (30, 90, 365)
LIFECYCLE_DAYS: Final = (60, 90)
"""Days since the last purchase at which a buyer becomes lapsing, and lapsed; a scale for covariates, not a rule."""
FOLDS: Final = 5
DAY: Final = 86_400_000_000

Vector = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Panel:
    """N people of an objective in the order of their assignment, and P purchases since, in the order of time.

    Attributes:
        arm: Positions in `ARMS` [N].
        assigned_at: Microseconds since 1970, UTC, ascending [N].
        covariates: Of the time before assignment [N, C].
        fold: Part of the people, for cross-fitting [N].
        cost: Money spent on contacts for the objective so far [N].
        segment: As of assignment, object [N].
        buyer: Row of the person who bought [P].
        bought_at: Microseconds since 1970, ascending; never before the buyer's assignment [P].
        margin: Of the purchase, money [P].
    """

    arm: npt.NDArray[np.int8]
    assigned_at: Whole
    covariates: Vector
    fold: Whole
    cost: Vector
    segment: npt.NDArray[np.object_]
    buyer: Whole
    bought_at: Whole
    margin: Vector

    def assigned_before(self, until: int) -> int:
        """How many people were assigned before a moment; they are the first rows."""
        return int(np.searchsorted(self.assigned_at, until))

    def outcome(self, measure: Measure, until: int) -> Vector:
        """What those assigned before a moment did until then, by person."""
        people, purchases = self.assigned_before(until), int(np.searchsorted(self.bought_at, until))
        buyer = self.buyer[:purchases]
        if measure == "margin":
            return np.bincount(buyer, self.margin[:purchases], minlength=people)[:people].astype(np.float64)
        return (np.bincount(buyer, minlength=people)[:people] > 0).astype(np.float64)

    def only(self, kept: npt.NDArray[np.bool_]) -> "Panel":
        """Of some of the people [N]."""
        place, of_kept = np.cumsum(kept) - 1, kept[self.buyer]
        return Panel(
            arm=self.arm[kept],
            assigned_at=self.assigned_at[kept],
            covariates=self.covariates[kept],
            fold=self.fold[kept],
            cost=self.cost[kept],
            segment=self.segment[kept],
            buyer=place[self.buyer[of_kept]],
            bought_at=self.bought_at[of_kept],
            margin=self.margin[of_kept],
        )


def panel_of(people: pd.DataFrame, conversions: pd.DataFrame) -> Panel:
    """The panel of one objective.

    Args:
        people: customer_id (once each), arm, assigned_at (UTC), segment and cost.
        conversions: `fct_conversions`: customer_id, converted_at (UTC), margin (missing counts as 0). Those before
            the assignments make the covariates, so a year before the first should be there.
    """
    ordered = people.assign(at=micros(people["assigned_at"])).sort_values(["at", "customer_id"], kind="stable")
    ids, assigned_at = ordered["customer_id"].to_numpy(dtype=object), ordered["at"].to_numpy(dtype=np.int64)
    row = pd.Index(ids).get_indexer(pd.Index(conversions["customer_id"].to_numpy(dtype=object)))
    at = micros(conversions["converted_at"])
    order = np.argsort(at, kind="stable")
    order = order[row[order] >= 0]
    buyer, at = row[order].astype(np.int64), at[order]
    margin = conversions["margin"].to_numpy(dtype=np.float64, na_value=np.nan)[order]
    margin = np.nan_to_num(margin, nan=0.0)
    since = at >= assigned_at[buyer]
    return Panel(
        arm=pd.Index(ARMS).get_indexer(pd.Index(ordered["arm"])).astype(np.int8),
        assigned_at=assigned_at,
        covariates=covariates(assigned_at, buyer[~since], at[~since], margin[~since]),
        fold=(digests("lift/fold", ids)[:, 0] % np.uint64(FOLDS)).astype(np.int64) if len(ids) else np.zeros(0, int),
        cost=ordered["cost"].to_numpy(dtype=np.float64),
        segment=ordered["segment"].to_numpy(dtype=object),
        buyer=buyer[since],
        bought_at=at[since],
        margin=margin[since],
    )


def covariates(assigned_at: Whole, buyer: Whole, bought_at: Whole, margin: Vector) -> Vector:
    """Covariates of N people from their purchases before assignment [N, 9]; the arguments are those of `Panel`."""
    count = len(assigned_at)
    age = (assigned_at[buyer] - bought_at) / DAY
    columns = []
    for days in WINDOWS:
        within = age <= days
        columns.append(np.log1p(np.bincount(buyer[within], minlength=count)))
        money = np.bincount(buyer[within], margin[within], minlength=count)
        columns.append(np.sign(money) * np.log1p(np.abs(money)))
    last = np.full(count, np.inf)
    np.minimum.at(last, buyer, age)
    columns += [(last <= limit).astype(np.float64) for limit in (*LIFECYCLE_DAYS, WINDOWS[-1])]
    return np.stack(columns, axis=1)


def micros(times: pd.Series | Sequence[datetime]) -> Whole:
    """Moments as microseconds since 1970, UTC; those without a zone are UTC already."""
    moments = pd.to_datetime(pd.Series(times), utc=True).dt.tz_localize(None)
    return moments.to_numpy(dtype="datetime64[us]").astype(np.int64)
