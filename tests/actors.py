"""Who lives in the simulated room: each with a stranger's client and a stream of chance of its own.

An actor's chances depend on the seed and its own name only, so changing what one reader does or suffers
changes nothing about what the others try.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from tests import talk
from tests.checks import Calm
from tests.stranger import Closed, Duplex, Frame, Refused, Stranger

ROOM = "hall"
ATTIC = "attic"  # a room next to it, in some lives
MENTIONED = ("ada", "bob", "rae", "hana")  # never `sol`, whose absence would change the message
SETTLE_S = 3.0  # after a disturbance, until the checks about promptness hold again
RETRY_S = 1.0
TRIES_MAX = 200
AGAIN_CHARACTERS_MAX = 2_000
LAWFUL_REFUSALS = {"forbidden", "not_found"}


async def pause(seconds: float) -> None:
    """Let virtual time pass."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over


class Scene(Protocol):
    """What an actor sees of the world."""

    clock: Callable[[], float]
    ending: bool
    pods: tuple[str, ...]  # of the hall

    def connect(self) -> Duplex: ...
    def note(self, what: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Habits:
    """What the actors of one seed do; drawn once, each on or off (swarm)."""

    rich: bool
    foreign: bool
    spoken: bool
    floods: bool
    bulk: bool
    redactions: bool
    cuts: bool
    long_cuts: bool
    stalls: bool
    toggles: bool
    views: bool
    speaking: bool
    crowd: bool
    reading: bool
    forgets: bool  # comes back without saying how far it was
    argues: bool  # objects, agrees, says things again
    asks: bool  # asks Alex about the past
    gap_s: float  # mean time between an agent's messages

    @classmethod
    def drawn(cls, random: Random) -> Habits:
        on = {name: random.random() < 0.5 for name in cls.__dataclass_fields__ if name != "gap_s"}
        on["bulk"] = random.random() < 0.15
        return cls(**on, gap_s=random.choice((0.7, 2.0, 6.0, 20.0)))


@dataclass(eq=False)
class Actor:
    """A client that stays: it comes back after every cut and says again what was not acknowledged."""

    scene: Scene
    habits: Habits
    stranger: Stranger
    chance: Random
    first_view: Frame | None = None
    steady: bool = False  # suffers no fault of its own
    room: str = ROOM
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    troubles: list[tuple[float, float]] = field(default_factory=list)
    _pipe: Duplex | None = None
    _afresh: bool = False

    @property
    def name(self) -> str:
        return str(self.stranger.name)

    @property
    def listens(self) -> bool:
        """Whether it is in the room, and does not stall: who stalls has not noticed yet that it was cut."""
        return self.ready.is_set() and self.stranger.flows

    async def keep(self) -> None:
        """Stay connected until cancelled."""
        away = self.scene.clock()
        while True:
            try:
                self._pipe = self.scene.connect()
                await self.stranger.open(self._pipe)
                view = None if self.room in self.stranger.places else self.first_view
                afresh = self.habits.forgets and not self.scene.ending and self.chance.random() < 0.2
                self._afresh = self._afresh or afresh  # until it has been answered: by then the room may have done it
                await self.stranger.join(self.room, view=view, afresh=self._afresh)
                self._afresh = False
            except Closed:
                await pause(RETRY_S)
                continue
            except Refused as refused:
                self.scene.note(f"{self.name} refused: {refused}")
                await self.stranger.cut()
                await pause(RETRY_S)
                continue
            self.ready.set()
            self.troubles.append((away - SETTLE_S, self.scene.clock() + SETTLE_S))
            code = await self.stranger.over(within=None)
            self.ready.clear()
            away = self.scene.clock()
            self.scene.note(f"{self.name} lost the connection: {code}")
            long = self.habits.long_cuts and self.chance.random() < 0.3
            await pause(self.chance.uniform(31, 50) if long and not self.scene.ending else self.chance.uniform(0.1, 5))

    async def do(self, request: Callable[[], Awaitable[Any]]) -> Any:
        """Carry out a request over all cuts and faults; None if it was lawfully refused."""
        for _ in range(TRIES_MAX):
            await self.ready.wait()
            try:
                return await request()
            except Closed:
                await pause(0.5)  # a client that stalls has not noticed yet
            except Refused as refused:
                if refused.code in LAWFUL_REFUSALS:
                    return None
                assert refused.code in ("unavailable", "rate_limited"), f"{self.name}: {refused}"
                self.scene.note(f"{self.name} refused: {refused}")
                await pause(max(0.01, float(refused.frame.get("retry_after_s", RETRY_S))))
        raise AssertionError(f"{self.name} was refused {TRIES_MAX} times")

    async def say(self, words: Frame) -> Frame | None:
        """Say it once, however often it has to be sent."""
        ident = f"{self.name}-{self.chance.getrandbits(48):x}"
        said: Frame | None = await self.do(lambda: self.stranger.say(self.room, id=ident, **words))
        return said

    async def all_messages(self) -> list[Frame]:
        """The room's history, page by page."""
        return await self.stranger.messages(self.room)

    async def cut(self) -> None:
        self.scene.note(f"{self.name} is cut")
        if self._pipe is not None:
            await self._pipe.close()

    async def stall(self, seconds: float) -> None:
        self.scene.note(f"{self.name} stalls for {seconds:.1f} s")
        since = self.scene.clock()
        self.stranger.stall()
        await pause(seconds)
        self.stranger.flow()
        self.troubles.append((since - SETTLE_S, self.scene.clock() + SETTLE_S))

    def calm(self, shared: list[tuple[float, float]], end: float) -> Calm:
        """The times in which nothing disturbed this client."""
        free, since = [], 0.0
        for start, stop in sorted(self.troubles + shared):
            if start > since:
                free.append((since, start))
            since = max(since, stop)
        return [*free, (since, end)] if since < end else free

    async def suffer(self) -> None:
        """One fault of this client's own, if its habits have any."""
        faults: list[Callable[[], Awaitable[None]]] = []
        if self.habits.cuts or self.habits.long_cuts:
            faults.append(self.cut)
        if self.habits.stalls:
            faults.append(lambda: self.stall(self.chance.choice((0.5, 4.0, 20.0))))
        if faults and not self.steady:
            await self.chance.choice(faults)()

    async def live(self) -> None:
        """Act until the scene ends."""
        raise NotImplementedError


class Agent(Actor):
    """Talks: now and then, in bursts, in floods; answers, mentions, redacts its own."""

    async def live(self) -> None:
        said: list[int] = []
        while not self.scene.ending:
            await pause(self.chance.expovariate(1 / self.habits.gap_s))
            chance = self.chance.random()
            if chance < 0.05:
                await self.suffer()
            burst = self.chance.choice((3, 8, 40)) if self.habits.floods and chance > 0.95 else 1
            for _ in range(burst):
                if self.scene.ending:
                    return
                answer = await self.say(self._words())
                if answer is not None:
                    said.append(answer["seq"])
            if self.habits.redactions and said and self.chance.random() < 0.08:
                seq = self.chance.choice(said[-5:])
                await self.do(lambda seq=seq: self.stranger.redact(self.room, seq))

    def _words(self) -> Frame:
        if self.habits.bulk and self.chance.random() < 0.25:
            return talk.bulk(self.chance)
        habits = self.habits
        place = self.stranger.places[self.room]
        if habits.argues and place.seq and self.chance.random() < 0.3:
            return self._argument(self.chance.randint(max(1, place.seq - 6), place.seq))
        words = talk.utterance(self.chance, rich=habits.rich, foreign=habits.foreign, spoken=habits.spoken)
        if self.scene.pods and self.room == ROOM and self.chance.random() < 0.8:
            words["pod"] = self.chance.choice(self.scene.pods)
        if place.seq and self.chance.random() < 0.15:
            words["reply_to"] = self.chance.randint(max(1, place.seq - 10), place.seq)
        if self.chance.random() < 0.05:
            words["text"] += f" @{self.chance.choice(MENTIONED)}"
        return words

    def _argument(self, about: int) -> Frame:
        """Take a stance towards a recent message, or say it again."""
        kind = self.chance.randrange(3)
        if kind == 0:
            return {"text": talk.objection(self.chance), "reply_to": about}
        if kind == 1:
            return {"text": talk.agreement(self.chance), "reply_to": about}
        said = next((m["text"] for m in reversed(self.stranger.received("message")) if m["seq"] == about), "")
        return {"text": talk.again(self.chance, said[:AGAIN_CHARACTERS_MAX])} if said.strip() else {"text": "Nothing?"}


class Reader(Actor):
    """Reads: changes its view, unfolds, speaks, is cut, stalls."""

    async def live(self) -> None:
        while not self.scene.ending:
            await pause(self.chance.expovariate(1 / 12))
            act = self.chance.choice((self._look, self._turn_knobs, self._toggle, self._speak, self._ask, self.suffer))
            await act()

    async def hurry(self) -> None:
        """Read as fast as one can, so that it shows soon whether anything is missing."""
        view = self.stranger.places[self.room].view
        if view is not None and view["mode"] == "paced":
            await self.do(lambda: self.stranger.view(self.room, mode="paraphrase"))
            await self.do(lambda: self.stranger.view(self.room, pace_wpm=1000))

    async def _look(self) -> None:
        """Unfold what the last turn cites, and tell that it was read."""
        turns = self.stranger.received("turn")
        if not (self.habits.reading and turns):
            return
        turn = turns[-1]
        seqs = sorted({seq for segment in turn["segments"] for seq in segment["sources"]})[:200]
        if seqs:
            await self.do(lambda: self.stranger.history(self.room, seqs=seqs))
        await self.do(lambda: self.stranger.read(self.room, turn=turn["turn"], dwell_s=self.chance.uniform(0.1, 9)))

    async def _turn_knobs(self) -> None:
        if not self.habits.views:
            return
        knobs: Frame = {
            "cadence_s": self.chance.choice((1, 2, 3.5, 5, 12, 30)),
            "pace_wpm": self.chance.choice((60, 150, 238, 1000)),
            "sigma": self.chance.choice((0.1, 0.5, 1, 2, 10)),
            "focus": {"follow": self.chance.sample(["ada", "bob", "cyd"], self.chance.randint(0, 2))},
            "interests": self.chance.sample(["ledger", "latency"], self.chance.randint(0, 2)),
        }
        if self.scene.pods and self.chance.random() < 0.7:
            knobs["focus"]["pod"] = self.chance.choice(self.scene.pods)
        chosen = {name: knobs[name] for name in self.chance.sample(sorted(knobs), self.chance.randint(1, 3))}
        await self.do(lambda: self.stranger.view(self.room, **chosen))

    async def _toggle(self) -> None:
        if self.habits.toggles:
            # A dump shown whole would leave a debt of hours, so where there are dumps nobody reads paced.
            modes = ("raw", "paraphrase", "paraphrase") if self.habits.bulk else ("raw", "paraphrase", "paced")
            mode = self.chance.choice(modes)
            await self.do(lambda: self.stranger.view(self.room, mode=mode))

    async def _ask(self) -> None:
        if not self.habits.asks:
            return
        what = self.chance.choice(("catch_up", "room", "speaker", "question"))
        question: Frame = {"words": self.chance.choice((10, 40, 120, 400))}
        if what == "speaker":
            question["speaker"] = self.chance.choice(("ada", "bob", "wit", "nobody"))
        elif what == "question":
            question["text"] = self.chance.choice(("the ledger and its latency", "who agrees?", "Why?"))
        elif self.chance.random() < 0.5:
            question["since"] = self.chance.randint(0, self.stranger.places[ROOM].seq)
        await self.do(lambda: self.stranger.ask(ROOM, what, **question))

    async def _speak(self) -> None:
        if self.habits.speaking:
            for _ in range(self.chance.choice((1, 1, 2, 12 if self.habits.crowd else 1))):
                await self.say(talk.remark(self.chance))
