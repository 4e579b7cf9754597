"""What providers reported enters the warehouse as a landing file, at the begin of every intake."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb

from assets.channels.messages import Unsubscribe
from assets.home import Home
from assets.landing import landing
from assets.ledger.inbox import Delivery, Event
from assets.ledger.ledger import Ledger
from assets.releasing import Office
from ml.configuration import read_configuration

AT = datetime(2026, 1, 5, 13, tzinfo=UTC)
CONFIG = Path(__file__).parents[3] / "config"


def test_an_intake_begins_with_what_providers_reported_and_takes_it_in_once(tmp_path):
    home = Home(tmp_path).make()
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}").upgrade()
    event = Event("e1", "replied", AT, customer_key="c1", channel="sms", payload={"text": "In blue?"})
    ledger.inbox.take([Delivery("sms", "sha", (event,))], at=AT)
    configuration = read_configuration(CONFIG)
    office = Office(home, ledger, configuration, Unsubscribe("https://shop.example", b"k" * 32))
    resources = {"home": home, "ledger": ledger, "configuration": configuration, "office": office, "at": AT}
    for _ in range(2):
        assert dg.materialize([landing], resources=resources).success
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute("select event_id, event_type, customer_key, payload from raw.outcomes").fetchall()
    assert rows == [("e1", "replied", "c1", '{"text":"In blue?"}')]
    assert [path.name for path in (home.landing / "outcomes" / "received").iterdir()] == [
        "000000000001-000000000001.jsonl"
    ]
    assert ledger.inbox.waiting(at=AT) == 0
    ledger.close()
