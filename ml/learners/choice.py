"""Which learner is used: the one whose policies would have been worth most, on rows that it hadn't learned from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.evaluation.policy_value import Estimate, mean_with_interval
from ml.learners.average import Average
from ml.learners.contract import CONTROL, Actions, Answer, Learner, Trial, Vector
from ml.learners.every import candidates
from ml.learners.folds import folds_of
from ml.learners.robust import robust_outcomes

FOLDS: Final = 5
TOLD_APART: Final = 1.0
"""Standard errors of a paired difference within which learners can't be told apart and are averaged."""
_JUDGES: Final = ("s_trees", "t_line")
"""Their mean expectation is the outcome model of the doubly robust terms, the same for all candidates."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class CrossFitted:
    """A learner fitted once without each fold.

    Attributes:
        name: The learner's.
        folds: The fitted learners, one a fold; people who come later are answered by their mean.
        answer: Of each row, from the learner that hasn't seen it.
    """

    name: str
    folds: list[Learner]
    answer: Answer


@dataclass(frozen=True)
class Judged:
    """What a candidate would have been worth, in outcome a person.

    Attributes:
        name: The learner's.
        budget_value: Doubly robust gain over no action, averaged over all budgets from nobody to everybody, when people are
            taken in the order of the learner's best net effect; with its 95 % interval.
        policy_value: Doubly robust value of each person's best action by the learner.
        loss: Mean squared distance of its effects from the doubly robust ones.
        behind: By how many standard errors of the paired difference it is behind the best.
    """

    name: str
    budget_value: Estimate
    policy_value: Estimate
    loss: float
    behind: float


@dataclass(frozen=True)
class Choice:
    """The learner in use and how it was chosen.

    Attributes:
        chosen: The one learner, or the average of those that can't be told apart from the best.
        members: Names of what it is made of.
        table: All candidates, the best first; the average of several is among them.
        expected: Outcome by action from the judges, out of fold, [n, K + 1].
        robust: Doubly robust outcomes, [n, K + 1].
    """

    chosen: CrossFitted
    members: list[str]
    table: list[Judged]
    expected: Vector
    robust: Vector


def choose(
    trial: Trial,
    *,
    cost: float = 0.0,
    seed: int,
    threads: int = 1,
    tried: Sequence[Learner] | None = None,
    progress: Progress = lambda _: None,
) -> Choice:
    """Cross-fits every candidate on the rows of `trial` and chooses.

    Candidates whose budget-averaged value is within one standard error of the best one's are averaged: nothing says which
    of them is right, and an average errs less than its members.

    Args:
        trial: Rows to learn from.
        cost: Of an action, in units of the outcome.
        seed: Seeds folds and learners.
        threads: Cores that may be used.
        tried: Candidates; all of `every.candidates` by default.
        progress: Told each candidate when it is done.
    """
    fold = folds_of(trial, FOLDS, seed)
    fitted = []
    for learner in candidates() if tried is None else tried:
        fitted.append(cross_fit(learner, trial, fold, seed=seed, threads=threads))
        progress(learner.name)
    judges = [each for each in fitted if each.name in _JUDGES] or fitted
    expected = np.mean([each.answer.outcomes for each in judges], axis=0)
    robust = robust_outcomes(trial, expected)
    gains = {each.name: budget_gains(each.answer.effects, robust, cost) for each in fitted}
    best = max(gains, key=lambda name: _mean(gains[name], trial.weight))
    behind = {name: _behind(gains[best], gain, trial.weight) for name, gain in gains.items()}
    members = [
        each for each in fitted if behind[each.name] <= TOLD_APART and _varies(each) >= _varies_best(fitted, best)
    ]
    chosen = members[0] if len(members) == 1 else averaged(members)
    every = fitted if len(members) == 1 else [*fitted, chosen]
    gains[chosen.name] = budget_gains(chosen.answer.effects, robust, cost)
    table = [
        _judged(
            each,
            robust,
            trial.weight,
            gains=gains[each.name],
            cost=cost,
            behind=_behind(gains[best], gains[each.name], trial.weight),
        )
        for each in every
    ]
    table.sort(key=lambda row: -row.budget_value.value)
    return Choice(chosen, [each.name for each in members], table, expected, robust)


def cross_fit(learner: Learner, trial: Trial, fold: Actions, *, seed: int, threads: int = 1) -> CrossFitted:
    """Fits a fresh learner of the same kind without each fold, and answers the fold with it."""
    baseline, effects = np.zeros(len(trial)), np.zeros((len(trial), trial.actions))
    folds = []
    for each in range(int(fold.max(initial=0)) + 1):
        fresh = (
            type(learner).from_dict(learner.to_dict()).fit(trial.rows(fold != each), seed=seed + each, threads=threads)
        )
        answer = fresh.answer(trial.matrix[fold == each])
        baseline[fold == each], effects[fold == each] = answer.baseline, answer.effects
        folds.append(fresh)
    return CrossFitted(learner.name, folds, Answer(baseline, effects))


def averaged(members: Sequence[CrossFitted]) -> CrossFitted:
    """The average of several, fold by fold."""
    folds: list[Learner] = [
        Average([member.folds[place] for member in members]) for place in range(len(members[0].folds))
    ]
    baseline = np.mean([member.answer.baseline for member in members], axis=0)
    effects = np.mean([member.answer.effects for member in members], axis=0)
    return CrossFitted("average", folds, Answer(baseline, effects))


def budget_gains(effects: Vector, robust: Vector, cost: float) -> Vector:
    """What each row adds to the gain averaged over all budgets, [n].

    With people in the order of their best net effect, a person at rank r of n is reached by a share 1 - r / n of all budgets;
    then the gain is the doubly robust one of that action. The mean over rows is the area under the gain curve, whose
    distance from that of a random order is the Qini coefficient before it is normalized.
    """
    every = np.arange(len(effects))
    best = effects.argmax(axis=1)
    order = np.argsort(-effects[every, best], kind="stable")
    reached = np.empty(len(effects))
    reached[order] = 1 - (every + 0.5) / max(len(effects), 1)
    tied = _tied_means(effects[every, best], reached)
    return np.asarray(tied * (robust[every, best + 1] - robust[:, CONTROL] - cost))


def _tied_means(score: Vector, reached: Vector) -> Vector:
    """People of equal score are reached by equal shares of budgets."""
    _, group = np.unique(score, return_inverse=True)
    return np.asarray((np.bincount(group, reached) / np.bincount(group))[group])


def _mean(terms: Vector, weight: Vector) -> float:
    return float(np.average(terms, weights=weight))


def _behind(best: Vector, other: Vector, weight: Vector) -> float:
    difference = mean_with_interval(best - other, weight)
    half = (difference.high - difference.low) / 2 / 1.959964
    return difference.value / half if np.isfinite(half) and half > 0 else 0.0


def _varies(each: CrossFitted) -> bool:
    return bool((np.ptp(each.answer.effects, axis=0) > 0).any()) and each.name != "mean_effect"


def _varies_best(fitted: Sequence[CrossFitted], best: str) -> bool:
    return _varies(next(each for each in fitted if each.name == best))


def _judged(each: CrossFitted, robust: Vector, weight: Vector, *, gains: Vector, cost: float, behind: float) -> Judged:
    effects = each.answer.effects
    net = np.column_stack([np.zeros(len(effects)), effects - cost])
    choice = net.argmax(axis=1)
    value = robust[np.arange(len(effects)), choice] - cost * (choice > 0)
    loss = float(np.mean((robust[:, 1:] - robust[:, [CONTROL]] - effects) ** 2))
    return Judged(each.name, mean_with_interval(gains, weight), mean_with_interval(value, weight), loss, behind)
