"""Frames that the server sends, and `WireError`, which becomes one.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cadence.rooms.wire.values import (
    AlexState,
    Author,
    Behind,
    Covers,
    ErrorCode,
    Limits,
    Member,
    Mood,
    Part,
    Segment,
    Server,
    TurnMode,
    View,
    You,
)

_T = TypeVar("_T")


class Reply(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    ref: str | UnsetType = UNSET


class Welcome(Reply, frozen=True, tag="welcome", kw_only=True):
    you: You
    session: str
    resumed: bool
    heartbeat_s: float
    limits: Limits
    features: tuple[str, ...]
    server: Server


class Joined(Reply, frozen=True, tag="joined", kw_only=True):
    room: str
    title: str
    epoch: str
    head: int
    recovered: bool
    members: tuple[Member, ...]
    member_count: int
    view: View | None


class Message(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="message", rename={"from_": "from"}):
    """One utterance, as it stands in the log."""

    room: str
    epoch: str
    seq: int
    id: str
    from_: Author
    at: str
    text: str
    parts: tuple[Part, ...] = ()
    reply_to: int | UnsetType = UNSET
    pod: str | UnsetType = UNSET
    spoken: bool = False
    mentions: tuple[str, ...] = ()
    redacted: bool = False

    def erased(self) -> Message:
        """What remains of a redacted message."""
        return Message(
            self.room,
            self.epoch,
            self.seq,
            self.id,
            self.from_,
            self.at,
            "",
            redacted=True,
            reply_to=self.reply_to,
        )


class Said(Reply, frozen=True, tag="said", kw_only=True):
    room: str
    id: str
    seq: int
    epoch: str
    at: str


class Turn(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="turn", kw_only=True):
    """What one reader is shown at one look."""

    room: str
    turn: int
    at: str
    mode: TurnMode
    covers: Covers | None
    words: int
    segments: tuple[Segment, ...]
    by: str
    ref: str | UnsetType = UNSET

    def room_of(self, segment: Segment) -> str:
        """The room whose messages `segment` cites."""
        return segment.room if isinstance(segment.room, str) else self.room

    def at_home(self) -> tuple[Segment, ...]:
        """The segments that cite this turn's own room, not what was overheard in another."""
        return tuple(segment for segment in self.segments if self.room_of(segment) == self.room)

    def without(self, gone: Iterable[tuple[str, int]]) -> Turn:
        """This turn with every segment emptied that cites a message in `gone`, given as (room, seq).

        A segment of another scope may cite the same number in another room, so the room counts.
        """
        by_room: dict[str, set[int]] = {}
        for room, seq in gone:
            by_room.setdefault(room, set()).add(seq)
        segments = tuple(segment.without(by_room.get(self.room_of(segment), set())) for segment in self.segments)
        return self if segments == self.segments else msgspec.structs.replace(self, segments=segments)


class ViewReply(Reply, frozen=True, tag="view", kw_only=True):
    room: str
    participant: str
    view: View
    locked: tuple[str, ...]
    set_by: str


class Alex(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="alex", kw_only=True):
    room: str
    state: AlexState
    behind: Behind
    mood: Mood | UnsetType = UNSET


class Presence(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="presence", kw_only=True):
    room: str
    joined: tuple[Member, ...] | UnsetType = UNSET
    left: tuple[str, ...] | UnsetType = UNSET
    members: tuple[Member, ...] | UnsetType = UNSET
    member_count: int | UnsetType = UNSET


class Typing(Struct, frozen=True, tag_field="type", tag="typing", kw_only=True):
    room: str
    participant: str


class Page(Reply, frozen=True, tag="page", kw_only=True):
    room: str
    stream: Literal["raw", "turns"]
    items: tuple[Message | Turn, ...]
    more: bool


class Redacted(Reply, frozen=True, tag="redacted", kw_only=True):
    room: str
    seq: int
    by: str


class Reconnect(Struct, frozen=True, tag_field="type", tag="reconnect", kw_only=True):
    after_s: float


class Error(Reply, frozen=True, tag="error", kw_only=True):
    code: ErrorCode
    message: str
    room: str | UnsetType = UNSET
    field: str | UnsetType = UNSET
    retry_after_s: float | UnsetType = UNSET


class Left(Reply, frozen=True, tag="left", kw_only=True):
    room: str | UnsetType = UNSET


class Ok(Reply, frozen=True, tag="ok", kw_only=True):
    room: str | UnsetType = UNSET


class Pong(Reply, frozen=True, tag="pong"):
    pass


ServerFrame = (
    Welcome
    | Joined
    | Message
    | Said
    | Turn
    | ViewReply
    | Alex
    | Presence
    | Typing
    | Page
    | Redacted
    | Reconnect
    | Error
    | Left
    | Ok
    | Pong
)


class WireError(Exception):
    """A request that cannot be served: becomes one `error` frame, the connection lives on.

    What cannot be printed in `message` becomes a space: it may repeat what a stranger sent, and be read in a terminal.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        room: str | None = None,
        retry_after_s: float | None = None,
        ref: str | None = None,
    ) -> None:
        message = message if message.isprintable() else "".join(c if c.isprintable() else " " for c in message)
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.field = field
        self.room = room
        self.retry_after_s = retry_after_s
        self.ref = ref

    def frame(self, ref: str | None = None, room: str | None = None) -> Error:
        """The frame to answer with; `ref` and `room` fill what the raiser did not know."""
        return Error(
            code=self.code,
            message=self.message,
            ref=_some(self.ref if self.ref is not None else ref),
            room=_some(self.room if self.room is not None else room),
            field=_some(self.field),
            retry_after_s=_some(self.retry_after_s),
        )


def _some(value: _T | None) -> _T | UnsetType:
    return UNSET if value is None else value
