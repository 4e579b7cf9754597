import numpy as np

from ml.explain.slot import slot_reason
from ml.signals.hours import looks_in

HOURS = {
    "morning": np.isin(np.arange(24), range(8, 11)),
    "evening": np.isin(np.arange(24), range(17, 20)),
}


def _looks(**at):
    counts = [0] * 24
    for hour, count in at.items():
        counts[int(hour[1:])] = count
    return looks_in("".join(map(str, counts)))


def test_a_slot_is_told_with_the_looks_in_it_and_in_the_others():
    told = slot_reason("evening", _looks(h18=4, h9=1, h3=1), HOURS)
    assert told == "Slot evening: of 6 opens, clicks and visits known, 4 were in its hours (morning 1)."


def test_few_looks_and_none_are_said():
    assert "everybody's hours" in slot_reason("evening", _looks(h18=1), HOURS)
    assert "nothing is known" in slot_reason("evening", looks_in(None), HOURS)


def test_a_slot_with_fewer_looks_than_another_says_what_else_chose_it():
    assert "was tried" in slot_reason("morning", _looks(h18=6), HOURS)
