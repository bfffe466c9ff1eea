"""The websocket: a raw ASGI endpoint for `cadence.v1`, from the handshake to the last frame.

handshake    origin and subprotocol are right, else refused before it is accepted
hello        within 5 s and first, else 4001; a bad token 4003
frames       one after the other, but what is said waits for the log together with what is said behind it; bad ones are
             answered, 20 in a minute end it with 4000
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import structlog
from msgspec import UNSET, Struct

from cadence.rooms import Clock
from cadence.rooms.connection import Connection, Receive
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Grant, Identity
from cadence.rooms.joining import ROOMS_MAX
from cadence.rooms.limiter import messages_per_s
from cadence.rooms.requests import Requests
from cadence.rooms.sink import CLOSE_GRACE_S, Path, Send
from cadence.rooms.wire import (
    CLOSE_BANNED,
    CLOSE_NO_HELLO,
    CLOSE_PROTOCOL_ERROR,
    CLOSE_UNAUTHORIZED,
    FRAME_BYTES_MAX,
    HEARTBEAT_S,
    SUBPROTOCOL,
    ClientFrame,
    Hello,
    Limits,
    Member,
    Server,
    Welcome,
    WireError,
    decode_request,
    encode,
)

HELLO_SECONDS_MAX = 5.0
HELLO_TRIES_MAX = 20  # refused ones on one connection
CLOSE_REFUSED = 1008  # before the handshake is complete; servers make it an HTTP 403
BAD_FRAMES_MAX = 20
BAD_FRAMES_SECONDS = 60.0
CONNECTIONS_MAX = 10_000  # open sockets of the server, greeted or not

FEATURES = (
    "paraphrase", "paced", "raw", "view", "read", "ask", "history", "redact", "typing", "mute", "kick", "ban",
)  # fmt: skip

log = structlog.get_logger(__name__)
Scope = MutableMapping[str, Any]


class Gateway:
    """`await gateway(scope, receive, send)` serves one websocket.

    `origins` are allowed beside the server's own; `hosts`, if given, are the only names (without port) by
    which a browser may have reached this server, so that no page can point its own name at it. `path` is how frames
    leave where the transport can be reached.
    """

    def __init__(
        self,
        hub: Hub,
        identity: Identity,
        clock: Clock,
        *,
        version: str,
        origins: Iterable[str] = (),
        hosts: Iterable[str] | None = None,
        features: tuple[str, ...] = FEATURES,
        path: Path = "transport",
    ) -> None:
        self._hub = hub
        self._path = path
        self._identity = identity
        self._clock = clock
        self._server = Server("cadence", version)
        self._origins = frozenset(origins)
        self._hosts = None if hosts is None else frozenset(hosts)
        self._features = features
        self._requests = Requests(hub)
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._open += 1
        try:
            await receive()  # websocket.connect
            refusal = self._refusal(scope)
            if refusal is not None:
                await send({"type": "websocket.close", "code": CLOSE_REFUSED, "reason": refusal})
                return
            subprotocol = SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None
            await send({"type": "websocket.accept", "subprotocol": subprotocol})
            await self._converse(receive, send)
        except OSError as error:  # how servers say that the peer is gone
            log.info("peer lost", error=type(error).__name__)
        finally:
            self._open -= 1

    def _refusal(self, scope: Scope) -> str | None:
        """Why the handshake fails; to the client every reason is HTTP 403, as nothing was accepted."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        offered = scope.get("subprotocols", ())
        if offered and SUBPROTOCOL not in offered:
            return f"expected the subprotocol {SUBPROTOCOL}"
        if not self._is_own(headers.get(b"origin"), headers.get(b"host", "")):
            return "this page's origin may not connect here"
        if self._open > CONNECTIONS_MAX or self._hub.draining:
            return "the server is full or going away: try again later"
        return None

    def _is_own(self, origin: str | None, host: str) -> bool:
        """Browsers send an origin, others need none: a page of this server, or one that is allowed."""
        if origin is None or origin in self._origins:
            return True
        try:
            page, name = urlsplit(origin).netloc, urlsplit(f"//{host}").hostname
        except ValueError:  # a bracket that is never closed, say
            return False
        return page == host != "" and (self._hosts is None or name in self._hosts)

    async def _converse(self, receive: Receive, send: Send) -> None:
        greeted = await _Greeting(self._identity, receive, send).outcome()
        if greeted is None:
            return
        grant, hello = greeted
        you = grant.you
        member = Member(you.id, you.name, you.kind, you.role)
        connection = Connection(member, self._clock, send, self._hub.whole_presence, self._path)
        try:
            self._hub.connect(connection)
            connection.reply(self._welcome(grant, hello))
        except WireError as error:
            connection.reply(error.frame())
            connection.close(CLOSE_NO_HELLO, "try again later")
        try:
            async with asyncio.TaskGroup() as group:
                connection.start(group)
                await self._read(connection, receive)
                await connection.calm()  # who has left says nothing any more
        finally:
            connection.abandon()
            self._hub.disconnect(connection)
            await self._identity.part(grant)

    def _welcome(self, grant: Grant, hello: Hello) -> Welcome:
        return Welcome(
            ref=hello.ref,
            you=grant.you,
            session=grant.session,
            resumed=grant.resumed,
            heartbeat_s=HEARTBEAT_S,
            limits=Limits(FRAME_BYTES_MAX, messages_per_s(grant.you.kind), ROOMS_MAX),
            features=self._features,
            server=self._server,
        )

    async def _read(self, connection: Connection, receive: Receive) -> None:
        """Serve the peer's frames in order until either side has had enough."""
        bad: list[float] = []  # when the last came
        while (event := await connection.listen(receive)) is not None:
            if event["type"] == "websocket.disconnect":
                connection.abandon()
                return
            try:
                request = decode(event)
            except WireError as error:
                connection.reply(error.frame())
                now = self._clock()
                bad = [*bad[1 - BAD_FRAMES_MAX :], now]
                if len(bad) == BAD_FRAMES_MAX and now - bad[0] <= BAD_FRAMES_SECONDS:
                    connection.close(CLOSE_PROTOCOL_ERROR, "too many bad frames")
            else:
                await self._requests.serve(connection, request)


