"""The near end: the mediation of some readers, done by a worker at the other end of a line.

`posted` must answer at once, and does: a message is withheld from every reader, unless their mode is raw (see
`rawness`). So must `drop`, when another node mediates a reader from now on: what the worker says of this reader, until
it has answered that it gave them away, counts no more (see `attendance`).

A worker may die. Its readers are then asked to come back, as after a restart of the server, and are owed what they
are owed then; until a new one is there, who joins is asked to try again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from cadence.alex.paraphrase import Narrator
from cadence.alex.remote.attendance import Attendance, Stay
from cadence.alex.remote.guard import Guard
from cadence.alex.remote.narrator import ModelDesk
from cadence.alex.remote.near import Connection, Server
from cadence.alex.remote.peer import Calls, Casts, Frame, Gone, Peer
from cadence.alex.remote.rawness import RawReaders
from cadence.alex.remote.turns import TurnDesk
from cadence.counts import MediationCounts, ProcessCounts, WorkerCounts
from cadence.lod.scopes import Floor
from cadence.models.async_encoder import EncodingCount
from cadence.rooms.mediation import Attached, ReaderStore, StoreFenced, StoreUnavailable
from cadence.rooms.wire import (
    After,
    Ask,
    Member,
    Message,
    Mode,
    Read,
    Segment,
    Turn,
    ViewPatch,
    ViewReply,
    ViewRequest,
    WireError,
)

UNHEARD_MESSAGES_MAX = 50_000  # a worker so far behind is stuck
UNHEARD_CHARACTERS_MAX = 64 * 1024 * 1024  # held here and on the line: long messages fill a memory sooner
REDACTED_KEPT = 1_000  # of each server: what a worker has not heard of yet may still be on its way from there
RETRY_SECONDS = 2.0
START_SECONDS_MAX = 30.0
CLOSE_SECONDS_MAX = 10.0
STORE_METHODS = frozenset(name for name in vars(ReaderStore) if not name.startswith("_"))

Room = tuple[str, ViewPatch, str, str, bool, Floor]  # epoch, defaults, title, scope, public, floor
_NOBODY: frozenset[str] = frozenset()

log = structlog.get_logger(__name__)


class Proxy:
    """Implements `Mediation` for the readers of one worker."""

    def __init__(self, server: Server) -> None:
        self._attendance = Attendance()
        server = replace(server, store=cast(ReaderStore, Guard(server.store, self._attendance)))
        self._server, self._tell, self._tell_here = server, server.tell, server.tell_here
        self.elsewhere: Callable[[str], AbstractSet[str]] = lambda room: _NOBODY  # see `cadence.rooms.placement`
        self._elsewhere: dict[str, frozenset[str]] = {}  # by room, as the worker was told
        self.readers, self.encoding = 0, EncodingCount(0, 0, 0)
        self._peer: Peer | None = None
        self._connection: Connection | None = None
        self._rooms: dict[str, Room] = {}
        self._heads: dict[str, int] = {}
        self._reached = 0.0  # the time by which it is at least
        self._raw = RawReaders()
        self._withheld: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {}  # users, raw, the rest
        self._redacted: deque[tuple[str, int]] = deque(maxlen=REDACTED_KEPT)
        self._models, self._turns = ModelDesk(), TurnDesk(server.store)
        self._delivers: dict[int, Callable[[Turn], None]] = {}
        self._asked = 0
        self._gone, self._latest = MediationCounts(), MediationCounts()  # of workers that are gone, of this one
        self._process = ProcessCounts()

    @property
    def counts(self) -> MediationCounts:
        """What was counted since the start, by all workers; at most a second old."""
        counts = MediationCounts()
        counts.include(self._gone)
        counts.include(self._latest)
        return counts

    @property
    def worker(self) -> WorkerCounts:
        """How the worker is."""
        return WorkerCounts(self._process, self.readers, self._raw.behind)

    # The line.

    async def connected(self, connection: Connection) -> None:
        """A new worker was started: tell it of the rooms, and wait for a sign of life. Raises `OSError`."""
        casts: Casts = {
            "tell": self._told,
            "mode": self._mode,
            "heard": self._raw.heard,
            "deliver": self._deliver,
            "counted": self._counted,
            "model_stop": self._models.stop,
        }
        calls: Calls = {
            "store": self._ask_store,
            "append_turns": self._turns.append,
            "model": self._models.answer,
        }
        self._connection, self._peer = connection, Peer(connection.send, casts, calls)
        self._elsewhere.clear()
        self._peer.cast("reach", self._reached)
        self._peer.cast("narrate", self._models.told)
        for room in self._rooms:
            self._peer.expect("open_room", *self._told_of(room))
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                await self._peer.call("hello")
        except (Gone, TimeoutError) as error:
            connection.close()
            raise ChildProcessError(0, "it did not come to life") from error

    def received(self, frame: Frame) -> None:
        """A frame came from the worker."""
        if self._peer is not None:
            self._peer.received(frame)

    def lost(self) -> None:
        """The worker is gone: its readers come back to the next one."""
        peer, self._peer, self._connection = self._peer, None, None
        if peer is not None:
            peer.lost()
        users = self._attendance.lost()
        self._raw.clear()
        self._gone.include(self._latest)
        self._latest, self.readers, self._process = MediationCounts(), 0, ProcessCounts()
        self._models.end()
        self._turns.clear()
        self._server.send_away(users)

    async def close(self) -> None:
        """Let the worker finish what it stores, as far as it can."""
        peer, connection = self._peer, self._connection
        if peer is None or connection is None:
            return
        try:
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await peer.call("close")
        except (Gone, RuntimeError, TimeoutError) as error:
            log.warning("a mediator did not end well", why=str(error) or f"it took more than {CLOSE_SECONDS_MAX} s")
        connection.close()
        await connection.wait_closed()

    # Mediation.

    async def open_room(self, room: str, head: int, told: Room) -> None:
        """See `Driver.open_room`; also kept for the next worker."""
        self._rooms[room] = told
        self._heads.setdefault(room, head)
        if self._peer is not None:
            with contextlib.suppress(Gone):  # the next one is told
                await self._peer.call("open_room", *self._told_of(room))
            for user in self._attendance.members():
                self.allowed(user)

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        peer = self._worker(room)
        stay = self._attendance.arrive(room, member)
        if stay.connections == 1:  # the mode it returns in is the worker's to tell
            self._raw.set(room, member.id, raw=False)
        self._say_who_is_elsewhere(room)
        mode = UNSET if patch is None else patch.mode
        try:
            with self._may_turn(room, member.id, mode):
                call = peer.call("attach", room, member, after, patch, head, self._readable(member))
                view, recovered, number, turn = await asyncio.shield(call)
            if stay.over:
                raise StoreFenced(f"expected to mediate `{member.id}`, but they were given away while they arrived")
        except asyncio.CancelledError:  # the worker goes on; what it attaches is detached behind it
            call.add_done_callback(lambda done: self._undo(room, member.id, stay, done.exception()))
            raise
        except Exception as error:
            self._undo(room, member.id, stay, error)
            if isinstance(error, Gone):
                raise _unavailable(room) from error
            raise
        stay.sent = max(stay.sent, turn)
        return Attached(view, recovered, self._backfill(peer, number))

    def detach(self, room: str, user: str) -> None:
        if not self._attendance.left(room, user) and self._leave(room, user):
            self._cast("detach", room, user)

    def posted(self, message: Message) -> AbstractSet[str]:
        room = message.room
        self._heads[room] = message.seq
        if message.from_.kind == "human":
            self._say_who_is_elsewhere(room)
        raw = self._raw.posted(message, told=self._peer is not None)
        self._cast("posted", message)
        late = self._raw.behind > UNHEARD_MESSAGES_MAX or self._raw.characters_behind > UNHEARD_CHARACTERS_MAX
        if late and self._connection is not None:
            log.error("a mediator does not keep up; it is started again", behind=self._raw.behind)
            self._connection.close()
        users = self._attendance.audience(room)
        known = self._withheld.get(room)
        if known is None or known[0] is not users or known[1] is not raw:  # the very same set is cheap to look at again
            known = self._withheld[room] = users, raw, users - raw
        return known[2]

    def redacted(self, room: str, seq: int) -> None:
        self._redacted.append((room, seq))
        self._raw.redacted(room, seq)
        self._cast("redacted", room, seq)

    def allowed(self, user: str) -> None:
        if (member := self._attendance.member(user)) is not None:
            self._cast("allowed", user, self._readable(member))

    async def forget_reader(self, user: str) -> None:
        self._attendance.forget(user)
        if self._peer is not None:
            with contextlib.suppress(Gone):  # then nothing is stored any more either
                await self._peer.call("forget_reader", user)

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        room, user = request.room, request.participant or by.id
        try:
            with self._may_turn(room, user, request.mode):
                reply: ViewReply = await self._worker(room).call("set_view", by, request)
        except Gone as error:
            raise _unavailable(request.room) from error
        return reply

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        self._asked += 1
        number = self._asked
        self._delivers[number] = deliver
        try:
            await self._worker(request.room).call("ask", number, by, request)
        except Gone as error:
            raise _unavailable(request.room) from error
        finally:
            self._delivers.pop(number, None)

    async def answer(self, request: Ask) -> Sequence[Segment]:
        """See `Driver.answer`."""
        try:
            segments: Sequence[Segment] = await self._worker(request.room).call("answer", request)
        except Gone as error:
            raise _unavailable(request.room) from error
        return segments

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        try:
            reasons: dict[str, Any] = await self._worker(room).call("why", by, room, user, turn)
        except Gone as error:
            raise _unavailable(room) from error
        return reasons

    def narrate(self, narrator: Narrator | None) -> None:
        """See `Driver.narrate`; the model is asked here, whoever wants to know."""
        self._models.narrator = narrator
        self._cast("narrate", self._models.told)

    def read(self, user: str, request: Read) -> None:
        self._cast("read", user, request)

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._cast("opened", room, user, seqs)

    def forget(self, room: str) -> None:
        """See `Driver.forget`."""
        self._cast("forget", room)

    # Among several nodes: see `cadence.rooms.placement`.

    async def settle(self, room: str, user: str) -> None:
        """See `Driver.settle`."""
        if self._peer is not None:
            with contextlib.suppress(Gone):  # then nothing is decided any more
                await self._peer.call("settle", room, user)

    def drop(self, room: str, user: str) -> int | None:
        """See `Driver.drop`; None if something was on its way to the reader that is not told any more."""
        stay = self._attendance.give(room, user)
        lacks = stay is not None and stay.connections > 0 and (stay.requests > 0 or self._raw.undecided(room))
        self._raw.leave(room, user)
        if stay is not None and stay.untold is not None:
            self._tell(room, user, stay.untold.without(self._redacted))
        if self._peer is not None:
            giving = self._attendance.giving(room, user)
            answer = self._peer.expect("drop", room, user)
            answer.add_done_callback(lambda _: self._attendance.given(room, user, giving))
        return None if lacks else 0 if stay is None else stay.sent

    async def renew(self, room: str, epoch: str, head: int) -> None:
        """See `Driver.renew`."""
        for user in self._attendance.audience(room):
            self.drop(room, user)
        _, *told = self._rooms[room]
        self._rooms[room], self._heads[room] = cast(Room, (epoch, *told)), head
        self._redacted = deque((one for one in self._redacted if one[0] != room), REDACTED_KEPT)
        if self._peer is not None:
            with contextlib.suppress(Gone):  # the next one begins with it
                await self._peer.call("renew", room, epoch, head)

    def reach(self, at: float) -> None:
        """It is `at` or later, in seconds since the epoch: see `WallClock.reach`."""
        self._reached = at
        self._cast("reach", at)

    def _say_who_is_elsewhere(self, room: str) -> None:
        """Tell the worker who has pages at other nodes, before it decides what depends on that."""
        users = self._attendance.audience(room).intersection(self.elsewhere(room))
        if users != self._elsewhere.get(room, _NOBODY):
            self._elsewhere[room] = users
            self._cast("elsewhere", room, users)

    # What the worker tells.

    def _told(self, room: str, user: str, told: msgspec.Struct | int) -> None:
        frame = self._turns.told(room, user, told)
        if not self._attendance.counts(room, user):
            return
        if isinstance(frame, Message):
            self._tell_here(room, user, frame.erased() if (room, frame.seq) in self._redacted else frame)
            return
        if isinstance(frame, Turn):
            frame = frame.without(self._redacted)
            if (stay := self._attendance.stay(room, user)) is not None:
                stay.untold = None
        self._tell(room, user, frame)

    def _mode(self, room: str, user: str, raw: bool, at: int) -> None:
        """A reader reads raw, or not any more, from the message behind `at` on."""
        if not self._attendance.is_here(room, user) or not self._attendance.counts(room, user):
            return
        for message in self._raw.switched(room, user, raw=raw, at=at):
            self._tell_here(room, user, message)

    @contextmanager
    def _may_turn(self, room: str, user: str, mode: Mode | UnsetType) -> Iterator[None]:
        """A request is under way that may end a reader's raw mode: keep what is posted until the worker tells."""
        stay = self._attendance.stay(room, user) or Stay()
        turns = mode is not UNSET and mode != "raw" and self._raw.may_end(room, user)
        stay.requests += 1
        try:
            yield
        finally:
            stay.requests -= 1
            for message in self._raw.ended(room, user) if turns and not stay.over else ():  # it did not turn
                self._tell_here(room, user, message)

    def _deliver(self, number: int, room: str, user: str, told: msgspec.Struct | int) -> None:
        turn, deliver = self._turns.told(room, user, told), self._delivers.get(number)
        if deliver is not None and isinstance(turn, Turn):
            deliver(turn.without(self._redacted))

    def _counted(
        self, counts: MediationCounts, readers: int, encoding: EncodingCount | None, process: ProcessCounts
    ) -> None:
        self._latest, self.readers, self.encoding = counts, readers, encoding or EncodingCount(0, 0, 0)
        self._process = process

    async def _ask_store(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if name not in STORE_METHODS:
            raise LookupError(f"expected one of {', '.join(sorted(STORE_METHODS))}, got `{name}`")
        return await getattr(self._server.store, name)(*args, **named)

    # Helpers.

    def _told_of(self, room: str) -> tuple[Any, ...]:
        epoch, *told = self._rooms[room]
        return room, epoch, self._heads[room], *told

    def _readable(self, member: Member) -> frozenset[str]:
        """The private rooms that somebody may read."""
        private = (room for room, (_, _, _, _, public, _) in self._rooms.items() if not public)
        return frozenset(room for room in private if self._server.may_read(room, member))

    def _worker(self, room: str) -> Peer:
        if self._peer is None:
            raise _unavailable(room)
        return self._peer

    def _cast(self, what: str, *args: Any) -> None:
        if self._peer is not None:
            self._peer.cast(what, *args)

    def _undo(self, room: str, user: str, stay: Stay, error: BaseException | None) -> None:
        """An attach led to nothing; what failed at the worker was undone there."""
        if stay.over:
            return
        if error is None or isinstance(error, Gone):
            self.detach(room, user)
        else:
            self._leave(room, user)

    def _leave(self, room: str, user: str) -> bool:
        """A connection is gone of which the worker knows; False if there is none."""
        if not self._attendance.leave(room, user):
            return False
        if not self._attendance.is_here(room, user):
            self._raw.leave(room, user)
        return True

    async def _backfill(self, peer: Peer, number: int) -> AsyncIterator[Sequence[msgspec.Struct]]:
        try:
            while (batch := await peer.call("more", number)) is not None:
                yield batch
        except Gone as error:
            raise StoreUnavailable("Alex is just coming back: what was missed is read then") from error
        finally:
            peer.cast("stop", number)


def _unavailable(room: str) -> WireError:
    return WireError(
        "unavailable",
        "Alex is just coming back: try again in a moment",
        room=room,
        retry_after_s=RETRY_SECONDS,
    )
