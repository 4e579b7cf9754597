"""`wayfinder stop` and `resume`: whether anything more is handed over.

A hand-over asks the ledger again right before each batch, so a stop holds for everything that hasn't left, within the
seconds that a batch takes. Starts light, since whoever stops is in a hurry.
"""

from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from sqlalchemy import Engine, func, select

from assets.ledger.engine import reading
from assets.ledger.halts import ALL, Halts
from assets.ledger.tables import outbox
from ml.entities import CHANNELS
from orchestration.errors import BadInput
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]
OPEN: Final = ("pending", "leased")
"""Provably not handed over: what a stop keeps back."""


def stop(settings: Settings, channel: str | None, by: str, reason: str, at: datetime) -> Facts:
    """Hand over nothing more, on a channel or on all of them.

    Raises:
        BadInput: No such channel.
    """
    scope = _scope(channel)
    with opened(settings) as engine:
        was_stopped = scope in Halts(engine).active()
        Halts(engine).stop(scope, by=by, at=at, reason=reason)
        return _facts(engine, scope, by, reason, at) | {"was_stopped": was_stopped}


def resume(settings: Settings, channel: str | None, by: str, reason: str, at: datetime) -> Facts:
    """Lift the stop of exactly this scope.

    Raises:
        BadInput: No such channel, or it isn't stopped.
    """
    scope = _scope(channel)
    with opened(settings) as engine:
        active = Halts(engine).active()
        if scope not in active:
            others = f"; stopped are: {', '.join(active)}" if active else "; nothing is stopped"
            raise BadInput(f"{_words(scope)} isn't stopped by itself{others}")
        Halts(engine).resume(scope, by=by, at=at, reason=reason)
        return _facts(engine, scope, by, reason, at) | {"was_stopped": True}


def _scope(channel: str | None) -> str:
    if channel is None or channel == ALL:
        return ALL
    if channel not in CHANNELS:
        raise BadInput(f"channel {channel!r} is none of {', '.join(CHANNELS)}; none at all means every channel")
    return channel


def _facts(engine: Engine, scope: str, by: str, reason: str, at: datetime) -> Facts:
    standing = [{"scope": one.scope, "by": one.by, "at": one.at, "why": one.reason} for one in Halts(engine).standing()]
    count = select(outbox.c.channel, func.count()).where(outbox.c.state.in_(OPEN)).group_by(outbox.c.channel)
    sending = select(func.count()).select_from(outbox).where(outbox.c.state == "sending")
    with reading(engine) as connection:
        messages = {str(row[0]): int(str(row[1])) for row in connection.execute(count)}
        under_way = int(connection.execute(sending).scalar_one())
    scopes = {one["scope"] for one in standing}
    kept = {channel: number for channel, number in messages.items() if scopes & {ALL, channel}}
    about = {"scope": scope, "by": by, "why": reason, "at": at.isoformat()}
    return {**about, "stopped": standing, "kept_back": kept, "sending": under_way}


def _words(scope: str) -> str:
    return "the whole of the hand-over" if scope == ALL else scope.replace("_", " ")


def show(console: Console, facts: Facts) -> None:
    """What is stopped now, and what it keeps back."""
    if not facts["stopped"]:
        console.print("Nothing is stopped: what is due leaves with the next hand-over.", highlight=False)
        return
    for one in facts["stopped"]:
        why = f": {escape(one['why'])}" if one["why"] else ""
        said = f"by {escape(one['by'])} at {one['at']:%Y-%m-%d %H:%M} UTC{why}"
        console.print(f"[bold red]stopped[/]: {_words(one['scope'])} ({said})", highlight=False)
    for channel, number in sorted(facts["kept_back"].items()):
        console.print(f"  {channel:<12} {number:>9,} messages are kept back", highlight=False)
    if facts["sending"]:
        console.print(f"  {facts['sending']:,} messages were being sent when it was said", highlight=False)
    scope = next(one["scope"] for one in facts["stopped"])
    console.print(f"go on: wayfinder resume{'' if scope == ALL else ' ' + scope}", highlight=False)
