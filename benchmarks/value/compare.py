"""The issue's figures, of the runs together: how Wayfinder does against baselines and yardsticks, and how it learns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from orchestration.comparison import Interval, Runs

FIRST_CYCLES: Final = 3
_NOTHING_LOST: Final = 1e-9


@dataclass(frozen=True)
class Bar:
    """A figure beside what the issue asks for; `bar` is None where it is only reported."""

    name: str
    figure: Interval
    bar: float | None

    @property
    def verdict(self) -> str:
        """Whether it is reached."""
        if self.bar is None or np.isnan(self.figure.value):
            return "reported"
        return "reached" if self.figure.value >= self.bar else "MISSED"


def bars(runs: Runs, mine: str = "wayfinder") -> list[Bar]:
    """The issue's figures, as far as the runs have the policies and the cycles for them."""
    have, last = set(runs.policies), runs.cycles
    found = []
    if "fixed" in have:
        found.append(Bar("value per spend / fixed 60/25/15 split", runs.against(mine, "fixed"), 1.5))
    if "rules" in have:
        found.append(Bar("value per spend / tuned rules", runs.against(mine, "rules"), 1.2))
        found.append(Bar("value less spend / tuned rules'", runs.against(mine, "rules", by="net"), None))
    if "truth" in have:
        found.append(Bar("share of the full-truth optimum's value", runs.against(mine, "truth", by="worth"), None))
        found.append(Bar("share of its value less spend", runs.against(mine, "truth", by="net"), None))
    if "same" in have:
        found.append(Bar("share of the same-information best's value", runs.against(mine, "same", by="worth"), None))
        if last >= 20:
            found.append(Bar("the same, cycles 18 to 20", runs.against(mine, "same", range(18, 21), by="worth"), 0.8))
    if "same-arms" in have:
        share = runs.against(mine, "same-arms", by="worth")
        found.append(Bar("share of what that one is worth with the same arms", share, None))
        if last >= 20:
            at_20 = runs.against(mine, "same-arms", range(18, 21), by="worth")
            found.append(Bar("the same, cycles 18 to 20", at_20, None))
    if last >= 30:
        is_below = "rules" in have and runs.against(mine, "rules", [3]).value < 1
        words = "cycle 30 / cycle 3, value per spend" + (" (cycle 3 is below the rules)" if is_below else "")
        found.append(Bar(words, runs.later_against_earlier(mine, [30], [3]), None if is_below else 1.25))
        found.append(
            Bar("cycles 28 to 30 / cycles 2 to 4", runs.later_against_earlier(mine, range(28, 31), range(2, 5)), None)
        )
    if "cold" in have:
        first = range(1, FIRST_CYCLES + 1)
        found.append(
            Bar("warm start / cold start, cycles 1 to 3, value", runs.against(mine, "cold", first, by="worth"), 1.1)
        )
    return found


def recovery(runs: Runs, still: Runs, shifted_at: int, mine: str = "wayfinder") -> list[Bar]:
    """How soon a planted change is made good: shares of the optimum's value, which knows the change at once.

    Such a share swings from day to day, between a fifth and two thirds: the readiest people rest after three contacts a week, and
    then there is less to lose. So each is held against the share on the same days of the same markets without the change. Lost is
    what is missing of that in the two cycles from the change on; back is how much of it is there in the sixth to eighth. Against
    the policy's own share in the five cycles before, which are days of another kind, it's only reported.

    Args:
        runs: With the change.
        still: The same seeds and policies without it.
        shifted_at: Cycle of the change.
        mine: The policy.
    """
    first, last = range(shifted_at, shifted_at + 2), range(shifted_at + 5, shifted_at + 8)

    def share(of: Runs, cycles: Sequence[int]) -> Interval:
        return of.against(mine, "truth", cycles, by="worth")

    def kept(cycles: Sequence[int]) -> float:
        return share(runs, cycles).value / share(still, cycles).value

    def back(full: float, at_once: float, later: float) -> Interval:
        fall = full - at_once
        return Interval((later - at_once) / fall if fall > _NOTHING_LOST else np.nan, np.nan, np.nan)

    before, at_once, later = (share(runs, cycles) for cycles in (range(shifted_at - 5, shifted_at), first, last))
    return [
        Bar("share of the optimum, five cycles before the change", before, None),
        Bar("two cycles from the change on", at_once, None),
        Bar("sixth to eighth cycle from the change on", later, None),
        Bar("of the fall of that share, back", back(before.value, at_once.value, later.value), None),
        Bar("share over that without the change, two cycles from it on", Interval(kept(first), np.nan, np.nan), None),
        Bar("sixth to eighth cycle", Interval(kept(last), np.nan, np.nan), None),
        Bar("of the lost value, back after five cycles", back(1.0, kept(first), kept(last)), 0.9),
    ]
