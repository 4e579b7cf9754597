"""`wayfinder serve`: webhooks as channels.yaml names them, with secrets from the environment only."""

import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from orchestration.errors import BadInput
from orchestration.service import build_app
from orchestration.settings import CHECKOUT, Settings


@pytest.fixture
def workspace(tmp_path: Path) -> Settings:
    shutil.copytree(CHECKOUT / "config", tmp_path / "config")
    return Settings(home=tmp_path / "home", config=tmp_path / "config").resolved()


def state(settings: Settings, channels: str) -> None:
    (settings.config / "channels.yaml").write_text(channels)


PUSH = "push: {driver: file, webhook: {scheme: standard, secret_env: PUSH_SECRET}}\n"


def test_it_serves_the_webhooks_that_the_configuration_names(
    workspace: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSH_SECRET", "whsec_a2V5")
    state(workspace, PUSH)
    with TestClient(build_app(workspace)) as client:
        assert client.get("/health").json() == {"ok": True, "waiting": 0}
        assert client.post("/webhooks/push", content=b"{}").status_code == 401
        assert client.post("/webhooks/email", content=b"{}").status_code == 404


def test_a_webhook_without_its_secret_is_refused_at_the_start(workspace: Settings) -> None:
    state(workspace, PUSH)
    with pytest.raises(BadInput, match=r"push\.webhook names the environment variable PUSH_SECRET, which isn't set"):
        build_app(workspace)


def test_two_webhooks_of_one_name_are_refused(workspace: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_SECRET", "whsec_a2V5")
    one = "{scheme: standard, secret_env: PUSH_SECRET}"
    state(workspace, f"push: {{driver: file, webhook: [{one}, {one}]}}\n")
    with pytest.raises(BadInput, match="two webhooks are named 'push'"):
        build_app(workspace)


@pytest.mark.parametrize(
    "webhook", ["{scheme: magic, secret_env: X}", "{scheme: standard, secret: abc}", "{scheme: standard}"]
)
def test_a_mistake_in_a_webhook_is_named(workspace: Settings, webhook: str) -> None:
    state(workspace, f"push: {{driver: file, webhook: {webhook}}}\n")
    with pytest.raises(BadInput, match=r"channels\.yaml"):
        build_app(workspace)


def test_a_providers_public_key_is_checked_at_the_start(workspace: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_KEY", "not a key")
    state(workspace, "email: {driver: file, webhook: {scheme: sendgrid, secret_env: SENDGRID_KEY}}\n")
    with pytest.raises(BadInput, match="must be the provider's public key"):
        build_app(workspace)
