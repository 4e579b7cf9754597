r"""Shapes of diminishing returns: concave, rising, with slope 1 where nothing has happened yet.

Each has a ceiling \(b\) in the unit of its argument \(x \ge 0\): the most that it can reach, or, where it has no such
limit, the point at which the slope has fallen to a half.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ml.allocation.kernel import F64

Shape = Literal["ratio", "exponential", "logarithmic", "logistic"]


class Saturation(Protocol):
    """A shape S with its ceiling b [n]; all arguments and answers are arrays [n]."""

    def effect(self, x: F64) -> F64:
        """S(x)."""

    def slope(self, x: F64) -> F64:
        """S'(x), 1 at 0 and falling."""

    def at_slope(self, slope: F64) -> F64:
        """The x at which S has the slope, for slopes in (0, 1]."""


@dataclass(frozen=True, eq=False)
class Ratio:
    r"""\(S(x) = b x / (b + x)\), the Michaelis-Menten shape; the simplest to optimize (a second-order cone)."""

    ceiling: F64

    def effect(self, x: F64) -> F64:
        """S(x)."""
        return np.asarray(self.ceiling * x / (self.ceiling + x))

    def slope(self, x: F64) -> F64:
        """S'(x)."""
        return np.asarray((self.ceiling / (self.ceiling + x)) ** 2)

    def at_slope(self, slope: F64) -> F64:
        """Inverse of S'."""
        return np.asarray(self.ceiling * (1.0 / np.sqrt(slope) - 1.0))


@dataclass(frozen=True, eq=False)
class Exponential:
    r"""\(S(x) = b (1 - e^{-x/b})\)."""

    ceiling: F64

    def effect(self, x: F64) -> F64:
        """S(x)."""
        return np.asarray(-self.ceiling * np.expm1(-x / self.ceiling))

    def slope(self, x: F64) -> F64:
        """S'(x)."""
        return np.asarray(np.exp(-x / self.ceiling))

    def at_slope(self, slope: F64) -> F64:
        """Inverse of S'."""
        return np.asarray(-self.ceiling * np.log(slope))


@dataclass(frozen=True, eq=False)
class Logarithmic:
    r"""\(S(x) = b \ln(1 + x/b)\): slows down without ever stopping."""

    ceiling: F64

    def effect(self, x: F64) -> F64:
        """S(x)."""
        return np.asarray(self.ceiling * np.log1p(x / self.ceiling))

    def slope(self, x: F64) -> F64:
        """S'(x)."""
        return np.asarray(self.ceiling / (self.ceiling + x))

    def at_slope(self, slope: F64) -> F64:
        """Inverse of S'."""
        return np.asarray(self.ceiling * (1.0 / slope - 1.0))


@dataclass(frozen=True, eq=False)
class Logistic:
    r"""\(S(x) = b \tanh(x/b)\), the logistic curve \((1 - e^{-\lambda x})/(1 + e^{-\lambda x})\) with \(b = 2/\lambda\), times b.

    Concave where \(x \ge 0\). No DCP form exists: the allocation takes it by its tangents like all the others.
    """

    ceiling: F64

    def effect(self, x: F64) -> F64:
        """S(x)."""
        return np.asarray(self.ceiling * np.tanh(x / self.ceiling))

    def slope(self, x: F64) -> F64:
        """S'(x)."""
        return np.asarray(np.cosh(np.minimum(x / self.ceiling, 350.0)) ** -2.0)

    def at_slope(self, slope: F64) -> F64:
        """Inverse of S'."""
        return np.asarray(self.ceiling * np.arctanh(np.sqrt(1.0 - slope)))


SHAPES: dict[Shape, type[Ratio | Exponential | Logarithmic | Logistic]] = {
    "ratio": Ratio,
    "exponential": Exponential,
    "logarithmic": Logarithmic,
    "logistic": Logistic,
}


def carried_over(past: tuple[tuple[float, ...], ...], retention: float, count: int) -> F64:
    r"""Geometric adstock of what was done before: \(\sum_{l \ge 1} \theta^l e_{-l}\).

    Args:
        past: what was done in earlier cycles, the latest first, each [count].
        retention: \(\theta\), the share that is left a cycle later.
        count: of the totals.

    Returns:
        What still acts today [count].
    """
    carried = np.zeros(count)
    for lag, done in enumerate(past, start=1):
        carried += retention**lag * np.asarray(done, dtype=np.float64)
    return carried
