from dataclasses import replace
from datetime import timedelta

import pytest

from assets.ledger.errors import LedgerError
from ml.configuration.objective import ArmShares
from ml.learning.memory import Finding, Learned
from tests.unit.assets.ledger.support import AT, DAY


def test_a_file_is_known_by_its_content(ledger):
    row = {"source": "orders", "path": "a.csv", "row_count": 3, "quarantined_count": 1, "received_at": AT}
    assert ledger.landing.record(file_id="f1", **row) is True
    assert ledger.landing.record(file_id="f1", **row | {"path": "copy.csv"}) is False
    assert ledger.landing.known(["f1", "f2"]) == {"f1"}
    assert list(ledger.landing.frame()["path"]) == ["a.csv"]


def test_a_generation_passes_when_the_newest_result_of_each_gate_does(ledger):
    generation_id = ledger.generations.next_id(DAY)
    ledger.generations.publish(generation_id, cycle_on=DAY, path="x", at=AT)
    assert not ledger.generations.is_passed(generation_id)
    ledger.generations.record_gate(generation_id, "view", is_passed=False, at=AT)
    assert not ledger.generations.is_passed(generation_id)
    ledger.generations.record_gate(generation_id, "view", is_passed=True, at=AT)
    assert ledger.generations.is_passed(generation_id)
    assert (ledger.generations.latest(), ledger.generations.next_id(DAY)) == ("2026-01-05-1", "2026-01-05-2")


def test_the_first_level_seen_holds(ledger):
    assert ledger.objectives.see("o", "autonomous", owner="ann", at=AT) == "autonomous"


def test_a_lowered_level_holds_at_once(ledger):
    ledger.objectives.see("o", "autonomous", owner="ann", at=AT)
    assert ledger.objectives.see("o", "assisted", owner="ann", at=AT) == "assisted"


def test_a_raised_level_is_a_proposal_until_a_person_accepts_it(ledger):
    ledger.objectives.see("o", "assisted", owner="ann", at=AT)
    for day in range(3):
        assert ledger.objectives.see("o", "supervised", owner="ann", at=AT + timedelta(days=day)) == "assisted"
    assert list(ledger.objectives.history()["kind"]) == ["stated", "proposed"]
    assert ledger.objectives.accept("o", by="bo", at=AT) == "supervised"
    assert ledger.objectives.see("o", "supervised", owner="ann", at=AT) == "supervised"


def test_nothing_proposed_is_nothing_to_accept(ledger):
    ledger.objectives.see("o", "assisted", owner="ann", at=AT)
    with pytest.raises(LedgerError, match="no raise"):
        ledger.objectives.accept("o", by="bo", at=AT)


def _see(ledger, stated, level="supervised"):
    return ledger.objectives.see_channels("o", stated, otherwise=level, owner="ann", at=AT)


def test_a_channels_own_level_holds_from_when_it_is_stated_and_is_lowered_at_once(ledger):
    assert _see(ledger, {}) == {}
    assert _see(ledger, {"voice": "supervised"}) == {"voice": "supervised"}
    assert _see(ledger, {"voice": "assisted"}) == {"voice": "assisted"}


def test_a_channels_level_raised_or_removed_in_the_file_waits_for_a_person(ledger):
    _see(ledger, {"voice": "assisted"})
    assert _see(ledger, {"voice": "supervised"}) == {"voice": "assisted"}
    assert _see(ledger, {}) == {"voice": "assisted"}
    assert ledger.objectives.accept("o/voice", by="bob", at=AT) == "supervised"
    assert _see(ledger, {}) == {"voice": "supervised"}


def test_the_newest_finding_of_a_key_is_held_and_a_cycle_run_again_adds_nothing(ledger):
    first = Finding("channel/email", "adds", "share", 0.01, 0.0, 0.02, 10, "2026-01-05", DAY, DAY + timedelta(days=180))
    later = replace(first, effect=0.05, low=0.04, high=0.06, source="2026-01-06")
    ledger.findings.keep([Learned(first, "new", None)], AT)
    for _ in range(2):
        ledger.findings.keep([Learned(later, "contradicted", first)], AT)
    assert ledger.findings.held() == {"channel/email": later}
    assert ledger.findings.held(before="2026-01-06") == {"channel/email": first}
    assert ledger.findings.of_cycle("2026-01-06") == [(later, "contradicted")]


def test_a_past_day_believes_what_it_did_although_a_later_one_contradicted_it(ledger):
    first = Finding("channel/email", "adds", "share", 0.01, 0.0, 0.02, 10, "2026-01-05", DAY, DAY + timedelta(days=180))
    trial = replace(first, key="trial/email/t.csv", source=f"{DAY.isoformat()} t.csv")
    later = replace(first, effect=0.05, source="2026-01-06", learned_on=DAY + timedelta(days=1))
    ledger.findings.keep([Learned(first, "new", None), Learned(trial, "new", None)], AT)
    ledger.findings.keep([Learned(later, "contradicted", first)], AT)
    assert {one.key: one for one in ledger.findings.believed(DAY)} == {first.key: first, trial.key: trial}
    after = ledger.findings.believed(DAY + timedelta(days=1))
    assert {one.key: one for one in after} == {later.key: later, trial.key: trial}


def test_the_shares_of_the_first_decision_stay_and_another_salt_is_refused(ledger):
    first, later = ArmShares(holdout=0.1), ArmShares(holdout=0.3)
    assert ledger.randomizations.keep("o", first, "s", AT) == first
    assert ledger.randomizations.keep("o", later, "s", AT) == first
    assert ledger.randomizations.keep("other", later, "s", AT) == later
    with pytest.raises(LedgerError, match="WAYFINDER_SEED back"):
        ledger.randomizations.keep("o", first, "another", AT)
