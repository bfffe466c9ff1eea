from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from cadence.rooms.wire import (
    Alex,
    Author,
    Behind,
    Covers,
    Error,
    Joined,
    Message,
    Mood,
    Page,
    Part,
    Pong,
    Presence,
    Segment,
    Turn,
    WireError,
    decode_reply,
    encode,
)

VERA = Author("vera", "Vera", "agent")
AT = "2026-11-22T10:00:00.000Z"
MESSAGE = Message("r", "e", 7, "m1", VERA, AT, "hello", parts=(Part("tool", "{}"),), reply_to=3, mentions=("sam",))
SEGMENTS = (Segment("quote", ("vera",), "hello", (7,), 1.0), Segment("quote", ("sam",), "no", (8,), 1.0))
TURN = Turn(
    room="r",
    turn=1,
    at=AT,
    mode="paraphrase",
    covers=Covers("e", 1, 8, 2, 2),
    words=2,
    segments=SEGMENTS,
    by="embedded",
)
FRAMES = [
    MESSAGE,
    TURN,
    Joined(room="r", title="R", epoch="e", head=0, recovered=False, members=(), member_count=0, view=None, ref="1"),
    Alex(room="r", state="idle", behind=Behind(0, 0, 0.0), mood=Mood(0.5, -1.0, True)),
    Presence(room="r", left=("vera",)),
    Page(room="r", stream="raw", items=(MESSAGE, TURN), more=True),
    Pong(),
]


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_server_frame_survives_the_way_there_and_back(frame: Any) -> None:
    assert decode_reply(encode(frame)) == frame


def test_what_is_not_set_is_not_sent() -> None:
    sent = json.loads(encode(Message("r", "e", 1, "m1", VERA, AT, "hello")))
    assert list(sent) == ["type", "room", "epoch", "seq", "id", "from", "at", "text"]
    assert json.loads(encode(Pong())) == {"type": "pong"}


def test_an_agent_sees_that_it_has_no_view() -> None:
    assert json.loads(encode(FRAMES[2]))["view"] is None


def test_a_redacted_message_keeps_its_place_and_loses_its_content() -> None:
    erased = json.loads(encode(MESSAGE.erased()))
    assert erased == {
        "type": "message",
        "room": "r",
        "epoch": "e",
        "seq": 7,
        "id": "m1",
        "from": {"id": "vera", "name": "Vera", "kind": "agent"},
        "at": AT,
        "text": "",
        "reply_to": 3,
        "redacted": True,
    }


def test_a_turn_empties_the_segments_that_cite_a_redacted_message_and_keeps_its_figures() -> None:
    left = TURN.without([("r", 8)])
    assert [segment.text for segment in left.segments] == ["hello", ""]
    assert msgspec.structs.replace(left, segments=SEGMENTS) == TURN
    assert TURN.without([("r", 9), ("elsewhere", 8)]) is TURN


@given(
    rooms=st.lists(st.sampled_from(["r", "elsewhere"]), max_size=6),
    sources=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), max_size=6),
    gone=st.sets(st.tuples(st.sampled_from(["r", "elsewhere"]), st.integers(1, 5))),
)
def test_exactly_the_segments_that_cite_what_is_gone_are_emptied(
    rooms: list[str], sources: list[list[int]], gone: set[tuple[str, int]]
) -> None:
    """A segment without a room cites the turn's own; the same number in another room is another message."""
    pairs = list(zip(rooms, sources, strict=False))
    segments = [
        Segment("quote", ("vera",), "text", tuple(seqs), 1.0, room=UNSET if room == "r" else room)
        for room, seqs in pairs
    ]
    made = msgspec.structs.replace(TURN, segments=tuple(segments))
    left = made.without(gone)
    for (room, seqs), before, after in zip(pairs, made.segments, left.segments, strict=True):
        hit = any((room, seq) in gone for seq in seqs)
        assert after.text == ("" if hit else "text") and (after.room, after.sources) == (before.room, before.sources)
    assert (left is made) == all(segment.redacted is UNSET for segment in left.segments)


def test_an_error_becomes_a_frame_with_what_its_raiser_knew_first() -> None:
    error = WireError("rate_limited", "slow down", room="r", retry_after_s=2.0)
    assert error.frame(ref="9", room="other") == Error(
        code="rate_limited", message="slow down", ref="9", room="r", retry_after_s=2.0
    )
    assert WireError("not_found", "gone", ref="1").frame(ref="2").ref == "1"
    assert json.loads(encode(WireError("not_found", "gone").frame())) == {
        "type": "error",
        "code": "not_found",
        "message": "gone",
    }


def test_an_error_can_be_printed_whatever_it_repeats() -> None:
    error = WireError("no_such_room", "expected a room, got `lab\n\x1b[2J\u202e`")
    assert error.message == "expected a room, got `lab  [2J `" == error.frame().message
