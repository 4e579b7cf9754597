"""Retry-After and status codes as RFC 9110 has them (sections 10.2.3 and 15)."""

import socket
import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.channels.http import LONGEST_WAIT, Api, read, retry_after
from tests.unit.assets.channels.servers import Reply, closed_port, provider

NOON = "Mon, 05 Jan 2026 12:00:00 GMT"


def _api(url, delivery="blind", **more):
    return Api(url, **{"delivery": delivery, "timeout_s": 2.0, "connections": 2} | more)


@pytest.mark.parametrize(
    ("code", "headers", "blind", "keyed"),
    [
        (200, {}, "sent", "sent"),
        (201, {}, "sent", "sent"),
        (429, {}, "retry", "retry"),
        (429, {"retry-after": "7"}, "retry", "retry"),
        (503, {"retry-after": "7"}, "retry", "retry"),
        (503, {}, "unknown", "retry"),
        (500, {}, "unknown", "retry"),
        (502, {"retry-after": "7"}, "unknown", "retry"),
        (504, {}, "unknown", "retry"),
        (301, {"location": "http://169.254.169.254/"}, "unknown", "retry"),
        (408, {}, "unknown", "retry"),
        (400, {}, "failed", "failed"),
        (403, {}, "failed", "failed"),
        (404, {}, "failed", "failed"),
        (422, {}, "failed", "failed"),
        (401, {}, "retry", "retry"),
    ],
)
def test_an_answer_means_what_its_delivery_class_allows(code, headers, blind, keyed):
    assert read("blind", code, headers, {}).status == blind
    assert read("reconcilable", code, headers, {}).status == blind
    assert read("keyed", code, headers, {}).status == keyed


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "120"}, timedelta(minutes=2)),
        ({"retry-after": " 0 "}, timedelta(0)),
        ({"retry-after": "99999999999999999999"}, LONGEST_WAIT),
        ({"retry-after": "Mon, 05 Jan 2026 12:01:30 GMT", "date": NOON}, timedelta(seconds=90)),
        ({"retry-after": "Mon, 05 Jan 2026 11:00:00 GMT", "date": NOON}, timedelta(0)),
        ({"retry-after": "Fri, 05 Jan 2046 12:00:00 GMT", "date": NOON}, LONGEST_WAIT),
        ({"retry-after": "Mon, 05 Jan 2026 12:01:30 GMT"}, None),
        ({"retry-after": "soon", "date": NOON}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers, wait):
    assert retry_after(headers) == wait


@given(value=st.text(max_size=30), date=st.text(max_size=30))
def test_a_broken_retry_after_is_none_and_never_an_error(value, date):
    found = retry_after({"retry-after": value, "date": date})
    assert found is None or timedelta(0) <= found <= LONGEST_WAIT


def test_no_redirect_is_followed():
    with provider() as inside, provider() as outside:
        outside.answer = lambda _: Reply(302, headers={"Location": inside.url})
        assert _api(outside.url).send("POST", "/x", json={}).status == "unknown"
    assert (len(outside.requests), len(inside.requests)) == (1, 0)


@pytest.mark.parametrize(("delivery", "status"), [("blind", "unknown"), ("keyed", "retry")])
def test_a_dropped_connection_is_ambiguous(delivery, status):
    with provider() as server:
        server.answer = lambda _: Reply(fault="drop")
        assert _api(server.url, delivery).send("POST", "/x").status == status


def test_nobody_there_is_certainly_not_sent():
    answer = _api(f"http://127.0.0.1:{closed_port()}").send("POST", "/x")
    assert (answer.status, answer.detail) == (
        "retry",
        "unreachable: no connection to the provider (ConnectionRefusedError)",
    )


@pytest.mark.parametrize(
    "reply", [Reply(201, body={"sid": "x" * 50}, fault="cut"), Reply(201, body=b"<html>"), Reply(201, b"[1]")]
)
def test_what_was_accepted_stays_accepted_whatever_its_body(reply):
    with provider() as server:
        server.answer = lambda _: reply
        answer = _api(server.url).send("POST", "/x")
    assert (answer.status, answer.body) == ("sent", {})


@pytest.mark.parametrize("addresses", [["10.0.0.7"], ["8.8.8.8", "169.254.169.254"], []])
def test_a_name_that_stands_for_something_inside_is_not_connected_to(addresses):
    api = _api("https://api.provider.example", resolve=lambda _: addresses)
    assert api.send("GET", "/").status == "retry"


def test_an_environment_proxy_sees_nothing(monkeypatch):
    with provider() as server, provider() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert _api(server.url).send("POST", "/x").status == "sent"
    assert proxy.requests == []


def test_an_answer_shows_neither_body_nor_headers():
    answer = read("blind", 400, {"x": "ann@example.com"}, {"message": "ann@example.com"})
    assert "ann" not in repr(answer)


def test_a_connection_that_the_server_closed_meanwhile_is_not_written_to():
    with provider() as server:
        api = _api(server.url)
        server.answer = lambda _: Reply(headers={"Connection": "close"})
        assert [api.send("POST", "/x").status for _ in range(3)] == ["sent"] * 3
        server.answer = lambda _: Reply()
        assert api.send("POST", "/x").status == "sent"
        ((_, kept),) = api._kept._idle
        kept.sock.shutdown(socket.SHUT_RDWR)
        assert api.send("POST", "/x").status == "sent"


def test_an_answer_that_was_not_read_to_its_end_is_never_taken_for_the_next():
    with provider() as server:
        api = _api(server.url)
        server.answer = lambda _: Reply(200, b'{"id": "first"}' + b" " * 2_000_000)
        assert api.send("POST", "/x").body == {}
        server.answer = lambda _: Reply(200, {"id": "second"})
        assert api.send("POST", "/x").body == {"id": "second"}


def test_a_late_answer_is_ambiguous():
    with provider() as server:
        server.answer = lambda _: time.sleep(0.3) or Reply()
        assert _api(server.url, timeout_s=0.05).send("POST", "/x").status == "unknown"
