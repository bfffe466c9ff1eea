"""What is said in one room at the same time goes to Redis in one call, in the order it was said."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from cadence.rooms.log import LogUnavailable

BATCH_DRAFTS_MAX = 256  # in one call: bounds how long Redis is kept from others
BATCH_BYTES_MAX = 1 << 20

Packed = tuple[str, str, int, str, str]  # (user, id), fingerprint, at in ms, body, user


class Appends:
    """Packed drafts in, one answer of Redis for each. A failed call fails all that it carried."""

    def __init__(self, send: Callable[[list[Packed]], Awaitable[list[bytes]]]) -> None:
        self._send = send
        self._waiting: deque[tuple[Packed, asyncio.Future[bytes]]] = deque()  # Bounded by the hub's rate limits
        self._pump: asyncio.Task[None] | None = None

    async def put(self, packed: Packed) -> bytes:
        """Send `packed` after all that was put before; the answer of Redis to it."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((packed, answer))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run())
        return await answer

    async def close(self) -> None:
        """Wait until all that was put is answered."""
        if self._pump is not None:
            await asyncio.wait([self._pump])

    async def _run(self) -> None:
        while self._waiting:
            batch: list[tuple[Packed, asyncio.Future[bytes]]] = []
            size = 0
            while self._waiting and len(batch) < BATCH_DRAFTS_MAX and size < BATCH_BYTES_MAX:
                batch.append(self._waiting.popleft())
                size += len(batch[-1][0][3])
            try:
                answers = await self._send([packed for packed, _ in batch])
            except Exception as error:
                _fail(batch, error)
            except BaseException:
                _fail([*batch, *self._waiting], LogUnavailable("the log was closed before this was sent"))
                raise
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)


def _fail(batch: list[tuple[Packed, asyncio.Future[bytes]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
