import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from assets.audience_members import take_back
from assets.channels.dispatch import dispatch
from assets.channels.file import FileDriver
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.records import Receipt
from ml.configuration import read_configuration
from tests.unit.assets.ledger.support import AT, GENERATION, messages, release

CONFIG = Path(__file__).resolve().parents[3] / "config"
OBJECTIVE = "reactivate_lapsed"
STAYS = timedelta(days=14)


@pytest.fixture
def world(tmp_path):
    """Three people who were added to an audience: lapsed customers of whom the platform can match two hashes."""
    home, configuration = Home(tmp_path / "home").make(), read_configuration(CONFIG)
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db").upgrade()
    driver = FileDriver(home.outbound / "paid_social")

    def add(prefix, at, contacts, only=None):
        """Add k0, k1, … with these contacts, or only those in these places."""
        recipient = json.dumps({"email_sha256": "a" * 64, "phone_sha256": "", "operation": "add"})
        frame = messages(len(contacts), prefix=prefix, channel="paid_social", cycle_id=at.date().isoformat()).assign(
            objective_id=OBJECTIVE,
            recipient=recipient,
            contact_ids=contacts,
            send_at=at,
            expires_at=at + timedelta(hours=3),
        )
        kept = frame.iloc[only] if only else frame
        release(ledger, f"p-{prefix}", frame=kept, at=at, proposed_at=at, expires_at=at + timedelta(days=1))
        dispatch(ledger, {"paid_social": driver}, at=at, channel="paid_social")

    _publish(home, ["lapsed"] * 3)
    add("m", AT, [["c0"], ["c1"], ["c2"]])

    def step(at, cycle_id="2026-01-06", by=driver):
        return take_back(home, ledger, {"paid_social": by}, configuration, "paid_social", cycle_id, at)

    yield SimpleNamespace(home=home, ledger=ledger, add=add, step=step)
    ledger.close()


def _publish(home, lifecycles, merged=(), first_contacts=()):
    """People k0, k1, …; `merged` has the names of those who are one with the last of them, as its later contacts.

    `first_contacts` are those of the first people where they aren't c0, c1, …
    """
    folder = home.generation(GENERATION)
    folder.mkdir(parents=True, exist_ok=True)
    count = [n for n in range(len(lifecycles)) if f"k{n}" not in merged]
    contacts = [[f"c{n}"] for n in count]
    contacts[: len(first_contacts)] = [[name] for name in first_contacts]
    contacts[-1] += [name.replace("k", "c") for name in merged]
    lifecycles = [lifecycles[n] for n in count]
    pd.DataFrame(
        {
            "customer_id": [f"k{n}" for n in count],
            "contact_ids": contacts,
            "email_sha256": [f"{n}" * 64 for n in count],
            "phone_sha256": None,
        }
    ).to_parquet(folder / "dim_recipients.parquet")
    customers = {"customer_id": [f"k{n}" for n in count], "lifecycle": lifecycles, "days_since_last_purchase": 100}
    pd.DataFrame(customers).to_parquet(folder / "dim_customers.parquet")


def _lines(home, cycle_id):
    path = home.outbound / "paid_social" / f"{cycle_id}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_membership_is_taken_back_when_its_days_are_over_and_not_before(world):
    assert world.step(AT + STAYS - timedelta(hours=1)) == {}
    assert world.step(AT + STAYS, "2026-01-19") == {"expired": 3}
    lines = _lines(world.home, "2026-01-19")
    assert {line["recipient"]["operation"] for line in lines} == {"remove"}
    assert sorted(line["recipient"]["email_sha256"][0] for line in lines) == ["0", "1", "2"]
    assert all(line["message_id"].startswith("r-") for line in lines)


def test_who_leaves_the_objectives_audience_is_taken_out_the_next_time(world):
    _publish(world.home, ["active", "lapsed", "lapsed"])
    assert world.step(AT + timedelta(days=1)) == {"left": 1}
    assert [line["customer_id"] for line in _lines(world.home, "2026-01-06")] == ["k0"]


def test_who_is_one_with_another_person_since_is_taken_out_as_that_person(world):
    _publish(world.home, ["lapsed"] * 4, merged=["k0"])
    assert world.step(AT + timedelta(days=1)) == {}
    world.ledger.suppressions.add("c0", reason="unsubscribed", source="test", at=AT)
    assert world.step(AT + timedelta(days=1)) == {"withdrew": 1}
    (line,) = _lines(world.home, "2026-01-06")
    assert (line["customer_id"], line["recipient"]["email_sha256"]) == ("k3", "3" * 64)


@pytest.mark.parametrize("withdrawn", ["c0", "c3"])
def test_who_is_one_with_somebody_who_withdrew_is_taken_out(world, withdrawn):
    _publish(world.home, ["lapsed"] * 4, merged=["k0"])
    world.ledger.suppressions.add(withdrawn, reason="unsubscribed", source="test", at=AT)
    assert world.step(AT + timedelta(days=1)) == {"withdrew": 1}


