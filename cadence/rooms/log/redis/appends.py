"""What is said at the same time goes to Redis together: one call for each room, all calls in one write.

While one write is under way, what is said waits for the next: so the more is said, the more share one fsync, and nobody
pays for a task or a round trip of their own. In each room the order is that in which it was said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from cadence.rooms.log import Appended, LogUnavailable

BATCH_DRAFTS_MAX = 256  # in one call: bounds how long Redis is kept from others
BATCH_BYTES_MAX = 1 << 20
BATCH_ROOMS_MAX = 32  # calls in one write

Packed = tuple[str, str, int, str, str, tuple[str, ...]]  # (user, id), fingerprint, at in ms, body, user, mentions
Sent = Mapping[str, list[bytes] | Exception]  # by room: an answer of Redis to each draft, or what went wrong with all


@dataclass(frozen=True, slots=True)
class _Draft:
    packed: Packed
    read: Callable[[bytes], Appended]
    answer: asyncio.Future[Appended]

    def settle(self, outcome: bytes | Exception) -> None:
        if self.answer.done():  # its caller was cancelled
            return
        try:
            if isinstance(outcome, Exception):
                raise outcome
            self.answer.set_result(self.read(outcome))
        except Exception as error:
            self.answer.set_exception(error)


class Appends:
    """Packed drafts in, one answer of Redis for each. A failed call fails all that it carried, and nothing else."""

    def __init__(self, send: Callable[[Mapping[str, list[Packed]]], Awaitable[Sent]]) -> None:
        self._send = send
        self._waiting: dict[str, deque[_Draft]] = {}  # Bounded by the hub's rate limits
        self._pump: asyncio.Task[None] | None = None

    def put(self, room: str, packed: Packed, read: Callable[[bytes], Appended]) -> asyncio.Future[Appended]:
        """Send `packed` after all that was put for `room` before; what `read` makes of the answer, or raises at it."""
        draft = _Draft(packed, read, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(room, deque()).append(draft)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run())
        return draft.answer

    @property
    def under_way(self) -> bool:
        """Whether Redis owes an answer."""
        return self._pump is not None and not self._pump.done()

    async def close(self) -> None:
        """Wait until all that was put is answered."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    async def _run(self) -> None:
        while self._waiting:
            batches = self._take()
            try:
                sent = await self._send({room: [draft.packed for draft in batch] for room, batch in batches.items()})
            except Exception as error:
                sent = dict.fromkeys(batches, error)
            except BaseException:
                closed = LogUnavailable("the log was closed before this was sent")
                for drafts in (*batches.values(), *self._waiting.values()):
                    for draft in drafts:
                        draft.settle(closed)
                self._waiting.clear()
                raise
            for room, batch in batches.items():
                answers = sent[room]
                for at, draft in enumerate(batch):
                    draft.settle(answers if isinstance(answers, Exception) else answers[at])

    def _take(self) -> dict[str, list[_Draft]]:
        """What goes next: the rooms that have waited for longest, and of each what fits into a call."""
        batches: dict[str, list[_Draft]] = {}
        for room in list(self._waiting)[:BATCH_ROOMS_MAX]:
            waiting, batch, size = self._waiting.pop(room), list[_Draft](), 0
            while waiting and len(batch) < BATCH_DRAFTS_MAX and size < BATCH_BYTES_MAX:
                batch.append(waiting.popleft())
                size += len(batch[-1].packed[3])
            if waiting:
                self._waiting[room] = waiting  # behind the others
            batches[room] = batch
        return batches
