"""Answers are quotes about what was asked, within the words, and nothing where nobody spoke of it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from cadence.lod.retrieval import relevance, retrieve
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse

WORDS = 40.0


def talk(*said: tuple[str, str]) -> list[Unit]:
    return [
        unit
        for seq, (speaker, text) in enumerate(said, 1)
        for unit in parse(Source(seq, speaker, 3.0 * seq, text)).units
    ]


def learned(units: list[Unit]) -> Background:
    background = Background()
    for unit in units:
        background.add(unit.terms)
    return background


SMALL_TALK = [("bob", f"Lunch number {i} was soup with bread and cheese again.") for i in range(60)]
ABOUT_THE_PUMP = [
    ("ada", "The pump failed at noon because its seal was worn."),
    ("cleo", "We ordered a new seal from the supplier in Ghent."),
    ("ada", "It arrives on Friday and takes an hour to fit."),
]
MEETING = talk(*SMALL_TALK[:30], *ABOUT_THE_PUMP, *SMALL_TALK[30:])


def answer(units: list[Unit], question: str, words: float = WORDS, names: dict[str, str] | None = None) -> list[str]:
    return [units[i].text for i in retrieve(units, question, words, learned(units), names=names)]


def test_an_answer_is_what_was_said_about_it() -> None:
    assert answer(MEETING, "Why did the pump fail?", 10) == ["The pump failed at noon because its seal was worn."]


def test_what_is_said_next_to_a_match_is_about_it_too() -> None:
    about = relevance(MEETING, "Why did the pump fail?", learned(MEETING))
    friday = next(i for i, unit in enumerate(MEETING) if "Friday" in unit.text)
    assert about.argmax() == 30
    assert about[friday] > 0.5 > about[0]


def test_a_question_about_nothing_that_was_said_has_no_answer() -> None:
    assert answer(MEETING, "What about the election?") == []
    assert answer(MEETING, "???") == []
    assert retrieve([], "What about the pump?", WORDS, Background()) == ()


def test_who_is_asked_about_by_name_comes_first() -> None:
    said = [("u1", "The budget is far too small for the pump."), ("u2", "The budget is large enough for the pump.")]
    units = talk(*SMALL_TALK[:20], *said, *SMALL_TALK[20:40])
    names = {"u1": "Ada Lovelace", "u2": "Cleo"}
    assert answer(units, "What does Lovelace think of the budget?", 10, names) == [said[0][1]]
    assert answer(units, "What does Cleo think of the budget?", 10, names) == [said[1][1]]


def test_a_name_alone_is_a_question_too() -> None:
    assert answer(MEETING, "What did ada say?", 10)[0] in [text for speaker, text in ABOUT_THE_PUMP if speaker == "ada"]


def test_vectors_find_what_other_words_say() -> None:
    """A question that shares no word is answered by the unit whose vector is nearest."""
    vectors = np.zeros((len(MEETING), 4), dtype=np.float32)
    vectors[:, 0] = 1.0
    vectors[30:33] = (0.0, 1.0, 0.0, 0.0)
    asked = np.array([0.0, 1.0, 0.0, 0.0], dtype=np.float32)
    chosen = retrieve(MEETING, "Defective machinery?", WORDS, learned(MEETING), vectors=vectors, asked=asked)
    assert set(chosen) >= {30, 31, 32}


@pytest.mark.parametrize("words", [10, 40, 120, 400])
def test_an_answer_never_overdraws(words: int) -> None:
    chosen = retrieve(MEETING, "Tell me about the pump, the seal and the soup.", words, learned(MEETING))
    assert chosen
    assert sum(MEETING[i].n for i in chosen) <= words


def test_relevance_is_between_none_and_one_for_any_question() -> None:
    chance = random.Random(3)
    words = "pump seal soup bread ada bob cleo friday über 中文 ?? the".split()
    for _ in range(200):
        question = " ".join(chance.choices(words, k=chance.randrange(8)))
        about = relevance(MEETING, question, learned(MEETING))
        assert about.shape == (len(MEETING),)
        assert np.isfinite(about).all()
        assert 0.0 <= about.min() <= about.max() <= 1.0
