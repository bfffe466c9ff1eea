"""ROUGE against values that `rouge-score` 0.1.2 gave, computed once and written down."""

from __future__ import annotations

import pytest

from bench.rouge import rouge, tokens

PAIRS = [
    ("The cat sat on the mat", "A cat was sitting on mats", 50.0, 0.0, 50.0),
    ("Experiments were replicated quickly", "They replicate the experiment, quickly!", 66.67, 0.0, 44.44),
    ("one two three four", "four three two one", 100.0, 0.0, 25.0),
]


@pytest.mark.parametrize(("reference", "candidate", "r1", "r2", "rl"), PAIRS)
def test_the_figures_are_those_of_the_package(reference: str, candidate: str, r1: float, r2: float, rl: float) -> None:
    found = rouge(reference, candidate)
    assert [round(found.r1, 2), round(found.r2, 2), round(found.rl, 2)] == [r1, r2, rl]


def test_precision_counts_by_what_was_shown_and_recall_by_what_was_wanted() -> None:
    found = rouge("alpha beta gamma delta", "alpha beta")
    assert (found.precision, found.recall) == (100.0, 50.0)


def test_a_word_shown_twice_is_wanted_once() -> None:
    assert rouge("alpha beta", "alpha alpha").r1 == 50.0


def test_nothing_shares_nothing() -> None:
    for one, other in (("", ""), ("a word", ""), ("", "a word"), ("... !", "?")):
        assert rouge(one, other).r1 == rouge(one, other).rl == 0.0


def test_words_are_letters_and_digits_and_short_ones_keep_their_ends() -> None:
    assert tokens("Its 3.5-inch CATS, was running!") == ["its", "3", "5", "inch", "cat", "was", "run"]
