"""One connection's way out: whatever fan-out queues, one task sends.

`Sink` is the seam: fan-out only ever wakes it. `AsgiSink` goes through ASGI's `send`, which waits while the
socket's buffer is full; a sink that writes to transports may take its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from cadence.rooms.outbox import Encoded

CLOSE_GRACE_S = 1.0  # for a close frame to find room in a full buffer

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Sink(Protocol):
    """Where a connection's frames leave."""

    async def run(self) -> None:
        """Send until closed; returns within the grace given to `close` and `CLOSE_GRACE_S` more."""

    def wake(self) -> None:
        """Something was queued."""

    def close(self, code: int, reason: str, grace_s: float) -> None:
        """Send what is queued for at most `grace_s`, then a close frame, then end."""

    def abandon(self) -> None:
        """The peer is gone: end without another word."""


class AsgiSink:
    """Drains `take` into ASGI's `send`, one frame at a time; `sent` is called after each."""

    def __init__(self, send: Send, take: Callable[[], Encoded | None], sent: Callable[[], None]) -> None:
        self._send = send
        self._take = take
        self._sent = sent
        self._woken = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._abandoned = False
        self._until: float | None = None  # on the loop's clock
        self._limit: asyncio.Timeout | None = None

    async def run(self) -> None:
        self._limit = asyncio.timeout_at(self._until)
        try:
            async with self._limit:
                await self._drain()
        except TimeoutError:
            pass  # the grace ended: a frame that waited for a full buffer is given up
        finally:
            self._limit = None
        if self._closing is not None and not self._abandoned:
            code, reason = self._closing
            await self._last_words({"type": "websocket.close", "code": code, "reason": reason})

    def wake(self) -> None:
        self._woken.set()

    def close(self, code: int, reason: str, grace_s: float) -> None:
        if self._closing is None:
            self._closing = (code, reason)
            self._end_in(grace_s)

    def abandon(self) -> None:
        self._abandoned = True
        self._end_in(0.0)

    async def _drain(self) -> None:
        while not self._abandoned:
            frame = self._take()
            if frame is not None:
                await self._send({"type": "websocket.send", "text": frame.text})
                self._sent()
            elif self._closing is not None:
                return
            else:
                self._woken.clear()
                await self._woken.wait()

    async def _last_words(self, close: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(CLOSE_GRACE_S):
                await self._send(close)
        except (TimeoutError, OSError):
            pass  # its buffer is full or it is gone; the server drops the socket when we return

    def _end_in(self, grace_s: float) -> None:
        self._until = asyncio.get_running_loop().time() + grace_s
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._until)
        self._woken.set()
