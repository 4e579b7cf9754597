"""Makes a workspace ready: folders, Dagster's settings, dbt's manifest, the ledger's and MLflow's schemas.

Everything here may run again at any time and does nothing when nothing is missing.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from assets.home import Home
from assets.ledger.ledger import Ledger
from orchestration.settings import DBT_PROJECT, Settings

DAGSTER_YAML: Final = Path(__file__).with_name("dagster.yaml")
DBT: Final = Path(sys.executable).with_name("dbt")


class BuildError(RuntimeError):
    """A part of the workspace could not be made ready."""


def prepare(settings: Settings) -> Home:
    """Make the workspace of `settings` ready and return its folders.

    Raises:
        BuildError: dbt's project doesn't parse.
    """
    home = Home(settings.home).make()
    with locked(home.root / ".prepare.lock"):
        dagster_yaml = settings.home / "dagster" / "dagster.yaml"
        if not dagster_yaml.exists() or dagster_yaml.read_bytes() != DAGSTER_YAML.read_bytes():
            dagster_yaml.parent.mkdir(exist_ok=True)
            shutil.copyfile(DAGSTER_YAML, dagster_yaml)
        prepare_manifest(settings)
        Ledger(ledger_url(settings)).upgrade()
    return home


def ledger_url(settings: Settings) -> str:
    """URL of the ledger: the one that is set, or SQLite in the home."""
    if settings.ledger_url is not None:
        return settings.ledger_url.get_secret_value()
    return f"sqlite:///{settings.home / 'ledger.db'}"


def manifest_path(settings: Settings) -> Path:
    """Where dbt's manifest of this workspace is."""
    return settings.home / "dbt" / "target" / "manifest.json"


def prepare_manifest(settings: Settings) -> None:
    """Parse the dbt project if its manifest is missing or older than any of the project's files."""
    manifest = manifest_path(settings)
    changed = max(path.stat().st_mtime for path in DBT_PROJECT.rglob("*") if path.is_file())
    if manifest.exists() and manifest.stat().st_mtime >= changed:
        return
    command = [str(DBT), "--quiet", "parse", "--project-dir", str(DBT_PROJECT), "--target-path", str(manifest.parent)]
    environment = {**os.environ, **settings.environment()}
    parsed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if parsed.returncode != 0:
        raise BuildError(f"dbt could not parse {DBT_PROJECT}:\n{parsed.stdout}{parsed.stderr}")
    manifest.touch()  # with partial parsing dbt may leave an unchanged manifest as old as it was


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file: a second process waits until the first is done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
