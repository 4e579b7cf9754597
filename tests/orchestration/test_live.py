"""Which drivers may reach people is a named person's word, by the verb, and one of a driver that reaches somebody."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.ledger.ledger import Ledger
from orchestration.cli import app
from orchestration.errors import BadInput
from orchestration.settings import CHECKOUT


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    home, config = tmp_path / "home", tmp_path / "config"
    home.mkdir()
    config.mkdir()
    for path in (CHECKOUT / "config").iterdir():
        if path.name != "channels.yaml":
            (config / path.name).symlink_to(path)
    (config / "channels.yaml").write_text("email: {driver: smtp, host: mail.example.com, from: shop@example.com}\n")
    return ["--home", str(home), "--config", str(config)]


def ask(folders: list[str], *words: str) -> dict[str, bool]:
    said = CliRunner().invoke(app, ["live", *words, *folders, "--json"])
    assert said.exit_code == 0, said.output
    return {each["channel"]: each["is_allowed"] for each in json.loads(said.stdout)["channels"]}


def test_a_driver_reaches_people_from_the_word_on_until_it_is_taken_back(folders: list[str]) -> None:
    ledger = Ledger(f"sqlite:///{Path(folders[1]) / 'ledger.db'}")
    assert ask(folders)["email"] is False
    assert ask(folders, "allow", "email", "--by", "Ann")["email"] is True
    assert ledger.live.is_allowed("email", "smtp")
    assert not ledger.live.is_allowed("email", "another")
    assert ask(folders, "withdraw", "email", "--by", "Ann")["email"] is False
    ledger.close()


def test_a_driver_that_reaches_nobody_needs_no_word_and_an_unknown_channel_is_bad_input(folders: list[str]) -> None:
    (Path(folders[3]) / "channels.yaml").write_text("email: {driver: file}\n")
    assert ask(folders)["email"] is True
    for channel, told in (("email", "reaches nobody by itself"), ("fax", "no channel of channels.yaml")):
        said = CliRunner().invoke(app, ["live", "allow", channel, "--by", "Ann", *folders])
        assert isinstance(said.exception, BadInput)
        assert told in str(said.exception)
