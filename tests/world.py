"""The whole room from a seed, in virtual time: real Hub, Gateway, Identity, MemoryLog and Driver, strangers' clients.

A run has two phases. While it lasts, actors talk and read and faults happen: cuts, stalls, a log that refuses,
a server that is killed and started again over the same log. Then faults stop and the room must recover: within
`RECOVERY_S` everybody has, or is told of, every message. At the end all checks of `tests.checks` are put to
every diary. The same seed gives the same diaries, to the byte.

    outcome = run(seed)          one life
    outcome.violations           what broke, in words
    outcome.marks                which of the rarer things happened
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from structlog.testing import capture_logs

from cadence.alex.driver import EncoderFactory
from cadence.alex.mediator import Mediator
from cadence.rooms.log.memory_node import NODE_SECONDS
from cadence.rooms.shared import BEAT_SECONDS
from cadence.rooms.wire import ViewPatch
from tests import checks
from tests.actors import ATTIC, ROOM, SETTLE_S, Actor, Agent, Habits, Reader, pause
from tests.checks import Log, log_of, manners
from tests.clock import VirtualLoop
from tests.cluster import Cluster
from tests.marks import marks_of
from tests.mortal import HOST_TOKEN, Server, Site, vectors
from tests.pipe import Pipe
from tests.stranger import Frame, Seen, Stranger

EPOCH = 1_750_000_000.0
RECOVERY_S = 150.0
WITNESS = {ROOM: "wit", ATTIC: "eve"}  # suffer nothing and hear all of their room
VECTORS_SHARE = 0.1  # of lives have an encoder: its fake costs more than all the rest of a life
TAB = "hana again"
LAWFUL_ERRORS = ("LogUnavailable", "a mediator died", "the other end is gone")
CLOCK_JUMPS_S = (3_600.0, -3_600.0, 86_400.0, -86_400.0)
READY_S = 30.0
CUTS_A_FAULT = 4  # where several servers suffer all the time


@dataclass(frozen=True, slots=True)
class Twist:
    """What is changed in a second life of the same seed. `odd` is the reader `sol`, who says nothing."""

    odd_view: Frame | None = None
    odd_habits: Habits | None = None
    mode: str | None = None  # of all readers, who then do not unfold, stall or change it
    encoder: EncoderFactory | Literal["drawn"] | None = "drawn"
    remote: bool = False  # Alex works in other processes, which die now and then
    abrupt: bool = False  # a server that stops with manners waits for its slowest client: kill it instead
    nodes: bool = False  # several servers that share their rooms, and suffer all the time


_AS_DRAWN = Twist()


@dataclass(slots=True)
class Outcome:
    """One life: what everybody saw, what was wrong, what happened at all."""

    seed: int
    diaries: dict[str, list[Seen]] = field(default_factory=dict, repr=False)
    violations: list[str] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    events: list[tuple[float, str]] = field(default_factory=list, repr=False)
    seconds: float = 0.0  # until faults stop

    def testimony(self, who: str) -> list[Seen]:
        """What somebody saw and did until faults stopped."""
        return [seen for seen in self.diaries[who] if seen.at < EPOCH + self.seconds]

    def story(self, last: int = 20) -> str:
        """What to print when this life went wrong."""
        events = "\n".join(f"  {at - EPOCH:9.3f}  {what}" for at, what in self.events[-last:])
        return "\n".join([f"seed {self.seed}: pytest tests/test_world.py --seed {self.seed}", *self.violations, events])


class World:
    """One life. Make it in a running `VirtualLoop`, then `await live()`."""

    def __init__(self, seed: int, twist: Twist) -> None:
        loop = asyncio.get_running_loop()
        random = Random(f"{seed}")
        self.clock: Callable[[], float] = lambda: EPOCH + loop.time() + self._leap()
        self._leap: Callable[[], float] = lambda: 0.0  # of the servers' clocks, by which everybody lives
        self.ending = False
        self.outcome = Outcome(seed)
        self.habits = Habits.drawn(random)
        self._twist = twist
        self._seconds = self.outcome.seconds = random.choice((20.0, 45.0, 90.0, 150.0))
        refuses, restarts = random.random() < 0.4, random.random() < 0.4
        self._faults = refuses and twist.mode is None, restarts
        self._narrowed = random.random() < 0.3
        self._shared: list[tuple[float, float]] = []
        defaults = ViewPatch(cadence_s=random.choice((1.0, 5.0, 30.0))) if random.random() < 0.3 else ViewPatch()
        encoder = vectors if random.random() < VECTORS_SHARE else None
        rooms = self._rooms(Random(f"{seed}/rooms"))
        lines = Random(f"{seed}/lines") if twist.remote else None
        self._server: Server | Cluster
        if twist.nodes:
            self._faults = (True, True)
            cluster = Cluster(lambda: EPOCH + loop.time(), defaults, None, rooms, seed=seed, remote=lines)
            self._server, self._leap = cluster, lambda: cluster.leap
        else:
            vectors_of = encoder if twist.encoder == "drawn" else twist.encoder
            self._server = Server(self.clock, defaults, vectors_of, rooms, lines)
        self._actors = self._cast(random)
        self._keepers: list[asyncio.Task[None]] = []

    def _rooms(self, random: Random) -> list[Site]:
        """The hall, which may have pods, and in half of all lives a room in hearing of it."""
        self.pods = ("hearth", "door", "stairs") if random.random() < 0.3 else ()
        if random.random() < 0.5:
            return [Site(ROOM, random.choice(("", "north")), self.pods)]
        attic = Site(ATTIC, random.choice(("north", "south", "north/upstairs")), public=random.random() < 0.7)
        return [Site(ROOM, "north", self.pods), attic]

    def connect(self) -> Pipe:
        return self._server.connect()

    def note(self, what: str) -> None:
        self.outcome.events.append((self.clock(), what))

    def _cast(self, random: Random) -> dict[str, Actor]:
        """Who is there, in the order of their first hello."""
        cast: dict[str, Actor] = {"wit": self._actor(Agent, "wit", steady=True)}
        for name in ("ada", "bob", "cyd", "dan")[: random.randint(2, 4)]:
            cast[name] = self._actor(Agent, name)
        views: list[Frame | None] = [None, {"cadence_s": 1.0}, {"cadence_s": 2.0, "pace_wpm": 600}, {"cadence_s": 30.0}]
        views.append({"sigma": 0.5, "focus": {"follow": []}, "pace_wpm": 90})
        if not self.habits.bulk:  # see `Reader._toggle`
            views.append({"mode": "paced", "pace_wpm": random.choice((60, 600))})
        cast["rae"] = self._actor(Reader, "rae", view=random.choice(views))
        cast["sol"] = self._actor(Reader, "sol", view=random.choice(views))
        if self._twist.odd_view is not None:
            cast["sol"].first_view = self._twist.odd_view
        cast["sol"].habits = self._twist.odd_habits or replace(self.habits, speaking=False)
        if random.random() < 0.5:
            cast["ron"] = self._actor(Reader, "ron", view={"mode": "raw"})
            cast["ron"].habits = replace(self.habits, toggles=False)
        cast["hana"] = self._actor(Reader, "hana", token=HOST_TOKEN)
        if random.random() < 0.3:  # a second page of the same person
            cast[TAB] = self._actor(Reader, TAB, token=HOST_TOKEN)
            cast[TAB].stranger.name = "hana"
            cast[TAB].habits = cast["hana"].habits = replace(self.habits, forgets=False)
        if any(site.room == ATTIC for site in self._server.rooms):
            cast["eve"] = self._actor(Agent, "eve", steady=True, room=ATTIC)
            cast["fay"] = self._actor(Agent, "fay", room=ATTIC)
        if len(self._server.rooms) > 1 or self.pods:
            self._spread(cast)
        for actor in cast.values():
            if self._twist.mode is not None and isinstance(actor, Reader):
                actor.first_view = {**(actor.first_view or {}), "mode": self._twist.mode}
                actor.habits = replace(actor.habits, toggles=False, reading=False, stalls=False, asks=False)
        return cast

    def _spread(self, cast: dict[str, Actor]) -> None:
        """Readers hear more or less of their surroundings, and some sit at a pod."""
        for name in ("rae", "sol", "hana"):
            chance, view = Random(f"{self.outcome.seed}/{name}/spread"), cast[name].first_view or {}
            focus = {**view.get("focus", {}), **({"pod": chance.choice(self.pods)} if self.pods else {})}
            whisper = {"whisper": chance.choice(("off", "light", "heavy", "heavy")), "interests": ["ledger"]}
            cast[name].first_view = {"sigma": chance.choice((1.0, 3.0, 10.0)), **whisper, **view, "focus": focus}

    def _actor(
        self,
        kind: type[Actor],
        name: str,
        *,
        view: Frame | None = None,
        token: str | None = None,
        steady: bool = False,
        room: str = ROOM,
    ) -> Actor:
        chance = Random(f"{self.outcome.seed}/{name}")
        stranger = Stranger(name, "agent" if kind is Agent else "human", token=token, clock=self.clock)
        return kind(self, self.habits, stranger, chance, first_view=view, steady=steady, room=room)

    # A life.

    async def live(self) -> Outcome:
        await self._server.start()
        for actor in self._actors.values():
            self._keepers.append(asyncio.create_task(actor.keep()))
            await actor.ready.wait()
        lives = [asyncio.create_task(actor.live()) for name, actor in self._actors.items() if name != "wit"]
        lives += [asyncio.create_task(self._suffer()), asyncio.create_task(self._narrow())]
        await pause(self._seconds)
        self.ending = True
        await asyncio.wait(lives)
        for task in lives + [keeper for keeper in self._keepers if keeper.done()]:
            if (error := task.exception()) is not None:
                raise error
        await self._recover()
        await self._judge()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.wait(self._keepers)
        if isinstance(self._server, Cluster):
            self.outcome.marks.update(self._server.marks)
            await self._server.close()
        else:
            await self._server.stop()
        return self.outcome

    async def _suffer(self) -> None:
        """Faults of the server, one after another."""
        chance = Random(f"{self.outcome.seed}/faults")
        faults = [fault for fault, on in zip((self._refuse, self._restart), self._faults, strict=True) if on]
        faults += [self._bereave] if self._twist.remote else []
        faults += [self._jump] if self._twist.nodes else []
        faults += [self._cut] * CUTS_A_FAULT * len(faults) if self._twist.nodes else []
        while faults and not self.ending:
            await pause(chance.uniform(0.2, 3) if self._twist.nodes else chance.uniform(5, 60))
            if not self.ending:
                since = self.clock()
                await chance.choice(faults)(chance)
                self._shared.append((since - SETTLE_S, self.clock() + SETTLE_S))

    async def _refuse(self, chance: Random) -> None:
        self.note("the log refuses")
        self.outcome.marks["log fault"] += 1
        self._server.log.available = False
        await pause(chance.uniform(0.2, 20))
        self._server.log.available = True
        self.note("the log accepts")

    async def _cut(self, chance: Random) -> None:
        await chance.choice([actor for _, actor in sorted(self._actors.items()) if not actor.steady]).cut()

    async def _restart(self, chance: Random) -> None:
        self.outcome.marks["restart"] += 1
        if chance.random() < 0.7 or self._twist.abrupt:
            self.note("the server is killed")
            await self._server.kill()
        else:
            self.note("the server stops")
            await self._server.stop()
        await pause(chance.choice((0.0, 0.5, 8.0)))
        await self._server.start()
        self.note("the server is up")

    async def _jump(self, chance: Random) -> None:
        """The system's clock is set, and a server starts by it, while nobody is away: that could become too long."""
        assert isinstance(self._server, Cluster)
        until = self.clock() + READY_S
        while not (ready := all(actor.listens for actor in self._actors.values())) and self.clock() < until:
            await pause(0.1)
        if ready:
            self.outcome.marks["clock jump"] += 1
            jump = chance.choice(CLOCK_JUMPS_S)
            self.note(f"the clock is set by {jump:+.0f} s")
            self._server.jump += jump
            await self._server.kill()
            await self._server.start()

    async def _bereave(self, chance: Random) -> None:
        self.outcome.marks["mediator's death"] += 1
        self.note("a mediator is killed")
        self._server.kill_mediator()
        await pause(chance.choice((0.0, 4.0)))

    async def _narrow(self) -> None:
        """The host sets another reader's view, and locks some of it."""
        if self._narrowed:
            await pause(self._seconds / 3)
            host, odd = self._actors["hana"], self._actors["sol"].stranger.id
            view: Frame = {"cadence_s": 10, "pace_wpm": 100, "lock": ["pace_wpm"]}
            await host.do(lambda: host.stranger.view(ROOM, participant=odd, **view))

    async def _recover(self) -> None:
        """Faults have stopped: everybody must get, or be told of, all that was said."""
        self.note("faults have stopped")
        for name, actor in self._actors.items():
            actor.stranger.flow()
            if isinstance(actor, Reader):
                await actor.hurry()
            if isinstance(actor, Agent) and name != "wit":
                await actor.say({"text": f"That was all from {name}."})
        until = self.clock() + RECOVERY_S
        await pause(1.0)  # what was said last is on its way to other nodes, and the witness has not heard of it
        while self.clock() < until and not all(self._is_whole(actor) for actor in self._actors.values()):
            await pause(1.0)
        for name, actor in self._actors.items():
            if not self._is_whole(actor):
                self.outcome.violations.append(f"recovery: {name} still lacks something after {RECOVERY_S} s")

    def _is_whole(self, actor: Actor) -> bool:
        place = actor.stranger.places[actor.room]
        turns = [turn for turn in actor.stranger.received("turn") if turn["covers"] is not None]
        covered = turns[-1]["covers"]["to"] if turns else 0
        head = self._actors[WITNESS[actor.room]].stranger.places[actor.room].seq
        missing = set(range(max(covered, place.since) + 1, head + 1)) - place.seqs
        return actor.ready.is_set() and not missing

    # The end.

    async def _judge(self) -> None:
        outcome, end = self.outcome, self.clock()
        witnesses = [self._actors[name] for name in ("wit", "hana")]
        pages = {actor.name: await actor.do(actor.all_messages) for actor in witnesses}
        outcome.diaries = {name: actor.stranger.diary for name, actor in self._actors.items()}
        log, attic = (log_of(room, outcome.diaries.values()) for room in (ROOM, ATTIC))
        log.others[ATTIC] = attic
        attic.public = all(site.public for site in self._server.rooms)
        for name, items in pages.items():
            outcome.violations += manners.gone_from_history(name, items, log)
        for name, actor in self._actors.items():
            user, diary, calm = actor.stranger.id, actor.stranger.diary, actor.calm(self._shared, end)
            if isinstance(actor, Agent):
                verdict = checks.agent(name, diary, log if actor.room == ROOM else attic, user, calm=calm)
            else:
                second = TAB in self._actors and user == "host"
                lingers_s = NODE_SECONDS + BEAT_SECONDS if self._twist.nodes else 0.0
                verdict = checks.reader(name, diary, log, user, calm=calm, second=second, lingers_s=lingers_s)
                outcome.marks["identity turn"] += verdict.identities
            outcome.violations += verdict.violations
        self._mark(log)

    def _mark(self, log: Log) -> None:
        marks = self.outcome.marks
        marks["redaction"] += len(log.redacted)
        for _, what in self.outcome.events:
            marks["cut"] += what.endswith("is cut")
        for seen in itertools.chain.from_iterable(self.outcome.diaries.values()):
            if seen.way == "closed":
                marks["too slow"] += seen.frame["code"] == 4008
            elif seen.way == "in" and seen.frame["type"] == "turn":
                marks.update(marks_of(seen.frame, log))
            elif seen.way == "in" and seen.frame["type"] == "view":
                marks[f"to {seen.frame['view']['mode']}"] += 1


