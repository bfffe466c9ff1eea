"""Keys: one slot for each room, whatever it is called."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.log.redis.keys import HOUSE, pair, prefix, unpair

TAG = re.compile(r"\{([^}]*)\}")
TEXT = st.text(st.characters(codec="utf-8"))


@given(TEXT, TEXT)
def test_every_room_has_one_tag_of_its_own(one: str, other: str) -> None:
    tags = [TAG.findall(prefix(room) + "feed{x}") for room in (one, other)]
    assert all(tag[0] for tag in tags), "an empty tag is no tag"
    assert (prefix(one) == prefix(other)) == (one == other)
    assert (tags[0][0] == tags[1][0]) == (one == other)
    assert prefix(one) != HOUSE


@given(TEXT, TEXT)
def test_a_pair_comes_apart_as_it_was(one: str, other: str) -> None:
    assert unpair(pair(one, other)) == (one, other)


def test_no_two_pairs_look_alike() -> None:
    assert pair("a", "b:c") != pair("a:b", "c") and pair("1", ":x") != pair("1:", "x")


def test_half_a_surrogate_is_no_room() -> None:
    with pytest.raises(UnicodeEncodeError):
        prefix("\ud800")
