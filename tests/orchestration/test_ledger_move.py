"""Moving a ledger: everything arrives as it was, guards included, or nothing does."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from assets.ledger.ledger import Ledger
from assets.ledger.records import Receipt
from orchestration.errors import BadInput
from orchestration.ledger_move import move
from orchestration.settings import Settings
from tests.unit.assets.ledger.support import (
    AT,
    execute,
    ledger_url,
    messages,
    postgresql_server,
    release,
    sqlite_template,
    states,
)

__all__ = ["ledger_url", "postgresql_server", "sqlite_template"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a ledger at work, stopped."""
    home = tmp_path / "home"
    home.mkdir()
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}").upgrade()
    release(ledger, frame=messages(3))
    lease = ledger.outbox.claim("email", at=AT, limit=1, owner="a", lease_s=60)
    intent = ledger.outbox.begin_sending(lease, at=AT)
    ledger.outbox.ack(lease, [Receipt(each.message_id, "sent", AT) for each in intent.messages], at=AT, retry_at=AT)
    ledger.halts.stop(by="ann", at=AT, reason="moving")
    ledger.close()
    return Settings(home=home)


def test_a_moved_ledger_goes_on_where_the_old_one_was(settings: Settings, ledger_url: str) -> None:
    facts = move(settings, ledger_url, AT)
    assert facts["tables"]["outbox"] == 3
    moved = Ledger(ledger_url)
    assert states(moved) == {"m0": "sent", "m1": "pending", "m2": "pending"}
    assert moved.halts.active() == ["all"]
    moved.halts.resume(by="ann", at=AT)
    release(moved, "p2", messages(2, prefix="n"))
    assert moved.audit.check(now=AT) == []
    with pytest.raises(Exception, match="never deleted"):
        execute(moved, "DELETE FROM outbox")
    moved.close()


def test_a_ledger_in_use_is_not_moved(settings: Settings, ledger_url: str) -> None:
    ledger = Ledger(f"sqlite:///{settings.home / 'ledger.db'}")
    ledger.halts.resume(by="ann", at=AT)
    with pytest.raises(BadInput, match="wayfinder stop"):
        move(settings, ledger_url, AT)


def test_a_target_that_holds_something_is_left_alone(settings: Settings, ledger_url: str) -> None:
    move(settings, ledger_url, AT)
    with pytest.raises(BadInput, match="there is a ledger already"):
        move(settings, ledger_url, AT)


def test_a_target_that_cannot_be_opened_is_bad_input_without_its_password(settings: Settings) -> None:
    url = SecretStr("postgresql://ann:hunter2@127.0.0.1:1/nowhere")
    with pytest.raises(BadInput, match="--to") as caught:
        move(settings, url.get_secret_value(), AT)
    assert "hunter2" not in str(caught.value)
