"""A driver over a log in memory, with the frames it sends, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from cadence.alex.driver import Driver, EncoderFactory
from cadence.rooms.log import Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.mediation import Attached
from cadence.rooms.wire import After, Author, Member, Message, Part, Turn, ViewPatch
from tests.alex.talk import SENTENCE, START, line

ADA = Member("ada", "Ada", "human")
BOB = Member("bob", "Bob", "human")
HOST = Member("host", "Host", "human", "host")


class House:
    """What a hub would do, without connections: appends, tells the driver, keeps what readers get."""

    def __init__(self, store: MemoryLog, encoder: EncoderFactory | None = None) -> None:
        self.store = store
        self._encoder = encoder
        self.told: list[tuple[str, msgspec.Struct]] = []
        self.driver = self.new_driver()
        self.epoch = ""
        self.head = 0
        self.other_head = 0
        self._ids = 0

    def clock(self) -> float:
        return START + asyncio.get_running_loop().time()

    def new_driver(self) -> Driver:
        return Driver(self.store, self.clock, lambda room, user, frame: self.told.append((user, frame)), self._encoder)

    async def open(self, defaults: ViewPatch | None = None) -> None:
        state = await self.store.open_room("lab")
        self.epoch, self.head = state.epoch, state.head
        await self.driver.open_room("lab", state.epoch, state.head, defaults or ViewPatch())

    async def open_other(self, scope: str = "north", *, public: bool = True) -> None:
        """Open the room `hut`, in a scope as `lab` is from here on."""
        for room, open_ in (("lab", True), ("hut", public)):
            state = await self.store.open_room(room)
            await self.driver.open_room(
                room, state.epoch, state.head, ViewPatch(), scope="north" if room == "lab" else scope, public=open_
            )

    async def say_in_hut(self, text: str, speaker: str = "hob", kind: Any = "agent") -> Message:
        self._ids += 1
        author = Author(speaker, speaker.title(), kind)
        appended = await self.store.append(Draft("hut", author, f"m{self._ids}", self.clock(), text))
        self.other_head = appended.message.seq
        self.driver.posted(appended.message)
        return appended.message

    async def chatter(self, seconds: int, speaker: str = "hob") -> None:
        """A line a second in the hut."""
        for _ in range(seconds):
            await self.say_in_hut(line(5_000 + self.other_head), speaker)
            await wait(1.0)

    async def restart(self) -> None:
        """A new driver over the same log, as after a crash."""
        await self.driver.close()
        self.driver = self.new_driver()
        await self.open()

    async def say(self, text: str = SENTENCE, speaker: str = "vera", kind: Any = "agent", **more: Any) -> Message:
        self._ids += 1
        parts: tuple[Part, ...] = more.pop("parts", ())
        author = Author(speaker, speaker.title(), kind)
        appended = await self.store.append(
            Draft("lab", author, f"m{self._ids}", self.clock(), text, parts=parts, **more)
        )
        self.head = appended.message.seq
        withheld = self.driver.posted(appended.message)
        for user in list(self.driver._rooms["lab"].readers):
            if user not in withheld:
                self.told.append((user, appended.message))
        return appended.message

    async def flood(self, messages: int, seconds: float = 0.1) -> None:
        for number in range(messages):
            await self.say(line(self.head), "abc"[number % 3])
            await wait(seconds)

    async def attach(
        self, member: Member = ADA, after: After | None = None, patch: ViewPatch | None = None
    ) -> tuple[Attached, list[msgspec.Struct]]:
        attached = await self.driver.attach("lab", member, after, patch, self.head)
        return attached, [frame async for batch in attached.backfill for frame in batch]

    def after(self, user: str = "ada", seq: int | None = None) -> After:
        """What a client that saw all that was told would send."""
        turns = [frame.turn for frame in self.frames(user) if isinstance(frame, Turn)]
        messages = [frame.seq for frame in self.frames(user) if isinstance(frame, Message)]
        return After(self.epoch, max(messages, default=0) if seq is None else seq, max(turns, default=0))

    def frames(self, user: str = "ada") -> list[msgspec.Struct]:
        return [frame for told, frame in self.told if told == user]

    def turns(self, user: str = "ada") -> list[Turn]:
        return [frame for frame in self.frames(user) if isinstance(frame, Turn)]


@asynccontextmanager
async def house(defaults: ViewPatch | None = None, encoder: EncoderFactory | None = None) -> AsyncIterator[House]:
    """An open room `lab` without readers."""
    opened = House(MemoryLog(lambda: START + asyncio.get_running_loop().time()), encoder)
    await opened.open(defaults)
    try:
        yield opened
    finally:
        await opened.driver.close()


async def wait(seconds: float) -> None:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(seconds, passed.set_result, None)
    await passed
