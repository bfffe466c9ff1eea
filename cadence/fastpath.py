"""Proves, before a server starts, that frames may be written past ASGI to the transport behind uvicorn's `send`.

That transport is not part of ASGI, so nothing but a test can promise it. One connection over a pair of sockets goes
through the very server the rooms are served by: a client of another make must read what was written, in order, mixed
with what went through `send`, and a full transport must say so and say when it has room again. Whatever fails, the
server falls back to ASGI and says why (metric `cadence_sink`, `cadence doctor`).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from cadence.rooms.outbox import text_frame
from cadence.rooms.sink import wire_of
from cadence.rooms.wire import SOCKET_BYTES_MAX

SECONDS_MAX = 5.0
FILL_BYTES_MAX = 64 * 1024 * 1024  # written to a peer that does not read, before it counts as taking everything
CHUNK_BYTES = 64 * 1024
_TEXTS = ("", "a", "é" * 62 + "!", "x" * 126, "x" * 65_535, "€" * 30_000)  # every way to spell a length

App = Callable[..., Awaitable[None]]
Event = MutableMapping[str, Any]


def server_config(app: App) -> uvicorn.Config:
    """How uvicorn serves Cadence. Compression would cost each receiver its own frames and some 250 KiB."""
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=SOCKET_BYTES_MAX,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


async def why_not() -> str:
    """Why the transport cannot be used; empty if it can."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            return await _prove()
    except TimeoutError:
        return f"the proof took more than {SECONDS_MAX:g} s"
    except Exception as error:  # whatever a server of another make does, it only costs us speed
        return f"the proof failed: {type(error).__name__}"


async def _prove() -> str:
    subject = _Subject()
    config = server_config(subject)
    config.load()
    ours, theirs = socket.socketpair()
    with theirs:
        loop = asyncio.get_running_loop()
        protocol: Any = config.http_protocol_class
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol(config=config, server_state=ServerState(), app_state={}), ours
        )
        client = _Client(theirs)
        try:
            await client.shake_hands()
            expected = [*_TEXTS, "through send", *_TEXTS]
            for number, text in enumerate(expected):
                came = await client.text()
                if came != text:
                    return f"frame {number} came as another than was written"
            client.read_bytes = 0
            subject.read_on.set()
            filled = await subject.filled
            while client.read_bytes < filled:
                await client.more()
            await subject.resumed
            return ""
        except _Unknown as unknown:
            return str(unknown)
        finally:
            transport.abort()
            await subject.end()


class _Unknown(Exception):
    """The server is not as we know it."""


class _Subject:
    """The application in the middle: writes what the client is to find."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.read_on = asyncio.Event()
        self.filled: asyncio.Future[int] = loop.create_future()  # bytes written until the transport was full
        self.resumed: asyncio.Future[None] = loop.create_future()
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Event, receive: App, send: App) -> None:
        self._task = asyncio.current_task()
        try:
            await receive()
            await send({"type": "websocket.accept"})
            await self._write(send)
        except asyncio.CancelledError:
            pass  # `end`
        except Exception as error:
            for future in (self.filled, self.resumed):
                if not future.done():
                    future.set_exception(error)

    async def end(self) -> None:
        """Stop wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for future in (self.filled, self.resumed):
            if not future.cancel() and not future.cancelled():
                future.exception()  # told by now; else asyncio would tell it again

    async def _write(self, send: App) -> None:
        wire = wire_of(send)
        if wire is None:
            await send({"type": "websocket.close", "code": 1011})
            raise _Unknown("no transport is behind this server's send")
        frames = b"".join(text_frame(text.encode()) for text in _TEXTS)
        wire.transport.write(frames)
        await send({"type": "websocket.send", "text": "through send"})
        wire.transport.write(frames)
        await self.read_on.wait()
        chunk, written = text_frame(b"x" * CHUNK_BYTES), 0
        while wire.writable.is_set():
            if written > FILL_BYTES_MAX:
                raise _Unknown("a full transport does not say so")
            wire.transport.write(chunk)
            written += CHUNK_BYTES
            await asyncio.sleep(0)
        self.filled.set_result(written)
        await wire.writable.wait()
        self.resumed.set_result(None)
        await asyncio.Event().wait()


class _Client:
    """The other end, read only when asked to."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._protocol = ClientProtocol(parse_uri("ws://localhost/ws"), max_size=None)
        self._frames: list[Frame] = []
        self.read_bytes = 0  # of payloads

    async def shake_hands(self) -> None:
        self._protocol.send_request(self._protocol.connect())
        await asyncio.get_running_loop().sock_sendall(self._end, b"".join(self._protocol.data_to_send()))
        while self._protocol.handshake_exc is None and self._protocol.state.name == "CONNECTING":
            await self.more()
        if self._protocol.handshake_exc is not None:
            raise _Unknown("the handshake failed")

    async def text(self) -> str:
        """The next text that arrives."""
        while not self._frames:
            await self.more()
        return bytes(self._frames.pop(0).data).decode()

    async def more(self) -> None:
        """Read what has arrived, waiting for it."""
        data = await asyncio.get_running_loop().sock_recv(self._end, 1 << 20)
        if not data:
            raise _Unknown("no transport is behind this server's send")
        self._protocol.receive_data(data)
        if self._protocol.parser_exc is not None:
            raise _Unknown("what was written is no frame to a client")
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._frames.append(event)
                self.read_bytes += len(event.data)
            elif isinstance(event, Frame) and event.opcode is Opcode.CLOSE:
                raise _Unknown("no transport is behind this server's send")
