"""What each frame of a client asks for: one handler per type, each raising `WireError` or replying."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from cadence.rooms import history, joining, moderation
from cadence.rooms.connection import Connection
from cadence.rooms.history import Query
from cadence.rooms.hub import Hub
from cadence.rooms.limiter import ASKS_PER_MINUTE, USER_REQUESTS_PER_S, Shares, admit, retry_after_s
from cadence.rooms.mediation import StoreUnavailable
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.outbox import encoded
from cadence.rooms.wire import (
    Ask,
    Ban,
    ClientFrame,
    Hello,
    History,
    Join,
    Kick,
    Leave,
    Left,
    Mute,
    Page,
    Ping,
    Pong,
    Read,
    Redact,
    Said,
    Say,
    Turn,
    TypingRequest,
    ViewReply,
    ViewRequest,
    WireError,
)

log = structlog.get_logger(__name__)

Handler = Callable[["Requests", Connection, Any], Awaitable[None]]


class Requests:
    """Serves one frame at a time; nothing that goes wrong in a frame ends the connection."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._asks = Shares(ASKS_PER_MINUTE / 60.0, burst_s=60.0)
        self._requests = Shares(USER_REQUESTS_PER_S)

    async def serve(self, connection: Connection, request: ClientFrame) -> None:
        """Answer `request`; a failure becomes an `error` frame that repeats its `ref`.

        What is said is answered when it is durable, and whoever speaks is not kept waiting for that; any other frame
        waits until all that was said before it is answered.
        """
        try:
            if type(request) is not Say:
                await connection.calm()
            wait = admit([connection.requests, self._requests.of(connection.member.id)], self._hub.clock())
            if wait > 0:
                raise WireError(
                    "rate_limited", f"too many requests: wait {wait:.2f} s", retry_after_s=retry_after_s(wait)
                )
            await _HANDLERS[type(request)](self, connection, request)
        except Exception as error:
            self._fail(connection, request, error)

    def _fail(self, connection: Connection, request: ClientFrame, error: BaseException) -> None:
        if isinstance(error, StoreUnavailable):
            log.warning("log unavailable", request=type(request).__name__, error=str(error))
            error = _trouble("the server's log cannot be used now: try again")
        elif not isinstance(error, WireError):
            log.error("request failed", request=type(request).__name__, user=connection.member.id, exc_info=error)
            error = _trouble("the server failed at this request: try again")
        refuse(connection, request, error)

    async def hello(self, connection: Connection, request: Hello) -> None:
        raise WireError("conflict", "expected one hello for each connection, got a second")

    async def ping(self, connection: Connection, request: Ping) -> None:
        connection.reply(Pong(ref=request.ref))

    async def join(self, connection: Connection, request: Join) -> None:
        await joining.join(self._hub, connection, request)

    async def leave(self, connection: Connection, request: Leave) -> None:
        if request.room in connection.rooms:
            self._hub.leave(connection, request.room)
        connection.reply(Left(ref=request.ref, room=request.room))

    async def say(self, connection: Connection, request: Say) -> None:
        self._hub.joined(connection, request.room)
        answer = self._hub.say(connection.member, request, connection)
        connection.begin_saying()
        answer.add_done_callback(partial(self._said, connection, request))
        await connection.pace()

    def _said(self, connection: Connection, request: Say, answer: asyncio.Future[Said]) -> None:
        connection.end_saying()
        if not answer.cancelled() and (error := answer.exception()) is not None:
            self._fail(connection, request, error)

    async def redact(self, connection: Connection, request: Redact) -> None:
        room = self._hub.joined(connection, request.room)
        await self._hub.redact(connection.member, room, request.seq, connection, request.ref)

    async def view(self, connection: Connection, request: ViewRequest) -> None:
        _humans_only(connection, "a view")
        self._hub.joined(connection, request.room)
        if self._hub.mediation is None:
            raise _unavailable("view: everybody here reads the raw stream")
        reply = await moderation.set_view(self._hub, self._hub.mediation, connection.member, request)
        self._hub.tell(request.room, reply.participant, reply, but=connection)
        connection.reply(_with_ref(reply, request.ref))

    async def read(self, connection: Connection, request: Read) -> None:
        _humans_only(connection, "turns to read")
        self._hub.joined(connection, request.room)
        if request.turn is UNSET and request.seq is UNSET:
            raise WireError("bad_field", "expected a turn or a seq, got neither", field="turn")
        if self._hub.mediation is not None:
            self._hub.mediation.read(connection.member.id, request)

    async def ask(self, connection: Connection, request: Ask) -> None:
        _humans_only(connection, "answers")
        self._hub.joined(connection, request.room)
        mediation = self._hub.mediation
        if mediation is None:
            raise _unavailable("ask: everybody here reads the raw stream")
        wait = admit([self._asks.of(connection.member.id)], self._hub.clock())
        if wait > 0:
            message = f"expected at most {ASKS_PER_MINUTE:g} questions a minute: wait {wait:.1f} s"
            raise WireError("rate_limited", message, retry_after_s=retry_after_s(wait))

        def deliver(turn: Turn) -> None:
            """To all connections of the user, in the order of their other turns; only this one's carries `ref`."""
            self._hub.tell(request.room, connection.member.id, turn, but=connection)
            connection.deliver(encoded(msgspec.structs.replace(turn, ref=request.ref)), request.room)

        await mediation.ask(connection.member, request, deliver)

    async def history(self, connection: Connection, request: History) -> None:
        room = self._hub.joined(connection, request.room)
        # A page is as large as the soft limit of an outbox: the last one leaves before the next is read.
        await connection.drained()
        query = Query(_given(request.before), _given(request.after), _given(request.seqs), request.limit)
        page = await (
            self._raw(connection, room, query) if request.stream == "raw" else self._turns(connection, request, query)
        )
        connection.replay(_with_ref(page, request.ref))

    async def typing(self, connection: Connection, request: TypingRequest) -> None:
        told = self._hub.joined(connection, request.room).typing(connection)
        if told and self._hub.peers is not None:
            self._hub.peers.typed(request.room, connection.member.id)

    async def moderate(self, connection: Connection, request: Mute | Kick | Ban) -> None:
        await moderation.moderate(self._hub, connection, request)

    async def _raw(self, connection: Connection, room: OpenRoom, query: Query) -> Page:
        name = room.info.room
        items, more = await history.messages(self._hub.store, name, query)
        if query.seqs is not None and self._hub.mediation is not None and connection.member.kind == "human":
            self._hub.mediation.opened(name, connection.member.id, [message.seq for message in items])
        return Page(room=name, stream="raw", items=items, more=more)

    async def _turns(self, connection: Connection, request: History, query: Query) -> Page:
        _humans_only(connection, "turns")
        member = connection.member
        reader = _given(request.participant) or member.id
        if reader != member.id and member.role != "host":
            raise WireError("forbidden", "only a host may read another's turns", field="participant")
        items, more = await history.turns(self._hub.store, request.room, reader, query)
        return Page(room=request.room, stream="turns", items=items, more=more)


