"""The difference of two arms' means, less noise by what is known of the people from before.

Of the difference of means, (X_i - X)'b is taken from each person's outcome, X_i being covariates from before the
assignment and X their mean over both arms. Whatever b is, the difference keeps its expectation, since the arm is drawn
independently of X_i; the best b makes its variance

    sum over arms of  sum over their people of (y_i - y - (X_i - X)'b)^2 / n_arm^2

smallest, which is least squares within arms with weights 1 / n_arm^2 (regression adjustment: Lin, "Agnostic notes on
regression adjustments to experimental data", Annals of Applied Statistics 2013; with one covariate CUPED: Deng, Xu,
Kohavi and Walker, WSDM 2013). b is fitted on the other folds' people, so that the residuals' variance is honest.
"""

from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ml.learning.panel import FOLDS, Vector, Whole

Z95: Final = 1.959964
RIDGE: Final = 1e-6
FEWEST: Final = 2
"""People in an arm, and folds with people, without which there is no variance and no adjustment."""


@dataclass(frozen=True, eq=False)
class Difference:
    """A difference of two arms' means, and what each person does to its error.

    Attributes:
        value: System less the other, per person.
        influence: Of each person on the error, adding up to 0 in each arm [N]; the variance is the sum of their squares.
        plain_variance: Of the difference of the plain means.
    """

    value: float
    influence: Vector
    plain_variance: float

    @property
    def variance(self) -> float:
        """Of the difference."""
        return float(self.influence @ self.influence)

    @property
    def error(self) -> float:
        """Standard error."""
        return sqrt(self.variance)

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the variance, from how unequal its parts are: a few large purchases tell little of it.

        Twice the squared sum of squares over the sum of their squares (Satterthwaite, Biometrics Bulletin 1946).
        """
        squares = self.influence**2
        return float(2 * squares.sum() ** 2 / (squares @ squares)) if squares.any() else 1.0

    @property
    def careful_error(self) -> float:
        """The standard error, longer by as much as Student's 97.5 % quantile is beyond the normal one."""
        return self.error * float(stdtrit(self.degrees, 0.975)) / Z95


@dataclass(eq=False)
class Adjustment:
    """Adjusts outcomes of the first people of a comparison; what depends on covariates alone is computed once.

    Attributes:
        is_system: Who is in the system arm, else in the other [N].
        covariates: From before assignment [N, C]; no column where nothing is to be adjusted for.
        fold: Part of each person, 0 to `FOLDS` - 1 [N].
    """

    is_system: npt.NDArray[np.bool_]
    covariates: Vector
    fold: Whole
    _prepared: dict[int, "_Prepared"] = field(default_factory=dict)

    def difference(self, outcome: Vector) -> Difference:
        """The difference of the outcomes' means, adjusted.

        Args:
            outcome: Of the first people of the comparison [n], with at least two in each arm.
        """
        count = len(outcome)
        if count not in self._prepared:
            rows = slice(0, count)
            self._prepared[count] = _Prepared.of(self.is_system[rows], self.covariates[rows], self.fold[rows])
        return self._prepared[count].difference(outcome)


@dataclass(frozen=True, eq=False)
class _Fold:
    """People of one fold: their rows, covariates less the mean of both arms, and the same within arms, weighted."""

    rows: Whole
    centred: Vector
    weighted: Vector
    inverse: Vector


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What depends on the covariates of n people alone."""

    arm: Whole
    sign: Vector
    sizes: Vector
    folds: tuple[_Fold, ...]

    @classmethod
    def of(cls, is_system: npt.NDArray[np.bool_], covariates: Vector, fold: Whole) -> "_Prepared":
        arm = is_system.astype(np.int64)
        sizes = np.bincount(arm, minlength=2).astype(np.float64)
        sign = np.where(is_system, 1.0, -1.0) / np.sqrt(sizes * (sizes - 1))[arm]  # around the arm's own mean
        parts = [np.flatnonzero(fold == k) for k in range(FOLDS)]
        if not covariates.shape[1] or min(map(len, parts)) < FEWEST:
            return cls(arm, sign, sizes, ())
        spread = covariates.std(axis=0)
        centred = (covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        within = centred.copy()
        for side in (is_system, ~is_system):
            within[side] -= within[side].mean(axis=0)
        weighted = within / sizes[arm][:, None] ** 2
        squares = [weighted[rows].T @ within[rows] for rows in parts]
        total = np.sum(squares, axis=0)
        ridge = RIDGE * (np.trace(total) / len(total) or 1.0) * np.eye(len(total))
        pairs = zip(parts, squares, strict=True)
        folds = (_Fold(rows, centred[rows], weighted[rows], np.linalg.inv(total - own + ridge)) for rows, own in pairs)
        return cls(arm, sign, sizes, tuple(folds))

    def difference(self, outcome: Vector) -> Difference:
        plain = self._of(outcome)
        if not self.folds:
            return plain
        products = [fold.weighted.T @ outcome[fold.rows] for fold in self.folds]
        total, left = np.sum(products, axis=0), outcome.copy()
        for fold, own in zip(self.folds, products, strict=True):
            left[fold.rows] -= fold.centred @ (fold.inverse @ (total - own))
        adjusted = self._of(left)
        return Difference(adjusted.value, adjusted.influence, plain.variance)

    def _of(self, outcome: Vector) -> Difference:
        means = np.bincount(self.arm, outcome, minlength=2) / self.sizes
        influence = self.sign * (outcome - means[self.arm])
        return Difference(float(means[1] - means[0]), influence, float(influence @ influence))
