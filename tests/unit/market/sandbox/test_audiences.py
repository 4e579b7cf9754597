"""Meta and Google as their documentation shows them.

developers.facebook.com/docs/marketing-api/reference/custom-audience/users;
developers.google.com/google-ads/api/docs/remarketing/audience-segments/customer-match/get-started.
"""

import hashlib
import json
from typing import Any

import httpx
import pytest

from tests.unit.market.sandbox.conftest import Running

EMAILS = [hashlib.sha256(f"p{n}@example.com".encode()).hexdigest() for n in range(4)]
DOCUMENTED = [  # of the page's request
    ["9b431636bd164765d63c573c346708846af4f68fe3701a77a3bdd7e7e5166254", 44.5],
    ["8cc62c145cd0c6dc444168eaeb1b61b351f9b1809a579cc9b4c9e9d7213a39ee", 140],
    ["4eaf70b1f7a797962b9d2a533f122c8039012b31e0a52b34a426729319cb792a", 0],
    ["98df8d46f118f8bef552b0ec0a3d729466a912577830212a844b73960777ac56", 0.9],
]


def meta(sandbox: Running, method: str, audience: str, payload: dict[str, Any], **more: Any) -> httpx.Response:
    body = {"payload": payload, "access_token": sandbox.secret("META_TOKEN")} | more
    return sandbox.client.request(method, f"{sandbox.http}/meta/v25.0/{audience}/users", json=body)


def members(sandbox: Running) -> dict[str, int]:
    return dict(sandbox.client.get(f"{sandbox.http}/_sandbox/members").json())


def test_the_documents_request_is_taken_as_a_form(sandbox: Running) -> None:
    payload = json.dumps({"schema": ["EMAIL", "LOOKALIKE_VALUE"], "data": DOCUMENTED})
    form = {"payload": payload, "access_token": sandbox.secret("META_TOKEN")}
    answer = sandbox.client.post(f"{sandbox.http}/meta/v25.0/1001/users", data=form)
    assert answer.status_code == 200
    assert answer.json()["audience_id"] == "1001"
    assert (answer.json()["num_received"], answer.json()["num_invalid_entries"]) == (4, 0)


def test_an_audience_is_a_set(sandbox: Running) -> None:
    payload = {"schema": ["EMAIL"], "data": [[EMAILS[0]], [EMAILS[1]]]}
    before = sandbox.counts("paid_social").get("duplicates", 0)
    for _ in range(2):
        meta(sandbox, "POST", "1002", payload)
    assert members(sandbox)["1002"] == 2
    assert sandbox.counts("paid_social")["duplicates"] == before  # adding again changes nothing
    meta(sandbox, "DELETE", "1002", {"schema": "EMAIL", "data": [EMAILS[0]]})
    assert members(sandbox)["1002"] == 1
    removed = [row for row in sandbox.rows("paid_social", EMAILS[0]) if row["operation"] == "remove"]
    assert [row["has_effect"] for row in removed] == [1]


def test_a_session_keeps_its_id_and_what_is_no_hash_is_invalid(sandbox: Running) -> None:
    payload = {"schema": ["EMAIL", "PHONE"], "data": [[EMAILS[2], ""], ["jane@example.com", ""]]}
    session = {"session_id": 9778993, "batch_seq": 1, "last_batch_flag": True, "estimated_num_total": 2}
    answer = meta(sandbox, "POST", "1003", payload, session=session).json()
    assert (answer["session_id"], answer["num_received"], answer["num_invalid_entries"]) == ("9778993", 2, 1)
    assert members(sandbox)["1003"] == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"schema": ["E-MAIL"], "data": [[EMAILS[0]]]},
        {"schema": ["EMAIL"], "data": []},
        {"schema": ["EMAIL", "PHONE"], "data": [[EMAILS[0]]]},
        {"schema": ["EMAIL"], "data": [[EMAILS[0]]] * 10_001},
    ],
)
def test_a_wrong_payload_is_code_100(sandbox: Running, payload: dict[str, Any]) -> None:
    answer = meta(sandbox, "POST", "1004", payload)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


