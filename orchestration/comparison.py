"""What the runs say together: value per unit of spend by cycle and in total, with intervals over seeds.

Value is the margin that the market expects of the messages when they are sent, by its own law: purchases caused and those
they lead to, less purchases prevented, redeemed offers, and offers given to who would have bought anyway. Contact cost
isn't deducted: it is the spend that value is divided by. Beside it stands what was realized: margin of all sales, late
ones included, against the same seed's market where nobody was contacted (`nothing`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

DRAWS: Final = 2000
SEEDS_FOR_INTERVAL: Final = 2
NOTHING_SPENT: Final = 1e-9
STEP: Final = 3
"""Cycles of a line of the table."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval over seeds; the interval is empty (nan) with fewer than two seeds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """The figure as tables show it."""
        if np.isnan(self.low):
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


class Runs:
    """Results of several policies on the same seeds.

    Args:
        results: A mapping a run: `policy`, `seed`, `cycles` (rows of cycle, channel, messages, spend, worth) and
            `realized_margin`. Only seeds that every policy has are kept.
    """

    def __init__(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.policies = list(dict.fromkeys(str(result["policy"]) for result in results))
        have = [{r["seed"] for r in results if r["policy"] == name} for name in self.policies]
        self.seeds = sorted(set.intersection(*have)) if have else []
        kept = [result for result in results if result["seed"] in self.seeds]
        rows = [row | {"policy": r["policy"], "seed": r["seed"]} for r in kept for row in r["cycles"]]
        names = ["policy", "seed", "cycle", "channel", "messages", "spend", "worth"]
        self._rows = pd.DataFrame(rows, columns=names)
        self.realized = {(r["policy"], r["seed"]): float(r["realized_margin"]) for r in kept}
        self.cycles = int(self._rows["cycle"].max()) if len(self._rows) else 0

    def sums(self, policy: str, column: str, cycles: Sequence[int] | None = None) -> np.ndarray:
        """A column added up over cycles, by seed, float64 [S]."""
        own = self._rows[self._rows["policy"] == policy]
        own = own if cycles is None else own[own["cycle"].isin(list(cycles))]
        return np.asarray(own.groupby("seed")[column].sum().reindex(self.seeds, fill_value=0.0), dtype=float)

    def per_spend(self, policy: str, cycles: Sequence[int] | None = None) -> Interval:
        """Value per unit of spend, all seeds together."""
        worth, spend = self.sums(policy, "worth", cycles), self.sums(policy, "spend", cycles)
        return self._interval(lambda w: _ratio(w @ worth, w @ spend))

    def against(
        self, policy: str, other: str, cycles: Sequence[int] | None = None, *, by: str = "per_spend"
    ) -> Interval:
        """A policy's figure against another's on the same seeds: value per unit of spend, `worth`, or `net` (value less spend)."""
        parts = [self.sums(name, column, cycles) for name in (policy, other) for column in ("worth", "spend")]

        def asked(w: np.ndarray) -> float:
            worth, spend, other_worth, other_spend = (float(w @ part) for part in parts)
            if by == "worth":
                return _ratio(worth, other_worth)
            if by == "net":
                return _ratio(worth - spend, other_worth - other_spend)
            return _ratio(_ratio(worth, spend), _ratio(other_worth, other_spend))

        return self._interval(asked)

    def later_against_earlier(self, policy: str, later: Sequence[int], earlier: Sequence[int]) -> Interval:
        """A policy's value per unit of spend in some cycles against that in earlier ones."""
        parts = [self.sums(policy, column, cycles) for cycles in (later, earlier) for column in ("worth", "spend")]

        def asked(w: np.ndarray) -> float:
            worth, spend, before, before_spend = (float(w @ part) for part in parts)
            return _ratio(_ratio(worth, spend), _ratio(before, before_spend))

        return self._interval(asked)

    def realized_gain(self, policy: str) -> Interval:
        """Margin of all sales beyond that under `nothing`, mean of the seeds."""
        gain = np.array([self.realized[policy, s] - self.realized.get(("nothing", s), np.nan) for s in self.seeds])
        return self._interval(lambda w: float(w @ gain / w.sum()))

    def by_channel(self, policy: str) -> pd.DataFrame:
        """Messages, spend and worth by channel, mean of the seeds."""
        own = self._rows[self._rows["policy"] == policy]
        return own.groupby("channel")[["messages", "spend", "worth"]].sum() / max(len(self.seeds), 1)

    def _interval(self, figure: Any) -> Interval:
        """The figure with seeds drawn anew: weights of seeds in, number out."""
        count = len(self.seeds)
        value = float(figure(np.ones(count)))
        if count < SEEDS_FOR_INTERVAL or np.isnan(value):
            return Interval(value, np.nan, np.nan)
        rng = np.random.default_rng(count)
        weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS).astype(float)
        low, high = np.nanquantile([figure(w) for w in weights], [0.025, 0.975])
        return Interval(value, float(low), float(high))


def _ratio(one: float, other: float) -> float:
    return float(one) / float(other) if abs(other) > NOTHING_SPENT else float("nan")


def totals_table(runs: Runs) -> str:
    """A row a policy: over all cycles, mean of the seeds."""
    lines = [
        f"{'policy':<11}{'messages':>9}{'spend':>9}{'value':>9}{'net':>9}  {'value per spend':<24}{'realized beyond nothing'}"
    ]
    for name in runs.policies:
        messages, spend, worth = (float(runs.sums(name, c).mean()) for c in ("messages", "spend", "worth"))
        per = str(runs.per_spend(name)) if spend else "–"
        gain = str(runs.realized_gain(name)) if "nothing" in runs.policies else "–"
        lines.append(f"{name:<11}{messages:>9,.0f}{spend:>9,.0f}{worth:>9,.0f}{worth - spend:>9,.0f}  {per:<24}{gain}")
    return "\n".join(lines)


def cycles_table(runs: Runs) -> str:
    """Value per unit of spend, some cycles together."""
    names = [name for name in runs.policies if name != "nothing"]
    lines = ["cycles   " + "".join(f"{name:>22}" for name in names)]
    for first in range(1, runs.cycles + 1, STEP):
        last = min(first + STEP - 1, runs.cycles)
        cells = "".join(f"{runs.per_spend(name, range(first, last + 1))!s:>22}" for name in names)
        lines.append(f"{first:>2} to {last:<3}{cells}")
    return "\n".join(lines)
