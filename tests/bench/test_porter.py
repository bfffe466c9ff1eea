"""Stems that NLTK 3.9 gave, rule by rule."""

from __future__ import annotations

import pytest

from bench.porter import stem

STEMS = {
    "they": "they", "always": "alway", "trying": "tri", "ties": "tie", "tied": "tie", "died": "die", "used": "use",
    "flies": "fli", "caresses": "caress", "agreed": "agre", "feed": "feed", "plastered": "plaster", "sing": "sing",
    "conflated": "conflat", "hopping": "hop", "falling": "fall", "filing": "file", "happy": "happi", "enjoy": "enjoy",
    "relational": "relat", "conditional": "condit", "vietnamization": "vietnam", "hopefully": "hope",
    "technology": "technolog", "internationally": "intern", "triplicate": "triplic", "goodness": "good",
    "revival": "reviv", "adoption": "adopt", "million": "million", "controlling": "control", "rate": "rate",
    "cease": "ceas", "probate": "probat", "news": "news", "proceed": "proceed", "dying": "die", "is": "is",
}  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), STEMS.items())
def test_words_have_the_stems_of_the_package(word: str, expected: str) -> None:
    assert stem(word) == expected
