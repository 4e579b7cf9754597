"""The smallest figure that is enough: rounded to what an operator would state, or searched for among whole numbers."""

from collections.abc import Callable
from math import ceil, floor

from ml.allocation.terms import Limit

_NEAR = 32
"""Steps from a guess start at this part of it: a guess from proportions is seldom further off."""


def stated(number: float, step: float, limit: Limit) -> float:
    """Rounded to a figure that an operator would state, on the side that is enough."""
    if limit.is_minimum:
        return max(0.0, floor(number / step + 1e-9) * step)
    rounded = ceil(number / step - 1e-9) * step
    return min(1.0, rounded) if limit.unit == "share" else rounded


def smallest(is_enough: Callable[[int], bool], low: int, high: int, guess: float | None = None) -> int | None:
    """The smallest whole number from low to high that is enough; None where the highest isn't.

    Args:
        is_enough: True from some number on.
        low: At least 0.
        high: At least `low`.
        guess: Where it may be: the search starts there and widens by doubling.
    """
    if not is_enough(high):
        return None
    if guess is not None and low < guess < high:
        low, high = _bracket(is_enough, low, high, ceil(guess))
    while low < high:
        middle = (low + high) // 2
        if is_enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _bracket(is_enough: Callable[[int], bool], low: int, high: int, at: int) -> tuple[int, int]:
    """A narrower range that holds the smallest number, near a guess."""
    step = max(1, at // _NEAR)
    if is_enough(at):
        high = at
        while high - step >= low:
            if not is_enough(high - step):
                return high - step + 1, high
            high, step = high - step, 2 * step
        return low, high
    low = at + 1
    while low + step < high:
        if is_enough(low + step):
            return low, low + step
        low, step = low + step + 1, 2 * step
    return low, high


def first_enough(is_enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """A smallest whole number that is enough, where a very high one may be too much: found by steps that double from low.

    Returns:
        A number that is enough while the one below isn't, or low; None where no step up to high is.
    """
    below, at, step = low - 1, low, 1
    while not is_enough(at):
        if at >= high:
            return None
        below, at, step = at, min(at + step, high), 2 * step
    while at - below > 1:
        middle = (below + at) // 2
        if is_enough(middle):
            at = middle
        else:
            below = middle
    return at
