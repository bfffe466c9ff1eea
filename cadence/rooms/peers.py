"""One node among several that serve the same rooms: hears what the others did, and lets them hear what it did.

Of every open room it follows the feed. A gap in it, a new epoch, or a store that was away makes it look at the room
as a whole again: what was said meanwhile is told, who is there is asked, sanctions and redactions are taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol

import structlog
from msgspec import Struct

from cadence.rooms import moderation
from cadence.rooms.hub import Hub
from cadence.rooms.log import HostAction, LogError
from cadence.rooms.log.rows import cited
from cadence.rooms.openroom import OpenRoom
from cadence.rooms.shared import (
    BEAT_SECONDS,
    Did,
    Entry,
    Erased,
    Here,
    Leased,
    Parted,
    Parting,
    Renewed,
    Shared,
    Stand,
    Told,
    Typed,
)
from cadence.rooms.wire import Message, Turn, decode_reply, encode

RETRY_SECONDS = 0.5  # after a store that was away
OUTGOING_EVENTS_MAX = 10_000  # of a room, waiting for the store; the oldest are dropped, and readers resume
FOLLOW_PAUSE_SECONDS = 0.01  # after something was heard: a busy feed is read so often at most, one at rest at once
UNSEEN_MAX = 2  # looks at a feed that says it is longer than what was heard, before the room is looked at as a whole

SILENT_SECONDS = 2 * BEAT_SECONDS  # after which the others may have thought us dead, with time to spare
LEAP_SECONDS = 1.0  # that a clock leaps over without a word
_MOVED = Here("")  # stands in a queue for who has moved by the time it is published

log = structlog.get_logger(__name__)


class Mediating(Protocol):
    """Whoever decides which node mediates a reader."""

    def leased(self, room: str, event: Leased) -> None:
        """A reader's lease was taken."""

    def did(self, room: str, event: Did) -> None:
        """A reader has read something at another node."""

    def told(self, room: str, user: str, frame: Struct) -> None:
        """Another node sent this frame to a reader."""

    def missed(self, room: str) -> None:
        """Something that other nodes told may not have been heard."""

    def living(self, nodes: frozenset[str]) -> None:
        """These nodes live, and no others."""

    async def renewed(self, room: str, epoch: str, head: int) -> None:
        """The room began anew; nobody is in it."""


class _Telling(Struct, frozen=True):
    """What will be `Told` to `user`, encoded when it is its turn."""

    user: str
    frame: Struct


