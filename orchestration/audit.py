"""`wayfinder audit`: the ledger checked against its own rules, in words and with the row that breaks each."""

from datetime import datetime
from time import perf_counter
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from sqlalchemy import func, select

from assets.ledger.audit import Audit
from assets.ledger.engine import reading
from assets.ledger.tables import outbox
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]
SHOWN: Final = 3
"""Subjects that the screen shows of a broken rule; `--json` has up to a hundred."""


def audit(settings: Settings, at: datetime) -> Facts:
    """Check every rule. Nothing is changed.

    Args:
        settings: The workspace.
        at: By when a dispatcher whose lease is over counts as gone.
    """
    begun, broken = perf_counter(), dict[str, int]()
    with opened(settings) as engine:
        found = Audit(engine).check(now=at, on_rule=broken.__setitem__)
        with reading(engine) as connection:
            messages = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    return {
        "at": at.isoformat(),
        "is_sound": not found,
        "engine": engine.dialect.name,
        "messages": messages,
        "rules": broken,
        "violations": [violation._asdict() for violation in found],
        "seconds": perf_counter() - begun,
    }


def show(console: Console, facts: Facts) -> None:
    """Each rule with its sign, and of a broken one the first subjects."""
    for rule, count in facts["rules"].items():
        console.print(f"[green]✓[/] {rule}" if not count else f"[bold red]✗ {rule}[/]", highlight=False)
        of_rule = [violation for violation in facts["violations"] if violation["rule"] == rule]
        for violation in of_rule[:SHOWN]:
            console.print(f"    {escape(violation['subject'])}: {escape(violation['detail'])}", highlight=False)
        if count > SHOWN:
            console.print(f"    and {count - SHOWN}{'' if count < 100 else ' or'} more", highlight=False)  # noqa: PLR2004 - where a rule's rows end
    said = "the ledger is sound" if facts["is_sound"] else f"{len(facts['violations'])} rows break a rule"
    console.print(f"{facts['messages']:,} messages: [bold]{said}[/]", highlight=False)
