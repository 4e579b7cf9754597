"""Lift: the difference between arms in what people bought since they were assigned.

Counted on orders and store purchases by assignment, whoever was contacted (intention to treat), never on attributed
events. The difference of two arms' means per person is adjusted for purchases before the assignment (`adjustment`); it
has an interval that may be looked at every day (`confidence`, its intrinsic time from `looks`) and beside it the
one for a single look. Below a stated number of people or buyers in either arm it is "too early" and there is no figure.

**What it estimates.** Of everybody who has been in the objective's audience so far, the mean over people of: purchases
from their own assignment until now if they are in the system arm, less the same if they are in the other arm. The other
objectives run as they do in both: each draws its arms by itself, so their contacts are in both arms alike, and what the
objective takes from them (a person has few contacts a day) or adds to them counts. It is what having the objective
beside the others adds; lifts of several objectives don't add up to what all of them cause. A later day's lift is of more
people over a longer time: its truth moves, and the interval holds for each day's own. Effects of late contacts that are
still to come are not in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from ml.entities import ARMS, Arm
from ml.learning.adjustment import Z95
from ml.learning.comparison import ArmFigures, Comparison
from ml.learning.confidence import always_valid_radius
from ml.learning.looks import Look, information
from ml.learning.panel import DAY, MEASURES, Measure, Panel

MINIMUM_PEOPLE: Final = 100
MINIMUM_BUYERS: Final = 20
TIGHTEST_BUYERS: Final = 500.0
EVERYBODY: Final = "all"
OTHERS: Final[tuple[Arm, ...]] = ("holdout", "manual", "random")

Looks = Mapping[tuple[str, Measure, Arm, str], Sequence[Look]]
"""Earlier looks by objective, measure, arm compared with, and segment."""


@dataclass(frozen=True)
class Lift:
    """System less another arm, per person; an interval that may be looked at daily.

    Attributes:
        objective_id: The objective randomized for.
        measure: `conversion` (share with a purchase) or `margin` (money).
        against: The arm compared with.
        segment: People as of their assignment; `all` for everybody.
        system: The system arm, unadjusted.
        other: The arm compared with, unadjusted.
        difference: Per person, adjusted; None where it's too early.
        low: Lower end; None where it's too early.
        high: Upper end; None where it's too early.
        fixed_low: Lower end of the interval for a single look.
        fixed_high: Its upper end.
        reduction: Share of the variance that the adjustment takes away.
        information: Intrinsic time, for the looks to come.
        until: Until when purchases count, microseconds since 1970.
        words: The lift as a person would say it.
    """

    objective_id: str
    measure: Measure
    against: Arm
    segment: str
    system: ArmFigures
    other: ArmFigures
    difference: float | None
    low: float | None
    high: float | None
    fixed_low: float | None
    fixed_high: float | None
    reduction: float | None
    information: float | None
    until: int
    words: str

    @property
    def is_too_early(self) -> bool:
        """Whether there is no figure yet."""
        return self.difference is None

    @property
    def total(self) -> float | None:
        """What the system caused among all of its people: difference times people; None where it's too early."""
        return None if self.difference is None else self.difference * self.system.people


def lifts(
    panel: Panel,
    objective_id: str,
    until: int,
    earlier: Looks,
    *,
    segments: Iterable[str] = (EVERYBODY,),
    against: Iterable[Arm] = OTHERS,
    tightest: float = TIGHTEST_BUYERS,
    alpha: float = 0.05,
) -> list[Lift]:
    """Lift of the system arm against each other arm that has people, by measure and segment.

    Args:
        panel: The objective's people.
        objective_id: The objective.
        until: Until when purchases count, microseconds since 1970.
        earlier: Looks at the same comparisons before, oldest first.
        segments: `all`, and segments as of assignment.
        against: Arms to compare with.
        tightest: Buyers counted at which the interval is tightest; the same at every look.
        alpha: Chance that any look at a comparison misses the truth.
    """
    found = []
    for segment in segments:
        members = panel if segment == EVERYBODY else panel.only(panel.segment == segment)
        present = set(members.arm[: members.assigned_before(until)].tolist())
        for other in against:
            if ARMS.index(other) not in present:
                continue
            comparison = Comparison.of(members, other)
            for measure in MEASURES:
                about = (objective_id, measure, other, segment)
                before = earlier.get(about, ())
                found.append(look_at(comparison, about, until, before, tightest=tightest, alpha=alpha))
    return found


