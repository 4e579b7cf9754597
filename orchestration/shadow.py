"""`wayfinder shadow`: the day decided by a challenger, beside the plan that was made. Nothing is proposed or handed over."""

from datetime import date
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets.frames import read_mart
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.shadow import Challenger
from assets.shadow import shadow as decide_with
from ml.allocation.errors import AllocationError
from ml.allocation.stored import StoreError
from ml.configuration import Configuration, ConfigurationError, read_configuration
from ml.response.scores import Scores
from orchestration.aside import aside
from orchestration.build import ledger_url, prepare
from orchestration.errors import BadInput, WorkFailed
from orchestration.resources import tracking_of
from orchestration.settings import Settings
from orchestration.verbs import configuration_of, last_cycle_day

Facts = dict[str, Any]


def shadow(settings: Settings, text: str | None, folder: Path | None, model: str | None, name: str | None) -> Facts:
    """Decide a day with another configuration or another model, and give the difference.

    Args:
        settings: The workspace.
        text: The day; the newest with a plan by default.
        folder: Configuration of the challenger; the one in force by default.
        model: Version of the registered model that scores; the day's by default.
        name: Under which it is kept; what it differs in by default.

    Raises:
        BadInput: Nothing is challenged, no such plan or model, or the configuration has mistakes.
        WorkFailed: No plan of the challenger keeps the day's limits; names the conflict.
    """
    if folder is None and model is None:
        raise BadInput("nothing challenges the plan: give --with FOLDER (another configuration) or --model VERSION")
    configuration = configuration_of(settings)
    prepare(settings)
    home, day = Home(settings.home), _day(settings, text)
    try:
        stated = configuration if folder is None else read_configuration(folder)
    except ConfigurationError as error:
        raise BadInput(str(error)) from None
    ledger = Ledger(ledger_url(settings))
    challenger = Challenger(
        name or "-".join([*([f"model-{model}"] if model else []), *([folder.resolve().name] if folder else [])]),
        stated,
        None if model is None else _scores(settings, home, ledger, stated, day, model),
        model,
    )
    try:
        with aside():
            found = decide_with(
                home, ledger, configuration, day, challenger, seed=settings.seed, threads=settings.threads
            )
    except (FileNotFoundError, StoreError) as error:
        raise BadInput(str(error)) from None
    except AllocationError as error:
        raise WorkFailed(str(error)) from None
    return found | {"currency": configuration.policy.currency}


def _day(settings: Settings, text: str | None) -> date:
    try:
        day = date.fromisoformat(text) if text is not None else last_cycle_day(settings)
    except ValueError:
        raise BadInput(f"--date {text!r} is no date; right would be 2026-01-05") from None
    if day is None or not (Home(settings.home).cycle(day.isoformat()) / "plan.json").exists():
        raise BadInput(f"{day or 'no day'} has no plan to stand beside: run `wayfinder cycle` first, or give --date")
    return day


def _scores(settings: Settings, home: Home, ledger: Ledger, stated: Configuration, day: date, model: str) -> Scores:
    """What another version says of the day's people."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415 - importing MLflow takes 2 CPU-seconds

    try:
        loaded = tracking_of(settings).load(model)
    except MlflowException as error:
        raise BadInput(f"--model {model}: no such version can be loaded from the registry ({error})") from None
    customers = read_mart(home, ledger.generations.latest_of(day), "dim_customers")
    return loaded.model.score(customers, stated.actions.options())


def show(console: Console, facts: Facts) -> None:
    """Both plans side by side, and whether the challenger may be used."""
    console.print(
        f"\n[bold]{escape(facts['name'])}[/] on {facts['cycle_id']}, beside the plan (nothing is proposed or handed over)",
        highlight=False,
    )
    used, other = facts["used"], facts["shadow"]
    table = Table(box=box.SIMPLE)
    for head in ("", "plan", "challenger", "difference"):
        table.add_column(head, justify="right" if head else "left")
    _row(table, f"expected value, {facts['currency']}", used["value_expected"], other["value_expected"], 2)
    _row(table, "spend", sum(used["spend"].values()), sum(other["spend"].values()), 2)
    _row(table, "people contacted", used["people"], other["people"], 0)
    for channel in dict.fromkeys([*used["messages"], *other["messages"]]):
        _row(table, f"{channel}: messages", used["messages"].get(channel, 0), other["messages"].get(channel, 0), 0)
        _row(table, f"{channel}: spend", used["spend"].get(channel, 0.0), other["spend"].get(channel, 0.0), 2)
    console.print(table)
    console.print(f"{facts['people_different']:,} people would be treated differently", highlight=False)
    for whose, plan in (("the plan", used), ("the challenger", other)):
        for objective, words in plan["crossed"].items():
            for one in words:
                console.print(f"  guardrail crossed by {whose}: {escape(objective)}: {escape(one)}", highlight=False)
    gate = facts["gate"]
    colour = {"passed": "green", "refused": "red", "open": "yellow"}[gate["verdict"]]
    console.print(f"by what came of the day: [{colour}]{gate['verdict']}[/]: {escape(gate['reason'])}", highlight=False)
    console.print(f"kept in {facts['folder']}", highlight=False, soft_wrap=True)


def _row(table: Table, words: str, before: float, after: float, digits: int) -> None:
    table.add_row(words, f"{before:,.{digits}f}", f"{after:,.{digits}f}", f"{after - before:+,.{digits}f}")
