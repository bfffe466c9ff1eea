"""Searches the log through its index, which is brought up to date first. See `index` for what is kept where."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import structlog

from cadence.rooms.log import LogUnavailable, RoomState, index
from cadence.rooms.log.lane import Lane, answer_each
from cadence.rooms.query import Term
from cadence.rooms.wire import Message

BATCH_MESSAGES = 250  # read and indexed at once
CATCH_UP_SECONDS_MAX = 2.0  # how long a search waits for the index, which goes on without it
CLEAN_SECONDS = 1.0  # after a redaction, and those that come meanwhile, the index is rewritten

log = structlog.get_logger(__name__)


class Source(Protocol):
    """What the searcher reads of the log."""

    async def messages(self, room: str, *, after: int | None = None, limit: int) -> list[Message]: ...

    async def messages_at(self, room: str, seqs: Sequence[int]) -> list[Message]: ...

    async def redacted_seqs(self, room: str, after: int, to: int) -> list[int]: ...

    async def state(self, room: str) -> RoomState | None: ...


class Searcher:
    """Searches, and is told of every redaction. The file is opened when it is first needed."""

    def __init__(self, source: Source, path: Path) -> None:
        self._source, self._path = source, path
        self._lane: Lane[sqlite3.Connection] | None = None
        self._opening = asyncio.Lock()
        self._catching_up: dict[str, asyncio.Task[None]] = {}  # by room, of those under way
        self._cleaning: asyncio.Task[None] | None = None

    async def search(self, room: str, terms: Sequence[Term], user: str | None, limit: int) -> list[Message]:
        """The newest `limit` messages with all `terms`, ascending. Raises `LogUnavailable`."""
        lane = await self._opened()
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
                if (earlier := self._catching_up.get(room)) is not None:
                    await asyncio.wait([earlier])  # it may have begun before what is looked for was said
                await asyncio.shield(self._caught_up(lane, room))
        except TimeoutError:
            raise LogUnavailable("the index is being made: ask again in a moment") from None
        seqs = await lane.call(lambda each: index.find(each, room, terms, user, limit))
        return [message for message in await self._source.messages_at(room, seqs) if not message.redacted]

    async def forget(self, room: str, seqs: Sequence[int]) -> None:
        """The log has erased these messages. An index that cannot be told catches up when it is next opened."""
        if self._lane is None and not self._path.exists():
            return
        try:
            lane = await self._opened()
            if await lane.call(lambda each: index.forget(each, room, seqs)):
                self._clean_soon(lane)
        except LogUnavailable as error:
            log.warning("index not told of a redaction; it is made again at the next start", error=str(error))

    async def rename(self, user: str, alias: str) -> None:
        """Messages of `user` are those of `alias` from here on. Raises `LogUnavailable`."""
        if self._lane is not None or self._path.exists():
            await (await self._opened()).call(lambda each: index.rename(each, user, alias))

    async def close(self) -> None:
        for task in (*self._catching_up.values(), *([self._cleaning] if self._cleaning else [])):
            task.cancel()
            await asyncio.wait([task])
        if self._lane is not None:
            await self._lane.close()

    async def _opened(self) -> Lane[sqlite3.Connection]:
        async with self._opening:
            if self._lane is None:
                try:
                    connection = await asyncio.to_thread(index.open_index, self._path)
                except (OSError, sqlite3.Error) as error:
                    raise LogUnavailable(f"expected to open the index, got: {error}; try again") from error
                lane = Lane("log-index", connection, answer_each, 1)
                try:
                    await self._reconcile(lane)
                except BaseException:
                    await lane.close()
                    raise
                self._lane = lane
            return self._lane

    async def _reconcile(self, lane: Lane[sqlite3.Connection]) -> None:
        """Forget what was erased while the index was not told: by a crash, or on a full disk."""
        for room in await lane.call(index.rooms):
            state = await self._source.state(room)
            if state is not None:
                gone = await self._source.redacted_seqs(room, 0, state.head)
                await lane.call(lambda each, room=room, gone=gone: index.forget(each, room, gone))  # type: ignore[misc]
        await lane.call(index.clean)

    def _caught_up(self, lane: Lane[sqlite3.Connection], room: str) -> asyncio.Task[None]:
        """The work that brings the index of `room` to its head, begun if it is not under way."""
        task = self._catching_up.get(room)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._catch_up(lane, room))
            self._catching_up[room] = task
            task.add_done_callback(lambda done: self._settled(room, done))
        return task

    def _settled(self, room: str, done: asyncio.Task[None]) -> None:
        del self._catching_up[room]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("index not brought up to date; the next search tries again", room=room, error=str(error))

    async def _catch_up(self, lane: Lane[sqlite3.Connection], room: str) -> None:
        state = await self._source.state(room)
        if state is None:
            return
        after = await lane.call(lambda each: index.indexed_to(each, room, state.epoch, state.head))
        while after < state.head:
            page = await self._source.messages(room, after=after, limit=min(BATCH_MESSAGES, state.head - after))
            if not page:
                break
            first, after = page[0].seq, page[-1].seq
            await lane.call(lambda each, page=page: index.add(each, room, page))  # type: ignore[misc]
            # Erased after it was read and before it was indexed: `forget` came too early for it.
            gone = await self._source.redacted_seqs(room, first - 1, after)
            if await lane.call(lambda each, gone=gone: index.forget(each, room, gone)):  # type: ignore[misc]
                self._clean_soon(lane)

    def _clean_soon(self, lane: Lane[sqlite3.Connection]) -> None:
        if self._cleaning is None or self._cleaning.done():
            self._cleaning = asyncio.get_running_loop().create_task(self._clean(lane))

    async def _clean(self, lane: Lane[sqlite3.Connection]) -> None:
        await asyncio.sleep(CLEAN_SECONDS)
        try:
            await lane.call(index.clean)
        except LogUnavailable as error:
            log.warning("index not rewritten after a redaction; it is at the next start", error=str(error))
