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
        self._free = REQUESTS_MAX  # places
        # Who waits for a place, in the order of the calls; None stands where the lane is to end. Bounded by the
        # callers: a connection has `SAYING_MAX` messages in the log at once, whoever awaits a call has one.
        self._waiting: deque[_Request[ConnectionT] | None] = deque()
        # Bounded by the places: only what has one is put in.
        self._queue: queue.SimpleQueue[_Request[ConnectionT] | None] = queue.SimpleQueue()
        self._ended = self._loop.create_future()
        self._closing: asyncio.Task[None] | None = None
        # A daemon, for a program that dies without `close` must not hang; nothing unanswered was promised.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Callable[[ConnectionT], _T]) -> asyncio.Future[_T]:
        """Have `work` run in the thread: what it returned, or raised, is in the future.

        Work runs in the order of the calls, whether or not anybody awaits it. Of a cancelled future the work may be
        done all the same, and nobody learns of it. `LogUnavailable` once the lane is closed.
        """
        answer: asyncio.Future[_T] = self._loop.create_future()
        if self._closing is not None:
            answer.set_exception(LogUnavailable("expected an open log, got one that was closed: open it again"))
            return answer
        self._waiting.append(_Request(work, answer))
        self._hand_over()
        return answer

    async def close(self) -> None:
        """Answer every call made so far, then close the connection and end the thread. May be called again."""
        if self._closing is None:
            self._closing = self._loop.create_task(self._finish())
        await asyncio.shield(self._closing)

    async def _finish(self) -> None:
        self._waiting.append(None)  # behind every earlier caller
        self._hand_over()
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

    def _hand_over(self) -> None:
        """Let the thread have those who wait, as far as there are places."""
        while self._free and self._waiting:
            request = self._waiting.popleft()
            if request is not None and request.answer.done():
                continue  # its caller was cancelled before it had a place
            self._free -= request is not None
            self._queue.put(request)

    def _answer(self, batch: list[_Request[ConnectionT]], outcomes: list[Outcome]) -> None:
        self._free += len(batch)
        if self._waiting:
            self._hand_over()
        for request, outcome in zip(batch, outcomes, strict=True):
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
