"""The far end: a `Driver` in a process of its own, which believes that it lives in the server.

Its log is the server's, asked over the line; what it tells a reader is told by the server. Human speech that passes
a mediator is told from here. Whoever reads raw is handed everything by the server, which is told when that begins and
ends, and behind which message.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import msgspec

from cadence.alex.driver import Driver
from cadence.alex.remote.narrator import NarratorTold
from cadence.alex.remote.peer import Calls, Casts, Frame, Peer
from cadence.alex.remote.turns import TurnsAway
from cadence.counts import ProcessCounts
from cadence.lod.scopes import Floor
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.wire import After, Ask, Member, Message, Read, Segment, Turn, View, ViewPatch, ViewReply, ViewRequest

BACKFILLS_MAX = 10_000  # begun and not ended; the oldest goes, as its connection surely has
COUNT_SECONDS = 1.0

_NOBODY: frozenset[str] = frozenset()
Tell = Callable[[str, str, msgspec.Struct], None]
MayRead = Callable[[str, Member], bool]
Batch = Sequence[msgspec.Struct]


class MakeDriver(Protocol):
    """Makes the driver of a worker from its store, from how it tells readers, and who may read a private room."""

    def __call__(self, store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver: ...


@dataclass(slots=True, eq=False)
class Stay:
    """A reader in a room, until nobody is connected for them or they are given away; see `attendance`."""

    connections: int = 0


class RemoteStore:
    """A `ReaderStore` at the other end of the line. Only one worker keeps the pyramid, as all would keep the same."""

    def __init__(self, peer: Peer, turns: TurnsAway, *, keeps_nodes: bool) -> None:
        self._peer, self._keeps_nodes = peer, keeps_nodes
        self._turns = turns

    def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> Awaitable[None]:
        """See `ReaderStore`; several go together."""
        return self._turns.append(user, turn, carried)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def ask(*args: Any, **named: Any) -> Any:
            if name == "save_nodes" and not self._keeps_nodes:
                return None
            return await self._peer.call("store", name, args, named)

        return ask


class Worker:
    """Serves the mediation that a proxy at the other end of `send` asks for; feed `peer.received`.

    `process` tells what the process uses, `reach` lets its clock go on from a time. `done` is set when the other end
    has said goodbye, or when it is gone and `lost` was called.
    """

    def __init__(
        self,
        send: Callable[[Frame], None],
        make: MakeDriver,
        *,
        keeps_nodes: bool = True,
        process: Callable[[], ProcessCounts] = ProcessCounts,
        reach: Callable[[float], object] = lambda at: None,
    ) -> None:
        casts: Casts = {
            "posted": self._posted,
            "redacted": self._redacted,
            "detach": self._detach,
            "allowed": self._allowed,
            "read": self._read,
            "opened": self._opened,
            "forget": self._forget,
            "narrate": self._narrate,
            "elsewhere": self._set_elsewhere,
            "reach": self._reach_time,
            "stop": self._stop,
        }
        calls: Calls = {
            "hello": self._hello,
            "open_room": self._open_room,
            "attach": self._attach,
            "forget_reader": self._forget_reader,
            "set_view": self._set_view,
            "ask": self._ask,
            "answer": self._answer,
            "why": self._why,
            "more": self._more,
            "settle": self._settle,
            "drop": self._drop,
            "renew": self._renew,
            "close": self.close,
        }
        self.peer = Peer(send, casts, calls)
        self.done = asyncio.Event()
        self._turns = TurnsAway(self.peer)
        store = cast(ReaderStore, RemoteStore(self.peer, self._turns, keeps_nodes=keeps_nodes))
        self._driver = make(store, self._tell, self._may_read)
        self._driver.elsewhere = lambda room: self._elsewhere.get(room, _NOBODY)
        self._elsewhere: dict[str, frozenset[str]] = {}  # by room, who has pages at other nodes
        self._stays: dict[tuple[str, str], Stay] = {}  # by room and user
        self._readable: dict[str, frozenset[str]] = {}  # private rooms by user, of those who are here
        self._here = Counter[str]()  # connections of each user, in all rooms
        self._heads: dict[str, int] = {}
        self._raw: dict[str, frozenset[str]] = defaultdict(frozenset)  # as the other end was told
        self._turning = Counter[str]()  # requests under way that may change who reads raw, by room
        self._heard = 0
        self._backfills: dict[int, AsyncIterator[Batch]] = {}
        self._numbers = itertools.count(1)
        self._process, self._reach = process, reach
        self._counting = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._count)

    def lost(self) -> None:
        """The server is gone, and the log with it: nothing that is under way can be kept."""
        self._counting.cancel()
        self.peer.lost()
        self.done.set()

    async def close(self) -> None:
        """Finish as `Driver.close` does."""
        self._counting.cancel()
        await self._driver.close()
        self._tell_counts()
        asyncio.get_running_loop().call_soon(self.done.set)

    async def _hello(self) -> None:
        """The worker lives."""

    # What happens.

    async def _open_room(
        self, room: str, epoch: str, head: int, defaults: ViewPatch, title: str, scope: str, public: bool, floor: Floor
    ) -> None:
        self._heads.setdefault(room, head)
        await self._driver.open_room(room, epoch, head, defaults, title=title, scope=scope, public=public, floor=floor)

    async def _attach(
        self,
        room: str,
        member: Member,
        after: After | None,
        patch: ViewPatch | None,
        head: int,
        readable: frozenset[str],
    ) -> tuple[View, bool, int, int]:
        stay = self._stays.setdefault((room, member.id), Stay())
        stay.connections += 1
        self._here[member.id] += 1
        self._readable[member.id] = readable
        try:
            with self._may_turn(room):
                attached = await self._driver.attach(room, member, after, patch, head)
        except BaseException:
            self._leave(room, member.id, stay)
            raise
        number = next(self._numbers)
        self._backfills[number] = attached.backfill
        if len(self._backfills) > BACKFILLS_MAX:
            del self._backfills[next(iter(self._backfills))]
        return attached.view, attached.recovered, number, self._driver.last_turn(room, member.id)

    async def _more(self, number: int) -> Batch | None:
        """The next batch of a backfill, None after the last."""
        batches = self._backfills.get(number)
        batch = None if batches is None else await anext(batches, None)
        if batch is None:
            self._backfills.pop(number, None)
        return batch

    def _stop(self, number: int) -> None:
        self._backfills.pop(number, None)

    def _detach(self, room: str, user: str) -> None:
        self._driver.detach(room, user)
        self._leave(room, user, self._stays[room, user])
        self._tell_modes(room)

    def _leave(self, room: str, user: str, stay: Stay) -> None:
        if not stay.connections:  # given away meanwhile
            return
        stay.connections -= 1
        if not stay.connections:
            del self._stays[room, user]
        self._part(user, 1)

    def _part(self, user: str, connections: int) -> None:
        self._here[user] -= connections
        if self._here[user] <= 0:  # nothing is overheard for who is gone
            del self._here[user]
            self._readable.pop(user, None)

    async def _settle(self, room: str, user: str) -> None:
        await self._driver.settle(room, user)

    async def _drop(self, room: str, user: str) -> None:
        self._give(room, user)
        self._driver.drop(room, user)
        self._tell_modes(room)

    async def _renew(self, room: str, epoch: str, head: int) -> None:
        for user in [user for there, user in self._stays if there == room]:
            self._give(room, user)
        self._heads[room] = head
        await self._driver.renew(room, epoch, head)
        self._tell_modes(room)

    def _give(self, room: str, user: str) -> None:
        """Forget the connections of a reader; one that is arriving finds them gone."""
        if (stay := self._stays.pop((room, user), None)) is not None:
            self._part(user, stay.connections)
            stay.connections = 0

    def _reach_time(self, at: float) -> None:
        self._reach(at)

    def _set_elsewhere(self, room: str, users: frozenset[str]) -> None:
        self._elsewhere[room] = users

    def _may_read(self, room: str, member: Member) -> bool:
        return room in self._readable.get(member.id, ())

    def _allowed(self, user: str, readable: frozenset[str]) -> None:
        if user in self._here:
            self._readable[user] = readable
            self._driver.allowed(user)

    async def _forget_reader(self, user: str) -> None:
        self._readable.pop(user, None)
        await self._driver.forget_reader(user)
        for room in self._heads:
            self._tell_modes(room)

    def _posted(self, message: Message) -> None:
        room = message.room
        if self._turning[room]:
            self._tell_modes(room)  # what changed, changed before this message
        self._heads[room] = message.seq
        withheld = self._driver.posted(message)
        if message.from_.kind == "human":
            for user in self._driver.present(room) - withheld - self._raw[room]:
                self._tell(room, user, message)
        self._heard += 1
        if self._heard == 1:
            asyncio.get_running_loop().call_soon(self._tell_heard)

    def _redacted(self, room: str, seq: int) -> None:
        self._driver.redacted(room, seq)

    async def _set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        with self._may_turn(request.room):
            return await self._driver.set_view(by, request)

    async def _ask(self, number: int, by: Member, request: Ask) -> None:
        def deliver(turn: Turn) -> None:
            self.peer.cast("deliver", number, turn.room, by.id, self._turns.told(by.id, turn))

        await self._driver.ask(by, request, deliver)

    async def _answer(self, request: Ask) -> Sequence[Segment]:
        return await self._driver.answer(request)

    async def _why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        return await self._driver.why(by, room, user, turn)

    def _narrate(self, told: NarratorTold | None) -> None:
        self._driver.narrate(None if told is None else told.narrator(self.peer))

    def _read(self, user: str, request: Read) -> None:
        self._driver.read(user, request)

    def _opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._driver.opened(room, user, seqs)

    def _forget(self, room: str) -> None:
        self._driver.forget(room)

    # What the other end is told.

    def _tell(self, room: str, user: str, frame: msgspec.Struct) -> None:
        self.peer.cast("tell", room, user, self._turns.told(user, frame))

    @contextmanager
    def _may_turn(self, room: str) -> Iterator[None]:
        """A request is under way that may change who reads raw; to look at all readers takes a while."""
        self._turning[room] += 1
        try:
            yield
        finally:
            self._turning[room] -= 1
            self._tell_modes(room)

    def _tell_modes(self, room: str) -> None:
        """Say who began or ceased to read raw, and from which message on."""
        raw = self._driver.raw_readers(room)
        for user in raw ^ self._raw[room]:
            self.peer.cast("mode", room, user, user in raw, self._heads[room])
        self._raw[room] = raw

    def _tell_heard(self) -> None:
        heard, self._heard = self._heard, 0
        self.peer.cast("heard", heard)

    def _count(self) -> None:
        self._tell_counts()
        self._counting = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._count)

    def _tell_counts(self) -> None:
        driver = self._driver
        self.peer.cast("counted", driver.counts, driver.readers(), driver.encoding(), self._process())
