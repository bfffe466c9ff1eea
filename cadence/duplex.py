"""What clients speak through: text frames out, text frames in. Exactly what a stranger's client has.

`WebSocketDuplex` is the real thing; the application has one that calls its gateway in this process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from cadence.rooms.wire import HEARTBEAT_S, SOCKET_BYTES_MAX, SUBPROTOCOL

OPEN_SECONDS_MAX = 10.0
CLOSE_SECONDS_MAX = 2.0


class Closed(Exception):
    """The other side closed, or the connection broke. `code` is the WebSocket close code, None if there was none."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        told = "the connection was cut" if code is None else f"the server closed the connection with {code}"
        super().__init__(f"{told}: {reason}" if reason else told)
        self.code = code
        self.reason = reason


class Duplex(Protocol):
    """One connection. `send` and `receive` raise `Closed` once it has ended; `close` never raises."""

    async def send(self, text: str) -> None:
        """Send one text frame."""

    async def receive(self) -> str:
        """The next text frame."""

    async def close(self) -> None:
        """End the connection; harmless if it has ended."""


Connect = Callable[[str], Awaitable[Duplex]]
"""Opens a connection for the speaker with this id. Raises `OSError` if nobody answers."""


class WebSocketDuplex:
    """A connection to a server's `/ws`. Pings of the server are answered while anybody waits or not."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, url: str) -> WebSocketDuplex:
        """Connect to `url`; raises `OSError` with one sentence if no Cadence answers there."""
        try:
            socket = await connect(
                url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                compression=None,
                max_size=SOCKET_BYTES_MAX,
                open_timeout=OPEN_SECONDS_MAX,
                close_timeout=CLOSE_SECONDS_MAX,
                ping_interval=HEARTBEAT_S,  # a peer that vanished without a word is noticed
                ping_timeout=HEARTBEAT_S,
                proxy=None,  # it is our own server; a proxy of the environment knows nothing of it
            )
        except (OSError, InvalidURI, InvalidHandshake) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise OSError(f"expected a Cadence at {url}, but: {reason}") from None
        return cls(socket)

    async def send(self, text: str) -> None:
        """Send one text frame."""
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def receive(self) -> str:
        """The next text frame."""
        try:
            return str(await self._socket.recv(decode=True))
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def close(self) -> None:
        """End the connection; harmless if it has ended."""
        await self._socket.close()


def _closed(error: ConnectionClosed) -> Closed:
    return Closed(error.rcvd.code, error.rcvd.reason) if error.rcvd else Closed()
