"""Evidence moves a level once, in the transaction that keeps it; the test is the one stated at first."""

from datetime import date, timedelta

import pytest

from ml.configuration.policy import AutonomyTest
from ml.learning.advantage import Advantage
from ml.policy.earning import Judgement
from tests.unit.assets.ledger.support import AT

SHOWN = Advantage(3.1, 0.1, 20, 4000, 250, 4000, 200)


@pytest.fixture(autouse=True)
def _seen(ledger):
    ledger.objectives.see("o", "supervised", owner="ann", at=AT)


def _keep(ledger, cycle_id, move, level, *, of="supervised", kind="arms"):
    judged = Judgement(move, level, "the figures")
    return ledger.earning.keep("o", cycle_id, kind, of, judged, at=AT, shown=SHOWN)


def test_the_test_first_stated_is_kept_whatever_the_policy_says_later(ledger):
    first = AutonomyTest(alpha=0.01)
    assert ledger.earning.keep_test("o", first, AT) == first
    assert ledger.earning.keep_test("o", AutonomyTest(alpha=0.5), AT) == first
    assert list(ledger.audit.trail()["kind"]).count("autonomy.test") == 1


def test_a_raise_is_proposed_once_and_waits_for_a_person(ledger):
    assert _keep(ledger, "2026-01-05", "proposed", "autonomous")
    assert not _keep(ledger, "2026-01-06", "proposed", "autonomous")
    assert ledger.objectives.level("o") == "supervised"
    assert list(ledger.objectives.history()["kind"]) == ["stated", "proposed"]
    assert ledger.objectives.accept("o", by="bo", at=AT) == "autonomous"
    assert ledger.objectives.see("o", "supervised", owner="ann", at=AT) == "autonomous"  # the file says nothing new


def test_a_lowering_holds_at_once_and_a_cycle_run_again_lowers_no_further(ledger):
    assert _keep(ledger, "2026-01-05", "lowered", "assisted", kind="breach")
    assert ledger.objectives.level("o") == "assisted"
    assert not _keep(ledger, "2026-01-05", "lowered", "assisted", kind="breach")
    assert list(ledger.objectives.history()["kind"]) == ["stated", "lowered"]
    assert ledger.objectives.see("o", "supervised", owner="ann", at=AT) == "assisted"
    assert list(ledger.objectives.history()["kind"]) == ["stated", "lowered"]


def test_what_was_judged_at_another_level_moves_nothing(ledger):
    assert not _keep(ledger, "2026-01-05", "lowered", "supervised", of="autonomous")
    assert ledger.objectives.level("o") == "supervised"


def test_a_file_that_changes_after_a_lowering_is_heard_again(ledger):
    _keep(ledger, "2026-01-05", "lowered", "assisted", kind="breach")
    assert ledger.objectives.see("o", "assisted", owner="ann", at=AT) == "assisted"
    assert ledger.objectives.see("o", "supervised", owner="ann", at=AT) == "assisted"
    assert list(ledger.objectives.history()["kind"]) == ["stated", "lowered", "stated", "proposed"]


def test_a_level_is_as_old_as_its_last_change(ledger):
    assert ledger.objectives.since("o") == (AT, True)
    later = AT + timedelta(days=3)
    ledger.objectives.lower("o", "assisted", by="system", reason="", at=later)
    ledger.objectives.see("o", "assisted", owner="ann", at=AT + timedelta(days=9))
    assert ledger.objectives.since("o") == (later, False)
    assert ledger.objectives.since("unseen") is None


def test_the_newest_evidence_of_an_objective_is_shown(ledger):
    _keep(ledger, "2026-01-05", "stays", "supervised")
    _keep(ledger, "2026-01-06", "proposed", "autonomous")
    assert ledger.earning.newest()["o"]["cycle_id"] == "2026-01-06"
    assert [row["move"] for row in ledger.earning.of_cycle("2026-01-05")] == ["stays"]
    assert ledger.earning.conduct("o", date(2026, 1, 1), date(2026, 2, 1)) == (0, 0)
