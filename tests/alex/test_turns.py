from __future__ import annotations

import hashlib

from cadence.alex.transcript import Entry
from cadence.alex.turns import GAP, Pick, quoted, segment_words, spliced, whole_message
from cadence.lod.units import count_words
from tests.alex.talk import code, entry

THREE = "The first node is slow. The second node is fast and cheap. The third node is on fire."
LONG = "\n".join(f"row_{line} = {line}" for line in range(20))


def picks(entry_: Entry, *indices: int) -> list[Pick]:
    return [Pick(entry_, entry_.parsed.units[index], 0.5) for index in indices]


def test_neighbouring_units_of_one_message_are_cut_as_one_slice() -> None:
    said = entry(1, THREE)
    (segment,) = quoted(picks(said, 0, 1))
    assert segment.text == "The first node is slow. The second node is fast and cheap."
    assert (segment.kind, segment.speakers, segment.sources) == ("quote", ("vera",), (1,))


def test_pieces_that_do_not_touch_are_joined_by_an_ellipsis() -> None:
    (segment,) = quoted(picks(entry(1, THREE), 0, 2))
    assert segment.text.split(GAP) == ["The first node is slow.", "The third node is on fire."]


def test_messages_of_one_speaker_in_a_row_share_a_quote() -> None:
    first, second = entry(1, "One thing is sure."), entry(2, "Another thing is not.")
    (segment,) = quoted(picks(second, 0) + picks(first, 0))
    assert segment.text == "One thing is sure. … Another thing is not."
    assert segment.sources == (1, 2)


def test_an_ellipsis_of_the_speaker_s_own_is_not_taken_for_a_gap() -> None:
    first, second = entry(1, "So it goes on, …"), entry(2, "… and on it goes.")
    (segment,) = quoted(picks(first, 0) + picks(second, 0))
    assert segment.text.split(GAP) == ["So it goes on,", "and on it goes."]
    for pieces in (["a … b", "c"], ["…", "a"], ["a", "…"], ["a … …", "… … b"], ["a…", "…b"], ["a …"], ["… …", "… …"]):
        found = spliced(pieces).split(GAP)
        assert all(any(piece in said for said in pieces) for piece in found), found
    assert spliced(["a …"]) == "a …"


def test_speakers_are_never_mixed() -> None:
    segments = quoted(picks(entry(1, "Yes it is."), 0) + picks(entry(2, "No it is not.", "otto"), 0))
    assert [segment.speakers for segment in segments] == [("vera",), ("otto",)]


def test_a_joined_quote_never_costs_more_than_its_pieces() -> None:
    first, second = entry(1, "x" * 30), entry(2, "y" * 30)  # one word each by their length, three together
    segments = quoted(picks(first, 0) + picks(second, 0))
    assert [count_words(segment.text) for segment in segments] == [1, 1]


def test_a_short_block_is_shown_whole_and_a_long_one_folded() -> None:
    short, long = entry(1, "", parts=code("x = 1")), entry(2, "", "otto", parts=code(LONG))
    whole, folded = quoted(picks(short, 0) + picks(long, 0))
    assert whole.part and not whole.part.folded and whole.text == "x = 1"
    assert folded.part and folded.part.folded and folded.text == "python · 20 lines"
    assert folded.part.sha256 == hashlib.sha256(LONG.encode()).hexdigest()
    assert segment_words(folded) == 15


def test_a_block_can_be_unfolded() -> None:
    (segment,) = quoted(picks(entry(1, "", parts=code(LONG)), 0), unfold=True)
    assert segment.text == LONG
    assert segment_words(segment) == count_words(LONG)


def test_a_fence_in_the_text_is_cut_byte_for_byte() -> None:
    fence = "```sh\nls  -l\n```"
    said = entry(1, f"Look here:\n\n{fence}\n\nIt is gone.", parts=code("x = 1"))
    shown = [segment for segment in quoted(picks(said, *range(len(said.parsed.units)))) if segment.part]
    assert [(segment.part.index, segment.text.rstrip("\n")) for segment in shown if segment.part] == [
        (1, fence),
        (0, "x = 1"),
    ]


def test_a_whole_message_is_its_text_then_its_parts() -> None:
    said = entry(1, f"See:\n\n```sh\nls\n```\n{THREE}", parts=code(LONG))
    text, part = whole_message(said, 1.0)
    assert text.text == said.message.text and not text.part
    assert part.text == LONG and part.part and not part.part.folded


def test_a_message_without_text_is_its_parts() -> None:
    (segment,) = whole_message(entry(1, "", parts=code("x")), 1.0)
    assert segment.part and segment.part.index == 0


def test_weights_lie_between_0_and_1() -> None:
    said = entry(1, "Yes it is.")
    (segment,) = quoted([Pick(said, said.parsed.units[0], 1.7)])
    assert segment.weight == 1.0
