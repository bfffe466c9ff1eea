"""A log that several nodes share, without a network: for simulations and tests, in virtual time.

`MemoryHouse` is what a Redis would hold, each `MemoryNode` one server's way to it. A house can be away, can forget
the last second (then epochs change), and a node can be cut off from it, also between a write and its answer.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cadence.rooms.log import (
    Appended,
    Draft,
    HostAction,
    LogConflict,
    LogFenced,
    LogUnavailable,
    ReaderRecord,
    RoomState,
    SessionRecord,
    Traces,
)
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.log.rows import is_repeat
from cadence.rooms.roster import name_key
from cadence.rooms.shared import (
    FOLLOW_SECONDS,
    Entry,
    Erased,
    Event,
    Here,
    Leased,
    Own,
    Published,
    Renewed,
    Stand,
)
from cadence.rooms.wire import Member, Message, Turn

NODE_SECONDS = 10.0
NAME_SECONDS = 120.0


@dataclass(slots=True)
class _Feed:
    entries: list[Entry] = field(default_factory=list)
    dropped: int = 0  # entries that were there before those, and are no more
    here: dict[tuple[str, str], Member] = field(default_factory=dict)  # by node and user
    leases: dict[str, Leased] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many entries there ever were."""
        return self.dropped + len(self.entries)


@dataclass(slots=True)
class _Kept:
    """All that a Redis would keep."""

    log: MemoryLog
    feeds: dict[str, _Feed] = field(default_factory=dict)
    open_at: dict[tuple[str, ...], str] = field(default_factory=dict)  # session, or room and reader: node
    names: dict[str, tuple[str, float]] = field(default_factory=dict)  # name key: user, when it is free
    beats: dict[str, float] = field(default_factory=dict)
    beat_at: float = -math.inf  # the last of them
    lead: float = -math.inf  # of the furthest clock of a node before the house's


class MemoryHouse:
    """What all nodes share. `epochs` makes the rooms' epochs repeatable."""

    def __init__(self, clock: Callable[[], float], epochs: Iterator[str] | None = None) -> None:
        self.clock = clock
        self.available = True
        self.epochs = epochs if epochs is not None else map(str, itertools.count(1))
        self.kept = _Kept(MemoryLog(clock, self.epochs))
        self.stirred = asyncio.Event()

    def remember(self) -> _Kept:
        """A copy of all that is kept now, for `forget`."""
        return copy.deepcopy(self.kept, {id(self.clock): self.clock, id(self.epochs): self.epochs})

    def forget(self, since: _Kept) -> None:
        """Lose what came after `since`, as a crash with `appendfsync everysec` does: every epoch is new."""
        self.kept = since
        for name, room in since.log._rooms.items():
            room.epoch = next(self.epochs)
            room.messages = [msgspec.structs.replace(message, epoch=room.epoch) for message in room.messages]
            self.feed(name, Renewed(room.epoch))

    def feed(self, room: str, event: Event) -> None:
        """Let every node hear `event`."""
        found = self.kept.log._rooms.get(room)
        feed = self.kept.feeds.setdefault(room, _Feed())
        feed.entries.append(Entry(feed.n + 1, "" if found is None else found.epoch, event))
        stirred, self.stirred = self.stirred, asyncio.Event()
        stirred.set()

    def living(self) -> list[str]:
        """The nodes that were heard of lately."""
        now = self.clock()
        return sorted(node for node, at in self.kept.beats.items() if now - at < NODE_SECONDS)


