"""A server of one room, in memory and without a clock of its own, with faults on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import UNSET

from cadence.duplex import Closed
from cadence.rooms import wire

Handler = Callable[["Door", wire.ClientFrame], bool]


class Door:
    """One connection to a `Hall`: the `Duplex` a speaker is given."""

    def __init__(self, hall: Hall, speaker: str) -> None:
        self.hall = hall
        self.speaker = speaker
        self.name = ""
        self.seen: list[wire.ClientFrame] = []
        self._frames: asyncio.Queue[str | Closed] = asyncio.Queue(1000)
        self._closed: Closed | None = None

    async def send(self, text: str) -> None:
        if self._closed is not None:
            raise self._closed
        frame = wire.decode_request(text)
        self.seen.append(frame)
        self.hall.take(self, frame)

    async def receive(self) -> str:
        item = await self._frames.get()
        if isinstance(item, Closed):
            self._frames.put_nowait(item)
            raise item
        return item

    async def close(self) -> None:
        self.cut(1000)

    def put(self, frame: msgspec.Struct | str) -> None:
        """Send a frame to the speaker, or any text."""
        if self._closed is None:
            self._frames.put_nowait(frame if isinstance(frame, str) else wire.encode(frame).decode())

    def cut(self, code: int | None = None) -> None:
        """End the connection."""
        if self._closed is None:
            self._closed = Closed(code)
            self._frames.put_nowait(self._closed)
            self.hall.leave(self)


class Hall:
    """`log` is what was said: (name, text, reply_to), by seq from 1. Give `on_frame` to answer differently."""

    def __init__(self, *humans: str) -> None:
        self.humans = list(humans)
        self.log: list[tuple[str, str, int | None]] = []
        self.times: list[float] = []
        self.frames: list[wire.Say] = []
        self.inside: list[Door] = []
        self.doors: list[Door] = []  # every connection that was ever made
        self.refuse_connections = 0
        self.on_frame: Handler = lambda door, frame: False
        self._seqs: dict[tuple[str, str], int] = {}

    async def connect(self, speaker: str) -> Door:
        if self.refuse_connections:
            self.refuse_connections -= 1
            raise OSError(f"expected a Cadence, got nothing for {speaker}")
        door = Door(self, speaker)
        self.doors.append(door)
        return door

    def take(self, door: Door, frame: wire.ClientFrame) -> None:
        if self.on_frame(door, frame):
            return
        if isinstance(frame, wire.Hello):
            door.name = str(frame.name)
            door.put(self.welcome(door, frame))
        elif isinstance(frame, wire.Join):
            self.inside.append(door)
            door.put(self.joined(frame))
        elif isinstance(frame, wire.Say):
            key = (door.name, frame.id)
            if key not in self._seqs:
                reply_to = None if frame.reply_to is UNSET else frame.reply_to
                self.log.append((door.name, frame.text, reply_to))
                self.frames.append(frame)
                self.times.append(asyncio.get_running_loop().time())
                self._seqs[key] = len(self.log)
            door.put(self.said(frame, self._seqs[key]))

    def welcome(self, door: Door, frame: wire.Hello) -> wire.Welcome:
        return wire.Welcome(
            ref=frame.ref,
            you=wire.You(door.speaker, door.name, "agent", "guest"),
            session=f"secret of {door.name}",
            resumed=frame.resume is not UNSET,
            heartbeat_s=20.0,
            limits=wire.Limits(65536, 200.0, 64),
            features=(),
            server=wire.Server("hall", "0"),
        )

    def joined(self, frame: wire.Join) -> wire.Joined:
        return wire.Joined(
            ref=frame.ref,
            room=frame.room,
            title="The hall",
            epoch="e",
            head=len(self.log),
            recovered=True,
            members=tuple(wire.Member(human, human, "human") for human in self.humans),
            member_count=len(self.humans),
            view=None,
        )

    def said(self, frame: wire.Say, seq: int) -> wire.Said:
        return wire.Said(ref=frame.ref, room=frame.room, id=frame.id, seq=seq, epoch="e", at="2026-01-01T00:00:00.000Z")

    def error(self, door: Door, frame: wire.Request, code: wire.ErrorCode, **more: float) -> bool:
        """Answer with an error; returns True, so that a handler can end with it."""
        door.put(wire.Error(ref=frame.ref, code=code, message=f"expected something else than {code}", **more))
        return True

    def leave(self, door: Door) -> None:
        if door in self.inside:
            self.inside.remove(door)

    def human_comes(self, name: str) -> None:
        self.humans.append(name)
        for door in self.inside:
            door.put(wire.Presence(room="hall", joined=(wire.Member(name, name, "human"),)))

    def human_goes(self, name: str) -> None:
        self.humans.remove(name)
        for door in self.inside:
            door.put(wire.Presence(room="hall", left=(name,)))
