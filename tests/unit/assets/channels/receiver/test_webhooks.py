"""Signed posts become outcomes once; everything else has its own end, with a count to see."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from ml.news import news_of
from tests.unit.assets.channels.receiver.support import OLD_KEY, event, standard
from tests.unit.assets.ledger.support import AT, release, states
from tests.unit.assets.ledger.support import messages as make_messages


def outcomes(desk):
    with desk.ledger.engine.connect() as connection:
        return {row.event_id: row.matched_by for row in connection.execute(text("SELECT * FROM outcome"))}


def test_an_event_is_in_the_ledger_before_the_answer(desk):
    assert desk.report(event()).status_code == 200
    assert outcomes(desk) == {"e1": "message"}
    assert desk.counts() == {"accepted": 1}


def test_threat_webhook_forgery_replay_of_the_same_post_changes_nothing(desk):
    first, second = desk.report(event("e1", "unsubscribed")), desk.report(event("e1", "unsubscribed"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert desk.counts() == {"accepted": 1, "duplicate": 1}
    assert len(desk.ledger.suppressions.frame()) == 2


@pytest.mark.parametrize("off", [-301, 301])
def test_threat_webhook_replay_after_five_minutes_is_refused(desk, off):
    answer = desk.post("/webhooks/push", **standard(event(), AT + timedelta(seconds=off)))
    assert (answer.status_code, outcomes(desk), desk.counts()) == (401, {}, {"refused": 1})


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_threat_webhook_forgery_an_unsigned_post_is_refused(desk, missing):
    post = standard(event(), AT)
    del post["headers"][missing]
    assert desk.post("/webhooks/push", **post).status_code == 401
    assert outcomes(desk) == {}


def test_threat_webhook_forgery_a_tampered_body_is_refused_before_it_is_parsed(desk):
    post = standard(event(), AT)
    assert desk.post("/webhooks/push", **(post | {"content": post["content"] + b"{"})).status_code == 401
    assert desk.counts() == {"refused": 1}


def test_threat_webhook_forgery_a_wrong_key_is_refused(desk):
    assert desk.report(event(), keys=(b"somebody else's",)).status_code == 401


@pytest.mark.parametrize("keys", [(OLD_KEY,), (b"unknown", OLD_KEY)])
def test_while_a_key_is_changed_either_one_and_any_of_several_signatures_will_do(desk, keys):
    assert desk.report(event(), keys=keys).status_code == 200


def test_an_unknown_name_is_not_found(desk):
    assert desk.post("/webhooks/nobody", **standard(event(), AT)).status_code == 404


def test_a_body_over_a_megabyte_is_not_read(desk):
    large = standard(None, AT, raw=b" " * 1_000_001)
    assert desk.post("/webhooks/push", **large).status_code == 413

    async def endless():
        for _ in range(20):
            yield b" " * 100_000

    chunked = large | {"content": endless()}
    assert desk.post("/webhooks/push", **chunked).status_code == 413
    assert desk.counts() == {"refused": 2}


BROKEN = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b"12",
    b"null",
    json.dumps(event(event_type="bought")).encode(),
    json.dumps(event(channel="fax")).encode(),
    json.dumps(event(message_id="a\x00b")).encode(),
    json.dumps(event(message_id="\ud800")).encode(),
    json.dumps(event(message_id=["m0"])).encode(),
    json.dumps(event(occurred_at="yesterday")).encode(),
    json.dumps(event(occurred_at=1e300)).encode(),
    json.dumps(event(occurred_at="2026-01-09T00:00:00Z")).encode(),
    json.dumps(event(value=1e9)).encode(),
    json.dumps(event(value=10**400)).encode(),
    json.dumps(event(value=float("nan"))).encode(),
    json.dumps(event(payload={"text": "\ud800"})).encode(),
    json.dumps(event(payload=[1])).encode(),
]


@pytest.mark.parametrize("raw", BROKEN)
def test_a_signed_body_that_nobody_can_read_is_kept_in_quarantine_once(desk, raw):
    for _ in range(2):
        assert desk.report(None, raw=raw).status_code == 400
    assert [found["size_bytes"] for found in desk.ledger.inbox.quarantine()] == [len(raw)]
    assert desk.counts() == {"quarantined": 2}


def test_fault_20_a_poison_event_does_not_block_the_others_of_its_post(desk):
    posted = [event("e1"), event("e2", "bought"), event("e3")]
    assert desk.report(posted).status_code == 200
    assert set(outcomes(desk)) == {"e1", "e3"}
    assert desk.counts() == {"accepted": 2, "quarantined": 1}


def test_a_reason_does_not_repeat_the_value(desk):
    desk.report(event(event_type="secret@example.com"))
    assert "secret" not in desk.ledger.inbox.quarantine()[0]["reason"]


def test_fault_17_doubled_reordered_and_late_events_count_once(desk):
    posts = [event(f"e{number}", "clicked", f"m{number % 3}") for number in range(40)]
    doubled = posts[::-1] + posts[:12] + posts
    answers = desk.all(
        *(("/webhooks/push", standard(each, AT, webhook_id=f"msg_{number}")) for number, each in enumerate(doubled))
    )
    assert {answer.status_code for answer in answers} == {200}
    desk.clock[0] = AT + timedelta(hours=48)
    late = event("late", occurred_at="2026-01-05T13:00:00Z")
    assert desk.report(late).status_code == 200
    assert len(outcomes(desk)) == 41
    assert desk.counts() == {"accepted": 41, "duplicate": 52}


def test_an_event_of_a_message_that_never_left_is_kept_as_unmatched(desk):
    desk.report(event(message_id="nobody's"))
    assert outcomes(desk) == {"e1": "none"}
    assert desk.counts() == {"accepted": 1, "unmatched": 1}


def test_threat_poisoned_outcomes_ten_thousand_forged_conversions_are_no_news_and_no_money(desk):
    release(desk.ledger, "p2", make_messages(5, prefix="open"))  # released, and not handed over
    before = desk.ledger.budgets.states()
    forged = [event(f"f{n}", "converted", f"open{n % 5}" if n % 2 else f"x{n}", value=999.0) for n in range(10_000)]
    for start in range(0, len(forged), 4_000):
        assert desk.report(forged[start : start + 4_000], webhook_id=f"w{start}").status_code == 200
    news = desk.ledger.outcomes.news_since(0).frame
    assert len(news) == 10_000
    assert news["customer_id"].isna().all()
    assert not news_of(news, {"email": 8}).matters  # so the open rest of the day isn't decided anew
    assert states(desk.ledger)["open0"] == "pending"
    assert desk.ledger.audit.check() == []
    assert desk.counts()["unmatched"] == 10_000
    assert desk.ledger.budgets.states() == before


def test_a_ledger_that_cannot_be_written_is_told_to_the_provider(desk, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("disk full")

    monkeypatch.setattr(type(desk.ledger.inbox), "take", fail)
    answer = desk.report(event())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    monkeypatch.undo()
    assert desk.report(event()).status_code == 200
    assert desk.counts() == {"accepted": 1}


def test_a_post_that_cannot_be_stored_does_not_take_its_neighbours_with_it(desk, monkeypatch):
    take = type(desk.ledger.inbox).take

    def fail_on_poison(self, deliveries, *, at):
        if any(each.event_id == "poison" for delivery in deliveries for each in delivery.events):
            raise RuntimeError("poison")
        return take(self, deliveries, at=at)

    monkeypatch.setattr(type(desk.ledger.inbox), "take", fail_on_poison)
    names = ["e1", "poison", "e2", "e3"]
    answers = desk.all(*(("/webhooks/push", standard(event(name), AT, webhook_id=name)) for name in names))
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200]
    assert set(outcomes(desk)) == {"e1", "e2", "e3"}


def test_the_shape_that_the_specification_recommends_is_read(desk):
    body = {"type": "clicked", "timestamp": "2026-01-05T12:59:00Z", "data": {"message_id": "m0"}}
    assert desk.report(body, webhook_id="msg_7").status_code == 200
    assert outcomes(desk) == {"push:msg_7:0": "message"}


def test_a_providers_own_id_finds_the_message(desk):
    assert desk.report(event(message_id=None, provider_id="Pm1")).status_code == 200
    assert outcomes(desk) == {"e1": "message"}
    assert desk.report(event("e2", message_id=None, provider_id="Pnobody")).status_code == 200
    assert outcomes(desk)["e2"] == "none"


def test_the_ledger_is_sound_after_all_of_it(desk):
    desk.report([event("e1", "complained"), event("e2", "bounced", "m1"), event("e3", message_id="nobody's")])
    assert desk.ledger.audit.check() == []
