"""One room as a client has it: what comes, in order and once; what it says, durable when `say` returns."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, Protocol, TypeVar

import msgspec
from msgspec import UNSET, Struct

from cadence.client.inbox import Inbox, Item
from cadence.client.link import Progress
from cadence.client.saying import UNSAID_MAX, Saying
from cadence.rooms.wire import (
    After,
    Ask,
    AskWhat,
    Error,
    Joined,
    Leave,
    Member,
    Message,
    Page,
    Part,
    Presence,
    Redact,
    Said,
    Say,
    Turn,
    View,
    ViewReply,
    ViewRequest,
    WireError,
    encode,
)
from cadence.rooms.wire import History as HistoryRequest

MEMBERS_MAX = 10_000
FRAME_BYTES_MAX = 64 * 1024  # the protocol's; a server answers a larger frame without saying which it was


_T = TypeVar("_T")


class Cut(Exception):
    """No answer will come: the connection was lost, or this client was closed. The text is one sentence."""


class Wire(Protocol):
    """What a room needs of its client."""

    async def request(self, frame: Struct) -> Any:
        """Send `frame` and return what answers it. Raises `WireError`, `Cut`."""

    def stir(self) -> None:
        """There is something to send."""

    def forget(self, room: str) -> None:
        """The room was left."""


class Room:
    """Made by `Client.join`. Iterate it for messages, or `events()` for everything; by one task at a time.

    `members` are those present as far as the server told; `view` is how a human reads, None for agents.
    """

    def __init__(self, name: str, wire: Wire, progress: Progress, inbox: Inbox, saying: Saying) -> None:
        self.name = name
        self.title = name
        self.members: dict[str, Member] = {}
        self.view: View | None = None
        self._wire = wire
        self.progress, self.inbox, self.saying = progress, inbox, saying
        self.entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._said: dict[str, asyncio.Future[Said]] = {}
        self._places = asyncio.Semaphore(UNSAID_MAX)
        self._news = asyncio.Event()
        self._ended: Exception | None = None
        self._over = False

    # For those who use it.

    @property
    def after(self) -> After:
        """How far what was received here goes, for `Client.join` of a later run. What waits here is not counted in."""
        return self.inbox.taken

    async def __aiter__(self) -> AsyncIterator[Message]:
        async for event in self.events():
            if isinstance(event, Message):
                yield event

    async def events(self) -> AsyncIterator[Item]:
        """Messages, a human's turns, redactions of what was taken from here before, and `Missed`.

        Ends when the client is closed or the room left; raises `Refused` if the server shut us out. Whoever takes
        slowly loses nothing: what finds no room is read from the log later.
        """
        while True:
            if (item := self.inbox.take()) is not None:
                if self.inbox.behind:
                    self._wire.stir()
                yield item
            elif self._ended is not None:
                raise self._ended
            elif self._over:
                return
            else:
                self._news.clear()
                await self._news.wait()

    async def say(
        self,
        text: str,
        *,
        id: str | None = None,
        parts: Sequence[Part] = (),
        reply_to: int | None = None,
        pod: str | None = None,
        spoken: bool = False,
    ) -> Said:
        """Say something; returns when it is durable, over as many connections as it takes.

        `id` (1 to 64 characters, new for each message) makes saying it again harmless. Raises `WireError` if the server
        refuses it, `Cut` if nobody can tell whether it was said. Who is cancelled here may be heard all the same.
        """
        id = id or secrets.token_hex(12)
        say = Say(
            room=self.name,
            id=id,
            text=text,
            parts=tuple(parts),
            reply_to=UNSET if reply_to is None else reply_to,
            pod=UNSET if pod is None else pod,
            spoken=spoken,
            ref=id,
        )
        size = len(encode(say))
        if size > FRAME_BYTES_MAX:
            raise WireError("too_large", f"expected a message of at most {FRAME_BYTES_MAX} bytes as JSON, got {size}")
        if id in self._said:
            raise WireError("conflict", f"`{id[:64]}` is being said: choose another id", field="id")
        async with self._places:
            self._check()
            future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
            self._said[id] = future
            self.saying.add(say)
            self._wire.stir()
            try:
                return await future
            finally:
                self._said.pop(id, None)
                self.saying.withdraw(id)

    async def history(
        self,
        *,
        stream: Literal["raw", "turns"] = "raw",
        before: int | None = None,
        after: int | None = None,
        seqs: Sequence[int] | None = None,
        limit: int = 50,
    ) -> Page:
        """A page of the past, ascending: above `after`, below `before`, these `seqs`, or the newest."""
        request = HistoryRequest(
            room=self.name,
            stream=stream,
            before=UNSET if before is None else before,
            after=UNSET if after is None else after,
            seqs=UNSET if seqs is None else tuple(seqs),
            limit=limit,
        )
        page: Page = await self._wire.request(request)
        return page

    async def redact(self, seq: int) -> None:
        """Take back a message of one's own (a host: anybody's)."""
        await self._wire.request(Redact(room=self.name, seq=seq))

    async def set_view(self, **fields: Any) -> View:
        """Change how one reads; humans only. `fields` are those of a view: `mode`, `cadence_s`, `pace_wpm` ..."""
        reply: ViewReply = await self._wire.request(_made(ViewRequest, type="view", room=self.name, **fields))
        return reply.view

    async def ask(self, what: AskWhat, *, words: int = 120, **fields: Any) -> Turn:
        """Ask about the past; humans only. `fields`: `since`, `speaker` or `text`, as `what` needs them."""
        request = _made(Ask, type="ask", room=self.name, what=what, words=words, **fields)
        turn: Turn = await self._wire.request(request)
        return turn

    async def leave(self) -> None:
        """Leave; iterating ends."""
        await self._wire.request(Leave(room=self.name))
        self._wire.forget(self.name)

    # For the client.

    def joined(self, frame: Joined) -> None:
        """We are in."""
        self.title, self.view = frame.title, frame.view
        self.members = {member.id: member for member in frame.members[:MEMBERS_MAX]}
        if not self.entered.done():
            self.entered.set_result(None)
        self._news.set()

    def presence(self, frame: Presence) -> None:
        """Somebody came or went."""
        if frame.members is not UNSET:
            self.members = {member.id: member for member in frame.members[:MEMBERS_MAX]}
        for member in () if frame.joined is UNSET else frame.joined:
            if len(self.members) < MEMBERS_MAX:
                self.members[member.id] = member
        for gone in () if frame.left is UNSET else frame.left:
            self.members.pop(gone, None)

    def stir(self) -> None:
        """Something came."""
        self._news.set()

    def said(self, frame: Said) -> None:
        """A message is durable."""
        self.saying.said(frame.id)
        future = self._said.get(frame.id)
        if future is not None and not future.done():
            future.set_result(frame)

    def refused(self, error: Error, now: float) -> bool:
        """An error came; whether it was about a message of ours."""
        if not self.saying.under_way(str(error.ref)):
            return False
        future = self._said.get(str(error.ref))
        if self.saying.refused(error, now) and future is not None and not future.done():
            future.set_exception(wire_error(error))
        return True

    def abandon(self) -> None:
        """We are somebody else now."""
        for id in self.saying.abandon():
            future = self._said.get(id)
            if future is not None and not future.done():
                future.set_exception(Cut("the session was lost with this message under way: look whether it was said"))

    def end(self, why: Exception | None) -> None:
        """It is over; with `why`, those who iterate and say are told."""
        self._over, self._ended = True, why
        cut = why or Cut("this client was closed, or has left the room")
        waiting: list[asyncio.Future[Any]] = [*self._said.values(), self.entered]
        for future in waiting:
            if not future.done():
                future.set_exception(cut)
        if self.entered.done() and not self.entered.cancelled():
            self.entered.exception()  # told elsewhere if nobody waits for it
        self._news.set()

    def _check(self) -> None:
        if self._over:
            raise self._ended or Cut("this client was closed, or has left the room")


def _made(kind: type[_T], **fields: Any) -> _T:
    """A request out of what a caller gave. Raises `WireError`."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise WireError("bad_field", str(error)) from None


def wire_error(error: Error) -> WireError:
    """The exception for an `error` frame."""
    return WireError(
        error.code,
        error.message,
        field=None if error.field is UNSET else error.field,
        room=None if error.room is UNSET else error.room,
        retry_after_s=None if error.retry_after_s is UNSET else error.retry_after_s,
        ref=None if error.ref is UNSET else error.ref,
    )
