"""How fast messages go through the outbox to files, beside writing the same lines to a file; and outcomes back in.

Each figure is one run on an empty ledger of its own: SQLite, and with `--postgresql URL` another engine.
With `--provider CHANNEL`: to a local provider (`wayfinder sandbox`) by that channel's own driver, beside the driver alone;
on a machine that is shared, CPU seconds say more than the clock.
`python -m benchmarks.dispatch [--quick] [--postgresql URL] [--provider email|sms|direct_mail]`; the last line is JSON.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from assets.channels.contract import Driver, Message, Receipt
from assets.channels.dispatch import dispatch
from assets.channels.drivers import open_drivers
from assets.channels.runtime import running
from assets.ledger.ledger import Ledger
from assets.ledger.records import BudgetLine, PlanRecord
from benchmarks.local_providers import delivered, driver_of, sandbox

AT = datetime(2026, 1, 5, 13, tzinfo=UTC)
CYCLE = "2026-01-05"
GENERATION = "2026-01-05-1"
HTML = "<p>" + "A paragraph of a creative as it is after rendering. " * 28 + "</p>"


def main() -> None:
    """Measure, print the table, and end with the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--postgresql", metavar="URL", help="measure on this empty database instead of SQLite")
    parser.add_argument("--provider", choices=("email", "sms", "direct_mail"), help="a local provider instead of files")
    arguments = parser.parse_args()
    message_count, outcome_count = (5_000, 20_000) if arguments.quick else (50_000, 200_000)
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.postgresql or f"sqlite:///{folder}/ledger.db"
        if arguments.provider:
            figures = measure_provider(url, arguments.provider, Path(folder), message_count)
        else:
            figures = measure(url, Path(folder), message_count, outcome_count)
    for name, value in figures.items():
        print(f"{name:<44}{value:>14,.2f}" if isinstance(value, float) else f"{name:<44}{value:>14,}")
    print(json.dumps({"benchmark": "dispatch", "engine": url.split(":", 1)[0], **figures}))


def measure(url: str, folder: Path, message_count: int, outcome_count: int) -> dict[str, float | int]:
    """Release, hand over, take outcomes in and check the ledger, each timed.

    Args:
        url: Of an empty ledger.
        folder: For the outbound files.
        message_count: Messages of one plan and one channel.
        outcome_count: Events that answer them.
    """
    ledger = Ledger(url).upgrade()
    frame = make_messages(message_count)
    _propose(ledger)
    release_s, released = _timed(lambda: _release(ledger, frame))
    drivers = open_drivers({}, outbound=folder / "outbound", ledger=ledger)
    dispatch_s, counts = _timed(lambda: dispatch(ledger, drivers, at=AT, channel="email"))
    path = folder / "outbound" / "email" / f"{CYCLE}.jsonl"
    bare_s, _ = _timed(lambda: _write_bare(folder / "bare.jsonl", path.read_bytes().splitlines(keepends=True)))
    events = make_outcomes(outcome_count, message_count)
    outcomes_s, taken = _timed(lambda: ledger.outcomes.take_in(events, received_at=AT + timedelta(hours=1)))
    again_s, repeated = _timed(lambda: ledger.outcomes.take_in(events, received_at=AT + timedelta(hours=2)))
    audit_s, violations = _timed(ledger.audit.check)
    ledger.close()
    lines = path.read_bytes().count(b"\n")
    if (released.released, counts.sent, lines, taken.new, repeated.new, violations) != (
        *[message_count] * 3,
        outcome_count,
        0,
        [],
    ):
        raise SystemExit(
            f"the run isn't right, so its figures mean nothing: {released}, {counts}, {lines} lines, {taken}, "
            f"{violations[:3]}"
        )
    return {
        "messages": message_count,
        "release_s": release_s,
        "dispatch_s": dispatch_s,
        "messages_per_s": message_count / dispatch_s,
        "release_and_dispatch_s": release_s + dispatch_s,
        "bare_write_s": bare_s,
        "outbox_share": 1 - bare_s / dispatch_s,
        "outcomes": outcome_count,
        "outcomes_s": outcomes_s,
        "outcomes_per_s": outcome_count / outcomes_s,
        "repeated_outcomes_s": again_s,
        "audit_s": audit_s,
        "duplicates": lines - message_count,
        "violations": len(violations),
    }


