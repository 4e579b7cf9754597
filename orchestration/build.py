"""Makes a workspace ready, and puts its definitions together.

Everything here may run again at any time and does nothing when nothing is missing.
"""

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from assets.home import Home
from orchestration.settings import DBT_PROJECT, Settings

if TYPE_CHECKING:
    import dagster as dg

DAGSTER_YAML: Final = Path(__file__).with_name("dagster.yaml")
DBT: Final = Path(sys.executable).with_name("dbt")


WORKING_FOLDERS: Final = ("dagster", "mlflow", "dbt/target", "dbt/logs", "cache/numba")


class BuildError(RuntimeError):
    """A part of the workspace could not be made ready."""


def prepare(settings: Settings) -> Home:
    """Make the workspace of `settings` ready and return its folders.

    Raises:
        BuildError: dbt's project doesn't parse.
    """
    from assets.ledger.ledger import Ledger  # noqa: PLC0415 - brings pandas, and a stop can't wait for it

    home = Home(settings.home).make()
    with locked(home.root / ".prepare.lock"):
        for name in WORKING_FOLDERS:
            (settings.home / name).mkdir(parents=True, exist_ok=True)
        dagster_yaml = settings.home / "dagster" / "dagster.yaml"
        if not dagster_yaml.exists() or dagster_yaml.read_bytes() != DAGSTER_YAML.read_bytes():
            shutil.copyfile(DAGSTER_YAML, dagster_yaml)
        secret_key(settings)
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


def secret_key(settings: Settings) -> bytes:
    """The workspace's own secret, made once: what unsubscribe links are signed with. Only its owner may read it."""
    path = settings.home / "secret.key"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(secrets.token_bytes(32))
    return path.read_bytes()


def build_definitions(settings: Settings) -> "dg.Definitions":
    """Assets, checks, jobs, schedules and sensors of a workspace, with the resources that it names.

    Raises:
        ConfigurationError: The configuration has a mistake; the message lists all of them.
        BuildError: dbt's project doesn't parse.
    """
    import dagster as dg  # noqa: PLC0415 - `prepare` is used where Dagster isn't needed

    from assets import (  # noqa: PLC0415
        allocation,
        authority,
        autonomy,
        checks,
        creatives,
        dispatch,
        journeys,
        landing,
        learning,
        memory,
        outcomes,
        propensity,
        warehouse,
        watch,
    )
    from ml.configuration import read_configuration  # noqa: PLC0415
    from orchestration import jobs, resources, schedules, sensors  # noqa: PLC0415
    from orchestration.notify import notifier_of  # noqa: PLC0415

    prepare(settings)
    time_zone = read_configuration(settings.config).policy.time_zone
    modules = [
        allocation, authority, autonomy, creatives, journeys, landing, learning, memory, outcomes, propensity, warehouse, watch,
    ]  # fmt: skip
    return dg.Definitions(
        assets=[
            *dg.load_assets_from_modules(modules),
            *dispatch.dispatch_assets,
            warehouse.warehouse_models(manifest_path(settings)),
        ],
        asset_checks=checks.ALL,
        jobs=jobs.ALL,
        schedules=schedules.build_schedules(time_zone),
        sensors=sensors.build_sensors(time_zone, notifier=notifier_of(settings)),
        resources=resources.build_resources(),
        executor=dg.in_process_executor,
    )