class MemoryNode(MemoryLog):
    """A `Shared` log in memory: the way of `node` to `house`, which is cut while `connected` is False."""

    def __init__(self, house: MemoryHouse, node: str, clock: Callable[[], float] | None = None) -> None:
        self.house, self.node = house, node
        self.connected = True
        self.answers_lost = 0  # of so many writes to come the answer is lost, though they are done
        self.forgotten = self._beaten = False
        self._clock = clock or house.clock
        self._epochs = house.epochs
        self._closed = False
        self._fences: dict[tuple[str, str], int] = {}
        self._opened: set[str] = set()
        self._own: set[tuple[str, str, int]] = set()  # room, epoch and seq of what was said here and not heard yet

    @classmethod
    async def open(cls, house: MemoryHouse, node: str, clock: Callable[[], float] | None = None) -> MemoryNode:
        """Begin to live; whoever was open at a node that is dead was closed now, by `clock` or the house's."""
        found = cls(house, node, clock)
        await found.beat()
        return found

    # Where `MemoryLog` finds what it works on.

    @property
    def available(self) -> bool:  # type: ignore[override]
        return self.house.available and self.connected

    @property
    def _rooms(self) -> Any:  # type: ignore[override]
        return self.house.kept.log._rooms

    @property
    def _readers(self) -> Any:  # type: ignore[override]
        return self.house.kept.log._readers

    @property
    def _sessions(self) -> Any:  # type: ignore[override]
        return self.house.kept.log._sessions

    @property
    def _actions(self) -> Any:  # type: ignore[override]
        return self.house.kept.log._actions

    def _check_open(self) -> None:
        super()._check_open()
        if not self.available:
            raise LogUnavailable("expected the shared log to answer, but it is away: try again")

    @property
    def _kept(self) -> Any:  # type: ignore[override]
        return self.house.kept.log._kept

    def _committed(self, room: str, what: Message | HostAction | tuple[int, ...]) -> None:
        if isinstance(what, tuple):  # the text was in the feed too
            feed = self._feed(room)
            feed.dropped = feed.n
            feed.entries.clear()
        self.house.feed(room, Erased(what) if isinstance(what, tuple) else what)

    async def forget(self, user: str, alias: str) -> Traces:
        self._check_writable()
        kept = self.house.kept
        found = await kept.log.forget(user, alias)
        kept.names = {name: held for name, held in kept.names.items() if held[0] != user}
        kept.open_at = {key: node for key, node in kept.open_at.items() if user not in key[1:]}
        kept.open_at = {key: node for key, node in kept.open_at.items() if len(key) > 1 or key[0] in self._sessions}
        for feed in kept.feeds.values():  # they may still tell of them
            feed.dropped = feed.n
            feed.entries.clear()
            feed.leases.pop(user, None)
        return found

    async def renamed(self, user: str, alias: str) -> None:
        """Nothing is kept beside the log."""

    # Nodes and who is open at them.

    async def beat(self) -> list[str]:
        self._check_open()
        kept, now = self.house.kept, self.house.clock()
        step = now - kept.beat_at if kept.beat_at > -math.inf else 0.0
        if step < 0 or step > NODE_SECONDS:
            if step < 0 or self.node in kept.beats:  # the clock was set, or nobody could beat: that was no silence
                kept.beats = {node: at + step for node, at in kept.beats.items()}
            kept.lead -= step
        kept.beat_at, kept.lead = now, max(kept.lead, self._clock() - now)
        living = self.house.living()
        self.forgotten, self._beaten = self._beaten and self.node not in living, True
        kept.beats = {**{node: kept.beats[node] for node in living}, self.node: now}
        self._bury()
        return self.house.living()

    async def newest(self) -> float:
        return self.house.kept.beat_at + self.house.kept.lead

    def _bury(self) -> None:
        kept, living = self.house.kept, self.house.living()
        now = max(self._clock(), kept.beat_at + kept.lead)
        for key in [key for key, node in kept.open_at.items() if node not in living]:
            del kept.open_at[key]
            if len(key) == 1:
                record = self._sessions[key[0]] = replace(self._sessions[key[0]], closed_at=now)
                kept.names[name_key(record.name)] = (record.user, now + NAME_SECONDS)
            elif (reader := self._readers[key].record) is not None:
                self._readers[key].record = replace(reader, closed_at=now)
        for feed in kept.feeds.values():
            feed.here = {key: member for key, member in feed.here.items() if key[0] in living}

    async def open_room(self, room: str) -> RoomState:
        state = await super().open_room(room)
        self._bury()
        return state

    async def save_session(self, record: SessionRecord) -> None:
        self._check_writable()
        name, now = name_key(record.name), self._clock()
        user, free_at = self.house.kept.names.get(name, (record.user, 0.0))
        if user != record.user and free_at > now:
            raise LogConflict(f"expected a name that is free, got `{record.name}`: somebody bears it at another node")
        until = math.inf if record.closed_at is None else record.closed_at + NAME_SECONDS
        self.house.kept.names[name] = (record.user, until)
        await super().save_session(record)
        self._note((record.key,), record.closed_at)

    async def append(self, draft: Draft) -> Appended:
        appended = await super().append(draft)
        self._answer()
        if not appended.duplicate:  # else, and without an answer, the feed tells of it
            self._own.add((draft.room, appended.message.epoch, appended.message.seq))
        return appended

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        self._check_fence(room, user)
        await super().save_reader(room, user, record)
        self._note((room, user), record.closed_at)
        self._answer()

    async def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> None:
        self._check_fence(turn.room, user)
        stored = self._peek(turn.room, user)
        is_known = stored.record is not None and stored.record.turn >= turn.turn
        if is_known and is_repeat(turn, list(stored.turns.values())):
            return
        await super().append_turn(user, turn, carried)
        if (record := self._peek(turn.room, user).record) is not None:
            self._note((turn.room, user), record.closed_at)
        self._answer()

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        self._check_fence(room, user)
        await super().add_raw_range(room, user, first, last)

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._check_fence(room, user)
        await super().add_postponed(room, user, seqs)

    def _note(self, key: tuple[str, ...], closed_at: float | None) -> None:
        if closed_at is None:
            self.house.kept.open_at[key] = self.node
        else:
            self.house.kept.open_at.pop(key, None)

    # The feed.

    async def stand(self, room: str) -> Stand:
        self._check_open()
        state = self._rooms.get(room)
        n = self._feed(room).n
        return Stand(str(n), n, "" if state is None else state.epoch, 0 if state is None else len(state.messages))

    async def follow(self, room: str, cursor: str) -> tuple[str, list[Entry]]:
        self._check_open()
        stirred = self.house.stirred
        if self._feed(room).n <= int(cursor):
            try:
                async with asyncio.timeout(FOLLOW_SECONDS):
                    await stirred.wait()
            except TimeoutError:
                pass
            self._check_open()
        feed = self._feed(room)
        return str(feed.n), [self._heard(room, entry) for entry in feed.entries[max(0, int(cursor) - feed.dropped) :]]

    def _heard(self, room: str, entry: Entry) -> Entry:
        if isinstance(entry.event, Message) and (own := (room, entry.epoch, entry.event.seq)) in self._own:
            self._own.discard(own)
            return replace(entry, event=Own(entry.event.seq))
        return entry

    async def publish(self, room: str, event: Published) -> None:
        self._check_writable()
        if isinstance(event, Here):
            here = self._feed(room).here
            left = {user for node, user in here if node == self.node} if event.all else event.left
            for user in left:
                here.pop((self.node, user), None)
            here.update({(self.node, member.id): member for member in event.joined})
        self.house.feed(room, event)

    async def here(self, room: str) -> dict[str, list[Member]]:
        self._check_open()
        found: dict[str, list[Member]] = {}
        for (node, _), member in self._feed(room).here.items():
            if node in self.house.living():
                found.setdefault(node, []).append(member)
        return found

    async def lease(self, room: str, user: str, *, take: bool = True) -> int:
        self._check_writable()
        leases = self._feed(room).leases
        held = leases.get(user)
        if held is not None and not take and held.node != self.node and held.node in self.house.living():
            return 0
        lease = leases[user] = Leased(user, self.node, 1 if held is None else held.token + 1)
        self.house.feed(room, lease)
        self._answer()
        self.fence(room, user, lease.token)
        return lease.token

    async def leases(self, room: str) -> list[Leased]:
        self._check_open()
        return list(self._feed(room).leases.values())

    async def let_go(self, room: str, user: str, token: int) -> None:
        self._check_writable()
        leases = self._feed(room).leases
        if (held := leases.get(user)) is not None and held.token == token:
            leases[user] = Leased(user, "", token + 1)
            self.house.feed(room, leases[user])

    def fence(self, room: str, user: str, token: int | None) -> None:
        if token is None:
            self._fences.pop((room, user), None)
        else:
            self._fences[room, user] = token

    async def erased(self, room: str, seqs: Sequence[int]) -> None:
        """Nothing is kept beside the log."""

    async def close(self) -> None:
        if not self._closed:
            self.house.kept.beats.pop(self.node, None)
        await super().close()

    def _check_fence(self, room: str, user: str) -> None:
        self._check_writable()
        token, held = self._fences.get((room, user)), self._feed(room).leases.get(user)
        if token is not None and (held is None or held.token != token):
            raise LogFenced("expected to mediate this reader, but another node does now: nothing was kept")

    def _answer(self) -> None:
        """What was asked for has been done; the answer may never come."""
        if self.answers_lost:
            self.answers_lost -= 1
            raise LogUnavailable("expected an answer of the shared log, but the connection broke: try again")

    def _feed(self, room: str) -> _Feed:
        return self.house.kept.feeds.setdefault(room, _Feed())
