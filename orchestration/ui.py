"""The user interfaces of a workspace: Dagster's and MLflow's, on loopback, over the same home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from orchestration.build import prepare
from orchestration.resources import tracking_of
from orchestration.settings import CHECKOUT, Settings

GRACE_SECONDS = 15


def serve(settings: Settings, port: int) -> None:
    """Start both and wait. Ctrl-C ends both; if either ends by itself, so does the other.

    Neither has users or passwords: they listen on loopback only, and a proxy that authenticates belongs in front.
    """
    prepare(settings)
    tracking = tracking_of(settings)
    folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        **settings.environment(),
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    dagster = [
        str(folder / "dagster"),
        "dev",
        "-w",
        str(CHECKOUT / "workspace.yaml"),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    mlflow = [
        str(folder / "mlflow"),
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port + 1),
        "--workers",
        "1",
        "--backend-store-uri",
        tracking.uri,
        "--artifacts-destination",
        str(tracking.artifact_root),
    ]
    print(f"Dagster: http://127.0.0.1:{port}   MLflow: http://127.0.0.1:{port + 1}   (Ctrl-C ends both)", flush=True)
    started = [
        subprocess.Popen(command, env=environment, cwd=CHECKOUT, start_new_session=True)  # noqa: S603 - our own words
        for command in (dagster, mlflow)
    ]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is a Ctrl-C: no orphan is left
    try:
        _wait_for_either(started)
    except KeyboardInterrupt:
        pass
    finally:
        _end(started)


def _end(started: list["subprocess.Popen[bytes]"]) -> None:
    """Ask each with its children to end, and insist where it takes too long: what is left would hold the ports."""
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in started:
        try:
            process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for_either(started: list["subprocess.Popen[bytes]"]) -> None:
    while all(process.poll() is None for process in started):
        try:
            started[0].wait(timeout=1)
        except subprocess.TimeoutExpired:
            continue
