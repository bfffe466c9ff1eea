"""Who is in the rooms of a soak, and what they do there, all in one process beside the server.

Agents speak at a steady rate, answer one another and take things back. Others listen raw, agents and humans, and each
message is timed at them. Residents stay and are mediated; visitors come, stay for a while, and are gone, or are cut
off and return to where they were. Humans speak, type, read, ask and change their views.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter, OrderedDict
from random import Random
from typing import Any

import msgspec

from cadence.duplex import Closed, WebSocketDuplex
from tests.talk import prose

AGENTS, LISTENERS, RAW_HUMANS, RESIDENTS, VISITORS = 8, 8, 2, 24, 8
CADENCES_S = (1, 5, 10, 30)
ROOMS = ("meeting", "kitchen")  # in hearing of each other
STAY_S = (10.0, 60.0)
AWAY_S = (1.0, 45.0)  # longer than a return that goes on where it was
RETURNS_SHARE = 0.5  # of the visits; the others end for good, and a new person comes
REPLY_SHARE, REDACT_SHARE = 0.2, 0.005  # of what agents say
SPEAK_EVERY_S, TYPE_EVERY_S, ASK_EVERY_S, VIEW_EVERY_S = 5.0, 1.0, 12.0, 10.0  # of all humans together
TIMED_MAX = 20_000  # messages on their way
PATIENCE_S = 60.0
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)


class Frame(msgspec.Struct):
    """As much of a server's frame as matters here."""

    type: str = ""
    id: str = ""
    seq: int = 0
    turn: int = 0
    ref: str | None = None
    code: str = ""
    epoch: str = ""
    session: str = ""
    room: str = ""
    head: int = 0


_decode = msgspec.json.Decoder(Frame).decode


class Tally:
    """What happened since it was last taken; times in seconds."""

    def __init__(self) -> None:
        self.sent: OrderedDict[str, float] = OrderedDict()
        self.delivered: list[float] = []
        self.acknowledged: list[float] = []
        self.answered: list[float] = []
        self.became: Counter[str] = Counter()  # since the start

    def send(self, id: str) -> None:
        """A message is on its way."""
        self.sent[id] = time.monotonic()
        while len(self.sent) > TIMED_MAX:
            self.sent.popitem(last=False)

    def take(self) -> tuple[list[float], list[float], list[float]]:
        """Delays of deliveries, acknowledgements and answers since the last time."""
        taken = self.delivered, self.acknowledged, self.answered
        self.delivered, self.acknowledged, self.answered = [], [], []
        return taken


