"""F9: a ledger whose disk is full stops the hand-over; nothing leaves without its intent, and it goes on afterwards."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from assets.channels.dispatch import dispatch
from assets.ledger.ledger import Ledger
from tests.unit.assets.channels.test_dispatch import Provider
from tests.unit.assets.ledger.support import AT, messages, release, states

COUNT = 400


def _limit(ledger: Ledger, spare_pages: int) -> None:
    """From now on the file can grow by so many pages: SQLite's own error for a full disk follows."""
    with ledger.engine.connect() as connection:
        most = int(connection.execute(text("PRAGMA page_count")).scalar_one()) + spare_pages

    def limit(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count={most}").fetchall()

    event.listen(ledger.engine, "checkout", limit)


@pytest.mark.parametrize("delivery", ["keyed", "blind"])
@pytest.mark.parametrize("spare_pages", [0, 1, 3])
def test_f09_a_full_disk_halts_dispatch_and_loses_and_doubles_nothing(ledger, ledger_url, delivery, spare_pages):
    if not ledger_url.startswith("sqlite"):
        pytest.skip("a page limit stands for a full disk on SQLite; PostgreSQL keeps its own")
    release(ledger, frame=messages(COUNT))
    _limit(ledger, spare_pages)
    provider = Provider(delivery)
    with pytest.raises(OperationalError, match="full"):
        dispatch(ledger, {"email": provider}, at=AT, channel="email", batch_size=20)
    known = states(ledger)
    assert {known[message_id] for message_id in provider.got} <= {"sending", "sent"}
    mended = Ledger(ledger_url)
    counts = dispatch(mended, {"email": provider}, at=AT, channel="email")
    ended = states(mended)
    assert set(provider.got) == set(ended)
    if delivery == "blind":
        assert len(provider.got) == COUNT
        assert list(ended.values()).count("unknown") <= 20
    assert counts.sent + list(known.values()).count("sent") + list(ended.values()).count("unknown") == COUNT
    assert mended.audit.check() == []
    mended.close()
