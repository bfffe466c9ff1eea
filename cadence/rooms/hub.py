"""The rooms that are open: what is said in them becomes durable, then everybody there is told.

A message is encoded once and offered to each connection's outbox; no socket is ever awaited here. Whoever
paces human readers is a `Mediation`; without one, humans receive the raw stream as agents do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, TypeVar

import structlog
from msgspec import Struct, UnsetType

from cadence.counts import HubCounts
from cadence.rooms import Clock
from cadence.rooms.connection import Connection
from cadence.rooms.invitations import Invitations
from cadence.rooms.limiter import (
    AGENT_MESSAGES_PER_S,
    HUMAN_MESSAGES_PER_S,
    ROOM_MESSAGES_PER_S,
    Bucket,
    Shares,
    admit,
    messages_per_s,
    retry_after_s,
)
from cadence.rooms.log import Appended, Draft, HostAction, Log
from cadence.rooms.mediation import Mediation, StoreUnavailable
from cadence.rooms.mentions import mentions
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.outbox import encoded
from cadence.rooms.room import RoomInfo
from cadence.rooms.shared import Peers
from cadence.rooms.speaking import Speech, refusal, said_of
from cadence.rooms.wire import (
    CLOSE_KICKED,
    CLOSE_RESTART,
    Author,
    Member,
    Message,
    Reconnect,
    Redacted,
    Said,
    Say,
    WireError,
)

CONNECTIONS_PER_USER_MAX = 32
AWAY_SECONDS = 2.0  # what those are asked to wait whose mediator is gone
DRAIN_SECONDS_MAX = 5.0
HEAL_MESSAGES_MAX = 1000
RECONNECTS_PER_S = 200.0  # how fast clients are asked to come back after a restart
RECONNECT_SPREAD_SECONDS_MAX = 30.0

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Hub:
    """`mediation` may be set until the first connection joins."""

    def __init__(
        self, store: Log, clock: Clock, mediation: Mediation | None = None, peers: Peers | None = None
    ) -> None:
        self.store = store
        self.peers = peers
        self.clock = clock
        self.mediation = mediation
        self.draining = False
        self.counts = HubCounts()
        self.invitations = Invitations(store)
        self._rooms: dict[str, OpenRoom] = {}
        self._connections: dict[Connection, None] = {}
        self._users: dict[str, tuple[Bucket, dict[Connection, None]]] = {}
        self.forgetting = asyncio.Lock()  # one user at a time is being forgotten
        self._parting: dict[str, asyncio.Event] = {}  # set when the user's last connection is gone
        # Of those who speak without a connection.
        self._visitors = {"agent": Shares(AGENT_MESSAGES_PER_S), "human": Shares(HUMAN_MESSAGES_PER_S)}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    # Rooms.

    async def open_room(self, info: RoomInfo) -> None:
        """Open a room, or change what a host decided about one that is open."""
        if info.room not in self._rooms:
            state = await self.store.open_room(info.room)
            opened = OpenRoom(info, state.epoch, state.head, self.clock, self.counts)
            now = self.clock()
            for action in await self.store.sanctions(info.room, now):
                if action.what in ("mute", "kick", "ban"):
                    opened.standing.set(action.what, action.whom, action.until, now)
            opened.invited = await self.invitations.of(info.room)
            self._rooms[info.room] = opened
        self.update_room(info)

    def update_room(self, info: RoomInfo) -> None:
        """Change what a host decided about an open room; whom it admits no longer has to leave."""
        room = self._rooms[info.room]
        room.info = info
        for member in room.members():
            if not room.admits(member):
                self.put_out(member.id, CLOSE_KICKED, "this room is private now", room)

    def rooms(self) -> list[OpenRoom]:
        """All open rooms, in the order they were opened."""
        return list(self._rooms.values())

    def find(self, room: str, member: Member | None) -> OpenRoom:
        """An open room that `member` (None: a stranger) may know of and be in; raises `no_such_room` or `forbidden`."""
        found = self._rooms.get(room)
        if found is None or not found.admits(member):
            raise WireError("no_such_room", f"expected a room of this server, got `{room[:64]}`", room=room[:64])
        if found.renewing:
            raise WireError("unavailable", "the room begins anew: try again in a moment", room=room, retry_after_s=1.0)
        if member is not None and member.role != "host":
            found.check_out(member.id)
        return found

    def may_read(self, room: str, member: Member) -> bool:
        """Whether `member` could enter a room now."""
        found = self._rooms.get(room)
        if found is None or not found.admits(member):
            return False
        return member.role == "host" or found.standing.out_s(member.id, self.clock()) == 0

    def barred(self, user: str) -> bool:
        """Whether a host has closed any room to `user` for now."""
        now = self.clock()
        return any(room.standing.out_s(user, now) > 0 for room in self._rooms.values())

    def opened(self, room: str) -> OpenRoom | None:
        """An open room, whoever asks."""
        return self._rooms.get(room)

    def joined(self, connection: Connection, room: str) -> OpenRoom:
        """A room `connection` is in; raises `not_joined`."""
        found = self.find(room, connection.member)
        if connection not in found:
            raise WireError("not_joined", f"expected a room you are in, got `{room[:64]}`: join it first", room=room)
        return found

    # Connections.

    def connect(self, connection: Connection) -> None:
        """Count a connection in; raises `unavailable` when its user has too many."""
        user = connection.member.id
        bucket, theirs = self._users.get(user) or (Bucket(messages_per_s(connection.member.kind)), {})
        if self.draining or len(theirs) >= CONNECTIONS_PER_USER_MAX:
            raise WireError(
                "unavailable",
                "the server is going away: reconnect in a moment"
                if self.draining
                else f"expected at most {CONNECTIONS_PER_USER_MAX} connections of one user: close one first",
            )
        theirs[connection] = None
        self._users[user] = (bucket, theirs)
        self._connections[connection] = None
        self._empty.clear()

    def disconnect(self, connection: Connection) -> None:
        """Count a connection out of the server and of all its rooms."""
        for room in list(connection.rooms):
            self.leave(connection, room)
        if connection in self._connections:
            del self._connections[connection]
            self.counts.evictions += connection.too_slow
            theirs = self._users[connection.member.id][1]
            del theirs[connection]
            if not theirs:
                del self._users[connection.member.id]
                if (parted := self._parting.pop(connection.member.id, None)) is not None:
                    parted.set()
        if not self._connections:
            self._empty.set()

    def enter(self, connection: Connection, room: OpenRoom) -> bool:
        """Let `connection` receive what follows in `room`; False if it did before."""
        room.flush()  # what was told before is not for who comes now
        fresh = room.join(connection, connection.member)
        connection.rooms[room.info.room] = room
        if self.peers is not None and fresh:
            self.peers.moved(room.info.room, connection.member.id)
        room.gather_presence()
        return fresh

    def leave(self, connection: Connection, room: str, attached: bool = True) -> None:
        """Undo `enter`; `attached` if mediation knows of the connection."""
        found = self._rooms[room]
        found.flush()
        connection.forget(room)
        if found.leave(connection):
            found.gather_presence()
            if self.peers is not None:
                self.peers.moved(room, connection.member.id)
            if attached and self.mediation is not None and connection.member.kind == "human":
                self.mediation.detach(room, connection.member.id)

    def connections(self) -> list[Connection]:
        """All connections, in the order they came."""
        return list(self._connections)

    def put_out(self, user: str, code: int, reason: str, room: OpenRoom | None = None) -> None:
        """Close the connections that `user` has, or has in `room`."""
        everywhere = self._users[user][1] if user in self._users else {}
        for connection in list(everywhere) if room is None else room.connections(user):
            connection.close(code, reason)

    async def parted(self, user: str) -> None:
        """Wait until `user` has no connection any more."""
        if user in self._users:
            await self._parting.setdefault(user, asyncio.Event()).wait()

    # Speech.

    def say(self, author: Member, request: Say, connection: Connection | None = None) -> asyncio.Future[Said]:
        """Make a message durable, then tell everybody; `connection` gets `said` before its own `message`.

        Raises `WireError` for what cannot be said; what the log refuses is in the future. Messages keep the order of
        the calls, whether or not anybody awaits the futures; cancelling one does not undo what was said.
        """
        room = self.find(request.room, author)
        if author.role != "host":
            room.check_muted(author.id)
        room.check(request)
        self._check_rate(room, author, connection)
        draft = Draft(
            room=request.room,
            author=Author(author.id, author.name, author.kind),
            id=request.id,
            at=self.clock(),
            text=request.text,
            parts=request.parts,
            reply_to=request.reply_to or None,
            pod=request.pod or None,
            spoken=request.spoken,
            mentions=mentions(request.text, room.members(), author.id),
        )
        asked = None if connection is None else (connection, request.ref)
        speech = Speech(room, draft, request.ref, asyncio.get_running_loop().create_future(), asked)
        speech.begin()
        # No task for each message: the log's own future wakes what follows, a batch of them in one turn of the loop.
        appending = asyncio.ensure_future(self.store.append(draft))
        self._tasks.add(appending)
        appending.add_done_callback(partial(self._appended, speech))
        return speech.answer

    async def redact(
        self, by: Member, room: OpenRoom, seq: int, connection: Connection | None, ref: str | UnsetType
    ) -> None:
        """Erase a message and tell everybody; raises `WireError`. `connection` is told with `ref`."""
        found = await self.store.messages_at(room.info.room, [seq]) if 0 < seq <= room.head else []
        if not found:
            raise WireError("not_found", f"expected a seq of 1 to {room.head}, got {seq}", field="seq")
        if found[0].from_.id != by.id and by.role != "host":
            raise WireError("forbidden", "only its author or a host may redact a message", field="seq")
        await self.own(self._erase(room, found[0], by, connection, ref))

    async def erase(self, room: str, seqs: Sequence[int], by: str) -> int:
        """Erase messages of a room, open or not, and tell everybody; returns how many were not erased before."""
        return await self.own(self._erase_all(room, seqs, by))

    def tell(self, room: str, user: str, frame: Struct, but: Connection | None = None) -> None:
        """Send `frame` to the connections `user` has in `room`, except `but`."""
        found = self._rooms.get(room)
        self.tell_here(room, user, frame, but)
        if self.peers is not None and found is not None and found.nodes(user):
            self.peers.tell(room, user, frame)

    def tell_here(self, room: str, user: str, frame: Struct, but: Connection | None = None) -> None:
        """As `tell`, to the connections at this node only."""
        found = self._rooms.get(room)
        connections = found.connections(user) if found is not None else []
        if connections:
            once = encoded(frame)
            for connection in connections:
                if connection is not but:
                    connection.deliver(once, room)

    def whole_presence(self, room: str) -> Struct | None:
        """Who is in `room` now."""
        found = self._rooms.get(room)
        return found.whole_presence() if found is not None else None

    def send_away(self, users: AbstractSet[str], after_s: float = AWAY_SECONDS) -> None:
        """Have the human connections of `users` come back, as after a restart, one after the other."""
        theirs = [one for user in users for one in self._users.get(user, (None, ()))[1] if one.member.kind == "human"]
        for place, connection in enumerate(theirs):
            self._send_away(connection, after_s, place, "Alex is starting again")

    # The end.

    async def drain(self, after_s: float) -> None:
        """Ask all clients to come back in `after_s` seconds or more, close their connections and wait for the last.

        A crowd is asked to come back one after the other, as the next server could not greet it in one moment.
        """
        self.draining = True
        for place, connection in enumerate(list(self._connections)):
            self._send_away(connection, after_s, place, "the server is going away")
        try:
            async with asyncio.timeout(DRAIN_SECONDS_MAX):
                await self._empty.wait()
        except TimeoutError:
            log.warning("drained without all", connections=len(self._connections))

    async def close(self) -> None:
        """Finish what was begun; no frame is sent after this."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS_MAX)
        for room in self._rooms.values():
            room.close()

    async def own(self, work: Coroutine[Any, Any, T]) -> T:
        """Finish `work` even if the caller is cut: what the log keeps, the room must be told."""
        # `asyncio.shield` does the same with two callbacks and a set of weak references: a fifth of a message's cost.
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._spawn(work).add_done_callback(partial(self._settled, answer))
        return await answer

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _send_away(self, connection: Connection, after_s: float, place: int, why: str) -> None:
        spread = min(place / RECONNECTS_PER_S, RECONNECT_SPREAD_SECONDS_MAX)
        connection.reply(Reconnect(after_s=round(after_s + spread, 3)))
        connection.close(CLOSE_RESTART, why)

    def _settled(self, answer: asyncio.Future[Any], task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            answer.cancel()
            return
        error = task.exception()
        if isinstance(error, StoreUnavailable):
            log.warning("work not done", error=str(error))
        elif error is not None and not isinstance(error, WireError):
            log.error("work failed", error=type(error).__name__, exc_info=error)
        if answer.done():  # the caller was cut
            return
        if error is None:
            answer.set_result(task.result())
        else:
            answer.set_exception(error)

    def _appended(self, speech: Speech, appending: asyncio.Future[Appended]) -> None:
        room = speech.room
        room.appending -= 1
        try:
            appended = appending.result()
        except BaseException as error:
            speech.failed()
            speech.settle(refusal(speech.draft, error, self.peers is not None, self._refused))
        else:
            speech.settle(self._keep(speech, appended))
        self._tasks.discard(appending)
        if self.peers is None and room.appending == 0 and room.gap() is not None:
            self._spawn(self.heal(room))

    def _keep(self, speech: Speech, appended: Appended) -> Said | Exception:
        """A message is durable: tell everybody, unless it was said before; returns what its speaker is to know."""
        room, message, said_at = speech.room, appended.message, speech.draft.at
        said = said_of(message, speech.ref)
        try:
            if appended.duplicate:
                speech.repeated(said)
            else:
                if message.seq > room.head:
                    room.said_at.append(said_at)
                else:  # the feed that nodes share was faster than this answer
                    self.counts.lag.add(self.clock() - said_at)
                self.hear(room, message)
        except Exception as error:
            return error
        return said

    def _refused(self) -> None:
        self.counts.log_refusals += 1

    def hear(self, room: OpenRoom, message: Message) -> None:
        """A message is durable, said here or at another node: tell everybody as soon as it is its turn."""
        for ready in room.committed(message):
            self._publish(room, ready)

    async def level(self, room: OpenRoom, to: int) -> None:
        """Tell what the log holds up to seq `to`, which a client or a reader's last turn knows from another node."""
        while room.head < to:
            found = await self.store.messages(
                room.info.room, after=room.head, limit=min(to - room.head, HEAL_MESSAGES_MAX)
            )
            if not found:
                return
            for message in found:
                self.hear(room, message)

    async def heal(self, room: OpenRoom) -> None:
        """Publish what the log holds but no task of this hub will report, so that the room goes on."""
        while (gap := room.gap()) is not None and room.appending == 0:
            first, last = gap
            log.warning("healing a gap", room=room.info.room, first=first, last=last)
            limit = min(last - first + 1, HEAL_MESSAGES_MAX)
            found = await self.store.messages(room.info.room, after=first - 1, limit=limit)
            ready = [message for stored in found for message in room.committed(stored)]
            if not ready:
                log.error("the log lacks a committed message", room=room.info.room, seq=first)
                return
            for message in ready:
                self._publish(room, message)

    def _publish(self, room: OpenRoom, message: Message) -> None:
        speaker = room.speaking.pop((message.from_.id, message.id), None)
        if speaker is not None:
            room.answer(speaker[0], said_of(message, speaker[1]))
        room.fan_out(message, self._withheld(message))
        self.counts.messages += 1

    def _withheld(self, message: Message) -> AbstractSet[str]:
        if self.mediation is None:
            return frozenset()
        try:
            return self.mediation.posted(message)
        except Exception:
            log.exception("mediation failed", room=message.room, seq=message.seq)
            return frozenset()  # a reader who sees too much has lost nothing

    async def _erase(
        self, room: OpenRoom, message: Message, by: Member, connection: Connection | None, ref: str | UnsetType
    ) -> None:
        name, seq, author = room.info.room, message.seq, message.from_.id
        if author != by.id and not message.redacted:
            await self.store.record(HostAction(self.clock(), by.id, "redact", name, author, note=f"seq {seq}"))
        room.erasing[seq] = (connection, by.id)
        fresh = False
        try:
            fresh = await self.store.redact(name, seq)
        finally:
            if not fresh:
                room.erasing.pop(seq, None)
        if connection is not None:
            connection.deliver(encoded(Redacted(ref=ref, room=name, seq=seq, by=by.id)), name)
        if fresh and self.peers is None:
            self.erased(room, seq)

    async def _erase_all(self, name: str, seqs: Sequence[int], by: str) -> int:
        room, fresh = self._rooms.get(name), list[int]()
        if room is not None:
            for seq in seqs:
                room.erasing.setdefault(seq, (None, by))
        try:
            fresh = await self.store.erase(name, seqs)
        finally:
            if room is not None:
                for seq in set(seqs).difference(fresh):
                    if room.erasing.get(seq) == (None, by):
                        del room.erasing[seq]
        if room is not None and self.peers is None:
            for seq in fresh:
                self.erased(room, seq)
        return len(fresh)

    def erased(self, room: OpenRoom, seq: int) -> None:
        """A message is gone, by whoever and at whichever node: tell all who have not been told."""
        connection, by = room.erasing.pop(seq, (None, ""))
        room.scrub(seq)
        if self.mediation is not None:
            self.mediation.redacted(room.info.room, seq)
        but = () if connection is None or connection not in room else (connection,)
        room.fan_out(Redacted(room=room.info.room, seq=seq, by=by), but=but)

    def renew(self, room: OpenRoom, epoch: str, head: int) -> None:
        """The room has a new epoch: send everybody away, to load it anew. Nobody gets in while it is `renewing`."""
        room.renewing = True
        for connection, _ in list(room.receivers()):
            connection.reply(Reconnect(after_s=0.0))
            self.leave(connection, room.info.room)
            connection.close(CLOSE_RESTART, "the room begins anew: load it again")
        room.renew(epoch, head)

    def _check_rate(self, room: OpenRoom, author: Member, connection: Connection | None) -> None:
        buckets = [room.bucket]
        if author.id in self._users:
            buckets.append(self._users[author.id][0])
        elif connection is None:
            buckets.append(self._visitors[author.kind].of(author.id))
        if connection is not None:
            buckets.append(connection.messages)
        wait = admit(buckets, self.clock())
        if wait > 0:
            raise WireError(
                "rate_limited",
                f"expected at most {messages_per_s(author.kind):g} messages a second from you and "
                f"{ROOM_MESSAGES_PER_S:g} in the room: wait {wait:.2f} s",
                retry_after_s=retry_after_s(wait),
            )
