"""The shell around the pure parts: one connection at a time, which comes back by itself; requests and their answers.

Decides nothing: who may come back when is `Link`'s to say, what is kept and asked for `Inbox`'s, what is said again
`Saying`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import random
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, Self

import msgspec
from msgspec import UNSET, Struct

from cadence.client.inbox import ITEMS_MAX, MISSED_MAX, Inbox
from cadence.client.link import LATER, Link, Refused
from cadence.client.room import Cut, Room, wire_error
from cadence.client.saying import Saying
from cadence.duplex import Closed, Duplex, WebSocketDuplex
from cadence.rooms.wire import (
    After,
    Error,
    History,
    Joined,
    Kind,
    Message,
    Page,
    Presence,
    Reconnect,
    Redacted,
    Said,
    ServerFrame,
    Turn,
    ViewPatch,
    ViewReply,
    Welcome,
    You,
    decode_reply,
    encode,
)

REQUESTS_MAX = 64  # without an answer
ANSWER_SECONDS_MAX = 30.0
SEND_SECONDS_MAX = 10.0
WINDOW_MESSAGES = 64  # under way at once in one room


class _Hangup(Exception):
    """This connection is of no use; another may be."""


class Client:
    """`async with Client("ws://127.0.0.1:8765/ws", name="Echo") as client:` is greeted, and stays so over cuts.

    `token` is one the host gave, `resume` the `session` of an earlier run. `window` 1 keeps what one says in the order
    of saying even where the server asks to wait. `connect` opens a connection otherwise than by `url`. Raises `Refused`
    where there is no way in. Of one event loop.
    """

    def __init__(
        self,
        url: str = "",
        *,
        name: str | None = None,
        token: str | None = None,
        kind: Kind = "agent",
        resume: str | None = None,
        client: str = "cadence.client",
        window: int = WINDOW_MESSAGES,
        items_max: int = ITEMS_MAX,
        missed_max: int = MISSED_MAX,
        connect: Callable[[], Awaitable[Duplex]] | None = None,
        roll: Callable[[], float] = random.random,
    ) -> None:
        self._connect: Callable[[], Awaitable[Duplex]] = connect or (lambda: WebSocketDuplex.open(url))
        self._window, self._items_max, self._missed_max, self._roll = window, items_max, missed_max, roll
        self._link = Link(kind, name, token, client=client, session=resume)
        self._rooms: dict[str, Room] = {}
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._refs = 0
        self._duplex: Duplex | None = None
        self._stirred = asyncio.Event()
        self._greeted: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None
        self._ended: Exception | None = None

    @property
    def you(self) -> You:
        """Who the server says we are."""
        assert self._link.you is not None, "expected `async with` before anything else"
        return self._link.you

    @property
    def session(self) -> str:
        """The secret with which a later run is the same user: `resume`."""
        return self._link.session or ""

    async def __aenter__(self) -> Self:
        self._greeted = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run())
        try:
            await self._greeted
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Be gone. Those who wait for an answer get `Cut`, those who iterate come to an end."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def join(self, room: str, *, view: ViewPatch | None = None, after: After | None = None) -> Room:
        """Be in `room` from now on, over all connections; with `after`, go on where an earlier run had come.

        Raises `WireError`, `Refused`, `Cut`.
        """
        self._check()
        known = self._rooms.get(room)
        if known is None:
            progress = self._link.enter(room, view)
            if after is not None:
                progress.epoch, progress.seq, progress.turn = after.epoch, after.seq, after.turn or 0
            whole = self.you.kind == "agent"  # a token may make us somebody else than we asked to be
            inbox = Inbox(progress, whole=whole, items_max=self._items_max, missed_max=self._missed_max)
            known = self._rooms[room] = Room(room, self, progress, inbox, Saying(self._window))
            if self._duplex is not None and self._link.greeted:
                with contextlib.suppress(Closed):  # the next connection joins it
                    await self._send(self._duplex, self._link.join(room))
        await asyncio.shield(known.entered)
        return known

    async def request(self, frame: Struct) -> Any:
        """Send a request and return the frame that answers it. Raises `WireError`, `Cut`, `TimeoutError`."""
        self._check()
        duplex = self._duplex
        if duplex is None or not self._link.greeted:
            raise Cut("there is no connection now: ask again in a moment")
        if len(self._asked) >= REQUESTS_MAX:
            raise Cut(f"expected at most {REQUESTS_MAX} requests without an answer: wait for one")
        self._refs += 1
        ref = f"r{self._refs}"
        future = self._asked[ref] = asyncio.get_running_loop().create_future()
        try:
            await self._send(duplex, msgspec.structs.replace(frame, ref=ref))
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await future
        except Closed as closed:
            raise Cut(f"the answer was lost: {closed}") from None
        finally:
            del self._asked[ref]
            if future.done() and not future.cancelled():
                future.exception()  # set while the frame was still being sent

    def stir(self) -> None:
        """There is something to send."""
        self._stirred.set()

    def forget(self, room: str, why: Exception | None = None) -> None:
        """Be no longer in `room`; who iterates it comes to an end."""
        known = self._rooms.pop(room, None)
        self._link.leave(room, asyncio.get_running_loop().time())
        if known is not None:
            known.end(why)

    # One connection after the other.

    async def _run(self) -> None:
        loop, wait = asyncio.get_running_loop(), 0.0
        try:
            while True:
                await asyncio.sleep(wait)
                code, reason = await self._live()
                self._cut(reason)
                wait = self._link.lost(code, reason, loop.time(), self._roll())
        except Refused as refused:
            self._end(refused)
        finally:
            self._end(None)

    async def _live(self) -> tuple[int | None, str]:
        """One connection from beginning to end; returns why it ended."""
        try:
            duplex = self._duplex = await self._connect()
        except OSError as error:
            return None, str(error)
        speaking: asyncio.Task[None] | None = None
        try:
            await self._send(duplex, self._link.opened(asyncio.get_running_loop().time()))
            speaking = asyncio.create_task(self._speak(duplex))
            await self._listen(duplex)
        except Closed as closed:
            return closed.code, str(closed)
        except TimeoutError:
            return None, "expected answers to hello and join in time, got none"
        except _Hangup as hangup:
            return None, str(hangup)
        finally:
            self._duplex = None
            if speaking is not None:
                speaking.cancel()
                await asyncio.gather(speaking, return_exceptions=True)
            await duplex.close()

    async def _listen(self, duplex: Duplex) -> NoReturn:
        while True:
            async with asyncio.timeout_at(self._link.deadline):
                text = await duplex.receive()
            with contextlib.suppress(msgspec.DecodeError):  # of a kind we do not know: the protocol may grow
                await self._take(duplex, decode_reply(text))

    async def _speak(self, duplex: Duplex) -> None:
        """Send what the rooms want sent, until the connection is gone."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(Closed):
            while True:
                self._stirred.clear()
                due = []
                for room in [room for room in self._rooms.values() if room.progress.inside]:
                    while (say := room.saying.next(loop.time())) is not None:
                        await self._send(duplex, say)
                    if (wanted := room.inbox.wanted()) is not None:
                        await self._send(duplex, self._wanted(room, wanted))
                    if room.saying.due is not None:
                        due.append(room.saying.due)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(min(due, default=None)):
                        await self._stirred.wait()

    def _wanted(self, room: Room, wanted: str) -> Struct:
        if wanted == "join":
            return self._link.join(room.name)
        ref = f"page {room.name}"[:128]
        after, limit = room.progress.seq, room.inbox.page_limit
        return History(room=room.name, stream="raw", after=after, limit=limit, ref=ref)

    async def _send(self, duplex: Duplex, frame: Struct) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                await duplex.send(encode(frame).decode())
        except TimeoutError:
            await duplex.close()  # whoever receives notices
            raise Closed(None, f"the server took no frame for {SEND_SECONDS_MAX:g} s") from None

    # What comes.

    async def _take(self, duplex: Duplex, frame: ServerFrame) -> None:
        room = self._rooms.get(str(getattr(frame, "room", "")))
        match frame:
            case Welcome():
                await self._welcomed(duplex, frame)
            case Error():
                self._refused(frame)
            case Reconnect():
                self._link.going(frame.after_s)
            case _ if self._answers(frame):
                if isinstance(frame, Turn) and room is not None:
                    room.progress.turn = max(room.progress.turn, frame.turn)
                if isinstance(frame, Redacted) and room is not None:
                    room.inbox.redacted(frame)
            case _ if room is None:
                pass
            case Joined():
                before = copy.copy(room.progress)
                room.inbox.joined(before, self._link.joined(frame, asyncio.get_running_loop().time()))
                room.joined(frame)
                self.stir()
            case Message():
                room.inbox.message(frame)
            case Turn():
                room.inbox.turn(frame)
            case Redacted():
                room.inbox.redacted(frame)
            case Page() if str(frame.ref).startswith("page "):
                room.inbox.page(frame.items, frame.more)
            case Said():
                room.said(frame)
            case Presence():
                room.presence(frame)
            case ViewReply() if frame.participant == self.you.id:
                room.view = frame.view
        if room is not None:
            room.stir()
            if room.inbox.behind or isinstance(frame, Said):
                self.stir()

    async def _welcomed(self, duplex: Duplex, frame: Welcome) -> None:
        another = self._link.you is not None and self._link.you.id != frame.you.id
        joins = self._link.welcomed(frame, asyncio.get_running_loop().time())
        for room in self._rooms.values() if another else ():
            room.abandon()
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_result(None)
        for join in joins:
            await self._send(duplex, join)

    def _answers(self, frame: ServerFrame) -> bool:
        """Hand `frame` to whoever asked for it; whether somebody did."""
        future = self._asked.get(str(getattr(frame, "ref", UNSET)))
        if future is None or future.done():
            return False
        if isinstance(frame, ViewReply) and (room := self._rooms.get(frame.room)) is not None:
            room.view = frame.view if frame.participant == self.you.id else room.view
        future.set_result(frame)
        return True

    def _refused(self, error: Error) -> None:
        ref = str(error.ref)
        what, _, name = ref.partition(" ")
        room = self._rooms.get(name)
        if what == "hello" or (error.ref is UNSET and self._link.concerns(error)):
            raise _Hangup(self._link.refused(error))
        if what == "join" and room is not None:
            if not room.entered.done():
                self.forget(name, wire_error(error))
            elif error.code in LATER:  # it was let in before
                raise _Hangup(self._link.refused(error))
            else:
                self.forget(name, Refused(error.message, error.code))
        elif what == "page" and room is not None:
            room.inbox.cut()
        elif (future := self._asked.get(ref)) is not None and not future.done():
            future.set_exception(wire_error(error))
        else:
            now = asyncio.get_running_loop().time()
            if not any(each.refused(error, now) for each in self._rooms.values()):
                return
            self.stir()
        if error.code == "not_joined":
            raise _Hangup(error.message)

    # The end.

    def _cut(self, reason: str) -> None:
        for room in self._rooms.values():
            room.saying.cut()
            room.inbox.cut()
        for future in self._asked.values():
            if not future.done():
                future.set_exception(Cut(f"the answer was lost: {reason}"))

    def _end(self, why: Refused | None) -> None:
        if self._ended is not None:
            return
        self._ended = why or Cut("this client was closed")
        self._cut(str(self._ended))
        for room in self._rooms.values():
            room.end(why)
        if self._greeted is not None and not self._greeted.done():
            self._greeted.set_exception(self._ended)

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended
