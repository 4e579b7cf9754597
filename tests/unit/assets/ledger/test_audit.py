from assets.ledger.tables import APPEND_ONLY
from tests.unit.assets.ledger.support import release


def test_every_append_only_table_is_guarded_by_the_test_of_tampering_or_of_history():
    assert len(APPEND_ONLY) == 14


def test_the_trail_names_every_act_of_authority(ledger):
    release(ledger)
    assert list(ledger.audit.trail()["kind"]) == ["plan.proposed", "plan.released"]
