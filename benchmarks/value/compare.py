"""The issue's figures, of the runs together: how Wayfinder does against baselines and yardsticks, and how it learns."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from orchestration.comparison import Interval, Runs

FIRST_CYCLES: Final = 3
FIRST_BACK: Final = 5
"""Cycles after a change until what was lost should be back."""
LEAST_LOST: Final = 0.03
"""Share of the value below which nothing worth the name was lost: two runs of one policy differ by as much."""
YARDSTICKS: Final = {"same": "the same-information best's", "truth": "the full-truth optimum's"}


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
        # Who knows more may contact more people, down to those who bring little more than they cost: less per unit of spend.
        found += [
            Bar(f"{words} value per spend / tuned rules", runs.against(yardstick, "rules"), None)
            for yardstick, words in YARDSTICKS.items()
            if yardstick in have
        ]
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


def recovery(runs: Runs, shifted_at: int, mine: str = "wayfinder") -> list[Bar]:
    """How soon a planted change is made good, against the same policy that is told of it at once (`told`).

    Lost is the value by which it falls short of that one in the two cycles from the change on; back is how much less it falls
    short in the sixth to eighth. Shares of the optimum are only reported: they swing from day to day between a fifth and two thirds,
    since the readiest people rest after three contacts a week, and no knowledge brings back what a channel doesn't do any more.

    Args:
        runs: With the change.
        shifted_at: Cycle of the change.
        mine: The policy.
    """
    before, first, last = (
        range(shifted_at + begin, shifted_at + end) for begin, end in ((-5, 0), (0, 2), (FIRST_BACK, FIRST_BACK + 3))
    )
    found = []
    if "truth" in runs.policies:
        names = ("five cycles before the change", "two cycles from it on", "sixth to eighth cycle from it on")
        found += [
            Bar(f"share of the optimum, {name}", runs.against(mine, "truth", cycles, by="worth"), None)
            for name, cycles in zip(names, (before, first, last), strict=True)
        ]
    if "told" in runs.policies:
        at_once, later = (runs.against(mine, "told", cycles, by="worth") for cycles in (first, last))
        lost = 1 - at_once.value
        back = (later.value - at_once.value) / lost if lost > LEAST_LOST else np.nan
        found += [
            Bar("value over that of who is told at once, two cycles from the change on", at_once, None),
            Bar("the same, sixth to eighth cycle from it on", later, None),
            Bar("of the lost value, back after five cycles", Interval(back, np.nan, np.nan), 0.9),
        ]
    return found
