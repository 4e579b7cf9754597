"""Pictures that a person sees beside the figures: small PNGs for Dagster's metadata."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    import dagster as dg

    from ml.what_if import CurvePoint


def inline_picture(png: bytes) -> "dg.MetadataValue":
    """A picture inside the asset's metadata."""
    import dagster as dg  # noqa: PLC0415 - the command line draws without it

    return dg.MetadataValue.md(f"![picture](data:image/png;base64,{base64.b64encode(png).decode()})")


def bars(title: str, amounts: Mapping[str, float], unit: str) -> bytes:
    """Horizontal bars, largest first, each with its figure."""
    ordered = sorted(amounts.items(), key=lambda item: item[1])
    figure = Figure(figsize=(6, 0.6 + 0.34 * max(len(ordered), 1)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh([name for name, _ in ordered], [amount for _, amount in ordered], color="#3b6ea5")
    axes.bar_label(drawn, labels=[f"{amount:,.2f}" for _, amount in ordered], padding=3, fontsize=8)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(unit, fontsize=8)
    return _png(figure, axes)


_FARTHEST: Final = 1.5
"""A mark farther off than so many times the drawn numbers is told in words: drawn, it would press the curve to a line."""


def value_curve(title: str, points: Sequence["CurvePoint"], words: tuple[str, str], mark: float | None = None) -> bytes:
    """Net value against a number, what one more of it would be worth below, and a mark where we are.

    Args:
        title: Above the picture.
        points: In the order of their numbers.
        words: What the number is, and the currency.
        mark: Today's number.
    """
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    numbers = [point.number for point in points]
    above.plot(numbers, [point.value for point in points], marker="o", markersize=3, color="#3b6ea5")
    below.plot(numbers, [point.marginal for point in points], marker="o", markersize=3, color="#3b6ea5")
    is_beyond = mark is not None and mark > _FARTHEST * max(numbers, default=0.0)
    for axes, label in ((above, f"net value, {words[1]}"), (below, "one more is worth")):
        axes.set_ylabel(label, fontsize=8)
        if mark is not None and not is_beyond:
            axes.axvline(mark, color="#b5532d", linewidth=1, linestyle="--")
    if is_beyond:
        words = (f"{words[0]} (today {mark:,.0f}, far beyond what is of use)", words[1])
    above.set_title(title, loc="left", fontsize=10)
    below.set_ylim(bottom=0)
    below.set_xlabel(words[0], fontsize=8)
    return _png(figure, above, below)


def _png(figure: Figure, *panels: Axes) -> bytes:
    for axes in panels:
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.tick_params(labelsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
