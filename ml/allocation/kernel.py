"""How the compiled loops of this package are made, and the array types that they take."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

F32: TypeAlias = npt.NDArray[np.float32]
F64: TypeAlias = npt.NDArray[np.float64]
I64: TypeAlias = npt.NDArray[np.int64]
Bool: TypeAlias = npt.NDArray[np.bool_]
Index: TypeAlias = npt.NDArray[Any]  # uint8 or uint16: as few bytes as the classes need

_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compiles a loop over arrays on its first call and keeps the machine code beside the bytecode.

    The loop releases the interpreter's lock, so threads run it side by side. Fused or reordered arithmetic stays
    off: the same input gives the same bits on every machine.
    """
    return cast("_Function", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def slices(count: int, parts: int) -> list[tuple[int, int]]:
    """Cuts `range(count)` into at most `parts` contiguous ranges of nearly equal length, none of them empty."""
    edges = [count * part // parts for part in range(parts + 1)]
    return [(low, high) for low, high in pairwise(edges) if high > low]
