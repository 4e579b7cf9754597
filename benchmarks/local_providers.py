"""The sandbox as a provider to measure against: a process of its own, and the product's own driver that speaks to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from assets.channels.contract import Driver
from assets.channels.drivers import open_driver
from assets.ledger.ledger import Ledger
from ml.configuration.drivers import DRIVERS


@contextmanager
def sandbox(folder: Path) -> Iterator[dict[str, Any]]:
    """Local providers on free ports; what they say when they're ready."""
    command = [
        sys.executable,
        "-m",
        "market",
        "sandbox",
        "--folder",
        str(folder),
        "--port-http",
        "0",
        "--port-smtp",
        "0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def driver_of(told: Mapping[str, Any], channel: str, ledger: Ledger, folder: Path) -> Driver:
    """The driver that `channels.yaml` would give the channel."""
    stated = {name: value for name, value in told["channels"][channel].items() if name != "webhook"}
    settings = DRIVERS[stated["driver"]][0].model_validate(stated)
    return open_driver(
        channel, settings, outbound=folder, ledger=ledger, secrets=lambda name: SecretStr(told["environment"][name])
    )


def delivered(folder: Path, channel: str) -> tuple[int, int]:
    """Messages of a channel that the sandbox accepted, and those that it accepted a second time."""
    command = [sys.executable, "-m", "market", "deliveries", "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    counts = json.loads(done.stdout)[channel]
    return counts["accepted"], counts["duplicates"]
