"""One meeting before readers of every kind, in virtual time or before a real server.

Everybody here is a `tests.stranger.Stranger`. Recorded meetings have no reply edges, so one agent more, the Objector,
explicitly objects now and then to what was just said, in words drawn from the seed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from msgspec import to_builtins

from bench.gathering import SETTLE_SECONDS_MAX, settle, spoken
from bench.serving import ROOM as REAL_ROOM
from bench.serving import Serving
from cadence.alex.delivery import Delivery
from cadence.alex.reader import Reader
from cadence.personas.plan import Plan
from cadence.rooms.wire import ViewPatch
from tests.actors import ROOM as VIRTUAL_ROOM
from tests.checks import Log, log_of
from tests.checks.repeats import content
from tests.clock import VirtualLoop
from tests.mortal import Server
from tests.stranger import Duplex, Frame, Stranger, dial

EPOCH = 1_750_000_000.0
OBJECT_EVERY = 15  # lines
OBJECTOR = "Objector"
RAW, PACED = "raw", "5 s, paced"
VIEWS: dict[str, Frame] = {
    "1 s": {"cadence_s": 1},
    "5 s": {"cadence_s": 5},
    "10 s": {"cadence_s": 10},
    "30 s": {"cadence_s": 30},
    "5 s, sigma 0.5": {"cadence_s": 5, "sigma": 0.5},
    PACED: {"cadence_s": 5, "mode": "paced"},
    RAW: {"mode": "raw"},
}
Connect = Callable[[], Awaitable[Duplex]]


@dataclass
class Sitting:
    """What came of one run. `cpu_s`: of each reader's looks (virtual), or of the whole server (real, key "")."""

    room: str
    clock: Callable[[], float]
    readers: dict[str, Stranger] = field(default_factory=dict)
    agents: dict[str, Stranger] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    cpu_s: Counter[str] = field(default_factory=Counter)

    @property
    def log(self) -> Log:
        everyone = [*self.agents.values(), *self.readers.values()]
        return log_of(self.room, [one.diary for one in everyone])


def in_virtual_time(plan: Plan, seed: int) -> Sitting:
    """The meeting at its own speed, in no time: the whole server in this process, over in-memory sockets."""

    async def life() -> Sitting:
        loop = asyncio.get_running_loop()
        sitting = Sitting(VIRTUAL_ROOM, lambda: EPOCH + loop.time())
        server = Server(sitting.clock, ViewPatch())
        await server.start()

        async def connect() -> Duplex:
            return server.connect()

        with _timed(sitting.cpu_s):
            await _hold(sitting, connect, plan, 1.0, seed)
        await server.stop()
        return sitting

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(life())


async def before_a_server(plan: Plan, speed: float, seed: int) -> Sitting:
    """The meeting `speed` times as fast, before a real `cadence serve` over real sockets."""
    sitting = Sitting(REAL_ROOM, time.time)
    with tempfile.TemporaryDirectory() as folder:
        serving = Serving(Path(folder))
        try:
            await serving.start()
            idle = serving.cpu_s()
            await _hold(sitting, lambda: dial(serving.url), plan, speed, seed)
            sitting.cpu_s[""] = serving.cpu_s() - idle  # type: ignore[assignment]
            for one in (*sitting.agents.values(), *sitting.readers.values()):
                await one.cut()
        finally:
            await serving.end()
    return sitting


async def _hold(sitting: Sitting, connect: Connect, plan: Plan, speed: float, seed: int) -> None:
    room = sitting.room
    for id, name in {**{cast.id: cast.name for cast in plan.cast}, OBJECTOR: OBJECTOR}.items():
        agent = sitting.agents[id] = Stranger(name, "agent", clock=sitting.clock)
        await agent.open(await connect())
        await agent.join(room)
    for name, view in VIEWS.items():
        reader = sitting.readers[name] = Stranger(f"Reader {name}", clock=sitting.clock)
        await reader.open(await connect())
        await reader.join(room, view=view)
    sitting.began = sitting.clock()
    seqs: dict[int, int] = {}  # by number of the line
    async for number, line, _ in spoken(plan, speed):
        more: dict[str, Any] = {"reply_to": seqs[line.reply_to]} if line.reply_to in seqs else {}
        speaker, parts = sitting.agents[line.speaker], to_builtins(line.parts)
        said = await speaker.say(room, line.text, id=f"line-{number}", spoken=line.spoken, parts=parts, **more)
        seqs[line.number] = said["seq"]
        objection = _objection(line.text, Random(f"{seed}/{number}")) if number % OBJECT_EVERY == 0 else None
        if objection is not None:
            await sitting.agents[OBJECTOR].say(room, objection, id=f"no-{number}", reply_to=said["seq"])
    sitting.ended = sitting.clock()
    head = sitting.log.head
    slow = sitting.readers[PACED]
    await settle([one for one in sitting.readers.values() if one is not slow], room, head)
    await slow.view(room, mode="raw")  # closes what it has not read yet
    await slow.until(lambda frame: frame["type"] == "turn" and frame["covers"]["to"] >= head, within=SETTLE_SECONDS_MAX)


def _objection(text: str, chance: Random) -> str | None:
    """An explicit objection to a line, about two words of it; None if it says too little."""
    about = sorted(content(text))
    if len(about) < 4:
        return None
    first, second = chance.sample(about, 2)
    return f"I disagree: {first} has nothing to do with {second} here."


@contextmanager
def _timed(cpu_s: Counter[str]) -> Iterator[None]:
    """Count the CPU seconds of each reader's looks, by reader; who looks together shares evenly."""
    look = Delivery._look

    def timed(self: Delivery, readers: Sequence[Reader], now: float) -> int:
        began = time.process_time()
        shown = look(self, readers, now)
        for reader in readers:
            cpu_s[reader.user] += (time.process_time() - began) / len(readers)  # type: ignore[assignment]
        return shown

    Delivery._look = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        Delivery._look = look  # type: ignore[method-assign]
