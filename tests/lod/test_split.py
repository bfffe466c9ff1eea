"""Clauses: where prose is cut, and that nothing is lost or too long."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cadence.lod.split import SEGMENT_CHARACTERS_MAX, UNIT_WORDS_MAX, UNIT_WORDS_SOFT, clauses
from cadence.lod.words import count_words

WORDY = st.lists(
    st.sampled_from(
        "a word, and; but — because. Yes! no? \n \n\n - # > | 日本語 は、 。 ... ) ( ' 👍 \ud800 aaaaaaaa".split(" ")
    ),
    max_size=120,
).map(" ".join)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=400)


def cut(text: str) -> list[str]:
    return [text[clause.start : clause.end] for clause in clauses(text, 0, len(text), "en")]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        (" \n ", []),
        ("Hello there.", ["Hello there."]),
        (
            "We keep the ledger in one place. The queue loses the order.",
            ["We keep the ledger in one place.", "The queue loses the order."],
        ),
        ("Yes. We keep it in one place.", ["Yes. We keep it in one place."]),
        ("We keep it in one place, right? Yes.", ["We keep it in one place, right? Yes."]),
        ("Dr. Smith paid 3.50 to e.g. Mr. Jones today.", ["Dr. Smith paid 3.50 to e.g. Mr. Jones today."]),
        (
            "Plan:\n- keep the old ledger for a week\n- move the readers over",
            ["Plan:", "- keep the old ledger for a week", "- move the readers over"],
        ),
        ("# A title\nSome text that follows the title.", ["# A title", "Some text that follows the title."]),
        ("The first line ends here.\n\n---\n", ["The first line ends here.\n\n---"]),
        ("...", ["..."]),
        ("一二三四五。六七八九十。", ["一二三四五。六七八九十。"]),
    ],
)
def test_cuts_at_sentences_and_lines_but_leaves_no_scraps(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces


def test_a_long_sentence_is_cut_at_a_clause_near_even_shares() -> None:
    text = (
        "We measured the replication lag between the two sites for a week in March, and on every single night it stayed"
        " below five seconds, because the nightly backup had been moved to the other site."
    )
    assert cut(text) == [
        "We measured the replication lag between the two sites for a week in March,",
        "and on every single night it stayed below five seconds, because the nightly backup had been moved to the"
        " other site.",
    ]


def test_a_sentence_without_any_clause_is_cut_only_at_the_hard_limit() -> None:
    assert [count_words(piece) for piece in cut(" ".join(["word"] * 39))] == [39]
    pieces = [count_words(piece) for piece in cut(" ".join(["word"] * 100))]
    assert sum(pieces) == 100
    assert max(pieces) <= UNIT_WORDS_MAX
    assert min(pieces) >= 6


def test_punctuation_stays_with_the_word_before_it() -> None:
    text = " ".join(["word , and"] * 40)
    assert not any(piece.startswith(",") for piece in cut(text))


def test_a_text_without_spaces_is_cut_too() -> None:
    for text in ("a" * 5_000, "日" * 5_000, "👍" * 5_000, "ก" * 5_000, "a," * 2_500, "`" * 5_000):
        pieces = cut(text)
        assert "".join(pieces) == text
        assert all(1 <= count_words(piece) <= UNIT_WORDS_MAX for piece in pieces)


def test_offsets_count_from_the_beginning_of_the_text() -> None:
    text = "skipped | We keep it here. Then we move on."
    (only, then) = clauses(text, 10, len(text), "en")
    assert text[only.start : only.end] == "We keep it here."
    assert text[then.start : then.end] == "Then we move on."


@given(WORDY | ANY_TEXT)
@example("word " * (SEGMENT_CHARACTERS_MAX // 2))
@example("`a\n" * SEGMENT_CHARACTERS_MAX)
@settings(max_examples=300)
def test_every_visible_character_lies_in_exactly_one_clause(text: str) -> None:
    at = 0
    for clause in clauses(text, 0, len(text), "en"):
        assert text[at : clause.start].strip() == ""
        piece = text[clause.start : clause.end]
        assert piece == piece.strip() != ""
        assert clause.words == count_words(piece)
        assert 1 <= clause.words <= UNIT_WORDS_MAX
        at = clause.end
    assert text[at:].strip() == ""


@given(st.lists(st.integers(1, 6), min_size=1, max_size=60))
def test_where_there_are_clauses_the_soft_limit_is_kept(lengths: list[int]) -> None:
    text = ", ".join(" ".join(["word"] * length) for length in lengths)
    assert all(count_words(piece) <= UNIT_WORDS_SOFT for piece in cut(text))
