"""The command line: a thin face over the Dagster jobs and the ledger.

Every verb takes `--home` and `--config`, answers `--json` with the same facts for programs, and exits 0 on success, 1
where the work itself failed, 2 on bad input.
"""

import json as json_
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from orchestration.errors import BadInput, WorkFailed
from orchestration.settings import Settings

app = typer.Typer(
    help=__doc__.splitlines()[0], no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

HomeOption = Annotated[Path | None, typer.Option("--home", help="Workspace home [WAYFINDER_HOME, else var/]")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="What the operator states [WAYFINDER_CONFIG, else config/]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, on one line")]
AtOption = Annotated[str | None, typer.Option("--at", help="Business time, ISO 8601 [now]")]
DateOption = Annotated[
    str | None, typer.Option("--date", help="Day of the cycle, YYYY-MM-DD [today in the workspace's zone]")
]

Facts = dict[str, Any]


def instant(text: str | None) -> datetime:
    """Business time of a verb: an ISO 8601 time, taken as UTC where it has no zone; the wall clock without one."""
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--at {text!r} is no ISO 8601 time; right would be 2026-01-05T09:00:00Z") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def settings_of(home: Path | None, config: Path | None) -> Settings:
    """Settings with the command line's words over the environment's, in force for this process."""
    given = {key: value for key, value in {"home": home, "config": config}.items() if value is not None}
    settings = Settings().model_copy(update=given).resolved()
    settings.enter()
    return settings


def answer(facts: Any, json: bool, show: Callable[[Console, Facts], None]) -> None:
    """Print the facts, for a program or for a person."""
    if json:
        print(json_.dumps(facts, default=str))
    else:
        show(Console(), facts)