_HANDLERS: Mapping[type[ClientFrame], Handler] = {
    Hello: Requests.hello,
    Ping: Requests.ping,
    Join: Requests.join,
    Leave: Requests.leave,
    Say: Requests.say,
    ViewRequest: Requests.view,
    Read: Requests.read,
    Ask: Requests.ask,
    History: Requests.history,
    Redact: Requests.redact,
    TypingRequest: Requests.typing,
    Mute: Requests.moderate,
    Kick: Requests.moderate,
    Ban: Requests.moderate,
}


def refuse(connection: Connection, request: ClientFrame, error: WireError) -> None:
    """Answer `request` with `error`."""
    room = getattr(request, "room", None)
    connection.reply(error.frame(_given(request.ref), room[:64] if room else None))


def _humans_only(connection: Connection, what: str) -> None:
    if connection.member.kind == "agent":
        raise WireError("forbidden", f"agents have no use for {what}: they receive every message at once")


def _unavailable(what: str) -> WireError:
    return WireError("unavailable", f"{what} is not offered by this server")


def _trouble(sentence: str) -> WireError:
    return WireError("unavailable", sentence, retry_after_s=1.0)


_T = TypeVar("_T")
_R = TypeVar("_R", Page, ViewReply)


def _given(value: _T | UnsetType) -> _T | None:
    return None if isinstance(value, UnsetType) else value


def _with_ref(reply: _R, ref: str | UnsetType) -> _R:
    return msgspec.structs.replace(reply, ref=ref)
