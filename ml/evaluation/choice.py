"""Why a learner won, as figures, words and a picture: what an ML engineer compares in one table."""

from collections.abc import Sequence
from io import BytesIO
from math import exp, isnan, log
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ml.response.averages import Averages
from ml.response.candidates import Candidate

_LARGEST: Final = log(1e6)


def figures_of(candidate: Candidate) -> dict[str, float]:
    """A candidate's figures, under the names of the training's own run."""
    return {
        "gain": candidate.gain.value,
        "gain_low": candidate.gain.low,
        "gain_high": candidate.gain.high,
        "gain_over_constant": candidate.over_constant.value,
        "gain_over_constant_low": candidate.over_constant.low,
        "gain_over_constant_high": candidate.over_constant.high,
        "slope": candidate.slope.estimate,
        "slope_sd": candidate.slope.sd,
        "slope_used": candidate.slope.used,
        "held_out_log_likelihood_gain": candidate.explained,
        "seconds": candidate.seconds,
    } | ({} if isnan(candidate.evidence) else {"log_bayes_factor": candidate.evidence})


def reason_of(candidate: Candidate) -> str:
    """Why it is in use, or isn't."""
    slope = f"held-out people support {candidate.slope.estimate:.2f} ± {candidate.slope.sd:.2f} of its differences"
    over = (
        f"{candidate.over_constant.value:+.4f} a person over the same for everybody "
        f"(95 % {candidate.over_constant.low:+.4f} to {candidate.over_constant.high:+.4f})"
    )
    verdict = "in use" if candidate.is_chosen else "not in use"
    if not isnan(candidate.evidence):
        return f"{verdict}: {over}; conversions support it {_times(candidate.evidence)} over the same for everybody"
    return f"{verdict}: {over}; {slope}" if candidate.slope.sd else f"{verdict}: the same for everybody, to be beaten"


def _times(evidence: float) -> str:
    """A log Bayes factor in words."""
    odds = f"{exp(abs(evidence)):,.1f}" if abs(evidence) < _LARGEST else "more than a million"
    return f"{odds} to 1" if evidence >= 0 else f"1 to {odds}"


def candidates_table(candidates: Sequence[Candidate]) -> str:
    """The candidates side by side, as Markdown: why the one in use won."""
    rows = [
        f"| {'**' + one.name + '**' if one.is_chosen else one.name} | {one.gain.value:.4f} "
        f"| {one.over_constant.value:+.4f} ({one.over_constant.low:+.4f} to {one.over_constant.high:+.4f}) "
        f"| {_supported(one)} | {one.explained:+.1f} |"
        for one in candidates
    ]
    head = (
        "| learner | value a person | over the same for everybody (95 %) | support for its differences "
        "| log likelihood of contacts over the same |"
    )
    return "\n".join(["## Candidates, on people held out", "", head, "|---|---:|---|---|---:|", *rows, ""])


def _supported(candidate: Candidate) -> str:
    if not isnan(candidate.evidence):
        return f"evidence {_times(candidate.evidence)}"
    if not candidate.slope.sd:
        return ""
    return f"{candidate.slope.estimate:.2f} ± {candidate.slope.sd:.2f} of them, {candidate.slope.used:.2f} used"


def candidates_plot(candidates: Sequence[Candidate]) -> bytes:
    """What each candidate's policy adds to giving everybody the average, with 95 % intervals."""
    figure = Figure(figsize=(7.2, 0.9 + 0.42 * len(candidates)), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    for place, one in enumerate(reversed(candidates)):
        over, colour = one.over_constant, "#d9822b" if one.is_chosen else "#1f4e79"
        axes.errorbar(
            [over.value],
            [place],
            xerr=[[over.value - over.low], [over.high - over.value]],
            fmt="o",
            color=colour,
            capsize=3,
        )
    axes.axvline(0, color="#9aa5b1", linewidth=1)
    axes.set_yticks(range(len(candidates)), [one.name for one in reversed(candidates)])
    axes.set(xlabel="value a person over the same for everybody, 95 %", title="Candidates, on people held out")
    return _png(figure)


def averages_plot(averages: Averages) -> bytes:
    """Average effect of each option with one standard deviation of what is known of it."""
    names = sorted(averages.options, key=lambda name: averages.options[name].mean)
    figure = Figure(figsize=(7.2, 0.9 + 0.24 * max(len(names), 2)), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    means = [100 * averages.options[name].mean for name in names]
    axes.errorbar(
        means, range(len(names)), xerr=[100 * averages.options[name].sd for name in names], fmt="o", color="#1f4e79"
    )
    axes.axvline(0, color="#9aa5b1", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="points of conversion, ± one standard deviation", title="Average effect of a contact")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()
