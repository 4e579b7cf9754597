"""`wayfinder model`: learn from a table that is there already, and score another."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from threadpoolctl import threadpool_limits

from ml.learning.memory import Finding, Learned, learn
from ml.tables.errors import TableError
from ml.tables.reading import read_table
from ml.tables.writing import check_output, write_table
from ml.tracking_trials import TRIALS, CandidateRun, TrialRun, log_trial
from ml.trials.figures import Figures, candidate_metrics, figures_of
from ml.trials.fitting import Fitted, fit_table
from ml.trials.roles import Roles
from ml.trials.store import check, load, save
from ml.trials.teaching import channels_taught, taught
from orchestration.errors import BadInput
from orchestration.runs import Progress
from orchestration.settings import Settings

Facts = dict[str, Any]


@dataclass(frozen=True)
class FitWords:
    """What the caller of `fit` says."""

    train: Path
    outcome: str
    out: Path
    action: str | None = None
    control: str | None = None
    probability: str | None = None
    amount: str | None = None
    cost: float = 0.0
    exclude: tuple[str, ...] = ()
    teaches: tuple[str, ...] = ()

    def roles(self, frame: pd.DataFrame) -> Roles:
        """Which column is what; names without regard to spaces around them, lists with commas taken apart."""
        if not (isfinite(self.cost) and self.cost >= 0):
            raise TableError(f"--cost {self.cost} can't be; right would be an amount of money, 0 or more")
        names = (self.outcome, self.action, self.probability, self.amount)
        outcome, action, probability, amount = (None if name is None else name.strip() for name in names)
        exclude = [
            part.strip()
            for given in self.exclude
            for part in ([given] if given.strip() in frame.columns else given.split(","))
            if part.strip()
        ]
        return Roles(str(outcome), action, self.control, probability, amount, self.cost, tuple(dict.fromkeys(exclude)))


def fit(settings: Settings, words: FitWords, at: datetime, progress: Progress) -> Facts:
    """Learn from a table, write the model, log it to MLflow.

    Args:
        settings: The workspace.
        words: The table, its columns' roles, where the model goes.
        at: When, for MLflow.
        progress: Told each step with its seconds.

    Raises:
        BadInput: The table or the words can't be used; names the file, the column and what would be right.
    """
    step = _stopwatch(progress)
    with _bad_input():
        check(words.out)
        channels = channels_taught(words.teaches)
        frame = read_table(words.train)
        step(f"read {len(frame):,} rows")
        with threadpool_limits(1, user_api="blas"):  # matrices are small: more threads only wait for each other
            fitted = fit_table(
                frame, words.roles(frame), str(words.train), seed=settings.seed, threads=settings.threads, progress=step
            )
            figures = figures_of(fitted)
        findings = taught(fitted, channels, words.train.name, at.date())
        save(fitted.model, words.out)
    (words.out / "card.md").write_text(figures.card, encoding="utf-8")
    step("model written")
    from orchestration.resources import tracking_of  # noqa: PLC0415 - brings Dagster

    tracking = tracking_of(settings)
    run_id = log_trial(tracking, _run(words, fitted, figures, at), words.out)
    step("logged to MLflow")
    kept = _keep(settings, findings, at)
    return {
        "model": str(words.out),
        "run_id": run_id,
        "run": tracking.url_of(run_id, TRIALS),
        **fitted.model.facts,
        "actions": list(fitted.model.actions),
        "response_model": fitted.head.used,
        **_learned(fitted),
        "metrics": figures.metrics,
        "findings": kept,
        "deciles": {action: [asdict(row) for row in rows] for action, rows in figures.deciles.items()},
    }


def _keep(settings: Settings, findings: Sequence[Finding], at: datetime) -> list[str]:
    """Keep what a trial teaches in the ledger, beside what campaigns found; says what wasn't known yet."""
    learned: list[Learned] = []
    if findings:
        from assets.ledger.ledger import Ledger  # noqa: PLC0415 - only where something is kept
        from orchestration.build import ledger_url  # noqa: PLC0415 - as above

        ledger = Ledger(ledger_url(settings))
        ledger.upgrade()
        learned = learn(findings, ledger.findings.held(), at.date())
        ledger.findings.keep(learned, at)
    return [one.finding.statement for one in learned]


