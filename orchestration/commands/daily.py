"""The day: cycle, plans and a person's word, why, what if."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.commands.options import (
    AtOption,
    ConfigOption,
    DateOption,
    HomeOption,
    JsonOption,
    answer,
    instant,
    settings_of,
)

app = typer.Typer()


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
def shadow(
    folder: Annotated[Path | None, typer.Option("--with", help="Configuration folder of the challenger")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Version of the model that scores instead")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Under which it is kept [what it differs in]")] = None,
    date: Annotated[str | None, typer.Option("--date", help="Day of the plan, YYYY-MM-DD [the newest]")] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Decide a day with a challenger, beside its plan. Nothing is proposed; 1 where its value is below the plan's."""
    settings = settings_of(home, config)
    from orchestration import shadow as shadow_  # noqa: PLC0415 - heavy; after the settings are in force

    facts = shadow_.shadow(settings, date, folder, model, name)
    answer(facts, json, shadow_.show)
    if facts["gate"]["verdict"] == "refused":
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
