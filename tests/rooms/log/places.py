"""What the log's tests share: where a log lives between two openings, and short ways to make its contents."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cadence.rooms.log import Draft, Log
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.log.memory_node import MemoryHouse, MemoryNode
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.wire import Author, Covers, Segment, Turn

FILE = "log.sqlite"


class Place:
    """A folder, a piece of memory, or a Redis at `url`: it outlives its log. `now` is the time the log is told."""

    def __init__(self, kind: str, folder: Path, url: str | None = None) -> None:
        self.now = 1000.0
        self._path = folder / FILE
        self._url = url
        self._nodes = itertools.count(1)
        self._house = MemoryHouse(lambda: self.now) if kind == "node" else None
        self._memory = MemoryLog(lambda: self.now, map(str, itertools.count(1))) if kind == "memory" else None

    async def open(self) -> Log:
        if self._url is not None:
            from cadence.rooms.log.redis import RedisLog  # the extra may be absent

            return await RedisLog.open(self._url, lambda: self.now, index=self._path)
        if self._house is not None:
            return await MemoryNode.open(self._house, f"node-{next(self._nodes)}")
        if self._memory is None:
            return await SqliteLog.open(self._path, lambda: self.now)
        self._memory.recover()
        return self._memory

    @asynccontextmanager
    async def opened(self, *rooms: str) -> AsyncIterator[Log]:
        log = await self.open()
        try:
            for room in rooms or ("room",):
                await log.open_room(room)
            yield log
        finally:
            await log.close()


@asynccontextmanager
async def sqlite_log(folder: Path) -> AsyncIterator[SqliteLog]:
    """A log with the room `room`, and with its own kind's private parts at hand."""
    log = await SqliteLog.open(folder / FILE, lambda: 1000.0)
    try:
        await log.open_room("room")
        yield log
    finally:
        await log.close()


class Gate:
    """Keeps the writing thread busy until `open`, so that what is called meanwhile shares a batch."""

    def __init__(self, log: SqliteLog) -> None:
        self._busy, self._event = threading.Event(), threading.Event()
        self._call = asyncio.ensure_future(log._writes.call(self._hold))

    def _hold(self, store: sqlite3.Connection) -> None:
        self._busy.set()
        self._event.wait()

    @classmethod
    async def shut(cls, log: SqliteLog) -> Gate:
        gate = cls(log)
        await asyncio.to_thread(gate._busy.wait)  # else what follows might still share the gate's own batch
        return gate

    async def open(self) -> None:
        await asyncio.sleep(0)  # whoever was started meanwhile now waits
        self._event.set()
        await self._call


def pragma(log: SqliteLog, text: str) -> Any:
    """Run a PRAGMA on the connection that writes, past its thread, which must be idle or behind a gate."""
    row = log._writes._connection.execute(f"PRAGMA {text}").fetchone()
    return row and row[0]


def crash_image(folder: Path, to: Path) -> Path:
    """Copy the files of an open log as they lie: what the next process would find if this one died now."""
    shutil.copytree(folder, to)
    return to


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def draft(text: str = "hello", id: str = "1", *, user: str = "ana", room: str = "room", **more: Any) -> Draft:
    author = Author(user, user.title(), "agent")
    return Draft(**{"room": room, "author": author, "id": id, "at": 1000.0, "text": text, **more})


def segment(text: str, *sources: int, **more: Any) -> Segment:
    return Segment("quote", ("ana",), text, sources, 0.5, **more)


def turn(number: int, *segments: Segment, to: int | None = None, room: str = "room") -> Turn:
    covers = None if to is None else Covers(epoch="e", from_=1, to=to, messages=1, words=1)
    return Turn(
        room=room,
        turn=number,
        at="2026-01-01T00:00:00.000Z",
        mode="paraphrase" if covers else "answer",
        covers=covers,
        words=4,
        segments=segments,
        by="embedded",
    )
