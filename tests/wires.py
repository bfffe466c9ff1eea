"""What lies behind a real server's `send`, for sockets that are none: a transport that takes whole WebSocket frames.

The whole suite runs either way: `CADENCE_SINK=asgi pytest` shows the product no transport, and servers in processes
of their own read the same variable.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

ASGI_ONLY = os.environ.get("CADENCE_SINK") == "asgi"
_FINAL_TEXT = 0x81

Send = Callable[[Any], Awaitable[None]]


class FakeTransport:
    """Hands every frame it is given to `deliver`; `over` tells whether the connection is."""

    def __init__(self, deliver: Callable[[str], None], over: Callable[[], bool], abort: Callable[[], None]) -> None:
        self._deliver, self._over, self._abort = deliver, over, abort
        self.writes = 0
        self.unsent = 0  # bytes, as far as anybody asks

    def write(self, data: bytes) -> None:
        assert not self._over(), "a real transport refuses this"
        self.writes += 1
        for text in texts(data):
            self._deliver(text)

    def is_closing(self) -> bool:
        return self._over()

    def abort(self) -> None:
        self._abort()

    def get_write_buffer_size(self) -> int:
        return self.unsent


class FakeWire:
    """As uvicorn's protocol: `send` beside its transport and the event that says whether that takes more."""

    def __init__(self, send: Send, transport: FakeTransport) -> None:
        self._send = send
        self.transport = transport
        self.writable = asyncio.Event()
        self.writable.set()

    async def send(self, event: Any) -> None:
        await self._send(event)

    @property
    def shown(self) -> Send:
        """What the product is given."""
        return self._send if ASGI_ONLY else self.send


def texts(data: bytes) -> list[str]:
    """The payloads of whole, final, unmasked text frames (RFC 6455 section 5.2)."""
    found, at = [], 0
    while at < len(data):
        assert data[at] == _FINAL_TEXT, f"expected the start of a text frame at {at}, got 0x{data[at]:02x}"
        size, at = data[at + 1], at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
            assert size >= (126 if width == 2 else 1 << 16), "a length is spelled as short as it can be"
        assert at + size <= len(data), "a write holds whole frames"
        found.append(data[at : at + size].decode())
        at += size
    return found
