"""The laws on what hypothesis and a blind editor make of sealed alloys. For hours: `python -m bench.fuzz_alloys`."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factory.alloy.laws import hold, seeds

PIECES = [
    *(bytes([one]) for one in b'"\\{}[],:'),
    *(b"null", b"1e999", b"NaN", b"-0", b"9007199254740993", b"\\ud800", b"\xff", b"\xef\xbb\xbf"),
    *(b'"__proto__":1,', b'"link":{},', b'"signatures":[],', b'"stages":null,'),
]


def spoiled(chance: random.Random) -> bytes:
    """A sealed alloy with a few bytes replaced, removed, doubled or put in."""
    data = bytearray(chance.choice(seeds()))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        to = min(len(data), at + chance.choice((1, 1, 1, 4, 40)))
        change = chance.choice((b"", bytes(data[at:to]) * 2, bytes([chance.randrange(256)]), chance.choice(PIECES)))
        data[at:to] = change
    return bytes(data)


def test_the_seeds_hold() -> None:
    assert {hold(seed) for seed in seeds()} == {"holds"}


def test_spoiled_bytes_never_break_a_law() -> None:
    chance = random.Random(8259)
    became = Counter(hold(spoiled(chance)) for _ in range(400))
    assert became["refused"] > 50 and became["fails"] > 50, became


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_bytes_out_of_nowhere_never_break_a_law(data: bytes) -> None:
    hold(data)


def test_a_law_that_is_broken_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.factory.alloy.laws.authentic", frozenset)
    with pytest.raises(AssertionError, match="nobody signed"):
        hold(seeds()[0])