class Person:
    """One participant over one connection after the other."""

    def __init__(self, people: People, name: str, kind: str, room: str, **view: Any) -> None:
        self.people, self.name, self.kind, self.room, self.view = people, name, kind, room, view
        self.session, self.epoch, self.seq, self.turn = "", "", 0, 0
        self.last_said = 0
        self.duplex: WebSocketDuplex | None = None
        self.reading: asyncio.Task[None] | None = None
        self.returning = False
        self.timed = kind == "agent" and name.startswith("Listener") or view.get("mode") == "raw"
        self._waiting: dict[str, asyncio.Future[Frame]] = {}

    async def enter(self) -> None:
        """Connect, greet and join, where this person was if there is a session."""
        self.duplex = await WebSocketDuplex.open(self.people.url)
        self.reading = asyncio.create_task(self._read(self.duplex))
        resume = {"resume": self.session} if self.session else {"name": self.name}
        welcome = await self.ask(type="hello", kind=self.kind, client="soak", **resume)
        self.session = welcome.session or self.session
        after = {"after": {"epoch": self.epoch, "seq": self.seq, "turn": self.turn}} if self.epoch else {}
        view = {"view": self.view} if self.kind == "human" and not self.epoch else {}
        joined = await self.ask(type="join", room=self.room, **after, **view)
        if "error" in (welcome.type, joined.type):
            await self.duplex.close()
            raise Closed
        self.epoch, self.seq = joined.epoch or self.epoch, max(self.seq, joined.head)

    async def back(self) -> None:
        """Return after a cut, where this person was; a server that is busy is tried again."""
        self.people.tally.became["cut off"] += 1
        if self.returning:
            return
        self.returning = True
        try:
            for pause_s in PAUSES_S:
                try:
                    return await self.enter()
                except (Closed, OSError):
                    await asyncio.sleep(pause_s)
            raise RuntimeError(f"{self.name} could not return")
        finally:
            self.returning = False

    async def leave(self, *, politely: bool) -> None:
        """Say so first, or just be gone."""
        assert self.duplex is not None and self.reading is not None
        if politely:
            await self.ask(type="leave", room=self.room)
        await self.duplex.close()
        await self.reading

    async def ask(self, **frame: Any) -> Frame:
        """Send a request and wait for its answer, which may be an error; errors are counted."""
        ref = f"r{next(self.people.numbers)}"
        answer = self._waiting[ref] = asyncio.get_running_loop().create_future()
        try:
            await self.send(ref=ref, **frame)
            async with asyncio.timeout(PATIENCE_S):
                found: Frame = await answer
        except TimeoutError:
            found = Frame("error", code="unanswered")
        finally:
            self._waiting.pop(ref, None)
        if found.type == "error":
            self.people.tally.became[f"{frame['type']} {found.code}"] += 1
        return found

    async def send(self, **frame: Any) -> None:
        """Send a frame and wait for nothing."""
        assert self.duplex is not None
        await self.duplex.send(json.dumps(frame))

    async def say(self, text: str, **more: Any) -> None:
        """Say something and wait until it is there."""
        id = f"{self.name}-{next(self.people.numbers)}"[:64].replace(" ", "-")
        self.people.tally.send(id)
        said = await self.ask(type="say", room=self.room, id=id, text=text, **more)
        if said.type == "said":
            self.people.tally.acknowledged.append(time.monotonic() - self.people.tally.sent.get(id, time.monotonic()))
            self.people.tally.became["said"] += 1
            self.last_said = said.seq

    async def _read(self, duplex: WebSocketDuplex) -> None:
        tally, room = self.people.tally, self.room
        try:
            while True:
                frame = _decode(await duplex.receive())
                if frame.ref is not None and frame.ref in self._waiting:
                    if not self._waiting[frame.ref].done():
                        self._waiting[frame.ref].set_result(frame)
                if frame.type == "message" and frame.room == room:
                    self.seq = max(self.seq, frame.seq)
                    if self.timed and (sent := tally.sent.get(frame.id)) is not None:
                        tally.delivered.append(time.monotonic() - sent)
                elif frame.type == "turn" and frame.room == room:
                    self.turn = max(self.turn, frame.turn)
                    tally.became["turns"] += 1
                    await self.send(type="read", room=room, turn=frame.turn, dwell_s=2.0)
        except Closed as closed:
            if closed.code not in (None, 1000, 1001, 1005):
                tally.became[f"closed {closed.code}"] += 1
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Closed())


