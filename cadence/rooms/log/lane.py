"""One thread that owns one connection, and the bounded hand-over between it and the event loop.

The loop never waits on a disk and the connection never changes hands. A call waits, in the order of the
calls, for one of `REQUESTS_MAX` places; the thread takes what is there, runs it as a batch, and gives all
its outcomes back in one step of the loop, in the order of the calls.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from cadence.rooms.log import LogUnavailable

REQUESTS_MAX = 4096  # requests handed over and not yet answered; further callers wait

_T = TypeVar("_T")
ConnectionT = TypeVar("ConnectionT", bound=sqlite3.Connection)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request: a value, or the error its caller is to see."""

    value: Any = None
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Request(Generic[ConnectionT]):
    work: Callable[[ConnectionT], Any]
    answer: asyncio.Future[Any]


class _Places:
    """A semaphore, fair, that costs one comparison while places are free; asyncio's looks through all who wait."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a place if one is free and nobody waits for it."""
        if self._free == 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        """Take a place in the order of the calls."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # given the place in the moment it stopped waiting
                self.give()
            raise

    def give(self) -> None:
        """Pass a place on to the first who still waits, or set it free."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Lane(Generic[ConnectionT]):
    """Runs work on `connection` in a thread of its own; `close` ends it.

    `run` gets the connection and at least one and at most `batch_max` pieces of work, and returns one outcome
    for each. It must not raise; if it does, that is a fault of ours, and the whole batch gets it.
    """

    def __init__(
        self,
        name: str,
        connection: ConnectionT,
        run: Callable[[ConnectionT, Sequence[Callable[[ConnectionT], Any]]], list[Outcome]],
        batch_max: int,
    ) -> None:
        self._connection = connection
        self._run = run
        self._batch_max = batch_max
        self._loop = asyncio.get_running_loop()
        self._places = _Places(REQUESTS_MAX)
        # Bounded by the places: only a holder of one puts something in.
        self._queue: queue.SimpleQueue[_Request[ConnectionT] | None] = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        self._closing: asyncio.Task[None] | None = None
        # A daemon, for a program that dies without `close` must not hang; nothing unanswered was promised.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[ConnectionT], _T]) -> _T:
        """Run `work` in the thread and return what it returned, or raise what it raised.

        A cancelled call may have been handed over already: then the work is done and nobody learns of it.
        """
        if self._closing is not None:
            raise LogUnavailable("expected an open log, got one that was closed: open it again")
        if not self._places.take():
            await self._places.wait()
        answer: asyncio.Future[_T] = self._loop.create_future()
        self._queue.put(_Request(work, answer))
        return await answer

    async def close(self) -> None:
        """Answer every call made so far, then close the connection and end the thread. May be called again."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._finish())
        await asyncio.shield(self._closing)

    async def _finish(self) -> None:
        if not self._places.take():
            await self._places.wait()  # places are given in order, so every earlier caller is in the queue by now
        self._queue.put(None)
        await self._ended
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._next_batch():
            try:
                outcomes = self._run(self._connection, [request.work for request in batch])
            except Exception as error:
                outcomes = [Outcome(error=error) for _ in batch]
            self._post(partial(self._answer, batch, outcomes))
            del batch, outcomes  # else they would stay in memory until the next batch comes
        with suppress(sqlite3.Error):  # closing also checkpoints; a full disk must not keep the thread alive
            self._connection.close()
        self._post(self._end)

    def _next_batch(self) -> list[_Request[ConnectionT]]:
        """Everything that waits, up to `batch_max`, blocking for the first; nothing when the lane is to end."""
        batch: list[_Request[ConnectionT]] = []
        try:
            while len(batch) < self._batch_max:
                request = self._queue.get(block=not batch)
                if request is None:
                    if batch:
                        self._queue.put(None)  # nothing comes after the end, so it may go round once more
                    break
                batch.append(request)
        except queue.Empty:
            pass
        return batch

    def _post(self, callback: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is gone, and with it everyone who waited
            self._loop.call_soon_threadsafe(callback)

    def _answer(self, batch: list[_Request[ConnectionT]], outcomes: list[Outcome]) -> None:
        for request, outcome in zip(batch, outcomes, strict=True):
            self._places.give()
            if request.answer.done():  # its caller was cancelled
                continue
            if outcome.error is None:
                request.answer.set_result(outcome.value)
            else:
                request.answer.set_exception(outcome.error)

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


def answer_each(connection: sqlite3.Connection, works: Sequence[Callable[[sqlite3.Connection], Any]]) -> list[Outcome]:
    """Run reads one by one: each sees every commit before it."""
    outcomes = []
    for work in works:
        try:
            outcomes.append(Outcome(work(connection)))
        except sqlite3.Error as error:
            outcomes.append(Outcome(error=LogUnavailable(f"expected to read the log, got: {error}; try again")))
        except Exception as error:
            outcomes.append(Outcome(error=error))
    return outcomes
