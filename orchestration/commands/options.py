"""What verbs have in common: options, the clock, settings, and how an answer is given."""

import json as json_
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from orchestration.errors import BadInput
from orchestration.settings import Settings

HomeOption = Annotated[Path | None, typer.Option("--home", help="Workspace home [WAYFINDER_HOME, else var/]")]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="What the operator states [WAYFINDER_CONFIG, else config/]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, on one line")]
AtOption = Annotated[str | None, typer.Option("--at", help="Business time, ISO 8601 [now]")]
DateOption = Annotated[
    str | None, typer.Option("--date", help="Day of the cycle, YYYY-MM-DD [today in the workspace's zone]")
]

ByOption = Annotated[str, typer.Option(help="Your name")]
WhyOption = Annotated[str, typer.Option(help="The reason, kept with it")]

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
    """Settings with the command line's words over the environment's, in force for this process.

    Raises:
        BadInput: A variable can't be used.
    """
    given = {key: value for key, value in {"home": home, "config": config}.items() if value is not None}
    settings = Settings.read(**given)
    settings.enter()
    return settings


def answer(facts: Any, json: bool, show: Callable[[Console, Facts], None]) -> None:
    """Print the facts, for a program or for a person."""
    if json:
        print(json_.dumps(facts, default=str))
    else:
        show(Console(), facts)
