"""Dagster's event log with open connections: what Dagster's own would hold, in the same files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.build import DAGSTER_YAML
from orchestration.event_log import OpenEventLog


@dg.asset(check_specs=[dg.AssetCheckSpec("has_rows", asset="shelf")])
def shelf() -> dg.MaterializeResult:
    """An asset with a check."""
    return dg.MaterializeResult(
        metadata={"row_count": 3}, check_results=[dg.AssetCheckResult(check_name="has_rows", passed=True)]
    )


@pytest.fixture
def instance_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of Dagster's with the product's configuration."""
    (tmp_path / "dagster.yaml").write_bytes(DAGSTER_YAML.read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    return tmp_path


def materialized(home: Path) -> int:
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, OpenEventLog)
        assert dg.materialize([shelf], instance=instance).success
        found = instance.fetch_materializations(dg.AssetKey("shelf"), limit=100)
    assert home.exists()
    return len(found.records)


def test_what_one_process_wrote_the_next_one_reads(instance_home: Path) -> None:
    assert materialized(instance_home) == 1
    assert materialized(instance_home) == 2


def test_dagsters_own_event_log_reads_the_same_files(instance_home: Path) -> None:
    materialized(instance_home)
    settings = yaml.safe_load(DAGSTER_YAML.read_text())
    del settings["event_log_storage"]
    (instance_home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.get() as instance:
        assert not isinstance(instance.event_log_storage, OpenEventLog)
        assert len(instance.fetch_materializations(dg.AssetKey("shelf"), limit=10).records) == 1


def test_a_long_lived_process_keeps_few_files_open(instance_home: Path) -> None:
    with dg.DagsterInstance.get() as instance:
        for _ in range(6):
            dg.materialize([shelf], instance=instance)
        log = instance.event_log_storage
        assert isinstance(log, OpenEventLog)
        assert len(log._engines) <= 4
    assert len(list((instance_home / "history" / "runs").glob("*.db"))) == 7


def test_many_may_open_a_new_workspaces_log_at_once(tmp_path):
    def opened(number):
        log = OpenEventLog(str(tmp_path / str(number // 4)))
        with log.index_connection() as connection:
            return connection.exec_driver_sql("select count(*) from alembic_version").scalar()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(opened, range(32))) == {1}