@app.command()
def cycle(
    date: DateOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run one daily campaign cycle and hand over what is due. Safe to run again."""
    from orchestration import screens, verbs  # noqa: PLC0415 - heavy; `--help` stays quick

    settings = settings_of(home, config)
    facts = verbs.cycle(settings, date, instant(at), screens.progress(quiet=json))
    answer(facts, json, screens.cycle)


@app.command()
def dispatch(
    at: AtOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Hand over what is released and due."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.dispatch(settings, instant(at), screens.progress(quiet=json)), json, screens.dispatch)


@app.command()
def ingest(at: AtOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Take in new landing files; re-optimize the open rest of the day where they call for it."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.ingest(settings, instant(at), screens.progress(quiet=json)), json, screens.ingest)


@app.command()
def plans(at: AtOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List the plans and what waits for a person."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    found = verbs.plans(settings, instant(at))
    answer(found["plans"] if json else found, json, screens.plans)


@app.command()
def approve(
    plan: str,
    by: Annotated[str, typer.Option(help="Your name")],
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Approve a waiting plan: exactly the decisions that it was shown with."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.approve(settings, plan, by, instant(at)), json, screens.decided)


@app.command()
def reject(
    plan: str,
    why: Annotated[str, typer.Option(help="The reason, kept with the plan")],
    by: Annotated[str, typer.Option(help="Your name")],
    channel: Annotated[
        list[str] | None, typer.Option(help="Only this channel, for everybody of its objectives; again for more")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Last day on which it isn't proposed again [the next day]")] = None,
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Reject a waiting plan, with the reason; the next plans leave out what it was about."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.reject(settings, plan, by, why, instant(at), channel or (), until), json, screens.decided)


@app.command()
def why(
    customer: str,
    channel: Annotated[str | None, typer.Option(help="Only this channel")] = None,
    date: DateOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Say why this person got this, and why not the others."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.why(settings, customer, channel, date), json, screens.why)


@app.command("what-if")
def what_if(
    wanted: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE, the key as in the YAML files; again for more [replay]")
    ] = None,
    date: Annotated[str | None, typer.Option("--date", help="Day of the plan, YYYY-MM-DD [the newest]")] = None,
    cycle: Annotated[str | None, typer.Option("--cycle", help="A re-optimization's id, such as 2026-01-05.2")] = None,
    curve: Annotated[bool, typer.Option("--curve", help="Draw net value against the first number set")] = False,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the plan that other limits would give, beside the day's. Nothing is changed."""
    settings = settings_of(home, config)
    from orchestration import what_if as what_if_  # noqa: PLC0415 - heavy; after the settings are in force

    facts = what_if_.ask(settings, wanted or [], date, cycle, draws_curve=curve)
    answer(facts, json, what_if_.show)
    if not facts.get("is_same", True):
        raise typer.Exit(1)


@app.command()
def report(
    date: DateOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False
) -> None:
    """Show where the day's report is: what was done, why, what was learned."""
    from orchestration import screens, verbs  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(verbs.report(settings, date), json, screens.report)


@app.command()
def status(at: AtOption = None, home: HomeOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """Show objectives against target and pace, autonomy, and the health of channels and models."""
    from orchestration import screens  # noqa: PLC0415
    from orchestration.status import status as status_  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(status_(settings, instant(at)), json, screens.status)


@app.command()
def demo(
    customers: Annotated[int, typer.Option(min=200, help="People in the sample market")] = 200_000,
    days: Annotated[int, typer.Option(min=1, help="Cycles to run")] = 1,
    seed: int = 7,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make the sample market if the home is empty, then run cycles on it."""
    from orchestration import demo as demo_  # noqa: PLC0415
    from orchestration import screens  # noqa: PLC0415

    settings = settings_of(home, config)
    answer(demo_.demo(settings, customers, days, seed, screens.progress(quiet=json)), json, screens.demo)


@app.command()
def simulate(
    days: Annotated[int, typer.Option(min=1)] = 7,
    customers: Annotated[int, typer.Option(min=200)] = 20_000,
    seed: int = 7,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run the closed loop on the sample market in a home of its own, against what the market alone would have done."""
    from orchestration import demo as demo_  # noqa: PLC0415
    from orchestration import screens  # noqa: PLC0415

    settings = settings_of(home or Path("var") / f"simulation-{seed}", config)
    answer(demo_.simulate(settings, customers, days, seed, screens.progress(quiet=json)), json, screens.simulate)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Dagster's port; MLflow takes the next")] = 3000,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Start Dagster (webserver and daemon) and MLflow on loopback over this home, until interrupted."""
    from orchestration import ui as ui_  # noqa: PLC0415

    ui_.serve(settings_of(home, config), port)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; a proxy with TLS belongs in front")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8000,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve provider webhooks, unsubscribes and the web channel's decisions, until interrupted."""
    from orchestration import service  # noqa: PLC0415 - heavy

    service.serve(settings_of(home, config), host, port)


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


@app.command()
def preview(
    creative: str,
    customer: Annotated[str | None, typer.Argument(help="A customer or contact id [a made-up person]")] = None,
    date: Annotated[str | None, typer.Option("--date", help="Day of the published view [the newest]")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write the message as a page")] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show the message that a creative makes."""
    from orchestration import preview as preview_  # noqa: PLC0415

    facts = preview_.preview(settings_of(home, config), creative, customer, date)
    if html is not None:
        preview_.write_html(facts, html)
    answer(facts, json, preview_.show)


@app.command()
def sandbox(
    port_http: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8025,
    port_smtp: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 1025,
    faults: Annotated[
        list[str] | None, typer.Option(help="CHANNEL.FAULT=RATE, such as sms.drop_after=0.05; several with commas")
    ] = None,
    answer_url: Annotated[
        str, typer.Option("--answer", help="A receiver's base URL that gets answers as signed webhooks")
    ] = "",
    disorder: Annotated[str, typer.Option(help="Of the answers: twice=0.05,late=0.02,shuffled=0.1")] = "",
    mailbag: Annotated[
        bool, typer.Option("--mailbag", help="Let the sample market answer for what is accepted")
    ] = False,
    seed: int = 7,
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Run local providers that speak the real protocols, with faults on demand, until interrupted."""
    from orchestration import sandbox as sandbox_  # noqa: PLC0415

    begins_at = instant(at) if at is not None else None
    words = sandbox_.SandboxWords(port_http, port_smtp, seed, faults or [], begins_at, answer_url, disorder, mailbag)
    sandbox_.become(settings_of(home, config), words)


live_app = typer.Typer(help="Which drivers may reach people; `allow` or `withdraw` one.")
app.add_typer(live_app, name="live")
ByOption = Annotated[str, typer.Option(help="Your name")]
WhyOption = Annotated[str, typer.Option(help="The reason, kept with it")]


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


def main() -> None:
    """Run a verb and turn what it raises into one clear line and its exit status."""
    warnings.filterwarnings(
        "ignore", module="dagster", category=UserWarning
    )  # about backfill policies that no verb uses
    from pydantic import ValidationError  # noqa: PLC0415

    console = Console(stderr=True)
    try:
        app(standalone_mode=True)
    except (BadInput, ValidationError) as error:
        console.print(f"[bold red]bad input[/]: {error}", highlight=False)
        sys.exit(2)
    except WorkFailed as error:
        console.print(f"[bold red]failed[/]: {error}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