def test_who_is_several_persons_since_is_taken_out_as_each_of_them_once_one_withdrew(world):
    world.add("pair", AT, [["c7", "c8"]])
    _publish(world.home, ["lapsed"] * 5, first_contacts=["c7", "c1", "c2", "c3", "c8"])
    assert world.step(AT + timedelta(days=1)) == {}
    world.ledger.suppressions.add("c8", reason="unsubscribed", source="test", at=AT)
    assert world.step(AT + timedelta(days=1)) == {"withdrew": 1}
    assert sorted(line["customer_id"] for line in _lines(world.home, "2026-01-06")) == ["k0", "k4"]
    assert world.step(AT + timedelta(days=2), "2026-01-07") == {}


def test_who_is_several_persons_since_of_whom_one_was_added_again_leaves_that_one_in(world):
    later = AT + timedelta(days=10)
    world.add("pair", AT, [["c7", "c8"]])
    _publish(world.home, ["lapsed"] * 5, first_contacts=["c7", "c1", "c2", "c3", "c8"])
    world.add("own", later, [["c7"], ["c1"], ["c2"], ["c3"], ["c8"]], only=[4])
    assert world.step(AT + STAYS, "2026-01-19") == {"expired": 3}
    assert sorted(line["customer_id"] for line in _lines(world.home, "2026-01-19")) == ["k0", "k1", "k2"]
    assert world.step(later + STAYS, "2026-01-29") == {"expired": 1}


def test_a_membership_whose_removal_the_platform_refused_is_tried_again(world):
    def refuse_k1(messages, *, at):
        return [Receipt(each.message_id, "failed" if each.customer_id == "k1" else "sent", at) for each in messages]

    assert world.step(AT + STAYS, by=SimpleNamespace(deliver=refuse_k1)) == {"expired": 2}
    assert world.step(AT + STAYS, "2026-01-19") == {"expired": 1}
    assert [line["customer_id"] for line in _lines(world.home, "2026-01-19")] == ["k1"]


def test_who_is_another_person_since_is_found_by_any_contact(world):
    world.add("pair", AT, [["c7", "c8"]])
    _publish(world.home, ["lapsed"] * 5, merged=["k0"], first_contacts=["c1", "c2", "c3", "c8"])
    world.ledger.suppressions.add("c8", reason="unsubscribed", source="test", at=AT)
    assert world.step(AT + timedelta(days=1)) == {"withdrew": 1}
    assert [line["customer_id"] for line in _lines(world.home, "2026-01-06")] == ["k4"]


def test_who_withdraws_is_taken_out_although_nothing_else_may_be_sent_to_them(world):
    world.ledger.suppressions.add("c1", reason="unsubscribed", source="test", at=AT)
    assert world.step(AT + timedelta(days=1)) == {"withdrew": 1}


def test_a_membership_is_taken_back_once(world):
    assert world.step(AT + STAYS) == {"expired": 3}
    assert world.step(AT + STAYS + timedelta(days=1), "2026-01-20") == {}
    assert world.ledger.memberships.changes(start=AT, end=AT + 2 * STAYS) == {"paid_social": {"expired": 3}}


def test_a_stopped_channel_takes_nobody_out_until_it_is_resumed(world):
    world.ledger.halts.stop("paid_social", by="ann", at=AT)
    assert world.step(AT + STAYS) == {}
    world.ledger.halts.resume("paid_social", by="ann", at=AT)
    assert world.step(AT + STAYS) == {"expired": 3}


def test_who_was_added_again_stays_until_the_newer_days_are_over(world):
    later = AT + timedelta(days=10)
    world.add("again", later, [["c0"]])
    assert world.step(AT + STAYS) == {"expired": 2}
    assert world.step(later + STAYS, "2026-01-29") == {"expired": 1}


def test_who_is_one_with_somebody_who_was_added_later_stays_until_the_newer_days_are_over(world):
    later = AT + timedelta(days=10)
    world.add("again", later, [["c0"], ["c1"], ["c2"]])
    _publish(world.home, ["lapsed"] * 4, merged=["k0"])
    world.add("newer", later + timedelta(days=2), [["c0"], ["c1"], ["c2"], ["c3"]], only=[3])
    assert world.step(later + STAYS, "2026-01-29") == {"expired": 2}
    assert sorted(line["customer_id"] for line in _lines(world.home, "2026-01-29")) == ["k1", "k2"]
    assert world.step(later + STAYS + timedelta(days=2), "2026-01-31") == {"expired": 2}
    assert {line["customer_id"] for line in _lines(world.home, "2026-01-31")} == {"k3"}
    assert world.step(later + STAYS + timedelta(days=3), "2026-02-01") == {}
