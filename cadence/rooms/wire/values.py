"""What appears inside frames, and the bounds of each value.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

SUBPROTOCOL = "cadence.v1"
FRAME_BYTES_MAX = 64 * 1024
SOCKET_BYTES_MAX = 4 * 1024 * 1024
HEARTBEAT_S = 20.0
PAGE_BYTES_MAX = 256 * 1024
PAGE_ITEMS_MAX = 200
PARTS_MAX = 16
SEQ_MAX = 2**53 - 1  # what every JSON reader holds exactly
Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
Duration = Annotated[float, Meta(ge=0, le=366 * 86400)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]
Kind = Literal["human", "agent"]
Role = Literal["host", "member", "guest"]
Mode = Literal["paraphrase", "paced", "raw"]
Whisper = Literal["off", "light", "heavy"]
AskWhat = Literal["catch_up", "room", "speaker", "question"]
TurnMode = Literal["paraphrase", "paced", "catch_up", "answer"]
SegmentKind = Literal["verbatim", "quote", "paraphrase", "answer", "catch_up", "ambient", "whisper"]
AlexState = Literal["idle", "passthrough", "paraphrasing", "rate_limiting", "catching_up"]
ErrorCode = Literal[
    "bad_frame",
    "unknown_type",
    "bad_field",
    "not_joined",
    "no_such_room",
    "forbidden",
    "unauthorized",
    "rate_limited",
    "too_large",
    "not_found",
    "conflict",
    "unavailable",
]

CLOSE_PROTOCOL_ERROR = 4000
CLOSE_NO_HELLO = 4001
CLOSE_UNAUTHORIZED = 4003
CLOSE_TOO_SLOW = 4008
CLOSE_KICKED = 4010
CLOSE_BANNED = 4011
CLOSE_RESTART = 1012


class Part(Struct, frozen=True, omit_defaults=True):
    """An atomic block a speaker sends beside the text: code, a tool call or data. Nobody edits it."""

    kind: Literal["code", "tool", "data"]
    body: str
    lang: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class Author(Struct, frozen=True):
    """Who sent a message."""

    id: str
    name: str
    kind: Kind


class Member(Struct, frozen=True):
    """Someone in a room. A mediator is never among the members."""

    id: str
    name: str
    kind: Kind
    role: Role = "guest"


class You(Struct, frozen=True):
    """The identity a connection was given."""

    id: str
    name: str
    kind: Kind
    role: Role


class Limits(Struct, frozen=True):
    frame_bytes: int
    messages_per_s: float
    rooms: int


class Server(Struct, frozen=True):
    name: str
    version: str


class Focus(Struct, frozen=True, omit_defaults=True):
    """Where a reader's attention lies; `room` defaults to the room of the view."""

    room: str | UnsetType = UNSET
    pod: str | UnsetType = UNSET
    x: float | UnsetType = UNSET
    y: float | UnsetType = UNSET
    follow: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


Cadence = Annotated[float, Meta(ge=1, le=30)]
Pace = Annotated[float, Meta(ge=60, le=1000)]
Sigma = Annotated[float, Meta(ge=0.1, le=10)]
Interest = Annotated[str, Meta(min_length=1, max_length=200)]


class View(Struct, frozen=True):
    """How one reader reads one room. Stored per (room, user)."""

    mode: Mode = "paraphrase"
    cadence_s: Cadence = 5.0
    pace_wpm: Pace = 238.0
    sigma: Sigma = 1.0
    focus: Focus = Focus()
    interests: Annotated[tuple[Interest, ...], Meta(max_length=8)] = ()
    whisper: Whisper = "light"
    auto: bool = True


VIEW_FIELDS = View.__struct_fields__


class ViewPatch(Struct, frozen=True, omit_defaults=True):
    """Some fields of a view; the others stay."""

    mode: Mode | UnsetType = UNSET
    cadence_s: Cadence | UnsetType = UNSET
    pace_wpm: Pace | UnsetType = UNSET
    sigma: Sigma | UnsetType = UNSET
    focus: Focus | UnsetType = UNSET
    interests: Annotated[tuple[Interest, ...], Meta(max_length=8)] | UnsetType = UNSET
    whisper: Whisper | UnsetType = UNSET
    auto: bool | UnsetType = UNSET

    def fields(self) -> dict[str, Any]:
        """The fields that are set, by name."""
        return {name: value for name in VIEW_FIELDS if (value := getattr(self, name)) is not UNSET}


class After(Struct, frozen=True, omit_defaults=True):
    """How far a returning client has come."""

    epoch: str
    seq: Seq
    turn: Seq | UnsetType = UNSET


class Covers(Struct, frozen=True, rename={"from_": "from"}):
    """The range of the log a turn accounts for. `messages` and `words` count AI messages only."""

    epoch: str
    from_: int
    to: int
    messages: int
    words: int


class SegmentPart(Struct, frozen=True, omit_defaults=True):
    """Which block a verbatim segment carries, or stands for when folded."""

    seq: int
    index: int
    kind: Literal["code", "tool", "data"]
    lines: int
    sha256: str
    folded: bool
    lang: str | UnsetType = UNSET
    name: str | UnsetType = UNSET


class Segment(Struct, frozen=True, omit_defaults=True):
    """One attributed piece of a turn."""

    kind: SegmentKind
    speakers: tuple[str, ...]
    text: str
    sources: tuple[int, ...]
    weight: float
    room: str | UnsetType = UNSET
    agree: int | UnsetType = UNSET
    again: int | UnsetType = UNSET
    objects_to: int | UnsetType = UNSET
    part: SegmentPart | UnsetType = UNSET
    redacted: bool | UnsetType = UNSET

    def without(self, redacted: frozenset[int] | set[int]) -> Segment:
        """This segment as it may be shown once the messages `redacted` are gone (protocol rule 8)."""
        if self.redacted is True or not redacted.intersection(self.sources):
            return self
        return Segment(self.kind, self.speakers, "", self.sources, self.weight, room=self.room, redacted=True)


class Behind(Struct, frozen=True):
    messages: int
    words: int
    seconds: float


class Mood(Struct, frozen=True):
    """What the conversation feels like, for those who paint it."""

    energy: Annotated[float, Meta(ge=0, le=1)]
    warmth: Annotated[float, Meta(ge=-1, le=1)]
    insight: bool
