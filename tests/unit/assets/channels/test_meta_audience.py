"""Requests as on Meta's "Custom Audience Users" reference and "Customer File Custom Audiences" guide (Marketing API)."""

import json

import pytest
from pydantic import SecretStr

from assets.channels.contract import reason_of
from assets.channels.meta_audience import MetaAudienceDriver
from ml.configuration.drivers import MetaAudienceSettings
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.support import AT, sendable

AUDIENCE = "120208749119170125"
RECEIVED = {"audience_id": AUDIENCE, "session_id": "9778993", "num_received": 1, "num_invalid_entries": 0}


def _driver(server):
    stated = {"base_url": server.url, "audience_id": AUDIENCE, "access_token_env": "T"}
    return MetaAudienceDriver(MetaAudienceSettings(driver="meta_audience", **stated), token=SecretStr("hunter2"))


def _member(message_id, operation="add", **recipient):
    return sendable("paid_social", message_id, recipient={"operation": operation, **recipient})


def test_members_are_added_and_removed_by_hashes():
    with provider() as server:
        server.answer = lambda _: Reply(200, RECEIVED)
        batch = [_member("m1"), _member("m2", "remove", email_sha256=None), _member("m3")]
        receipts = _driver(server).deliver(batch, at=AT)
    add, remove = server.requests
    assert (add.method, add.path) == ("POST", f"/v25.0/{AUDIENCE}/users")
    assert (remove.method, remove.path) == ("DELETE", f"/v25.0/{AUDIENCE}/users")
    assert json.loads(add.form["payload"]) == {"schema": ["EMAIL", "PHONE"], "data": [["a" * 64, "b" * 64]] * 2}
    assert json.loads(remove.form["payload"])["data"] == [["", "b" * 64]]
    session = json.loads(add.form["session"])
    assert {**session, "session_id": 0} == {
        "session_id": 0,
        "batch_seq": 1,
        "last_batch_flag": True,
        "estimated_num_total": 2,
    }
    assert add.headers["authorization"] == "Bearer hunter2"
    assert "hunter2" not in add.path + str(add.query)
    assert {receipt.message_id: receipt.status for receipt in receipts} == dict.fromkeys(("m1", "m2", "m3"), "sent")


def test_a_request_has_ten_thousand_members_at_most():
    with provider() as server:
        receipts = _driver(server).deliver([_member(f"m{n}") for n in range(10_001)], at=AT)
    assert [len(json.loads(request.form["payload"])["data"]) for request in server.requests] == [10_000, 1]
    assert len(receipts) == 10_001


@pytest.mark.parametrize("value", ["ann@example.com", "A" * 64, "a" * 63, 7])
def test_what_is_not_a_hash_is_never_uploaded(value):
    with provider() as server:
        (receipt,) = _driver(server).deliver([_member("m1", email_sha256=value)], at=AT)
    assert (receipt.status, reason_of(receipt), server.requests) == ("failed", "invalid_recipient", [])


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        (Reply(400, {"error": {"message": "x", "code": 100, "error_subcode": 1713230}}), "failed", "refused"),
        (Reply(400, {"error": {"message": "limit", "code": 80003}}), "retry", "throttled"),
        (Reply(400, {"error": {"message": "expired", "code": 190}}), "retry", "unauthorized"),
        (Reply(500), "retry", "unanswered"),
        (Reply(fault="drop"), "retry", "unanswered"),
    ],
)
def test_an_upload_goes_again_unless_it_is_refused(reply, status, reason):
    with provider() as server:
        server.answer = lambda _: reply
        (receipt,) = _driver(server).deliver([_member("m1")], at=AT)
    assert (receipt.status, reason_of(receipt)) == (status, reason)
