"""How a channel does, kept where all its dispatchers see it: its pace, and a circuit breaker.

    closed ─failures─► open ─its time is over─► one batch as a probe ─ok─► closed
                        ▲                              └─failed─► open, twice as long

A channel fails as a whole where most of a batch was refused for now or got no answer; a message that is refused for
good says nothing about its channel.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, select, update

from assets.ledger.audit import record
from assets.ledger.columns import to_utc
from assets.ledger.counters import insert_once
from assets.ledger.engine import reading, writing
from assets.ledger.tables import channel_health

FAILURES_IN_A_ROW = 5
WINDOW = timedelta(minutes=1)
WINDOW_MESSAGES = 40
FAILED_SHARE = 0.5
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=30)
PROBE_MESSAGES = 20
PROBE = timedelta(minutes=2)
LONGEST_WAIT = timedelta(seconds=10)
_row = channel_health.c
_OPEN_UNTIL = select(_row.open_until).where(_row.channel == bindparam("b_channel"))


class ChannelState(NamedTuple):
    """A channel's breaker.

    `state`: `closed`, `open` (nothing is handed over until `open_until`) or `half_open` (a probe is next or under way).
    """

    channel: str
    state: str
    open_until: datetime | None
    failure_count: int
    trip_count: int


class Health:
    """Pace and breaker of each channel."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def states(self, now: datetime) -> list[ChannelState]:
        """Breakers of the channels that ever failed; any other is closed."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(channel_health).order_by(_row.channel)).all()
        return [_state(row, to_utc(now)) for row in rows]

    def reserve(self, channel: str, count: int, *, rate: float, now: datetime) -> float:
        """Take the channel's next places in time, for all its dispatchers together.

        The generic cell rate algorithm: each message moves the channel's time on by 1/rate.

        Args:
            channel: The channel.
            count: Messages.
            rate: Messages a second.
            now: The clock that leases run by.

        Returns:
            Seconds to wait before the first of them may begin.
        """
        with writing(self._engine) as connection:
            _ensure(connection, channel)
            paced = select(_row.paced_until).where(_row.channel == channel).with_for_update()
            due = connection.execute(paced).scalar() or to_utc(now)
            span = timedelta(seconds=count / rate)
            if due - to_utc(now) > LONGEST_WAIT + span:  # a clock that ran ahead must not stop the channel
                due = to_utc(now)
            begins = max(due, to_utc(now))
            connection.execute(update(channel_health).where(_row.channel == channel).values(paced_until=begins + span))
        return (begins - to_utc(now)).total_seconds()

    def fail(self, channel: str, *, now: datetime) -> None:
        """Note that a channel failed as a whole."""
        with writing(self._engine) as connection:
            note(connection, channel, total=1, failed=1, now=now)


def admit(connection: Connection, channel: str, *, now: datetime) -> tuple[datetime | None, bool]:
    """Whether a batch may be claimed: until when the channel rests (None: it doesn't), and whether it's the probe."""
    kept = connection.execute(_OPEN_UNTIL, {"b_channel": channel}).scalar()
    if kept is None:
        return None, False
    row = _locked(connection, channel)
    if row.open_until is None:
        return None, False
    busy_until = max(row.open_until, row.probe_until or row.open_until)
    if busy_until > to_utc(now):
        return busy_until, False
    connection.execute(update(channel_health).where(_row.channel == channel).values(probe_until=to_utc(now) + PROBE))
    return None, True


_KNOWN = select(_row.failure_count, _row.open_until, _row.window_from).where(_row.channel == bindparam("b_channel"))


def note(connection: Connection, channel: str, *, total: int, failed: int, now: datetime) -> None:
    """Count a batch. A channel that never failed costs one look."""
    if total == 0:
        return
    first = connection.execute(_KNOWN, {"b_channel": channel}).first()
    is_quiet = first is None or (first.failure_count == 0 and first.open_until is None and first.window_from is None)
    if is_quiet and failed == 0:
        return
    if first is None:
        _ensure(connection, channel)
    row = _locked(connection, channel)
    is_failure = failed > FAILED_SHARE * total
    if row.open_until is not None:
        if to_utc(now) >= row.open_until:
            _settle_probe(connection, row, is_failure=is_failure, now=now)
        return
    values = _counted(row, total, failed, is_failure=is_failure, now=to_utc(now))
    share = values["window_failed"] / max(values["window_total"], 1)
    is_over = values["window_total"] >= WINDOW_MESSAGES and share >= FAILED_SHARE
    if values["failure_count"] >= FAILURES_IN_A_ROW or is_over:
        _open(connection, row, now=now)
    else:
        connection.execute(update(channel_health).where(_row.channel == channel).values(values))


def _counted(row: Any, total: int, failed: int, *, is_failure: bool, now: datetime) -> dict[str, Any]:
    is_same = row.window_from is not None and timedelta(0) <= now - row.window_from < WINDOW
    is_over = not is_same and failed == 0
    return {
        "failure_count": row.failure_count + 1 if is_failure else 0,
        "window_from": row.window_from if is_same else (None if is_over else now),
        "window_total": 0 if is_over else (row.window_total if is_same else 0) + total,
        "window_failed": 0 if is_over else (row.window_failed if is_same else 0) + failed,
    }


def _settle_probe(connection: Connection, row: Any, *, is_failure: bool, now: datetime) -> None:
    if is_failure:
        _open(connection, row, now=now)
        return
    closed = {"open_until": None, "probe_until": None, "trip_count": 0, **_NO_FAILURES}
    connection.execute(update(channel_health).where(_row.channel == row.channel).values(closed))
    record(connection, kind="breaker.closed", subject=row.channel, detail={}, at=now)


def _open(connection: Connection, row: Any, *, now: datetime) -> None:
    rest = min(FIRST_REST * (1 << min(row.trip_count, 10)), LONGEST_REST)
    opened = {"open_until": to_utc(now) + rest, "probe_until": None, "trip_count": row.trip_count + 1, **_NO_FAILURES}
    connection.execute(update(channel_health).where(_row.channel == row.channel).values(opened))
    detail = {"seconds": int(rest.total_seconds()), "times": row.trip_count + 1}
    record(connection, kind="breaker.opened", subject=row.channel, detail=detail, at=now)


_NO_FAILURES = {"failure_count": 0, "window_from": None, "window_total": 0, "window_failed": 0}


def _ensure(connection: Connection, channel: str) -> None:
    insert_once(connection, channel_health, {"channel": channel, "trip_count": 0, **_NO_FAILURES})


def _locked(connection: Connection, channel: str) -> Any:
    return connection.execute(select(channel_health).where(_row.channel == channel).with_for_update()).one()


def _state(row: Any, now: datetime) -> ChannelState:
    state = "closed" if row.open_until is None else "open" if row.open_until > now else "half_open"
    return ChannelState(row.channel, state, row.open_until, row.failure_count, row.trip_count)
