"""The smallest number that is enough is found wherever it is, with few questions."""

from hypothesis import given
from hypothesis import strategies as st

from ml.objectives.smallest import first_enough, smallest

RANGES = st.tuples(st.integers(0, 50), st.integers(0, 600)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(RANGES, st.integers(-10, 700), st.none() | st.floats(-1e6, 1e6))
def test_the_smallest_is_found_from_any_guess(bounds, threshold, guess):
    low, high = bounds
    found = smallest(lambda number: number >= threshold, low, high, guess)
    assert found == (None if threshold > high else max(low, threshold))


@given(RANGES, st.integers(-10, 700))
def test_steps_that_double_find_the_first(bounds, threshold):
    low, high = bounds
    found = first_enough(lambda number: number >= threshold, low, high)
    assert found == (None if threshold > high else max(low, threshold))


def test_a_good_guess_saves_questions():
    def asked(guess):
        questions = []
        smallest(lambda number: questions.append(number) or number >= 230, 1, 530, guess)
        return len(questions)

    assert asked(226.0) < asked(None)


def test_what_is_too_much_at_the_end_does_not_hide_what_is_enough():
    assert first_enough(lambda number: 6 <= number <= 9, 4, 20) == 6
