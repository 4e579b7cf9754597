"""Faults: at the set rate, the same under the same seed, each with the effect that its name says."""

import time
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.sandbox.faults import AFTER, BEFORE, CHANNELS, Faults, kinds_of, parsed
from market.words import MarketError
from tests.unit.market.sandbox.conftest import Running

KINDS = (*BEFORE, *AFTER)


def drawn(seed: int, count: int, **rates: float) -> list[str]:
    faults = Faults(seed)
    faults.set({"sms": rates})
    return [faults.draw("sms") for _ in range(count)]


def test_the_same_seed_meets_the_same_faults_and_another_one_others() -> None:
    assert drawn(7, 300, hang=0.2, slow=0.2) == drawn(7, 300, hang=0.2, slow=0.2)
    assert drawn(7, 300, hang=0.2, slow=0.2) != drawn(8, 300, hang=0.2, slow=0.2)


@given(st.dictionaries(st.sampled_from(KINDS), st.floats(0, 0.12), min_size=1), st.integers(0, 10**6))
def test_each_fault_comes_at_its_rate(rates: dict[str, float], seed: int) -> None:
    found = drawn(seed, 2000, **rates)
    for kind, rate in rates.items():
        deviation = (2000 * rate * (1 - rate)) ** 0.5
        assert abs(found.count(kind) - 2000 * rate) <= 6 * deviation + 1  # 6 standard deviations
    assert set(found) <= {"", *rates}


def test_the_traffic_of_another_channel_changes_nothing() -> None:
    alone, mixed = Faults(7), Faults(7)
    for faults in (alone, mixed):
        faults.set({"all": {"hang": 0.3}})
    found = []
    for _ in range(100):
        mixed.draw("voice")
        found.append(mixed.draw("sms"))
    assert found == [alone.draw("sms") for _ in range(100)]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"fax": {"hang": 0.1}}, "no such channel"),
        ({"sms": {"explode": 0.1}}, "sms.explode is unknown; these are: double"),
        ({"sms": {"hang": 1.1}}, "no rate"),
        ({"sms": {"hang": 0.6, "slow": 0.6}}, "add up to 1.200"),
        ({"settings": {"slow": 3}}, "slow=3"),
    ],
)
def test_what_cannot_be_is_refused_whole(wanted: dict[str, dict[str, float]], message: str) -> None:
    faults = Faults(7)
    with pytest.raises(MarketError, match=message):
        faults.set({"voice": {"hang": 0.1}} | wanted)
    assert faults.rates == {channel: {} for channel in CHANNELS}


def test_all_means_every_channel_that_knows_the_fault() -> None:
    faults = Faults(7)
    faults.set(parsed(["all.throttle=0.1,email.temporary_rcpt=0.2", "slow_s=3"]))
    assert "throttle" not in faults.rates["email"]
    assert all(faults.rates[channel]["throttle"] == 0.1 for channel in CHANNELS if channel != "email")
    assert faults.settings["slow_s"] == 3
    assert "throttle" not in kinds_of("email")


def test_a_word_of_another_form_is_refused() -> None:
    with pytest.raises(MarketError, match=r"write CHANNEL\.FAULT=RATE"):
        parsed(["sms.hang"])


def test_a_throttled_request_is_told_when_to_come_again(sandbox: Running) -> None:
    key = sandbox.key()
    sandbox.faults(sms={"throttle": 1.0}, settings={"retry_after_s": 3})
    answer = sandbox.send_sms(key)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "3", 20429)
    assert sandbox.rows("sms", key) == []


@pytest.mark.parametrize(("fault", "status", "accepted"), [("error_before", 503, 0), ("error_after", 500, 1)])
def test_an_error_comes_before_or_after_accepting(sandbox: Running, fault: str, status: int, accepted: int) -> None:
    key = sandbox.key()
    sandbox.faults(sms={fault: 1.0})
    assert sandbox.send_sms(key).status_code == status
    assert len(sandbox.rows("sms", key)) == accepted


