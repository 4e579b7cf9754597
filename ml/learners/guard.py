"""The guard: people get another action than the best one for everybody only where that is shown to be worth it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from ml.evaluation.policy_value import Estimate, mean_with_interval
from ml.learners.contract import Vector

SHARES: Final = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1)
"""Of the people for whom another action is expected to be better, the ones that are switched, largest gains first."""
FALSE_ALARM: Final = 0.05
"""Chance to leave the best constant action although no switch is better, over all shares together."""
LEAST_GIVEN: Final = 50
"""Rows that were given what everybody, or those who are switched, would get: of fewer, luck passes for an effect."""


@dataclass(frozen=True)
class GuardedPolicy:
    """One action for everybody, but for those whose expected gain by another exceeds a threshold.

    Attributes:
        constant: The action with the highest value for everybody, of those that `LEAST_GIVEN` rows have; 0 is the control.
        threshold: Expected gain in money beyond which a person is switched; infinite where no switch is shown to be worth it.
        value: Doubly robust value of the policy a person, costs deducted.
        constant_value: Of the constant action.
        gain: Of the policy over the constant action.
        values: Of every action given to everybody, the control first.
        switched_share: Share of people who are switched.
    """

    constant: int
    threshold: float
    value: Estimate
    constant_value: Estimate
    gain: Estimate
    values: list[Estimate]
    switched_share: float

    def choose(self, net: Vector) -> npt.NDArray[np.int64]:
        """The action of each person from their net values by action, the control first, [n, K + 1]."""
        return chosen(net, self.constant, self.threshold)


def chosen(net: Vector, constant: int, threshold: float) -> npt.NDArray[np.int64]:
    """The best action where it gains more than the threshold over the constant one, else that."""
    best = net.argmax(axis=1)
    gain = net[np.arange(len(net)), best] - net[:, constant]
    return np.where(gain > threshold, best, constant).astype(np.int64)


def guard(net: Vector, robust: Vector, weight: Vector, action: npt.NDArray[np.int64]) -> GuardedPolicy:
    """The policy that out-of-fold net values bear out.

    Args:
        net: Expected net value by action, the control first, from models that haven't seen the row, [n, K + 1].
        robust: Doubly robust net value by action, [n, K + 1].
        weight: Row weights, [n].
        action: What was done, 0 the control, [n].
    """
    values = [mean_with_interval(robust[:, action], weight) for action in range(robust.shape[1])]
    given = np.bincount(action, minlength=len(values))
    constant = max((k for k in range(len(values)) if k == 0 or given[k] >= LEAST_GIVEN), key=lambda k: values[k].value)
    expected = net.max(axis=1) - net[:, constant]
    positive = np.sort(expected[expected > 0])[::-1]
    critical = float(norm.isf(FALSE_ALARM / len(SHARES)))
    best_bound, threshold = 0.0, float("inf")
    for share in SHARES:
        count = int(share * len(positive))
        if count < LEAST_GIVEN:
            continue
        at = 0.0 if share == 1 else float(positive[count - 1])
        choice = chosen(net, constant, at)
        if np.count_nonzero((choice != constant) & (choice == action)) < LEAST_GIVEN:
            continue
        estimate = mean_with_interval(_terms(robust, choice, constant), weight)
        bound = estimate.value - critical * (estimate.high - estimate.value) / 1.959964
        if bound > best_bound:
            best_bound, threshold = bound, at
    choice = chosen(net, constant, threshold)
    terms = _terms(robust, choice, constant)
    return GuardedPolicy(
        constant,
        threshold,
        mean_with_interval(robust[:, constant] + terms, weight),
        values[constant],
        mean_with_interval(terms, weight),
        values,
        float(np.average(choice != constant, weights=weight)),
    )


def _terms(robust: Vector, choice: npt.NDArray[np.int64], constant: int) -> Vector:
    return np.asarray(robust[np.arange(len(robust)), choice] - robust[:, constant])
