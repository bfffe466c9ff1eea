"""The near end: the mediation of some readers, done by a worker at the other end of a line.

`posted` must answer at once, and does: a message is withheld from every reader, unless their mode is raw. The worker
tells behind which message that begins or ends, and it may be some messages behind:

    begins   what it has not told to have heard is kept here (`_unheard`), and of that the reader is handed the rest
    ends     from the request on messages are kept for the reader (`_Turning`), who is handed those up to the end

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
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from cadence.alex.remote.peer import Casts, Frame, Gone, Peer
from cadence.counts import MediationCounts
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
    Turn,
    ViewPatch,
    ViewReply,
    ViewRequest,
    WireError,
)

UNHEARD_MESSAGES_MAX = 50_000  # a worker so far behind is stuck
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


@dataclass(slots=True)
class _Turning:
    """Requests under way that may end a reader's raw mode, and what was posted meanwhile."""

    requests: int = 0
    messages: list[Message] = field(default_factory=list)


class Proxy:
    """Implements `Mediation` for the readers of one worker.

    `tell(room, user, frame)` sends to all connections of a user; `send_away(users)` asks them to come back.
    """

    def __init__(self, store: ReaderStore, tell: Tell, send_away: Callable[[AbstractSet[str]], None]) -> None:
        self._store, self._tell, self._send_away = store, tell, send_away
        self.readers, self.encoding = 0, EncodingCount(0, 0, 0)
        self._peer: Peer | None = None
        self._connection: Connection | None = None
        self._rooms: dict[str, Room] = {}
        self._heads: dict[str, int] = {}
        self._here: dict[str, Counter[str]] = {}  # connections of each user
        self._leaving: Counter[tuple[str, str]] = Counter()  # connections that a worker, now gone, knew of
        self._users: dict[str, frozenset[str]] = {}  # room -> whoever is in _here or _leaving
        self._raw: dict[str, frozenset[str]] = {}
        self._turning: dict[tuple[str, str], _Turning] = {}
        self._unheard: deque[Message] = deque()  # Bounded by UNHEARD_MESSAGES_MAX
        self._redacted: deque[tuple[str, int]] = deque(maxlen=REDACTED_KEPT)
        self._delivers: dict[int, Callable[[Turn], None]] = {}
        self._asked = 0
        self._gone, self._latest = MediationCounts(), MediationCounts()  # of workers that are gone, of this one

    @property
    def counts(self) -> MediationCounts:
        """What was counted since the start, by all workers; at most a second old."""
        counts = MediationCounts()
        counts.include(self._gone)
        counts.include(self._latest)
        return counts

    # The line.

    async def connected(self, connection: Connection) -> None:
        """A new worker was started: tell it of the rooms, and wait for a sign of life. Raises `OSError`."""
        casts: Casts = {
            "tell": self._told,
            "mode": self._mode,
            "heard": self._worker_heard,
            "deliver": self._deliver,
            "counted": self._counted,
        }
        self._connection, self._peer = connection, Peer(connection.send, casts, {"store": self._ask_store})
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
        self._raw.clear()
        self._turning.clear()
        self._users.clear()
        self._unheard.clear()
        self._gone.include(self._latest)
        self._latest, self.readers = MediationCounts(), 0
        self._send_away(users)

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

    # Mediation.

    async def open_room(self, room: str, head: int, told: Room) -> None:
        """See `Driver.open_room`; also kept for the next worker."""
        self._rooms[room] = told
        self._heads.setdefault(room, head)
        if self._peer is not None:
            with contextlib.suppress(Gone):  # the next one is told
                await self._peer.call("open_room", *self._told_of(room))

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        peer = self._worker(room)
        here = self._here.setdefault(room, Counter())
        here[member.id] += 1
        self._users.pop(room, None)
        if here[member.id] == 1:  # the mode it returns in is the worker's to tell
            self._set_raw(room, member.id, raw=False)
        mode = UNSET if patch is None else patch.mode
        try:
            with self._may_turn(room, member.id, mode):
                call = peer.call("attach", room, member, after, patch, head)
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
        raw = self._raw.get(room, frozenset())
        for (there, user), turning in self._turning.items():
            if there == room and user in raw:
                raw -= {user}
                turning.messages.append(message)
        if self._peer is not None:
            self._peer.cast("posted", message)
            self._unheard.append(message)
            if len(self._unheard) > UNHEARD_MESSAGES_MAX and self._connection is not None:
                log.error("a mediator does not keep up; it is started again", behind=len(self._unheard))
                self._connection.close()
        users = self._users.get(room)
        if users is None:
            leaving = {user for there, user in self._leaving if there == room}
            users = self._users[room] = frozenset(leaving.union(self._here.get(room, ())))
        return users - raw if raw else users

    def redacted(self, room: str, seq: int) -> None:
        self._redacted.append((room, seq))
        for kept in (self._unheard, *(turning.messages for turning in self._turning.values())):
            for place, message in enumerate(kept):
                if (message.room, message.seq) == (room, seq):
                    kept[place] = message.erased()
        self._cast("redacted", room, seq)

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

    def read(self, user: str, request: Read) -> None:
        self._cast("read", user, request)

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._cast("opened", room, user, seqs)

    def forget(self, room: str) -> None:
        """See `Driver.forget`."""
        self._cast("forget", room)

    # What the worker tells.

    def _told(self, room: str, user: str, frame: msgspec.Struct) -> None:
        if isinstance(frame, Turn):
            frame = frame.without(self._redacted)
        elif isinstance(frame, Message) and (room, frame.seq) in self._redacted:
            frame = frame.erased()
        self._tell(room, user, frame)

    def _mode(self, room: str, user: str, raw: bool, at: int) -> None:
        """A reader reads raw, or not any more, from the message behind `at` on."""
        if user not in self._here.get(room, ()):
            return
        self._set_raw(room, user, raw=raw)
        if raw:
            kept = [message for message in self._unheard if message.room == room and message.seq > at]
        else:
            turning = self._turning.get((room, user)) or _Turning()
            kept = [message for message in turning.messages if message.seq <= at]
            turning.messages.clear()
        for message in kept:
            self._tell(room, user, message)

    @contextmanager
    def _may_turn(self, room: str, user: str, mode: Mode | UnsetType) -> Iterator[None]:
        """A request is under way that may end a reader's raw mode: keep what is posted until the worker tells."""
        if mode is UNSET or mode == "raw" or user not in self._raw.get(room, frozenset()):
            yield
            return
        turning = self._turning.setdefault((room, user), _Turning())
        turning.requests += 1
        try:
            yield
        finally:
            turning.requests -= 1
            if not turning.requests and self._turning.get((room, user)) is turning:
                del self._turning[room, user]
                for message in turning.messages:  # it did not turn
                    self._tell(room, user, message)

    def _set_raw(self, room: str, user: str, *, raw: bool) -> None:
        known = self._raw.get(room, frozenset())
        self._raw[room] = known | {user} if raw else known - {user}

    def _worker_heard(self, messages: int) -> None:
        for _ in range(min(messages, len(self._unheard))):
            self._unheard.popleft()

    def _deliver(self, number: int, turn: Turn) -> None:
        deliver = self._delivers.get(number)
        if deliver is not None:
            deliver(turn.without(self._redacted))

    def _counted(self, counts: MediationCounts, readers: int, encoding: EncodingCount | None) -> None:
        self._latest, self.readers, self.encoding = counts, readers, encoding or EncodingCount(0, 0, 0)

    async def _ask_store(self, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if name not in STORE_METHODS:
            raise LookupError(f"expected one of {', '.join(sorted(STORE_METHODS))}, got `{name}`")
        return await getattr(self._store, name)(*args, **named)

    # Helpers.

    def _told_of(self, room: str) -> tuple[Any, ...]:
        epoch, *told = self._rooms[room]
        return room, epoch, self._heads[room], *told

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
        self._users.pop(room, None)
        self._turning.pop((room, user), None)
        self._set_raw(room, user, raw=False)

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