def measure_provider(url: str, channel: str, folder: Path, message_count: int) -> dict[str, float | int]:
    """Hand over to a local provider through the channel's own driver, then the same messages by that driver alone.

    Args:
        url: Of an empty ledger.
        channel: `email` (SMTP), `sms` or `direct_mail` (HTTP).
        folder: For the provider's log.
        message_count: Messages of one plan.
    """
    ledger = Ledger(url).upgrade()
    _propose(ledger)
    frame = make_messages(message_count).assign(channel=channel)
    frame["recipient"] = pd.Series([RECIPIENTS[channel](number) for number in range(message_count)], dtype=object)
    frame["content"] = pd.Series([CONTENTS[channel]] * message_count, dtype=object)
    _release(ledger, frame)
    kept: list[Message] = []
    before = _children_cpu_s()
    with sandbox(folder / "first") as told:
        driver = driver_of(told, channel, ledger, folder)
        keeping = _Keeping(driver, kept)
        work, cpu = running(AT, seed=0), time.process_time()
        dispatch_s, counts = _timed(lambda: dispatch(ledger, {channel: keeping}, at=AT, channel=channel, runtime=work))
        cpu_s = time.process_time() - cpu
    provider_cpu_s = _children_cpu_s() - before
    with sandbox(folder / "second") as told:
        bare, cpu = driver_of(told, channel, ledger, folder), time.process_time()
        bare_s, receipts = _timed(lambda: [each for part in _parts(kept) for each in bare.deliver(part, at=AT)])
        bare_cpu_s = time.process_time() - cpu
    violations = ledger.audit.check()
    arrived = delivered(folder / "first", channel)
    ledger.close()
    if (counts.sent, arrived, len(receipts), violations) != (message_count, (message_count, 0), message_count, []):
        raise SystemExit(
            f"the run isn't right, so its figures mean nothing: {counts}, {arrived} arrived, {violations[:3]}"
        )
    return {
        "messages": message_count,
        "dispatch_s": dispatch_s,
        "messages_per_s": message_count / dispatch_s,
        "driver_alone_s": bare_s,
        "outbox_share": 1 - bare_s / dispatch_s,
        "dispatch_cpu_s": cpu_s,
        "driver_alone_cpu_s": bare_cpu_s,
        "outbox_share_of_cpu": 1 - bare_cpu_s / cpu_s,
        "provider_cpu_s": provider_cpu_s,
    }


def _children_cpu_s() -> float:
    """Of the processes that have ended: a provider's own share of what both cores did, its start included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Keeping:
    """A driver, remembering what it got."""

    def __init__(self, driver: Driver, kept: list[Message]) -> None:
        self.delivery, self.key_horizon = driver.delivery, driver.key_horizon
        self._driver, self._kept = driver, kept

    def deliver(self, messages: Sequence[Message], *, at: datetime) -> list[Receipt]:
        receipts = self._driver.deliver(messages, at=at)
        self._kept.extend(messages)
        return receipts


def _parts(messages: Sequence[Message]) -> list[Sequence[Message]]:
    return [messages[start : start + 1_000] for start in range(0, len(messages), 1_000)]


RECIPIENTS: dict[str, Callable[[int], dict[str, str]]] = {
    "email": lambda number: {"email": f"person{number}@example.com", "first_name": "Ann"},
    "sms": lambda number: {"phone": f"+1212555{number % 10_000:04d}", "first_name": "Ann"},
    "direct_mail": lambda number: {
        "first_name": "Ann",
        "last_name": "Lee",
        "address_line": f"{number + 1} Main St",
        "postal_code": "10001",
        "city": "New York",
        "region": "NY",
        "country": "US",
    },
}
CONTENTS: dict[str, dict[str, str]] = {
    "email": {"subject": "Hello", "html": HTML, "text": "Hello", "unsubscribe_url": "https://shop.example/u/1"},
    "sms": {"text": "Shop: $10 off. Reply STOP to end"},
    "direct_mail": {"headline": "Hello", "body": "Ten off your next order."},
}


def make_messages(count: int) -> pd.DataFrame:
    """E-mails of some 1.6 kB to as many people."""
    ids = [f"{CYCLE}-{number:07d}" for number in range(count)]
    frame = pd.DataFrame(
        {"message_id": ids, "decision_id": ids, "customer_id": [f"k{number}" for number in range(count)]}
    )
    frame = frame.assign(
        cycle_id=CYCLE,
        objective_id="reactivate",
        channel="email",
        offer_id="ten_off",
        creative_id="winback_email",
        slot="morning",
        send_at=AT,
        expires_at=AT + timedelta(hours=3),
        cost=0.002,
    )
    frame["contact_ids"] = [[f"c{number}"] for number in range(count)]
    recipients = [{"email": f"person{number}@example.com", "first_name": "Ann"} for number in range(count)]
    frame["recipient"] = pd.Series(recipients, dtype=object)
    frame["content"] = pd.Series([{"subject": "Hello", "html": HTML, "text": "Hello"}] * count, dtype=object)
    return frame


def make_outcomes(count: int, message_count: int) -> pd.DataFrame:
    """Events that answer the messages in turn; one in 400 is an unsubscribe."""
    numbers = range(count)
    return pd.DataFrame(
        {
            "event_id": [f"e{number}" for number in numbers],
            "event_type": ["unsubscribed" if number % 400 == 0 else "opened" for number in numbers],
            "occurred_at": AT + timedelta(minutes=30),
            "message_id": [f"{CYCLE}-{number % message_count:07d}" for number in numbers],
        }
    )


def _propose(ledger: Ledger) -> None:
    ledger.generations.publish(GENERATION, cycle_on=date(2026, 1, 5), path="warehouse/published", at=AT)
    ledger.generations.record_gate(GENERATION, "customer_view", is_passed=True, at=AT)
    ledger.plans.propose(PlanRecord("p1", CYCLE, "hash", ["reactivate"], {}, {"generation_id": GENERATION}, AT))


def _release(ledger: Ledger, frame: pd.DataFrame) -> Any:
    caps = [BudgetLine("total", 5_000.0)]
    return ledger.plans.release(
        "p1", "hash", by="autonomous", at=AT, messages=frame, expires_at=AT + timedelta(days=1), budgets=caps
    )


def _write_bare(path: Path, lines: list[bytes]) -> None:
    """The same bytes in the same batches, each on disk before the next: what no outbox can beat."""
    with path.open("ab") as file:
        for start in range(0, len(lines), 1_000):
            file.write(b"".join(lines[start : start + 1_000]))
            file.flush()
            os.fsync(file.fileno())


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
