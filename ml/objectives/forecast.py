r"""How much of its target an objective will have reached at its end, with an interval, and how likely the target is.

    forecast = ratio (expected so far + still to come from contacts made + rest of the period) [+ untouched, where counted in total]

*Expected* is the sum of the model's uplifts over contacts. The *ratio* of what contacts really cause to that starts at 1
with a spread of 0.5 and is corrected by the measured lift, each weighted by its precision (normal prior, normal likelihood).
The spread of the forecast has two parts: the ratio's, the same for all three sums, and chance: the variance of what is still
to come is its mean times `unit_variance` (1 for counts, \(E[m^2]/E[m]\) for margins m) times the dispersion of past weeks.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Final

from ml.configuration.objective import Objective
from ml.objectives.estimate import Estimate

PRIOR_SD: Final = 0.5
"""Spread of what contacts cause over what the model expects, before anything is measured: half as much is no surprise."""
LEAST_RATIO: Final = 1e-3


@dataclass(frozen=True)
class Effect:
    """What contacts cause as a multiple of what the model expects.

    Attributes:
        ratio: The multiple, not below a thousandth.
        is_measured: Whether a lift is in it.
    """

    ratio: Estimate
    is_measured: bool


def effect_of(expected: float, caused: Estimate | None) -> Effect:
    """The multiple, from the measured lift where there is one.

    Args:
        expected: Units that the model expects to have arrived from contacts so far.
        caused: Units caused so far as measured against holdout; None where it's too early.
    """
    if caused is None or expected <= 0 or caused.sd <= 0:
        return Effect(Estimate(1.0, PRIOR_SD), is_measured=False)
    measured = caused.times(1 / expected)
    prior, seen = 1 / PRIOR_SD**2, 1 / measured.sd**2
    mean = (prior + seen * measured.mean) / (prior + seen)
    return Effect(Estimate(max(LEAST_RATIO, mean), sqrt(1 / (prior + seen))), is_measured=True)


@dataclass(frozen=True)
class Goal:
    """What the target stands for.

    Attributes:
        units: To be reached by the end; its spread is the baseline forecast's, 0 for a stated number.
        is_total: Whether what happens untouched counts as well.
        words: How it came about.
    """

    units: Estimate
    is_total: bool
    words: str


class NoBaselineError(ValueError):
    """A relative target has nothing to be relative to."""


def goal_of(objective: Objective, baseline: Estimate | None, baseline_words: str = "") -> Goal:
    """The target in units: customers, margin, or lapses averted.

    A change is one of the baseline: what the whole period would bring untouched. For `churn_rate` the baseline is the
    customers who would lapse, and the target is always on those averted, which is what contacts cause.

    Args:
        objective: Whose target.
        baseline: Forecast of the period untouched, in units.
        baseline_words: Its method.

    Raises:
        NoBaselineError: The target is a change and there is no baseline.
    """
    target = objective.target
    is_churn = objective.metric == "churn_rate"
    is_total = target.counted == "total" and not is_churn
    if target.change is None:
        stated = float(target.count or target.amount or 0.0)
        return Goal(Estimate(stated, 0.0), is_total, "as stated")
    if baseline is None:
        raise NoBaselineError(
            f"objective {objective.id}: a target of {target.change:+.0%} needs a forecast of what happens untouched, and the "
            "history is shorter than that takes: state the target as a count, or the baseline as a rate"
        )
    share = -target.change if is_churn else target.change
    words = (
        f"{target.change:+.0%} of {baseline.mean:,.0f} ({baseline.low:,.0f} to {baseline.high:,.0f}): {baseline_words}"
    )
    return Goal(baseline.times(1 + share if is_total else share), is_total, words)


@dataclass(frozen=True)
class Standing:
    """How an objective stands on a morning, in its units.

    Attributes:
        expected: What the model expects to have arrived from contacts so far, as far as it will count at the end.
        caused: What all contacts so far have caused, measured against holdout; None where it's too early.
        maturing: What it expects to come by the end from contacts made already.
        reached_total: The metric so far, whoever was contacted; counts where the target is on the total.
        untouched_rest: What the rest of the period brings untouched; where the target is on the total.
        dispersion: Variance over mean of a past week's figure.
        expected_of_all: What the model expects to have arrived from all contacts so far; `expected` without it. For churn a
            sale long before the end doesn't count there, but tells as much of the effect.
    """

    expected: float
    caused: Estimate | None
    maturing: float
    reached_total: float = 0.0
    untouched_rest: Estimate | None = None
    dispersion: float = 1.0
    expected_of_all: float | None = None

    @property
    def effect(self) -> Effect:
        """What contacts cause as a multiple of what is expected."""
        return effect_of(self.expected if self.expected_of_all is None else self.expected_of_all, self.caused)

    def reached(self, goal: Goal) -> Estimate:
        """Of the goal so far: the count where the total counts, else what contacts have caused."""
        if goal.is_total:
            return Estimate(self.reached_total, 0.0)
        return self.effect.ratio.times(self.expected)


@dataclass(frozen=True)
class Forecast:
    """Where an objective will end.

    Attributes:
        units: By its end.
        chance: Of the target.
        method: In words.
    """

    units: Estimate
    chance: float
    method: str


def forecast(goal: Goal, standing: Standing, rest: float) -> Forecast:
    """Where an objective will end if the days left go as planned.

    Args:
        goal: Its target.
        standing: How it stands.
        rest: Units of the rest of the period, by its end, the ratio included.
    """
    ratio = standing.effect.ratio
    ahead = standing.maturing + rest / max(ratio.mean, LEAST_RATIO)
    chance_sd = sqrt(max(0.0, ratio.mean * ahead) * standing.dispersion)
    effects = Estimate(ratio.mean * ahead, sqrt((ratio.sd * ahead) ** 2 + chance_sd**2))
    if goal.is_total:
        untouched = standing.untouched_rest or Estimate(0.0, 0.0)
        units = Estimate(standing.reached_total, 0.0) + effects + untouched
    else:
        whole = standing.expected + ahead
        units = Estimate(ratio.mean * whole, sqrt((ratio.sd * whole) ** 2 + chance_sd**2))
    over = Estimate(units.mean - goal.units.mean, sqrt(units.sd**2 + goal.units.sd**2))
    return Forecast(units, over.chance_of(0.0), _method(standing, goal))


def _method(standing: Standing, goal: Goal) -> str:
    effect = standing.effect
    basis = "corrected by the measured lift" if effect.is_measured else "not yet measured against holdout"
    untouched = ", and what happens untouched" if goal.is_total else ""
    return (
        f"the model's expectation times {effect.ratio.mean:.2f} ({basis}; {max(0.0, effect.ratio.low):.2f} to "
        f"{effect.ratio.high:.2f}) for contacts made and those of the days left as planned on today's people{untouched}"
    )
