"""Learning from a table that you already have: fit, score."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.commands.options import AtOption, ConfigOption, HomeOption, JsonOption, answer, instant, settings_of

app = typer.Typer()
model_app = typer.Typer(help="Learn from a table of a past trial or mailing, and score another.", no_args_is_help=True)
app.add_typer(model_app, name="model")


@model_app.command("fit")
def fit(
    train: Annotated[Path, typer.Option("--train", help="The table: csv, csv.gz or parquet")],
    outcome: Annotated[str, typer.Option("--outcome", help="Column: 0/1, yes/no, or an amount")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the model")],
    action: Annotated[str | None, typer.Option("--action", help="Column: what was done [all were contacted]")] = None,
    control: Annotated[str | None, typer.Option("--control", help="The action's value for nothing done")] = None,
    probability: Annotated[
        str | None,
        typer.Option("--probability", help="Column: chance with which the row's action was drawn [its share]"),
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", help="Column: money of a response [each is worth 1]")
    ] = None,
    cost: Annotated[float, typer.Option("--cost", help="Of an action other than the control, a person")] = 0.0,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="Columns not to learn from, with commas; again for more")
    ] = None,
    teaches: Annotated[
        list[str] | None,
        typer.Option(
            "--teaches", help="CHANNEL or CHANNEL=ACTION: its effect is where campaigns start from; again for more"
        ),
    ] = None,
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Learn who responds, what each action changes, and whom to act on; logged to MLflow."""
    settings = settings_of(home, config)
    from orchestration import model as model_  # noqa: PLC0415 - heavy; `--help` stays quick
    from orchestration import screens  # noqa: PLC0415

    words = model_.FitWords(
        train, outcome, out, action, control, probability, amount, cost, tuple(exclude or ()), tuple(teaches or ())
    )
    answer(model_.fit(settings, words, instant(at), screens.progress(quiet=json)), json, model_.show_fit)


@model_app.command("score")
def score(
    model: Annotated[Path, typer.Option("--model", help="Folder that `fit` wrote")],
    data: Annotated[Path, typer.Option("--data", help="The table: csv, csv.gz or parquet")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .csv, .csv.gz or .parquet")],
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Score each row of a table, in its order: propensity, uplift and net value by action, the best action."""
    settings = settings_of(home, config)
    from orchestration import model as model_  # noqa: PLC0415 - heavy; `--help` stays quick
    from orchestration import screens  # noqa: PLC0415

    answer(model_.score(settings, model, data, out, screens.progress(quiet=json)), json, model_.show_score)
