"""What a provider billed for a channel's day, where that is more than its messages were held for.

Money that is gone counts as spent, whatever the cap said: the budget is closed where it stands, and nothing more is held.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, select

from assets.ledger.audit import record
from assets.ledger.budgets import WHOLE, Scope, lock, spend_unheld
from assets.ledger.columns import from_micros, to_micros
from assets.ledger.engine import reading, writing
from assets.ledger.errors import LedgerError
from assets.ledger.tables import budget, budget_entry, outbox

PREFIX = "bill"


class Billed(NamedTuple):
    """A bill against what the messages cost: `over` is what it is more than that, money; `closed` the budgets it closed."""

    channel: str
    day: date
    total: float
    counted: float
    over: float
    closed: tuple[str, ...]


class Bills:
    """Records what providers billed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def settle(self, channel: str, day: date, total: float, *, by: str, at: datetime, reference: str = "") -> Billed:
        """Take note of what a channel's day cost in all. Said again it's the same; another total takes its place.

        What is more than its messages cost is spent from the day's, the channel's and, by their share of it, the
        objectives' budgets. Less than that gives nothing back: what was held for messages that left stays spent.

        Args:
            channel: The channel.
            day: The day of the cycles whose messages it is for.
            total: Of the bill so far, money.
            by: Who says so.
            at: Business time.
            reference: The bill's number, or a report's name.

        Raises:
            LedgerError: Nobody is named, or the total is no amount.
        """
        if not by.strip():
            raise LedgerError(f"{channel}: a bill needs who says so (--by NAME)")
        if not 0 <= total < float("inf"):
            raise LedgerError(f"{channel}: {total} is no amount of money; give what the provider billed for {day}")
        subject = f"{PREFIX} {channel} {day.isoformat()}"
        with writing(self._engine) as connection:
            costs = _costs(connection, channel, day)
            over = max(0, to_micros(total) - sum(costs.values()))
            wanted = _shared(channel, day, over, costs)
            before = _entered(connection, subject)
            lock(connection, {*wanted, *before})
            spent = {scope: wanted.get(scope, 0) - before.get(scope, 0) for scope in {*wanted, *before}}
            changed = {scope: amount for scope, amount in spent.items() if amount}
            if changed:
                spend_unheld(connection, changed, subject=subject, at=at)
                detail = {"total": total, "over": from_micros(over), "by": by, "reference": reference}
                record(connection, kind="bill.settled", subject=f"{channel} {day.isoformat()}", detail=detail, at=at)
            closed = _closed(connection, {scope for scope, amount in wanted.items() if amount})
        return Billed(channel, day, total, from_micros(sum(costs.values())), from_micros(over), closed)

    def closed(self, since: date) -> list[str]:
        """Budgets that bills have closed: those of days from `since` on, and of whole periods."""
        with reading(self._engine) as connection:
            billed = select(budget_entry.c.scope, budget_entry.c.period).where(
                budget_entry.c.subject.startswith(f"{PREFIX} ")
            )
            scopes = {Scope(row.scope, row.period) for row in connection.execute(billed.distinct())}
            return list(_closed(connection, {each for each in scopes if each.period >= since.isoformat()}))


def _costs(connection: Connection, channel: str, day: date) -> dict[str, int]:
    """What messages that left, or may have, were counted at, by objective."""
    query = select(outbox.c.objective_id, func.sum(outbox.c.cost_micros)).where(
        outbox.c.channel == channel, outbox.c.cycle_on == day.isoformat(), outbox.c.state.in_(("sent", "unknown"))
    )
    return {str(row[0]): int(str(row[1])) for row in connection.execute(query.group_by(outbox.c.objective_id))}


def _shared(channel: str, day: date, over: int, costs: Mapping[str, int]) -> dict[Scope, int]:
    """The excess for each budget; objectives bear it by what they spent, the last of them what rounding leaves."""
    amounts = {Scope("total", day.isoformat()): over, Scope(f"channel:{channel}", day.isoformat()): over}
    whole, left = sum(costs.values()), over
    for position, (name, cost) in enumerate(sorted(costs.items()), start=1):
        part = left if position == len(costs) else over * cost // max(whole, 1)
        amounts[Scope(f"objective:{name}", WHOLE)] = part
        left -= part
    return amounts


def _entered(connection: Connection, subject: str) -> Counter[Scope]:
    entries = select(
        budget_entry.c.scope, budget_entry.c.period, func.sum(budget_entry.c.amount_micros).label("amount")
    )
    mine = (budget_entry.c.subject == subject) & (budget_entry.c.kind == "spend")
    own = entries.where(mine).group_by(budget_entry.c.scope, budget_entry.c.period)
    return Counter({Scope(row.scope, row.period): int(row.amount) for row in connection.execute(own)})


def _closed(connection: Connection, scopes: set[Scope]) -> tuple[str, ...]:
    full = budget.c.cap_micros.is_not(None) & (budget.c.held_micros + budget.c.spent_micros >= budget.c.cap_micros)
    rows = connection.execute(select(budget.c.scope, budget.c.period).where(full))
    return tuple(sorted(f"{row.scope} ({row.period})" for row in rows if Scope(row.scope, row.period) in scopes))
