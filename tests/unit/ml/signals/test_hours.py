import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.signals.hours import HOURS, STRENGTHS, hours_of, looks_in


def _digits(counts):
    return "".join(str(int(count)) for count in counts)


def _people(counts):
    return pd.DataFrame({"active_hours": [_digits(row) if np.sum(row) else None for row in counts]})


def _drawn(people, looks, spread, seed=1):
    """People with an hour of their own, at ten or at nineteen, and so many looks around it."""
    rng = np.random.default_rng(seed)
    own = rng.choice([10, 19], people)
    hours = np.clip(np.rint(own[:, None] + rng.normal(0, spread, (people, looks))), 0, 23).astype(int)
    counts = np.zeros((people, HOURS), dtype=int)
    np.add.at(counts, (np.repeat(np.arange(people), looks), hours.ravel()), 1)
    return own, np.minimum(counts, 9)


def test_who_looked_often_has_own_hours_and_who_never_did_has_everybodys():
    own, counts = _drawn(2000, 12, 1.5)
    counts[0] = 0
    found = hours_of(_people(counts))
    assert np.abs(found.chance[1:].argmax(axis=1) - own[1:]).mean() < 1.0
    everybody = counts.sum(axis=0)
    assert abs(int(found.chance[0].argmax()) - int(everybody.argmax())) <= 1
    assert found.looks[0] == 0


def test_a_single_look_at_night_does_not_outweigh_everybody_where_people_are_alike():
    _, counts = _drawn(2000, 4, 1.0)
    counts[:] = np.roll(counts, 0, axis=1)
    alike = np.tile(counts.sum(axis=0) > 0, (2000, 1)) * np.random.default_rng(2).poisson(0.3, counts.shape)
    alike[0] = 0
    alike[0, 3] = 1
    found = hours_of(_people(np.minimum(alike, 9)))
    assert found.strength == STRENGTHS[-1], "people who differ by chance alone teach that everybody's hours tell most"
    assert found.chance[0].argmax() != 3


def test_people_who_keep_to_hours_of_their_own_are_learned_to():
    _, counts = _drawn(2000, 6, 1.0)
    assert hours_of(_people(counts)).strength <= STRENGTHS[2]


@given(st.lists(st.lists(st.integers(0, 9), min_size=HOURS, max_size=HOURS), min_size=1, max_size=6))
def test_shares_of_the_hours_add_up_to_one(counts):
    found = hours_of(_people(np.array(counts)))
    assert np.allclose(found.chance.sum(axis=1), 1)
    assert (found.chance >= 0).all()


def test_a_look_before_midnight_counts_for_the_hour_after_it():
    counts = np.zeros((1, HOURS), dtype=int)
    counts[0, 23] = 5
    chance = hours_of(_people(counts)).chance[0]
    assert chance[23] > chance[0] > chance[12]


def test_a_view_without_the_column_has_one_look_at_the_preferred_hour():
    found = hours_of(pd.DataFrame({"preferred_hour": pd.array([8, None], dtype="Int64")}))
    assert found.looks.tolist() == [1.0, 0.0]
    assert found.chance[0].argmax() == 8


def test_digits_of_another_length_are_refused():
    with pytest.raises(ValueError, match="24 digits"):
        hours_of(pd.DataFrame({"active_hours": ["123"]}))


def test_the_digits_of_one_person_are_read_back():
    assert looks_in("0" * 19 + "41000")[19] == 4
    assert looks_in(None).sum() == 0
