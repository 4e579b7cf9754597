from dataclasses import replace
from datetime import timedelta

import pytest

from assets.ledger.errors import BadMessages, BudgetExceeded, PlanConflict, PlanRefused
from assets.ledger.records import BudgetLine, Escalation, PlanRecord
from tests.unit.assets.ledger.support import AT, execute, messages, propose, release, states

LATER = AT + timedelta(hours=25)


def _hold(ledger, **more):
    propose(ledger)
    ledger.plans.hold("p1", ["spend +80 %", "new action"], at=AT, expires_at=AT + timedelta(hours=24), **more)


def _release(ledger, **more):
    arguments = {"by": "ann", "at": AT, "messages": messages(), "expires_at": AT + timedelta(days=1)} | more
    return ledger.plans.release("p1", arguments.pop("plan_hash", "hash"), **arguments)


def test_a_released_plan_is_in_the_outbox_with_its_holds(ledger):
    assert release(ledger).released == 3
    assert states(ledger) == {"m0": "pending", "m1": "pending", "m2": "pending"}
    assert {(b.scope, b.held, b.spent) for b in ledger.budgets.states()} == {
        ("total", 0.006, 0.0),
        ("channel:email", 0.006, 0.0),
        ("objective:reactivate", 0.006, 0.0),
    }
    assert ledger.plans.get("p1").state == "released"
    assert ledger.audit.check() == []


def test_releasing_again_adds_nothing(ledger):
    release(ledger)
    again = _release(ledger, messages=messages(5))
    assert (again.is_repeat, again.released) == (True, 0)
    assert len(states(ledger)) == 3
    assert ledger.audit.check() == []


def test_other_decisions_under_a_known_plan_id_are_refused(ledger):
    release(ledger)
    with pytest.raises(PlanConflict, match="new plan id"):
        propose(ledger, plan_hash="other")
    with pytest.raises(PlanRefused, match="aren't those proposed"):
        _release(ledger, plan_hash="other")


def test_proposing_the_same_plan_again_changes_nothing(ledger):
    plan = propose(ledger)
    assert ledger.plans.propose(plan) is False
    assert [row["kind"] for row in ledger.plans.get("p1").history] == ["proposed"]


def test_a_plan_that_is_not_proposed_can_not_be_released(ledger):
    with pytest.raises(PlanRefused, match="propose it first"):
        _release(ledger)


@pytest.mark.parametrize("passed", [None, False])
def test_a_plan_on_data_that_did_not_pass_its_gates_is_refused(ledger, passed):
    if passed is not None:
        ledger.generations.record_gate("g2", "orders", is_passed=True, at=AT)
        ledger.generations.record_gate("g2", "customer_view", is_passed=passed, at=AT)
    ledger.plans.propose(PlanRecord("p1", "2026-01-05", "hash", ["o"], {}, {"generation_id": "g2"}, AT))
    with pytest.raises(PlanRefused, match="gate"):
        _release(ledger)


def test_a_held_plan_waits_and_its_messages_are_not_out(ledger):
    _hold(ledger)
    (waiting,) = ledger.plans.waiting(AT)
    assert (waiting.plan_id, waiting.reasons) == ("p1", ["spend +80 %", "new action"])
    with pytest.raises(PlanRefused, match="waiting"):
        _release(ledger)
    assert states(ledger) == {}


def test_a_plan_that_waits_is_proposed_and_held_in_one_act(ledger, monkeypatch):
    """Between the two a release by policy would pass the person by."""
    plan, held = propose(ledger, "p0"), Escalation(["new action"], AT + timedelta(hours=24), 2)
    plan = replace(plan, plan_id="p1")

    def dies(*_, **__):
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr("assets.ledger.plans._escalate", dies)
        with pytest.raises(OSError):  # noqa: PT011 - the process is gone
            ledger.plans.propose(plan, held=held)
    with pytest.raises(PlanRefused, match="isn't in the ledger"):
        ledger.plans.get("p1")
    assert ledger.plans.propose(plan, held=held)
    assert not ledger.plans.propose(plan, held=held)
    assert [row["kind"] for row in ledger.plans.get("p1").history] == ["proposed", "escalated"]
    with pytest.raises(PlanRefused, match="waiting"):
        _release(ledger)


