"""`wayfinder sandbox` is the outside program, told of everything that it was asked for."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from orchestration.sandbox import SandboxWords, command_of
from orchestration.settings import CHECKOUT, Settings


def test_every_word_reaches_the_sandbox(tmp_path: Path) -> None:
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    words = SandboxWords(
        8025, 1025, 3, ["sms.hang=0.1", "slow_s=2"], at, "http://127.0.0.1:8080", "twice=0.1", keeps_mailbag=True
    )
    command = command_of(Settings(home=tmp_path), words)
    assert command[:4] == [sys.executable, "-m", "market", "sandbox"]
    assert " ".join(command[4:]) == (
        f"--folder {tmp_path / 'sandbox'} --port-http 8025 --port-smtp 1025 --seed 3 --faults sms.hang=0.1 --faults slow_s=2 "
        "--at 2026-01-05T09:00:00+00:00 --answer http://127.0.0.1:8080 --disorder twice=0.1 --mailbag"
    )


def test_it_says_when_it_is_ready_and_ends_by_a_signal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestration.cli", "sandbox", "--home", str(tmp_path), "--port-http", "0"]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    process = subprocess.Popen(
        [*command, "--port-smtp", "0"], cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert told["ready"] is True
    assert told["http"].startswith("http://127.0.0.1:")
    assert told["channels"]["sms"]["base_url"] == told["http"] + "/twilio"
    assert set(told["channels"]) == {"email", "sms", "voice", "push", "direct_mail", "paid_social", "display", "web"}
