"""Requests and answers as docs.lob.com and github.com/lob/lob-openapi (resources/postcards) show them."""

from typing import Any

import httpx
import pytest

from tests.unit.market.sandbox.conftest import Running

HARRY: dict[str, Any] = {
    "description": "Harry - Office", "name": "Harry Zhang", "company": "Lob", "email": "harry@lob.com", "phone": "5555555555",
    "address_line1": "210 King St", "address_line2": "# 6100", "address_city": "San Francisco", "address_state": "CA",
    "address_zip": "94107", "address_country": "US",
}  # fmt: skip
POSTCARD: dict[str, Any] = {
    "description": "demo", "to": HARRY, "from": HARRY, "front": "tmpl_a1234dddg", "back": "tmpl_a1234dddg", "size": "6x9",
    "mail_type": "usps_first_class", "merge_variables": {"name": "Harry"}, "metadata": {"spiffy": "true"},
    "send_date": "2017-11-01T00:00:00.000Z",
}  # fmt: skip


def create(sandbox: Running, piece: dict[str, Any], key: str = "", kind: str = "postcards") -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    auth = (sandbox.secret("LOB_KEY"), "")
    return sandbox.client.post(f"{sandbox.http}/lob/v1/{kind}", json=piece, headers=headers, auth=auth)


def test_the_documents_sample_postcard_is_created(sandbox: Running) -> None:
    answer = create(sandbox, POSTCARD)
    assert answer.status_code == 200
    postcard = answer.json()
    assert postcard["id"].startswith("psc_")
    assert (postcard["object"], postcard["size"], postcard["metadata"]) == ("postcard", "6x9", {"spiffy": "true"})
    assert postcard["to"]["address_zip"] == "94107"
    assert postcard["to"]["object"] == "address"
    auth = (sandbox.secret("LOB_KEY"), "")
    assert sandbox.client.get(f"{sandbox.http}/lob/v1/postcards/{postcard['id']}", auth=auth).json() == postcard


def test_the_documents_form_is_taken_as_well(sandbox: Running) -> None:
    form = {
        "description": "Demo Postcard job", "to[name]": "Harry Zhang", "to[address_line1]": "210 King St",
        "to[address_city]": "San Francisco", "to[address_state]": "CA", "to[address_zip]": "94107",
        "from": "adr_210a8d4b0b76d77b", "front": "<html>Front HTML for {{name}}</html>", "back": "<html>Back</html>",
        "merge_variables[name]": "Harry",
    }  # fmt: skip
    answer = sandbox.client.post(f"{sandbox.http}/lob/v1/postcards", data=form, auth=(sandbox.secret("LOB_KEY"), ""))
    assert answer.status_code == 200
    assert answer.json()["merge_variables"] == {"name": "Harry"}


def test_a_letter_is_created(sandbox: Running) -> None:
    letter = {"to": HARRY, "from": HARRY, "file": "<html>Dear {{name}}</html>", "color": True, "use_type": "marketing"}
    answer = create(sandbox, letter, kind="letters")
    assert answer.json()["id"].startswith("ltr_")


def test_the_same_key_gets_the_same_answer_and_one_piece(sandbox: Running) -> None:
    key = sandbox.key()
    answers = [create(sandbox, POSTCARD, key) for _ in range(3)]
    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(sandbox.rows("direct_mail", key)) == 1
    assert sandbox.counts("direct_mail")["replays"] >= 2


def test_a_used_key_with_another_payload_is_a_conflict(sandbox: Running) -> None:
    key = sandbox.key()
    create(sandbox, POSTCARD, key)
    answer = create(sandbox, POSTCARD | {"size": "4x6"}, key)
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "message": "This idempotency key was used with a different request.", "status_code": 409, "code": "conflict",
    }  # fmt: skip
    assert len(sandbox.rows("direct_mail", key)) == 1


def test_a_key_is_forgotten_after_24_hours(sandbox: Running) -> None:
    clock, key = f"{sandbox.http}/_sandbox/clock", sandbox.key()
    sandbox.client.put(clock, json={"at": "2026-01-05T09:00:00Z"})
    create(sandbox, POSTCARD, key)
    sandbox.client.put(clock, json={"at": "2026-01-06T08:59:00Z"})
    create(sandbox, POSTCARD, key)
    assert len(sandbox.rows("direct_mail", key)) == 1
    sandbox.client.put(clock, json={"at": "2026-01-06T09:01:00Z"})
    create(sandbox, POSTCARD, key)
    assert len(sandbox.rows("direct_mail", key)) == 2


def test_pieces_can_be_found_by_their_metadata(sandbox: Running) -> None:
    key = sandbox.key()
    made = create(sandbox, POSTCARD | {"metadata": {"message_id": key}}).json()["id"]
    assert len(sandbox.rows("direct_mail", key)) == 1  # the log takes the sender's id from there
    url = f"{sandbox.http}/lob/v1/postcards"
    query = {"metadata[message_id]": key, "limit": "2"}
    listed = sandbox.client.get(url, params=query, auth=(sandbox.secret("LOB_KEY"), "")).json()
    assert [piece["id"] for piece in listed["data"]] == [made]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to": None}, "to is required"),
        ({"front": ""}, "front is required"),
        ({"size": "5x5"}, "size must be one of"),
        ({"to": HARRY | {"name": "x" * 41}}, "to.name length"),
        ({"to": HARRY | {"address_line1": ""}}, "to.address_line1 is required"),
        ({"to": HARRY | {"address_zip": "", "address_city": ""}}, "to.address_zip or"),
        ({"metadata": {f"k{n}": "v" for n in range(21)}}, "metadata must"),
    ],
)
def test_a_wrong_piece_is_invalid(sandbox: Running, change: dict[str, Any], message: str) -> None:
    answer = create(sandbox, POSTCARD | change)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid"
    assert answer.json()["error"]["message"].startswith(message)


def test_a_refused_piece_leaves_its_key_free(sandbox: Running) -> None:
    key = sandbox.key()
    assert create(sandbox, POSTCARD | {"to": None}, key).status_code == 422
    assert create(sandbox, POSTCARD, key).status_code == 200


def test_a_wrong_key_of_the_account_is_refused(sandbox: Running) -> None:
    answer = httpx.post(f"{sandbox.http}/lob/v1/postcards", json=POSTCARD, auth=("test_wrong", ""))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
