from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cadence.personas.formats.pieces import TEXT_BYTES_MAX, split_text
from cadence.personas.script import frame_bytes
from cadence.rooms.wire import FRAME_BYTES_MAX


def test_the_largest_text_fits_one_frame() -> None:
    assert frame_bytes("x" * TEXT_BYTES_MAX) == FRAME_BYTES_MAX


def test_a_text_is_cut_as_coarsely_as_it_can_be() -> None:
    assert split_text("Short. Text.", 100) == ["Short. Text."]
    assert split_text("One two. Three four. Five.", 22) == ["One two. Three four. ", "Five."]
    assert split_text("aaa bbb ccc", 8) == ["aaa bbb ", "ccc"]
    assert split_text("aaaaaaaaaa", 4) == ["aaaa", "aaaa", "aa"]
    assert split_text('""""', 4) == ['""', '""'], "as it stands in JSON"


def test_a_huge_word_is_cut_in_a_moment() -> None:
    assert [len(piece) for piece in split_text("x" * 150_000, TEXT_BYTES_MAX)][0] == TEXT_BYTES_MAX


@given(st.text(alphabet=st.sampled_from("ab .\n!é\"'"), max_size=120) | st.text(max_size=60), st.integers(12, 40))
def test_pieces_fit_and_join_to_the_whole(text: str, bytes_max: int) -> None:
    pieces = split_text(text, bytes_max)
    assert "".join(pieces) == text
    assert all(len(msgspec.json.encode(piece)) - 2 <= bytes_max for piece in pieces)
    assert len(pieces) == 1 or all(pieces)
