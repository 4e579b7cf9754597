"""GET shows, POST acts; the link is ours or nothing; it holds before the next send."""

from datetime import timedelta

import pytest

from tests.unit.assets.ledger.support import AT, messages, release, states

ONE_CLICK = {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "application/x-www-form-urlencoded"}}


def path_of(desk, message_id="m0"):
    return desk.unsubscribe.url(message_id).removeprefix(desk.unsubscribe.base_url)


def test_legal_8_one_click_unsubscribes_without_cookie_or_redirect(desk):
    answer = desk.post(path_of(desk), **ONE_CLICK)
    assert (answer.status_code, answer.history) == (200, [])
    assert "set-cookie" not in answer.headers
    assert desk.suppressed() == {("c0", "email"), ("c0b", "email")}


def test_legal_8_getting_the_page_unsubscribes_nobody(desk):
    answer = desk.ask("GET", path_of(desk))
    assert answer.status_code == 200
    assert "<button" in answer.text
    assert "set-cookie" not in answer.headers
    assert desk.suppressed() == set()


def test_legal_7_the_page_asks_for_nothing_but_a_click(desk):
    page = desk.ask("GET", path_of(desk)).text
    assert "Shop &amp; Co" in page
    assert page.count("<button") == 1
    assert all(word not in page for word in ("<input", "<select", "<script", "http"))
    assert desk.post(path_of(desk), content=b"unsubscribe=yes").status_code == 200
    assert ("c0", "email") in desk.suppressed()


def test_legal_7_a_link_works_on_its_59th_day_and_after(desk):
    desk.clock[0] = AT + timedelta(days=59)
    assert desk.post(path_of(desk), **ONE_CLICK).status_code == 200
    desk.clock[0] = AT + timedelta(days=400)
    assert desk.post(path_of(desk, "m1"), **ONE_CLICK).status_code == 200
    assert ("c1", "email") in desk.suppressed()


def test_legal_7_after_an_opt_out_nothing_more_is_sent(desk):
    assert desk.post(path_of(desk), **ONE_CLICK).status_code == 200
    release(desk.ledger, "p2", messages(2, prefix="n"))  # decided before the opt-out was known
    lease = desk.ledger.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
    assert [each.message_id for each in desk.ledger.outbox.begin_sending(lease, at=AT).messages] == ["n1"]
    assert states(desk.ledger)["n0"] == "suppressed"


def test_again_changes_nothing(desk):
    for _ in range(3):
        assert desk.post(path_of(desk), **ONE_CLICK).status_code == 200
    assert len(desk.ledger.suppressions.frame()) == 2
    assert desk.counts("unsubscribe") == {"accepted": 1, "duplicate": 2}


@pytest.mark.parametrize("change", ["token", "message", "cut", "longer", "letters"])
def test_threat_forged_unsubscribe_links_are_refused(desk, change):
    path = path_of(desk)
    forged = {
        "token": path[:-1] + ("0" if path[-1] != "0" else "1"),
        "message": path.replace("/m0/", "/m1/"),
        "cut": path[:-1],
        "longer": path + "0",
        "letters": path[:-32] + "%C3%A9" * 8,
    }[change]
    assert desk.ask("GET", forged).status_code == 404
    assert desk.post(forged, **ONE_CLICK).status_code == 404
    assert desk.suppressed() == set()
    assert desk.counts("unsubscribe") == {"refused": 1}


def test_a_person_is_heard_even_where_the_ledger_does_not_know_that_the_message_left(desk):
    release(desk.ledger, "p2", messages(2, prefix="n"))
    assert desk.post(path_of(desk, "n1"), **ONE_CLICK).status_code == 200
    assert desk.suppressed() == {("c1", "email")}


def test_what_could_not_be_stored_is_not_confirmed(desk, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("disk full")

    monkeypatch.setattr(type(desk.ledger.inbox), "take", fail)
    answer = desk.post(path_of(desk), **ONE_CLICK)
    assert answer.status_code == 503
    assert "unsubscribed" not in answer.text
