"""Which column of a table is what, checked and turned into arrays."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.learners.contract import Actions, Outcome, Vector
from ml.tables.columns import number_of, text_of
from ml.tables.errors import TableError

CONTACT: Final = "contact"
NO_CONTACT: Final = "none"
"""Names of the two actions of a past mailing, which has no column for them."""
MOST_ACTIONS: Final = 20
LEAST_ROWS: Final = 20
_YES: Final = frozenset(
    {"yes", "y", "true", "t", "1", "converted", "responded", "response", "positive", "si", "sí", "ja", "oui"}
)
_NO: Final = frozenset({"no", "n", "false", "f", "0", "none", "negative", "nein", "non", "nee", "-1", "not converted"})
_SHOWN: Final = 8


@dataclass(frozen=True)
class Roles:
    """What the caller says of a table's columns.

    Attributes:
        outcome: What came of it: 0/1, yes/no, or an amount.
        action: What was done; None where everybody was contacted.
        control: The action's value against which effects are measured.
        probability: With which probability the row's action was drawn.
        amount: The money of a response.
        cost: Of an action other than the control, a person.
        exclude: Columns that aren't to be learned from.
    """

    outcome: str
    action: str | None = None
    control: str | None = None
    probability: str | None = None
    amount: str | None = None
    cost: float = 0.0
    exclude: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Columns with a role, and those that are excluded: none of them is a feature."""
        given = (self.outcome, self.action, self.probability, self.amount)
        return (*(name for name in given if name is not None), *self.exclude)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self) | {"exclude": list(self.exclude)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Roles":
        """What `to_dict` wrote."""
        return cls(**(values | {"exclude": tuple(values["exclude"])}))


@dataclass(frozen=True)
class Prepared:
    """A table's roles as arrays.

    Attributes:
        frame: The rows whose outcome and action are known.
        kind: Whether the outcome is a yes or no.
        outcome: [n].
        actions: Names of the actions, the control first.
        action: Number of each row's action, [n].
        probability: Of the row's action, [n]; None where the table doesn't say.
        amount: Money of a response, NaN where there was none or it isn't known, [n]; None without the column.
        notes: What a reader has to know about how the table was read.
    """

    frame: pd.DataFrame
    kind: Outcome
    outcome: Vector
    actions: tuple[str, ...]
    action: Actions
    probability: Vector | None
    amount: Vector | None
    notes: tuple[str, ...]

    @property
    def is_trial(self) -> bool:
        """Whether actions differ between rows."""
        return bool((self.action != self.action[0]).any())


def prepare(frame: pd.DataFrame, roles: Roles, where: str) -> Prepared:
    """Reads the roles out of a table.

    Args:
        frame: The table.
        roles: Which column is what.
        where: The file, for errors.

    Raises:
        TableError: A column is absent or can't be what it is said to be; names it and what would be right.
    """
    _check_names(frame, roles, where)
    notes: list[str] = []
    known = frame[roles.outcome].notna()
    if roles.action is not None:
        known &= frame[roles.action].notna()
    if not known.all():
        notes.append(f"{int((~known).sum())} rows without a known outcome or action were left out")
        frame = frame[known].reset_index(drop=True)
    if len(frame) < LEAST_ROWS:
        raise TableError(
            f"{where}: {len(frame)} rows with a known outcome; at least {LEAST_ROWS} are needed to learn from"
        )
    outcome, kind = _outcome(frame[roles.outcome], roles.outcome, where)
    actions, action = _actions(frame, roles, where)
    if roles.action is None:
        notes.append(
            "no action column: everybody was contacted, and response without contact is taken as none; "
            "uplift is the chance to respond when contacted"
        )
    probability = None if roles.probability is None else _probability(frame, roles.probability, action, where, notes)
    amount = None if roles.amount is None else _amount(frame[roles.amount], outcome, kind, where, notes)
    return Prepared(frame, kind, outcome, actions, action, probability, amount, tuple(notes))


def _check_names(frame: pd.DataFrame, roles: Roles, where: str) -> None:
    options = {
        "--outcome": roles.outcome, "--action": roles.action, "--probability": roles.probability, "--amount": roles.amount,
        **{f"--exclude ({name})": name for name in roles.exclude},
    }  # fmt: skip
    for option, name in options.items():
        if name is not None and name not in frame.columns:
            raise TableError(
                f"{where}: {option} names column {name!r}, which isn't there; the table has {_few(frame.columns)}"
            )
    if roles.control is not None and roles.action is None:
        raise TableError(f"{where}: --control {roles.control!r} needs --action, the column that has it")
    if roles.probability is not None and roles.action is None:
        raise TableError(f"{where}: --probability {roles.probability!r} needs --action: it is that of the row's action")
    given = [name for name in (roles.outcome, roles.action, roles.probability, roles.amount) if name is not None]
    if len(set(given)) < len(given):
        raise TableError(f"{where}: one column has two roles ({', '.join(given)}); name a column of its own for each")


def _outcome(values: pd.Series, name: str, where: str) -> tuple[Vector, Outcome]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        number = values.to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(number).all():
            raise TableError(f"{where}: outcome {name!r} has infinite values; right would be 0/1 or an amount")
        if set(np.unique(number)) == {-1.0, 1.0}:
            number = (number > 0).astype(np.float64)
        kind: Outcome = "binary" if np.isin(number, (0, 1)).all() else "continuous"
    else:
        text = pd.Series(text_of(values)).str.lower()
        unknown = sorted(set(text) - _YES - _NO)
        if unknown:
            raise TableError(
                f"{where}: outcome {name!r} has values {_few(sorted(set(text)))}, and which of them is a response isn't known; "
                "right would be 0/1, yes/no, true/false, or an amount"
            )
        number, kind = text.isin(_YES).to_numpy(dtype=np.float64), "binary"
    if number.min() == number.max():
        raise TableError(
            f"{where}: outcome {name!r} is {number[0]:g} in every row, so that nothing can be learned from it; "
            "right would be a table with rows of both kinds"
        )
    return number, kind


def _actions(frame: pd.DataFrame, roles: Roles, where: str) -> tuple[tuple[str, ...], Actions]:
    if roles.action is None:
        return (NO_CONTACT, CONTACT), np.ones(len(frame), dtype=np.int64)
    text = text_of(frame[roles.action])
    counts = pd.Series(text).value_counts()
    names = sorted(map(str, counts.index), key=lambda name: (-int(counts[name]), name))
    if len(names) > MOST_ACTIONS + 1:
        raise TableError(
            f"{where}: action {roles.action!r} has {len(names)} values; at most {MOST_ACTIONS} and a control can be learned: "
            "group rare ones, or name another column"
        )
    control = _control(names, roles, where)
    if len(names) == 1:
        raise TableError(
            f"{where}: action {roles.action!r} is {names[0]!r} in every row; right would be rows with and without an action, "
            "or leave --action out for a past mailing to everybody"
        )
    ordered = (control, *sorted(name for name in names if name != control))
    return ordered, pd.Index(ordered).get_indexer(pd.Index(text)).astype(np.int64)


def _control(names: Sequence[str], roles: Roles, where: str) -> str:
    if roles.control is None:
        raise TableError(
            f"{where}: --action {roles.action!r} needs --control, the value that stands for no action: {_few(names)}"
        )
    wanted = roles.control.strip()
    as_number = wanted.removesuffix(".0")
    for name in names:
        if name in (wanted, as_number):
            return name
    alike = [name for name in names if name.lower() == wanted.lower()]
    if len(alike) == 1:
        return alike[0]
    raise TableError(f"{where}: --control {roles.control!r} isn't among the values of {roles.action!r}: {_few(names)}")


def _probability(frame: pd.DataFrame, name: str, action: Actions, where: str, notes: list[str]) -> Vector:
    number = number_of(frame[name]).astype(np.float64)
    wrong = ~((number > 0) & (number <= 1))
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise TableError(
            f"{where}: probability {name!r} is {frame[name].iloc[at]!r} in data row {at + 1} ({int(wrong.sum())} such rows); "
            "right would be the probability of the row's action, above 0 and at most 1"
        )
    if action.max() == 1 and (number < 1).all():
        own, of_action = (_balance(p, action) for p in (number, np.where(action == 1, number, 1 - number)))
        if own > _OFF and of_action < _OFF:
            notes.append(
                f"{name!r} was read as the probability of an action, not of the row's own: only so do shares add up"
            )
            return np.where(action == 1, number, 1 - number)
    return number


_OFF: Final = 0.1


def _balance(own: Vector, action: Actions) -> float:
    """How far the inverse probabilities of each action's rows are from adding up to all rows, as a share."""
    return max(abs(float((1 / own)[action == each].sum()) / len(own) - 1) for each in (0, 1))


def _amount(values: pd.Series, outcome: Vector, kind: Outcome, where: str, notes: list[str]) -> Vector:
    if kind != "binary":
        raise TableError(
            f"{where}: --amount goes with an outcome of yes and no, and this one is an amount itself: leave it out"
        )
    amount = np.where(outcome == 1, number_of(values).astype(np.float64), np.nan)
    if not np.isfinite(amount).any():
        raise TableError(
            f"{where}: amount {values.name!r} isn't known for any response; right would be the money of each"
        )
    missing = int(((outcome == 1) & ~np.isfinite(amount)).sum())
    if missing:
        notes.append(f"{missing} responses without a known {values.name!r} count with what is expected of them")
    return amount


def _few(names: Any) -> str:
    shown = [repr(str(name)) for name in list(names)[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
