"""Frames of the protocol `cadence.v1`, and nothing else.

The structs below are the source of truth for the wire: JSON Schema (`json_schema`) and the client's
TypeScript types are generated from them. Decoding validates; a bad frame becomes a `WireError` that names
the field, what was expected and what came. Unknown fields are ignored, unknown types are an error.

Pure: no clock, no files. Times enter and leave as seconds since the epoch (UTC), on the wire as ISO 8601.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

_T = TypeVar("_T")
_NOT_FINITE = (float("inf"), float("-inf"))
SUBPROTOCOL = "cadence.v1"
FRAME_BYTES_MAX = 64 * 1024
SOCKET_BYTES_MAX = 4 * 1024 * 1024
HEARTBEAT_S = 20.0
PAGE_BYTES_MAX = 256 * 1024
PAGE_ITEMS_MAX = 200
PARTS_MAX = 16

SEQ_MAX = 2**53 - 1  # what every JSON reader holds exactly
Seq = Annotated[int, Meta(ge=0, le=SEQ_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=40)]
Kind = Literal["human", "agent"]
Role = Literal["host", "member", "guest"]
Mode = Literal["paraphrase", "paced", "raw"]
Whisper = Literal["off", "light", "heavy"]
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


class WireError(Exception):
    """A request that cannot be served: becomes one `error` frame, the connection lives on."""

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


# Values that appear inside frames.


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
        return Segment(self.kind, self.speakers, "", self.sources, self.weight, redacted=True)


class Behind(Struct, frozen=True):
    messages: int
    words: int
    seconds: float


class Mood(Struct, frozen=True):
    """What the conversation feels like, for those who paint it."""

    energy: Annotated[float, Meta(ge=0, le=1)]
    warmth: Annotated[float, Meta(ge=-1, le=1)]
    insight: bool


# Client to server.


class Request(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    ref: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET


class Hello(Request, frozen=True, tag="hello", kw_only=True):
    kind: Kind
    name: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    token: Annotated[str, Meta(max_length=512)] | UnsetType = UNSET
    client: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    resume: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET


class Join(Request, frozen=True, tag="join", kw_only=True):
    room: str
    after: After | UnsetType = UNSET
    view: ViewPatch | UnsetType = UNSET


class Leave(Request, frozen=True, tag="leave", kw_only=True):
    room: str


class Say(Request, frozen=True, tag="say", kw_only=True):
    room: str
    id: Annotated[str, Meta(min_length=1, max_length=64)]
    text: str
    parts: Annotated[tuple[Part, ...], Meta(max_length=PARTS_MAX)] = ()
    reply_to: Seq | UnsetType = UNSET
    pod: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    spoken: bool = False


class ViewRequest(ViewPatch, frozen=True, tag_field="type", tag="view", kw_only=True):
    room: str
    ref: Annotated[str, Meta(max_length=128)] | UnsetType = UNSET
    participant: str | UnsetType = UNSET
    lock: tuple[str, ...] | UnsetType = UNSET


class Read(Request, frozen=True, tag="read", kw_only=True):
    room: str
    turn: Seq | UnsetType = UNSET
    seq: Seq | UnsetType = UNSET
    dwell_s: Annotated[float, Meta(ge=0, le=86400)] | UnsetType = UNSET


class Ask(Request, frozen=True, tag="ask", kw_only=True):
    room: str
    what: str
    since: int | str | UnsetType = UNSET
    speaker: str | UnsetType = UNSET
    text: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    words: Annotated[int, Meta(ge=10, le=400)] = 120


class History(Request, frozen=True, tag="history", kw_only=True):
    room: str
    stream: Literal["raw", "turns"]
    before: Seq | UnsetType = UNSET
    after: Seq | UnsetType = UNSET
    seqs: Annotated[tuple[Seq, ...], Meta(max_length=PAGE_ITEMS_MAX)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=PAGE_ITEMS_MAX)] = 50
    participant: str | UnsetType = UNSET


class TypingRequest(Request, frozen=True, tag="typing", kw_only=True):
    room: str


class Redact(Request, frozen=True, tag="redact", kw_only=True):
    room: str
    seq: Seq


class Mute(Request, frozen=True, tag="mute", kw_only=True):
    room: str
    participant: str
    for_s: float | UnsetType = UNSET


class Kick(Request, frozen=True, tag="kick", kw_only=True):
    room: str
    participant: str
    for_s: float | UnsetType = UNSET


class Ban(Request, frozen=True, tag="ban", kw_only=True):
    room: str
    participant: str
    for_s: float | UnsetType = UNSET


class Ping(Request, frozen=True, tag="ping"):
    pass


ClientFrame = (
    Hello | Join | Leave | Say | ViewRequest | Read | Ask | History | TypingRequest | Redact | Mute | Kick | Ban | Ping
)

# Server to client.


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

    def without(self, redacted: frozenset[int] | set[int]) -> Turn:
        """This turn with every segment that cites a redacted message emptied."""
        segments = tuple(segment.without(redacted) for segment in self.segments)
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

_request: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_reply: msgspec.json.Decoder[ServerFrame] = msgspec.json.Decoder(ServerFrame)
_encoder = msgspec.json.Encoder()
REQUEST_TYPES = tuple(str(struct.__struct_config__.tag) for struct in ClientFrame.__args__)


def encode(frame: Struct) -> bytes:
    """`frame` as UTF-8 JSON."""
    return _encoder.encode(frame)


def decode_reply(data: str | bytes) -> ServerFrame:
    """A server's frame, for clients of ours; raises `msgspec.ValidationError`."""
    return _reply.decode(data)


