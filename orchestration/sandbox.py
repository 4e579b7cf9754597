"""Starts the local providers as the outside program that they are: they speak protocols and share no code with the product."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from orchestration.settings import CHECKOUT, Settings


@dataclass(frozen=True)
class SandboxWords:
    """What the sandbox is told.

    Attributes:
        port_http, port_smtp: 0 takes a free one.
        seed: Of its accounts, faults and answers.
        faults: Words such as `sms.drop_after=0.05`.
        at: Business time at its start; None for the wall clock.
        answer: Base URL of the receiver that gets answers; empty for none.
        disorder: How unreliably they come, such as `twice=0.05`.
        keeps_mailbag: Whether the sample market can answer for what it accepts.
    """

    port_http: int
    port_smtp: int
    seed: int
    faults: Sequence[str]
    at: datetime | None
    answer: str
    disorder: str
    keeps_mailbag: bool


def command_of(settings: Settings, words: SandboxWords) -> list[str]:
    """The sandbox's command line; its log goes to the home's `sandbox/`."""
    command = [sys.executable, "-m", "market", "sandbox", "--folder", str(settings.home / "sandbox")]
    command += ["--port-http", str(words.port_http), "--port-smtp", str(words.port_smtp), "--seed", str(words.seed)]
    for faults in words.faults:
        command += ["--faults", faults]
    command += ["--at", words.at.isoformat()] if words.at is not None else []
    command += ["--answer", words.answer] if words.answer else []
    command += ["--disorder", words.disorder] if words.disorder else []
    return command + (["--mailbag"] if words.keeps_mailbag else [])


def become(settings: Settings, words: SandboxWords) -> NoReturn:
    """Go on as the sandbox: whoever signals this process signals it, and nothing is left behind when it ends."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    sys.stdout.flush()
    os.chdir(CHECKOUT)
    command = command_of(settings, words)
    os.execve(command[0], command, environment)  # noqa: S606 - our own words
