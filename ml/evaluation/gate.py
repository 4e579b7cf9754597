"""The gate: a challenger that is worse does not replace the champion.

Worse must be shown: a rule under which only what is better may replace keeps the first model for months, since an interval on
held-out conversions is wider than what a week of new days adds. What is no worse on people whom neither has seen has learned
from more and newer days; if the world shows otherwise, the champion whose realized value falls below its promise is rolled
back (`ml.learning.promise`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.entities import Option
from ml.evaluation.classification import log_losses
from ml.evaluation.policy_value import Estimate, LoggedRows, doubly_robust_terms, mean_with_interval
from ml.response.evidence import is_contacted
from ml.response.model import ResponseModel
from ml.response.rows import distinct_options

Vector = npt.NDArray[np.float64]
GateMetric = Literal["none", "policy_value", "log_loss"]

MIN_RANDOMISED_ROWS: Final = 500
MIN_RANDOMISED_CONVERSIONS: Final = 30
"""Fewer randomized rows or conversions say nothing about a policy, and of two nothing where fewer tell them apart: the intervals'
normal law doesn't hold yet."""


@dataclass(frozen=True)
class Comparison:
    """Whether a challenger may replace the champion.

    Attributes:
        may_replace: It may.
        metric: What decided.
        difference: Challenger minus champion, positive is better: value per person, or log loss saved per row.
        low: Lower end of the difference's 95 % interval.
        high: Upper end.
        reason: The decision in a sentence.
    """

    may_replace: bool
    metric: GateMetric
    difference: float
    low: float
    high: float
    reason: str


def compare(
    challenger: ResponseModel,
    champion: ResponseModel | None,
    validation: pd.DataFrame,
    costs: Mapping[Option, float] | None = None,
) -> Comparison:
    """Compares two models on rows that neither has learned from.

    Policy value decides where it can tell the two apart, else the paired difference in log loss. Where that can't either, the
    challenger replaces. The first model becomes champion.

    Args:
        challenger: The new model.
        champion: The one in use, or None.
        validation: Training-frame rows of people in the TEST part (`ml.response.split`).
        costs: Cost of a contact by option, 0 where it isn't given.

    Returns:
        The comparison.
    """
    if champion is None:
        return _undecided("there is no champion yet: the first model becomes it", may_replace=True)
    if validation.empty:
        return _undecided("no row to judge on: the champion stays", may_replace=False)
    value = _value_difference(challenger, champion, validation, costs or {})
    if value is not None and not value.low <= 0 <= value.high:
        return _verdict("policy_value", value, "doubly robust policy value per person")
    return _verdict("log_loss", _log_loss_difference(challenger, champion, validation), "log loss saved per row")


