"""dbt in a process that is ready before it is asked."""

import json
import os
from pathlib import Path
from unittest import mock

import duckdb
import pytest

from assets.dbt_build import DbtError, keeping, started
from assets.intake import prepare

MODEL = "select 1 as number"


def project(folder: Path, model: str, test: str) -> Path:
    """A dbt project of one model and one test."""
    for name in ("models", "tests"):
        (folder / name).mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: small\nversion: '1.0.0'\nprofile: small\n")
    profile = {"small": {"target": "x", "outputs": {"x": {"type": "duckdb", "path": str(folder / "small.duckdb")}}}}
    (folder / "profiles.yml").write_text(json.dumps(profile))
    (folder / "models" / "one.sql").write_text(model)
    (folder / "tests" / "assert_one.sql").write_text(test)
    return folder


def answers(folder: Path) -> list[str]:
    with started(folder, folder / "target", folder / "logs") as dbt:
        return [event["data"]["node_info"]["unique_id"] for event in dbt._invoke(["build", *dbt.words])]


def test_each_model_and_test_is_told_as_it_ends_and_the_file_is_free_afterwards(tmp_path: Path) -> None:
    folder = project(tmp_path, MODEL, "select * from {{ ref('one') }} where number <> 1")
    assert answers(folder) == ["model.small.one", "test.small.assert_one"]
    with duckdb.connect(str(folder / "small.duckdb")) as connection:
        prepare(connection)
        assert connection.execute("select number from one").fetchall() == [(1,)]


def test_a_failed_test_fails_the_build_and_is_named(tmp_path: Path) -> None:
    folder = project(tmp_path, MODEL, "select * from {{ ref('one') }}")
    with pytest.raises(DbtError, match="assert_one: Got 1 result"):
        answers(folder)


def test_a_broken_model_fails_the_build_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(DbtError, match=r"(?s)one: .*nowhere"):
        answers(project(tmp_path, "select * from nowhere", "select 1 where false"))


def test_a_project_that_does_not_parse_says_why(tmp_path: Path) -> None:
    with pytest.raises(DbtError, match="doesn't parse"):
        answers(project(tmp_path, "select * from {{ ref('nobody') }}", "select 1 where false"))


def test_a_process_that_dies_is_no_success(tmp_path: Path) -> None:
    folder = project(tmp_path, MODEL, "select 1 where false")
    with started(folder, folder / "target", folder / "logs") as dbt:
        dbt.process.kill()
        dbt.process.wait()
        with pytest.raises(DbtError, match="without an answer"):
            list(dbt._invoke(["build", *dbt.words]))


def test_a_process_that_is_not_asked_ends_quietly(tmp_path: Path) -> None:
    folder = project(tmp_path, MODEL, "select 1 where false")
    with mock.patch.dict(os.environ), started(folder, folder / "target", folder / "logs") as dbt:
        pass
    assert dbt.process.poll() is not None
    assert not (folder / "small.duckdb").exists()


def test_runs_that_share_a_process_each_get_their_own_answers_and_a_free_file(tmp_path: Path) -> None:
    folder = project(tmp_path, MODEL, "select * from {{ ref('one') }} where number <> 1")
    with keeping():
        for _ in range(2):
            with started(folder, folder / "target", folder / "logs") as dbt:
                told = [event["data"]["node_info"]["unique_id"] for event in dbt._invoke(["build", *dbt.words])]
                assert told == ["model.small.one", "test.small.assert_one"]
            with duckdb.connect(str(folder / "small.duckdb")) as connection:
                prepare(connection)
                assert connection.execute("select number from one").fetchall() == [(1,)]
            assert dbt.process.poll() is None
        with started(folder, folder / "target", folder / "logs") as again:
            assert again.process is dbt.process
    assert dbt.process.poll() is not None
