"""Campaigns looked at every day: how often intervals hold the truth, and how often there is a false win."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.proof.people import Setting, Truth, draw
from ml.learning.comparison import Comparison
from ml.learning.lift import look_at
from ml.learning.looks import Look
from ml.learning.panel import DAY, MEASURES, Measure

FIRST_DAY: Final = 2


@dataclass(frozen=True)
class Looked:
    """What all looks at one campaign showed.

    Attributes:
        looks: Looks with a figure.
        missed: Whether the interval that holds at all looks missed at any.
        fixed_held: Looks at which the interval for a single look held the truth.
        false_win: Whether system was said to be better at any look, where it isn't.
        false_call: Whether it was said to be better or worse.
        reduction: Share of the variance taken away by what is known from before, at the last look.
        error: Of the last look: estimate less truth.
        plain_error: The same without adjustment.
        width: Of the interval at the last look over that of the single look.
    """

    looks: int
    missed: bool
    fixed_held: int
    false_win: bool
    false_call: bool
    reduction: float
    error: float
    plain_error: float
    width: float


def watch(setting: Setting, truth: Truth, seed: int) -> dict[Measure, Looked]:
    """One campaign, looked at daily through the product's own functions."""
    panel, entry = draw(setting, seed)
    comparison = Comparison.of(panel, "holdout")
    plain = Comparison.of(panel, "holdout", is_adjusted=False)
    found = {}
    for measure in MEASURES:
        true = {day: truth.difference(measure, entry, day) for day in range(FIRST_DAY, setting.days + 1)}
        found[measure] = _watch(true, comparison, plain, measure)
    return found


def _watch(true_on: Mapping[int, float], comparison: Comparison, plain: Comparison, measure: Measure) -> Looked:
    earlier: list[Look] = []
    missed = false_win = false_call = False
    held = 0
    error = reduction = width = float("nan")
    for day, true in true_on.items():
        lift = look_at(comparison, ("campaign", measure, "holdout", "all"), day * DAY, earlier)
        if lift.difference is None or lift.low is None or lift.high is None or lift.information is None:
            continue
        if lift.fixed_low is None or lift.fixed_high is None or lift.reduction is None:
            continue
        earlier.append(Look(lift.until, lift.information))
        missed |= not lift.low <= true <= lift.high
        held += lift.fixed_low <= true <= lift.fixed_high
        false_win |= lift.low > 0
        false_call |= lift.low > 0 or lift.high < 0
        error, reduction = lift.difference - true, lift.reduction
        width = (lift.high - lift.low) / (lift.fixed_high - lift.fixed_low)
    last = max(true_on)
    plain_error = plain.difference(measure, last * DAY).value - true_on[last]
    return Looked(len(earlier), missed, held, false_win, false_call, reduction, error, plain_error, width)
