"""A `Duplex` to a websocket endpoint of this process: the persona of the house speaks to the gateway as a
stranger would, without a socket in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cadence.duplex import Closed

FRAMES_MAX = 256  # waiting in either direction; a speaker that does not read is a slow receiver like any other
CLOSE_SECONDS_MAX = 2.0

Event = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Event]], Callable[[Event], Awaitable[None]]], Awaitable[None]
]


class InProcessDuplex:
    """One websocket connection to an ASGI application; make it with `open`."""

    def __init__(self, app: AsgiApp) -> None:
        self._to_app: asyncio.Queue[Event] = asyncio.Queue(FRAMES_MAX)
        self._from_app: asyncio.Queue[Event] = asyncio.Queue(FRAMES_MAX)
        self._closed: Closed | None = None
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": "/ws",
            "raw_path": b"/ws",
            "root_path": "",
            "query_string": b"",
            "headers": [],
            "client": None,
            "server": None,
            "subprotocols": ["cadence.v1"],
        }
        self._task: asyncio.Future[None] = asyncio.ensure_future(app(scope, self._to_app.get, self._from_app.put))

    @classmethod
    async def open(cls, app: AsgiApp) -> InProcessDuplex:
        """Connect to `app`; raises `OSError` if it refuses."""
        duplex = cls(app)
        await duplex._to_app.put({"type": "websocket.connect"})
        answer = await duplex._next()
        if answer is None or answer["type"] != "websocket.accept":
            await duplex.close()
            raise OSError("expected this server to accept a persona's connection, it refused")
        return duplex

    async def send(self, text: str) -> None:
        """Send one text frame."""
        if self._closed is not None or self._task.done():
            raise self._closed or Closed()
        await self._to_app.put({"type": "websocket.receive", "text": text})

    async def receive(self) -> str:
        """The next text frame."""
        if self._closed is not None:
            raise self._closed
        event = await self._next()
        if event is None:
            self._closed = Closed()
        elif event["type"] == "websocket.close":
            self._closed = Closed(event.get("code"), event.get("reason") or "")
        else:
            return str(event["text"])
        raise self._closed

    async def close(self) -> None:
        """End the connection; harmless if it has ended."""
        if self._closed is None:
            self._closed = Closed(1000)
        if not self._task.done():
            while self._from_app.qsize():  # room for what the application still has to say
                self._from_app.get_nowait()
            while self._to_app.full():
                self._to_app.get_nowait()
            self._to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
            await asyncio.wait([self._task], timeout=CLOSE_SECONDS_MAX)
            self._task.cancel()

    async def _next(self) -> Event | None:
        """The application's next event, None once it has returned and said all."""
        reading: asyncio.Future[Event] = asyncio.ensure_future(self._from_app.get())
        either: list[asyncio.Future[Any]] = [reading, self._task]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                return reading.result()
            return self._from_app.get_nowait() if self._from_app.qsize() else None
        finally:
            reading.cancel()