def decode_request(data: str | bytes) -> ClientFrame:
    """A client's frame. Raises `WireError` naming the field, what was expected and what came."""
    try:
        return _request.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explain(data, str(error)) from None


def to_iso(seconds: float) -> str:
    """Seconds since the epoch as UTC ISO 8601 with milliseconds and Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """The inverse of `to_iso`; raises `ValueError`."""
    return datetime.fromisoformat(text).timestamp()


def json_schema() -> dict[str, Any]:
    """JSON Schema of all frames, the contract for strangers: {client, server, $defs}."""
    (client, server), definitions = msgspec.json.schema_components(
        [ClientFrame, ServerFrame], ref_template="#/$defs/{name}"
    )
    return {"client": client, "server": server, "$defs": definitions}


def _explain(data: str | bytes, reason: str) -> WireError:
    """Why `data` is not a client's frame. Decodes once more, without types, to find `ref` and `type`."""
    try:
        loose = json.loads(data)  # unlike msgspec it reads 1e999 and NaN, so that we can name the field
    except (ValueError, RecursionError):
        return WireError("bad_frame", f"expected one JSON object, got something else: {reason}")
    if not isinstance(loose, dict):
        return WireError("bad_frame", f"expected one JSON object, got {type(loose).__name__}")
    ref = loose.get("ref")
    ref = ref if isinstance(ref, str) and len(ref) <= 128 else None
    kind = loose.get("type")
    if not isinstance(kind, str):
        return WireError("bad_frame", "expected a field `type` with a string", field="type", ref=ref)
    if kind not in REQUEST_TYPES:
        known = ", ".join(REQUEST_TYPES)
        return WireError("unknown_type", f"expected one of {known}; got `{kind[:64]}`", field="type", ref=ref)
    expected, _, path = reason.partition(" - at `$")
    field = path.rstrip("`").lstrip(".")
    if not field and "field `" in reason:  # "Object missing required field `room`"
        field = reason.split("field `", 1)[1].split("`", 1)[0]
    if not field:
        field = next((key for key, value in loose.items() if value in _NOT_FINITE or value != value), "")
    value = loose.get(field.split(".")[0].split("[")[0])
    room = loose.get("room")
    return WireError(
        "bad_field",
        f"`{field[:64] or kind}`: {expected}; got {_brief(value)}",
        field=field[:64] or None,
        ref=ref,
        room=room if isinstance(room, str) and len(room) <= 64 else None,
    )


def _brief(value: object) -> str:
    """A value in an error message: short, and never the whole of what a stranger sent."""
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
