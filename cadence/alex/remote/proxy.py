"""The near end: the mediation of some readers, done by a worker at the other end of a line.

`posted` must answer at once, and does: a message is withheld from every reader, unless their mode is raw (see
`rawness`).

A worker may die. Its readers are then asked to come back, as after a restart of the server, and are owed what they
are owed then; until a new one is there, who joins is asked to try again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from cadence.alex.paraphrase import Narrator
from cadence.alex.remote.narrator import ModelDesk
from cadence.alex.remote.peer import Calls, Casts, Frame, Gone, Peer
from cadence.alex.remote.rawness import RawReaders
from cadence.alex.remote.turns import TurnDesk
from cadence.counts import MediationCounts, ProcessCounts, WorkerCounts
from cadence.lod.scopes import Floor
from cadence.models.async_encoder import EncodingCount
from cadence.rooms.mediation import Attached, ReaderStore
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
Tell = Callable[[str, str, msgspec.Struct], None]

log = structlog.get_logger(__name__)


class Connection(Protocol):
    """A line to a worker."""

    def send(self, frame: Frame) -> None: ...

    def close(self) -> None:
        """End it; the worker ends too."""
        ...

    async def wait_closed(self) -> None:
        """Wait until the worker has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Server:
    """What the near end needs of the server it is in."""

    store: ReaderStore
    tell: Tell  # a frame, to all connections of a user in a room
    send_away: Callable[[AbstractSet[str]], None]  # asks users to come back in a moment
    may_read: Callable[[str, Member], bool]  # whether somebody could enter a room now


class Proxy:
    """Implements `Mediation` for the readers of one worker."""

    def __init__(self, server: Server) -> None:
        self._server, self._tell = server, server.tell
        self.readers, self.encoding = 0, EncodingCount(0, 0, 0)
        self._peer: Peer | None = None
        self._connection: Connection | None = None
        self._rooms: dict[str, Room] = {}
        self._heads: dict[str, int] = {}
        self._here: dict[str, Counter[str]] = {}  # connections of each user
        self._members: dict[str, Member] = {}  # who is here
        self._leaving: Counter[tuple[str, str]] = Counter()  # connections that a worker, now gone, knew of
        self._users: dict[str, frozenset[str]] = {}  # room -> whoever is in _here or _leaving
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
        users = {user for here in self._here.values() for user in here}
        for room, here in self._here.items():
            for user, connections in here.items():
                self._leaving[room, user] += connections
        self._here.clear()
        self._members.clear()
        self._raw.clear()
        self._users.clear()
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
            for user in list(self._members):
                self.allowed(user)

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        peer = self._worker(room)
        here = self._here.setdefault(room, Counter())
        here[member.id] += 1
        self._users.pop(room, None)
        if here[member.id] == 1:  # the mode it returns in is the worker's to tell
            self._raw.set(room, member.id, raw=False)
        self._members[member.id] = member
        mode = UNSET if patch is None else patch.mode
        try:
            with self._may_turn(room, member.id, mode):
                call = peer.call("attach", room, member, after, patch, head, self._readable(member))
                view, recovered, number = await asyncio.shield(call)
        except asyncio.CancelledError:  # the worker goes on; what it attaches is detached behind it
            call.add_done_callback(lambda done: self._undo(room, member.id, done.exception()))
            raise
        except Exception as error:
            self._undo(room, member.id, error)
            if isinstance(error, Gone):
                raise _unavailable(room) from error
            raise
        return Attached(view, recovered, self._backfill(peer, number))

    def detach(self, room: str, user: str) -> None:
        if self._leaving[room, user] > 0:
            self._leaving[room, user] -= 1
            self._leaving += Counter()  # without zeros
            self._users.pop(room, None)
            return
        self._leave(room, user)
        if self._peer is not None:
            self._peer.cast("detach", room, user)

    def posted(self, message: Message) -> AbstractSet[str]:
        room = message.room
        self._heads[room] = message.seq
        raw = self._raw.posted(message, told=self._peer is not None)
        self._cast("posted", message)
        late = self._raw.behind > UNHEARD_MESSAGES_MAX or self._raw.characters_behind > UNHEARD_CHARACTERS_MAX
        if late and self._connection is not None:
            log.error("a mediator does not keep up; it is started again", behind=self._raw.behind)
            self._connection.close()
        users = self._users.get(room)
        if users is None:
            leaving = {user for there, user in self._leaving if there == room}
            users = self._users[room] = frozenset(leaving.union(self._here.get(room, ())))
        known = self._withheld.get(room)
        if known is None or known[0] is not users or known[1] is not raw:  # the very same set is cheap to look at again
            known = self._withheld[room] = users, raw, users - raw
        return known[2]

    def redacted(self, room: str, seq: int) -> None:
        self._redacted.append((room, seq))
        self._raw.redacted(room, seq)
        self._cast("redacted", room, seq)

    def allowed(self, user: str) -> None:
        if user in self._members:
            self._cast("allowed", user, self._readable(self._members[user]))

    async def forget_reader(self, user: str) -> None:
        self._members.pop(user, None)
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

    # What the worker tells.

    def _told(self, room: str, user: str, told: msgspec.Struct | int) -> None:
        frame = self._turns.told(room, user, told)
        if isinstance(frame, Turn):
            frame = frame.without(self._redacted)
        elif isinstance(frame, Message) and (room, frame.seq) in self._redacted:
            frame = frame.erased()
        self._tell(room, user, frame)

    def _mode(self, room: str, user: str, raw: bool, at: int) -> None:
        """A reader reads raw, or not any more, from the message behind `at` on."""
        if user not in self._here.get(room, ()):
            return
        for message in self._raw.switched(room, user, raw=raw, at=at):
            self._tell(room, user, message)

    @contextmanager
    def _may_turn(self, room: str, user: str, mode: Mode | UnsetType) -> Iterator[None]:
        """A request is under way that may end a reader's raw mode: keep what is posted until the worker tells."""
        turns = mode is not UNSET and mode != "raw" and self._raw.may_end(room, user)
        try:
            yield
        finally:
            for message in self._raw.ended(room, user) if turns else ():  # it did not turn
                self._tell(room, user, message)

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

    def _undo(self, room: str, user: str, error: BaseException | None) -> None:
        """An attach led to nothing; what failed at the worker was undone there."""
        if error is None or isinstance(error, Gone):
            self.detach(room, user)
        else:
            self._leave(room, user)

    def _leave(self, room: str, user: str) -> None:
        here = self._here.get(room, Counter())
        if here[user] > 1:
            here[user] -= 1
            return
        del here[user]
        if not any(user in there for there in self._here.values()):
            self._members.pop(user, None)
        self._users.pop(room, None)
        self._raw.leave(room, user)

    async def _backfill(self, peer: Peer, number: int) -> AsyncIterator[Sequence[msgspec.Struct]]:
        try:
            while (batch := await peer.call("more", number)) is not None:
                yield batch
        finally:
            peer.cast("stop", number)


def _unavailable(room: str) -> WireError:
    return WireError(
        "unavailable",
        "Alex is just coming back: try again in a moment",
        room=room,
        retry_after_s=RETRY_SECONDS,
    )