class People:
    """All of them. `rate` is messages a second of all agents together, and may be changed."""

    def __init__(self, url: str, seed: int) -> None:
        self.url, self.rate = url, 1.0
        self.tally, self.numbers, self.chance = Tally(), itertools.count(1), Random(seed)
        self.agents = [self._person("Agent", n, "agent") for n in range(AGENTS)]
        self.listeners = [self._person("Listener", n, "agent") for n in range(LISTENERS)]
        self.listeners += [self._person("Raw", n, "human", mode="raw") for n in range(RAW_HUMANS)]
        self.residents = [
            self._person("Resident", n, "human", cadence_s=CADENCES_S[n // len(ROOMS) % len(CADENCES_S)])
            for n in range(RESIDENTS)
        ]
        self._tasks: list[asyncio.Task[None]] = []
        self._saying: set[asyncio.Task[None]] = set()

    def _person(self, what: str, number: int, kind: str, **view: Any) -> Person:
        return Person(self, f"{what} {number}", kind, ROOMS[number % len(ROOMS)], **view)

    async def start(self) -> None:
        """Have everybody come, and begin."""
        for person in (*self.agents, *self.listeners, *self.residents):
            await person.enter()
        doing = [self._speak(), *(self._visit(n) for n in range(VISITORS))]
        doing += [self._now_and_then(SPEAK_EVERY_S, self._human_speaks), self._now_and_then(TYPE_EVERY_S, self._types)]
        doing += [self._now_and_then(ASK_EVERY_S, self._asks), self._now_and_then(VIEW_EVERY_S, self._views)]
        self._tasks = [asyncio.create_task(each) for each in doing]

    def trouble(self) -> BaseException | None:
        """Why somebody stopped, if anybody did."""
        return next((task.exception() for task in self._tasks if task.done() and not task.cancelled()), None)

    async def stop(self) -> None:
        """Have everybody go."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._saying, return_exceptions=True)
        for person in (*self.agents, *self.listeners, *self.residents):
            await person.leave(politely=False)

    async def _speak(self) -> None:
        """Agents in turn, on a clock that waits for nobody."""
        due = time.monotonic()
        for agent in itertools.cycle(self.agents):
            due = max(due + 1 / self.rate, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self._agent_speaks(agent))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    async def _agent_speaks(self, agent: Person) -> None:
        try:
            await self._agent_does(agent)
        except Closed:
            await agent.back()

    async def _agent_does(self, agent: Person) -> None:
        chance = self.chance.random()
        if chance < REDACT_SHARE and agent.last_said:
            await agent.ask(type="redact", room=agent.room, seq=agent.last_said)
            return
        other = self.chance.choice([one for one in self.agents if one.room == agent.room])
        answers = {"reply_to": other.last_said} if chance < REPLY_SHARE and other.last_said else {}
        await agent.say(prose(self.chance, self.chance.choice((1, 1, 2, 3))), **answers)

    async def _now_and_then(self, every_s: float, do: Any) -> None:
        while True:
            await asyncio.sleep(every_s * self.chance.uniform(0.5, 1.5))
            person = self.chance.choice(self.residents)
            try:
                await do(person)
            except Closed:
                await person.back()

    async def _human_speaks(self, person: Person) -> None:
        await person.say(prose(self.chance, 1))

    async def _types(self, person: Person) -> None:
        await person.send(type="typing", room=person.room)

    async def _asks(self, person: Person) -> None:
        asked = self.chance.choice(({"what": "catch_up"}, {"what": "question", "text": "Who loses the third write?"}))
        began = time.monotonic()
        if (await person.ask(type="ask", room=person.room, **asked)).type == "turn":
            self.tally.answered.append(time.monotonic() - began)

    async def _views(self, person: Person) -> None:
        mode = self.chance.choice(("paraphrase", "paraphrase", "paced", "raw"))
        await person.ask(type="view", room=person.room, mode=mode, sigma=self.chance.choice((0.5, 1.0, 2.0)))

    async def _visit(self, number: int) -> None:
        for visit in itertools.count():
            visitor = self._person(f"Visitor {number}", visit, "human", cadence_s=self.chance.choice(CADENCES_S))
            try:
                await self._stay(visitor)
            except Closed:  # somebody else comes
                self.tally.became["cut off"] += 1

    async def _stay(self, visitor: Person) -> None:
        """Come, stay, and go for good or return, now and again."""
        while True:
            await visitor.enter()
            await asyncio.sleep(self.chance.uniform(*STAY_S))
            returns = self.chance.random() < RETURNS_SHARE
            await visitor.leave(politely=not returns)
            self.tally.became["visits"] += 1
            if not returns:
                return
            await asyncio.sleep(self.chance.uniform(*AWAY_S))
