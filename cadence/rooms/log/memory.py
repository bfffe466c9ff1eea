"""The log without a disk: for simulations and tests, in virtual time, with no threads.

Same answers as `SqliteLog`, from the same contract suite. What a process would lose in a crash is kept here:
`recover` is what opening the file again would do.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cadence.rooms.log import (
    Appended,
    Draft,
    HostAction,
    LogConflict,
    LogUnavailable,
    ReaderRecord,
    RoomState,
    SessionRecord,
    StoredNode,
    Traces,
)
from cadence.rooms.log.rows import (
    cited,
    conflict,
    fingerprint,
    next_record,
    renamed_message,
    renamed_patch,
    renamed_turn,
    standing_actions,
    to_message,
    unknown_room,
)
from cadence.rooms.query import Term, matches
from cadence.rooms.wire import Message, Turn

_SALT = b""  # nothing leaves memory, and a fixed salt keeps a simulation the same in every run


@dataclass(slots=True)
class _Room:
    epoch: str
    last_at: float = 0.0
    messages: list[Message] = field(default_factory=list)  # seq n at index n - 1
    said: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)  # (user, id): seq, fingerprint
    cited_by: dict[int, set[tuple[str, str, int]]] = field(default_factory=dict)  # seq: (room, user, turn)
    nodes: dict[str, StoredNode] = field(default_factory=dict)


@dataclass(slots=True)
class _Reader:
    record: ReaderRecord | None = None
    turns: dict[int, Turn] = field(default_factory=dict)
    raw_ranges: set[tuple[int, int]] = field(default_factory=set)
    postponed: set[int] = field(default_factory=set)


class MemoryLog:
    """A `Log` in memory. `clock` tells `recover` the time; `epochs` makes the rooms' epochs repeatable.

    Set `available` to False and every write raises `LogUnavailable`, as on a full disk. `append`,
    `append_turn` and `redact` let others run once before they return, as a commit does; a call that is
    cancelled then was kept, and its caller never learns it.
    """

    def __init__(self, clock: Callable[[], float], epochs: Iterator[str] | None = None) -> None:
        self.available = True
        self._clock = clock
        self._epochs = epochs
        self._rooms: dict[str, _Room] = {}
        self._readers: dict[tuple[str, str], _Reader] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._actions: list[HostAction] = []  # number n at index n - 1
        self._kept: dict[str, dict[str, bytes]] = {}  # by kind, by name
        self._closed = False

    def recover(self) -> None:
        """Do what opening after a crash does: whoever was connected is closed now."""
        self._closed = False
        now = max(self._clock(), self._newest())
        for reader in self._readers.values():
            if reader.record is not None and reader.record.closed_at is None:
                reader.record = replace(reader.record, closed_at=now)
        for key, session in self._sessions.items():
            if session.closed_at is None:
                self._sessions[key] = replace(session, closed_at=now)

    async def open_room(self, room: str) -> RoomState:
        self._check_open()
        if room not in self._rooms:
            self._check_writable()
            epoch = next(self._epochs) if self._epochs is not None else secrets.token_hex(8)
            self._rooms[room] = _Room(epoch)
        found = self._rooms[room]
        return RoomState(found.epoch, len(found.messages))

    async def newest(self) -> float:
        self._check_open()
        return self._newest()

    def _newest(self) -> float:
        times = [room.last_at for room in self._rooms.values()]
        records = [*(reader.record for reader in self._readers.values()), *self._sessions.values()]
        times += [record.closed_at for record in records if record is not None and record.closed_at is not None]
        return max(times, default=0.0)

    async def append(self, draft: Draft) -> Appended:
        self._check_writable()
        room = self._rooms.get(draft.room)
        if room is None:
            raise unknown_room(draft.room)
        key, mark = (draft.author.id, draft.id), fingerprint(_SALT, draft)
        if key in room.said:
            seq, first_mark = room.said[key]
            if mark != first_mark:
                raise conflict(draft)
            appended = Appended(room.messages[seq - 1], duplicate=True)
        else:
            room.last_at = max(room.last_at, draft.at)
            message = to_message(draft, room.epoch, len(room.messages) + 1, room.last_at)
            room.messages.append(message)
            room.said[key] = (message.seq, mark)
            self._committed(draft.room, message)
            appended = Appended(message, duplicate=False)
        await asyncio.sleep(0)
        return appended

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]:
        self._check_open()
        found = self._rooms.get(room)
        if found is None or limit <= 0:
            return []
        low = max(after or 0, 0)  # indexes low..high-1 hold the seqs above `after` and below `before`
        high = len(found.messages) if before is None else max(min(before - 1, len(found.messages)), low)
        chosen = slice(low, min(high, low + limit)) if after is not None else slice(max(high - limit, low), high)
        return found.messages[chosen]

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]:
        self._check_open()
        messages = self._rooms[room].messages if room in self._rooms else []
        return [messages[seq - 1] for seq in sorted(set(seqs)) if 1 <= seq <= len(messages)]

    async def redact(self, room: str, seq: int) -> bool:
        return bool(await self.erase(room, [seq]))

    async def erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        self._check_writable()
        fresh = [seq for seq in sorted(set(seqs)) if self._erase(room, seq)]
        if fresh:
            self._committed(room, tuple(fresh))
        await asyncio.sleep(0)
        return fresh

    def _erase(self, room: str, seq: int) -> bool:
        found = self._rooms.get(room)
        if found is None or not 1 <= seq <= len(found.messages) or found.messages[seq - 1].redacted:
            return False
        found.messages[seq - 1] = found.messages[seq - 1].erased()
        found.nodes = {name: node for name, node in found.nodes.items() if not node.first <= seq <= node.last}
        for turn_room, user, number in found.cited_by.get(seq, ()):
            turns = self._readers[turn_room, user].turns
            turns[number] = turns[number].without([(room, seq)])
        return True

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]:
        self._check_open()
        messages = self._rooms[room].messages if room in self._rooms else []
        return [message.seq for message in messages[max(after, 0) : max(to, 0)] if message.redacted]

    async def search(self, room: str, terms: Sequence[Term], *, user: str | None = None, limit: int) -> list[Message]:
        self._check_open()
        found = [
            message
            for message in (self._rooms[room].messages if room in self._rooms else [])
            if (user is None or message.from_.id == user)
            and matches(terms, " ".join((message.text, *(part.body for part in message.parts))))
        ]
        return found[max(len(found) - max(limit, 0), 0) :]

    async def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> None:
        self._check_writable()
        if turn.room not in self._rooms:
            raise unknown_room(turn.room)
        reader = self._reader(turn.room, user)
        record = next_record(reader.record, user, turn, carried)
        if turn.turn in reader.turns:
            raise LogConflict(f"expected a turn that is not stored, got turn {turn.turn} of `{user}` again")
        sources = cited(turn)
        gone = [(room, message.seq) for room, seq in sources for message in self._at(room, seq) if message.redacted]
        reader.record = record
        reader.turns[turn.turn] = turn.without(gone)
        for room, seq in sources:
            if room in self._rooms:
                self._rooms[room].cited_by.setdefault(seq, set()).add((turn.room, user, turn.turn))
        await asyncio.sleep(0)

    async def turns(
        self, room: str, user: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Turn]:
        self._check_open()
        turns = self._peek(room, user).turns
        chosen = [
            number
            for number in sorted(turns)
            if (after is None or number > after) and (before is None or number < before)
        ]
        limit = max(limit, 0)
        chosen = chosen[:limit] if after is not None else chosen[max(len(chosen) - limit, 0) :]
        return [turns[number] for number in chosen]

    async def turns_at(self, room: str, user: str, turns: Sequence[int]) -> list[Turn]:
        self._check_open()
        stored = self._peek(room, user).turns
        return [stored[number] for number in sorted(set(turns)) if number in stored]

    async def reader(self, room: str, user: str) -> ReaderRecord | None:
        self._check_open()
        return self._peek(room, user).record

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        self._check_writable()
        self._reader(room, user).record = record

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        self._check_writable()
        if first <= last:
            self._reader(room, user).raw_ranges.add((first, last))

    async def raw_ranges(self, room: str, user: str, after: int) -> list[tuple[int, int]]:
        self._check_open()
        return sorted(pair for pair in self._peek(room, user).raw_ranges if pair[1] > after)

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        self._check_writable()
        self._reader(room, user).postponed.update(seqs)

    async def postponed(self, room: str, user: str, after: int) -> list[int]:
        self._check_open()
        return sorted(seq for seq in self._peek(room, user).postponed if seq > after)

    async def save_nodes(self, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None:
        self._check_writable()
        found = self._rooms[room]
        for name in dropped:
            found.nodes.pop(name, None)
        for node in kept:
            if len(await self.redacted_seqs(room, node.first - 1, node.last)) <= node.gone:
                found.nodes[node.name] = node

    async def nodes(self, room: str) -> list[StoredNode]:
        self._check_open()
        nodes = self._rooms[room].nodes.values() if room in self._rooms else ()
        return sorted(nodes, key=lambda node: (node.first, node.last, node.name))

    async def save_session(self, record: SessionRecord) -> None:
        self._check_writable()
        self._sessions[record.key] = record

    async def session(self, key: str) -> SessionRecord | None:
        self._check_open()
        return self._sessions.get(key)

    async def sessions_open_since(self, closed_after: float) -> list[SessionRecord]:
        self._check_open()
        found = (self._sessions[key] for key in sorted(self._sessions))
        return [record for record in found if record.closed_at is None or record.closed_at > closed_after]

    async def record(self, action: HostAction) -> None:
        self._check_writable()
        self._actions.append(action)
        self._committed(action.room, action)

    async def host_actions(self, room: str, *, before: int | None = None, limit: int) -> list[tuple[int, HostAction]]:
        self._check_open()
        found = [pair for pair in enumerate(self._actions, 1) if pair[1].room == room]
        found = [pair for pair in found if before is None or pair[0] < before]
        return found[max(len(found) - max(limit, 0), 0) :]

    async def sanctions(self, room: str, now: float) -> list[HostAction]:
        self._check_open()
        return standing_actions((action for action in self._actions if action.room == room), now)

    async def keep(self, kind: str, name: str, body: bytes | None) -> None:
        self._check_writable()
        of_kind = self._kept.setdefault(kind, {})
        of_kind.pop(name, None)
        if body is not None:
            of_kind[name] = body

    async def kept(self, kind: str) -> dict[str, bytes]:
        self._check_open()
        return dict(sorted(self._kept.get(kind, {}).items()))

    async def said_by(self, user: str, limit: int) -> list[tuple[str, int]]:
        self._check_open()
        said = ((name, message) for name in sorted(self._rooms) for message in self._rooms[name].messages)
        found = [(name, message.seq) for name, message in said if message.from_.id == user and not message.redacted]
        return found[: max(limit, 0)]

    async def traces(self, user: str) -> Traces:
        self._check_open()
        messages = [message for room in self._rooms.values() for message in room.messages]
        readers = {pair: reader for pair, reader in self._readers.items() if pair[1] != user}
        turns = [turn for reader in readers.values() for turn in reader.turns.values()]
        views = [reader.record.patch for reader in readers.values() if reader.record is not None]
        own = [reader for pair, reader in self._readers.items() if pair[1] == user]
        return Traces(
            messages=sum(message.from_.id == user for message in messages),
            mentions=sum(message.from_.id != user and user in message.mentions for message in messages),
            turns=sum(len(reader.turns) for reader in own),
            cited=sum(renamed_turn(turn, user, "") != turn for turn in turns)
            + sum(renamed_patch(patch, user) != patch for patch in views),
            readers=sum(reader.record is not None for reader in own),
            sessions=sum(session.user == user for session in self._sessions.values()),
            actions=sum(user in (action.by, action.whom) for action in self._actions),
        )

    async def forget(self, user: str, alias: str) -> Traces:
        self._check_writable()
        found = await self.traces(user)
        for room in self._rooms.values():
            room.messages = [renamed_message(message, user, alias) for message in room.messages]
            theirs = [key for key in room.said if key[0] == user]
            for key in theirs:
                seq, _ = room.said.pop(key)
                room.said[alias, f"forgotten-{seq}"] = (seq, b"")
            for seq, turns in room.cited_by.items():
                room.cited_by[seq] = {one for one in turns if one[1] != user}
        self._readers = {pair: reader for pair, reader in self._readers.items() if pair[1] != user}
        for reader in self._readers.values():
            reader.turns = {number: renamed_turn(turn, user, alias) for number, turn in reader.turns.items()}
            if (record := reader.record) is not None:
                by = alias if record.set_by == user else record.set_by
                reader.record = replace(record, patch=renamed_patch(record.patch, user), set_by=by)
        self._sessions = {key: session for key, session in self._sessions.items() if session.user != user}
        self._actions = [
            replace(
                action,
                by=alias if action.by == user else action.by,
                whom=alias if action.whom == user else action.whom,
            )
            for action in self._actions
        ]
        return found

    async def knows(self, room: str, user: str) -> bool:
        self._check_open()
        said = self._rooms[room].said if room in self._rooms else {}
        return self._peek(room, user).record is not None or any(author == user for author, _ in said)

    async def close(self) -> None:
        self._closed = True

    def _committed(self, room: str, what: Message | HostAction | tuple[int, ...]) -> None:
        """A message, a host's action or the redaction of seqs was committed just now."""

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("expected an open log, got one that was closed: open it again")

    def _check_writable(self) -> None:
        self._check_open()
        if not self.available:
            raise LogUnavailable("expected a log that can write, got one set to refuse: nothing was kept, try again")

    def _at(self, room: str, seq: int) -> list[Message]:
        messages = self._rooms[room].messages if room in self._rooms else []
        return messages[seq - 1 : seq] if seq >= 1 else []

    def _reader(self, room: str, user: str) -> _Reader:
        return self._readers.setdefault((room, user), _Reader())

    def _peek(self, room: str, user: str) -> _Reader:
        return self._readers.get((room, user)) or _Reader()
