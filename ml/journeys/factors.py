r"""How a conversation's state changes what a contact causes: factors on the effect, from logged contacts.

With b the chance to convert when left alone, u the response model's uplift of the contact that was made (0 for none), f
its signals, g the state as such and r how much contacts move the person at all,

\(y - b = u\,(\beta_0 + \sum_k \delta_k f_k) + b(1-b)\,(\alpha_0 + \sum_m \alpha_m g_m) + r\,(\gamma_0 + \sum_m
\gamma_m g_m) + \varepsilon, \quad
\mathrm{var}\,\varepsilon = (b+u)(1-b-u),\)

is fitted by weighted least squares over contacted and uncontacted rows alike: people who are in a state and buy more by
themselves (\(\alpha\)), or because of the very contacts that brought them into it (\(\gamma\)), don't count for the
contact. Its sandwich covariance is clustered by person (Liang and Zeger 1986), and the estimate is shrunk towards what is
held before there is evidence, \(\delta_k \sim N(\mathrm{assumed}_k - 1, s^2)\): with nothing logged the factor is the
assumed one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml.configuration.journeys import Journeys, Signal
from ml.journeys.signals import SIGNALS

SLOPE_DEVIATION: Final = 0.5
"""Prior deviation of the slope on the model's uplift around 1."""
STATE_DEVIATION: Final = 1.0
"""Prior deviation of a state's own shift, in logits: wide, so that the data say it."""
LEAST_CHANCE: Final = 1e-3
"""Nobody's purchase is taken for surer than this: a row with a chance of nothing would outweigh all others."""


@dataclass(frozen=True, eq=False)
class Logged:
    """n rows of people on days, contacted or not.

    Attributes:
        is_converted: 0 or 1, [n].
        baseline: Chance to convert when left alone, [n].
        uplift: What the response model expects of the contact that was made, 0 where there was none, [n].
        signals: Of that contact, [n, K]; 0 where there was none.
        state: As such, [n, M].
        weight: Sample weight times inverse propensity, [n].
        person: A number for each person, int [n].
        is_contacted: [n].
        responsiveness: Mean uplift over what could have been done, contacted or not, [n].
    """

    is_converted: np.ndarray
    baseline: np.ndarray
    uplift: np.ndarray
    signals: np.ndarray
    state: np.ndarray
    weight: np.ndarray
    person: np.ndarray
    is_contacted: np.ndarray
    responsiveness: np.ndarray


@dataclass(frozen=True)
class Factor:
    """One signal's factor, and what it rests on.

    Attributes:
        signal: Its name.
        delta: Factor less 1, shrunk.
        deviation: Its standard deviation.
        assumed: Factor held before any evidence.
        estimate: Factor by the data alone; None where nothing was logged.
        error: Standard error of the estimate.
        contacts: Logged contacts that had the signal.
        conversions: Of them.
    """

    signal: Signal
    delta: float
    deviation: float
    assumed: float
    estimate: float | None
    error: float | None
    contacts: int
    conversions: int

    @property
    def value(self) -> float:
        """The factor."""
        return 1 + self.delta

    def supported(self, deviations: float) -> float:
        """The delta less so many deviations, towards 0; 0 where its interval holds 0, or nothing was logged."""
        if self.estimate is None:
            return 0.0
        return float(np.sign(self.delta) * max(abs(self.delta) - deviations * self.deviation, 0.0))

    def held(self, deviations: float) -> float:
        """What was stated, moved only as far as the evidence supports, less 1."""
        moved = self.delta - (self.assumed - 1)
        return self.assumed - 1 + float(np.sign(moved) * max(abs(moved) - deviations * self.deviation, 0.0))


@dataclass(frozen=True)
class Factors:
    """All signals' factors, in the order of `SIGNALS`."""

    factors: tuple[Factor, ...]

    @property
    def deltas(self) -> np.ndarray:
        """Factors less 1, shrunk, float64 [K]."""
        return np.array([each.delta for each in self.factors])

    def held(self, deviations: float) -> np.ndarray:
        """What was stated of the factors, moved as far as the evidence supports, less 1, float64 [K]."""
        return np.array([each.held(deviations) for each in self.factors])

    def supported(self, deviations: float) -> np.ndarray:
        """What of the deltas the evidence supports, float64 [K]."""
        return np.array([each.supported(deviations) for each in self.factors])

    def to_list(self) -> list[dict[str, Any]]:
        """The factors as plain JSON values."""
        return [dict(vars(each)) for each in self.factors]

    @classmethod
    def from_list(cls, values: Sequence[Mapping[str, Any]]) -> "Factors":
        """The factors that `to_list` wrote."""
        return cls(tuple(Factor(**each) for each in values))

    @classmethod
    def assumed(cls, terms: Journeys) -> "Factors":
        """What is held without any evidence."""
        return cls(tuple(_factor(name, terms, None, None, (0, 0)) for name in SIGNALS))


