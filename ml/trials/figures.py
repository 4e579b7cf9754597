"""How good a model of a table is, on rows that its parts hadn't learned from: figures, pictures, and a card."""

import re
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ml.evaluation.classification import auc, calibration_error, calibration_table
from ml.evaluation.plots import calibration_plot, uplift_plot
from ml.evaluation.policy_value import Estimate
from ml.evaluation.report import ChannelPictures
from ml.evaluation.uplift import UpliftDecile, qini, qini_curve, uplift_at, uplift_by_group
from ml.learners.choice import Judged
from ml.trials.fitting import Fitted, LearnedTrial

SHARES: Final = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Figures:
    """What a fit is judged by.

    Attributes:
        metrics: Finite figures by name.
        deciles: Promised and observed effect by decile, by action.
        pictures: PNG bytes by file name.
        card: Markdown.
    """

    metrics: dict[str, float]
    deciles: dict[str, list[UpliftDecile]]
    pictures: dict[str, bytes]
    card: str


def figures_of(fitted: Fitted) -> Figures:
    """Figures of a fit: of effects out of fold, of the response model in the windows that it foretold."""
    metrics, pictures = _of_head(fitted)
    deciles: dict[str, list[UpliftDecile]] = {}
    if fitted.learned is not None:
        metrics |= _of_policy(fitted.learned)
        for place, action in enumerate(fitted.prepared.actions[1:]):
            found, drawn = _of_action(fitted.learned, place)
            metrics |= {f"{metric_name(action)}.{name}": value for name, value in found.items()}
            deciles[action] = drawn.deciles
            pictures[f"uplift_{metric_name(action)}.png"] = uplift_plot(action, drawn)
        pictures["candidates.png"] = candidates_plot(fitted.learned.choice.table)
    finite = {name: float(value) for name, value in metrics.items() if isfinite(value)}
    return Figures(finite, deciles, pictures, card(fitted, finite))


def metric_name(action: str) -> str:
    """An action's name as MLflow and file systems allow it in a name."""
    return re.sub(r"[^A-Za-z0-9_\-]+", "_", action).strip("_")[:60] or "action"


def candidate_metrics(row: Judged) -> dict[str, float]:
    """Figures of a candidate learner."""
    figures = {
        **_interval("budget_value", row.budget_value), **_interval("policy_value", row.policy_value), "dr_loss": row.loss,
        "behind_best_se": row.behind,
    }  # fmt: skip
    return {name: value for name, value in figures.items() if isfinite(value)}


def _interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _of_head(fitted: Fitted) -> tuple[dict[str, float], dict[str, bytes]]:
    head, target = fitted.head, fitted.prepared.outcome[fitted.head.rows]
    if fitted.prepared.kind == "continuous":
        return {"propensity.explained_share": head.score}, {}
    figures = {
        "propensity.auc_forward": head.score, "propensity.auc_forward_pooled": auc(head.foretold, target),
        "propensity.calibration_error": calibration_error(head.foretold, target),
    }  # fmt: skip
    return figures, {"calibration.png": calibration_plot(calibration_table(head.foretold, target))}


def _of_policy(learned: LearnedTrial) -> dict[str, float]:
    policy = learned.policy
    return {
        **_interval("policy_value", policy.value), **_interval("best_constant_value", policy.constant_value),
        **_interval("gain_over_constant", policy.gain), "control_value": policy.values[0].value,
        "switched_share": policy.switched_share, "calibration_slope": learned.calibration.slope,
    }  # fmt: skip


def _of_action(learned: LearnedTrial, place: int) -> tuple[dict[str, float], ChannelPictures]:
    """Of one action against the control, on the rows of the two."""
    trial = learned.trial
    rows = (trial.action == 0) | (trial.action == place + 1)
    effect, contacted, outcome = learned.effects[rows, place], trial.action[rows] > 0, trial.outcome[rows]
    curve, deciles = qini_curve(effect, contacted, outcome), uplift_by_group(effect, contacted, outcome)
    robust = learned.choice.robust
    figures = {
        "effect": float(np.average(robust[:, place + 1] - robust[:, 0], weights=trial.weight)),
        "promised_effect": float(np.average(learned.effects[:, place], weights=trial.weight)),
        "qini": qini(effect, contacted, outcome),
        "auuc": float(np.trapezoid(curve.gain, curve.people)) / max(int(contacted.sum()), 1) / max(len(effect), 1),
        **{f"uplift_at_{int(100 * share)}": uplift_at(share, effect, contacted, outcome) for share in SHARES},
        "calibration_error": float(np.mean([abs(d.promised - d.observed) for d in deciles]))
        if deciles
        else float("nan"),
    }
    return figures, ChannelPictures(curve, deciles)


def candidates_plot(table: list[Judged]) -> bytes:
    """Value of each candidate with its interval, the best on top."""
    figure = Figure(figsize=(6.4, 0.9 + 0.36 * len(table)), layout="constrained")
    axes = figure.subplots()
    rows = table[::-1]
    values = [row.budget_value.value for row in rows]
    half = [row.budget_value.high - row.budget_value.value for row in rows]
    axes.errorbar(values, range(len(rows)), xerr=half, fmt="o", color="#1f4e79", ecolor="#9aa5b1", capsize=3)
    axes.set(yticks=range(len(rows)), yticklabels=[row.name for row in rows])
    axes.set(xlabel="gain a person, averaged over all budgets, 95 %", title="Candidate learners")
    axes.spines[["top", "right"]].set_visible(False)
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def card(fitted: Fitted, metrics: dict[str, float]) -> str:
    """The model card as Markdown."""
    facts, roles = fitted.model.facts, fitted.model.roles
    lines = [
        f"# Model of `{roles.outcome}`" + (f" by `{roles.action}`" if roles.action else ""),
        "",
        f"Learned from {facts['rows']:,} rows and {facts['features']} columns; mean outcome {facts['mean_outcome']:.4g}.",
        "",
        *(f"- {_plain(note)}" for note in fitted.notes),
        *(
            f"- column {_plain(name)} left out: {_plain(reason)}"
            for name, reason in list(facts["left_out"].items())[:30]
        ),
        "",
        f"Response model: {'; '.join(fitted.head.used)} (foretells later rows with {fitted.head.score:.4f}).",
        "",
        *(_effects_lines(fitted.learned) if fitted.learned is not None else []),
        "| figure | value |",
        "|---|---|",
        *(f"| {name} | {value:.6g} |" for name, value in sorted(metrics.items())),
        "",
    ]
    return "\n".join(lines)


def _effects_lines(learned: LearnedTrial) -> list[str]:
    chosen, members = learned.choice.chosen.name, ", ".join(learned.choice.members)
    return [
        f"Effects: {chosen} of {members}; {learned.calibration.slope:.0%} of the spread that it promises holds out.",
        "",
        "| candidate | gain a person over all budgets, 95 % | policy value | behind the best, standard errors |",
        "|---|---|---|---|",
        *(_candidate_line(row) for row in learned.choice.table),
        "",
    ]


def _candidate_line(row: Judged) -> str:
    gain, value = row.budget_value, row.policy_value
    return (
        f"| {row.name} | {gain.value:.5g} ({gain.low:.5g} to {gain.high:.5g}) | {value.value:.5g} | {row.behind:.2f} |"
    )


def _plain(text: Any) -> str:
    return re.sub(r"[|<>`\r\n]", " ", str(text))
