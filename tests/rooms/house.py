"""A small server for tests: a real hub, gateway and identity over a log in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from cadence.rooms.gateway import Gateway
from cadence.rooms.hub import Hub
from cadence.rooms.identity import Identity
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.mediation import Mediation
from cadence.rooms.room import RoomInfo
from tests.asgi import Channel

EPOCH_S = 1_700_000_000.0
HOST_TOKEN = "the host's token"


def clock() -> float:
    """Virtual time as seconds since the epoch."""
    return EPOCH_S + asyncio.get_running_loop().time()


def tokens() -> Iterator[str]:
    """Secrets that are the same in every run."""
    number = 0
    while True:
        number += 1
        yield f"secret-{number}"


class Client:
    """A channel that has said hello."""

    def __init__(self, channel: Channel, welcome: dict[str, Any]) -> None:
        self.channel = channel
        self.welcome = welcome
        self.id: str = welcome["you"]["id"]
        self.session: str = welcome["session"]

    async def send(self, type: str, **fields: Any) -> None:
        await self.channel.send({"type": type, **fields})

    async def receive(self) -> dict[str, Any]:
        return await self.channel.receive()

    async def until(self, type: str) -> dict[str, Any]:
        """The next frame of this type; those before it are dropped."""
        while (frame := await self.receive())["type"] != type:
            pass
        return frame

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return its reply or error; frames before it are dropped."""
        ref = f"ref {type}"
        await self.send(type, ref=ref, **fields)
        while (frame := await self.receive()).get("ref") != ref:
            pass
        return frame

    async def join(self, room: str = "lab", **fields: Any) -> dict[str, Any]:
        return await self.ask("join", room=room, **fields)

    async def say(self, text: str, id: str | None = None, room: str = "lab", **fields: Any) -> dict[str, Any]:
        return await self.ask("say", room=room, id=id or f"id of {text}"[:64], text=text, **fields)

    async def drain(self) -> list[dict[str, Any]]:
        """All frames that have arrived once everything has settled."""
        await settle()
        return [await self.receive() for _ in range(self.channel.pending())]


async def settle(seconds: float = 0.001) -> None:
    """Let everything run that can run now."""
    loop = asyncio.get_running_loop()
    past = loop.create_future()
    loop.call_later(seconds, past.set_result, None)
    await past


class House:
    """A server with the room `lab` and the private room `attic`."""

    def __init__(self, mediation: Mediation | None = None, log: MemoryLog | None = None, open: bool = True) -> None:
        source = tokens()
        self.log = log or MemoryLog(clock, epochs=(f"epoch-{number}" for number in range(1000)))
        self.hub = Hub(self.log, clock, mediation)
        self.identity = Identity(
            self.log, clock, host_token=HOST_TOKEN, open=open, barred=self.hub.barred, token=lambda: next(source)
        )
        self.gateway = Gateway(self.hub, self.identity, clock, version="1.2.3")

    async def start(self) -> House:
        await self.hub.open_room(RoomInfo("lab", "The lab", pods=("bench", "desk")))
        await self.hub.open_room(RoomInfo("attic", "The attic", public=False, members=frozenset({"vera"})))
        await self.identity.load()
        return self

    async def open(self, **options: Any) -> Channel:
        return await Channel(self.gateway, **options).open()

    async def client(self, name: str | None = None, kind: str = "agent", **hello: Any) -> Client:
        channel = await self.open()
        named = {} if name is None else {"name": name}
        await channel.send({"type": "hello", "kind": kind, **named, **hello})
        return Client(channel, await channel.receive())

    async def member(self, name: str, kind: str = "agent", room: str = "lab", **hello: Any) -> Client:
        """A client that has joined `room`."""
        client = await self.client(name, kind, **hello)
        await client.join(room)
        return client
