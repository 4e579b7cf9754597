"""How well calls are read, by their words and by what their sentences mean, on sentences that taught nothing.

    python -m benchmarks.calls

Seven folds, five times over, of the sentences that teach (`ml.signals.phrases`); the sample market's customers, who speak in words of
their own; and sentences that are neither for nor against anything, none of which should be read as an objection or an intent.
Ends with one line of JSON.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold

from market.voice import _AGREED, _GREETINGS, _LUKEWARM, _OBJECTED, _REFUSED
from ml.entities import CallReader
from ml.signals.calls import TextModel
from ml.signals.phrases import INTENTS, NEITHER, OBJECTIONS

FOLDS, REPEATS, SEED = 7, 5, 1
NEUTRAL: Final = (
    "The parcel arrived on Tuesday.", "What time do you open on Sundays?", "I was in the garden just now.",
    "My brother works for the railway.", "Is that the one with the zip?", "It rained all day here.", "I'm wearing it right now.",
    "Can you see my account?", "We have two cats.", "How heavy is it?", "I read about it in the paper.",
    "My reading glasses are somewhere.", "The green one is pretty.", "I was a teacher for thirty years.", "Which size would that be?",
    "It says so on the receipt.", "My neighbour told me about it.", "There's someone at the door.", "I know your shop well.",
    "You sent me a catalogue once.", "The kids are at school.", "Right, I see.", "That was on Monday.", "It's my birthday in June.",
    "So it's made of wool?",
)  # fmt: skip
"""Not among what teaches."""
SPOKEN: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "objections": {**_OBJECTED, NEITHER: (*_GREETINGS, *_AGREED, *_LUKEWARM)},
    "intents": {"accepts": _AGREED, "considers": _LUKEWARM, "stop": _REFUSED, NEITHER: _GREETINGS},
}
"""By the market's customers."""


def read(model: TextModel, sentences: Sequence[str]) -> list[str]:
    """What each sentence is read as."""
    return model.read(model.chances(sentences))


def right_of_folds(taught: Mapping[str, Sequence[str]], reader: CallReader) -> float:
    """Share of the sentences with a meaning that are read right by a model that the fold didn't teach."""
    texts, labels = zip(*((text, label) for label, several in taught.items() for text in several), strict=True)
    text, label, hits = np.array(texts, dtype=object), np.array(labels), []
    for teach, ask in RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=SEED).split(text, label):
        own = {name: text[teach][label[teach] == name].tolist() for name in dict.fromkeys(labels)}
        found = read(TextModel.fit(own, reader), text[ask].tolist())
        hits += [said == meant for said, meant in zip(found, label[ask], strict=True) if meant != NEITHER]
    return float(np.mean(hits))


def measure(reader: CallReader) -> dict[str, dict[str, float]]:
    """Shares by what is read."""
    figures: dict[str, dict[str, float]] = {}
    for name, taught in (("objections", OBJECTIONS), ("intents", INTENTS)):
        model = TextModel.fit(taught, reader)
        asked = [(text, label) for label, several in SPOKEN[name].items() for text in several]
        found = read(model, [text for text, _ in asked])
        figures[name] = {
            "folds": right_of_folds(taught, reader),
            "market": float(np.mean([said == meant for said, (_, meant) in zip(found, asked, strict=True)])),
            "false alarms": float(np.mean([said != NEITHER for said in read(model, NEUTRAL)])),
        }
    return figures


def main() -> int:
    """Measure both readers, print the table, and end with one line of JSON."""
    figures: dict[str, Any] = {reader: measure(reader) for reader in get_args(CallReader)}
    print(f"{'':<24}{'right, folds':>14}{'right, market':>15}{'false alarms':>14}")
    for reader, found in figures.items():
        for name, row in found.items():
            print(f"{reader + ', ' + name:<24}{row['folds']:>14.0%}{row['market']:>15.0%}{row['false alarms']:>14.0%}")
    print(json.dumps({"benchmark": "calls", "figures": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
