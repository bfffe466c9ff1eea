"""The protocol's word, by a table made by hand; and atoms, which may be cut anywhere between each other."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cadence.lod.words import CHARACTERS_PER_WORD_MAX, atoms, count_words

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)
SCRIPTS = st.text(st.sampled_from("ab1 .-_'’日本カー한ไทया،é\u0301👍\n"), max_size=120)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        (" \n\t", 0),
        ("hello", 1),
        ("two words", 2),
        ("don't stop", 2),
        ("don’t stop", 2),
        ("well-known re-use", 2),
        ("snake_case v1.2.3 example.org", 3),
        ("a--b", 2),
        ("-a- 'b' _c_ d.", 4),
        ("3.14 and 1,000", 4),
        ("C++ is fine :-)", 3),
        ("mother-in-law's", 1),
        ("naïve cafe\u0301", 2),
        ("Straße über Öl", 3),
        ("Привет, как дела?", 3),
        ("مرحبا بالعالم", 2),
        ("नमस्ते दुनिया", 2),
        ("안녕하세요 여러분", 2),
        ("日本", 1),
        ("日本語", 2),
        ("日本語を話します。", 4),
        ("日 本", 2),
        ("コーヒー", 2),
        ("我们用Kafka做队列", 1 + 1 + 1 + 2 - 1 + 1),
        ("...", 1),
        ("👍", 1),
        ("a" * 30, 1),
        ("a" * 31, 2),
        ("a" * 300, 10),
        ("👍" * 61, 3),
        ("สวัสดีชาวโลกวันนี้อากาศดีมากเลยนะครับ", 2),
        ("٣ ٤ ٥", 3),
        ("½ ²", 1),
        ("二〇二六年", 3),
        ("ｶﾞｯｺｳ", 3),
        ("カ\u3099ッコウ", 3),
        ("⺀", 1),
        ("本 ⺀", 1),
        ("\ud800", 1),
    ],
)
def test_counts_words_as_the_protocol_says(text: str, words: int) -> None:
    assert count_words(text) == words


def test_plain_and_other_text_are_counted_alike() -> None:
    plain = "We can't re-use v1.2 of snake_case, -- 'really' a--b ..x"
    assert count_words(plain + " é") == count_words(plain) + 1


@given(ANY_TEXT | SCRIPTS)
def test_every_thirty_visible_characters_cost_a_word(text: str) -> None:
    visible = len("".join(text.split()))
    assert count_words(text) >= visible / CHARACTERS_PER_WORD_MAX
    assert (count_words(text) == 0) == (visible == 0)


@given(SCRIPTS, SCRIPTS)
def test_joining_texts_never_costs_more_than_its_pieces(first: str, second: str) -> None:
    assert count_words(f"{first} {second}") <= count_words(first) + count_words(second)
    assert count_words(first + second) <= count_words(first) + count_words(second)


@given(ANY_TEXT | SCRIPTS)
@example("日" * 99 + "a" * 99)
def test_atoms_hold_all_that_is_visible_in_order_and_are_short(text: str) -> None:
    at = 0
    for atom in atoms(text, 0, len(text)):
        assert text[at : atom.start].strip() == ""
        assert 0 < atom.end - atom.start <= CHARACTERS_PER_WORD_MAX
        assert atom.words in (0, 1)
        at = atom.end
    assert text[at:].strip() == ""


@given(SCRIPTS, st.data())
def test_a_run_of_atoms_counts_no_more_than_their_sum_or_their_length(text: str, data: st.DataObject) -> None:
    pieces = list(atoms(text, 0, len(text)))
    if not pieces:
        return
    first = data.draw(st.integers(0, len(pieces) - 1))
    last = data.draw(st.integers(first, len(pieces) - 1))
    run = pieces[first : last + 1]
    characters = sum(atom.end - atom.start for atom in run)
    most = max(sum(atom.words for atom in run), -(-characters // CHARACTERS_PER_WORD_MAX))
    assert count_words(text[run[0].start : run[-1].end]) <= most
