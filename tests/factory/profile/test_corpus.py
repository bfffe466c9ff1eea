"""A corpus is the one that was pinned, and every one of its tokens is counted once."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.factory.profile.corpus import CorpusError, cut, parse_corpus

LINES = [
    {"text": "def f(): pass", "domain": "code"},
    {"content": "It rained."},
    {"text": "  "},
    {"text": "x = 1", "domain": "code"},
]
DATA = b"\n\n".join(json.dumps(line).encode() for line in LINES) + b"\n"
SHA256 = hashlib.sha256(DATA).hexdigest()


def test_documents_are_kept_by_domain_and_empty_ones_skipped() -> None:
    corpus = parse_corpus("c.jsonl", DATA, SHA256.upper())
    assert corpus.documents == {"code": ("def f(): pass", "x = 1"), "text": ("It rained.",)}
    assert (corpus.examples, corpus.sha256) == (3, SHA256)


def test_a_corpus_without_a_pin_is_refused_and_the_pin_told() -> None:
    with pytest.raises(CorpusError, match=f"c.jsonl is not pinned.*--sha256 {SHA256}"):
        parse_corpus("c.jsonl", DATA, None)


def test_another_text_than_the_pinned_one_is_refused() -> None:
    with pytest.raises(CorpusError, match=f"has sha256 {hashlib.sha256(DATA + b'x').hexdigest()}, expected {SHA256}"):
        parse_corpus("c.jsonl", DATA + b"x", SHA256)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "line 2: expected one JSON object"),
        (b"[" * 100_000, "line 2: expected one JSON object"),
        (b'"text"', "line 2: expected a field text or content"),
        (b'{"text": 1}', "line 2: expected a field text or content"),
        (b'{"text": "a", "domain": 7}', "line 2: a domain has 1 to 40 characters, not '7'"),
        (b'{"text": "a", "domain": "\\u001b[2J"}', "line 2: a domain has"),
        (b"\xff\xfe", "line 2: expected one JSON object"),
    ],
)
def test_a_line_that_is_no_document_is_named(line: bytes, sentence: str) -> None:
    data = b'{"text": "a"}\n' + line
    with pytest.raises(CorpusError, match=sentence):
        parse_corpus("c.jsonl", data, hashlib.sha256(data).hexdigest())


def test_a_corpus_without_text_is_refused() -> None:
    with pytest.raises(CorpusError, match="has no text"):
        parse_corpus("c.jsonl", b"\n", hashlib.sha256(b"\n").hexdigest())


def test_documents_lie_end_to_end_and_are_cut_by_domain() -> None:
    done = cut({"prose": [[7, 8]], "code": [[1, 2, 3], [4]]}, 4, end_mark=9)
    assert done.domains == ("code", "prose")
    assert done.ids.tolist() == [[1, 2, 3, 9], [4, 9, 0, 0], [7, 8, 9, 0]]
    assert done.mix == {"code": 6, "prose": 3}
    assert done.token_domains(1, 3).tolist() == [[0, 0, -1, -1], [1, 1, 1, -1]]
    assert done.batches(2) == 2


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.lists(st.lists(st.integers(1, 9), min_size=1), min_size=1), min_size=1
    ),
    st.integers(1, 7),
)
def test_no_token_is_lost_and_no_padding_counted(documents: dict[str, list[list[int]]], length: int) -> None:
    done = cut(documents, length, None)
    domains = done.token_domains(0, len(done.ids))
    for number, domain in enumerate(done.domains):
        assert done.ids[domains == number].tolist() == sum(documents[domain], [])
    assert done.mix == {domain: len(sum(texts, [])) for domain, texts in documents.items()}
    assert np.all(done.ids[domains < 0] == 0)


def test_nothing_to_cut_is_an_error() -> None:
    with pytest.raises(CorpusError, match="no tokens"):
        cut({"a": [[]]}, 4, None)
    with pytest.raises(CorpusError, match="at least one token"):
        cut({"a": [[1]]}, 0, None)
