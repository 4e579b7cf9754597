"""Starts the sample market as the outside program that it is: it speaks files and shares no code with the product."""

import json
import os
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

from orchestration.settings import CHECKOUT, Settings


class MarketError(RuntimeError):
    """The market's process failed; the message is what it said."""


def make(settings: Settings, customers: int, seed: int, start: date) -> dict[str, Any]:
    """Make a market whose history ends where `start` begins."""
    return _call(
        settings,
        "make",
        "--customers",
        str(customers),
        "--seed",
        str(seed),
        "--start",
        start.isoformat(),
        "--config",
        str(settings.config),
    )


def answer(settings: Settings, since: datetime, until: datetime) -> dict[str, Any]:
    """Let the market live from `since` to `until`: it reads what was sent and writes what came of it."""
    return _call(
        settings, "answer", "--from", since.isoformat(), "--to", until.isoformat(), "--config", str(settings.config)
    )


def truth(settings: Settings, what: str, *words: str) -> Path:
    """Ask for what only the market knows, as a Parquet file: for judging and for yardsticks, never for deciding."""
    return Path(_call(settings, "truth", "--what", what, *words)["file"])


def _call(settings: Settings, verb: str, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "market", verb, "--home", str(settings.home), *words, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=Path(CHECKOUT), env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if done.returncode != 0:
        raise MarketError(
            f"market {verb} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}"
        )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))
