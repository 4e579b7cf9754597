"""Randomization of the customers of an objective to its arms, for good."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from ml.configuration.objective import ArmShares
from ml.entities import ARMS
from ml.policy.hashing import digests, uniforms


def assign_arms(
    customer_ids: Sequence[str] | np.ndarray, objective_id: str, shares: ArmShares, salt: str
) -> np.ndarray:
    """The arm of each customer.

    A salted hash of objective and customer decides, so that a customer is always in the same arm, the arms of two
    objectives are independent, and a new customer doesn't move an old one.

    Args:
        customer_ids: N ids.
        objective_id: The objective randomized for.
        shares: Shares of the arms; changed shares move as few customers as intervals allow. Whoever was assigned
            before keeps what the ledger says.
        salt: Kept per workspace, so that arms can't be foreseen from ids.

    Returns:
        int8 [N], positions in `ARMS`.
    """
    draw = uniforms(digests(f"arm/{objective_id}", customer_ids), 0, salt)
    return np.searchsorted(_bounds(shares), draw, side="right").astype(np.int8)


def assignment_frame(
    customer_ids: Sequence[str] | np.ndarray, objectives: Sequence[str], arm: np.ndarray, segment: np.ndarray
) -> pd.DataFrame:
    """A row for each person and objective whose audience they are in, whatever is decided for them.

    A person of several audiences has one decision at most under each, and none under some: who is compared must not depend
    on that, since it follows from their arms.

    Args:
        customer_ids: N ids.
        objectives: J objectives.
        arm: Positions in `ARMS`, -1 outside the audience [N, J].
        segment: Names of segments, object [N].

    Returns:
        customer_id, objective_id, arm, segment.
    """
    person, objective = np.nonzero(arm >= 0)
    names = np.array(ARMS, dtype=object)[arm[person, objective]]
    return pd.DataFrame(
        {
            "customer_id": np.asarray(customer_ids, dtype=object)[person],
            "objective_id": np.array(objectives, dtype=object)[objective],
            "arm": names,
            "segment": np.asarray(segment, dtype=object)[person],
        },
        dtype="str",
    )


def _bounds(shares: ArmShares) -> np.ndarray:
    return np.cumsum([getattr(shares, arm) for arm in ARMS])[:-1]


def sample_ratio_p_value(arms: np.ndarray, shares: ArmShares) -> float:
    """Chance of a split at least this uneven where assignment works as stated (Pearson's chi-square).

    Below 0.001 something loses people of one arm: no lift is to be believed until it's found.

    Args:
        arms: int8 [N], positions in `ARMS`.
        shares: The shares assigned by.
    """
    expected = np.array([getattr(shares, arm) for arm in ARMS]) * len(arms)
    observed = np.bincount(arms, minlength=len(ARMS))
    if observed[expected == 0].any():
        return 0.0
    used = expected > 0
    return float(stats.chisquare(observed[used], expected[used]).pvalue) if used.sum() > 1 and len(arms) else 1.0
