"""Learns from a table: who responds, what each action changes, what a response is worth, whom to act on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ml.learners.assignment import Assignment, assignment
from ml.learners.calibration import LEAST_POOLED, EffectCalibration
from ml.learners.choice import Choice, choose
from ml.learners.contract import CONTROL, Trial, Vector
from ml.learners.forward import HeadChoice, choose_head
from ml.learners.guard import GuardedPolicy, guard
from ml.learners.robust import robust_outcomes
from ml.tables.columns import date_of
from ml.tables.encoding import Encoder
from ml.tables.errors import TableError
from ml.trials.amounts import ResponseWorth, fit_worth, one_each
from ml.trials.model import LearnedEffects, TableModel
from ml.trials.roles import Prepared, Roles, prepare

MOST_ROWS: Final = 200_000
MOST_CELLS: Final = 100_000_000
"""Rows, and rows times features, that are learned from; of larger tables every k-th row. Effects get no better by more."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class LearnedTrial:
    """How effects were learned.

    Attributes:
        trial: The rows.
        choice: Of the learner.
        calibration: What holds out of what the learner promises.
        effects: Calibrated, out of fold, [n, K].
        worth: Money of a response, [n].
        policy: Whom to act on, by the guard.
        assignment: Where the table had no probabilities, the ones that were taken.
    """

    trial: Trial
    choice: Choice
    calibration: EffectCalibration
    effects: Vector
    worth: Vector
    policy: GuardedPolicy
    assignment: Assignment | None

    def kept(self) -> LearnedEffects:
        """What scoring needs of it."""
        policy = self.policy
        return LearnedEffects(self.choice.chosen.folds, self.calibration, policy.constant, policy.threshold)


@dataclass(frozen=True)
class Fitted:
    """The model with what is needed to say how good it is."""

    model: TableModel
    prepared: Prepared
    head: HeadChoice
    learned: LearnedTrial | None
    notes: tuple[str, ...]


def fit_table(
    frame: pd.DataFrame, roles: Roles, where: str, *, seed: int, threads: int = 1, progress: Progress = lambda _: None
) -> Fitted:
    """Learns from a table of a past trial or mailing.

    Args:
        frame: The table.
        roles: Which column is what.
        where: The file, for errors.
        seed: Seeds everything random.
        threads: Cores that may be used.
        progress: Told each step when it is done.

    Raises:
        TableError: The table can't be learned from; names the column and what would be right.
    """
    prepared = prepare(frame, roles, where)
    encoder = Encoder.of(prepared.frame, roles.named)
    if not encoder.columns:
        raise TableError(
            f"{where}: no column is left to learn from ({_reasons(encoder)}); right would be a table with facts about each person"
        )
    notes = list(prepared.notes)
    prepared = _in_time(_thinned(prepared, len(encoder.names), notes), encoder, notes)
    matrix = encoder.matrix(prepared.frame, where)
    worth = _worth(prepared, matrix, seed=seed, threads=threads)
    head = choose_head(
        matrix, prepared.outcome, np.ones(len(matrix)), prepared.kind, seed=seed, threads=threads,
        progress=lambda name: progress(f"response model: {name}"),
    )  # fmt: skip
    learned = None
    if roles.action is not None:
        learned = learn_effects(prepared, matrix, worth, roles.cost, seed=seed, threads=threads, progress=progress)
        notes.extend(_notes(learned, prepared))
    facts = _facts(prepared, encoder, notes)
    effects = None if learned is None else learned.kept()
    model = TableModel(roles, prepared.actions, encoder, head.head, effects, worth, facts)
    return Fitted(model, prepared, head, learned, tuple(notes))