def test_a_plan_that_an_earlier_version_left_unheld_is_held_when_it_is_proposed_again(ledger):
    plan = propose(ledger)
    assert not ledger.plans.propose(plan, held=Escalation(["new action"], AT + timedelta(hours=24)))
    assert ledger.plans.get("p1").state == "waiting"


def test_an_approved_plan_is_released_once_a_person_has_said_so(ledger):
    _hold(ledger)
    ledger.plans.approve("p1", by="ann", at=AT, why="fine", plan_hash="hash")
    assert [plan.plan_id for plan in ledger.plans.approved()] == ["p1"]
    assert _release(ledger).released == 3
    assert [row["kind"] for row in ledger.plans.get("p1").history] == ["proposed", "escalated", "approved", "released"]
    assert ledger.audit.check() == []


def test_an_approval_is_for_exactly_what_was_shown(ledger):
    _hold(ledger)
    with pytest.raises(PlanRefused, match="look again"):
        ledger.plans.approve("p1", by="ann", at=AT, plan_hash="what I saw yesterday")


@pytest.mark.parametrize("by", ["", "  ", "system"])
def test_only_a_named_person_approves(ledger, by):
    _hold(ledger)
    with pytest.raises(PlanRefused, match="named person"):
        ledger.plans.approve("p1", by=by, at=AT)


def test_four_eyes_are_of_two_people(ledger):
    _hold(ledger, approvals_needed=2)
    for _ in range(2):
        assert ledger.plans.approve("p1", by="ann", at=AT).state == "waiting"
    with pytest.raises(PlanRefused, match="waiting"):
        _release(ledger)
    assert ledger.plans.approve("p1", by="bo", at=AT).state == "approved"
    assert _release(ledger).released == 3


def test_a_rejected_plan_stays_rejected_with_its_reason(ledger):
    _hold(ledger)
    ledger.plans.reject("p1", by="ann", at=AT, why="too much mail")
    assert ledger.plans.get("p1").history[-1]["reason"] == "too much mail"
    with pytest.raises(PlanRefused, match="rejected"):
        _release(ledger)
    with pytest.raises(PlanRefused, match="rejected"):
        ledger.plans.approve("p1", by="bo", at=AT)


def test_a_rejection_needs_a_reason(ledger):
    _hold(ledger)
    with pytest.raises(PlanRefused, match="--why"):
        ledger.plans.reject("p1", by="ann", at=AT, why=" ")


def test_a_plan_that_nobody_answered_expires(ledger):
    _hold(ledger)
    assert ledger.plans.waiting(LATER) == []
    assert ledger.plans.get("p1").state == "expired"
    with pytest.raises(PlanRefused, match="expired"):
        ledger.plans.approve("p1", by="ann", at=LATER)


def test_an_approval_expires_too(ledger):
    _hold(ledger)
    ledger.plans.approve("p1", by="ann", at=AT)
    with pytest.raises(PlanRefused, match="expired"):
        _release(ledger, at=LATER)


def test_a_superseded_plan_can_not_be_approved(ledger):
    _hold(ledger)
    ledger.plans.supersede("p1", by_plan_id="p2", at=AT)
    with pytest.raises(PlanRefused, match="superseded"):
        ledger.plans.approve("p1", by="ann", at=AT)


def test_the_database_itself_refuses_a_release_without_approval(ledger):
    _hold(ledger)
    with pytest.raises(Exception, match="waits for approval"):
        execute(
            ledger,
            """INSERT INTO plan_authorization
                (plan_id, plan_hash, kind, actor, reason, approvals_needed, message_count, spend_micros, at)
                           VALUES ('p1', 'hash', 'released', 'me', '', 0, 0, 0, '2026-01-05 13:00:00')""",
        )


@pytest.mark.parametrize(("plan_hash", "kind"), [("hash", "proposed"), ("other", "released"), ("hash", "released")])
def test_the_database_itself_refuses_a_message_without_a_release_of_its_hash(ledger, plan_hash, kind):
    propose(ledger)
    with pytest.raises(Exception, match=r"(?i)foreign key|authority"):
        execute(
            ledger,
            f"""INSERT INTO outbox (message_id, decision_id, plan_id, plan_hash, authorization_seq, authority,
            cycle_id, cycle_on, customer_id, objective_id, channel, offer_id, creative_id, slot, contact_ids,
            payload_sha256, cost_micros, decided_at, send_at,
            expires_at, state, reason, epoch, attempt_count)
            VALUES ('x', 'd', 'p1', '{plan_hash}', 1, '{kind}', 'c', 'c', 'k', 'o', 'email', 'n', 'c', 's', '[]', '', 0,
            '2026-01-05 13:00:00',
            '2026-01-05 13:00:00', '2026-01-05 13:00:00', 'pending', '', 0, 0)""",
        )


