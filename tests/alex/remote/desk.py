"""A proxy over workers nearby, and what a hub would do around it: appends, delivers, keeps what everybody gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from cadence.alex.driver import Driver
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.near import Server
from cadence.alex.remote.worker import MayRead, Tell
from cadence.rooms.log import Draft
from cadence.rooms.log.memory import MemoryLog
from cadence.rooms.mediation import ReaderStore
from cadence.rooms.wire import After, Author, Member, Message, Turn, ViewPatch, ViewRequest
from tests.alex.house import ADA, wait
from tests.alex.remote.nearby import Neighbours
from tests.alex.talk import SENTENCE, START

LATENCY_S = 0.2  # each way; far more than a real line takes


class Desk:
    """One room `lab`, mediated by `workers` workers, a line of `LATENCY_S` at most away."""

    def __init__(self, workers: int) -> None:
        self.store = MemoryLog(self.clock)
        self.told: dict[str, list[msgspec.Struct]] = {}
        self.away: list[AbstractSet[str]] = []
        self.reached: list[float] = []
        self.neighbours = Neighbours(self._make, latency_s=LATENCY_S, reach=self.reached.append)
        self.mediation = Mediators(
            Server(self.store, self._tell, self._tell, self.away.append, self._may_read), self.neighbours.start, workers
        )
        self.invited: set[str] = set()  # private rooms that everybody may read
        self.head = 0
        self.epoch = ""

    def clock(self) -> float:
        return START + asyncio.get_running_loop().time()

    def _make(self, store: ReaderStore, tell: Tell, may_read: MayRead) -> Driver:
        return Driver(store, self.clock, tell, may_read=may_read)

    def _tell(self, room: str, user: str, frame: msgspec.Struct) -> None:
        self.told.setdefault(user, []).append(frame)

    def _may_read(self, room: str, member: Member) -> bool:
        return room in self.invited

    async def open(self) -> None:
        await self.mediation.open()
        state = await self.store.open_room("lab")
        self.epoch = state.epoch
        await self.mediation.open_room("lab", state.epoch, state.head, ViewPatch())

    async def say(self, text: str = SENTENCE, speaker: str = "vera", kind: Any = "agent", **more: Any) -> Message:
        """Append and publish as a hub does; whoever is not withheld gets it at once."""
        draft = Draft("lab", Author(speaker, speaker.title(), kind), f"m{self.head + 1}", self.clock(), text, **more)
        message = (await self.store.append(draft)).message
        self.head = message.seq
        withheld = self.mediation.posted(message)
        for user in self.told.keys() - withheld:
            self.told[user].append(message)
        return message

    async def join(
        self, member: Member = ADA, after: After | None = None, patch: ViewPatch | None = None
    ) -> list[msgspec.Struct]:
        """Attach; live frames wait for what was missed, as behind a gateway. Answers all frames so far."""
        live = self.told.setdefault(member.id, [])
        attached = await self.mediation.attach("lab", member, after, patch, self.head)
        missed = [frame async for batch in attached.backfill for frame in batch]
        live[:0] = missed
        return live

    async def redact(self, seq: int) -> None:
        await self.store.redact("lab", seq)
        self.mediation.redacted("lab", seq)

    async def set_mode(self, mode: Any, member: Member = ADA) -> None:
        await self.mediation.set_view(member, ViewRequest(room="lab", mode=mode))

    def seqs(self, user: str = "ada") -> list[int]:
        """Of the messages a user got, as they came."""
        return [frame.seq for frame in self.told[user] if isinstance(frame, Message)]

    def covered(self, user: str = "ada") -> list[int]:
        turns = [frame for frame in self.told[user] if isinstance(frame, Turn) and frame.covers]
        return [seq for turn in turns if turn.covers for seq in range(turn.covers.from_, turn.covers.to + 1)]


@asynccontextmanager
async def desk(workers: int = 1) -> AsyncIterator[Desk]:
    opened = Desk(workers)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.mediation.close()
        for worker in opened.neighbours.living.values():
            worker.kill()
        await wait(1)
