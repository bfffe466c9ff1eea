"""Frames as a server would send them, for the tests of the terminal."""

from __future__ import annotations

from typing import Any

from cadence.rooms.wire import (
    Author,
    Covers,
    Joined,
    Limits,
    Member,
    Message,
    Segment,
    Server,
    Turn,
    View,
    Welcome,
    You,
)

ROOM = "hall"
ADA = Member("ada", "Ada", "agent")
BO = Member("bo", "Bo", "agent")
RAE = Member("rae-01", "Rae", "human")
AT = "2031-01-01T10:00:05.000Z"

WELCOME = Welcome(
    you=You("rae-01", "Rae", "human", "guest"),
    session="secret",
    resumed=False,
    heartbeat_s=20.0,
    limits=Limits(65536, 5.0, 100),
    features=(),
    server=Server("cadence", "0"),
)


def joined(**fields: Any) -> Joined:
    given = dict(room=ROOM, title="The hall", epoch="e1", head=40, recovered=True, members=(ADA, BO, RAE))
    return Joined(**{**given, "member_count": 3, "view": View(), **fields})


def message(seq: int, text: str, by: Member = ADA, **fields: Any) -> Message:
    return Message(ROOM, "e1", seq, f"m{seq}", Author(by.id, by.name, by.kind), AT, text, **fields)


def quote(speaker: str, text: str, *sources: int, **fields: Any) -> Segment:
    return Segment("quote", (speaker,), text, sources, 1.0, **fields)


def turn(number: int, first: int, last: int, *segments: Segment, **fields: Any) -> Turn:
    covers = Covers("e1", first, last, last - first + 1, 50)
    given = dict(room=ROOM, turn=number, at=AT, mode="paraphrase", covers=covers, words=5, by="embedded")
    return Turn(**{**given, "segments": segments, **fields})
