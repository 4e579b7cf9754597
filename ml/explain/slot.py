"""Why a message goes out in this slot: when the person looked, and how much is known of it."""

from collections.abc import Mapping

import numpy as np

FEW_LOOKS = 5
"""Fewer own looks than this are mostly drawn towards everybody's hours."""


def slot_reason(slot: str, looks: np.ndarray, hours: Mapping[str, np.ndarray]) -> str:
    """The choice of a slot in a sentence or two.

    Args:
        slot: The slot that was chosen.
        looks: float [24], the person's opens, clicks and visits of a year by local hour (`signals.hours.looks_in`).
        hours: Local hours of each of the channel's slots, bool [24].
    """
    total = int(looks.sum())
    if not total:
        return f"Slot {slot}: nothing is known of when this person looks, so everybody's hours decide."
    within = {name: int(looks[inside].sum()) for name, inside in hours.items()}
    others = ", ".join(f"{name} {count}" for name, count in within.items() if name != slot)
    told = f"Slot {slot}: of {total} opens, clicks and visits known, {within[slot]} were in its hours"
    told += f" ({others})." if others else "."
    if within[slot] < max(within.values()):
        return f"{told} It was tried, was the one still open, or its best hour speaks for it."
    return told if total >= FEW_LOOKS else f"{told} So few are drawn towards everybody's hours."
