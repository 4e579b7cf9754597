"""The path that a contact is expected to lead along, in words."""

from collections.abc import Sequence

import numpy as np

from ml.entities import Option
from ml.journeys.follow_up import Ahead

ARROW = " → "


def expected_paths(
    ahead: Ahead | None, options: Sequence[Option], person: np.ndarray, option: np.ndarray
) -> np.ndarray:
    """What follows each of R contacts, such as `direct_mail:ten_off → scan (5 %) → voice:ten_off after 10 days`.

    Args:
        ahead: Continuations; without them no path is known, and it is empty.
        options: O options.
        person: int [R].
        option: int [R], what was chosen.

    Returns:
        object [R] of text; empty where no follow-up is worth its costs.
    """
    if ahead is None or not len(person):
        return np.full(len(person), "", dtype=object)
    best, wait, scan = (each[person, option] for each in (ahead.best, ahead.wait, ahead.after_scan))
    keys, where = np.unique(np.stack([option, best, wait, scan], axis=1), axis=0, return_inverse=True)
    words = [_words(tuple(map(int, key)), options, ahead) for key in keys]
    return np.array(words, dtype=object)[where.ravel()]


def _words(key: tuple[int, ...], options: Sequence[Option], ahead: Ahead) -> str:
    option, best, wait, scan = key
    begun, plain = str(options[option]), "nothing more"
    if best >= 0:
        plain = f"{options[best]} after {ahead.days[wait]} days"
    if scan < 0 or scan == best:
        return "" if best < 0 else ARROW.join([begun, plain])
    seen = ARROW.join([begun, f"scan ({ahead.scan_chance:.1%})", f"{options[scan]} after {ahead.days[-1]} days"])
    return f"{seen}; else {plain}"
