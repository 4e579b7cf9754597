"""Bugs planted on purpose: a simulation that doesn't find them proves nothing.

Each is a patch of one function of the real code; `planted` puts it in and takes it out again.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, insert, select, update

from assets.channels.contract import Message, Receipt
from assets.channels.dispatch import _Turn
from assets.ledger import budgets, handover
from assets.ledger.errors import BudgetExceeded
from assets.ledger.records import Intent, Lease
from assets.ledger.tables import budget, budget_entry, plan

_begin, _take_over, _deliver = handover.begin, handover.take_over, _Turn._deliver  # noqa: SLF001 - the patched functions
_turn_begin = _Turn._begin  # noqa: SLF001 - likewise


def _reap_resends(connection: Connection, left: Any, **more: Any) -> int:
    """Whatever a gone dispatcher was sending is sent again, key or no key."""
    return _take_over(connection, left, **(more | {"delivery": "keyed", "key_horizon": None}))


def _no_fence(connection: Connection, lease: Lease, **more: Any) -> Intent:
    """A dispatcher that slept past its lease sends what it once claimed, whoever holds it now."""
    intent = _begin(connection, lease, **more)
    if intent.is_halted:
        return intent
    ours = {message.message_id for message in intent.messages}
    stolen = [message for message in lease.messages if message.message_id not in ours and not intent.ended]
    return Intent([*intent.messages, *stolen], intent.ended)


def _checked_once(turn: _Turn, outbox: Any, batch: Lease) -> Intent:
    """What was checked for the first batch of a lease holds for all of it."""
    is_first = getattr(turn, "checked_epoch", None) != batch.epoch
    turn.checked_epoch = batch.epoch  # type: ignore[attr-defined]
    if is_first:
        return _turn_begin(turn, outbox, batch)
    with patch("assets.ledger.handover._ends", lambda *_: {}):
        return _turn_begin(turn, outbox, batch)


def _ack_first(turn: _Turn, lease: Lease, intent: Intent, offer: Any) -> list[Receipt]:
    """What is about to be sent is recorded as sent."""
    at = turn.business_time()
    turn.outbox.ack(lease, [Receipt(message.message_id, "sent", at) for message in offer], at=at)
    turn.runtime.step("mutant.acked")
    return _deliver(turn, lease, intent, offer)


def _consent_at_plan(_connection: Connection, _messages: Sequence[Message]) -> dict[str, str]:
    """Who may be contacted was checked when deciding; that was enough."""
    return {}


def _budget_rmw(connection: Connection, amounts: Mapping[Any, int], *, subject: str, at: Any) -> None:
    """What a budget had left when the plan was decided is what it has left now."""
    seen = float(
        connection.execute(select(plan.c.summary).where(plan.c.plan_id == subject)).scalar_one().split(":")[1][:-1]
    )
    for scope, amount in amounts.items():
        if scope.scope == "total" and amount > seen * 1_000_000:
            raise BudgetExceeded("as far as it knows")
        budgets._open(connection, scope)  # noqa: SLF001 - a patch of the module
        mine = (budget.c.scope == scope.scope) & (budget.c.period == scope.period)
        connection.execute(update(budget).where(mine).values(held_micros=budget.c.held_micros + amount))
        row = {"scope": scope.scope, "period": scope.period, "kind": "hold", "amount_micros": amount}
        connection.execute(insert(budget_entry).values(**row, subject=subject, at=at))


def _no_deadline(_turn: _Turn, _checked: float) -> bool:
    """What was checked holds for as long as it takes."""
    return True


def _no_horizon(_first_used_at: Any, _now: Any, _key_horizon: timedelta | None) -> bool:
    """Keys are remembered for ever."""
    return False


def _free_what_may_have_left(ending: Any) -> Any:
    """What is stopped now never left, whatever an earlier attempt did."""
    return ending


MUTANTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "reap_resends": ("assets.ledger.handover.take_over", _reap_resends),
    "no_fence": ("assets.ledger.handover.begin", _no_fence),
    "checked_once": ("assets.channels.dispatch._Turn._begin", _checked_once),
    "ack_first": ("assets.channels.dispatch._Turn._deliver", _ack_first),
    "consent_at_plan": ("assets.ledger.handover.refusals", _consent_at_plan),
    "budget_rmw": ("assets.ledger.release.hold", _budget_rmw),
    "no_deadline": ("assets.channels.dispatch._Turn._is_fresh", _no_deadline),
    "no_horizon": ("assets.ledger.handover._has_lapsed", _no_horizon),
    "free_what_may_have_left": ("assets.ledger.closing._as_far_as_known", _free_what_may_have_left),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Put a bug in."""
    target, instead = MUTANTS[name]
    with patch(target, instead):
        yield