def randomised_rows(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Rows whose action, contact or none, was drawn with a known probability; None where they are too few.

    Both contacts and people left alone have to be among them: with one of the two missing, a policy that chooses
    between them can't be valued.
    """
    propensity = frame["propensity"].to_numpy(dtype=np.float64, na_value=np.nan)
    rows = frame[(propensity > 0) & (propensity < 1)]
    contacted = is_contacted(rows)
    enough = len(rows) >= MIN_RANDOMISED_ROWS and int(rows["is_converted"].sum()) >= MIN_RANDOMISED_CONVERSIONS
    return rows if enough and contacted.any() and not contacted.all() else None


def policy_value(
    model: ResponseModel, validation: pd.DataFrame, costs: Mapping[Option, float] | None = None
) -> Estimate | None:
    """Margin per person, less contact costs, were everyone given the action that the model thinks best.

    The choice is among the options in the randomized rows and to leave the person alone. None without enough such rows.
    """
    rows = randomised_rows(validation)
    if rows is None:
        return None
    logged = _Logged.of(rows, costs or {})
    expected = logged.expected(model)
    return mean_with_interval(logged.terms(expected, expected), logged.weight, logged.person)


@dataclass(frozen=True)
class _Logged:
    """Randomized rows as arrays; action 0 is to be left alone."""

    rows: pd.DataFrame
    options: tuple[Option, ...]
    action: npt.NDArray[np.int64]
    cost: Vector
    reward: Vector
    propensity: Vector
    weight: Vector
    person: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: pd.DataFrame, costs: Mapping[Option, float]) -> "_Logged":
        code, distinct = distinct_options(rows)
        options = tuple(done for done in distinct if done is not None)
        place = np.array([0 if done is None else 1 + options.index(done) for done in distinct])
        cost = np.array([0.0, *(costs.get(option, 0.0) for option in options)])
        action = place[code]
        margin = np.nan_to_num(rows["margin"].to_numpy(dtype=np.float64, na_value=np.nan))
        return cls(
            rows,
            options,
            action,
            cost,
            margin - cost[action],
            rows["propensity"].to_numpy(dtype=np.float64),
            rows["sample_weight"].to_numpy(dtype=np.float64) if "sample_weight" in rows else np.ones(len(rows)),
            pd.factorize(rows["customer_id"])[0].astype(np.int64),
        )

    def expected(self, model: ResponseModel) -> Vector:
        """Reward that the model expects of each row's person under each action on days that it learned from, [n, 1 + O].

        Held against days before a change that it knows of, it would be condemned for knowing.
        """
        scores = model.as_learned.score(self.rows, self.options)
        chance = np.column_stack([scores.baseline, scores.propensity]).astype(np.float64)
        return np.asarray(chance * scores.amount[:, None] - self.cost)

    def agrees(self, expected: Vector) -> npt.NDArray[np.bool_]:
        """Whether the row's action is the best by these expectations [n, 1 + O], [n]."""
        return np.asarray(expected.argmax(axis=1) == self.action)

    def tells_apart(self, one: Vector, other: Vector) -> bool:
        """Whether conversions are enough on both sides among the rows whose action one of two models would take alone.

        All other rows say the same of both. Of a few conversions, each standing for up to a hundred, a difference comes out
        that is larger than everything that contacts bring, with an interval as small as they are few.
        """
        converted, first, second = self.rows["is_converted"].to_numpy(dtype=bool), self.agrees(one), self.agrees(other)
        sides = [int((converted & own & ~others).sum()) for own, others in ((first, second), (second, first))]
        return min(sides) >= MIN_RANDOMISED_CONVERSIONS

    def terms(self, expected: Vector, judged: Vector) -> Vector:
        """Doubly robust contribution of each row to the value of a model's policy, [n].

        Args:
            expected: What the model expects, [n, 1 + O].
            judged: What the reward model expects, [n, 1 + O]: the same for two policies that are compared.
        """
        every = np.arange(len(self.rows))
        logged = LoggedRows(self.reward, self.propensity, self.agrees(expected).astype(np.float64), self.weight)
        return doubly_robust_terms(logged, judged[every, self.action], judged[every, expected.argmax(axis=1)])


def _value_difference(
    challenger: ResponseModel, champion: ResponseModel, validation: pd.DataFrame, costs: Mapping[Option, float]
) -> Estimate | None:
    rows = randomised_rows(validation)
    if rows is None:
        return None
    logged = _Logged.of(rows, costs)
    new, old = logged.expected(challenger), logged.expected(champion)
    if not logged.tells_apart(new, old):
        return None
    judged = np.mean([new, old], axis=0)
    difference = logged.terms(new, judged) - logged.terms(old, judged)
    return mean_with_interval(difference, logged.weight, logged.person)


def _log_loss_difference(challenger: ResponseModel, champion: ResponseModel, rows: pd.DataFrame) -> Estimate:
    target = rows["is_converted"].to_numpy(dtype=bool)
    saved = log_losses(champion.propensity_of(rows), target) - log_losses(challenger.propensity_of(rows), target)
    weight = rows["sample_weight"].to_numpy(dtype=np.float64) if "sample_weight" in rows else np.ones(len(rows))
    return mean_with_interval(saved, weight, pd.factorize(rows["customer_id"])[0].astype(np.int64))


def _verdict(metric: GateMetric, difference: Estimate, name: str) -> Comparison:
    if difference.high < 0:
        decision = "the challenger is worse: the champion stays"
    elif difference.low > 0:
        decision = "the challenger is better"
    else:
        decision = "the challenger is no worse and has learned from newer days: it replaces the champion"
    reason = f"{name}: {_text(difference)}; {decision}"
    return Comparison(difference.high >= 0, metric, difference.value, difference.low, difference.high, reason)


def _undecided(reason: str, *, may_replace: bool) -> Comparison:
    nan = float("nan")
    return Comparison(may_replace, "none", nan, nan, nan, reason)


def _text(estimate: Estimate) -> str:
    return f"{estimate.value:+.6g} (95 % {estimate.low:+.6g} to {estimate.high:+.6g}, {estimate.rows} rows)"
