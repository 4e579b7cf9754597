"""Keeping it in hand: stop, levels, what may reach people, the ledger, a person's data."""

from typing import Annotated

import typer

from orchestration.commands.options import (
    AtOption,
    ByOption,
    ConfigOption,
    HomeOption,
    JsonOption,
    WhyOption,
    answer,
    instant,
    settings_of,
)

app = typer.Typer()


@app.command()
def stop(
    channel: Annotated[str | None, typer.Argument(help="Only this channel [all of them]")] = None,
    by: Annotated[str, typer.Option(help="Your name")] = "operator",
    why: Annotated[str, typer.Option(help="The reason, kept with the stop")] = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Hand over nothing more, at once: on all channels or on one."""
    from orchestration import stop as stop_  # noqa: PLC0415

    answer(stop_.stop(settings_of(home, config), channel, by, why, instant(at)), json, stop_.show)


@app.command()
def resume(
    channel: Annotated[str | None, typer.Argument(help="Only this channel [what was stopped as a whole]")] = None,
    by: Annotated[str, typer.Option(help="Your name")] = "operator",
    why: Annotated[str, typer.Option(help="The reason, kept with it")] = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Lift a stop: of exactly what was stopped."""
    from orchestration import stop as stop_  # noqa: PLC0415

    answer(stop_.resume(settings_of(home, config), channel, by, why, instant(at)), json, stop_.show)


@app.command()
def audit(at: AtOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check the ledger against its own rules; exit status 1 where one is broken."""
    from orchestration import audit as audit_  # noqa: PLC0415

    facts = audit_.audit(settings_of(home, config), instant(at))
    answer(facts, json, audit_.show)
    if facts["violations"]:
        raise typer.Exit(1)


@app.command()
def forget(
    customer: Annotated[str, typer.Argument(help="Any identifier: customer_id, contact_id, e-mail, phone, …")],
    by: Annotated[str, typer.Option(help="Your name")],
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Erase a person's data; the counts and the suppression stay."""
    settings = settings_of(home, config)
    from orchestration import forget as forget_  # noqa: PLC0415

    answer(forget_.forget(settings, customer, by, instant(at)), json, forget_.show)


@app.command()
def bill(
    channel: str,
    total: Annotated[float, typer.Argument(help="What the provider billed for the day in all")],
    date: Annotated[str, typer.Option(help="The day of the cycles that it is for")],
    by: ByOption,
    reference: Annotated[str, typer.Option(help="The bill's number, or a report's name")] = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take note of what a provider billed: what is more than was held is spent, and closes its budgets."""
    from orchestration import bill as bill_  # noqa: PLC0415

    answer(bill_.bill(settings_of(home, config), channel, date, total, by, reference, instant(at)), json, bill_.show)


autonomy_app = typer.Typer(help="Show each objective's level of autonomy, its evidence, and accept a raise.")
app.add_typer(autonomy_app, name="autonomy")


@autonomy_app.callback(invoke_without_command=True)
def autonomy(
    context: typer.Context, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show each objective's level of autonomy and what is proposed; `accept` a raise."""
    if context.invoked_subcommand is not None:
        return
    from orchestration import autonomy as autonomy_  # noqa: PLC0415

    answer(autonomy_.autonomy(settings_of(home, config)), json, autonomy_.show)


@autonomy_app.command("accept")
def accept(
    objective: str,
    by: Annotated[str, typer.Option(help="Your name")],
    why: Annotated[str, typer.Option(help="The reason, kept with it")] = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Accept the raise that is proposed for an objective."""
    from orchestration import autonomy as autonomy_  # noqa: PLC0415

    answer(autonomy_.accept(settings_of(home, config), objective, by, why, instant(at)), json, autonomy_.show)


ledger_app = typer.Typer(help="Move the ledger to another database.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")


@ledger_app.command("move")
def move(
    to: Annotated[str, typer.Option("--to", help="postgresql://… or sqlite:///…, an empty database")],
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a stopped ledger to an empty database, count it and audit it there."""
    from orchestration import ledger_move  # noqa: PLC0415

    answer(ledger_move.move(settings_of(home, config), to, instant(at)), json, ledger_move.show)


live_app = typer.Typer(help="Which drivers may reach people; `allow` or `withdraw` one.")
app.add_typer(live_app, name="live")


@live_app.callback(invoke_without_command=True)
def live(
    context: typer.Context, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show which drivers may reach people."""
    if context.invoked_subcommand is not None:
        return
    from orchestration import live as live_  # noqa: PLC0415

    answer(live_.live(settings_of(home, config)), json, live_.show)


@live_app.command("allow")
def allow(
    channel: str,
    by: ByOption,
    why: WhyOption = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let a channel's driver reach people."""
    from orchestration import live as live_  # noqa: PLC0415

    answer(live_.allow(settings_of(home, config), channel, by, why, instant(at)), json, live_.show)


@live_app.command("withdraw")
def withdraw(
    channel: str,
    by: ByOption,
    why: WhyOption = "",
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Take that word back."""
    from orchestration import live as live_  # noqa: PLC0415

    answer(live_.withdraw(settings_of(home, config), channel, by, why, instant(at)), json, live_.show)