def score(settings: Settings, model: Path, data: Path, out: Path, progress: Progress) -> Facts:
    """Score each row of a table.

    Raises:
        BadInput: There is no such model, or the table can't be scored with it.
    """
    step = _stopwatch(progress)
    del settings  # nothing of the workspace is needed: the model says all
    with _bad_input():
        check_output(out)
        loaded = load(model)
        step("model read")
        frame = read_table(data)
        step(f"read {len(frame):,} rows")
        with threadpool_limits(1, user_api="blas"):
            scores = loaded.score(frame, str(data))
        step("scored")
        write_table(scores, out)
    counts = scores["best_action"].value_counts()
    return {
        "out": str(out),
        "rows": len(scores),
        "best_action": {name: int(counts.get(name, 0)) for name in loaded.actions},
        "mean": {
            name: float(value) for name, value in scores.select_dtypes("number").mean().items() if isfinite(value)
        },
        "notes": loaded.facts["notes"],
    }


def _learned(fitted: Fitted) -> Facts:
    if fitted.learned is None:
        return {"learner": None, "candidates": []}
    choice, policy = fitted.learned.choice, fitted.learned.policy
    return {
        "learner": choice.chosen.name,
        "members": choice.members,
        "candidates": [{"name": row.name, **candidate_metrics(row)} for row in choice.table],
        "best_constant": fitted.model.actions[policy.constant],
        "leaves_constant": isfinite(policy.threshold),
    }


def _run(words: FitWords, fitted: Fitted, figures: Figures, at: datetime) -> TrialRun:
    roles = fitted.model.roles.to_dict()
    parameters = {name: str(value) for name, value in roles.items() if value not in (None, [], "")}
    parameters |= {
        "table": words.train.name,
        "rows": str(fitted.model.facts["rows"]),
        "response_model": "; ".join(fitted.head.used),
    }
    candidates = [CandidateRun(row.recipe.name, {"forward_score": row.score}) for row in fitted.head.table]
    if fitted.learned is not None:
        choice = fitted.learned.choice
        parameters |= {"learner": choice.chosen.name, "members": ", ".join(choice.members)}
        chosen = {choice.chosen.name}
        candidates = [
            *(
                CandidateRun(row.name, candidate_metrics(row), {"is_chosen": str(row.name in chosen)})
                for row in choice.table
            ),
            *candidates,
        ]
    return TrialRun(
        f"{words.train.name}: {words.outcome}",
        at,
        figures.metrics,
        parameters,
        figures.pictures,
        figures.card,
        candidates,
    )


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except TableError as error:
        raise BadInput(escape(str(error))) from None


def _stopwatch(progress: Progress) -> Callable[[str], None]:
    begun = perf_counter()

    def step(name: str) -> None:
        nonlocal begun
        now = perf_counter()
        progress(name, now - begun)
        begun = now

    return step


def show_fit(console: Console, facts: Facts) -> None:
    """A fit on a screen."""
    console.print(f"\n[bold]Model[/] in {escape(facts['model'])}, from {facts['rows']:,} rows", highlight=False)
    for note in [*facts["notes"], *(f"campaigns start from it: {one}" for one in facts["findings"])]:
        console.print(f"  · {escape(note)}", highlight=False)
    if facts["candidates"]:
        table = Table(
            box=box.SIMPLE, title=f"Effects: {facts['learner']} of {', '.join(facts['members'])}", title_justify="left"
        )
        for name in ("candidate", "gain a person over all budgets", "95 %", "policy value"):
            table.add_column(name, justify="left" if name == "candidate" else "right")
        for row in facts["candidates"]:
            low, high = row.get("budget_value_low"), row.get("budget_value_high")
            interval = "–" if low is None or high is None else f"{low:.5f} to {high:.5f}"
            table.add_row(row["name"], f"{row['budget_value']:.5f}", interval, f"{row['policy_value']:.5f}")
        console.print(table)
    table = Table(box=box.SIMPLE)
    table.add_column("figure, on rows not learned from")
    table.add_column("value", justify="right")
    for name, value in facts["metrics"].items():
        table.add_row(escape(name), f"{value:.5g}")
    console.print(table)
    console.print(f"[dim]MLflow: {facts['run']}[/]", highlight=False, soft_wrap=True)


def show_score(console: Console, facts: Facts) -> None:
    """A scoring on a screen."""
    console.print(f"\n{facts['rows']:,} rows scored into [bold]{escape(facts['out'])}[/]", highlight=False)
    for note in facts["notes"]:
        console.print(f"  · {escape(note)}", highlight=False)
    for action, count in facts["best_action"].items():
        console.print(f"  best is {escape(action)}: {count:,}", highlight=False)
