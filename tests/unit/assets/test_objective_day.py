"""What a day's budget means: the same for the decision's room and for the problem that is kept."""

import shutil
from datetime import timedelta

import pandas as pd
import pytest

from assets.carry_over import days_that_act, earlier_effects
from assets.deciding import quotas, room
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.objective_day import objective_day
from ml.configuration.actions import Response
from ml.day_problem import Segmented
from tests.unit.assets.ledger.support import messages, release, sqlite_template
from tests.unit.assets.test_deciding import DAY, _configuration

__all__ = ["sqlite_template"]


@pytest.fixture
def ledger(sqlite_template, tmp_path):
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    opened = Ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield opened
    opened.close()


def figures_of(days, spend=1.0):
    rows = [((DAY + timedelta(days=d)).isoformat(), "reactivate", "email", 2, 2, spend) for d in days]
    return pd.DataFrame(rows, columns=["cycle_on", "objective_id", "channel", "messages", "people", "spend"])


def test_the_rise_is_against_the_last_seven_days_with_spend_though_a_day_was_skipped(ledger):
    objective = _configuration(autonomy="supervised").objectives[0]
    on = DAY + timedelta(days=9)
    settled = objective_day(ledger, objective, figures_of([0, 1, 2, 3, 4, 5, 7], spend=3.0), on, 0.5)
    assert (settled.rise_reference, settled.even_days) == (3.0, None)
    young = objective_day(ledger, objective, figures_of([0, 1, 2]), on, None)
    assert (young.rise_reference, young.even_days, young.day_share) == (None, 1, 1.0)
    free = objective_day(ledger, _configuration().objectives[0], figures_of(range(9)), on, None)
    assert not free.is_rise_bounded


def test_the_room_knows_what_yesterday_took(ledger):
    release(ledger, frame=messages(4, cost=0.5))
    assert room(ledger, _configuration(), DAY + timedelta(days=1)).yesterday == {"email": 2.0}
    assert room(ledger, _configuration(), DAY).yesterday == {}


def test_a_day_is_asked_for_its_share_and_what_was_handed_over_has_done_its_part(ledger):
    facts = {"reactivate": {"asks": 40.0, "unit": 0.5, "pace": {"share": 0.1}}, "other": {"pace": {"share": 0.1}}}
    assert quotas(ledger, facts, DAY, is_revision=False) == {"reactivate": pytest.approx(8.0)}
    assert quotas(ledger, facts, DAY, is_revision=True) == {}  # nothing is out: a plan of the day waits
    release(ledger, frame=messages(4, cost=0.5))
    assert quotas(ledger, facts, DAY, is_revision=True) == {"reactivate": pytest.approx(8.0)}
    assert quotas(ledger, {"reactivate": {**facts["reactivate"], "asks": 0.0}}, DAY, is_revision=False) == {}


def test_what_earlier_days_let_out_still_acts_by_segment(tmp_path):
    configuration = _configuration()
    email = configuration.actions.channels["email"].model_copy(
        update={"response": Response(ceiling=5.0, retention=0.5)}
    )
    actions = configuration.actions.model_copy(update={"channels": {"email": email}})
    configuration = type(configuration)(**{**vars(configuration), "actions": actions})
    home = Home(tmp_path)
    folder = home.cycle((DAY + timedelta(days=1)).isoformat())
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    rows = [
        ("a", "email", 0.1, 20.0),
        ("b", "email", 0.2, 20.0),
        ("c", "none", 0.0, 20.0),
        ("gone", "email", 0.1, 10.0),
    ]
    decisions = pd.DataFrame(rows, columns=["customer_id", "channel", "uplift", "unit_value"])
    decisions.assign(objective_id="reactivate").to_parquet(folder / "decisions.parquet")
    segmented = Segmented(pd.Series([0, 1, 1]).to_numpy(), ("first", "other"))
    released = pd.DataFrame(
        [((DAY + timedelta(days=1)).isoformat(), "reactivate", "email", 3)], columns=["cycle_on", "objective_id", "channel", "messages"]
    )  # fmt: skip
    ids = pd.Series(["a", "b", "c"])
    found = earlier_effects(home, configuration, released, ids, segmented, DAY + timedelta(days=3))
    past = found["reactivate:email"]
    assert len(past) == days_that_act(0.5) == 7
    assert past[0] == [0.0, 0.0]
    assert past[1] == pytest.approx([2.0, 5.0])
    # Half of the messages were held back: they act on nobody.
    held = earlier_effects(home, configuration, released.assign(messages=1.5), ids, segmented, DAY + timedelta(days=3))
    assert held["reactivate:email"][1] == pytest.approx([1.0, 2.5])
