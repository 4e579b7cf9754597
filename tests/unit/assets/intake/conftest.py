# ruff: noqa: DTZ001 - the warehouse keeps UTC without zone
"""A landing folder, a warehouse, and the files that are dropped into it."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from assets.intake import LandingReport, land
from assets.intake.preflight import Limits

AT = datetime(2026, 1, 5, 6)
CONTACTS = "contact_id,created_at,email,birth_year\n"
Drop = Callable[..., Path]
Land = Callable[..., LandingReport]


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = tmp_path / "warehouse" / "build"
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "wayfinder.duckdb"), config={"threads": 1}) as connection:
        yield connection


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """Write a landing file from text, bytes or rows of JSON; ``.gz`` is compressed."""

    def write(path: str, content: str | bytes | list[dict[str, object]]) -> Path:
        target = tmp_path / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        data = content.encode() if isinstance(content, str) else content
        target.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
        return target

    return write


@pytest.fixture
def take_in(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> Land:
    def run(at: datetime = AT, known: tuple[str, ...] = (), limits: Limits | None = None) -> LandingReport:
        return land(tmp_path, con, at=at, known=known, limits=limits)

    return run


@pytest.fixture
def quarantined(tmp_path: Path) -> Callable[[], list[tuple[str, int | None, str, str | None]]]:
    """Everything in quarantine: file, line, reason, raw."""

    def read() -> list[tuple[str, int | None, str, str | None]]:
        files = sorted((tmp_path / "quarantine").rglob("*.jsonl"))
        rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
        return [(row["file"], row["line"], row["reason"], row["raw"]) for row in rows]

    return read
