"""A websocket without a socket: drives a raw ASGI endpoint as a stranger's client would.

Nothing waits in between: what the server sends is there at once unless the channel is stalled. All bounds are
those of a test that has gone wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote

from tests.wires import FakeTransport, FakeWire

FRAMES_MAX = 100_000


class Refused(Exception):
    """The handshake was refused; a real server answers 403."""


class Closed(Exception):
    """The server closed; `code` is 1006 if it only hung up."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Channel:
    """One client of `app`. Use `await Channel(app).open()`."""

    def __init__(
        self,
        app: Callable[[Any, Any, Any], Awaitable[None]],
        *,
        subprotocols: Sequence[str] = ("cadence.v1",),
        headers: dict[str, str] | None = None,
    ) -> None:
        self._app = app
        pairs = {"host": "127.0.0.1:8765", **(headers or {})}
        self._scope = {
            "type": "websocket",
            "path": "/ws",
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
            "subprotocols": list(subprotocols),
        }
        self._up: asyncio.Queue[dict[str, Any]] = asyncio.Queue(FRAMES_MAX)
        self._down: asyncio.Queue[dict[str, Any]] = asyncio.Queue(FRAMES_MAX)
        self._over = False  # the close frame is on its way, or the peer is gone
        self._wire = FakeWire(self._take, FakeTransport(self._frame, lambda: self._over, self._hang_up))
        self._flowing = self._wire.writable
        self._served: asyncio.Task[None] | None = None
        self._closed: Closed | None = None
        self.subprotocol: str | None = None

    async def open(self) -> Channel:
        """Shake hands; raises `Refused`."""
        await self._up.put({"type": "websocket.connect"})
        self._served = asyncio.create_task(self._serve())
        event = await self._down.get()
        if event["type"] == "websocket.accept":
            self.subprotocol = event.get("subprotocol")
            return self
        raise Refused(event.get("reason", ""))

    async def send(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send a frame: a dict as JSON, text as it is, bytes as a binary frame."""
        if isinstance(frame, bytes):
            await self._up.put({"type": "websocket.receive", "bytes": frame})
        else:
            text = frame if isinstance(frame, str) else json.dumps(frame)
            await self._up.put({"type": "websocket.receive", "text": text})

    async def receive(self) -> dict[str, Any]:
        """The next frame; raises `Closed` after the last."""
        frame: dict[str, Any] = json.loads(await self.receive_text())
        return frame

    async def receive_text(self) -> str:
        """The next frame as it was sent; raises `Closed` after the last."""
        if self._closed is not None and self._down.empty():
            raise self._closed
        event = await self._down.get()
        if event["type"] == "websocket.send":
            text: str = event["text"]
            return text
        self._closed = Closed(event.get("code", 1006), event.get("reason", ""))
        raise self._closed

    def pending(self) -> int:
        """Events that arrived and were not received yet."""
        return self._down.qsize()

    def stall(self) -> None:
        """Stop reading: whatever the server sends now waits, as in a full socket."""
        self._flowing.clear()

    def resume(self) -> None:
        """Read again."""
        self._flowing.set()

    async def cut(self) -> None:
        """Be gone without a word, and wait until the server has noticed."""
        self._over = True
        self._up.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self._flowing.set()
        await self.served()

    async def served(self) -> None:
        """Wait until the server is done with this connection; raises what it raised."""
        assert self._served is not None
        await self._served

    async def _serve(self) -> None:
        try:
            await self._app(self._scope, self._up.get, self._wire.shown)
        finally:
            self._over = True
            self._down.put_nowait({"type": "hung up"})

    async def _take(self, event: dict[str, Any]) -> None:
        await self._flowing.wait()
        self._over = self._over or event["type"] == "websocket.close"
        self._down.put_nowait(event)

    def _frame(self, text: str) -> None:
        self._down.put_nowait({"type": "websocket.send", "text": text})

    def _hang_up(self) -> None:
        self._over = True


class Answer:
    """An HTTP response."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        return json.loads(self.body)


async def fetch(
    app: Callable[[Any, Any, Any], Awaitable[None]],
    method: str,
    target: str,
    body: bytes = b"",
    gone: asyncio.Event | None = None,
    **headers: str,
) -> Answer:
    """Ask `app` for `target` (a path with its query); what it raises after answering is left to the server.

    The client goes away when `gone` is set.
    """
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            *([] if "host" in headers else [(b"host", b"127.0.0.1:8765")]),
            *((k.encode(), v.encode()) for k, v in headers.items()),
        ],
    }
    events: list[Any] = []

    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(event: Any) -> None:
        events.append(event)

    try:
        await app(scope, receive, send)
    except Exception:
        if not events:
            raise
    told = b"".join(event.get("body", b"") for event in events[1:])
    return Answer(events[0]["status"], {k.decode(): v.decode() for k, v in events[0]["headers"]}, told)
