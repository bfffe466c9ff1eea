"""One connection's way out: fan-out only ever offers and wakes, and never waits.

Two ways, one contract. `FrameSink` writes frames that were made once to the transport itself, joined with whatever
else is pending, once per turn of the loop; `AsgiSink` sends one frame after the other through ASGI's `send`, which
frames each anew and waits while the socket's buffer is full. Which one serves is decided once, at the start
(`cadence.fastpath`), as the transport is not part of ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Literal, Protocol

import structlog

from cadence.rooms.outbox import Bundle, Encoded

CLOSE_GRACE_S = 1.0  # for a close frame to find room in a full buffer
WRITE_BYTES_MAX = 64 * 1024  # joined into one write; a transport's usual high-water mark

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Path = Literal["transport", "asgi"]

log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where a connection's frames leave."""

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin. What waits for this peer waits in `group`, which ends once the sink has."""

    def offer(self, frames: Bundle) -> bool:
        """Send `frames` now, before all that is queued; False, and nothing is sent, if the socket has no room."""

    def wake(self) -> None:
        """Something was queued."""

    def close(self, code: int, reason: str, grace_s: float) -> None:
        """Send what is queued for at most `grace_s`, then a close frame, then end."""

    def abandon(self) -> None:
        """The peer is gone: end without another word."""


class Wire(Protocol):
    """What lies behind uvicorn's `send`: the transport, and an event that is set while it takes more."""

    @property
    def transport(self) -> asyncio.Transport: ...

    @property
    def writable(self) -> asyncio.Event: ...


def wire_of(send: Send) -> Wire | None:
    """The transport behind `send`, or None where there is none that we know."""
    wire = getattr(send, "__self__", None)
    known = isinstance(getattr(wire, "writable", None), asyncio.Event) and all(
        hasattr(getattr(wire, "transport", None), name)
        for name in ("write", "is_closing", "abort", "get_write_buffer_size")
    )
    return wire if known else None


class AsgiSink:
    """Drains `take` into ASGI's `send`, one frame at a time; `sent` is called after each, `ended` in the end."""

    def __init__(
        self, send: Send, take: Callable[[], Encoded | None], sent: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self._send = send
        self._take = take
        self._sent = sent
        self._ended = ended
        self._woken = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._abandoned = False
        self._until: float | None = None  # on the loop's clock
        self._limit: asyncio.Timeout | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        group.create_task(self.run())

    async def run(self) -> None:
        """Send until closed; returns within the grace given to `close` and `CLOSE_GRACE_S` more."""
        try:
            self._limit = asyncio.timeout_at(self._until)
            try:
                async with self._limit:
                    await self._drain()
            except TimeoutError:
                pass  # the grace ended: a frame that waited for a full buffer is given up
            finally:
                self._limit = None
            if self._closing is not None and not self._abandoned:
                await say_goodbye(self._send, *self._closing)
        except Exception as error:  # servers name a lost peer differently; whatever it is, it only concerns this peer
            log.info("peer lost", error=type(error).__name__)
        finally:
            self._ended()

    def offer(self, frames: Bundle) -> bool:
        return False

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

    def _end_in(self, grace_s: float) -> None:
        self._until = asyncio.get_running_loop().time() + grace_s
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._until)
        self._woken.set()


class FrameSink:
    """Writes whole frames to the transport behind `send`; only the close frame goes through `send` itself.

    A connection that is idle, or keeps up, has no task here: a callback of the next turn joins and writes what was
    queued. One task waits while the transport is full, and one while the connection is being closed.
    """

    __slots__ = (
        "_abandoned", "_closing", "_finishing", "_group", "_resuming", "_scheduled", "_send", "_sent", "_take",
        "_transport", "_until", "_writable",
    )  # fmt: skip

    def __init__(
        self,
        send: Send,
        wire: Wire,
        take: Callable[[], Encoded | None],
        sent: Callable[[], None],
    ) -> None:
        self._send = send
        self._transport = wire.transport
        self._writable = wire.writable
        self._take = take
        self._sent = sent
        self._group: asyncio.TaskGroup | None = None
        self._scheduled = False
        self._closing: tuple[int, str] | None = None
        self._abandoned = False
        self._until = 0.0  # on the loop's clock: when the grace of `close` ends
        self._resuming: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None

    def start(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        if self._closing is not None:
            self._finishing = group.create_task(self._finish())
        else:
            self.wake()

    def offer(self, frames: Bundle) -> bool:
        if self._group is None or self._closing is not None or not self._takes():
            return False
        self._transport.write(frames.joined)
        return True

    def wake(self) -> None:
        if not self._scheduled and self._group is not None and self._closing is None and self._resuming is None:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def close(self, code: int, reason: str, grace_s: float) -> None:
        if self._closing is None and not self._abandoned:
            self._closing = (code, reason)
            self._until = asyncio.get_running_loop().time() + grace_s
            if self._resuming is not None:
                self._resuming.cancel()
            if self._group is not None:
                self._finishing = self._group.create_task(self._finish())

    def abandon(self) -> None:
        self._abandoned = True
        for task in (self._resuming, self._finishing):
            if task is not None:
                task.cancel()

    def _takes(self) -> bool:
        return self._writable.is_set() and not self._abandoned and not self._transport.is_closing()

    def _turn(self) -> None:
        """Write what is queued, as far as the transport takes it; what is left waits for it."""
        self._scheduled = False
        if self._closing is None and not self._drain() and not self._transport.is_closing() and not self._abandoned:
            assert self._group is not None
            self._resuming = self._group.create_task(self._resume())

    def _drain(self) -> bool:
        """False if the transport is full before the queue is empty."""
        while self._takes():
            parts, size = [], 0
            while size < WRITE_BYTES_MAX and (frame := self._take()) is not None:
                parts.append(frame.frame)
                size += frame.size
                self._sent()
            if not parts:
                return True
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
        return False

    async def _resume(self) -> None:
        try:
            while not self._abandoned and not self._transport.is_closing():
                await self._writable.wait()
                if self._drain():
                    return
        finally:
            self._resuming = None

    async def _finish(self) -> None:
        assert self._closing is not None
        with suppress(TimeoutError):  # the grace ended: what waited for a full buffer is given up
            async with asyncio.timeout_at(self._until):
                while not self._drain() and not self._transport.is_closing() and not self._abandoned:
                    await self._writable.wait()
        if not await say_goodbye(self._send, *self._closing):
            self._transport.abort()  # an orderly end would wait behind what the peer does not read
        elif self._transport.get_write_buffer_size() > 0:
            asyncio.get_running_loop().call_later(CLOSE_GRACE_S, _abort_unread, self._transport)


def _abort_unread(transport: asyncio.Transport) -> None:
    """A peer that reads nothing would else hold its socket, and what is in it, for as long as it likes."""
    if transport.get_write_buffer_size() > 0:
        transport.abort()


async def say_goodbye(send: Send, code: int, reason: str) -> bool:
    """Send a close frame, waiting at most `CLOSE_GRACE_S`; False if the peer does not take it."""
    try:
        async with asyncio.timeout(CLOSE_GRACE_S):
            await send({"type": "websocket.close", "code": code, "reason": reason})
    except TimeoutError:
        return False
    except Exception:  # servers name a lost peer differently; whatever it is, it only concerns this peer
        pass
    return True
