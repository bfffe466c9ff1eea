"""A corpus that holds passages of its benchmark is found out, whatever the case and punctuation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.profile.corpus import CorpusError
from cadence.factory.profile.leaks import find_leaks, parse_benchmark

ITEM = "Write a function that returns the sum of all even numbers in a given list of integers"
ITEMS = [(1, "Short one."), (2, ITEM)]


def test_thirteen_words_in_a_row_are_a_leak() -> None:
    inside = "# WRITE a function: that returns the sum -- of all even numbers, in a (given) list!"
    leaks = list(find_leaks(ITEMS, {"code": ["x = 1", inside]}))
    assert [(leak.item, leak.domain, leak.document) for leak in leaks] == [(2, "code", 2)]
    assert leaks[0].words == "write a function that returns the sum of all even numbers in a"


def test_twelve_words_in_a_row_are_not() -> None:
    assert list(find_leaks(ITEMS, {"code": ["Write a function that returns the sum of all even numbers in."]})) == []


def test_a_short_item_leaks_only_whole() -> None:
    items = [(1, "How many eggs remain in the basket?"), (2, "Yes, exactly so.")]
    texts = ["and how many eggs remain in the basket now", "how many eggs remain in the bag", "yes exactly so"]
    assert [leak.document for leak in find_leaks(items, {"math": texts})] == [1]


def test_a_document_is_named_once() -> None:
    assert len(list(find_leaks(ITEMS, {"code": [ITEM + " " + ITEM]}))) == 1


@given(st.lists(st.sampled_from("abcdef"), max_size=60), st.integers(0, 40))
def test_every_passage_of_thirteen_words_is_found_wherever_it_lies(words: list[str], start: int) -> None:
    item = [f"w{number}" for number in range(30)]
    passage = item[start % 17 :][:13]
    text = [*words[:start], *passage, *words[start:]]
    assert len(list(find_leaks([(1, " ".join(item))], {"a": [" ".join(text)]}))) == 1
    assert list(find_leaks([(1, " ".join(item))], {"a": [" ".join(words)]})) == []


def test_a_benchmark_is_all_strings_of_its_lines() -> None:
    data = b'{"prompt": "p", "tests": ["a", {"x": "b"}], "n": 1}\n\nplain words\n"quoted"\n'
    assert parse_benchmark("b.jsonl", data) == [(1, "p"), (1, "a"), (1, "b"), (3, "plain words"), (4, "quoted")]
    with pytest.raises(CorpusError, match="b.jsonl has no text"):
        parse_benchmark("b.jsonl", b"\n{}\n")
