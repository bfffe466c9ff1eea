"""Real servers over a real Redis, hurt from a seed while people talk, and the history of it judged.

    outcome = await Arena(folder, seed, faults=30).run()
    outcome.violations        what was lost, doubled, out of order or wrongly covered, in words

Writers say everything until it is acknowledged; receivers come back after every cut, to whichever server is there.
Then the faults stop, and the log must hold each acknowledged message once, every raw receiver must have had all of it
in its order, and every mediated reader turns that cover it without a gap (`tests.checks`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from websockets.exceptions import WebSocketException

from cadence.process import CLOCK_JUMP
from tests import checks, talk
from tests.checks import log_of
from tests.redis_server import RedisServer, free_port
from tests.served import Served
from tests.stranger import Closed, Frame, Refused, Stranger, dial

ROOM = "hall"
NODES = 2
WRITERS = 3
SAY_S = 10.0  # how long a writer waits for `said` before it comes back and says it again
RECOVERY_S = 90.0
STARTS_MAX = 20  # of a server, while Redis may be away
CLOCK_JUMPS_S = (3_600.0, -3_600.0, 86_400.0, -86_400.0)
HOST_TOKEN = "the host's token everywhere"
LOST = (Closed, Refused, OSError, TimeoutError, WebSocketException)


@dataclass(slots=True)
class Outcome:
    """What happened, and what was wrong."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    epochs: set[str] = field(default_factory=set)
    turns: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)


