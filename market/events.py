"""What happens, as columns of numbers; texts are made only when it is written down."""

from typing import Final

import numpy as np

from market.words import Bools, Ints

KINDS: Final = ("web", "sales", "ads", "mail", "calls", "sends", "leaves")


class Events:
    """Collects batches of events by kind. Each batch is columns of equal length with ``t`` in milliseconds."""

    def __init__(self) -> None:
        self._batches: dict[str, list[dict[str, np.ndarray]]] = {kind: [] for kind in KINDS}
        self.words: list[str] = []

    def add(self, kind: str, /, **columns: np.ndarray) -> None:
        """Adds a batch; columns of one kind are the same in every batch."""
        if len(columns["t"]):
            self._batches[kind].append(columns)

    def add_words(self, texts: list[str]) -> Ints:
        """Keeps texts (transcripts) and gives their indices."""
        start = len(self.words)
        self.words.extend(texts)
        return np.arange(start, len(self.words))

    def columns(self, kind: str) -> dict[str, np.ndarray]:
        """All batches of a kind as one, or nothing."""
        batches = self._batches[kind]
        if not batches:
            return {}
        return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}

    def clear(self, kind: str) -> None:
        """Forgets the batches of a kind."""
        self._batches[kind] = []


def between(columns: dict[str, np.ndarray], start: int, end: int) -> Bools:
    """Which rows happen in [start, end)."""
    return np.asarray((columns["t"] >= start) & (columns["t"] < end))