def test_a_wrong_token_is_code_190(sandbox: Running) -> None:
    answer = meta(sandbox, "POST", "1005", {"schema": "EMAIL", "data": [EMAILS[0]]}, access_token="wrong")  # noqa: S106
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def google(sandbox: Running, path: str, body: dict[str, Any], **more: str) -> httpx.Response:
    token = sandbox.client.post(
        f"{sandbox.http}/google/token",
        data={"grant_type": "refresh_token", "client_id": "i", "client_secret": "s", "refresh_token": "r"},
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "developer-token": sandbox.secret("GOOGLE_DEVELOPER_TOKEN")} | more
    return sandbox.client.post(f"{sandbox.http}/google/v26/{path}", json=body, headers=headers)


def job(sandbox: Running, user_list: str = "customers/123/userLists/9") -> str:
    consent = {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}
    metadata = {"userList": user_list, "consent": consent}
    made = {"job": {"type": "CUSTOMER_MATCH_USER_LIST", "customerMatchUserListMetadata": metadata}}
    return str(google(sandbox, "customers/123/offlineUserDataJobs:create", made).json()["resourceName"])


def adding(*hashes: str) -> dict[str, Any]:
    return {"operations": [{"create": {"userIdentifiers": [{"hashedEmail": each}]}} for each in hashes]}


def test_a_job_has_its_effect_when_it_is_run(sandbox: Running) -> None:
    before = members(sandbox).get("customers/123/userLists/9", 0)
    name = job(sandbox)
    assert name.startswith("customers/123/offlineUserDataJobs/")
    assert google(sandbox, f"{name}:addOperations", adding(EMAILS[0], EMAILS[1])).json() == {}
    assert members(sandbox).get("customers/123/userLists/9", 0) == before
    assert google(sandbox, f"{name}:run", {}).json()["name"] == name.replace("offlineUserDataJobs", "operations")
    assert members(sandbox)["customers/123/userLists/9"] == before + 2
    again = google(sandbox, f"{name}:run", {})
    assert again.json()["error"]["details"][0]["errors"][0]["errorCode"] == {"databaseError": "CONCURRENT_MODIFICATION"}


def test_members_are_removed_by_a_job(sandbox: Running) -> None:
    target = "customers/123/userLists/10"
    for body in (adding(EMAILS[0]), {"operations": [{"remove": {"userIdentifiers": [{"hashedEmail": EMAILS[0]}]}}]}):
        name = job(sandbox, target)
        google(sandbox, f"{name}:addOperations", body)
        google(sandbox, f"{name}:run", {})
    assert members(sandbox)[target] == 0


def test_a_malformed_hash_fails_alone_where_partial_failure_is_asked_for(sandbox: Running) -> None:
    name = job(sandbox, "customers/123/userLists/11")
    whole = google(sandbox, f"{name}:addOperations", adding(EMAILS[0], "jane@example.com"))
    assert (whole.status_code, whole.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    part = google(
        sandbox, f"{name}:addOperations", adding(EMAILS[0], "jane@example.com") | {"enablePartialFailure": True}
    )
    assert part.json()["partialFailureError"]["code"] == 3
    google(sandbox, f"{name}:run", {})
    assert members(sandbox)["customers/123/userLists/11"] == 1


def test_more_than_twenty_identifiers_of_a_user_are_refused(sandbox: Running) -> None:
    name = job(sandbox)
    user = {"userIdentifiers": [{"hashedEmail": EMAILS[0]}] * 21}
    answer = google(sandbox, f"{name}:addOperations", {"operations": [{"create": user}]})
    code = answer.json()["error"]["details"][0]["errors"][0]["errorCode"]
    assert code == {"offlineUserDataJobError": "TOO_MANY_USER_IDENTIFIERS"}


def test_denied_consent_is_refused(sandbox: Running) -> None:
    metadata = {"userList": "customers/123/userLists/9", "consent": {"adUserData": "DENIED"}}
    made = {"job": {"type": "CUSTOMER_MATCH_USER_LIST", "customerMatchUserListMetadata": metadata}}
    assert google(sandbox, "customers/123/offlineUserDataJobs:create", made).status_code == 400


def test_both_tokens_are_needed(sandbox: Running) -> None:
    path = "customers/123/offlineUserDataJobs:create"
    for wrong in ({"Authorization": "Bearer wrong"}, {"developer-token": "wrong"}):
        answer = google(sandbox, path, {}, **wrong)
        assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