class Node:
    """The `Peers` of a hub. Call `open` for each room, and `close` in the end."""

    def __init__(self, hub: Hub, store: Shared) -> None:
        self._hub, self._store = hub, store
        self.mediating: Mediating | None = None  # set before the first room is opened, if at all
        self._stands: dict[str, Stand] = {}
        self._gone: dict[str, set[int]] = {}
        self._moved: dict[str, dict[str, None]] = {}
        self._outgoing: dict[str, deque[Struct]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.reaffirm: Callable[[], Awaitable[None]] | None = None  # says again who is connected
        self.refresh: Callable[[], Awaitable[None]] | None = None  # takes over what no feed tells, at each sign of life
        self.let_go: Callable[[str], Awaitable[None]] | None = None  # ends all there is here of who is forgotten
        # Who is being forgotten from here, the nodes that have them still, and what is set when none has.
        self._parting: dict[str, tuple[set[str], asyncio.Event]] = {}
        self.living: frozenset[str] = frozenset()
        self.reach: Callable[[float], float] | None = None  # lets this node's clock go on from another's that is ahead
        self._stirred = asyncio.Event()  # there is reason to beat now
        self._beat_at = hub.clock()
        self._back_in: set[str] = set()  # rooms in which it is not heard yet that this node is back
        self.resyncs = 0

    def start(self) -> None:
        """Begin to show signs of life, and to look for those of others."""
        self._spawn("beat", self._beat)

    async def open(self, room: str) -> None:
        """Take over the room as it is at the other nodes, and follow it from now on. Raises `LogError`."""
        if room not in self._stands:
            await self._look(self._room(room))
            self._spawn(f"follow {room}", lambda: self._follow(room))

    async def close(self) -> None:
        """Follow no more."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What the hub tells.

    def moved(self, room: str, user: str) -> None:
        if not self._moved.setdefault(room, {}):
            self._publish(room, _MOVED)
        self._moved[room][user] = None

    def tell(self, room: str, user: str, frame: Struct) -> None:
        self._publish(room, _Telling(user, frame))

    def typed(self, room: str, user: str) -> None:
        self._publish(room, Typed(self._store.node, user))

    async def part(self, user: str, alias: str) -> None:
        rooms = self._hub.rooms()
        others, gone = set(await self._store.beat()) - {self._store.node}, asyncio.Event()
        if others and rooms:
            self._parting[user] = (others, gone)
            try:
                self._publish(rooms[0].info.room, Parting(self._store.node, user, alias))
                await gone.wait()
            finally:
                del self._parting[user]
        await self._all_told()

    async def _let_go(self, room: str, user: str, alias: str) -> None:
        assert self.let_go is not None
        await self.let_go(user)
        await self._store.renamed(user, alias)
        await self._all_told()
        self._publish(room, Parted(self._store.node, user))

    async def _all_told(self) -> None:
        """Wait until nothing waits to be told to the others: that somebody left, say, which names them."""
        if telling := [task for name, task in self._tasks.items() if name.startswith("publish ")]:
            await asyncio.wait(telling)

    def did(self, room: str, user: str, frame: Struct) -> None:
        """A connection here sent what concerns whoever mediates `user` elsewhere."""
        self._publish(room, Did(self._store.node, user, encode(frame).decode()))

    def _who_moved(self, room: str) -> Here:
        """All who came and left since it was last told: a crowd that comes at once is one event."""
        moved = self._moved.pop(room, {})
        here = {member.id: member for member in self._room(room).here()}
        joined = tuple(here[user] for user in moved if user in here)
        return Here(self._store.node, joined, tuple(user for user in moved if user not in here))

    def _publish(self, room: str, event: Struct) -> None:
        waiting = self._outgoing.setdefault(room, deque(maxlen=OUTGOING_EVENTS_MAX))
        waiting.append(event)
        name = f"publish {room}"
        if name not in self._tasks or self._tasks[name].done():
            self._spawn(name, lambda: self._drain(room, waiting))

    async def _drain(self, room: str, waiting: deque[Any]) -> None:
        while waiting:
            if waiting[0] is _MOVED:
                waiting[0] = self._who_moved(room)
            event = told = waiting[0]
            if isinstance(event, _Telling):
                told = Told(self._store.node, event.user, encode(self._bare(event.frame)).decode())
            try:
                await self._store.publish(room, told)
            except LogError as error:
                log.warning("other nodes not told; trying again", room=room, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if waiting and waiting[0] is event:
                waiting.popleft()

    def _bare(self, frame: Struct) -> Struct:
        """`frame` without what is gone of it: it may have waited, or whoever tells it has not heard of that yet."""
        if not isinstance(frame, Turn):
            return frame
        return frame.without((room, seq) for room, seq in cited(frame) if seq in self._gone.get(room, ()))

    # What it hears.

    async def _follow(self, room: str) -> None:
        unseen = 0
        while True:
            try:
                stand = self._stands.get(room) or await self._look(self._room(room))
                cursor, entries = await self._store.follow(room, stand.cursor)
                if not entries:
                    now = await self._store.stand(room)
                    unseen = unseen + 1 if now.n != stand.n else 0
                    if now.epoch != stand.epoch or now.n < stand.n or unseen >= UNSEEN_MAX:
                        unseen = 0
                        del self._stands[room]
                    continue
                unseen = 0
                await self._hear(self._room(room), cursor, entries)
                await asyncio.sleep(FOLLOW_PAUSE_SECONDS)
            except Exception as error:
                if isinstance(error, LogError):  # what is fed meanwhile is heard later, from where we stand
                    log.warning("room not followed; trying again", room=room, error=str(error))
                else:
                    log.exception("room not followed; trying again", room=room)
                    self._stands.pop(room, None)
                await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, room: OpenRoom, cursor: str, entries: list[Entry]) -> None:
        name = room.info.room
        for entry in entries:
            stand = self._stands[name]
            if entry.n <= stand.n:
                continue  # heard when the room was looked at
            if entry.n != stand.n + 1 or entry.epoch != stand.epoch or isinstance(entry.event, Renewed):
                await self._look(room)
                return
            self._stands[name] = Stand(cursor, entry.n, stand.epoch, stand.head)
            self._apply(room, entry.event)
        if room.gap() is not None:
            await self._hub.heal(room)

    def _apply(self, room: OpenRoom, event: Any) -> None:
        name = room.info.room
        match event:
            case Message():
                if self.mediating is not None and self._is_doubted(name):
                    self.mediating.missed(name)
                self._hub.hear(room, event)
            case Erased(seqs):
                self._erased(room, seqs)
            case HostAction():
                moderation.acted(self._hub, room, event)
            case Here(node) if node == self._store.node:
                if event.all:
                    self._back_in.discard(name)
            case Here(node):
                if event.all:
                    if node not in self.living:  # it has just begun, and its clock may be ahead of ours
                        self._stirred.set()
                    room.hear_all({**_elsewhere(room), node: event.joined})
                else:
                    room.hear(node, event.joined, event.left)
                room.gather_presence()
            case Typed(node, user) if node != self._store.node:
                room.types_elsewhere(user)
            case Told(node, user, frame) if node != self._store.node:
                reply = self._bare(decode_reply(frame))
                if self.mediating is not None:
                    self.mediating.told(name, user, reply)
                self._hub.tell_here(name, user, reply)
            case Leased() if self.mediating is not None:
                self.mediating.leased(name, event)
            case Parting(node, user, alias) if self.let_go is not None and node != self._store.node:
                self._spawn(f"part {user}", lambda: self._let_go(name, user, alias))
            case Parted(node, user) if user in self._parting:
                others, gone = self._parting[user]
                others.discard(node)
                if not others:
                    gone.set()
            case Did(node) if self.mediating is not None and node != self._store.node:
                self.mediating.did(name, event)

    def _erased(self, room: OpenRoom, seqs: Sequence[int]) -> None:
        name = room.info.room
        self._gone[name].update(seqs)
        for seq in seqs:
            self._hub.erased(room, seq)
        self._spawn(f"erase {name} {seqs[0]}", lambda: self._store.erased(name, seqs))

    async def _look(self, room: OpenRoom) -> Stand:
        """Take over the room as it is now."""
        name = room.info.room
        first = name not in self._gone
        stand = await self._store.stand(name)
        if stand.epoch != room.epoch or room.renewing:
            await self._renew(room)
            stand = await self._store.stand(name)
        if not first and self.mediating is not None:
            for lease in await self._store.leases(name):  # who took over meanwhile is told by no entry any more
                self.mediating.leased(name, lease)
            self.mediating.missed(name)
        await self._hub.level(room, stand.head)
        gone = await self._store.redacted_seqs(name, 0, stand.head)
        fresh = sorted(set(gone) - self._gone.setdefault(name, set()))
        if first:
            self._gone[name].update(fresh)
        elif fresh:
            self._erased(room, fresh)
        for action in await self._store.sanctions(name, self._hub.clock()):
            moderation.acted(self._hub, room, action)
        here = await self._store.here(name)
        room.hear_all({node: members for node, members in here.items() if node != self._store.node})
        room.gather_presence()
        self._publish(name, Here(self._store.node, room.here(), all=True))
        self._stands[name] = stand
        if not first:
            self.resyncs += 1
        return stand

    async def _renew(self, room: OpenRoom) -> None:
        name = room.info.room
        state = await self._store.open_room(name)
        log.warning("the room begins anew", room=name, epoch=state.epoch, head=state.head)
        self._hub.renew(room, state.epoch, state.head)
        self._gone[name] = set()
        if self.mediating is not None:
            await self.mediating.renewed(name, state.epoch, state.head)
        room.renewing = False

    async def _beat(self) -> None:
        while True:
            try:
                living = frozenset(await self._store.beat())
            except LogError as error:
                log.warning("no sign of life; trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if living != self.living:
                self._bury(living)
            now, before = self._hub.clock(), self._beat_at
            if self.reach is not None and (leap := self.reach(await self._store.newest())) >= LEAP_SECONDS:
                log.warning("another server's clock is ahead: time goes on from there", seconds=round(leap, 3))
            self._beat_at = self._hub.clock()
            if now - before >= SILENT_SECONDS or self._store.forgotten:
                await self._back()
            if self.refresh is not None and "refresh" not in self._tasks:
                self._spawn("refresh", self.refresh)
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._stirred.wait()

    async def _back(self) -> None:
        """The others may have thought us dead, and who is here gone."""
        for room in self._hub.rooms():
            self._back_in.add(room.info.room)
            self._publish(room.info.room, Here(self._store.node, room.here(), all=True))
        if self.reaffirm is not None:
            await self.reaffirm()

    def _is_doubted(self, room: str) -> bool:
        """Whether what is heard now may have been said while the others counted on no page here."""
        return self._hub.clock() - self._beat_at >= SILENT_SECONDS or room in self._back_in

    def _bury(self, living: frozenset[str]) -> None:
        self.living = living
        for room in self._hub.rooms():
            room.hear_all({node: members for node, members in _elsewhere(room).items() if node in living})
            room.gather_presence()
        if self.mediating is not None:
            self.mediating.living(living)

    def _room(self, room: str) -> OpenRoom:
        found = self._hub.opened(room)
        assert found is not None, "expected a room that is open"
        return found

    def _spawn(self, name: str, work: Callable[[], Coroutine[Any, Any, None] | Awaitable[None]]) -> None:
        self._tasks[name] = asyncio.create_task(_logged(name, work))
        self._tasks[name].add_done_callback(lambda task: self._settled(name, task))

    def _settled(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]


def _elsewhere(room: OpenRoom) -> dict[str, list[Any]]:
    """The members of `room` at other nodes, by node."""
    found: dict[str, list[Any]] = {}
    for member in room.members():
        for node in room.nodes(member.id):
            found.setdefault(node, []).append(member)
    return found


async def _logged(name: str, work: Callable[[], Coroutine[Any, Any, None] | Awaitable[None]]) -> None:
    try:
        await work()
    except LogError as error:
        log.warning("left undone", work=name, error=str(error))
    except Exception:
        log.exception("work of the node failed", work=name)
