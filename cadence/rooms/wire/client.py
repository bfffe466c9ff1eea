"""Frames that a client sends.

Pure: no clock, no files.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from cadence.rooms.wire.values import PAGE_ITEMS_MAX, PARTS_MAX, After, AskWhat, Duration, Kind, Part, Seq, ViewPatch


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
    what: AskWhat
    since: Seq | str | UnsetType = UNSET
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
    for_s: Duration | UnsetType = UNSET


class Kick(Request, frozen=True, tag="kick", kw_only=True):
    room: str
    participant: str
    for_s: Duration | UnsetType = UNSET


class Ban(Request, frozen=True, tag="ban", kw_only=True):
    room: str
    participant: str
    for_s: Duration | UnsetType = UNSET


class Ping(Request, frozen=True, tag="ping"):
    pass


ClientFrame = (
    Hello | Join | Leave | Say | ViewRequest | Read | Ask | History | TypingRequest | Redact | Mute | Kick | Ban | Ping
)
