"""A whole server (hub, gateway, Alex, log) that is sent bent frames, and the laws that it must keep meanwhile.

every frame it sends is one of the protocol, and no error says that the server failed
it closes only with the codes the protocol has for it, and 4000 only after bad frames
nothing is logged as an error, no task dies, and it serves the next honest client as before
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from random import Random
from typing import Any

import msgspec
import structlog

from cadence.rooms.wire import Error, ViewPatch, decode_reply
from tests.fuzz.frames import ROOM, bent
from tests.mortal import HOST_TOKEN, Server, Site
from tests.pipe import Pipe
from tests.rooms.house import clock, settle
from tests.stranger import Closed

BATCH = 10  # frames sent at once, before the server is waited for
MESSAGE_CHARS_MAX = 1000  # of an error's text
FAILED = "the server failed"
CODES = {4000, 4001, 4003, 4008, 4010, 4011, None, 1006}
HELLOS: tuple[dict[str, Any], ...] = (
    {"kind": "human"},
    {"kind": "human", "token": HOST_TOKEN},
    {"kind": "agent"},
    {"kind": "human"},
)


class Broken(AssertionError):
    """A law did not hold; the text says which."""


class Client:
    """A connection that comes back under a new name whenever it is closed."""

    def __init__(self, server: Server, hello: dict[str, Any], became: Counter[str]) -> None:
        self._server, self._hello, self._became = server, hello, became
        self._pipe: Pipe | None = None
        self.id = ""

    async def send(self, frames: list[bytes], mark: str) -> None:
        """Send `frames` and wait until all are answered; a connection that ends meanwhile is lawful if its code is."""
        try:
            if self._pipe is None:
                await self._open()
            assert self._pipe is not None
            for frame in frames:
                await self._pipe.send(frame.decode("utf-8", "replace"))
            await self._pipe.send(json.dumps({"type": "ping", "ref": mark}))
            while self._seen(await self._pipe.receive()) != mark:
                pass
        except Closed as closed:
            if closed.code not in CODES:
                raise Broken(f"closed with {closed.code}") from None
            self._became[f"closed {closed.code}"] += 1
            self._pipe = None

    async def _open(self) -> None:
        self._pipe = self._server.connect()
        await self._pipe.send(json.dumps({"type": "hello", "ref": "hello", **self._hello}))
        welcome = json.loads(await self._pipe.receive())
        if welcome["type"] != "welcome":
            raise Broken(f"an honest hello was answered with {welcome}")
        self.id = welcome["you"]["id"]
        await self._pipe.send(json.dumps({"type": "join", "ref": "join", "room": ROOM}))
        while self._seen(await self._pipe.receive()) != "join":
            pass

    def _seen(self, text: str) -> str | None:
        try:
            frame = decode_reply(text)
        except msgspec.DecodeError as error:
            raise Broken(f"a frame that is none of the protocol: {error}: {text[:200]}") from None
        self._became[frame.__struct_config__.tag] += 1  # type: ignore[index]
        if isinstance(frame, Error):
            self._became[frame.code] += 1
            if FAILED in frame.message or len(frame.message) > MESSAGE_CHARS_MAX:
                raise Broken(f"an error that is none: {frame.message[:300]}")
        ref = getattr(frame, "ref", None)
        return ref if isinstance(ref, str) else None


async def hold(seed: int, frames: int) -> Counter[str]:
    """Send so many bent frames to a fresh server; returns what became of them. Raises `Broken`."""
    chance, became, said = Random(seed), Counter[str](), list[str]()
    _listen(said)
    server = Server(clock, ViewPatch(cadence_s=1.0), rooms=(Site(ROOM, pods=("bench",)),))
    await server.start()
    clients = [Client(server, hello, became) for hello in HELLOS]
    for number in range(0, frames, BATCH):
        client = chance.choice(clients)
        people = [one.id for one in clients if one.id]
        sent = [bent(chance, people) for _ in range(min(BATCH, frames - number))]
        if chance.random() < 0.05:
            await _first(server, sent[0], became)
        await client.send(sent, f"mark {number}")
        await settle(chance.choice((0.03, 0.03, 0.03, 2.0)))
    await _honest(server)
    await server.stop()
    if said:
        raise Broken(f"logged as an error: {said[0]}")
    if left := [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        raise Broken(f"{len(left)} tasks are left: {left[:3]}")
    return became


async def _first(server: Server, frame: bytes, became: Counter[str]) -> None:
    """A bent frame as the first of a connection: it is let in, or told why not, and closed."""
    pipe = server.connect()
    await pipe.send(frame.decode("utf-8", "replace"))
    try:
        while json.loads(await pipe.receive())["type"] == "error":
            pass
        await pipe.close()
    except Closed as closed:
        if closed.code not in (4001, 4003, 4011):
            raise Broken(f"a first frame was closed with {closed.code}") from None
        became[f"first {closed.code}"] += 1


async def _honest(server: Server) -> None:
    """A client that does nothing wrong is served as ever."""
    await settle(5.0)
    pipe = server.connect()
    for frame in (
        {"type": "hello", "kind": "agent", "name": "Honest"},
        {"type": "join", "room": ROOM},
        {"type": "say", "room": ROOM, "id": "last", "text": "I was here."},
    ):
        await pipe.send(json.dumps(frame))
    while (answer := json.loads(await pipe.receive()))["type"] != "said":
        if answer["type"] == "error":
            raise Broken(f"an honest client was refused: {answer}")
    await pipe.close()


def _listen(said: list[str]) -> None:
    """Keep what is logged as an error, here and by the loop; warnings are the server's own business."""

    def keep(_: object, method: str, event: Any) -> Any:
        if method in ("error", "exception", "critical"):
            said.append(str(dict(event))[:500])
        raise structlog.DropEvent

    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(str(context)[:500]))