def _thinned(prepared: Prepared, columns: int, notes: list[str]) -> Prepared:
    most = min(MOST_ROWS, max(MOST_CELLS // columns, 2_000))
    count = len(prepared.frame)
    if count <= most:
        return prepared
    notes.append(f"learned from {most:,} of {count:,} rows, evenly spread over the table")
    return _rows(prepared, np.linspace(0, count - 1, most).astype(np.int64))


def _in_time(prepared: Prepared, encoder: Encoder, notes: list[str]) -> Prepared:
    """The rows in the order of time: as they are, or turned round where a date falls from row to row."""
    for column in encoder.columns:
        if column.kind != "date":
            continue
        instants = date_of(prepared.frame[column.name])
        if instants.notna().all() and not instants.is_monotonic_increasing and instants.is_monotonic_decreasing:
            notes.append(f"{column.name!r} falls from row to row: the table was read from its end")
            return _rows(prepared, np.arange(len(prepared.frame))[::-1])
    return prepared


def _rows(prepared: Prepared, at: npt.NDArray[np.int64]) -> Prepared:
    return Prepared(
        prepared.frame.iloc[at].reset_index(drop=True),
        prepared.kind,
        prepared.outcome[at],
        prepared.actions,
        prepared.action[at],
        None if prepared.probability is None else prepared.probability[at],
        None if prepared.amount is None else prepared.amount[at],
        prepared.notes,
    )


def _worth(prepared: Prepared, matrix: npt.NDArray[np.float32], *, seed: int, threads: int) -> ResponseWorth:
    if prepared.amount is None:
        return one_each()
    known = np.isfinite(prepared.amount)
    return fit_worth(matrix[known], prepared.amount[known], seed=seed, threads=threads)


def learn_effects(
    prepared: Prepared,
    matrix: npt.NDArray[np.float32],
    worth: ResponseWorth,
    cost: float,
    *,
    seed: int,
    threads: int = 1,
    progress: Progress = lambda _: None,
) -> LearnedTrial:
    """Learns what actions change, and whom to act on.

    Args:
        prepared: The table's roles.
        matrix: Features, [n, F].
        worth: Money of a response.
        cost: Of an action, money.
        seed: Seeds everything random.
        threads: Cores that may be used.
        progress: Told each step when it is done.
    """
    trial = Trial.of(
        matrix, prepared.action, prepared.outcome, propensity=prepared.probability, actions=len(prepared.actions) - 1
    )
    given = None
    if prepared.probability is None:
        given = assignment(trial, seed=seed)
        trial = Trial.of(matrix, trial.action, trial.outcome, propensity=given.propensity, actions=trial.actions)
        progress("who got which action")
    money = worth.predict(matrix)
    scale = float(money.mean())
    choice = choose(
        trial, cost=cost / scale if scale > 0 else 0.0, seed=seed, threads=threads,
        progress=lambda name: progress(f"effects: {name}"),
    )  # fmt: skip
    calibration = EffectCalibration.of(choice.chosen.answer.effects, choice.robust, trial.weight)
    effects = calibration(choice.chosen.answer.effects)
    net = np.column_stack([np.zeros(len(trial)), effects * money[:, None] - cost])
    policy = guard(net, _robust_money(prepared, trial, choice, money, cost), trial.weight, trial.action)
    progress("whom to act on")
    return LearnedTrial(trial, choice, calibration, effects, money, policy, given)


def _robust_money(prepared: Prepared, trial: Trial, choice: Choice, worth: Vector, cost: float) -> Vector:
    """Doubly robust net value of each action for each row, the control first, [n, K + 1]."""
    came = trial.outcome
    if prepared.amount is not None:
        came = np.where(trial.outcome == 1, np.where(np.isfinite(prepared.amount), prepared.amount, worth), 0.0)
    paid = Trial(trial.matrix, trial.action, came, trial.propensity, trial.weight, trial.actions, "continuous")
    robust = robust_outcomes(paid, choice.expected * worth[:, None])
    robust[:, CONTROL + 1 :] -= cost
    return robust


def _notes(learned: LearnedTrial, prepared: Prepared) -> list[str]:
    notes, policy = [], learned.policy
    if learned.assignment is not None and not learned.assignment.is_random:
        notes.append(
            "features foretell who got which action: effects are only as good as the features that explain the choice; give "
            "--probability where the chances are known"
        )
    best = prepared.actions[policy.constant]
    if np.isfinite(policy.threshold):
        notes.append(
            f"{policy.switched_share:.1%} of people get another action than {best!r}, the best for everybody: the gain is significant"
        )
    else:
        notes.append(f"everybody gets {best!r}, the best action for all: no choice by person is shown to be worth more")
    rare = [
        prepared.actions[k] for k in range(1, learned.trial.actions + 1) if (learned.trial.action == k).sum() < _RARE
    ]
    if rare:
        borrows = learned.trial.actions >= LEAST_POOLED
        leans = "its effect leans on that of the others" if borrows else "little is known of its effect"
        notes.append(f"fewer than {_RARE} rows have the action {', '.join(map(repr, rare))}: {leans}")
    return notes


_RARE: Final = 100


def _facts(prepared: Prepared, encoder: Encoder, notes: list[str]) -> dict[str, Any]:
    counts = np.bincount(prepared.action, minlength=len(prepared.actions))
    return {
        "rows": len(prepared.frame), "kind": prepared.kind, "mean_outcome": float(prepared.outcome.mean()),
        "rows_by_action": {name: int(count) for name, count in zip(prepared.actions, counts, strict=True)},
        "features": len(encoder.columns), "columns_of_numbers": len(encoder.names), "left_out": dict(encoder.left_out),
        "notes": notes,
    }  # fmt: skip


def _reasons(encoder: Encoder) -> str:
    return (
        "; ".join(f"{name!r}: {reason}" for name, reason in list(encoder.left_out.items())[:5])
        or "the table has no other"
    )
