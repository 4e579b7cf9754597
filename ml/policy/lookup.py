"""Positions of text in other text, fast for millions of rows."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def text(values: "pd.Series | np.ndarray | Iterable[str]") -> pa.Array:
    """Values as Arrow text; what is missing is null."""
    array = pa.array(values, from_pandas=True) if isinstance(values, pd.Series | np.ndarray) else pa.array(list(values))
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.large_string())


def positions(values: pa.Array, among: pa.Array) -> np.ndarray:
    """Position of each value among others, int64 [len(values)]; -1 where it isn't there or missing."""
    found = pc.index_in(values, value_set=among, skip_nulls=True)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
