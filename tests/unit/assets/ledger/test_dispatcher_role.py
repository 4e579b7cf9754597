"""The dispatcher's own role on PostgreSQL: it sends what was released, and can authorize nothing."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from assets.channels.contract import Receipt
from assets.channels.dispatch import DispatchFailed, dispatch
from assets.channels.runtime import still
from assets.ledger.ledger import Ledger
from tests.unit.assets.ledger.support import AT, execute_at, messages, propose, release, states

SCRIPT = Path(__file__).parents[4] / "docs" / "dispatcher_role.sql"
LOGIN = f"dispatcher_{os.getpid()}"
WORD = "for-this-test-only"


class Line:
    delivery, key_horizon = "keyed", None

    def __init__(self, answer: str = "sent") -> None:
        self.answer = answer

    def deliver(self, batch, *, at):
        if self.answer == "dead":
            raise ConnectionError
        return [Receipt(message.message_id, self.answer, at) for message in batch]


pytestmark = pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)


@pytest.fixture
def dispatcher(ledger_url: str) -> Iterator[Ledger]:
    """The ledger as a login of the role sees it, which the script that operators run has made."""
    execute_at(ledger_url, SCRIPT.read_text(encoding="utf-8"))
    execute_at(ledger_url, f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{WORD}' IN ROLE wayfinder_dispatcher")
    opened = Ledger(make_url(ledger_url).set(username=LOGIN, password=WORD).render_as_string(hide_password=False))
    yield opened
    opened.close()
    execute_at(ledger_url, f"DROP ROLE {LOGIN}")


def test_the_dispatcher_sends_what_was_released_and_can_authorize_nothing(ledger: Ledger, dispatcher: Ledger) -> None:
    release(ledger, frame=messages(3))
    propose(ledger, "p2")
    ledger.plans.hold("p2", ["new action"], at=AT, expires_at=AT + timedelta(days=1))
    at = AT + timedelta(minutes=5)
    dispatch(dispatcher, {"email": Line()}, at=at, channel="email", owner="d", guards=[], runtime=still(at))
    assert set(states(ledger).values()) == {"sent"}
    assert ledger.audit.check() == []
    with pytest.raises(ProgrammingError, match="permission denied"):
        dispatcher.plans.approve("p2", plan_hash="hash", by="anne@example.com", at=at)
    with pytest.raises(ProgrammingError, match="permission denied"):
        release(dispatcher, "p3", frame=messages(1, prefix="x"))
    for statement in (
        "DELETE FROM plan_authorization",
        "DELETE FROM outbox",
        "UPDATE budget SET cap_micros = NULL",
        "DELETE FROM audit",
        "UPDATE autonomy_level SET level = 'autonomous'",
        "DELETE FROM suppression",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), dispatcher.engine.begin() as connection:
            connection.execute(text(statement))


@pytest.mark.parametrize("answer", ["retry", "failed", "unknown", "dead"])
def test_the_dispatcher_can_write_down_whatever_a_provider_answers(
    ledger: Ledger, dispatcher: Ledger, answer: str
) -> None:
    release(ledger, frame=messages(3))
    for minutes in (5, 10, 30, 24 * 60):  # the last one after the messages' window
        at = AT + timedelta(minutes=minutes)
        with contextlib.suppress(DispatchFailed):
            dispatch(
                dispatcher, {"email": Line(answer)}, at=at, channel="email", owner="d", guards=[], runtime=still(at)
            )
    assert not set(states(ledger).values()) & {"ready", "sent"}
