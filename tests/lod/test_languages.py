"""A guess of the language by script and everyday words, and what hangs on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.lod.languages import PLAIN, everyday, guess_language, language_code, stemmer_name


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("english", "We should keep the ledger in one place."),
        ("english", "merge conflict again"),
        ("english", ""),
        ("german", "Ich denke, das geht so nicht, weil die Warteschlange voll ist."),
        ("french", "Je pense que la file d’attente est pleine et nous devons attendre."),
        ("spanish", "que es eso de la cola"),
        ("italian", "Penso che la coda sia piena e dobbiamo aspettare."),
        ("portuguese", "Acho que a fila está cheia e temos que esperar por isso."),
        ("dutch", "Ik denk dat de wachtrij vol is en we moeten wachten."),
        ("swedish", "Jag tror att kön är full och vi måste vänta."),
        ("polish", "Myślę, że kolejka jest pełna i musimy czekać."),
        ("russian", "Я думаю, что очередь Kafka полна, и нам нужно ждать."),
        ("greek", "Νομίζω ότι η ουρά είναι γεμάτη."),
        ("arabic", "أعتقد أن قائمة الانتظار ممتلئة."),
        ("hindi", "मुझे लगता है कि कतार भरी हुई है।"),
        (PLAIN, "我认为队列已满。"),
        (PLAIN, "대기열이 가득 찬 것 같아요."),
        (PLAIN, "👍"),
    ],
)
def test_guesses_the_language(language: str, text: str) -> None:
    assert guess_language(text) == language


def test_one_foreign_word_does_not_change_the_language() -> None:
    assert guess_language("The Weltanschauung und of it is there") == "english"


def test_every_guess_has_a_code_and_perhaps_a_stemmer() -> None:
    assert (language_code("german"), stemmer_name("german")) == ("de", "german")
    assert (language_code("ukrainian"), stemmer_name("ukrainian")) == ("uk", None)
    assert (language_code(PLAIN), stemmer_name(PLAIN)) == ("en", None)


def test_everyday_words_are_those_that_carry_no_content() -> None:
    assert {"the", "and"} <= everyday("english")
    assert "ledger" not in everyday("english")
    assert {"und", "nicht"} <= everyday("german")


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_any_text_has_a_guess_that_the_rest_understands(text: str) -> None:
    language = guess_language(text)
    assert language_code(language)
    assert language == PLAIN or everyday(language)
