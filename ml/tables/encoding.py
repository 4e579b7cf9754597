"""The columns of a table as one matrix of numbers, the same for every later table."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ml.tables.columns import Column, Matrix, examine
from ml.tables.errors import TableError


@dataclass(frozen=True)
class Encoder:
    """Learned from one table, applied to others.

    Attributes:
        columns: Columns that are used, in the table's order.
        left_out: Columns that aren't, with the reason.
    """

    columns: tuple[Column, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pd.DataFrame, exclude: Collection[str] = ()) -> "Encoder":
        """Learns from the columns of `frame` but those in `exclude`."""
        found = {name: examine(name, frame[name]) for name in map(str, frame.columns) if name not in exclude}
        used = tuple(each for each in found.values() if isinstance(each, Column))
        return cls(used, {name: each for name, each in found.items() if isinstance(each, str)})

    @property
    def names(self) -> list[str]:
        """Names of the matrix' columns."""
        return [name for column in self.columns for name in column.outputs]

    @property
    def sources(self) -> list[str]:
        """Of each of the matrix' columns, the table's column that it comes from."""
        return [column.name for column in self.columns for _ in column.outputs]

    def matrix(self, frame: pd.DataFrame, where: str) -> Matrix:
        """Numbers of `frame`, float32 [n, F], NaN where missing.

        Args:
            frame: Has every column that was learned from.
            where: The file, for the error.

        Raises:
            TableError: A column is absent.
        """
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        if absent:
            raise TableError(
                f"{where}: column {absent[0]!r} is absent"
                + (f", and {len(absent) - 1} more" if len(absent) > 1 else "")
                + "; the model was learned with it: add it (empty where unknown), or fit again with --exclude"
            )
        matrix = np.empty((len(frame), len(self.names)), dtype=np.float32)
        at = 0
        for column in self.columns:
            width = len(column.outputs)
            matrix[:, at : at + width] = column.numbers(frame[column.name])
            at += width
        return matrix

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"columns": [asdict(column) for column in self.columns], "left_out": dict(self.left_out)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Encoder":
        """What `to_dict` wrote."""
        columns = (
            Column(each["name"], each["kind"], tuple(each["levels"]), tuple(each["shares"]))
            for each in values["columns"]
        )
        return cls(tuple(columns), dict(values["left_out"]))
