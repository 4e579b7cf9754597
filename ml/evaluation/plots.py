"""Pictures of a report as PNG bytes, drawn without a display."""

from io import BytesIO
from typing import Any, Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ml.evaluation.classification import CalibrationGroup
from ml.evaluation.report import ChannelPictures, Report

_INK: Final = "#1f4e79"
_ACCENT: Final = "#d9822b"
_QUIET: Final = "#9aa5b1"
_FEATURES_SHOWN: Final = 20


def draw(report: Report) -> dict[str, bytes]:
    """PNG bytes by file name: `calibration.png`, `feature_importance.png`, and `uplift_<channel>.png` a channel."""
    pictures = {"calibration.png": calibration_plot(report.calibration)}
    if report.importance:
        pictures["feature_importance.png"] = importance_plot(dict(report.importance))
    for channel, drawn in report.channels.items():
        pictures[f"uplift_{channel}.png"] = uplift_plot(channel, drawn)
    return pictures


def calibration_plot(table: list[CalibrationGroup]) -> bytes:
    """Observed against promised conversion by decile, with 95 % intervals; on the diagonal promises are kept."""
    figure, axes = _figure(5.2, 4.6)
    promised, observed = [group.promised for group in table], [group.observed for group in table]
    below = [group.observed - group.low for group in table]
    above = [group.high - group.observed for group in table]
    limit = max([*promised, *(group.high for group in table), 1e-6]) * 1.05
    axes.plot([0, limit], [0, limit], color=_QUIET, linestyle="--", linewidth=1, label="promise kept")
    axes.errorbar(
        promised, observed, yerr=[below, above], fmt="o", color=_INK, capsize=3, label="decile, 95 % interval"
    )
    axes.set(xlim=(0, limit), ylim=(0, limit), xlabel="promised conversion", ylabel="observed conversion")
    axes.set_title("Calibration on people held out")
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def uplift_plot(channel: str, drawn: ChannelPictures) -> bytes:
    """Left: the Qini curve against a random order. Right: promised and observed uplift by decile of the prediction."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    people = drawn.curve.people / max(float(drawn.curve.people[-1]), 1.0)
    left.plot(people, drawn.curve.gain, color=_INK, label="by predicted uplift")
    left.plot([0, 1], [0, drawn.curve.gain[-1]], color=_QUIET, linestyle="--", linewidth=1, label="random order")
    left.set(xlabel="share of people contacted", ylabel="incremental conversions", title=f"{channel}: Qini curve")
    left.legend(frameon=False)
    places = list(range(1, len(drawn.deciles) + 1))
    observed = [group.observed for group in drawn.deciles]
    errors = [[g.observed - g.low for g in drawn.deciles], [g.high - g.observed for g in drawn.deciles]]
    right.axhline(0, color=_QUIET, linewidth=1)
    right.bar(places, observed, yerr=errors, color=_INK, alpha=0.75, ecolor=_QUIET, capsize=2, label="observed, 95 %")
    right.plot(places, [g.promised for g in drawn.deciles], "o-", color=_ACCENT, label="promised")
    right.set(xlabel="decile of predicted uplift", ylabel="uplift", title=f"{channel}: uplift by decile", xticks=places)
    right.legend(frameon=False)
    _plain(left)
    _plain(right)
    return _png(figure)


def importance_plot(importance: dict[str, float]) -> bytes:
    """Share of the heads' gain by feature, largest on top."""
    shown = list(importance.items())[:_FEATURES_SHOWN][::-1]
    figure, axes = _figure(6.4, 0.8 + 0.26 * len(shown))
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=_INK)
    axes.set(xlabel="share of gain over all heads", title="What the model looks at")
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
