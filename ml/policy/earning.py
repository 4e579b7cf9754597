"""What the evidence says of an objective's level: a raise to propose, a lowering that holds at once, or neither."""

from collections.abc import Collection
from dataclasses import dataclass
from math import exp, log
from typing import Final, Literal

from ml.configuration.policy import AutonomyTest
from ml.entities import AUTONOMY_LEVELS, Autonomy
from ml.learning.advantage import Advantage

HARM: Final = "lift_loss"
"""The guardrail that tells of harm done, not of a plan: crossed, it lowers a level that its own plans have waited at too."""

Move = Literal["stays", "proposed", "lowered"]


@dataclass(frozen=True)
class Conduct:
    """How an objective's plans kept to their guardrails since its level changed.

    Attributes:
        days: Days with a plan.
        crossed: Of these, days of which a plan crossed a guardrail.
    """

    days: int = 0
    crossed: int = 0

    @property
    def crossing_share(self) -> float:
        """Crossed of all days; 0 before there are any."""
        return self.crossed / self.days if self.days else 0.0


@dataclass(frozen=True)
class Judgement:
    """What becomes of a level.

    Attributes:
        move: Nothing, a raise proposed, or a lowering.
        level: The level proposed or lowered to; the one in force where nothing moves.
        words: Why, with the figures.
    """

    move: Move
    level: Autonomy
    words: str


def judge(level: Autonomy, shown: Advantage, conduct: Conduct, test: AutonomyTest) -> Judgement:
    """What the arms and the plans since the last change say of a level.

    Raised by one where the system's advantage is shown at 1 / alpha and few enough plans crossed a guardrail; lowered by
    one where it is shown to be lost.

    Args:
        level: In force.
        shown: The arms since.
        conduct: The plans since.
        test: As it was stated when the objective was first seen.
    """
    rank, needed = AUTONOMY_LEVELS.index(level), -log(test.alpha)
    figures = f"{_figures(shown, test)}; plans crossed a guardrail on {conduct.crossed} of {conduct.days} days"
    if shown.worse >= needed and rank > 0:
        return Judgement("lowered", AUTONOMY_LEVELS[rank - 1], f"the advantage over the manual arm is lost: {figures}")
    is_shown, is_kept = shown.better >= needed, conduct.crossing_share <= test.crossing_share
    if is_shown and is_kept and rank < len(AUTONOMY_LEVELS) - 1:
        return Judgement("proposed", AUTONOMY_LEVELS[rank + 1], f"the system beats the manual arm: {figures}")
    lacking = " (too many)" if is_shown and not is_kept else ""
    return Judgement("stays", level, figures + lacking)


def breach(level: Autonomy, released: Collection[str], proposed: Collection[str]) -> Judgement | None:
    """What crossing guardrails does to a level: lowered by one where it was breached, else None.

    An autonomous objective breaches by whatever it lets out across a guardrail. A supervised one holds such a part back
    for a person, which is no breach; it breaches where harm is measured, which what it let out before has done.

    Args:
        level: In force when the plan was made.
        released: Guardrails that the part released without a person's word crossed.
        proposed: Guardrails that the whole plan crossed.
    """
    if level == "autonomous" and released:
        return Judgement("lowered", "supervised", f"released across {', '.join(sorted(set(released)))}")
    if level == "supervised" and HARM in proposed:
        return Judgement("lowered", "assisted", "contacts are certain to do harm (lift_loss)")
    return None


def _figures(shown: Advantage, test: AutonomyTest) -> str:
    if not shown.system_people or not shown.manual_people:
        return "nothing to compare: nobody has been in the system and the manual arm yet"
    more = f" by more than {test.margin:.0%}" if test.margin else ""
    return (
        f"{shown.system_buyers:,} of {shown.system_people:,} people of the system arm and {shown.manual_buyers:,} of "
        f"{shown.manual_people:,} of the manual arm bought in {shown.days} days; evidence for doing better{more} "
        f"{_odds(shown.better)}, for doing worse {_odds(shown.worse)}, {_odds(-log(test.alpha))} is needed"
    )


def _odds(evidence: float) -> str:
    value = exp(min(evidence, log(1e6)))
    return f"{value:,.0f} to 1" if value >= 10 else f"{value:.2g} to 1"  # noqa: PLR2004 - two digits