def fit_factors(logged: Logged, terms: Journeys) -> Factors:
    """Estimate the factors.

    Args:
        logged: Rows to learn from.
        terms: What is held beforehand.
    """
    uplift, signals, contacted = logged.uplift, logged.signals, logged.is_contacted
    contacts = ((signals > 0) & contacted[:, None]).sum(axis=0)
    buyers = ((signals > 0) & (contacted & (logged.is_converted > 0))[:, None]).sum(axis=0)
    alone, expected = (
        np.clip(each, LEAST_CHANCE, 1 - LEAST_CHANCE) for each in (logged.baseline, logged.baseline + uplift)
    )
    spread = np.sqrt(expected * (1 - expected))
    effect = np.concatenate([uplift[:, None], uplift[:, None] * signals], axis=1)
    state = np.concatenate([np.ones((len(uplift), 1)), logged.state], axis=1)
    own = np.concatenate([(alone * (1 - alone))[:, None] * state, logged.responsiveness[:, None] * state], axis=1)
    design = np.concatenate([effect, own], axis=1) / spread[:, None]
    prior = np.concatenate([[1.0], [terms.assumed.get(name, 1.0) - 1 for name in SIGNALS], np.zeros(own.shape[1])])
    deviation = np.concatenate(
        [[SLOPE_DEVIATION], np.full(len(SIGNALS), terms.assumed_deviation), np.full(own.shape[1], STATE_DEVIATION)]
    )
    target = (logged.is_converted - logged.baseline) / spread
    seen = np.flatnonzero((design**2).sum(axis=0) > 0)
    known, own_covariance = _estimated(design[:, seen], target, logged.weight, logged.person)
    held = np.diag(deviation[seen] ** 2)
    trust = np.linalg.solve(
        own_covariance + held, held
    ).T  # as the sum of precisions, without inverting what is nearly singular
    shrunk = prior[seen] + trust @ (known - prior[seen])
    covariance = held - trust @ held
    shown = (shrunk, np.sqrt(np.diag(covariance)), known, np.sqrt(np.diag(own_covariance)))
    found = {int(at): tuple(each[i] for each in shown) for i, at in enumerate(seen)}
    return Factors(
        tuple(
            _factor(name, terms, *_of(found.get(1 + k)), (int(contacts[k]), int(buyers[k])))
            for k, name in enumerate(SIGNALS)
        )
    )


def _estimated(
    design: np.ndarray, target: np.ndarray, weight: np.ndarray, person: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares: the estimate and its covariance, clustered by person.

    A sandwich of a handful of people understates: no variance is taken below what the rows' own chances alone make of it.
    """
    scale = np.sqrt((design**2).sum(axis=0))
    design = design / scale  # columns differ by orders of magnitude, which an inverse doesn't bear
    weighted = design * weight[:, None]
    bread = weighted.T @ design
    bread += 1e-9 * np.trace(bread) / len(bread) * np.eye(len(bread))  # two signals may be one in a small log
    inverse = np.linalg.inv(bread)
    known = inverse @ (weighted.T @ target)
    scores = weighted * (target - design @ known)[:, None]
    summed = np.stack([np.bincount(person, column) for column in scores.T], axis=1) @ inverse.T
    own = weighted @ inverse.T
    least = own.T @ own
    clustered = summed.T @ summed + 1e-6 * least  # fewer people than columns: it would be singular
    raised = np.sqrt(np.maximum(np.diag(least) / np.diag(clustered), 1.0))
    return known / scale, clustered * np.outer(raised / scale, raised / scale)


def _of(row: tuple[float, ...] | None) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    return (None, None) if row is None else ((float(row[0]), float(row[1])), (float(row[2]), float(row[3])))


def _factor(
    name: Signal,
    terms: Journeys,
    shrunk: tuple[float, float] | None,
    known: tuple[float, float] | None,
    counts: tuple[int, int],
) -> Factor:
    assumed = terms.assumed.get(name, 1.0)
    delta, deviation = shrunk or (assumed - 1, terms.assumed_deviation)
    estimate, error = (None, None) if known is None else (1 + known[0], known[1])
    return Factor(name, delta, deviation, assumed, estimate, error, *counts)
