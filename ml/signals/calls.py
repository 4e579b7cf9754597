"""Reads calls: what the customer wants, how they feel about it, and what they have against it.

A text model (multinomial logistic regression) reads each of the customer's turns, by the words themselves (TF-IDF over words and
word pairs and over letters within words) or by what they mean (`ml.signals.meaning`, an extra); a rule-based lexicon (Hutto
and Gilbert, "VADER", ICWSM 2014) reads their feeling. Nothing of the words is kept, only what was read.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_args

import numpy as np

from ml.entities import CallReader
from ml.signals.phrases import INTENTS, NEITHER, OBJECTIONS

LEAST_CHANCE: Final = 0.35
"""Below it a turn is like nothing known, and is read as nothing: a wrong objection misleads the next offer."""


@dataclass(frozen=True)
class Reading:
    """What a call tells.

    Attributes:
        intent: `accepts`, `considers`, `declines`, `call_back`, `stop` or `none`: of the last turn that has one.
        objection: `price`, `timing`, `trust`, `no_need`, `competitor` or `none`: the clearest of the call.
        sentiment: From -1 (angry) to 1 (pleased), mean of the customer's turns; 0 where they say nothing.
    """

    intent: str
    objection: str
    sentiment: float


@dataclass(frozen=True)
class TextModel:
    """Sentences to what they mean."""

    pipeline: Any
    labels: tuple[str, ...]

    @classmethod
    def fit(cls, sentences: Mapping[str, Sequence[str]], reader: CallReader = "words") -> "TextModel":
        """Learns from sentences by label.

        Args:
            sentences: At least two labels with a sentence each.
            reader: What they are told apart by.

        Raises:
            NoSentenceModelError: `sentences` without the package for it.
            ValueError: There is no such reader.
        """
        if reader not in get_args(CallReader):
            raise ValueError(
                f"WAYFINDER_CALL_READER is {reader!r}: calls are read by {' or '.join(get_args(CallReader))}"
            )
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - a second of import, and not every day has calls
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415

        line = LogisticRegression(C=20.0, max_iter=500, class_weight="balanced")
        model = make_pipeline(_words() if reader == "words" else _meaning(), line)
        texts = [(text, label) for label, several in sentences.items() for text in several]
        model.fit([text for text, _ in texts], [label for _, label in texts])
        return cls(model, tuple(map(str, model.classes_)))

    def chances(self, sentences: Sequence[str]) -> np.ndarray:
        """Chance of each label, float64 [len(sentences), len(labels)]."""
        if not sentences:
            return np.zeros((0, len(self.labels)))
        return np.asarray(self.pipeline.predict_proba(list(sentences)), dtype=np.float64)

    def read(self, chances: np.ndarray) -> list[str]:
        """The clearest label by each row of `chances`; `none` where it is like nothing known."""
        return [self.labels[row.argmax()] if row.max() >= LEAST_CHANCE else NEITHER for row in chances]


def _words() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.pipeline import make_union  # noqa: PLC0415

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode")
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, strip_accents="unicode")
    return make_union(words, letters)


def _meaning() -> Any:
    from sklearn.preprocessing import FunctionTransformer  # noqa: PLC0415

    from ml.signals.meaning import vectors  # noqa: PLC0415 - an extra

    return FunctionTransformer(vectors)


@cache
def _models(reader: CallReader) -> tuple[TextModel, TextModel]:
    return TextModel.fit(INTENTS, reader), TextModel.fit(OBJECTIONS, reader)


@cache
def _lexicon() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # noqa: PLC0415 - reads its lexicon

    return SentimentIntensityAnalyzer()


def customer_turns(transcript: str) -> list[str]:
    """What the customer says in a transcript.

    Args:
        transcript: JSON turns (`[{"speaker": "customer", "text": "..."}, ...]`, or such a list under `transcript`), or plain
            text: lines, those of other speakers marked `agent:`.

    Returns:
        The texts in their order; empty where nobody but the agent speaks.
    """
    try:
        said = json.loads(transcript)
    except ValueError:
        return _spoken_lines(transcript)
    if isinstance(said, dict):
        said = said.get("transcript", [])
    if isinstance(said, str):
        return _spoken_lines(said)
    turns = [turn for turn in said if isinstance(turn, dict)] if isinstance(said, list) else []
    return [
        str(turn.get("text", "")).strip() for turn in turns if str(turn.get("speaker", "customer")).lower() != "agent"
    ]


def _spoken_lines(text: str) -> list[str]:
    found = []
    for line in text.splitlines():
        speaker, mark, words = line.partition(":")
        is_marked = bool(mark) and len(speaker.split()) == 1
        if not (is_marked and speaker.strip().lower() in {"agent", "rep", "representative", "system"}):
            found.append(words.strip() if is_marked else line.strip())
    return [line for line in found if line]


def read_calls(transcripts: Iterable[str], reader: CallReader = "words") -> list[Reading]:
    """Reads each transcript.

    Args:
        transcripts: As `customer_turns` takes them.
        reader: What the customer's turns are told apart by.

    Returns:
        A reading each, in their order.

    Raises:
        NoSentenceModelError: `sentences` without the package for it.
    """
    calls = [customer_turns(each) for each in transcripts]
    turns = [turn for call in calls for turn in call]
    if not turns:
        return [Reading(NEITHER, NEITHER, 0.0) for _ in calls]
    models = _models(reader)
    intents, objections = (model.chances(turns) for model in models)
    feeling = np.array([_lexicon().polarity_scores(turn)["compound"] for turn in turns])
    ends = np.cumsum([len(call) for call in calls])
    return [
        _reading(
            intents[end - len(call) : end], objections[end - len(call) : end], feeling[end - len(call) : end], models
        )
        for call, end in zip(calls, ends, strict=True)
    ]


def _reading(
    intents: np.ndarray, objections: np.ndarray, feeling: np.ndarray, models: tuple[TextModel, TextModel]
) -> Reading:
    of_intents, of_objection = models[0], models[1].labels
    if not len(feeling):
        return Reading(NEITHER, NEITHER, 0.0)
    meant = [name for name in of_intents.read(intents) if name != NEITHER]
    against = objections.copy()
    against[:, of_objection.index(NEITHER)] = 0.0
    against[objections.argmax(axis=1) == of_objection.index(NEITHER)] = 0.0
    turn, label = np.unravel_index(against.argmax(), against.shape)
    objection = of_objection[label] if against[turn, label] >= LEAST_CHANCE else NEITHER
    return Reading(meant[-1] if meant else NEITHER, objection, round(float(feeling.mean()), 4))
