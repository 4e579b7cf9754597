"""What runs beside the cycle: the sample market, user interfaces, the receiver, local providers."""

from typing import Annotated

import typer

from orchestration.commands.options import (
    AtOption,
    ConfigOption,
    HomeOption,
    JsonOption,
    answer,
    instant,
    settings_of,
)
from orchestration.settings import Settings

app = typer.Typer()


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
    days: Annotated[int, typer.Option(min=1, help="Cycles to run")] = 7,
    customers: Annotated[int, typer.Option(min=200, help="People of a market")] = 20_000,
    seed: Annotated[int, typer.Option(help="Of the first market")] = 7,
    seeds: Annotated[int, typer.Option(min=1, help="Markets, each of the next seed")] = 1,
    policy: Annotated[
        list[str] | None, typer.Option(help="wayfinder, random, manual, fixed or truth; again for more [wayfinder]")
    ] = None,
    home: HomeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Run policies through the real assets over days of the sample market, and compare them by the market's truth."""
    settings = settings_of(home or Settings.read().home / "simulations", config)
    from orchestration import screens  # noqa: PLC0415 - heavy; after the settings are in force
    from orchestration import simulation as simulation_  # noqa: PLC0415

    facts = simulation_.simulate(
        settings, customers, days, range(seed, seed + seeds), policy or ["wayfinder"], screens.progress(quiet=json)
    )
    answer(facts, json, screens.simulate)


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
    at: AtOption = None,
    home: HomeOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve provider webhooks, unsubscribes and the web channel's decisions, until interrupted."""
    from orchestration import service  # noqa: PLC0415 - heavy

    service.serve(settings_of(home, config), host, port, None if at is None else instant(at))


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
