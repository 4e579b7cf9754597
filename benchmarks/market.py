"""What the sample market costs: making it with a year of history, and answering a day of messages.

Measured against the limits that the market was built for: 200,000 persons made in under 60 s and 3 GB, 50,000 messages
answered in under 15 s. ``--quick`` is the same at 20,000 persons and 5,000 messages (8 s and 2 s). Each step is a
process of its own, start-up included, as the product starts it; its peak memory is the process's own.

    python -m benchmarks.market [--quick] [--seed 7]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

CHANNELS = ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push")
SHARES = (0.55, 0.08, 0.03, 0.01, 0.1, 0.1, 0.08, 0.05)


@dataclass(frozen=True)
class Step:
    """One process: what it did, how long it took, and the limit."""

    name: str
    seconds: float
    cpu_seconds: float
    rows: int
    peak_mb: float
    limit_seconds: float


def run_market(arguments: list[str], name: str, limit_seconds: float) -> tuple[Step, dict[str, object]]:
    """Runs ``python -m market`` with ``--json`` and measures the process.

    Raises:
        SystemExit: The process failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "market", *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise SystemExit(
            f"python -m market {' '.join(arguments)}: failed with status {status}; run it alone to see why"
        )
    facts = json.loads(told)
    rows = facts["rows"]
    count = sum(rows.values()) if isinstance(rows, dict) else int(rows)
    peak_mb = usage.ru_maxrss / 1024 if sys.platform != "darwin" else usage.ru_maxrss / 2**20
    return Step(name, seconds, usage.ru_utime + usage.ru_stime, count, peak_mb, limit_seconds), facts


def _message(row: int, channel: str, contact_id: str) -> dict[str, object]:
    return {
        "message_id": f"m{row}",
        "decision_id": f"d{row}",
        "cycle_id": "2026-01-05",
        "customer_id": f"c{row}",
        "channel": channel,
        "offer_id": ("none", "ten_off", "free_shipping")[row % 3],
        "creative_id": f"{channel}_{row % 2}",
        "send_at": f"2026-01-05T{14 + row % 6}:{row % 60:02d}:00Z",
        "contact_ids": [contact_id],
        "recipient": {"operation": "add"},
        "content": {"subject": "For you", "html": "<p>Ten off your next order.</p>" * 20},
    }


def hand_over(home: Path, count: int, seed: int) -> None:
    """Writes a day's outbound messages to contacts drawn at random, an e-mail for most."""
    table = pq.read_table(home / "landing/crm_contacts/history-all.parquet", columns=["contact_id"])
    ids = table["contact_id"].to_pylist()
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(ids), size=count, replace=False)
    channels = rng.choice(len(CHANNELS), size=count, p=SHARES)
    for index, channel in enumerate(CHANNELS):
        path = home / "outbound" / channel / "2026-01-05.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = np.flatnonzero(channels == index).tolist()
        lines = [json.dumps(_message(row, channel, ids[chosen[row]])) + "\n" for row in rows]
        path.write_text("".join(lines), encoding="utf-8")


def measure(customers: int, messages: int, seed: int, *, quick: bool) -> list[Step]:
    """Makes a market, answers a day in two calls, and asks for the true effects."""
    make_limit, day_limit = (8.0, 2.0) if quick else (60.0, 15.0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made, _ = run_market(
            ["make", "--home", folder, "--customers", str(customers), "--seed", str(seed)], "make", make_limit
        )
        hand_over(home, messages, seed)
        steps = [made]
        for name, start, end in (("answer the day", "05T13", "05T21"), ("answer the night", "05T21", "06T13")):
            span = ["--from", f"2026-01-{start}:00:00Z", "--to", f"2026-01-{end}:00:00Z"]
            steps.append(run_market(["answer", "--home", folder, *span], name, day_limit)[0])
        truths = ("identity", "effects")
        steps += [run_market(["truth", "--home", folder, "--what", w], f"truth: {w}", float("nan"))[0] for w in truths]
    return steps


def _figures(step: Step) -> dict[str, float]:
    return {name: round(v, 2) for name, v in asdict(step).items() if name != "name" and not np.isnan(v)}


def main() -> None:
    """Measures, prints the table, and ends with the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="20,000 persons and 5,000 messages")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    customers, messages = (20_000, 5_000) if options.quick else (200_000, 50_000)
    print(f"The sample market: {customers:,} persons, {messages:,} messages in a day, {os.cpu_count()} cores")
    steps = measure(customers, messages, options.seed, quick=options.quick)
    print(f"{'step':<18}{'seconds':>9}{'cpu':>8}{'limit':>8}{'rows':>13}{'peak MB':>10}")
    for s in steps:
        limit = "" if np.isnan(s.limit_seconds) else f"{s.limit_seconds:.0f}"
        print(f"{s.name:<18}{s.seconds:>9.2f}{s.cpu_seconds:>8.2f}{limit:>8}{s.rows:>13,}{s.peak_mb:>10.0f}")
    figures = {step.name: _figures(step) for step in steps}
    print(json.dumps({"customers": customers, "messages": messages, "seed": options.seed, "steps": figures}))


if __name__ == "__main__":
    main()
