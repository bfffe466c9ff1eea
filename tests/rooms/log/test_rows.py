from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cadence.rooms.log import HostAction, LogConflict, ReaderRecord
from cadence.rooms.log.rows import cited, erase, fingerprint, next_record, standing_actions, to_message
from cadence.rooms.wire import Author, Message, Part, encode
from tests.rooms.log.places import draft, segment, turn


def test_a_fingerprint_depends_on_the_salt() -> None:
    assert fingerprint(b"a", draft()) == fingerprint(b"a", draft())
    assert fingerprint(b"a", draft()) != fingerprint(b"b", draft())


def test_a_fingerprint_cannot_be_moved_between_fields() -> None:
    drafts = [
        draft("ab"),
        draft("a", pod="b"),
        draft("", parts=(Part("data", "ab"),)),
        draft("", parts=(Part("data", "a"), Part("data", "b"))),
        draft("", parts=(Part("data", "a", lang="b"),)),
        draft("", parts=(Part("data", "a", name="b"),)),
    ]
    assert len({fingerprint(b"", each) for each in drafts}) == len(drafts)


def test_a_fingerprint_ignores_who_when_and_whom() -> None:
    other = draft(id="2", user="bo", room="other", at=5.0, mentions=("ana",))
    assert fingerprint(b"", draft()) == fingerprint(b"", other)


def test_a_draft_becomes_a_message_field_by_field() -> None:
    parts = (Part("tool", "{}", name="search"),)
    said = draft("hi", "7", parts=parts, reply_to=2, pod="p", spoken=True, mentions=("bo",))
    assert to_message(said, "e", 3, 0.25) == Message(
        room="room",
        epoch="e",
        seq=3,
        id="7",
        from_=Author("ana", "Ana", "agent"),
        at="1970-01-01T00:00:00.250Z",
        text="hi",
        parts=parts,
        reply_to=2,
        pod="p",
        spoken=True,
        mentions=("bo",),
    )


def test_what_a_draft_lacks_is_absent_on_the_wire() -> None:
    sent = encode(to_message(draft("hi", "7"), "e", 3, 0.0))
    assert set(msgspec.json.decode(sent)) == {"type", "room", "epoch", "seq", "id", "from", "at", "text"}


def test_the_first_turn_makes_a_record() -> None:
    assert next_record(None, "rea", turn(1, to=5)) == ReaderRecord(turn=1, covered_to=5)


def test_covered_to_never_goes_back() -> None:
    assert next_record(ReaderRecord(turn=1, covered_to=9), "rea", turn(2, to=8)).covered_to == 9


def test_a_turn_out_of_order_names_what_was_expected_and_what_came() -> None:
    with pytest.raises(LogConflict, match=r"expected turn 5 of `rea` in room `room`, got turn 7"):
        next_record(ReaderRecord(turn=4), "rea", turn(7))


def test_citations_carry_the_room_of_the_segment() -> None:
    made = turn(1, segment("a", 1, 2), segment("b", 2, 3), segment("c", 1, room="other"))
    assert cited(made) == {("room", 1), ("room", 2), ("room", 3), ("other", 1)}


def test_nothing_gone_gives_the_very_same_turn() -> None:
    made = turn(1, segment("a", 1))
    assert erase(made, []) is made
    assert erase(made, [("room", 2), ("other", 1)]) is made


@given(
    rooms=st.lists(st.sampled_from(["room", "other"]), max_size=6),
    sources=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), max_size=6),
    gone=st.sets(st.tuples(st.sampled_from(["room", "other"]), st.integers(1, 5))),
)
def test_erasing_empties_exactly_the_segments_that_cite_what_is_gone(
    rooms: list[str], sources: list[list[int]], gone: set[tuple[str, int]]
) -> None:
    made = turn(1, *(segment("text", *seqs, room=room) for room, seqs in zip(rooms, sources, strict=False)))
    left = erase(made, gone)
    assert (left.covers, left.words, left.turn) == (made.covers, made.words, made.turn)
    for before, after in zip(made.segments, left.segments, strict=True):
        hit = any((before.room, seq) in gone for seq in before.sources)
        assert after == (before.without(set(before.sources)) if hit else before)
        assert after.text == ("" if hit else "text")


def test_of_the_audit_log_holds_what_came_last_of_its_kind() -> None:
    first, second, ban = (
        HostAction(1.0, "host", "mute", "room", "eve", 50.0),
        HostAction(2.0, "host", "mute", "room", "eve", 40.0),
        HostAction(3.0, "host", "ban", "room", "eve"),
    )
    view = HostAction(4.0, "host", "view", "room", "eve")
    assert standing_actions([first, second, ban, view], 39.0) == [second, ban]
    assert standing_actions([first, second, ban, view], 45.0) == [ban]
