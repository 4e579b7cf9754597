"""What an objective may spend today, on a real ledger."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from assets.deciding import room
from assets.ledger.ledger import Ledger
from ml.configuration import Configuration
from ml.configuration.actions import Actions
from ml.configuration.objective import Objective
from ml.configuration.policy import Policy
from tests.unit.assets.ledger.support import AT, messages, release, sqlite_template

__all__ = ["sqlite_template"]

DAY = date(2026, 1, 5)


@pytest.fixture
def ledger(sqlite_template, tmp_path):
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def _configuration(autonomy="autonomous", budget=100.0):
    objective = Objective.model_validate({
        "id": "reactivate", "description": "r", "owner": "o@b", "metric": "reactivations", "target": {"count": 9},
        "audience": {"where": "true"}, "starts_on": DAY, "ends_on": DAY + timedelta(days=9), "budget": budget, "autonomy": autonomy,
    })  # fmt: skip
    actions = Actions.model_validate({
        "channels": {"email": {"cost": 0.5, "capacity_per_day": 100, "lead_time_hours": 0, "slots": ["noon"]}},
        "offers": {"none": {"cost_when_redeemed": 0}},
        "creatives": {"hello": {"channel": "email", "offer": "none", "subject": "Hello", "template": "hello.html.j2"}},
        "slots": {"noon": "11:00-15:00"},
    })  # fmt: skip
    return Configuration([objective], actions, Policy(), {}, Path(), "v", {})


def _allowance(ledger, day=DAY, share=None, **stated):
    paces = None if share is None else {"reactivate": share}
    return room(ledger, _configuration(**stated), day, paces).objectives["reactivate"]


def test_the_day_has_its_share_of_what_is_left(ledger):
    assert _allowance(ledger, share=0.12) == pytest.approx(12)
    assert _allowance(ledger) == pytest.approx(10)  # the even split where nothing was compiled


def test_within_the_day_what_is_released_is_spent_and_what_is_freed_is_room_again(ledger):
    release(ledger, frame=messages(4, cost=0.5))
    assert _allowance(ledger, share=0.12) == pytest.approx(12 - 2)
    ledger.outbox.expire(AT + timedelta(hours=4))
    assert _allowance(ledger, share=0.12) == pytest.approx(12)


def test_the_next_day_shares_what_is_left_then(ledger):
    release(ledger, frame=messages(4, cost=0.5))
    assert _allowance(ledger, day=DAY + timedelta(days=1), share=0.12) == pytest.approx(0.12 * 98)


def test_supervised_a_pace_beyond_the_guardrail_is_held_back_to_it(ledger):
    assert _allowance(ledger, share=0.4, autonomy="supervised") == pytest.approx(1.5 * 10)
    assert _allowance(ledger, share=0.4) == pytest.approx(40)


def test_a_pace_never_makes_more_of_the_budget_than_there_is(ledger):
    release(ledger, frame=messages(4, cost=0.5))
    assert _allowance(ledger, day=DAY + timedelta(days=9), share=1.0, budget=3.0) == pytest.approx(1.0)
