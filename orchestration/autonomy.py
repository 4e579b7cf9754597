"""`wayfinder autonomy`: each objective's level, how it came to be, and a person's acceptance of a raise."""

from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine, select

from assets.ledger.earning import Earning
from assets.ledger.engine import reading
from assets.ledger.errors import LedgerError
from assets.ledger.objectives import Objectives
from assets.ledger.tables import autonomy_level
from orchestration.errors import BadInput
from orchestration.opening import opened
from orchestration.settings import Settings

Facts = dict[str, Any]


def autonomy(settings: Settings) -> Facts:
    """Levels in force, the test and the newest evidence for each, raises that wait for a person, and every change."""
    with opened(settings) as engine:
        return {"objectives": _objectives(engine)}


def accept(settings: Settings, objective_id: str, by: str, why: str, at: datetime) -> Facts:
    """A person accepts the raise that is proposed for an objective.

    Raises:
        BadInput: No such objective, nothing is proposed for it, or nobody is named.
    """
    if by.strip().lower() in ("", "system"):
        raise BadInput("only a named person accepts a raise: --by NAME")
    with opened(settings) as engine:
        known = [row["objective_id"] for row in _objectives(engine)]
        if objective_id not in known:
            raise BadInput(f"no objective {objective_id!r} has been seen; known are: {', '.join(known) or 'none yet'}")
        try:
            level = Objectives(engine).accept(objective_id, by=by, at=at, reason=why)
        except LedgerError as error:
            raise BadInput(str(error)) from None
        return {"accepted": objective_id, "level": level, "by": by, "objectives": _objectives(engine)}


def _objectives(engine: Engine) -> list[Facts]:
    with reading(engine) as connection:
        rows = connection.execute(select(autonomy_level).order_by(autonomy_level.c.seq)).all()
    histories: dict[str, list[Facts]] = {}
    for row in rows:
        change = {"kind": row.kind, "level": row.level, "by": row.actor, "reason": row.reason, "at": row.at}
        histories.setdefault(row.objective_id, []).append(change)
    earning = Earning(engine)
    found = earning.newest()
    return [
        _objective(objective_id, history) | {"test": _test(earning, objective_id), "found": found.get(objective_id)}
        for objective_id, history in sorted(histories.items())
    ]


def _test(earning: Earning, objective_id: str) -> Facts | None:
    test = earning.test(objective_id)
    return None if test is None else test.model_dump()


def _objective(objective_id: str, history: list[Facts]) -> Facts:
    """The newest change that isn't a mere proposal holds; a proposal waits only while nothing came after it."""
    held = [change for change in history if change["kind"] != "proposed"]
    proposed = history[-1] if history[-1]["kind"] == "proposed" else None
    return {
        "objective_id": objective_id,
        "level": held[-1]["level"] if held else None,
        "since": held[-1]["at"] if held else None,
        "by": held[-1]["by"] if held else None,
        "proposed": proposed["level"] if proposed else None,
        "evidence": proposed["reason"] if proposed else None,
        "history": history,
    }


def _stated(test: Facts) -> str:
    more = f"more than {test['margin']:.0%} better" if test["margin"] else "better"
    return (
        f"stated beforehand: raised where the system arm is shown {more} than the manual arm at alpha {test['alpha']:g}, "
        f"looking for {test['effect']:+.0%}, and at most {test['crossing_share']:.0%} of days crossed a guardrail"
    )


def show(console: Console, facts: Facts) -> None:
    """A line an objective, and below it what waits for a person."""
    if not facts["objectives"]:
        console.print("no objective has been seen yet: run `wayfinder cycle`")
        return
    if "accepted" in facts:
        console.print(
            f"{facts['accepted']} is [bold]{facts['level']}[/] by {escape(facts['by'])}'s word", highlight=False
        )
    table = Table(box=box.SIMPLE)
    for name in ("objective", "level", "since", "by", "last change"):
        table.add_column(name)
    for row in facts["objectives"]:
        last = row["history"][-1]
        since = f"{row['since']:%Y-%m-%d}" if row["since"] else "–"
        table.add_row(
            row["objective_id"], row["level"] or "–", since, row["by"] or "–", f"{last['kind']}: {last['reason']}"
        )
    console.print(table)
    for row in facts["objectives"]:
        if row["found"]:
            console.print(f"{row['objective_id']}: {escape(row['found']['words'])}", highlight=False)
        if row["test"]:
            console.print(f"  {escape(_stated(row['test']))}", highlight=False)
        if row["proposed"]:
            console.print(
                f"[yellow]proposed[/]: {row['objective_id']} to {row['proposed']}: {escape(row['evidence'])}",
                highlight=False,
            )
            console.print(f"  wayfinder autonomy accept {row['objective_id']} --by NAME", highlight=False)