def test_a_plan_beyond_a_cap_is_not_released_at_all(ledger):
    propose(ledger)
    with pytest.raises(BudgetExceeded, match=r"0\.68 asked|2\.04 asked"):
        _release(
            ledger,
            messages=messages(channel="direct_mail", cost=0.68),
            budgets=[BudgetLine("channel:direct_mail", 2.0)],
        )
    assert states(ledger) == {}
    assert ledger.plans.get("p1").state == "proposed"
    assert ledger.audit.check() == []


def test_a_cap_is_met_to_the_last_e_mail(ledger):
    assert release(ledger, frame=messages(1000), budgets=[BudgetLine("total", 2.0)]).released == 1000
    with pytest.raises(BudgetExceeded):
        release(ledger, "p2", messages(1, prefix="n"), budgets=[BudgetLine("total", 2.0)])


def test_a_cap_lowered_below_what_is_held_closes_the_budget(ledger):
    release(ledger, frame=messages(10))
    with pytest.raises(BudgetExceeded):
        release(ledger, "p2", messages(1, prefix="n"), budgets=[BudgetLine("total", 0.001)])
    assert ledger.audit.check() == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda frame: frame.drop(columns="recipient"), "lack recipient"),
        (lambda frame: frame.assign(message_id="m0"), "come twice"),
        (lambda frame: frame.assign(expires_at=AT), "expire before"),
        (lambda frame: frame.assign(cost=-1.0), "less than nothing"),
        (lambda frame: frame.assign(slot=None), "no value in slot"),
        (lambda frame: frame.assign(cycle_id="2026-01-04"), "by its own plan"),
    ],
)
def test_messages_that_can_not_be_kept_are_refused_by_name(ledger, spoil, says):
    propose(ledger)
    with pytest.raises(BadMessages, match=says):
        _release(ledger, messages=spoil(messages()))


def test_a_revoked_plan_sends_nothing_more(ledger):
    release(ledger)
    assert ledger.plans.revoke("p1", by="ann", at=AT, why="wrong offer") == 3
    assert set(states(ledger).values()) == {"cancelled"}
    assert ledger.audit.check() == []


def test_re_optimization_replaces_what_is_open(ledger):
    release(ledger, frame=messages(3))
    new = messages(2, prefix="n", cycle_id="2026-01-05.2")
    counts = release(ledger, "p2", new, withdraws=["m0", "m1", "m2"])
    assert (counts.released, counts.cancelled, counts.dropped) == (2, 3, 0)
    assert states(ledger) == {"m0": "cancelled", "m1": "cancelled", "m2": "cancelled", "n0": "pending", "n1": "pending"}
    assert ledger.audit.check() == []


def test_re_optimization_sends_nothing_to_whom_a_message_left_meanwhile(ledger):
    release(ledger, frame=messages(3))
    ledger.outbox.claim("email", at=AT, limit=1, owner="a", lease_s=60)
    counts = release(ledger, "p2", messages(3, prefix="n", cycle_id="2026-01-05.2"), withdraws=["m0", "m1", "m2"])
    assert (counts.released, counts.cancelled, counts.dropped) == (2, 2, 1)
    assert states(ledger)["m0"] == "leased"
    assert "n0" not in states(ledger)
    assert ledger.audit.check() == []


def test_re_optimization_leaves_what_it_does_not_withdraw(ledger):
    release(ledger, frame=messages(3))
    counts = release(ledger, "p2", messages(1, prefix="n", cycle_id="2026-01-05.2"), withdraws=["m0"])
    assert (counts.released, counts.cancelled) == (1, 1)
    assert states(ledger) == {"m0": "cancelled", "m1": "pending", "m2": "pending", "n0": "pending"}
    assert ledger.audit.check() == []
