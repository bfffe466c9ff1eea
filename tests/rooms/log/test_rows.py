from __future__ import annotations

import msgspec
import pytest

from cadence.rooms.log import HostAction, LogConflict, ReaderRecord
from cadence.rooms.log.rows import cited, fingerprint, is_repeat, next_record, standing_actions, to_message
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


def test_of_the_audit_log_holds_what_came_last_of_its_kind() -> None:
    first, second, ban = (
        HostAction(1.0, "host", "mute", "room", "eve", 50.0),
        HostAction(2.0, "host", "mute", "room", "eve", 40.0),
        HostAction(3.0, "host", "ban", "room", "eve"),
    )
    view = HostAction(4.0, "host", "view", "room", "eve")
    assert standing_actions([first, second, ban, view], 39.0) == [second, ban]
    assert standing_actions([first, second, ban, view], 45.0) == [ban]


def test_a_turn_is_known_again_whatever_was_redacted_of_it_and_no_other_is_taken_for_it() -> None:
    stored = [turn(6), turn(7, segment("secret", 1), to=5).without([("room", 1)])]
    assert is_repeat(turn(7, segment("secret", 1), to=5), stored)
    assert not is_repeat(turn(7, segment("secret", 1), to=6), stored)
    assert not is_repeat(turn(8, segment("secret", 1), to=5), stored)


def test_what_a_mediator_carries_goes_with_a_turn_and_stays_without() -> None:
    first = next_record(None, "rea", turn(1), b"first")
    assert first.carried == b"first"
    assert next_record(first, "rea", turn(2)).carried == b"first"
    assert next_record(first, "rea", turn(2), b"").carried == b""
