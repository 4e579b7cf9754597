"""Caps, holds and spend, counted for each day, each channel and each objective.

A hold is one conditional update: checking first and writing after overspends as soon as two processes do it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, bindparam, case, insert, or_, select, tuple_, update

from assets.ledger.columns import from_micros, to_micros
from assets.ledger.counters import insert_once, upsert
from assets.ledger.engine import reading
from assets.ledger.errors import BudgetExceeded
from assets.ledger.records import BudgetLine, BudgetState
from assets.ledger.tables import budget, budget_entry

WHOLE = "whole"


class Scope(NamedTuple):
    """What a budget is about, and the day or the whole period that it covers."""

    scope: str
    period: str


class Budgets:
    """Reads the budgets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def states(self, period: date | None = None) -> list[BudgetState]:
        """All budgets, or those of one day."""
        query = select(budget).order_by(budget.c.period, budget.c.scope)
        if period is not None:
            query = query.where(budget.c.period == period.isoformat())
        with reading(self._engine) as connection:
            return [_state(row) for row in connection.execute(query)]

    def spent_of(self, objective_id: str) -> float:
        """What an objective has held and spent over its whole period, money."""
        query = select(budget.c.held_micros + budget.c.spent_micros).where(
            budget.c.scope == f"objective:{objective_id}"
        )
        with reading(self._engine) as connection:
            return from_micros(sum(int(str(amount)) for (amount,) in connection.execute(query)))


def _state(row: Any) -> BudgetState:
    cap = None if row.cap_micros is None else from_micros(row.cap_micros)
    return BudgetState(row.scope, row.period, cap, from_micros(row.held_micros), from_micros(row.spent_micros))


def amounts_of(rows: Iterable[Mapping[Any, Any]]) -> dict[Scope, int]:
    """What messages cost, in millionths, for each budget that they count against.

    Args:
        rows: With `cost_micros`, `cycle_on`, `channel`, `objective_id`.
    """
    amounts: dict[Scope, int] = defaultdict(int)
    for row in rows:
        cost = row["cost_micros"]
        amounts[Scope("total", row["cycle_on"])] += cost
        amounts[Scope(f"channel:{row['channel']}", row["cycle_on"])] += cost
        amounts[Scope(f"objective:{row['objective_id']}", WHOLE)] += cost
    return dict(sorted(amounts.items()))  # one order for all writers: no two wait for each other


def set_caps(connection: Connection, lines: Iterable[BudgetLine], *, cycle_on: str, subject: str, at: datetime) -> None:
    """State caps. One below what is already held and spent closes the budget where it stands."""
    used = budget.c.held_micros + budget.c.spent_micros
    for line in sorted(lines, key=lambda each: each.scope):
        period = _period(line, cycle_on)
        cap = to_micros(line.cap)
        row = upsert(connection, budget).values(
            scope=line.scope, period=period, cap_micros=cap, held_micros=0, spent_micros=0
        )
        changed = row.on_conflict_do_update(
            index_elements=["scope", "period"],
            set_={"cap_micros": case((used > cap, used), else_=cap)},
            where=or_(budget.c.cap_micros.is_(None), budget.c.cap_micros != cap),
        )
        if connection.execute(changed.returning(budget.c.scope)).first():
            _enter(connection, Scope(line.scope, period), "cap", cap, subject=subject, at=at)


def hold(connection: Connection, amounts: Mapping[Scope, int], *, subject: str, at: datetime) -> None:
    """Set money aside.

    Raises:
        BudgetExceeded: If a cap would be passed; the caller's transaction has to be rolled back.
    """
    for scope, amount in amounts.items():
        _open(connection, scope)
        if connection.execute(_HELD, _key(scope) | {"b_amount": amount}).rowcount == 0:
            raise BudgetExceeded(_excess(connection, scope, amount))
        _enter(connection, scope, "hold", amount, subject=subject, at=at)


_IS = and_(budget.c.scope == bindparam("b_scope"), budget.c.period == bindparam("b_period"))
_LOCKING = select(budget.c.scope).where(_IS).with_for_update()
_AMOUNT = bindparam("b_amount", type_=budget.c.held_micros.type)
_FITS = or_(
    budget.c.cap_micros.is_(None), budget.c.held_micros + budget.c.spent_micros + _AMOUNT <= budget.c.cap_micros
)
_HELD = update(budget).where(_IS, _FITS).values(held_micros=budget.c.held_micros + _AMOUNT)
_SETTLED = (
    update(budget)
    .where(_IS)
    .values(
        held_micros=budget.c.held_micros - bindparam("b_held"),
        spent_micros=budget.c.spent_micros + bindparam("b_spent"),
    )
)
_ENTERED = insert(budget_entry)