@pytest.mark.parametrize(("fault", "accepted"), [("drop_before", 0), ("drop_after", 1), ("hang", 1)])
def test_a_connection_breaks_off_before_or_after_accepting(sandbox: Running, fault: str, accepted: int) -> None:
    key = sandbox.key()
    sandbox.faults(sms={fault: 1.0}, settings={"hang_s": 0.2})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        sandbox.send_sms(key)
    assert len(sandbox.rows("sms", key)) == accepted


def test_a_client_that_gives_up_on_a_hanging_answer_finds_the_message_accepted(sandbox: Running) -> None:
    key = sandbox.key()
    sandbox.faults(sms={"hang": 1.0})
    url = f"{sandbox.http}/twilio/2010-04-01/Accounts/{sandbox.account}/Messages.json"
    form = {
        "To": "+14155551212",
        "From": "+15017122661",
        "Body": "Hi",
        "StatusCallback": f"http://127.0.0.1:9/?id={key}",
    }
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(url, data=form, auth=(sandbox.account, sandbox.secret("TWILIO_TOKEN")), timeout=0.3)
    assert len(sandbox.rows("sms", key)) == 1


def test_a_slow_answer_comes(sandbox: Running) -> None:
    sandbox.faults(sms={"slow": 1.0}, settings={"slow_s": 0.3})
    began = time.monotonic()
    assert sandbox.send_sms().status_code == 201
    assert time.monotonic() - began >= 0.3


def test_a_provider_that_sends_twice_is_told_apart(sandbox: Running) -> None:
    key = sandbox.key()
    sandbox.faults(sms={"double": 1.0})
    assert sandbox.send_sms(key).status_code == 201
    assert [row["cause"] for row in sandbox.rows("sms", key)] == ["request", "fault"]


def test_a_keyed_retry_after_a_lost_answer_is_one_piece(sandbox: Running) -> None:
    key = sandbox.key()
    piece = {"to": {"name": "A", "address_line1": "1 Main St", "address_zip": "12345"}, "front": "f", "back": "b"}
    request = {"json": piece, "headers": {"Idempotency-Key": key}, "auth": (sandbox.secret("LOB_KEY"), "")}
    sandbox.faults(direct_mail={"drop_after": 1.0})
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        sandbox.client.post(f"{sandbox.http}/lob/v1/postcards", **request)  # type: ignore[arg-type]
    sandbox.client.delete(f"{sandbox.http}/_sandbox/faults")
    assert sandbox.client.post(f"{sandbox.http}/lob/v1/postcards", **request).status_code == 200  # type: ignore[arg-type]
    assert len(sandbox.rows("direct_mail", key)) == 1


def test_over_the_wire_faults_follow_the_seed_and_are_counted(sandbox: Running) -> None:
    runs = []
    for _ in range(2):
        sandbox.client.delete(f"{sandbox.http}/_sandbox/faults")
        sandbox.faults(sms={"throttle": 0.2, "error_before": 0.2, "error_after": 0.1})
        runs.append([sandbox.send_sms().status_code for _ in range(60)])
    assert runs[0] == runs[1]
    assert sandbox.injected()["sms"] == {
        "error_after": runs[0].count(500), "error_before": runs[0].count(503), "throttle": runs[0].count(429),
    }  # fmt: skip
    assert {201, 429, 500, 503} == set(runs[0])


def test_wrong_faults_are_refused_at_run_time_with_the_reason(sandbox: Running) -> None:
    answer = sandbox.client.put(f"{sandbox.http}/_sandbox/faults", json={"sms": {"explode": 1}})
    assert answer.status_code == 400
    assert "sms.explode is unknown" in answer.json()["error"]


def test_rows_can_be_paged_through(sandbox: Running) -> None:
    for _ in range(5):
        sandbox.send_sms(sandbox.key())
    url = f"{sandbox.http}/_sandbox/deliveries"
    found, after = [], 0
    while page := sandbox.client.get(url, params={"list": 1, "channel": "sms", "limit": 2, "after": after}).json():
        found += page
        after = page[-1]["id"]
    assert all(one["id"] < other["id"] for one, other in pairwise(found))
    counts = sandbox.counts("sms")
    assert len(found) == counts["accepted"] + counts["doubled_by_provider"]
