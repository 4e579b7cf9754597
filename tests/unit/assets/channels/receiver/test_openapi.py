"""Whatever is sent, signed or not, the receiver never fails with a 5xx."""

import asyncio
import json
import shutil

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from assets.channels.messages import Unsubscribe
from assets.channels.receiver.app import build_receiver
from assets.ledger.ledger import Ledger
from tests.unit.assets.channels.receiver.support import BASE, HOOKS, event, lob, sendgrid, standard, twilio, twilio_json
from tests.unit.assets.ledger.support import AT

SETTINGS = settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def app(sqlite_template, tmp_path):
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield build_receiver(ledger, hooks=HOOKS, unsubscribe=Unsubscribe(BASE, b"k" * 32), clock=lambda: AT)
    ledger.close()


def test_no_request_leads_to_a_server_error(app):
    tried = set()

    def checked(operation):
        @SETTINGS
        @given(case=operation.as_strategy())
        def check(case):
            tried.add(case.path)
            case.call_and_validate(checks=[not_a_server_error])

        return check

    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        checked(found.ok())()
    assert {
        "/webhooks/{name}",
        "/web/decision",
        "/web/outcome",
        "/unsubscribe/{message_id}/{token}",
        "/health",
    } <= tried


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
_fields = st.sampled_from(
    [
        *event(value=1, payload=None, customer_key=""),
        "events",
        "data",
        "type",
        "CallSid",
        "MessageSid",
        "Body",
        "From",
        "event",
    ]
)
_near = st.dictionaries(_fields, _json, max_size=8).map(lambda changed: event() | changed)


@SETTINGS
@given(bodies=st.lists(_json | _near | st.lists(_near, max_size=3), min_size=1, max_size=4))
def test_no_signed_body_leads_to_a_server_error(app, bodies):
    texts = [{name: str(value) for name, value in body.items()} for body in bodies if isinstance(body, dict)]
    posts = [("/webhooks/push", standard(body, AT, webhook_id=str(n))) for n, body in enumerate(bodies)]
    posts += [("/webhooks/email", sendgrid(body, AT)) for body in bodies]
    posts += [("/webhooks/direct_mail", lob(body, AT)) for body in bodies]
    posts += [twilio_json("/webhooks/voice", body) for body in bodies]
    posts += [twilio("/webhooks/sms", _storable(text)) for text in texts]

    async def post_all():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            return [(await client.post(path, **more)).status_code for path, more in posts]

    assert set(asyncio.run(post_all())) <= {200, 400}


def _storable(values):
    return {json.dumps(name): json.dumps(value) for name, value in values.items()} | {
        name: value for name, value in values.items() if (name + value).isascii()
    }
