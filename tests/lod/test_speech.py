"""Cleaning of speech: what goes, what must stay, and that only words are dropped."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cadence.lod.speech import clean_spoken
from cadence.lod.words import WORD

SPEECH = st.lists(
    st.sampled_from(
        "i I think you know , . ? - -- um Uh {vocalsound} {disfmarker} [laughter] the The th- th w we We no No not very"
        " don't can can't like mean a an and so {a{b}} five 5 - ... ! ;, um. uh, --- 'cause l l_c_d".split()
    ),
    max_size=40,
).map(" ".join)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("So um I think uh we wait .", "So I think we wait."),
        ("{vocalsound} That is {disfmarker} that is great .", "That is great."),
        ("I I I think I think so .", "I think so."),
        ("on a {disfmarker} on a {disfmarker} on a different sidetrack .", "on a different sidetrack."),
        ("I th I think it flips .", "I think it flips."),
        ("th- this one , w we take", "this one, we take"),
        ("the queue , the queue is full .", "the queue is full."),
        ("Arrangements . [Inaudible.] But later .", "Arrangements. But later."),
        ("So , you know , it works .", "So, it works."),
        ("It was , like , ten .", "It was, ten."),
        ("Um .", ""),
        ("Mm - hmm .", ""),
        ("{vocalsound} {gap}", ""),
        ("", ""),
        ("I waited um . Then I left .", "I waited. Then I left."),
        ("front - end", "front - end"),
    ],
)
def test_takes_out_the_noises_of_speaking(said: str, clean: str) -> None:
    assert clean_spoken(said) == clean


@pytest.mark.parametrize(
    "said",
    [
        "No, no, no.",
        "Yes.",
        "Yeah.",
        "But no.",
        "I think it's five frames.",
        "It is very very good.",
        "I am not really sure.",
        "five five two two",
        "1 1 2",
        "you know what I mean",
        "I like it.",
        "the man who can and the man who cannot",
        "we have to go to Google",
        "plan B because we must",
        "Cardiff and Newport—September.",
    ],
)
def test_keeps_hedges_emphasis_negations_numbers_and_answers(said: str) -> None:
    assert clean_spoken(said) == said


def test_a_text_with_a_fence_is_not_speech() -> None:
    text = "um um\n```py\nx  =  1\n```"
    assert clean_spoken(text) == text


def is_subsequence(words: list[str], of: list[str]) -> bool:
    rest = iter(of)
    return all(word in rest for word in words)


@given(SPEECH | ANY_TEXT)
@example("{a{b}} um")
@settings(max_examples=400)
def test_the_words_left_are_a_subsequence_of_the_words_said(said: str) -> None:
    assert is_subsequence(WORD.findall(clean_spoken(said)), WORD.findall(said))


@given(SPEECH | ANY_TEXT)
@example("{a{b}c}")
@example("I think I th I think I think")
@settings(max_examples=400)
def test_cleaning_twice_changes_nothing_more(said: str) -> None:
    once = clean_spoken(said)
    assert clean_spoken(once) == once


@given(SPEECH)
@settings(max_examples=400)
def test_what_turns_the_sense_around_never_disappears(said: str) -> None:
    before, after = (set(WORD.findall(text.casefold())) for text in (said, clean_spoken(said)))
    turning = {"no", "not", "don't", "can't", "very", "five", "5", "think"}
    assert before & turning == after & turning
