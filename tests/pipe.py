"""A `Duplex` over an ASGI websocket endpoint in this process: what a socket is to a server, without one.

The way to the client holds `BUFFER_BYTES`, as a kernel's buffers would; a client that stops reading makes the
server's `send` wait, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tests.stranger import Closed
from tests.wires import FakeTransport, FakeWire

BUFFER_BYTES = 64 * 1024
LOST = 1006

Event = MutableMapping[str, Any]
App = Callable[[Event, Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]]


class Pipe:
    """One connection to `app`. Make it inside a running loop; `close` drops it without a word."""

    def __init__(self, app: App, *, headers: tuple[tuple[bytes, bytes], ...] = (), path: str = "/ws") -> None:
        scope: Event = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"room.test"), *headers],
            "subprotocols": ["cadence.v1"],
            "client": ("127.0.0.1", 40000),
            "server": ("127.0.0.1", 8765),
            "state": {},
        }
        self._up: deque[Event] = deque([{"type": "websocket.connect"}])
        self._down: deque[str] = deque()
        self._buffered = 0
        self._code: int | None = None  # set once: the connection is over
        self._changed = asyncio.Event()
        transport = FakeTransport(self._deliver, lambda: self._code is not None, lambda: self._end(LOST))
        self._wire = FakeWire(self._give, transport)
        self._app = asyncio.create_task(self._run(app, scope))

    async def send(self, text: str) -> None:
        if self._code is not None:
            raise Closed(self._code)
        self._up.append({"type": "websocket.receive", "text": text})
        self._stir()

    async def receive(self) -> str:
        while not self._down:
            if self._code is not None:
                raise Closed(self._code)
            await self._change()
        text = self._down.popleft()
        self._buffered -= len(text.encode())
        if self._buffered < BUFFER_BYTES:
            self._wire.writable.set()
        self._stir()
        return text

    async def close(self) -> None:
        """The client is gone; what was on its way is lost."""
        self._end(LOST)
        self._down.clear()
        await asyncio.wait([self._app])

    @property
    def open(self) -> bool:
        return self._code is None or not self._app.done()

    def break_off(self) -> asyncio.Task[None]:
        """The server's process is gone: both sides end at once, without a close frame. Answers the app's task."""
        self._end(LOST)
        self._app.cancel()
        return self._app

    async def _run(self, app: App, scope: Event) -> None:
        try:
            await app(scope, self._take, self._wire.shown)
        finally:
            self._end(LOST)

    def _end(self, code: int) -> None:
        if self._code is None:
            self._code = code
            self._up.append({"type": "websocket.disconnect", "code": code})
            self._wire.writable.set()  # whoever waits for the socket learns that it is gone
        self._stir()

    def _stir(self) -> None:
        """Wake everyone who waits for a change; who waits from now on waits for the next one."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()

    async def _take(self) -> Event:
        while not self._up:
            await self._change()
        return self._up.popleft()

    async def _give(self, event: Event) -> None:
        if event["type"] == "websocket.accept":
            return
        if event["type"] == "websocket.close":
            self._end(event.get("code", 1000))
            return
        while self._buffered >= BUFFER_BYTES and self._code is None:
            await self._change()
        if self._code is not None:
            raise OSError("the client is gone")  # as uvicorn does
        self._deliver(event["text"])

    def _deliver(self, text: str) -> None:
        self._down.append(text)
        self._buffered += len(text.encode())
        if self._buffered >= BUFFER_BYTES:
            self._wire.writable.clear()
        self._stir()
