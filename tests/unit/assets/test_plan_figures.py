"""The figures that guardrails look at, on a real ledger and real files."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from assets.cycles import write_frame, write_json
from assets.home import Home
from assets.left_alone import LEAST, left_alone
from assets.plan_figures import PRIOR_CONTACTS, _drift, _loss_rates, _newest_lifts, _weekly
from ml.policy.guardrails.knowledge import stability_index
from tests.unit.assets.ledger.support import (
    AT,
    ledger,
    ledger_url,
    messages,
    postgresql_server,
    release,
    sqlite_template,
)
from tests.unit.assets.ledger.test_outcomes import _sent, events
from tests.unit.ml.known_people import configuration_of

__all__ = ["ledger", "ledger_url", "postgresql_server", "sqlite_template"]


def test_a_loss_rate_is_measured_and_starts_from_the_stated_one(ledger):
    configuration = configuration_of(0.02)
    stated = configuration.policy.wear.rate("email")
    assert _loss_rates(ledger, configuration, AT)["email"] == pytest.approx(stated)
    _sent(ledger)
    ledger.outcomes.take_in(events("unsubscribed", message_id="m0", channel="email"), received_at=AT)
    ledger.outcomes.take_in(events("complained", message_id="m0", channel="email"), received_at=AT)
    rates = _loss_rates(ledger, configuration, AT + timedelta(days=1))
    assert rates["email"] == pytest.approx((1 + PRIOR_CONTACTS * stated) / (2 + PRIOR_CONTACTS)), (
        "a message is lost once"
    )
    assert rates["sms"] == pytest.approx(configuration.policy.wear.rate("sms"))


def test_a_week_counts_what_left_what_is_open_and_what_is_planned_and_not_what_is_replaced(ledger):
    release(ledger, frame=messages(2))
    planned = pd.DataFrame({"customer_id": ["k0", "k0", "k9"], "send_at": AT + timedelta(hours=1)})
    assert _weekly(ledger, planned, AT, frozenset()) == {"k0": 3, "k1": 1, "k9": 1}
    assert _weekly(ledger, planned, AT, frozenset({"m0"}))["k0"] == 2
    nothing = pd.DataFrame({"customer_id": [], "send_at": pd.array([], dtype="datetime64[us]")})
    assert _weekly(ledger, nothing, AT, frozenset()) == {"k0": 1, "k1": 1}


@pytest.mark.parametrize(("minutes", "count"), [(-1, 2), (0, 1)])
def test_a_week_is_that_before_the_new_contact_and_not_that_before_the_decision(ledger, minutes, count):
    release(ledger, frame=messages(1))
    week_later = AT + timedelta(days=7)
    planned = pd.DataFrame({"customer_id": ["k0"], "send_at": [week_later + timedelta(minutes=minutes)]})
    assert _weekly(ledger, planned, week_later - timedelta(hours=5), frozenset())["k0"] == count


def _scored(home, days):
    """Scores of 4,000 people on days, each with its model and what it adds to whom; three of them had touches before."""
    folder = home.generation("g")
    folder.mkdir(parents=True)
    sent_at = [AT - timedelta(days=ago) for ago in (80, 92, 2)]
    touches = {"customer_id": ["k3999", "k3998", "k3997"], "sent_at": [at.replace(tzinfo=None) for at in sent_at]}
    pd.DataFrame(touches).to_parquet(folder / "fct_touches.parquet")
    rng = np.random.default_rng(1)
    for day, model, added in days:
        folder = home.cycle(day.isoformat())
        write_json({"model_sha256": model, "generation_id": "g"}, folder / "versions.json")
        scores = {"customer_id": [f"k{n}" for n in range(4000)], "baseline": rng.normal(0, 1, 4000) + added}
        write_frame(pd.DataFrame(scores), folder / "scores.parquet")


def test_drift_is_against_the_models_first_day_and_silent_on_it(tmp_path, ledger):
    home = Home(tmp_path).make()
    days = [date(2026, 1, n) for n in (5, 6, 7, 8)]
    _scored(home, zip(days, "abbb", (0.0, 0.0, 0.0, 1.0), strict=True))
    found = [_drift(home, ledger, day, "UTC") for day in days]
    assert found[:2] == [None, None]
    assert found[2] < 0.02
    assert found[3] > 0.25


def test_what_contacts_move_is_no_drift_and_what_moves_people_left_alone_is(tmp_path, ledger):
    home = Home(tmp_path).make()
    contacted = np.arange(4000) < 3000
    days = [date(2026, 1, n) for n in (5, 6, 7)]
    _scored(home, zip(days, "aaa", (0.0, np.where(contacted, 1.0, 0.0), 1.0), strict=True))
    assert _drift(home, ledger, days[1], "UTC") > 0.25
    release(ledger, frame=messages(3000))
    assert _drift(home, ledger, days[1], "UTC") < 0.04
    assert _drift(home, ledger, days[2], "UTC") > 0.25


def test_too_few_people_left_alone_tell_of_no_drift(tmp_path, ledger):
    home, days = Home(tmp_path).make(), [date(2026, 1, n) for n in (5, 6)]
    _scored(home, zip(days, "aa", (0.0, 1.0), strict=True))
    release(ledger, frame=messages(4000 - LEAST + 1))
    assert _drift(home, ledger, days[1], "UTC") is None


def test_who_was_sent_something_between_or_in_the_quarter_before_was_not_left_alone(tmp_path, ledger):
    home = Home(tmp_path).make()
    _scored(home, [])
    release(ledger, frame=messages(500))
    everybody = pd.Series([f"k{n}" for n in [*range(500), *range(3700, 4000)]])

    def alone(first, last):
        return left_alone(ledger, home.generation("g"), everybody, everybody, (first, last), "UTC")

    assert len(alone(date(2026, 1, 4), date(2026, 1, 5))) == 798, "what is sent on the later day doesn't count"
    assert set(everybody) - set(alone(date(2026, 1, 5), date(2026, 1, 6))) >= {"k0", "k499", "k3999", "k3997"}
    assert len(alone(date(2026, 1, 5), date(2026, 1, 6))) == 298
    assert len(alone(date(2026, 1, 6), date(2026, 1, 7))) == 298, "contacts of yesterday fade"
    assert len(alone(date(2026, 5, 6), date(2026, 5, 7))) == 800


def test_the_stability_index_is_that_of_its_formula():
    before, now = np.repeat(np.arange(10.0), 10), np.repeat(np.arange(10.0), [20, *([10] * 8), 0])
    expected = (0.2 - 0.1) * np.log(2) + (1e-4 - 0.1) * np.log(1e-4 / 0.1)
    assert stability_index(before, now) == pytest.approx(expected, rel=1e-6)
    assert stability_index(before, np.array([])) is None


def test_the_newest_lift_before_the_day_counts(tmp_path):
    home = Home(tmp_path).make()
    for day, high in (("2026-01-05", 1.0), ("2026-01-06", 2.0), ("2026-01-07", 3.0)):
        (home.cycle(day)).mkdir(parents=True)
        write_json({"lifts": [{"high": high}]}, home.cycle(day) / "lift.json")
    assert _newest_lifts(home, date(2026, 1, 7)) == [{"high": 2.0}]
    assert _newest_lifts(home, date(2026, 1, 5)) == []
