"""The durable log in one SQLite file: write-ahead, one fsync for all who wait, never on the loop's thread.

Two threads: one owns the only writing connection and commits whatever waits as one transaction; the other
reads, and sees every commit that was acknowledged. After `kill -9`, or a loss of power, opening the file again
finds everything whose `append` had returned.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from cadence.rooms.log import (
    Appended,
    Draft,
    HostAction,
    ReaderRecord,
    RoomState,
    SessionRecord,
    StoredNode,
    Traces,
    erasing,
    reads,
    writes,
)
from cadence.rooms.log.lane import Lane, answer_each
from cadence.rooms.log.schema import Store, hold, open_reading, open_store
from cadence.rooms.log.searcher import Searcher
from cadence.rooms.log.turning import AppendTurn
from cadence.rooms.query import Term
from cadence.rooms.wire import Message, Turn

BATCH_REQUESTS_MAX = 1024  # requests that share one commit: bounds how long the first of them waits (8 us of work each)
READS_AT_ONCE_MAX = 1  # nothing to share between reads, so each is answered when it is done


class SqliteLog:
    """A `Log` in the file `path`; make one with `open`, and await `close` when done.

    A cancelled write may or may not have been kept: repeat it, saying is idempotent.
    """

    def __init__(self, lock: sqlite3.Connection, store: Store, reading: sqlite3.Connection, index: Path) -> None:
        self._lock, self._newest = lock, store.newest
        self._writes: Lane[Store] = Lane("log-writes", store, writes.commit_together, BATCH_REQUESTS_MAX)
        self._reads: Lane[sqlite3.Connection] = Lane("log-reads", reading, answer_each, READS_AT_ONCE_MAX)
        self._searcher = Searcher(self, index)

    @classmethod
    async def open(cls, path: Path, clock: Callable[[], float]) -> SqliteLog:
        """Open or make the log; who was connected when the last process died was closed at `clock()`.

        Raises `LogNewer`, `LogUnavailable` (also while another process has it open), or `LogError` for a
        file that is no log of ours.
        """
        return cls(*await asyncio.to_thread(_open_all, path, clock()), path.with_name(f"{path.name}.search"))

    async def newest(self) -> float:
        """When it was opened; since then nothing is newer than its clock."""
        return self._newest

    async def open_room(self, room: str) -> RoomState:
        return await self._writes.call(lambda store: writes.open_room(store, room))

    def append(self, draft: Draft) -> Awaitable[Appended]:
        return self._writes.call(writes.Append(draft))

    async def messages(
        self, room: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Message]:
        return await self._reads.call(lambda reading: reads.messages(reading, room, after, before, limit))

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]:
        return await self._reads.call(lambda reading: reads.messages_at(reading, room, seqs))

    async def redact(self, room: str, seq: int) -> bool:
        return bool(await self.erase(room, [seq]))

    async def erase(self, room: str, seqs: Sequence[int]) -> list[int]:
        fresh = await self._writes.call(lambda store: writes.erase(store, room, seqs))
        if fresh:
            await self._searcher.forget(room, fresh)
        return fresh

    async def search(self, room: str, terms: Sequence[Term], *, user: str | None = None, limit: int) -> list[Message]:
        return await self._searcher.search(room, terms, user, limit)

    async def state(self, room: str) -> RoomState | None:
        """The room's epoch and head, None if it was never opened."""
        return await self._reads.call(lambda reading: reads.state(reading, room))

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]:
        return await self._reads.call(lambda reading: reads.redacted_seqs(reading, room, after, to))

    def append_turn(self, user: str, turn: Turn, carried: bytes | None = None) -> Awaitable[None]:
        return self._writes.call(AppendTurn(user, turn, carried))

    async def turns(
        self, room: str, user: str, *, after: int | None = None, before: int | None = None, limit: int
    ) -> list[Turn]:
        return await self._reads.call(lambda reading: reads.turns(reading, room, user, after, before, limit))

    async def turns_at(self, room: str, user: str, turns: Sequence[int]) -> list[Turn]:
        return await self._reads.call(lambda reading: reads.turns_at(reading, room, user, turns))

    async def reader(self, room: str, user: str) -> ReaderRecord | None:
        return await self._reads.call(lambda reading: reads.reader(reading, room, user))

    async def save_reader(self, room: str, user: str, record: ReaderRecord) -> None:
        await self._writes.call(lambda store: writes.save_reader(store, room, user, record))

    async def add_raw_range(self, room: str, user: str, first: int, last: int) -> None:
        if first <= last:
            await self._writes.call(lambda store: writes.add_raw_range(store, room, user, first, last))

    async def raw_ranges(self, room: str, user: str, after: int) -> list[tuple[int, int]]:
        return await self._reads.call(lambda reading: reads.raw_ranges(reading, room, user, after))

    async def add_postponed(self, room: str, user: str, seqs: Sequence[int]) -> None:
        if seqs:
            await self._writes.call(lambda store: writes.add_postponed(store, room, user, seqs))

    async def postponed(self, room: str, user: str, after: int) -> list[int]:
        return await self._reads.call(lambda reading: reads.postponed(reading, room, user, after))

    async def save_nodes(self, room: str, kept: Sequence[StoredNode], dropped: Sequence[str]) -> None:
        await self._writes.call(lambda store: writes.save_nodes(store, room, kept, dropped))

    async def nodes(self, room: str) -> list[StoredNode]:
        return await self._reads.call(lambda reading: reads.nodes(reading, room))

    async def save_session(self, record: SessionRecord) -> None:
        await self._writes.call(lambda store: writes.save_session(store, record))

    async def session(self, key: str) -> SessionRecord | None:
        return await self._reads.call(lambda reading: reads.session(reading, key))

    async def sessions_open_since(self, closed_after: float) -> list[SessionRecord]:
        return await self._reads.call(lambda reading: reads.sessions_open_since(reading, closed_after))

    async def record(self, action: HostAction) -> None:
        await self._writes.call(lambda store: writes.record(store, action))

    async def host_actions(self, room: str, *, before: int | None = None, limit: int) -> list[tuple[int, HostAction]]:
        return await self._reads.call(lambda reading: reads.host_actions(reading, room, before, limit))

    async def sanctions(self, room: str, now: float) -> list[HostAction]:
        return await self._reads.call(lambda reading: reads.sanctions(reading, room, now))

    async def keep(self, kind: str, name: str, body: bytes | None) -> None:
        await self._writes.call(lambda store: writes.keep(store, kind, name, body))

    async def kept(self, kind: str) -> dict[str, bytes]:
        return await self._reads.call(lambda reading: reads.kept(reading, kind))

    async def said_by(self, user: str, limit: int) -> list[tuple[str, int]]:
        return await self._reads.call(lambda reading: reads.said_by(reading, user, limit))

    async def traces(self, user: str) -> Traces:
        found = Traces()
        for piece in await self._reads.call(lambda reading: erasing.pieces(reading, user)):
            found += await self._reads.call(piece.count)
        return found

    async def forget(self, user: str, alias: str) -> Traces:
        done = Traces()
        for piece in await self._reads.call(lambda reading: erasing.pieces(reading, user)):
            done += await self._writes.call(partial(piece.forget, alias=alias))
        await self._searcher.rename(user, alias)
        return done

    async def knows(self, room: str, user: str) -> bool:
        return await self._reads.call(lambda reading: reads.knows(reading, room, user))

    async def close(self) -> None:
        await self._searcher.close()
        await self._reads.close()
        await self._writes.close()  # last, so that its connection empties the write-ahead file
        self._lock.close()


def _open_all(path: Path, now: float) -> tuple[sqlite3.Connection, Store, sqlite3.Connection]:
    with ExitStack() as undo:
        lock = hold(path)
        undo.callback(lock.close)
        store = open_store(path, now)
        undo.callback(store.close)
        reading = open_reading(path)
        undo.pop_all()
        return lock, store, reading
