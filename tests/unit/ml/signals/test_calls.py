"""Calls are read for what the customer says, by turns; what isn't clear is read as nothing."""

import json
import sys
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calls import NEUTRAL
from ml.entities import CallReader
from ml.signals import meaning
from ml.signals.calls import Reading, TextModel, customer_turns, read_calls
from ml.signals.meaning import vectors
from ml.signals.phrases import OBJECTIONS


def call(*turns: tuple[str, str]) -> str:
    return json.dumps([{"speaker": who, "text": text} for who, text in turns])


UNSEEN = {
    "price": (
        "I think this is a bit too much money for me",
        "fifty dollars? that is expensive",
        "haven't got the money at the moment",
    ),
    "timing": (
        "sorry, now is a bad moment",
        "I'm busy, could you try again next week",
        "give me a ring tomorrow instead",
    ),
    "trust": ("I don't really trust callers", "how did you come by my number", "this call is a fraud, isn't it"),
    "no_need": ("I already own one of those", "I don't really need it", "we have plenty of them"),
    "competitor": (
        "I buy from a different shop these days",
        "another store delivers faster",
        "I switched to some other company",
    ),
}


@pytest.mark.parametrize(("objection", "words"), [(name, text) for name, several in UNSEEN.items() for text in several])
def test_objections_in_words_that_taught_nothing_are_recognised(objection: str, words: str) -> None:
    said = call(("agent", "Hello, we have an offer."), ("customer", "Hello."), ("customer", words))
    assert read_calls([said])[0].objection == objection


def test_calls_are_read_by_what_their_sentences_mean_where_that_is_asked_for() -> None:
    asked = [(name, call(("customer", text))) for name, several in UNSEEN.items() for text in several]
    found = read_calls([said for _, said in asked], "sentences")
    right = sum(one.objection == name for one, (name, _) in zip(found, asked, strict=True))
    assert right >= 0.8 * len(asked)
    assert found != read_calls([said for _, said in asked])


@pytest.mark.parametrize("reader", get_args(CallReader))
def test_what_is_neither_for_nor_against_anything_is_seldom_read_as_an_objection(reader: CallReader) -> None:
    found = read_calls([call(("customer", text)) for text in NEUTRAL], reader)
    # Three in four before such talk was taught.
    assert sum(one.objection != "none" for one in found) <= 0.25 * len(NEUTRAL)
    assert sum(one.intent != "none" for one in found) <= 0.25 * len(NEUTRAL)


def test_a_reader_that_there_is_none_of_is_refused_by_the_name_of_its_setting() -> None:
    with pytest.raises(ValueError, match="WAYFINDER_CALL_READER is 'meaning': calls are read by words or sentences"):
        read_calls([call(("customer", "hello"))], "meaning")  # type: ignore[arg-type]


def test_a_long_sentence_costs_no_more_than_its_beginning() -> None:
    said = "far too dear for me " * 25
    assert (vectors([said[: meaning.MOST_LETTERS], said * 400])[0] == vectors([said * 400])[0]).all()


def test_by_their_meaning_more_sentences_are_understood_that_share_no_words_with_those_that_taught() -> None:
    taught = {name: several[::2] for name, several in OBJECTIONS.items()}
    asked = [(name, text) for name, several in OBJECTIONS.items() for text in several[1::2]]
    right = {}
    for reader in get_args(CallReader):
        model = TextModel.fit(taught, reader)
        found = model.chances([text for _, text in asked]).argmax(axis=1)
        right[reader] = sum(model.labels[at] == name for at, (name, _) in zip(found, asked, strict=True)) / len(asked)
    assert right["sentences"] > right["words"] + 0.1


def test_a_sentence_without_words_means_nothing_and_others_lie_one_from_the_middle() -> None:
    empty, said = vectors(["", "far too dear for me"])
    assert not empty.any()
    assert np.linalg.norm(said) == pytest.approx(1.0, abs=1e-5)


def test_without_the_package_the_error_names_the_extra_and_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wordllama", None)
    meaning._model.cache_clear()
    with pytest.raises(meaning.NoSentenceModelError, match=r"wayfinder\[sentences\].*WAYFINDER_CALL_READER"):
        vectors(["hello"])


def test_what_the_agent_says_is_no_objection_of_the_customer() -> None:
    said = call(("agent", "Is it too expensive for you?"), ("customer", "Good morning."), ("agent", "Is it a fraud?"))
    assert read_calls([said]) == [Reading("none", "none", pytest.approx(0.44, abs=0.4))]


def test_the_last_intent_counts_and_the_feeling_has_its_sign() -> None:
    glad = call(("customer", "Maybe, let me think."), ("customer", "Great, sign me up, I love it!"))
    angry = call(("customer", "Hello."), ("customer", "Stop calling me, this is horrible harassment!"))
    first, second = read_calls([glad, angry])
    assert (first.intent, second.intent) == ("accepts", "stop")
    assert first.sentiment > 0 > second.sentiment


@pytest.mark.parametrize(
    ("transcript", "turns"),
    [
        ('[{"speaker": "customer", "text": " hi "}, {"speaker": "Agent", "text": "a"}]', ["hi"]),
        ('{"transcript": [{"text": "no speaker"}]}', ["no speaker"]),
        ('{"transcript": "agent: a\\ncustomer: b"}', ["b"]),
        ("agent: hello\ncustomer: well, no: never\n\nand more", ["well, no: never", "and more"]),
        ("[1, null]", []),
        ("7", []),
        ("", []),
    ],
)
def test_turns_are_found_in_every_form_of_a_transcript(transcript: str, turns: list[str]) -> None:
    assert customer_turns(transcript) == turns


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_gets_a_reading(transcripts: list[str]) -> None:
    readings = read_calls(transcripts)
    assert len(readings) == len(transcripts)
    assert all(-1 <= reading.sentiment <= 1 for reading in readings)