def look_at(
    comparison: Comparison,
    about: tuple[str, Measure, Arm, str],
    until: int,
    earlier: Sequence[Look],
    *,
    tightest: float = TIGHTEST_BUYERS,
    alpha: float = 0.05,
) -> Lift:
    """One look.

    Args:
        comparison: The two arms.
        about: Objective, measure, arm compared with, segment.
        until: Until when purchases count, microseconds since 1970.
        earlier: Looks at the same comparison that gave a figure, oldest first.
        tightest: As for `lifts`.
        alpha: As for `lifts`.
    """
    measure, against = about[1], about[2]
    system, other = comparison.figures(measure, until)
    lacks = _lacks(comparison.panel, system, other, against, until)
    if lacks:
        return Lift(*about, system, other, *(None,) * 7, until, lacks)
    found = comparison.difference(measure, until)
    seen = information(
        found.influence,
        earlier,
        lambda then: comparison.difference(measure, then).influence,
        start=_buyers_counted(system, other),
    )
    radius = always_valid_radius(found.careful_error, seen, tightest=tightest, alpha=alpha)
    low, high = found.value - radius, found.value + radius
    fixed = Z95 * found.careful_error
    reduction = 1 - found.variance / found.plain_variance if found.plain_variance > 0 else 0.0
    words = _words(measure, against, (found.value, low, high))
    ends = (low, high, found.value - fixed, found.value + fixed)
    return Lift(*about, system, other, found.value, *ends, reduction, seen, until, words)


def _words(measure: Measure, against: Arm, figures: tuple[float, float, float]) -> str:
    value, low, high = figures
    shown = "{:+.2%}" if measure == "conversion" else "{:+,.2f}"
    sure = ""
    if low <= 0 <= high:
        times = min(((high - low) / 2 / max(abs(value), 1e-12)) ** 2, 1e6)
        sure = f"; it may be nothing, and if it is this much, {_times(times)} as many buyers would show it"
    return f"{shown.format(value)} a person against {against} ({shown.format(low)} to {shown.format(high)}){sure}"


def _times(times: float) -> str:
    return "more than a hundred times" if times > 100 else f"about {max(times, 1.1):,.1f} times"  # noqa: PLR2004


def _lacks(panel: Panel, system: ArmFigures, other: ArmFigures, against: Arm, until: int) -> str | None:
    """What is missing for a figure, in words; None where nothing is."""
    days = max((until - int(panel.assigned_at[0])) / DAY, 1.0)
    lacking = []
    for arm, figures in ((against, other), ("system", system)):
        people, buyers = MINIMUM_PEOPLE - figures.people, MINIMUM_BUYERS - figures.buyers
        more = [f"{people:,} more {'person' if people == 1 else 'people'}"] if people > 0 else []
        if buyers > 0:
            pace = f" (about {ceil(buyers * days / figures.buyers):,} days at this pace)" if figures.buyers else ""
            more.append(f"{buyers:,} more buyer{'s' if buyers > 1 else ''}{pace}")
        if more:
            lacking.append(f"{' and '.join(more)} in {arm}")
    return f"too early: it takes {', '.join(lacking)}" if lacking else None


def _buyers_counted(system: ArmFigures, other: ArmFigures) -> float:
    """Buyers, each weighted as they weigh in the difference's variance: where the intrinsic time starts."""
    smaller = min(system.people, other.people)
    return system.buyers * (smaller / system.people) ** 2 + other.buyers * (smaller / other.people) ** 2
