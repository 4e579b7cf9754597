"""F30: a ledger that was restored from a backup sends nothing until a person takes responsibility for it."""

import shutil
from datetime import timedelta

import pytest

from assets.channels.dispatch import dispatch
from assets.ledger.errors import LedgerError
from assets.ledger.ledger import Ledger
from assets.ledger.witness import Witness
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, messages, release, states

MINUTE = timedelta(minutes=1)


def _restored(ledger, ledger_url, tmp_path, sends):
    """The ledger as it was before `sends`."""
    if not ledger_url.startswith("sqlite"):
        pytest.skip("a copy of a SQLite file stands for any backup")
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(tmp_path / "ledger.db", tmp_path / "backup.db")
    sends(ledger)
    return Ledger(f"sqlite:///{tmp_path / 'backup.db'}")


@pytest.mark.parametrize(("delivery", "again"), [("blind", 0), ("reconcilable", 0), ("keyed", 3)])
def test_f30_a_restored_backup_is_stopped_and_sends_nothing_twice(ledger, ledger_url, tmp_path, delivery, again):
    witness = Witness(tmp_path / "dispatch.witness")
    release(ledger)
    provider = Provider(delivery)

    def send(of, at=AT):
        return dispatch(of, {"email": provider}, at=at, channel="email", witness=witness)

    restored = _restored(ledger, ledger_url, tmp_path, send)
    assert provider.got == ["m0", "m1", "m2"]
    for _ in range(2):
        counts = send(restored, AT + MINUTE)
        assert (counts.is_halted, counts.sent) == (True, 0)
    assert restored.halts.active() == ["all"]
    restored.halts.resume(by="ann", at=AT + MINUTE)
    counts = send(restored, AT + 2 * MINUTE)
    assert (counts.is_halted, counts.sent) == (False, again)  # a key makes the second one nothing
    assert set(states(restored).values()) == ({"sent"} if again else {"unknown"})
    release(restored, "p2", messages(2, prefix="n", contact_ids=[["x"]] * 2))
    assert send(restored, AT + 3 * MINUTE).sent == 2
    assert restored.audit.check() == []
    restored.close()


def test_f30_also_a_batch_that_was_never_recorded_counts(ledger, ledger_url, tmp_path):
    witness = Witness(tmp_path / "dispatch.witness")
    release(ledger)

    def dies(of):
        lease = of.outbox.claim("email", at=AT, limit=10, owner="a", lease_s=60)
        intent = of.outbox.begin_sending(lease, at=AT)
        witness.note(intent.number, AT)

    restored = _restored(ledger, ledger_url, tmp_path, dies)
    counts = dispatch(restored, {"email": Provider("blind")}, at=AT, channel="email", witness=witness)
    assert (counts.is_halted, counts.sent) == (True, 0)
    restored.close()


def test_f30_a_backup_from_the_middle_of_a_lease_is_behind_its_later_batches(ledger, ledger_url, tmp_path):
    witness, provider = Witness(tmp_path / "dispatch.witness"), Provider("blind")
    release(ledger)
    copies = []

    def deliver(batch, *, at):
        if not copies:
            copies.append(_restored(ledger, ledger_url, tmp_path, lambda _: None))
        return Provider.deliver(provider, batch, at=at)

    provider.deliver = deliver
    dispatch(ledger, {"email": provider}, at=AT, channel="email", batch_size=1, witness=witness)
    assert provider.got == ["m0", "m1", "m2"]
    counts = dispatch(copies[0], {"email": provider}, at=AT, channel="email", witness=witness)
    assert (counts.is_halted, counts.sent, provider.got) == (True, 0, ["m0", "m1", "m2"])
    copies[0].close()


def test_a_ledger_that_is_not_behind_is_left_alone(ledger, tmp_path):
    witness = Witness(tmp_path / "dispatch.witness")
    release(ledger)
    for _ in range(2):
        dispatch(ledger, {"email": Provider()}, at=AT, channel="email", witness=witness)
    assert ledger.halts.active() == []
    assert set(states(ledger).values()) == {"sent"}


def test_a_witness_never_goes_back_and_a_broken_one_is_not_believed(tmp_path):
    witness = Witness(tmp_path / "home" / "dispatch.witness")
    assert witness.read() is None
    witness.note(7, AT)
    witness.note(3, AT + MINUTE)
    assert witness.read() == (7, AT)
    (tmp_path / "home" / "dispatch.witness").write_text("garbage in here")
    with pytest.raises(LedgerError, match="Reconcile"):
        witness.read()


def test_a_driver_goes_live_only_on_a_persons_word(ledger):
    assert not ledger.live.is_allowed("email", "smtp")
    ledger.live.allow("email", "smtp", by="ann", at=AT)
    assert ledger.live.is_allowed("email", "smtp")
    assert not ledger.live.is_allowed("email", "ses")
    assert not ledger.live.is_allowed("sms", "smtp")
    ledger.live.withdraw("email", "smtp", by="ann", at=AT)
    assert not ledger.live.is_allowed("email", "smtp")
    with pytest.raises(LedgerError, match="named person"):
        ledger.live.allow("email", "smtp", by=" ", at=AT)
    assert ledger.audit.check() == []
