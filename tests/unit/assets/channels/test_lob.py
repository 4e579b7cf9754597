"""Requests as in Lob's API reference (docs.lob.com, Postcards and Letters: create; Idempotent Requests)."""

from base64 import b64decode
from datetime import timedelta

import pytest
from pydantic import SecretStr

from assets.channels.contract import reason_of
from assets.channels.lob import LobDriver
from ml.configuration.drivers import LobSettings, PostalAddress
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.stated import RETURN_ADDRESS
from tests.unit.assets.channels.support import AT, sendable

CREATED = {"id": "psc_208e45e48d271294", "object": "postcard", "expected_delivery_date": "2026-01-12"}


def _one(server, *, stated=None, **changes):
    home = PostalAddress(**RETURN_ADDRESS)
    settings = LobSettings(driver="lob", base_url=server.url, api_key_env="K", return_address=home, **stated or {})
    (receipt,) = LobDriver(settings, key=SecretStr("test_key")).deliver([sendable("direct_mail", **changes)], at=AT)
    return receipt


def test_a_postcard_is_ordered_with_the_message_id_as_its_key():
    with provider() as server:
        server.answer = lambda _: Reply(200, CREATED)
        receipt = _one(server)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/postcards")
    assert request.headers["idempotency-key"] == "m1"
    assert b64decode(request.headers["authorization"].removeprefix("Basic ")) == b"test_key:"
    body = request.json
    assert body["to"] == {
        "name": "Ann Lee",
        "address_line1": "1 Main St",
        "address_city": "Springfield",
        "address_state": "IL",
        "address_zip": "62701",
        "address_country": "US",
    }
    assert body["from"]["name"] == "Shop"
    assert (body["size"], body["use_type"], body["metadata"]) == ("4x6", "marketing", {"message_id": "m1"})
    assert "$10 off &lt;your&gt; order" in body["back"]
    assert (receipt.status, receipt.provider_id) == ("sent", "psc_208e45e48d271294")


def test_a_letter_has_one_file_and_templates_are_filled_in():
    with provider() as server:
        _one(server, stated={"product": "letters"})
        _one(server, stated={"front": "tmpl_a1", "back": "tmpl_b2"})
    letter, postcard = (request.json for request in server.requests)
    assert server.requests[0].path == "/v1/letters"
    assert "We miss you" in letter["file"]
    assert letter["color"] is True
    assert (postcard["front"], postcard["back"]) == ("tmpl_a1", "tmpl_b2")
    assert postcard["merge_variables"] == {"headline": "We miss you", "body": "$10 off <your> order"}


def test_a_repeat_is_the_same_request():
    with provider() as server:
        for _ in range(2):
            _one(server)
    first, again = server.requests
    assert (first.body, first.headers["idempotency-key"]) == (again.body, again.headers["idempotency-key"])


def test_the_key_holds_for_a_day():
    assert LobDriver.delivery == "keyed"
    assert LobDriver.key_horizon == timedelta(hours=24)


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        (Reply(422, {"error": {"message": "to is bad", "status_code": 422, "code": "invalid"}}), "failed", "refused"),
        (Reply(429, headers={"Retry-After": "5"}), "retry", "throttled"),
        (Reply(500), "retry", "unanswered"),
        (Reply(fault="drop"), "retry", "unanswered"),
    ],
)
def test_what_is_ambiguous_goes_again_under_its_key(reply, status, reason):
    with provider() as server:
        server.answer = lambda _: reply
        receipt = _one(server)
    assert (receipt.status, reason_of(receipt)) == (status, reason)


def test_braces_in_a_text_are_no_template():
    with provider() as server:
        _one(server, content={"body": "{{ secret }}"})
    assert "{{" not in server.requests[0].json["back"]
