"""What drivers may do is the environment's to say."""

import pytest

from assets.channels.drivers import MissingSecretError
from assets.channels.hosts import ForbiddenHostError
from assets.home import Home
from assets.ledger.ledger import Ledger
from ml.configuration import read_configuration
from orchestration.build import ledger_url
from orchestration.commands.options import settings_of
from orchestration.errors import BadInput
from orchestration.resources import HomeResource, drivers_of
from orchestration.settings import CHECKOUT, Settings
from tests.unit.assets.channels.support import AT

SMTP = 'driver: smtp, from: "a@shop.example", username_env: SHOP_USER, password_env: SHOP_PASSWORD'


def _drivers(tmp_path, monkeypatch, channels, *, is_allowed=False, **environment):
    config = tmp_path / "config"
    config.mkdir()
    for path in (CHECKOUT / "config").iterdir():
        if path.name != "channels.yaml":
            (config / path.name).symlink_to(path)
    (config / "channels.yaml").write_text(channels)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings(home=tmp_path, config=config)
    Home(tmp_path).make()
    ledger = Ledger(ledger_url(settings)).upgrade()
    if is_allowed:
        ledger.live.allow("email", "smtp", by="ann", at=AT)
    return drivers_of(settings, read_configuration(config))


def test_a_workspace_is_not_live_unless_it_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("WAYFINDER_MODE", raising=False)
    assert Settings().mode == "local"
    secrets = {"SHOP_USER": "u", "SHOP_PASSWORD": "p"}
    with pytest.raises(ForbiddenHostError, match="WAYFINDER_MODE=live"):
        _drivers(tmp_path, monkeypatch, f"email: {{{SMTP}, host: mail.shop.example}}", **secrets)


def test_live_is_said_by_the_environment_and_reaches_children(tmp_path, monkeypatch):
    secrets = {"SHOP_USER": "u", "SHOP_PASSWORD": "p", "WAYFINDER_MODE": "live"}
    drivers = _drivers(tmp_path, monkeypatch, f"email: {{{SMTP}, host: mail.shop.example}}", is_allowed=True, **secrets)
    assert drivers["email"].delivery == "blind"
    assert Settings().environment()["WAYFINDER_MODE"] == "live"


def test_a_secret_that_is_not_set_is_named(tmp_path, monkeypatch):
    with pytest.raises(MissingSecretError, match=r"email\.username_env names SHOP_USER, which isn't set"):
        _drivers(tmp_path, monkeypatch, f"email: {{{SMTP}, host: 127.0.0.1}}")
    monkeypatch.setenv("SHOP_USER", "")
    with pytest.raises(LookupError):
        Settings.secret("SHOP_USER")


def test_a_secret_does_not_show(monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2")
    assert "hunter2" not in repr(Settings.secret("SHOP_PASSWORD"))


@pytest.mark.parametrize("read", [lambda: settings_of(None, None), lambda: HomeResource().create_resource(None)])
def test_a_variable_that_cannot_be_used_is_named_and_what_it_holds_is_not_repeated(monkeypatch, read):
    monkeypatch.setenv("WAYFINDER_CALL_READER", "hunter2")
    with pytest.raises(BadInput, match=r"^WAYFINDER_CALL_READER: .*'words' or 'sentences'") as raised:
        read()
    assert "hunter2" not in str(raised.value)
