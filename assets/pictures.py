"""Pictures that a person sees beside the figures: small PNGs for Dagster's metadata."""

import base64
import io
from collections.abc import Mapping, Sequence

import dagster as dg
from matplotlib.figure import Figure


def inline_picture(png: bytes) -> dg.MetadataValue:
    """A picture inside the asset's metadata."""
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


def curve(
    title: str, x: Sequence[float], y: Sequence[float], labels: tuple[str, str], mark: float | None = None
) -> bytes:
    """A line, with a mark where we are."""
    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(x, y, marker="o", markersize=3, color="#3b6ea5")
    if mark is not None:
        axes.axvline(mark, color="#b5532d", linewidth=1, linestyle="--")
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(labels[0], fontsize=8)
    axes.set_ylabel(labels[1], fontsize=8)
    return _png(figure, axes)


def _png(figure: Figure, axes: object) -> bytes:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]
    axes.tick_params(labelsize=8)  # type: ignore[attr-defined]
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
