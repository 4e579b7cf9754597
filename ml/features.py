"""Which columns of a customer frame are features, and how they become numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

NOT_FEATURES: Final = frozenset({
    "customer_id", "as_of_on", "time_zone", "attributes", "contact_ids", "active_hours",  # who and when
    "channel", "offer_id", "creative_id", "slot", "action_id",  # what was done
    "sample_weight", "age_days", "maturity", "propensity", "assignment_probability", "arm", "source",  # how it came to be done
    "is_converted", "margin", "revenue", "converted_at", "offer_horizons", "redemption_count",  # what came of it
    "is_clicked", "is_traced", "is_exposed", "converted_day", "usual_discount", "offer_discount",  # likewise
})  # fmt: skip
"""Columns that identify, date, treat or label a row. Learning from them would leak the answer or memorize people."""

NOT_FEATURE_SUFFIXES: Final = ("_id", "_at", "_on", "_ids")
MAX_LEVELS: Final = 50
"""Text with more distinct values than this is left out: codes of it would memorize people."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureSpec:
    """The features learned from one frame, so that every later frame becomes the same columns.

    Attributes:
        names: Feature columns in matrix order.
        vocabularies: For text features, their levels; the code of a level is its position.
        left_out: Columns that could have been features and aren't, with the reason.
    """

    names: tuple[str, ...]
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: pd.DataFrame, exclude: Sequence[str] = ()) -> "FeatureSpec":
        """Learns which columns of `frame` are features.

        Args:
            frame: One row a person (and day); any column order.
            exclude: Further columns that are no features.

        Returns:
            The spec. Numbers and booleans are taken as they are, text with at most `MAX_LEVELS` values as codes.
        """
        names: list[str] = []
        vocabularies: dict[str, tuple[str, ...]] = {}
        left_out: dict[str, str] = {}
        for name in map(str, frame.columns):
            if name in NOT_FEATURES or name in exclude or name.endswith(NOT_FEATURE_SUFFIXES):
                continue
            column = frame[name]
            reason, vocabulary = _examine(column)
            if reason is not None:
                left_out[name] = reason
                continue
            names.append(name)
            if vocabulary is not None:
                vocabularies[name] = vocabulary
        return cls(tuple(names), vocabularies, left_out)

    def matrix(self, frame: pd.DataFrame) -> Matrix:
        """Numbers for the rows of `frame`.

        Args:
            frame: Has every feature column; an `attr_*` column that its source stopped sending may be absent.

        Returns:
            float32 [len(frame), len(names)]; NaN for missing, infinite or an unknown level.

        Raises:
            KeyError: A feature column other than an `attr_*` is absent.
        """
        absent = [name for name in self.names if name not in frame.columns and not name.startswith("attr_")]
        if absent:
            raise KeyError(
                f"the frame lacks {len(absent)} columns that the model was trained on: {', '.join(absent[:5])}; "
                "score with the customer view of the same schema or train again"
            )
        matrix = np.empty((len(frame), len(self.names)), dtype=np.float32)
        for position, name in enumerate(self.names):
            if name in frame.columns:
                matrix[:, position] = self._numbers(name, frame[name])
            else:
                matrix[:, position] = np.nan
        matrix[np.isinf(matrix)] = np.nan
        return matrix

    def _numbers(self, name: str, column: pd.Series) -> Matrix:
        if name in self.vocabularies:
            return _codes(column, self.vocabularies[name])
        if _is_number(column):
            return column.to_numpy(dtype=np.float32, na_value=np.nan)
        return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float32, na_value=np.nan)

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return {
            "names": list(self.names),
            "vocabularies": {name: list(levels) for name, levels in self.vocabularies.items()},
            "left_out": dict(self.left_out),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "FeatureSpec":
        """The spec that `to_dict` wrote."""
        vocabularies = {name: tuple(levels) for name, levels in values["vocabularies"].items()}
        return cls(tuple(values["names"]), vocabularies, dict(values["left_out"]))


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)  # booleans count as numbers


def _examine(column: pd.Series) -> tuple[str | None, tuple[str, ...] | None]:
    """Why a column isn't a feature (or None), and the levels of a text column (or None)."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or pd.api.types.is_timedelta64_dtype(column.dtype):
        return "a date or a duration", None
    if _is_number(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        known = values[np.isfinite(values)]
        if known.size == 0:
            return "no known value", None
        is_constant = known.size == values.size and known.min() == known.max()
        return ("the same value everywhere" if is_constant else None), None
    return _examine_text(column)


def _examine_text(column: pd.Series) -> tuple[str | None, tuple[str, ...] | None]:
    known = column.dropna()
    if known.empty:
        return "no known value", None
    if (
        column.dtype == object
        and known.map(lambda value: isinstance(value, (list, dict, tuple, set, np.ndarray))).any()
    ):
        return "lists or objects, not values", None
    levels = known.astype(str).value_counts()
    if len(levels) > MAX_LEVELS:
        return f"text with {len(levels)} distinct values (limit {MAX_LEVELS})", None
    if len(levels) == 1 and len(known) == len(column):
        return "the same value everywhere", None
    # Most frequent first, ties by name: codes don't depend on the order of the rows.
    order = sorted(levels.items(), key=lambda item: (-int(item[1]), str(item[0])))
    return None, tuple(str(level) for level, _ in order)


def _codes(column: pd.Series, vocabulary: tuple[str, ...]) -> Matrix:
    text = column.where(column.isna(), column.astype(str)) if column.dtype == object else column.astype("str")
    codes = pd.Index(vocabulary).get_indexer(pd.Index(text)).astype(np.float32)
    codes[codes < 0] = np.nan
    return codes
