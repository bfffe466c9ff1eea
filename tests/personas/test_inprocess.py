from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cadence.duplex import Closed
from cadence.personas.inprocess import InProcessDuplex


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "websocket" and scope["subprotocols"] == ["cadence.v1"]
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "subprotocol": "cadence.v1"})
    while (event := await receive())["type"] == "websocket.receive":
        if event["text"] == "bye":
            await send({"type": "websocket.close", "code": 4010, "reason": "kicked"})
            return
        await send({"type": "websocket.send", "text": event["text"].upper()})


async def test_frames_go_there_and_back_in_order() -> None:
    duplex = await InProcessDuplex.open(echo)
    for text in ("one", "two", "three"):
        await duplex.send(text)
    assert [await duplex.receive() for _ in range(3)] == ["ONE", "TWO", "THREE"]
    await duplex.close()


async def test_a_close_of_the_application_carries_its_code() -> None:
    duplex = await InProcessDuplex.open(echo)
    await duplex.send("one")
    await duplex.send("bye")
    assert await duplex.receive() == "ONE"
    with pytest.raises(Closed) as caught:
        await duplex.receive()
    assert (caught.value.code, caught.value.reason) == (4010, "kicked")
    with pytest.raises(Closed):
        await duplex.send("more")


async def test_closing_tells_the_application_and_may_be_repeated() -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        assert (await receive())["type"] == "websocket.disconnect"
        ended.set()

    duplex = await InProcessDuplex.open(app)
    await duplex.close()
    await duplex.close()
    assert ended.is_set()
    with pytest.raises(Closed):
        await duplex.receive()


async def test_a_refused_connection_is_an_os_error() -> None:
    async def refusing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1008})

    with pytest.raises(OSError, match="refused"):
        await InProcessDuplex.open(refusing)


async def test_an_application_that_ends_without_a_word_closes_the_connection() -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    duplex = await InProcessDuplex.open(silent)
    with pytest.raises(Closed):
        await duplex.receive()