class _Greeting:
    """What happens before `welcome`. Nothing is fanned out yet, so answers go straight to the socket."""

    def __init__(self, identity: Identity, receive: Receive, send: Send) -> None:
        self._identity = identity
        self._receive = receive
        self._send = send
        self._until = asyncio.get_running_loop().time() + HELLO_SECONDS_MAX

    async def outcome(self) -> tuple[Grant, Hello] | None:
        """Who came, or None if the connection has been closed."""
        try:
            for _ in range(HELLO_TRIES_MAX):
                async with asyncio.timeout_at(self._until):
                    event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    return None
                try:
                    request = decode(event)
                    if not isinstance(request, Hello):
                        break
                except WireError as error:
                    await self._answer(error.frame())
                    if error.code != "bad_field":
                        break
                    continue
                granted = await self._greet(request)
                if granted is not None:
                    return granted, request
        except TimeoutError:
            await self._close(CLOSE_NO_HELLO, f"expected hello within {HELLO_SECONDS_MAX:g} s")
            return None
        except _Closed:
            return None
        await self._close(CLOSE_NO_HELLO, "expected hello as the first frame")
        return None

    async def _greet(self, hello: Hello) -> Grant | None:
        try:
            return await self._identity.greet(hello)
        except WireError as refusal:
            error = refusal
        except Exception:
            log.exception("hello failed")
            error = WireError("unavailable", "the server failed at this hello: try again", retry_after_s=1.0)
        await self._answer(error.frame(None if hello.ref is UNSET else hello.ref))
        if error.code == "unauthorized":
            await self._close(CLOSE_UNAUTHORIZED, error.message)
            raise _Closed
        if error.code == "forbidden":
            await self._close(CLOSE_BANNED, error.message)
            raise _Closed
        return None

    async def _answer(self, frame: Struct) -> None:
        async with asyncio.timeout_at(self._until):
            await self._send({"type": "websocket.send", "text": encode(frame).decode()})

    async def _close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(CLOSE_GRACE_S):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except TimeoutError:
            pass  # its buffer is full; the server drops the socket when we return


class _Closed(Exception):
    """The greeting has already said goodbye."""


def decode(event: MutableMapping[str, Any]) -> ClientFrame:
    """The frame in an ASGI event; raises `WireError`."""
    text = event.get("text")
    if text is None:
        raise WireError("bad_frame", "expected a text frame, got a binary one")
    size = len(text) if len(text) > FRAME_BYTES_MAX else len(text.encode())
    if size > FRAME_BYTES_MAX:
        raise WireError("too_large", f"expected a frame of at most {FRAME_BYTES_MAX} bytes, got {size} or more")
    return decode_request(text)
