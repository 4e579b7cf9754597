"""The code location, loaded once in a workspace of its own."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import dagster as dg
import pytest

from orchestration.build import build_definitions
from orchestration.settings import Settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A workspace without landing files."""
    return Settings(home=tmp_path_factory.mktemp("home")).resolved()


@pytest.fixture(scope="session")
def definitions(settings: Settings) -> Iterator[dg.Definitions]:
    """The definitions as Dagster loads them."""
    with mock.patch.dict(os.environ):
        settings.enter()
        yield build_definitions(settings)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder."""
    return tmp_path