class Guest:
    """A client that stays, at any server that lets it in."""

    def __init__(self, arena: Arena, name: str, kind: str, view: Frame | None = None, token: str | None = None) -> None:
        self.stranger = Stranger(name, kind, token=token, clock=arena.clock)
        self.label = name
        self.ready = asyncio.Event()
        self.acknowledged: dict[str, Frame] = {}
        self._arena, self._view = arena, view

    async def keep(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                async with asyncio.timeout(SAY_S):
                    if self.stranger.connected:
                        await self.stranger.cut()
                    await self.stranger.open(await dial(self._arena.address()))
                    view = None if ROOM in self.stranger.places else self._view
                    await self.stranger.join(ROOM, view=view)
                self.ready.set()
                await self.stranger.over(within=None)
            except LOST:
                await self._arena.pause(0.2)
            finally:
                self.ready.clear()

    async def talk(self) -> None:
        """Say one thing after another, each until it is acknowledged."""
        number, chance = 0, Random(f"{self._arena.outcome.seed}/{self.label}")
        while not self._arena.ending:
            number += 1
            words = talk.utterance(chance, rich=True, foreign=False, spoken=False)
            ident = f"{self.label}-{number}"
            while ident not in self.acknowledged:
                await self.ready.wait()
                try:
                    async with asyncio.timeout(SAY_S):
                        self.acknowledged[ident] = await self.stranger.say(ROOM, id=ident, **words)
                except LOST:
                    await self._arena.pause(0.1)
            await self._arena.pause(0.05)

    def heard(self, seq: int) -> bool:
        """Whether it was sent this message or told of it, or has entered afresh since and loads it itself."""
        if ROOM in self.stranger.places and seq <= self.stranger.places[ROOM].since:
            return True
        found = {frame["seq"] for frame in self.stranger.received("message")}
        for turn in self.stranger.received("turn"):
            if turn["covers"] is not None:
                found |= set(range(turn["covers"]["from"], turn["covers"]["to"] + 1))
        return seq in found


class Arena:
    """Two servers and a Redis in `folder`; `appendfsync` as a host may set it."""

    def __init__(self, folder: Path, seed: int, faults: int, appendfsync: str = "always") -> None:
        self.outcome = Outcome(seed)
        self.ending = False
        self.leap = 0.0  # by which the servers' clocks are ahead of ours
        self._jump = 0.0  # by which the system's clock is, as whoever starts now sees it
        self._chance = Random(seed)
        self._count = faults
        self._redis = RedisServer(folder / "redis", appendfsync=appendfsync)
        rooms = folder / "place" / "rooms"
        rooms.mkdir(parents=True)
        (rooms / f"{ROOM}.toml").write_text('title = "The hall"\n')
        self._servers = [self._server(folder, n) for n in range(NODES)]
        self._mending: dict[int, asyncio.Task[None]] = {}
        self.writers = [Guest(self, f"w{n}", "agent") for n in range(WRITERS)]
        raw: Frame = {"mode": "raw"}
        self.receivers = [Guest(self, "ear", "agent"), Guest(self, "raw", "human", raw)]
        self.readers = [Guest(self, "rea", "human", {"cadence_s": 1.0, "pace_wpm": 1000})]
        # Two pages of one person, mostly at different servers.
        self.pages = [Guest(self, "hana", "human", {"cadence_s": 2.0}, HOST_TOKEN) for _ in range(2)]
        self.pages[1].label = "hana again"

    def _server(self, folder: Path, number: int) -> Served:
        data = folder / f"node-{number}"
        data.mkdir()
        (data / "host-token").write_text(f"{HOST_TOKEN}\n")
        return Served(folder / "place", data, "--redis", self._redis.url, "--port", str(free_port()))

    def clock(self) -> float:
        """The time of the servers: once a clock was ahead, all go on from there."""
        return time.time() + self.leap

    def address(self) -> str:
        """Some server, whether it is there or not."""
        return self._chance.choice(self._servers).url

    async def pause(self, seconds: float) -> None:
        """Let real time pass: the faults of real processes have no other clock."""
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, over.set)
        await over.wait()

    @property
    def guests(self) -> list[Guest]:
        return [*self.writers, *self.receivers, *self.readers, *self.pages]

    async def run(self) -> Outcome:
        """All of it. Whatever happens, no process is left behind."""
        began, tasks = time.monotonic(), list[asyncio.Task[None]]()
        try:
            self._redis.start()
            await asyncio.gather(*(server.start() for server in self._servers))
            tasks = [asyncio.create_task(guest.keep()) for guest in self.guests]
            for guest in self.guests:
                async with asyncio.timeout(RECOVERY_S):
                    await guest.ready.wait()
            talks = [asyncio.create_task(writer.talk()) for writer in self.writers]
            for _ in range(self._count):
                await self._fault()
                await self.pause(self._chance.uniform(0.2, 1.0))
            await asyncio.gather(*self._mending.values())
            self.ending = True
            async with asyncio.timeout(RECOVERY_S):
                await asyncio.gather(*talks)
            await self._recover()
            await self._judge()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, *self._mending.values(), return_exceptions=True)
            await asyncio.gather(*(server.kill() for server in self._servers), return_exceptions=True)
            self._redis.kill()
            self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # Faults.

    async def _fault(self) -> None:
        faults: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (2, self._kill_server),
            (2, self._kill_redis),
            (1, self._stop_redis),
            (1, self._stop_server),
            (1, self._kill_mediator),
            (1, self._fill_disk),
            (3, self._cut),
            (2, self._stall),
            (1, self._set_clock),
        ]
        fault = self._chance.choices([one for _, one in faults], [weight for weight, _ in faults])[0]
        self.outcome.faults[fault.__name__.strip("_").replace("_", " ")] += 1
        await fault()

    async def _kill_server(self) -> None:
        """kill -9; it comes back by itself while other things go wrong."""
        number, jump = self._chance.randrange(NODES), self._jump
        if number in self._mending:
            await self._mending[number]
        self._servers[number].environment[CLOCK_JUMP] = f"{jump}"

        async def mend() -> None:
            for _ in range(STARTS_MAX):
                try:
                    await self._servers[number].start()
                    self.leap = max(self.leap, jump)
                    break
                except AssertionError:  # Redis was away, which it said and ended: whoever keeps it starts it again
                    await self.pause(0.2)
            del self._mending[number]

        await self._servers[number].kill()
        self._mending[number] = asyncio.create_task(mend())

    async def _set_clock(self) -> None:
        """The system's clock is set, and a server starts by it. Who is away then could lawfully be so for too long."""
        async with asyncio.timeout(RECOVERY_S):
            for guest in self.guests:
                await guest.ready.wait()
        self._jump += self._chance.choice(CLOCK_JUMPS_S)
        await self._kill_server()

    async def _kill_redis(self) -> None:
        self._redis.kill()
        await self.pause(self._chance.choice((0.0, 0.5, 3.0)))
        await asyncio.to_thread(self._redis.start)

    async def _fill_disk(self) -> None:
        """What Redis writes next does not fit: with `always` it ends itself rather than go on. Then there is space."""
        size = sum(path.stat().st_size for path in self._redis.folder.rglob("*.aof"))
        resource.prlimit(self._redis.pid, resource.RLIMIT_FSIZE, (size + 2000, resource.RLIM_INFINITY))
        await self.pause(1.0)
        await self._kill_redis()

    async def _stop_redis(self) -> None:
        await self._stopped(self._redis.pid, self._chance.choice((0.5, 2.0, 6.0)))

    async def _stop_server(self) -> None:
        """A server that hangs, now and then for so long that the others think it dead."""
        number = self._chance.randrange(NODES)
        if number not in self._mending:
            await self._stopped(self._servers[number].pid, self._chance.choice((0.5, 2.0, 12.0)))

    async def _kill_mediator(self) -> None:
        """A process of Alex' ends at once; its server starts the next."""
        number = self._chance.randrange(NODES)
        for pid in self._servers[number].children if number not in self._mending else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def _stopped(self, pid: int, seconds: float) -> None:
        os.kill(pid, signal.SIGSTOP)
        await self.pause(seconds)
        os.kill(pid, signal.SIGCONT)

    async def _cut(self) -> None:
        guest = self._chance.choice(self.guests)
        if guest.ready.is_set():
            await guest.stranger.cut()

    async def _stall(self) -> None:
        stranger = self._chance.choice([*self.receivers, *self.readers, *self.pages]).stranger
        stranger.stall()
        await self.pause(self._chance.uniform(0.2, 3.0))
        stranger.flow()

    # The end.

    async def _recover(self) -> None:
        last = max(said["seq"] for writer in self.writers for said in writer.acknowledged.values())
        until = time.monotonic() + RECOVERY_S
        listeners = [*self.receivers, *self.readers, *self.pages]
        while time.monotonic() < until and not all(guest.heard(last) for guest in listeners):
            await self.pause(0.2)
        for guest in listeners:
            if not guest.heard(last):
                self.outcome.violations.append(f"recovery: {guest.label} has not heard of {last} in {RECOVERY_S:g} s")

    async def _judge(self) -> None:
        outcome, witness = self.outcome, self.receivers[0]
        await witness.ready.wait()
        history = await witness.stranger.messages(ROOM)
        said = {(f"{w.stranger.id}", ident): frame for w in self.writers for ident, frame in w.acknowledged.items()}
        outcome.acknowledged = len(said)
        diaries = [guest.stranger.diary for guest in self.guests]
        outcome.epochs = {s.frame["epoch"] for d in diaries for s in d if s.way == "in" and s.frame["type"] == "joined"}
        outcome.turns = sum(len(guest.stranger.received("turn")) for guest in self.guests)
        outcome.deliveries = sum(len(guest.stranger.received("message")) for guest in self.guests)
        outcome.violations += _one_meaning(self.guests)
        if len(outcome.epochs) > 1:
            return  # what an old epoch acknowledged may be lost; that it is told is all that can be asked
        outcome.violations += _kept_once(history, said)
        log = log_of(ROOM, diaries)
        for guest in [*self.writers, *self.receivers, *self.readers, *self.pages]:
            user, diary = guest.stranger.id, guest.stranger.diary
            if guest.stranger.kind == "agent":
                verdict = checks.agent(guest.label, diary, log, user, calm=[])
            else:
                verdict = checks.reader(guest.label, diary, log, user, calm=[], second=guest is self.pages[1])
            outcome.violations += verdict.violations


