"""`wayfinder live`: which drivers a person has let reach people, beside `WAYFINDER_MODE=live` in the environment."""

from datetime import datetime
from typing import Any

from rich.console import Console

from assets.channels.drivers import NETWORKED
from assets.ledger.live import Live
from orchestration.errors import BadInput
from orchestration.opening import opened
from orchestration.settings import Settings
from orchestration.verbs import configuration_of

Facts = dict[str, Any]


def live(settings: Settings) -> Facts:
    """Each channel's driver, and whether it may reach people."""
    with opened(settings) as engine:
        return _facts(settings, Live(engine))


def allow(settings: Settings, channel: str, by: str, reason: str, at: datetime) -> Facts:
    """Let the channel's driver reach people, from now on.

    Raises:
        BadInput: No such channel, or its driver reaches nobody by itself.
    """
    driver = _driver(settings, channel)
    if driver not in NETWORKED:
        raise BadInput(f"{channel}: its driver is {driver}, which reaches nobody by itself and needs no such word")
    with opened(settings) as engine:
        Live(engine).allow(channel, driver, by=by, at=at, reason=reason)
        return _facts(settings, Live(engine))


def withdraw(settings: Settings, channel: str, by: str, reason: str, at: datetime) -> Facts:
    """Take the word back; `wayfinder stop` is for what can't wait for the next hand-over.

    Raises:
        BadInput: No such channel.
    """
    driver = _driver(settings, channel)
    with opened(settings) as engine:
        Live(engine).withdraw(channel, driver, by=by, at=at, reason=reason)
        return _facts(settings, Live(engine))


def _driver(settings: Settings, channel: str) -> str:
    drivers = _drivers(settings)
    if channel not in drivers:
        raise BadInput(f"{channel!r} is no channel of channels.yaml; it has {', '.join(drivers)}")
    return drivers[channel]


def _drivers(settings: Settings) -> dict[str, str]:
    return {str(name): each.driver for name, each in configuration_of(settings).channels.items()}


def _facts(settings: Settings, rows: Live) -> Facts:
    channels = [
        {"channel": name, "driver": driver, "is_allowed": driver not in NETWORKED or rows.is_allowed(name, driver)}
        for name, driver in _drivers(settings).items()
    ]
    return {"mode": settings.mode, "channels": channels}


def show(console: Console, facts: Facts) -> None:
    """One line a channel."""
    for each in facts["channels"]:
        word = "[green]may reach people[/]" if each["is_allowed"] else "not allowed"
        word = word if each["driver"] in NETWORKED else "nobody reached by itself"
        console.print(f"{each['channel']:<12} {each['driver']:<16} {word}", highlight=False)
    if facts["mode"] != "live":
        console.print(
            "WAYFINDER_MODE isn't live: nothing goes beyond this machine whatever stands here", highlight=False
        )
