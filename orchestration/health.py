"""How the hand-over is, channel by channel, and what somebody should look at: for `wayfinder status` and its sensor.

Asks the ledger alone, so both answer in the time of a query.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine, and_, case, func, select

from assets.ledger.bills import Bills
from assets.ledger.columns import to_utc
from assets.ledger.engine import reading
from assets.ledger.halts import ALL, Halts
from assets.ledger.invariants import LEASE
from assets.ledger.plans import Plans
from assets.ledger.tables import generation, outbox

Facts = dict[str, Any]
WEEK: Final = timedelta(days=7)
LATE: Final = timedelta(minutes=30)
"""Two rounds of the schedule that hands over: what is still there then is late."""
EXPIRES_SOON: Final = timedelta(hours=6)
COUNTED: Final = ("waits", "due", "late", "sending", "stuck", "sent", "failed", "unknown")


@dataclass(frozen=True)
class Trouble:
    """Something that a person should know.

    Attributes:
        key: The same as long as it is the same trouble.
        words: A sentence without anything personal.
    """

    key: str
    words: str


def channels(engine: Engine, at: datetime) -> list[Facts]:
    """Of each channel with messages of the last seven days: how many wait, are due, late, stuck, and when one last left."""
    waits = and_(outbox.c.state == "pending", outbox.c.expires_at > at)
    due = and_(waits, outbox.c.send_at <= at)
    sending = outbox.c.state.in_(("leased", "sending"))
    tests = {
        "waits": waits,
        "due": due,
        "late": and_(due, outbox.c.send_at <= at - LATE),
        "sending": sending,
        "stuck": and_(sending, outbox.c.lease_until <= at - LEASE),
        **{state: outbox.c.state == state for state in ("sent", "failed", "unknown")},
    }
    sums = [func.sum(case((test, 1), else_=0)).label(name) for name, test in tests.items()]
    last = func.max(outbox.c.handed_over_at, type_=outbox.c.handed_over_at.type).label("last_handover_at")
    since = (at - WEEK).date().isoformat()
    query = select(outbox.c.channel, *sums, last).where(outbox.c.cycle_on >= since).group_by(outbox.c.channel)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(outbox.c.channel)).mappings().all()
    stops = {
        stop.scope: f"stopped by {stop.by}" + (f": {stop.reason}" if stop.reason else "")
        for stop in Halts(engine).standing()
    }
    found = {
        str(row["channel"]): {name: int(row[name]) for name in COUNTED} | {"last_handover_at": row["last_handover_at"]}
        for row in rows
    }
    for channel in stops.keys() - found.keys() - {ALL}:
        found[channel] = dict.fromkeys(COUNTED, 0) | {"last_handover_at": None}
    return [
        {"channel": channel, **found[channel], "stopped": stops.get(channel, stops.get(ALL))}
        for channel in sorted(found)
    ]


def data_age(engine: Engine, at: datetime) -> Facts | None:
    """The generation published last and its age in hours; None before the first."""
    query = (
        select(generation.c.generation_id, generation.c.published_at)
        .order_by(generation.c.published_at.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    return {"generation_id": row.generation_id, "age_hours": (to_utc(at) - row.published_at).total_seconds() / 3600}


def troubles(engine: Engine, at: datetime) -> list[Trouble]:
    """What is stuck, late, stopped or about to lapse now."""
    found = [
        Trouble(
            f"stopped:{stop.scope}:{stop.at.isoformat()}",
            f"{_name(stop.scope)} is stopped by {stop.by}: {stop.reason or 'no reason given'}",
        )
        for stop in Halts(engine).standing()
    ]
    for row in channels(engine, at):
        channel = row["channel"]
        if row["stuck"]:
            words = (
                f"{channel}: {row['stuck']:,} messages are stuck with a dispatcher that is gone; run wayfinder dispatch"
            )
            found.append(Trouble(f"stuck:{channel}:{at.date()}", words))
        if row["late"] and not row["stopped"]:
            words = f"{channel}: {row['late']:,} messages are late by more than {LATE.seconds // 60} minutes"
            found.append(Trouble(f"late:{channel}:{at.date()}", words))
        if row["unknown"]:
            words = (
                f"{channel}: of {row['unknown']:,} messages of the last seven days nobody knows whether they arrived"
            )
            found.append(Trouble(f"unknown:{channel}:{at.date()}", words))
    for closed in Bills(engine).closed((at - WEEK).date()):
        words = f"budget {closed} is closed: a provider billed more than was held; see wayfinder bill"
        found.append(Trouble(f"billed:{closed}", words))
    return found + _waiting_plans(engine, at)


def _waiting_plans(engine: Engine, at: datetime) -> list[Trouble]:
    found = []
    for plan in Plans(engine).waiting(at):
        found.append(
            Trouble(
                f"waits:{plan.plan_id}",
                f"plan {plan.plan_id} waits for a person until {plan.expires_at:%Y-%m-%d %H:%M} UTC",
            )
        )
        if plan.expires_at is not None and plan.expires_at - to_utc(at) <= EXPIRES_SOON:
            words = f"plan {plan.plan_id} lapses at {plan.expires_at:%Y-%m-%d %H:%M} UTC: approve or reject it before"
            found.append(Trouble(f"lapses:{plan.plan_id}", words))
    return found


def _name(scope: str) -> str:
    return "the whole of the hand-over" if scope == ALL else scope
