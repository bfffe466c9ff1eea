"""Mediation among several nodes: each reader is mediated by one of them, whichever it asked last.

Wraps the mediation of this node. Whoever has connections of a reader but not its lease follows: it lets human speech
through as it comes, keeps AI speech back, and is sent the reader's turns by the node that has the lease. A reader
that asks, or whose node dies, is taken over: what the log holds of it is all that its next mediator needs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Protocol
from weakref import WeakValueDictionary

import msgspec
import structlog

from cadence.rooms.following import Following
from cadence.rooms.hub import Hub
from cadence.rooms.leases import (
    Action,
    Arrived,
    Asked,
    Departed,
    Fenced,
    Granted,
    Heard,
    Key,
    Leases,
    LetGo,
    Living,
    Lose,
    Refused,
    State,
    Take,
)
from cadence.rooms.log import LogUnavailable
from cadence.rooms.mediation import Attached, Mediation, StoreFenced, StoreUnavailable
from cadence.rooms.shared import Did, Leased, Shared
from cadence.rooms.wire import (
    CLOSE_RESTART,
    After,
    Ask,
    Member,
    Message,
    Read,
    Turn,
    ViewPatch,
    ViewReply,
    ViewRequest,
    WireError,
)

HEARD_SECONDS = 1.0  # in which what another node told is heard, if it is told at all
RETRY_SECONDS = 1.0  # after a store that could not be asked for a lease
TAKEN = "another node has just taken over this reader"

log = structlog.get_logger(__name__)
_read_read = msgspec.json.Decoder(Read).decode


class Movable(Mediation, Protocol):
    """Mediation that can give a reader away.

    `elsewhere(room)` tells it who has pages at other nodes too: those are sent human speech as it comes, so nothing of
    it may wait for a turn, however much there is.
    """

    elsewhere: Callable[[str], AbstractSet[str]]

    async def settle(self, room: str, user: str) -> None:
        """Wait until what was decided for this reader is stored."""

    def drop(self, room: str, user: str) -> int | None:
        """Forget this reader, connections and all: another node mediates it, or knows it better.

        Returns the number of the last turn that it was sent, 0 if there is none or it is not known; None if something
        was on its way to it that will not come any more. Nothing that was decided for it until now is stored hereafter,
        under whatever lease.
        """

    async def renew(self, room: str, epoch: str, head: int) -> None:
        """The room began anew: forget it and its readers, of whom nobody is connected."""


class Placement:
    """The `Mediation` of a hub among others, and the `Mediating` of its `Node`. `did` tells the others of a `read`."""

    def __init__(self, inner: Movable, store: Shared, hub: Hub, did: Callable[[str, str, Read], None]) -> None:
        self._inner, self._store, self._hub, self._did = inner, store, hub, did
        inner.elsewhere = self._elsewhere
        self._leases = Leases(store.node)
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()  # gone when nobody holds or waits
        self._members: dict[Key, Member] = {}
        self._arriving: Counter[Key] = Counter()  # connections that wait to be mediated here
        self._following = Following()
        self._since: dict[Key, int] = {}  # the head when a lease was asked for
        self._unattached: dict[Key, int] = {}  # connections here of which the mediation does not know; they are closing
        self._living: frozenset[str] = frozenset()
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _elsewhere(self, room: str) -> AbstractSet[str]:
        found = self._hub.opened(room)
        return frozenset() if found is None else found.elsewhere()

    # What the hub asks.

    async def attach(
        self, room: str, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        key = (room, member.id)
        self._members[key] = member
        self._note(key, self._leases.handle(Arrived(key)))
        self._arriving[key] += 1
        try:
            async with self._lock(key):
                if self._leases.state(key) is not State.HELD:
                    await self._take(key)
                try:
                    return await self._attach(key, member, after, patch, head)
                except StoreFenced:  # another node has taken over, and this one has not heard of it yet
                    self._leases.handle(Fenced(key))
                    self._note(key, self._leases.handle(Asked(key)))
                    await self._take(key, moved=True)
                    return await self._attach(key, member, after, patch, head)
        except StoreFenced:
            self._run(self._leases.handle(Departed(key)))
            raise StoreUnavailable(TAKEN) from None
        except BaseException:
            self._run(self._leases.handle(Departed(key)))
            raise
        finally:
            self._arriving[key] -= 1
            if not self._arriving[key]:
                del self._arriving[key]

    def _there(self, key: Key) -> int:
        """Connections of a reader that are here and do not just arrive."""
        return self._leases.connections(key) - self._arriving[key]

    async def _attach(
        self, key: Key, member: Member, after: After | None, patch: ViewPatch | None, head: int
    ) -> Attached:
        attached = await self._inner.attach(key[0], member, after, patch, head)
        self._following.reads(key, raw=attached.view.mode == "raw")
        return attached

    def detach(self, room: str, user: str) -> None:
        key = (room, user)
        held = self._leases.state(key) is State.HELD
        if self._leases.connections(key) == 0:
            return  # the room began anew
        actions = self._leases.handle(Departed(key))
        if unattached := self._unattached.pop(key, 0):
            if unattached > 1:
                self._unattached[key] = unattached - 1
        elif held:
            self._inner.detach(room, user)
        elif not self._leases.connections(key):
            self._forget(key)
        self._run(actions)

    def posted(self, message: Message) -> AbstractSet[str]:
        withheld = set(self._inner.posted(message))
        for user in self._leases.elsewhere(message.room):
            key = (message.room, user)
            if self._leases.state(key) is not State.FOLLOWING:
                withheld.add(user)
            elif self._following.keeps_back(key, message):
                withheld.add(user)
        return withheld

    def redacted(self, room: str, seq: int) -> None:
        self._inner.redacted(room, seq)

    def allowed(self, user: str) -> None:
        self._inner.allowed(user)

    async def forget_reader(self, user: str) -> None:
        await self._inner.forget_reader(user)
        await asyncio.sleep(0)  # what lets go of their leases has begun
        for key in [key for key in self._members if key[1] == user]:
            async with self._lock(key):  # and has ended: it would name them again
                if not self._leases.connections(key):
                    self._forget(key)

    async def why(self, by: Member, room: str, user: str, turn: int) -> dict[str, Any]:
        return await self._inner.why(by, room, user, turn)

    async def set_view(self, by: Member, request: ViewRequest) -> ViewReply:
        key = (request.room, request.participant or by.id)
        reply: ViewReply = await self._held(key, lambda: self._inner.set_view(by, request))
        if self._leases.connections(key):
            self._following.reads(key, raw=reply.view.mode == "raw")
        return reply

    async def ask(self, by: Member, request: Ask, deliver: Callable[[Turn], None]) -> None:
        await self._held((request.room, by.id), lambda: self._inner.ask(by, request, deliver))

    def read(self, user: str, request: Read) -> None:
        if self._leases.state((request.room, user)) is State.HELD:
            self._inner.read(user, request)
        else:
            self._did(request.room, user, request)

    def opened(self, room: str, user: str, seqs: Sequence[int]) -> None:
        if self._leases.state((room, user)) is State.HELD:
            self._inner.opened(room, user, seqs)

    # What the node hears.

    def leased(self, room: str, event: Leased) -> None:
        self._run(self._leases.handle(Heard((room, event.user), event.node, event.token)))

    def did(self, room: str, event: Did) -> None:
        if self._leases.state((room, event.user)) is State.HELD:
            self._inner.read(event.user, _read_read(event.frame))

    def told(self, room: str, user: str, frame: msgspec.Struct) -> None:
        """Another node told this reader something."""
        key = (room, user)
        follows = self._leases.connections(key) and self._leases.state(key) is not State.HELD
        if follows and self._following.told(key, frame):
            self._come_back(room, user)

    def missed(self, room: str) -> None:
        """Readers that are followed may lack turns that were told: let them come back for them."""
        for user in self._leases.elsewhere(room):
            self._come_back(room, user)

    def _come_back(self, room: str, user: str) -> None:
        """This reader lacks what the log has: who resumes is sent it."""
        found = self._hub.opened(room)
        for connection in found.connections(user) if found is not None else ():
            connection.close(CLOSE_RESTART, "this server missed something: reconnect and resume")

    def living(self, nodes: frozenset[str]) -> None:
        self._living = nodes
        self._run(self._leases.handle(Living(nodes)))

    async def renewed(self, room: str, epoch: str, head: int) -> None:
        self._leases.forget(room)
        for key in [key for key in self._unattached if key[0] == room]:
            del self._unattached[key]
        try:
            await self._inner.renew(room, epoch, head)
        except StoreUnavailable as error:
            raise LogUnavailable(str(error)) from error

    # Leases.

    async def _held(self, key: Key, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Do `work` while this node mediates the reader; if nobody of it is connected here, only meanwhile."""
        try:
            return await self._hold(key, work)
        except StoreFenced:
            raise StoreUnavailable(TAKEN) from None

    async def _hold(self, key: Key, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        async with self._lock(key):
            if self._leases.state(key) is State.HELD:
                return await work()
            self._note(key, self._leases.handle(Asked(key)))
            last = await self._take(key)
            try:
                return await work()
            finally:
                self._run(last)

    async def _take(self, key: Key, moved: bool = False) -> list[Action]:
        """Have the lease, and mediate the connections that followed. The reader's lock is held.

        `moved`: another node has mediated the reader until now, whatever was heard.
        """
        room, user = key
        mediated = moved and self._there(key) > 0
        moved = moved or self._leases.holder(key) in self._living - {self._store.node}
        found = self._hub.opened(room)
        sent = self._give(key)  # before the lease is there: what was decided until now is not to be written under it
        try:
            token = await self._store.lease(room, user)
            record = await self._store.reader(room, user)
            if record is not None and record.closed_at is None and moved:
                # It was mediated until now: what waits for its next look need not be told as after an absence.
                await self._store.save_reader(room, user, replace(record, closed_at=self._hub.clock()))
            if record is not None and found is not None:  # what a turn has covered must not be heard after it
                await self._hub.level(found, record.covered_to)
        except BaseException:
            self._run(self._leases.handle(Refused(key)))
            if found is not None and found.head > self._since.get(key, found.head):  # that was kept back
                self._come_back(room, user)
            raise
        if mediated and record is not None and record.turn > sent:  # by whom, and told to whom, is not known
            self._come_back(room, user)
        # What pages that followed were not told, while their server was thought dead say, they are sent now.
        turn, lacks = self._following.taken(key, *((0, None) if record is None else (record.turn, record.raw_from)))
        if lacks:
            self._come_back(room, user)
        actions = self._leases.handle(Granted(key, token))
        if self._leases.state(key) is not State.HELD and not any(isinstance(one, LetGo) for one in actions):
            self._run(actions)
            raise StoreUnavailable(TAKEN)
        if found is not None:
            await self._attach_again(key, After(found.epoch, self._since.get(key, found.head), turn))
        return actions

    def _give(self, key: Key) -> int:
        """Have nothing of this reader decided here any more; returns the last turn that connections here were sent."""
        self._unattached.pop(key, None)
        turn = self._inner.drop(*key)
        if turn is None:
            self._come_back(*key)
        return turn or 0

    async def _attach_again(self, key: Key, after: After) -> None:
        """Connections that followed are mediated here from now on: feed them what came while the lease was asked for.

        What follows is held back meanwhile, as for one that joins. Where one cannot be attached, all come back.
        """
        room, user = key
        found, others = self._hub.opened(room), self._there(key)
        if found is None or not others:
            return
        pages = [one for one in found.connections(user) if not one.holds(room)]  # who is just joining is fed by that
        if len(pages) < others:
            self._come_back(room, user)
        for page in pages:
            page.hold(room)
        for left in range(others, 0, -1):
            try:
                attached = await self._attach(key, self._members[key], after, None, found.head)
            except BaseException:
                self._unattached[key] = left
                self._come_back(room, user)
                raise
            if pages:
                pages.pop(0).feed(room, attached.backfill)
        for page in pages:
            page.release(room)

    def _note(self, key: Key, actions: list[Action]) -> None:
        """The lease will be asked for: from here on everything is kept back, and then read from the log."""
        found = self._hub.opened(key[0])
        if any(isinstance(action, Take) for action in actions) and found is not None:
            self._since[key] = found.head

    def _run(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Lose(key):
                    turn = self._give(key)
                    if self._leases.connections(key):
                        self._following.lost(key, turn)
                    self._spawn(self._follow(key))
                case LetGo(key, token):
                    self._spawn(self._let_go(key, token))
                case Take(key):
                    self._note(key, [action])
                    self._spawn(self._take_over(key))

    async def _take_over(self, key: Key) -> None:
        """The node that mediated a reader of ours is gone."""
        while self._leases.connections(key):
            try:
                async with self._lock(key):
                    if self._leases.state(key) is not State.HELD:
                        self._note(key, self._leases.handle(Asked(key)))
                        self._run(await self._take(key))
                return
            except (StoreUnavailable, StoreFenced, WireError) as error:
                log.warning("reader not taken over; trying again", room=key[0], error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        self._leases.handle(Refused(key))  # nobody is left for whom to take it

    async def _let_go(self, key: Key, token: int) -> None:
        async with self._lock(key):
            await self._inner.settle(*key)
            if self._leases.connections(key) == 0:
                self._forget(key)
                await self._store.let_go(*key, token)

    async def _follow(self, key: Key) -> None:
        """Whoever took over thinking this node dead has told it nothing meanwhile: then let its pages come back."""
        record = await self._store.reader(*key)
        await asyncio.sleep(HEARD_SECONDS)
        if record is None or self._leases.state(key) is not State.FOLLOWING:
            return
        lacks = self._following.lacks_turns(key, record.turn)
        if not lacks and self._following.mistakes_mode(key, record.raw_from):  # or the mode has changed just now
            record = await self._store.reader(*key) or record
            lacks = self._following.mistakes_mode(key, record.raw_from)
        if lacks and self._leases.state(key) is State.FOLLOWING:
            self._come_back(*key)

    def _forget(self, key: Key) -> None:
        """Nobody of this reader is here."""
        self._members.pop(key, None)
        self._since.pop(key, None)
        self._unattached.pop(key, None)
        self._following.forget(key)

    def _lock(self, key: Key) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._settled)

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, StoreUnavailable):
                log.warning("lease not settled", error=str(error))
            else:
                log.error("lease not settled", error=type(error).__name__, exc_info=error)
