"""Every action has its last look, tried or not."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from assets.action_looks import action_looks, unseen
from assets.cycles import CREATIVES, OUTCOMES, write_json
from assets.home import Home
from ml.configuration import read_configuration

CONFIGURATION = read_configuration(Path(__file__).resolve().parents[3] / "config")
DAY = date(2026, 3, 2)
MAIL, CALL = "winback_email_ten_off", "call_script"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    _decided(found, "2026-03-02", {MAIL: 2})
    _decided(found, "2026-02-20", {CALL: 1})
    write_json({"tried": [{"creative_id": "postcard", "people": 3}]}, found.cycle("2026-01-05") / OUTCOMES)
    look = {"creative_id": MAIL, "state": "leading", "people": 9, "conversions": 1, "share": 0.7}
    look |= dict.fromkeys(("difference", "low", "high"))
    write_json({"looks": [look]}, found.cycle("2026-03-02") / CREATIVES)
    return found


def _decided(home: Home, cycle_id: str, counts: dict[str, int]) -> None:
    names = [name for name, count in counts.items() for _ in range(count)]
    folder = home.cycle(cycle_id)
    folder.mkdir(parents=True)
    write_json({}, folder / "plan.json")
    ids = [f"d-{cycle_id}-{n}" for n in range(len(names))]
    frame = pd.DataFrame({"decision_id": ids, "cycle_id": cycle_id, "channel": "email", "creative_id": names})
    frame.to_parquet(folder / "decisions.parquet")


def test_every_action_is_on_the_list_with_its_last_contact(home: Home) -> None:
    looks = {look.creative_id: look for look in action_looks(home, CONFIGURATION, DAY)}
    assert set(looks) == set(CONFIGURATION.actions.creatives)
    assert (looks[MAIL].contacts_today, looks[MAIL].last_tried, looks[MAIL].share) == (2, "2026-03-02", 0.7)
    assert (looks[CALL].contacts_today, looks[CALL].last_tried, looks[CALL].state) == (0, "2026-02-20", "new")
    assert looks["postcard"].last_tried == "2026-01-05"
    assert looks["short_sms"].last_tried is None


def test_what_nobody_got_within_the_horizon_is_unseen_unless_retired(home: Home) -> None:
    looks = action_looks(home, CONFIGURATION, DAY)
    names = {look.creative_id for look in unseen(looks, DAY, timedelta(days=14))}
    assert {"postcard", "short_sms"} <= names
    assert not {MAIL, CALL} & names


def test_a_message_that_was_taken_back_is_no_contact(home: Home) -> None:
    write_json({"withdraws": ["m-2026-02-20-0"]}, home.cycle("2026-02-20") / "withdraws.json")
    looks = {look.creative_id: look for look in action_looks(home, CONFIGURATION, DAY)}
    assert looks[CALL].last_tried is None
