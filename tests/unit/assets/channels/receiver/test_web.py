"""The decision endpoint: the visitor's released message, checked at this moment; anything else is the site's default."""

import json
from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from assets.channels.dispatch import dispatch
from assets.channels.endpoint import EndpointDriver
from tests.unit.assets.channels.support import message
from tests.unit.assets.ledger.support import AT, messages, release, states

ASK = "/web/decision?visitor_id=v0&slot=hero"


@pytest.fixture
def site(desk):
    """A web message that was handed over to the endpoint, for a visitor known by two ids."""
    recipients = [{"visitor_ids": ["v0", "v0b"]}, {"visitor_ids": ["v1"]}]
    content = [{"slot": "hero", "html": f"<p>Hello {n}</p>"} for n in range(2)]
    frame = messages(2, prefix="w", channel="web", recipient=recipients, content=content)
    release(desk.ledger, "pw", frame)
    dispatch(desk.ledger, {"web": EndpointDriver(desk.ledger.web)}, at=AT, channel="web")
    assert states(desk.ledger)["w0"] == "sent"
    return desk


def test_a_visitor_gets_the_released_message_under_any_of_its_ids(site):
    for visitor in ("v0", "v0b"):
        found = site.ask("GET", f"/web/decision?visitor_id={visitor}").json()
        assert (found["message_id"], found["slot"], found["html"]) == ("w0", "hero", "<p>Hello 0</p>")


@pytest.mark.parametrize("query", ["visitor_id=nobody", "visitor_id=v0&slot=footer"])
def test_an_unknown_visitor_or_place_gets_the_default(site, query):
    answer = site.ask("GET", f"/web/decision?{query}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_stop_holds_at_the_next_visit(site):
    site.ledger.halts.stop("web", by="Ann", at=AT)
    assert site.ask("GET", ASK).status_code == 204
    site.ledger.halts.resume("web", by="Ann", at=AT)
    assert site.ask("GET", ASK).status_code == 200


def test_suppression_and_withdrawn_consent_hold_at_the_next_visit(site):
    site.ledger.suppressions.add("c0", channel="web", reason="unsubscribed", source="test", at=AT)
    assert site.ask("GET", ASK).status_code == 204
    withdrawn = {"contact_id": "c1", "channel": "web", "status": "withdrawn", "occurred_at": AT + timedelta(minutes=1)}
    site.ledger.suppressions.take_in_consents(pd.DataFrame([withdrawn]), received_at=AT + timedelta(minutes=1))
    assert site.ask("GET", "/web/decision?visitor_id=v1").status_code == 204


def test_after_its_window_a_message_is_not_shown_and_soon_forgotten(site):
    site.clock[0] = AT + timedelta(hours=4)
    assert site.ask("GET", ASK).status_code == 204
    site.ledger.web.put([], at=site.clock[0])
    with site.ledger.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM web_message")).scalar() == 0


def test_the_ledger_keeps_no_visitor_by_name(site):
    with site.ledger.engine.connect() as connection:
        rows = connection.execute(text("SELECT visitor_sha256 FROM web_message")).scalars()
        assert all(len(row) == 64 for row in rows)


def test_without_a_ledger_the_site_gets_its_default(site, monkeypatch):
    def fail(*_, **__):
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(type(site.ledger.web), "show", fail)
    assert site.ask("GET", ASK).status_code == 204


def test_handing_over_again_has_no_second_effect(site):
    with site.ledger.engine.connect() as connection:
        before = connection.execute(text("SELECT count(*) FROM web_message")).scalar()
    content, recipient = json.dumps({"slot": "hero", "html": "<p>Other</p>"}), json.dumps({"visitor_ids": ["v0"]})
    again = message("w0", channel="web", recipient={"visitor_ids": ["v0"]})
    object.__setattr__(again, "content_json", content)
    object.__setattr__(again, "recipient_json", recipient)
    EndpointDriver(site.ledger.web).deliver([again], at=AT)
    assert site.ask("GET", ASK).json()["html"] == "<p>Hello 0</p>"
    with site.ledger.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM web_message")).scalar() == before


def beacon(site, **more):
    found = site.ask("GET", ASK).json()
    body = {"message_id": found["message_id"], "token": found["token"], "event_type": "clicked"} | more
    return site.post("/web/outcome", content=json.dumps(body))


def test_a_click_is_an_outcome_once(site):
    assert [beacon(site).status_code for _ in range(3)] == [204, 204, 204]
    news = site.ledger.outcomes.news_since(0).frame
    assert news[["event_type", "message_id", "customer_id"]].to_numpy().tolist() == [["clicked", "w0", "k0"]]
    assert site.counts("web") == {"accepted": 1, "duplicate": 2}


@pytest.mark.parametrize("more", [{"token": "0" * 32}, {"message_id": "w1"}, {"token": None}])
def test_threat_forged_clicks_are_refused(site, more):
    assert beacon(site, **more).status_code == 401
    assert site.counts("web") == {"refused": 1}


@pytest.mark.parametrize(
    "more", [{"event_type": "converted"}, {"event_type": ["clicked"]}, {"message_id": 7}, {"message_id": ""}]
)
def test_only_visits_and_clicks_are_taken(site, more):
    assert beacon(site, **more).status_code == 400


def test_an_unsubscribe_links_token_is_no_beacons(site):
    assert beacon(site, token=site.unsubscribe.url("w0")[-32:]).status_code == 401
