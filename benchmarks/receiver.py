"""How fast what providers report is taken in: posts over a socket, batches and files into the ledger; and web decisions.

Client and receiver share the machine; `bare_posts_per_s` is the same client against an application that only answers, so
the receiver's own share can be told. Run `python -m benchmarks.receiver [--quick] [--postgresql URL]`. The last line is a
JSON object of the figures.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn
from fastapi import FastAPI, Request, Response

from assets.channels.dispatch import dispatch
from assets.channels.drivers import open_drivers
from assets.channels.endpoint import EndpointDriver
from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.channels.receiver.hooks import SCHEMES, Hook
from assets.ledger.flushing import flush
from assets.ledger.inbox import Delivery, Event
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord
from benchmarks.dispatch import CYCLE, GENERATION, make_messages, make_outcomes

AT = datetime(2026, 1, 5, 13, tzinfo=UTC)
KEY = b"a key of twenty-four by."
BATCH = 1_000
CONNECTIONS = 64


def main() -> None:
    """Measure, print the table, and end with the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--postgresql", metavar="URL", help="measure on this empty database instead of SQLite")
    arguments = parser.parse_args()
    scale = 10 if arguments.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.postgresql or f"sqlite:///{folder}/ledger.db"
        figures = measure(url, Path(folder), 200_000 // scale, 20_000 // scale)
    for name, value in figures.items():
        print(f"{name:<44}{value:>14,.2f}" if isinstance(value, float) else f"{name:<44}{value:>14,}")
    print(json.dumps({"benchmark": "receiver", "engine": url.split(":", 1)[0], **figures}))


def measure(url: str, folder: Path, event_count: int, post_count: int) -> dict[str, float | int]:
    """Take events in by files, by provider batches and by single posts, each timed.

    Args:
        url: Of an empty ledger.
        folder: For landing and outbound files.
        event_count: Events by files and batches together, half each.
        post_count: Single signed posts, each with one event.
    """
    ledger = Ledger(url).upgrade()
    _hand_over(ledger, folder, event_count // 4)
    half = event_count // 2
    files_s, taken = _timed(lambda: ledger.outcomes.take_in(make_outcomes(half, event_count // 4), received_at=AT))
    batches = make_batches(half, event_count // 4)
    batches_s, stored = _timed(lambda: [ledger.inbox.take([each], at=AT)[0] for each in batches])
    flush_s, _ = _timed(lambda: flush(ledger.inbox, folder / "landing", at=AT))
    requests = [_post(number) for number in range(post_count)]
    visits = [_visit(number) for number in range(min(post_count, 2_000))]
    bare, _ = asyncio.run(_served(partial(_bare, url), requests, CONNECTIONS))
    posts, _ = asyncio.run(_served(partial(_receiver, url), requests, CONNECTIONS))
    again, _ = asyncio.run(_served(partial(_receiver, url), requests, CONNECTIONS))
    _, web_ms = asyncio.run(_served(partial(_receiver, url), visits, 1))
    counts, violations = ledger.inbox.counts()["push"], ledger.audit.check()
    ledger.close()
    right: tuple[Any, ...] = (half, half, half + post_count, post_count, [])
    found = (taken.new, sum(each.accepted for each in stored), counts["accepted"], counts["duplicate"], violations)
    if found != right:
        raise SystemExit(f"the run isn't right, so its figures mean nothing: {found} and not {right}")
    return {
        "events": event_count,
        "events_s": files_s + batches_s,
        "events_per_s": event_count / (files_s + batches_s),
        "events_from_files_per_s": half / files_s,
        "events_from_batches_per_s": half / batches_s,
        "flush_s": flush_s,
        "posts": post_count,
        "bare_posts_per_s": post_count / bare,
        "posts_per_s": post_count / posts,
        "repeated_posts_per_s": post_count / again,
        "receiver_share": 1 - bare / posts,
        "web_decision_median_ms": statistics.median(web_ms),
        "web_decision_p99_ms": statistics.quantiles(web_ms, n=100)[98],
        "violations": len(violations),
    }


def make_batches(count: int, message_count: int) -> list[Delivery]:
    """Provider batches of a thousand events; one in 400 is an unsubscribe."""
    events = [
        Event(
            f"b{number}",
            "unsubscribed" if number % 400 == 0 else "clicked",
            AT - timedelta(minutes=1),
            f"{CYCLE}-{number % message_count:07d}",
            channel="email",
        )
        for number in range(count)
    ]
    return [Delivery("push", str(start), events[start : start + BATCH]) for start in range(0, count, BATCH)]


def _hand_over(ledger: Ledger, folder: Path, count: int) -> None:
    ledger.generations.publish(GENERATION, cycle_on=AT.date(), path="warehouse/published", at=AT)
    ledger.generations.record_gate(GENERATION, "customer_view", is_passed=True, at=AT)
    for plan_id, frame in (("p1", make_messages(count)), ("p2", _web_messages(min(count, 2_000)))):
        ledger.plans.propose(PlanRecord(plan_id, CYCLE, plan_id, ["reactivate"], {}, {"generation_id": GENERATION}, AT))
        ledger.plans.release(
            plan_id,
            plan_id,
            by="autonomous",
            at=AT,
            messages=frame,
            expires_at=AT + timedelta(days=1),
            budgets=[BudgetLine("total", 50_000.0)],
        )
    drivers = open_drivers({}, outbound=folder / "outbound", ledger=ledger) | {"web": EndpointDriver(ledger.web)}
    for channel in ("email", "web"):
        dispatch(ledger, drivers, at=AT, channel=channel)


def _web_messages(count: int) -> pd.DataFrame:
    frame = make_messages(count)
    ids = [f"web{number}" for number in range(count)]
    recipients = pd.Series([{"visitor_ids": [f"v{number}", f"u{number}"]} for number in range(count)], dtype=object)
    content = pd.Series([{"slot": "hero", "html": "<p>Hello</p>" * 40}] * count, dtype=object)
    return frame.assign(message_id=ids, decision_id=ids, channel="web", recipient=recipients, content=content)


async def _served(serve: Callable[[int], None], requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Seconds of requests against a server in a process of its own, and the milliseconds of each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(port,))
    server.start()
    try:
        await _reachable(port)
        started = time.perf_counter()
        lanes = await asyncio.gather(*(_send(port, requests[first::connections]) for first in range(connections)))
        return time.perf_counter() - started, [each for lane in lanes for each in lane]
    finally:
        server.terminate()
        server.join()


async def _reachable(port: int) -> None:
    for _ in range(1_200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise SystemExit("the server did not start within a minute")


def _post(number: int) -> bytes:
    """A signed post as bytes: what the client does while the clock runs is send and read."""
    event = {
        "event_id": f"s{number}",
        "event_type": "opened",
        "occurred_at": "2026-01-05T12:59:00Z",
        "message_id": f"{CYCLE}-0000000",
        "channel": "email",
    }
    body, timestamp = json.dumps(event).encode(), str(int(AT.timestamp()))
    mark = base64.b64encode(hmac.digest(KEY, f"w{number}.{timestamp}.".encode() + body, hashlib.sha256)).decode()
    head = (
        f"POST /webhooks/push HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"webhook-id: w{number}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: v1,{mark}\r\n\r\n"
    )
    return head.encode() + body


def _visit(number: int) -> bytes:
    return f"GET /web/decision?visitor_id=v{number}&slot=hero HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


async def _send(port: int, requests: list[bytes]) -> list[float]:
    """Send one after the other on a connection; milliseconds of each."""
    found = []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the receiver answered {head.splitlines()[0]!r}")
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        found.append((time.perf_counter() - started) * 1_000)
    writer.close()
    return found


def _receiver(url: str, port: int) -> None:
    hook = Hook("push", "push", SCHEMES["standard"], ("whsec_" + base64.b64encode(KEY).decode(),))
    app = build_receiver(
        Ledger(url), hooks={"push": hook}, unsubscribe=Unsubscribe("http://127.0.0.1", KEY), clock=lambda: AT
    )
    uvicorn.run(app, port=port, log_level="error", access_log=False)


def _bare(_url: str, port: int) -> None:
    app = FastAPI()

    @app.post("/webhooks/push")
    async def take_in(request: Request) -> Response:
        await request.body()
        return Response("{}", media_type="application/json")

    uvicorn.run(app, port=port, log_level="error", access_log=False)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