@contextmanager
def _watched(outcome: Outcome) -> Iterator[None]:
    """Law 16 after every look, the mark of an overdraw, and errors the product logged."""
    tick = Mediator.tick

    def watched(self: Mediator, now: float) -> Any:
        actions = yield from tick(self, now)
        deadline = self.deadline()
        if deadline is not None and deadline <= now:
            outcome.violations.append(f"law 16: after a look at {now:.6f} the next deadline is {deadline:.6f}")
        outcome.marks["overdraw"] += self._bucket.credit < 0
        return actions

    Mediator.tick = watched  # type: ignore[method-assign]
    try:
        with capture_logs() as logged:
            yield
    finally:
        Mediator.tick = tick  # type: ignore[method-assign]
        for entry in logged:
            if entry["log_level"] in ("error", "critical") and not any(
                lawful in str(entry) for lawful in LAWFUL_ERRORS
            ):
                outcome.violations.append(f"logged: {entry}")


def run(seed: int, twist: Twist = _AS_DRAWN) -> Outcome:
    """One life of the seed, in virtual time."""

    async def life() -> Outcome:
        world = World(seed, twist)
        with _watched(world.outcome):
            try:
                return await world.live()
            except Exception as error:  # a life that cannot go on is a finding like any other
                world.outcome.violations.append(f"died: {type(error).__name__}: {error}")
                return world.outcome

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(life())