def _kept_once(history: list[Frame], said: dict[tuple[str, str], Frame]) -> list[str]:
    """Every acknowledged message is in the log where it was said to be, and none is there twice."""
    found = []
    places: dict[tuple[str, str], int] = {}
    for place, message in enumerate(history, 1):
        key = (message["from"]["id"], message["id"])
        if message["seq"] != place:
            found.append(f"order: seq {message['seq']} at place {place}")
        if key in places:
            found.append(f"duplicate: {key} is {places[key]} and {message['seq']}")
        places[key] = message["seq"]
    found += [
        f"lost: {key} was acknowledged as {frame['seq']}, the log has it at {places.get(key)}"
        for key, frame in said.items()
        if places.get(key) != frame["seq"]
    ]
    return found


def _one_meaning(guests: Iterable[Guest]) -> list[str]:
    """Nobody was ever shown, or told, another message under the same epoch and seq."""
    found: list[str] = []
    meaning: dict[tuple[str, int], tuple[str, str]] = {}
    for guest in guests:
        shown = [(frame, frame["from"]["id"]) for frame in guest.stranger.received("message")]
        shown += [(frame, guest.stranger.id) for frame in guest.acknowledged.values()]
        for frame, author in shown:
            what = (author, frame["id"])
            first = meaning.setdefault((frame["epoch"], frame["seq"]), what)
            if first != what:
                found.append(f"two meanings: {frame['epoch']}/{frame['seq']} is {first} and {what} at {guest.label}")
    return found
