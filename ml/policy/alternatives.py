"""The best options that weren't chosen, with what they would have been worth."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.policy.prices import ShadowPrices
from ml.policy.value import ValueTable

TOP: Final = 3
_DECIMALS: Final = 4


def alternatives(
    table: ValueTable, person: np.ndarray, objective: np.ndarray, option: np.ndarray, price: ShadowPrices
) -> np.ndarray:
    """The three best other options of each row's objective, as JSON.

    `[{"option": "email:none", "net_value": 0.41, "adjusted_value": 0.12}, ...]`, best adjusted value first: what is
    left of the net value after the shadow prices of what the option uses. Only what policy allows the person. Where
    continuations are counted, `value_to_go` says how much of the net value is what the option makes possible.

    Args:
        table: Values.
        person: int [R].
        objective: int [R].
        option: int [R], what was chosen; -1 for nothing.
        price: shadow prices.

    Returns:
        object [R] of JSON text.
    """
    best, value, adjusted = _best(table, person, objective, option, price)
    names = pa.array([f'{{"option": "{name}", "net_value": ' for name in table.options], pa.large_string())
    text: pa.Array = pa.array([""] * len(person), pa.large_string())
    for rank in range(TOP):
        is_there = best[:, rank] >= 0
        if not is_there.any():
            break
        entry = pc.binary_join_element_wise(
            _text(", " if rank else ""),
            names.take(pa.array(np.maximum(best[:, rank], 0))),
            _number(value[:, rank]),
            *_ahead(table, person, best[:, rank]),
            _text(', "adjusted_value": '),
            _number(adjusted[:, rank]),
            _text("}"),
            _text(""),
        )
        text = pc.binary_join_element_wise(text, pc.if_else(pa.array(is_there), entry, _text("")), _text(""))
    return np.asarray(
        pc.binary_join_element_wise(_text("["), text, _text("]"), _text("")).to_numpy(zero_copy_only=False)
    )


def _ahead(table: ValueTable, person: np.ndarray, option: np.ndarray) -> list[pa.Array]:
    if table.ahead is None:
        return []
    ahead = table.ahead.value[person, np.maximum(option, 0)]
    return [_text(', "value_to_go": '), _number(ahead)]


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _number(values: np.ndarray) -> pa.Array:
    return pc.cast(pa.array(np.round(values.astype(np.float64), _DECIMALS) + 0.0), pa.large_string())


def _best(
    table: ValueTable, person: np.ndarray, objective: np.ndarray, option: np.ndarray, price: ShadowPrices
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position (-1: none), net value and adjusted value of the best options, each [R, TOP]."""
    shape = (len(person), TOP)
    best, value, adjusted = np.full(shape, -1, dtype=np.int64), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for j in range(len(table.objectives)):
        rows = np.flatnonzero(objective == j)
        if not len(rows):
            continue
        people = person[rows]
        net = table.uplift[people] * table.unit_value[people, j : j + 1] - table.cost[people]
        left = np.where(table.allowed[j][people][:, table.channel], net - price.of(table, j, people), -np.inf)
        chosen = option[rows]
        left[np.flatnonzero(chosen >= 0), chosen[chosen >= 0]] = -np.inf
        for rank in range(min(TOP, left.shape[1])):
            top = np.argmax(left, axis=1)
            each = np.arange(len(rows))
            worth = left[each, top]
            found = worth > -np.inf
            best[rows[found], rank] = top[found]
            value[rows, rank], adjusted[rows, rank] = net[each, top], np.where(found, worth, 0)
            left[each, top] = -np.inf
    return best, value, adjusted