def settle(
    connection: Connection, *, freed: Mapping[Scope, int], spent: Mapping[Scope, int], subject: str, at: datetime
) -> None:
    """Give holds back, and turn holds into spend: all budgets of a transaction in one pass, in one order."""
    moves = [
        {
            "b_scope": scope.scope,
            "b_period": scope.period,
            "b_spent": spent.get(scope, 0),
            "b_held": freed.get(scope, 0) + spent.get(scope, 0),
        }
        for scope in sorted({*freed, *spent})
    ]
    if moves:
        connection.execute(_SETTLED, moves)
    entries = [
        _entry(scope, kind, amount, subject=subject, at=at)
        for kind, amounts in (("free", freed), ("spend", spent))
        for scope, amount in amounts.items()
    ]
    if entries:
        connection.execute(_ENTERED, entries)


def spend_unheld(connection: Connection, amounts: Mapping[Scope, int], *, subject: str, at: datetime) -> None:
    """Count as spent what was never held: it's gone, whatever the cap says. Entered as a hold and its spend, so that both add up."""
    ordered = sorted(amounts.items())
    moves = [
        {"b_scope": scope.scope, "b_period": scope.period, "b_spent": amount, "b_held": 0} for scope, amount in ordered
    ]
    connection.execute(_SETTLED, moves)
    entries = [
        _entry(scope, kind, amount, subject=subject, at=at) for scope, amount in ordered for kind in ("hold", "spend")
    ]
    connection.execute(_ENTERED, entries)


def lock(connection: Connection, scopes: Iterable[Scope]) -> None:
    """Make sure of budgets and lock them in the order of all writers, before a transaction that passes them twice."""
    for scope in sorted(set(scopes)):
        _open(connection, scope)
        connection.execute(_LOCKING, _key(scope))


def lock_held(connection: Connection, scopes: Iterable[Scope]) -> None:
    """Lock budgets that are there, since something is held against them: all in one statement, in the order of all writers."""
    keys = tuple_(budget.c.scope, budget.c.period).in_(sorted(set(scopes)))
    ordered = (
        budget.c.scope.collate("C"),
        budget.c.period.collate("C"),
    )  # as Python sorts them, whatever the database's language
    query = select(budget.c.scope).where(keys).order_by(*ordered)
    connection.execute(query.with_for_update()).all()


def scopes_of(lines: Iterable[BudgetLine], *, cycle_on: str) -> list[Scope]:
    """The budgets that caps are about."""
    return [Scope(line.scope, _period(line, cycle_on)) for line in lines]


def _period(line: BudgetLine, cycle_on: str) -> str:
    if line.scope.startswith("objective:"):
        return WHOLE
    return line.day.isoformat() if line.day else cycle_on


def _open(connection: Connection, scope: Scope) -> None:
    row = {"scope": scope.scope, "period": scope.period, "held_micros": 0, "spent_micros": 0}
    insert_once(connection, budget, row)


def _key(scope: Scope) -> dict[str, Any]:
    return {"b_scope": scope.scope, "b_period": scope.period}


def _enter(connection: Connection, scope: Scope, kind: str, amount: int, *, subject: str, at: datetime) -> None:
    connection.execute(_ENTERED, _entry(scope, kind, amount, subject=subject, at=at))


def _entry(scope: Scope, kind: str, amount: int, *, subject: str, at: datetime) -> dict[str, Any]:
    return {
        "scope": scope.scope,
        "period": scope.period,
        "kind": kind,
        "amount_micros": amount,
        "subject": subject,
        "at": at,
    }


def _excess(connection: Connection, scope: Scope, amount: int) -> str:
    state = _state(connection.execute(select(budget).where(_IS), _key(scope)).one())
    left = (state.cap or 0.0) - state.held - state.spent
    return (
        f"budget '{scope.scope}' ({scope.period}): {from_micros(amount):.2f} asked, "
        f"{left:.2f} left of {state.cap:.2f}; "
        "decide again with what is left, or raise the cap in the configuration"
    )
