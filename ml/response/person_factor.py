r"""How much readier one person is for any contact than another: one factor, shared by all channels and offers.

    uplift_o(x) = average_o s(x),   log s(x) = w'z(x),   w ~ N(0, sd^2)

A channel alone has too few contacts to say who differs, and a free regression of residuals drowns in the noise of regular
buyers. Here each contact counts as what it is: a conversion with the chance m(x) + average_o s(x), m of people left alone
(`ml.response.contrast`), as a Poisson count, so that those who hardly ever buy unasked, whose conversions tell most, weigh
most.

How far weights may lie from 0 is averaged over, each choice weighing as well as it explains the conversions (marginal
likelihoods after Laplace; MacKay, Neural Computation 1992). Their mean against that of "everybody alike" is the evidence.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ml.features import Matrix
from ml.response.averages import Averages
from ml.response.contrast import Contrast
from ml.response.factor_features import FactorFeatures
from ml.response.poisson import Fitted, Term, fit_poisson
from ml.response.rows import TrainingRows

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FACTOR: Final = "factor"
"""Name of the learner."""
LEAST_EVIDENCE: Final = float(np.log(3.0))
"""Log Bayes factor from which differences between people are believed ("positive", Kass and Raftery 1995)."""
WEIGHT_SDS: Final = (0.05, 0.1, 0.2)
"""Standard deviations of weights that are thought possible, besides 0; features have standard deviation 1."""
LEVEL_SD: Final = 0.5
"""How far contacts with these people may be from the averages, in logs."""
RECALIBRATION_SD: Final = 0.2
MOST_ROWS: Final = 100_000
_LEAST_SHARE: Final = 0.02
_LARGEST_LOG: Final = 3.0


@dataclass(frozen=True, eq=False)
class PersonFactor:
    """The factor.

    Attributes:
        features: What it depends on, K of them.
        weights: Of each, [K].
        log_sd: Standard deviation of what is known of its logarithm, mean over contacts.
        evidence: Log Bayes factor against "everybody alike".
    """

    features: FactorFeatures
    weights: Vector
    log_sd: float
    evidence: float
    name: str = FACTOR

    def of(self, matrix: Matrix) -> Vector:
        """The factor of people, [n], 1 for those in the middle."""
        if not len(self.weights):
            return np.ones(len(matrix))
        return np.asarray(np.exp(np.clip(self.features.of(matrix) @ self.weights, -_LARGEST_LOG, _LARGEST_LOG)))

    def to_dict(self) -> dict[str, Any]:
        """What was learned as plain values."""
        return {
            "learner": FACTOR,
            "features": self.features.to_dict(),
            "weights": self.weights.tolist(),
            "log_sd": self.log_sd,
            "evidence": self.evidence,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "PersonFactor":
        """The factor that `to_dict` wrote."""
        features = FactorFeatures.from_dict(values["features"])
        return cls(features, np.array(values["weights"]), values["log_sd"], values["evidence"])


def fit_factor(  # noqa: PLR0917 - the rows, and all that is known of them
    rows: TrainingRows,
    contrast: Contrast,
    averages: Averages,
    features: FactorFeatures,
    mask: Mask,
    seed: int,
) -> PersonFactor:
    """Learns the factor from drawn contacts, given the averages.

    Args:
        rows: Training rows, n of them.
        contrast: The same rows' contrast.
        averages: Average effects; options without a positive one say nothing of who differs.
        features: What it may depend on.
        mask: Rows to learn from, [n].
        seed: Draws the contacts where there are more than `MOST_ROWS`.
    """
    average = np.array([max(averages.of(option).mean, 0.0) for option in contrast.options])
    kept = mask[contrast.contact] & (average[contrast.option] > 0)
    at, option = contrast.contact[kept], contrast.option[kept]
    if len(at) > MOST_ROWS:
        some = np.sort(np.random.default_rng(seed).choice(len(at), MOST_ROWS, replace=False))
        at, option = at[some], option[some]
    nobody = PersonFactor(features, np.zeros(len(features.made)), 0.0, 0.0)
    if not len(at) or not rows.is_converted[at].any():
        return nobody
    alone = contrast.alone[mask[contrast.alone]]
    columns, taught = (np.column_stack([np.ones(len(some)), features.of(rows.features[some])]) for some in (at, alone))
    chance = _recalibrated(rows, contrast, alone, taught, at, columns)
    term = Term(average[option], columns)

    def fitted(sd: float, begin: Vector | None) -> Fitted:
        sds = np.concatenate([[LEVEL_SD], np.full(columns.shape[1] - 1, sd)])
        return fit_poisson(rows.is_converted[at], term, sds, known=chance, begin=begin)

    alike = fitted(0.0, None)
    found: list[Fitted] = []
    for sd in WEIGHT_SDS:
        found.append(fitted(sd, found[-1].weights if found else alike.weights))
    gain = np.array([one.evidence - alike.evidence for one in found])
    evidence = float(np.logaddexp.reduce(gain) - np.log(len(gain)))
    # "Everybody alike" is as likely beforehand as all other choices together.
    share = np.exp(gain - np.log(len(gain)) - np.logaddexp(0.0, evidence))
    weights = np.sum([w * one.weights[1:] for w, one in zip(share, found, strict=True)], axis=0)
    covariance = found[int(gain.argmax())].covariance[1:, 1:]
    doubt = float(np.sqrt(np.einsum("ij,jk,ik->i", columns[:, 1:], covariance, columns[:, 1:])).mean())
    return PersonFactor(features, np.asarray(weights), min(doubt, 1.0), evidence)


def _recalibrated(  # noqa: PLR0917 - rows and their columns, of who teaches and of who is asked
    rows: TrainingRows, contrast: Contrast, alone: Integers, taught: Vector, at: Integers, asked: Vector
) -> Vector:
    """Chance to convert when left alone of the rows `at`: the contrast's, made right along the features, [len(at)].

    Trees that stop early are too flat where hardly anybody converts, and there a wrong chance looks like an effect.
    """
    expected = np.maximum(contrast.expected, _LEAST_SHARE * contrast.base_rate)
    sds = np.concatenate([[1.0], np.full(taught.shape[1] - 1, RECALIBRATION_SD)])
    line = fit_poisson(rows.is_converted[alone], Term(expected[alone], taught), sds).weights
    return np.asarray(expected[at] * np.exp(np.clip(asked @ line, -_LARGEST_LOG, _LARGEST_LOG)))
