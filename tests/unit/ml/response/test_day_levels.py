"""A season moves everybody's chance: a day's level is its own as far as it can be told, else that of the days around it."""

import numpy as np
import pandas as pd
import pytest

from ml.entities import NONE, Option
from ml.response.day_levels import day_levels, latest_level
from ml.response.fit import fit

DAYS, A_DAY = 120, 10.0


def lived(levels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days with so many conversions expected on each, and what came."""
    day = np.arange(len(levels))
    return day, np.random.default_rng(seed).poisson(A_DAY * levels).astype(float), np.full(len(levels), A_DAY)


def test_a_month_of_slow_days_is_not_taken_for_the_year_before_it():
    levels = np.where(np.arange(DAYS) < 90, 1.1, 0.7)
    found = day_levels(*lived(levels, 1))
    assert found[100:].mean() == pytest.approx(0.7, rel=0.08)
    assert found[:80].mean() == pytest.approx(1.1, rel=0.05)


def test_a_day_alone_is_no_level_of_its_own():
    found = day_levels(*lived(np.ones(DAYS), 2))
    assert found.std() < 0.1  # a day's own count lies off by .3


def test_a_day_with_purchases_enough_is_told_from_the_days_around_it():
    day, came, awaited = lived(np.ones(DAYS), 3)
    came[60], awaited[60] = 3000.0, 1000.0
    assert day_levels(day, came, awaited)[60] == pytest.approx(3.0, rel=0.1)


def test_the_latest_level_is_of_the_last_days_and_of_nothing_it_is_one():
    day, came, awaited = lived(np.where(np.arange(DAYS) < 90, 1.1, 0.6), 4)
    assert latest_level(day, came, awaited, np.ones(DAYS)) == pytest.approx(0.65, abs=0.1)
    assert latest_level(day[:0], came[:0], awaited[:0], came[:0]) == 1.0


def test_people_are_scored_for_the_days_that_come():
    rng, n, days = np.random.default_rng(5), 1500, 40
    chance = np.where(np.arange(days) < 20, 0.06, 0.03)
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat([f"c{i}" for i in range(n)], days),
            "as_of_on": np.tile(pd.date_range("2025-12-01", periods=days), n),
            "web_visit_30d_count": np.repeat(rng.poisson(3, n), days), "channel": NONE, "offer_id": NONE,
            "propensity": np.nan, "sample_weight": 1.0, "source": "history", "arm": "history",
            "is_converted": rng.random(n * days) < np.tile(chance, n), "margin": 20.0,
        }
    )  # fmt: skip
    frame["margin"] = frame["margin"].where(frame["is_converted"])
    model = fit(frame, [Option("email", NONE)], seed=1, threads=1).model
    people = frame.drop_duplicates("customer_id")
    assert model.asked(people).alone.mean() == pytest.approx(0.045, rel=0.2)  # an average day's
    assert model.score(people, [Option("email", NONE)]).baseline.mean() == pytest.approx(0.03, rel=0.2)
