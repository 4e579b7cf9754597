r"""What any policy would have been worth, from a log whose actions were drawn with known probabilities.

With pi the policy to be valued, p the logged probability of the logged action a, w = min(pi(a|x) / p, limit), q(x, a) the
reward that a model expects and q(x, pi) its mean under the policy, the value is the mean over rows of

    ips      w r                           unbiased where nothing is clipped
    snips    w r / mean(w)                 slightly biased, steadier
    dm       q(x, pi)                      as good as the model
    dr       q(x, pi) + w (r - q(x, a))    unbiased where either is right (Dudik, Langford and Li 2011)

q is fitted without the rows that it is used on (`cross_fitted`). Rewards are rare and weights unequal, so that a mean's law
is skewed: its interval is Hall's, of the t statistic transformed by its skewness (Hall, "On the removal of skewness by
transformation", JRSS B 1992), over people where a person has several rows. Where fewer than `LEAST_REWARDED` rows carry
the mean, no law of large numbers does: the interval is then the empirical Bernstein bound (Maurer and Pontil 2009), which is
wide, and right for rewards within the largest one seen, whatever their law. `dm` has no interval: what it misses is the
model's error, which its rows don't show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ml.evaluation.policy_value import WEIGHT_LIMIT

Vector = npt.NDArray[np.float64]
Estimator = Literal["ips", "snips", "dm", "dr"]
ESTIMATORS: Final[tuple[Estimator, ...]] = ("ips", "snips", "dm", "dr")

LEAST_REWARDED: Final = 5.0
"""Rows with a reward, in effect, that an interval by the t statistic needs."""
_Z95: Final = 1.959964
_MISS: Final = 0.05


@dataclass(frozen=True)
class Log:
    """Logged rows.

    Attributes:
        action: int [n], what was done, from 0 to A - 1; leaving alone is an action too.
        propensity: float [n], probability with which it was drawn, in (0, 1].
        reward: float [n].
        person: int [n], number of the row's person, where rows of one depend on each other; without it each row stands alone.
    """

    action: npt.NDArray[np.int64]
    propensity: Vector
    reward: Vector
    person: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        """Checks what every estimator divides by.

        Raises:
            ValueError: A propensity isn't a probability above 0.
        """
        wrong = np.flatnonzero(~((self.propensity > 0) & (self.propensity <= 1)))
        if len(wrong):
            raise ValueError(
                f"row {wrong[0]}: its propensity is {self.propensity[wrong[0]]}; only rows drawn with a known probability "
                "above 0 can be in a log: leave it out"
            )

    def weights(self, policy: Vector) -> Vector:
        """Probability of the logged action under the policy over its logged one, float [n], not clipped.

        Args:
            policy: float [n, A], the policy's probabilities in each row.
        """
        return np.asarray(policy[np.arange(len(self.action)), self.action] / self.propensity)


@dataclass(frozen=True)
class Valued:
    """A policy's value per row with its 95 % interval, and what it rests on.

    Attributes:
        estimator: Which.
        value: Mean reward; NaN where no row of the log agrees with the policy.
        low: Lower end.
        high: Upper end.
        interval: `hall`, `bernstein`, or `none` where nothing can be said; the ends are then infinite.
        rows: Of the log.
        effective_rows: (sum w)^2 / sum w^2: as many drawn from the policy itself would tell as much.
        clipped_share: Share of rows whose weight was clipped.
        weight_limit: At which.
    """

    estimator: Estimator
    value: float
    low: float
    high: float
    interval: str
    rows: int
    effective_rows: float
    clipped_share: float
    weight_limit: float


def evaluate(
    logged: Log, policy: Vector, expected: Vector | None = None, *, weight_limit: float = WEIGHT_LIMIT
) -> dict[Estimator, Valued]:
    """Value a policy by every estimator that can be had.

    Args:
        logged: The log.
        policy: float [n, A], the policy's probabilities of every action in each row; rows add up to 1.
        expected: float [n, A], reward that a model expects of every action, cross-fitted; without it no `dm` and `dr`.
        weight_limit: Weights above it are clipped.
    """
    raw = logged.weights(policy)
    terms = _terms(logged, policy, expected, np.minimum(raw, weight_limit))
    return {name: _valued(name, found, logged, raw, weight_limit) for name, found in terms.items()}


def difference(
    logged: Log, policy: Vector, other: Vector, expected: Vector, *, weight_limit: float = WEIGHT_LIMIT
) -> Valued:
    """Doubly robust value of a policy less that of another on the same rows: far steadier than either.

    Args:
        logged: The log.
        policy: float [n, A].
        other: float [n, A], what it is compared with.
        expected: float [n, A], cross-fitted.
        weight_limit: Weights above it are clipped.
    """
    one, two = (
        _terms(logged, each, expected, np.minimum(logged.weights(each), weight_limit))["dr"] for each in (policy, other)
    )
    return _valued("dr", one - two, logged, logged.weights(policy), weight_limit)


def support(policy: Vector, logging: Vector, *, weight_limit: float = WEIGHT_LIMIT) -> Vector:
    """Share of what the policy would do in each row that the log could have shown without being clipped, float [n].

    A person in an arm that never, or hardly ever, does what the policy would do says nothing of it, and clipping makes that
    a bias: where the mean over an arm is clearly below 1, value the policy on the other arms' rows.

    Args:
        policy: float [n, A].
        logging: float [n, A], probabilities with which the log drew, of every action.
        weight_limit: Weights above it are clipped.
    """
    return np.asarray((policy * (policy <= weight_limit * logging)).sum(axis=1))


def cross_fitted(
    fit: Callable[[npt.NDArray[np.int64]], Callable[[npt.NDArray[np.int64]], Vector]],
    rows: int,
    *,
    folds: int = 5,
    seed: int = 0,
    person: npt.NDArray[np.int64] | None = None,
) -> Vector:
    """Expected rewards of every row by models that have seen neither it nor any other row of its person, float [n, A].

    Args:
        fit: Takes the rows to learn from, gives what takes rows and returns their expected rewards [., A].
        rows: n.
        folds: Parts of the log, each predicted from the others.
        seed: Of the split.
        person: As in `Log`.
    """
    units = np.arange(rows) if person is None else person
    fold = np.random.default_rng(seed).permutation(int(units.max(initial=-1)) + 1)[units] % folds
    parts = [np.flatnonzero(fold == k) for k in range(folds)]
    found = [fit(np.flatnonzero(fold != k))(part) for k, part in enumerate(parts)]
    expected = np.empty((rows, max((each.shape[1] for each in found), default=0)))
    for part, each in zip(parts, found, strict=True):
        expected[part] = each
    return expected


def _terms(logged: Log, policy: Vector, expected: Vector | None, weight: Vector) -> dict[Estimator, Vector]:
    """Contribution of each row to each estimate, [n]; their means are the estimates."""
    mean = float(weight.mean()) if len(weight) else 0.0
    terms: dict[Estimator, Vector] = {"ips": weight * logged.reward}
    if mean > 0:
        value = float((weight * logged.reward).mean()) / mean
        terms["snips"] = value + weight * (logged.reward - value) / mean
    if expected is not None:
        under = (policy * expected).sum(axis=1)
        residual = logged.reward - expected[np.arange(len(weight)), logged.action]
        terms |= {"dm": under, "dr": under + weight * residual}
    return terms


def _valued(name: Estimator, terms: Vector, logged: Log, raw: Vector, limit: float) -> Valued:
    weight = np.minimum(raw, limit)
    total = float(weight.sum())
    effective = total**2 / float((weight**2).sum()) if total > 0 else 0.0
    clipped = float((raw > limit).mean()) if len(raw) else 0.0
    if name == "dm":
        nothing = -float("inf"), float("inf"), "none"
        return Valued(name, float(terms.mean()), *nothing, len(raw), effective, clipped, limit)
    reach = float(weight.max(initial=0.0) * np.abs(logged.reward).max(initial=0.0))
    value, low, high, kind = mean_of_few(terms, weight * np.abs(logged.reward), logged.person, reach=reach)
    return Valued(name, value, low, high, kind, len(raw), effective, clipped, limit)


def mean_of_few(
    terms: Vector, carried: Vector, person: npt.NDArray[np.int64] | None = None, *, reach: float = 0.0
) -> tuple[float, float, float, str]:
    """Mean of skewed terms with its 95 % interval and the interval's kind.

    Args:
        terms: float [n].
        carried: float [n], each row's part in what carries the mean, at least 0: many small ones are many, one large one is one.
        person: Number of each row's person, [n].
        reach: Range of one row's term, where it is known to be wider than that of those seen.
    """
    nan = float("nan")
    if not len(terms):
        return nan, nan, nan, "none"
    value = float(terms.mean())
    spread = terms - value
    if person is not None:
        is_there = np.bincount(person) > 0
        spread = np.asarray(np.bincount(person, spread)[is_there], dtype=np.float64)
        carried = np.asarray(np.bincount(person, carried)[is_there], dtype=np.float64)
    units, total = len(spread), float(carried.sum())
    if units == 1 or total == 0:
        return value, -float("inf"), float("inf"), "none"
    if total**2 / float((carried**2).sum()) < LEAST_REWARDED:
        return value, *_bernstein(value, spread * units / len(terms), reach), "bernstein"
    error = sqrt(float((spread**2).sum()) * units / (units - 1)) / len(terms)
    if error == 0:
        return value, value, value, "hall"
    deviation = sqrt(float((spread**2).mean()))
    skewness = float((spread**3).mean()) / deviation**3
    return value, value - error * _hall(_Z95, skewness, units), value - error * _hall(-_Z95, skewness, units), "hall"


def _hall(z: float, skewness: float, units: int) -> float:
    """The t statistic whose transform by the skewness is z."""
    if abs(skewness) / sqrt(units) < 1e-6:  # noqa: PLR2004 - the limit without skewness
        return z
    root, a = sqrt(units), skewness / 3
    return float(root / a * (np.cbrt(1 + 3 * a * (z / root - skewness / (6 * units))) - 1))


def _bernstein(value: float, spread: Vector, reach: float) -> tuple[float, float]:
    """Empirical Bernstein bounds."""
    units, reach = len(spread), max(reach, float(spread.max() - spread.min()))
    logs = log(4 / _MISS)
    radius = sqrt(2 * float(spread.var(ddof=1)) * logs / units) + 7 * reach * logs / (3 * (units - 1))
    return value - radius, value + radius


def pooled_means(
    stratum: npt.NDArray[np.int64], action: npt.NDArray[np.int64], reward: Vector, shape: tuple[int, int]
) -> Vector:
    """Mean reward by stratum and action, each drawn to its stratum's by how little the actions differ, float [S, A].

    A cell of n rows counts n, the stratum's mean sigma^2 / tau^2 of the variances within cells and between them, both by the
    method of moments; where the cells differ by no more than chance, all are the stratum's mean.

    Args:
        stratum: int [n], from 0 to S - 1.
        action: int [n], from 0 to A - 1.
        reward: float [n].
        shape: S and A.
    """
    cell, cells = stratum * shape[1] + action, shape[0] * shape[1]
    count, total = (np.bincount(cell, each, cells).reshape(shape) for each in (None, reward))
    squares = np.bincount(cell, reward**2, cells).reshape(shape)
    rows = count.sum(axis=1, keepdims=True)
    whole = np.divide(
        total.sum(axis=1, keepdims=True), rows, out=np.full_like(rows, reward.mean(), dtype=float), where=rows > 0
    )
    mean = np.divide(total, count, out=np.broadcast_to(whole, shape).copy(), where=count > 0)
    used, freedom = count > 0, len(reward) - int((count > 0).sum())
    within = float((squares - count * mean**2).sum()) / max(freedom, 1)
    seen = float((count * (mean - whole) ** 2).sum()) - within * (int(used.sum()) - shape[0])
    room = float((rows - (count**2).sum(axis=1, keepdims=True) / np.maximum(rows, 1)).sum())
    between = max(seen / room, 0.0) if room > 0 else 0.0
    if between == 0:
        return np.broadcast_to(whole, shape).copy()
    return np.asarray((total + whole * within / between) / (count + within / between))
