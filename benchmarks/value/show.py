"""What the comparison shows beside its tables: channels, verdicts, and a picture."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from benchmarks.value.compare import Bar
from orchestration.comparison import Runs

mpl.use("Agg")
from matplotlib import pyplot as plt


def by_channel(runs: Runs) -> str:
    """Spend and value of each channel, mean of the seeds."""
    lines = []
    for name in (n for n in runs.policies if n != "nothing"):
        table = runs.by_channel(name)
        cells = [f"{c} {r.spend:,.0f} → {r.worth:,.0f}" for c, r in table.iterrows()]
        lines.append(f"{name:<11}{', '.join(cells)}")
    return "\n".join(lines)


def verdicts(bars: Sequence[Bar]) -> str:
    """The issue's figures."""
    width = max((len(b.name) for b in bars), default=0) + 2
    rows = [
        f"  {b.name:<{width}}{b.figure!s:<26}{'' if b.bar is None else f'≥ {b.bar:.2f}':<9}{b.verdict}" for b in bars
    ]
    return "\n".join(rows)


def draw(runs: Runs, path: Path) -> Path:
    """Value per unit of spend by cycle with its interval over seeds, a line a policy."""
    figure, axes = plt.subplots(figsize=(9, 5))
    cycles = np.arange(1, runs.cycles + 1)
    for name in (n for n in runs.policies if n != "nothing"):
        found = [runs.per_spend(name, [int(cycle)]) for cycle in cycles]
        (line,) = axes.plot(cycles, [f.value for f in found], label=name)
        if len(runs.seeds) > 1:
            axes.fill_between(
                cycles, [f.low for f in found], [f.high for f in found], alpha=0.15, color=line.get_color()
            )
    axes.set_xlabel("cycle")
    axes.set_ylabel("incremental margin per unit of spend")
    axes.axhline(1.0, linewidth=0.8, color="grey", linestyle=":")
    axes.legend(fontsize=8)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return path
