"""Requests as in the Google Ads API's REST reference: OfflineUserDataJobService (create, addOperations, run).

The token is refreshed as on Google's "Using OAuth 2.0 for Web Server Applications" page.
"""

import pytest
from pydantic import SecretStr

from assets.channels.contract import reason_of
from assets.channels.google_audience import GoogleAudienceDriver
from ml.configuration.drivers import GoogleAudienceSettings
from tests.unit.assets.channels.servers import Reply, provider
from tests.unit.assets.channels.stated import STATED
from tests.unit.assets.channels.support import AT, sendable

JOB = "customers/1234567890/offlineUserDataJobs/42"
ANSWERS = {
    "/token": {"access_token": "ya29.a", "expires_in": 3599, "token_type": "Bearer"},
    ":create": {"resourceName": JOB},
    ":addOperations": {},
    ":run": {"name": "customers/1234567890/operations/1"},
}


def _answer(request, **changes):
    return next(
        changes.get(end.strip(":/"), Reply(200, body)) for end, body in ANSWERS.items() if request.path.endswith(end)
    )


def _driver(server, **more):
    names = ("developer_token", "client_id", "client_secret", "refresh_token")
    settings = GoogleAudienceSettings(driver="google_audience", **STATED["google_audience"](url=server.url) | more)
    return GoogleAudienceDriver(settings, **{name: SecretStr(f"the-{name}") for name in names})


def _member(message_id, operation="add", **recipient):
    return sendable("display", message_id, recipient={"operation": operation, **recipient})


def _run(batch, **changes):
    with provider() as server:
        server.answer = lambda request: _answer(request, **changes)
        receipts = _driver(server).deliver(batch, at=AT)
    return server.requests, {receipt.message_id: receipt for receipt in receipts}


def test_members_are_added_by_a_job_of_three_steps():
    requests, receipts = _run([_member("m1"), _member("m2", phone_sha256=None)])
    token, create, add, run = requests
    assert token.form == {
        "grant_type": "refresh_token",
        "client_id": "the-client_id",
        "client_secret": "the-client_secret",
        "refresh_token": "the-refresh_token",
    }
    assert create.path == "/v26/customers/1234567890/offlineUserDataJobs:create"
    assert create.json == {
        "job": {
            "type": "CUSTOMER_MATCH_USER_LIST",
            "customerMatchUserListMetadata": {
                "userList": "customers/1234567890/userLists/77",
                "consent": {"adUserData": "GRANTED", "adPersonalization": "GRANTED"},
            },
        }
    }
    assert (add.path, run.path) == (f"/v26/{JOB}:addOperations", f"/v26/{JOB}:run")
    assert add.json == {
        "operations": [
            {"create": {"userIdentifiers": [{"hashedEmail": "a" * 64}, {"hashedPhoneNumber": "b" * 64}]}},
            {"create": {"userIdentifiers": [{"hashedEmail": "a" * 64}]}},
        ],
        "enablePartialFailure": True,
    }
    assert (add.headers["authorization"], add.headers["developer-token"]) == ("Bearer ya29.a", "the-developer_token")
    assert {receipt.status for receipt in receipts.values()} == {"sent"}


def test_removals_have_a_job_of_their_own_and_come_last():
    requests, receipts = _run([_member("m1", "remove"), _member("m2")])
    jobs = [request.json["operations"] for request in requests if request.path.endswith(":addOperations")]
    assert [list(operations[0]) for operations in jobs] == [["create"], ["remove"]]
    assert len(receipts) == 2


def test_a_member_refused_by_itself_fails_alone():
    failure = {
        "partialFailureError": {
            "code": 3,
            "message": "Multiple errors",
            "details": [
                {
                    "@type": "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure",
                    "errors": [
                        {
                            "errorCode": {"offlineUserDataJobError": "INVALID_SHA256_FORMAT"},
                            "location": {"fieldPathElements": [{"fieldName": "operations", "index": 1}]},
                        }
                    ],
                }
            ],
        }
    }
    _, receipts = _run([_member("m0"), _member("m1"), _member("m2")], addOperations=Reply(200, failure))
    assert {name: receipt.status for name, receipt in receipts.items()} == {"m0": "sent", "m1": "failed", "m2": "sent"}


@pytest.mark.parametrize("step", ["create", "addOperations", "run"])
@pytest.mark.parametrize(("reply", "status"), [(Reply(500), "retry"), (Reply(400), "failed"), (Reply(429), "retry")])
def test_a_job_that_did_not_run_has_sent_nothing(step, reply, status):
    _, receipts = _run([_member("m1")], **{step: reply})
    assert receipts["m1"].status == status


@pytest.mark.parametrize("name", ["", "../../x", "customers/1/offlineUserDataJobs/2:run?x", 7])
def test_a_job_is_called_by_no_other_name_than_a_jobs(name):
    requests, receipts = _run([_member("m1")], create=Reply(200, {"resourceName": name}))
    assert (receipts["m1"].status, len(requests)) == ("retry", 2)


def test_a_token_that_ran_out_is_renewed_once():
    with provider() as server:
        server.answer = _answer
        driver = _driver(server)
        driver.deliver([_member("m1")], at=AT)
        turn = iter([Reply(401)])
        server.answer = lambda request: (
            next(turn, None) or _answer(request) if request.path.endswith(":create") else _answer(request)
        )
        (receipt,) = driver.deliver([_member("m2")], at=AT)
    assert receipt.status == "sent"
    assert [request.path for request in server.requests].count("/token") == 2


def test_a_refresh_token_that_is_refused_is_the_operators_to_mend():
    _, receipts = _run([_member("m1")], token=Reply(400, {"error": "invalid_grant"}))
    assert (receipts["m1"].status, reason_of(receipts["m1"])) == ("retry", "unauthorized")
