"""Creatives are drawn by what they have shown, and retired only by evidence that holds at all looks together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.learning.creatives import LEAST_SHARE, Tried, look_at, shares_of


def tried(name: str, people: int, conversions: int, probability: float = 0.5, cycle: str = "2026-01-05") -> Tried:
    return Tried(cycle, name, people, conversions, probability)


def looks(*done: Tried, names: tuple[str, ...] = ("a", "b")) -> dict[str, object]:
    return {look.creative_id: look for look in look_at("email:none", names, done, seed=1)}


def test_without_outcomes_all_are_drawn_about_equally_and_nobody_leads() -> None:
    found = look_at("email:none", ("a", "b", "c"), [], seed=1)
    assert [look.share for look in found] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert {look.state for look in found} == {"tried"}
    assert {look.last_tried for look in found} == {None}


def test_a_creative_that_is_alone_has_every_contact() -> None:
    (only,) = look_at("email:none", ("a",), [tried("a", 10, 1)], seed=1)
    assert (only.share, only.state) == (1.0, "alone")


def test_a_clear_loser_is_retired_and_a_new_one_is_tried() -> None:
    found = looks(tried("a", 20_000, 2_000), tried("b", 20_000, 1_200), names=("a", "b", "new"))
    assert found["b"].state == "retired"
    assert found["b"].share == 0
    assert found["b"].high < 0
    assert found["a"].state == "leading"
    assert found["new"].state == "tried"
    assert found["new"].share >= LEAST_SHARE / 2


def test_few_conversions_retire_nobody() -> None:
    found = looks(tried("a", 100, 19), tried("b", 100, 0))
    assert found["b"].state == "tried"
    assert found["b"].difference is None


def test_rates_are_weighted_by_the_chances_under_which_they_were_drawn() -> None:
    quiet = [tried("a", 900, 90, 0.9, "2026-01-05"), tried("b", 100, 10, 0.1, "2026-01-05")]
    season = [tried("a", 100, 30, 0.1, "2026-01-06"), tried("b", 900, 270, 0.9, "2026-01-06")]
    found = looks(*quiet, *season)
    assert found["a"].rate == pytest.approx(0.2)
    assert found["b"].rate == pytest.approx(0.2)


def test_equal_creatives_looked_at_daily_are_retired_wrongly_in_at_most_five_of_a_hundred_runs() -> None:
    draw, wrong, runs = np.random.default_rng(5), 0, 200
    for _ in range(runs):
        done: list[Tried] = []
        for day in range(30):
            shares = shares_of(look_at("email:none", ("a", "b", "c"), done, seed=day))
            for name, share in shares.items():
                people = int(2000 * share)
                if people:
                    done.append(tried(name, people, int(draw.binomial(people, 0.05)), share, f"{day:02d}"))
            if any(look.state == "retired" for look in look_at("email:none", ("a", "b", "c"), done, seed=day)):
                wrong += 1
                break
    assert wrong <= 0.05 * runs + 2 * np.sqrt(0.05 * 0.95 * runs)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 10**6), st.floats(0, 1), st.floats(0.01, 1)), max_size=12
    )
)
def test_shares_add_up_and_somebody_is_always_drawn(rows: list[tuple[str, int, float, float]]) -> None:
    done = [tried(name, people, int(people * rate), chance) for name, people, rate, chance in rows]
    found = look_at("email:none", ("a", "b", "c"), done, seed=1)
    assert sum(look.share for look in found) == pytest.approx(1)
    assert all(look.share == 0 for look in found if look.state == "retired")
    assert any(look.state != "retired" for look in found)
