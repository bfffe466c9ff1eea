"""The real socket, against a server of the same library: both ends in this process, on a free port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from cadence.duplex import Closed, WebSocketDuplex

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def serving(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, subprotocols=["cadence.v1"]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}/ws"


async def echo(socket: ServerConnection) -> None:
    async for frame in socket:
        await socket.send(f"{socket.subprotocol} {socket.request.path if socket.request else ''} {frame!r}")


async def test_text_goes_out_and_comes_in() -> None:
    async with serving(echo) as url:
        duplex = await WebSocketDuplex.open(url)
        await duplex.send("hé")
        assert await duplex.receive() == "cadence.v1 /ws 'hé'"
        await duplex.close()
        await duplex.close()
        with pytest.raises(Closed):
            await duplex.send("x")
        with pytest.raises(Closed):
            await duplex.receive()


async def test_a_close_is_told_with_its_code_and_reason() -> None:
    async def shut(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close(4010, "kicked")

    async with serving(shut) as url:
        duplex = await WebSocketDuplex.open(url)
        await duplex.send("x")
        with pytest.raises(Closed) as caught:
            await duplex.receive()
    assert (caught.value.code, caught.value.reason) == (4010, "kicked")


async def test_a_cut_without_a_word_has_no_code() -> None:
    async def drop(socket: ServerConnection) -> None:
        await socket.recv()
        socket.transport.abort()

    async with serving(drop) as url:
        duplex = await WebSocketDuplex.open(url)
        await duplex.send("x")
        with pytest.raises(Closed) as caught:
            await duplex.receive()
    assert caught.value.code is None


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/ws", "http://127.0.0.1:1/", "nonsense", "ws://"])
async def test_an_address_without_a_server_is_an_error_that_names_it(url: str) -> None:
    with pytest.raises(OSError) as caught:
        await WebSocketDuplex.open(url)
    assert str(caught.value).startswith(f"expected a Cadence at {url}, but: ")


async def test_a_server_that_speaks_something_else_is_an_error() -> None:
    async with serve(echo, "127.0.0.1", 0, process_request=lambda socket, request: socket.respond(404, "no")) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(OSError, match="HTTP 404"):
            await WebSocketDuplex.open(f"ws://127.0.0.1:{port}/ws")
