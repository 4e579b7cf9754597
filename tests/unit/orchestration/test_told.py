"""Who is told of a planted change knows it from its day on, and of nothing else."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.value.cycle import Seen, Shop, believed
from benchmarks.value.policies import Told
from ml.configuration import read_configuration
from ml.response.model import ResponseModel

CONFIGURATION = read_configuration(Path("config"))
OPTIONS = CONFIGURATION.actions.options()
EMAIL = np.array([option.channel == "email" for option in OPTIONS])
PEOPLE = pd.DataFrame({"customer_id": ["a", "b"]})


def shop(uplift: float) -> Shop:
    """A shop whose model promises so much of every contact."""
    promised = {option.channel: uplift for option in OPTIONS}
    model = ResponseModel.cold_start(OPTIONS, conversion_rate=0.02, margin=20.0, uplift=promised, threads=1)
    outside: Any = SimpleNamespace()
    return Shop(home=outside, configuration=CONFIGURATION, ledger=None, views=outside, model=model)


def seen(on: date) -> Seen:
    return Seen(on, "generation", PEOPLE)


def test_before_the_change_it_believes_what_its_model_says():
    told, one = Told.of("2026-01-20:email=0.3"), shop(0.004)
    assert (told.scores(one, seen(date(2026, 1, 19))).uplift == believed(one, seen(date(2026, 1, 19))).uplift).all()


def test_from_that_day_on_the_channel_moves_so_many_times_what_was_said_that_morning_whatever_is_learned_later():
    told, before, later = Told.of("2026-01-20:email=0.3"), shop(0.004), shop(0.001)
    usual = believed(before, seen(date(2026, 1, 20)))
    for one, on in ((before, date(2026, 1, 20)), (later, date(2026, 1, 26))):
        scores, own = told.scores(one, seen(on)), believed(one, seen(on))
        assert scores.uplift[:, EMAIL] == pytest.approx(0.3 * usual.uplift[:, EMAIL])
        assert scores.uplift_sd[:, EMAIL] == pytest.approx(0.3 * usual.uplift_sd[:, EMAIL])
        assert (scores.uplift[:, ~EMAIL] == own.uplift[:, ~EMAIL]).all()
        assert (scores.uplift_sd[:, ~EMAIL] == own.uplift_sd[:, ~EMAIL]).all()
        assert scores.propensity == pytest.approx(scores.baseline[:, None] + scores.uplift)
    assert replace(told)._before is before.model
