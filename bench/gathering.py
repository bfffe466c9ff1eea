"""A real meeting in a real server, as strangers see it: who is there, what is said, what each one got.

Everybody here is a `tests.stranger.Stranger`: a client that knows only the protocol.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import to_builtins

from bench.serving import ROOM, Serving
from cadence.personas.plan import Plan
from cadence.personas.script import Line
from tests.checks import Log, log_of
from tests.stranger import Closed, Frame, Stranger, dial

CODE_EVERY = 25  # lines between two messages with code
CODE = "Look at this:\n\n```python\ndef drift(rows):\n    return [row - 1 for row in rows if row > {number}]\n```\n"
BODY = "\n".join(f"step_{line}  =  run({line})" for line in range(30))
SETTLE_SECONDS_MAX = 90.0
BEHIND_SECONDS_MAX = 1.0
COME_BACK_SECONDS = 10.0
NARROW: Frame = {"cadence_s": 20, "pace_wpm": 100, "lock": ["cadence_s", "pace_wpm"]}

# Each looks at moments of its own, so one alone would tell more of its luck than of its view; and at sigma 2 a
# followed speaker weighs only 1.13 times another, which few words cannot show. Hence many readers who read fast.
FOLLOWERS_EACH = 8
FOLLOW: Frame = {"cadence_s": 5, "pace_wpm": 600}

SINGLE: dict[str, Frame] = {
    "reader at 1 s": {"cadence_s": 1},
    "reader at 5 s": {"cadence_s": 5},
    "reader at 30 s": {"cadence_s": 30},
    "reader raw": {"mode": "raw"},
    "narrowed by the host": {"cadence_s": 5},
}
KINDS: dict[str, Frame] = {
    "follower at sigma 0.5": {**FOLLOW, "sigma": 0.5},
    "follower at sigma 2": {**FOLLOW, "sigma": 2.0},
    "follower of nobody": FOLLOW,
}
READERS = SINGLE | {f"{kind} ({n})": view for kind, view in KINDS.items() for n in range(1, FOLLOWERS_EACH + 1)}


@dataclass
class Meeting:
    """What came of a run: the clients with their diaries, and the log all of them saw together."""

    followed: str  # name of the speaker who is followed
    host: Stranger = field(default_factory=lambda: Stranger("Chair"))
    readers: dict[str, Stranger] = field(default_factory=dict)
    agents: dict[str, Stranger] = field(default_factory=dict)
    began: float = 0.0
    narrowed_at: float = 0.0
    crashed: tuple[float, float] = (0.0, 0.0)
    ended: float = 0.0  # the last line was said

    @property
    def everyone(self) -> list[Stranger]:
        return [self.host, *self.readers.values(), *self.agents.values()]

    @property
    def calm(self) -> list[tuple[float, float]]:
        """When neither the crash nor what follows it disturbed anybody."""
        down, up = self.crashed
        return [(self.began, down), (up + COME_BACK_SECONDS, self.ended)] if up else [(self.began, self.ended)]

    @property
    def log(self) -> Log:
        return log_of(ROOM, [one.diary for one in self.everyone])

    @property
    def followed_id(self) -> str:
        return self.agents[self.followed].id


async def hold(
    serving: Serving, plan: Plan, *, speed: float, mediated: bool, crash: bool, said: Callable[[float], None]
) -> Meeting:
    """Replay `plan` with one agent per speaker and all of `READERS` present.

    All readers are raw unless `mediated`. With `crash` the server is killed with SIGKILL after two thirds, under
    load, and started again. `said` is told how much of the plan's time has passed.
    """
    ticket = await serving.start()
    meeting = Meeting(_followed(plan))
    await _arrive(serving, meeting, plan, ticket, mediated=mediated)
    narrow_at, crash_at = len(plan.lines) // 3, 2 * len(plan.lines) // 3
    meeting.began = time.time()
    async for number, line, talked in spoken(plan, speed):
        if mediated and number == narrow_at:
            target = meeting.readers["narrowed by the host"].id
            await meeting.host.view(ROOM, participant=target, **NARROW)
            meeting.narrowed_at = time.time()
        if crash and number == crash_at:
            down = time.time()
            await _crash(serving, meeting)
            meeting.crashed = (down, time.time())
        speaker = meeting.agents[line.speaker]
        await speaker.say(ROOM, line.text, id=f"line-{number}", spoken=line.spoken, parts=to_builtins(line.parts))
        if number % CODE_EVERY == 0:
            part = {"kind": "code", "lang": "python", "body": f"{BODY}\n# {number}"}
            await meeting.agents["Coder"].say(ROOM, CODE.format(number=number), id=f"code-{number}", parts=[part])
        said(talked)
    meeting.ended = time.time()
    await settle(meeting.everyone, ROOM, meeting.log.head)
    return meeting


async def spoken(plan: Plan, speed: float) -> AsyncIterator[tuple[int, Line, float]]:
    """The lines of a plan, each when it is due: its number, the line, and how much of the plan's time has passed.

    Who takes longer than `BEHIND_SECONDS_MAX` is not rushed afterwards: the rest comes later.
    """
    loop = asyncio.get_running_loop()
    started, talked = loop.time(), 0.0
    for number, line in enumerate(plan.lines):
        talked += line.after_s or 0.0
        behind = loop.time() - (started + talked / speed)
        await asyncio.sleep(max(0.0, -behind))
        started += behind if behind > BEHIND_SECONDS_MAX else 0.0
        yield number, line, talked


def _followed(plan: Plan) -> str:
    """The third of those who talk most: whoever talks most can hardly be given more room."""
    words: dict[str, int] = {}
    for line in plan.lines:
        words[line.speaker] = words.get(line.speaker, 0) + len(line.text.split())
    return sorted(words, key=lambda who: -words[who])[:3][-1]


async def _arrive(serving: Serving, meeting: Meeting, plan: Plan, ticket: str, *, mediated: bool) -> None:
    """Agents first, one after the other, so that two runs see the same arrivals."""
    names = {cast.id: cast.name for cast in plan.cast} | {"Coder": "Coder", "Witness": "Witness"}
    for id, name in names.items():
        agent = meeting.agents[id] = Stranger(name, "agent")
        await agent.open(await dial(serving.url))
        await agent.join(ROOM)
    meeting.host.token = ticket
    await meeting.host.open(await dial(serving.url))
    await meeting.host.join(ROOM, view=None if mediated else {"mode": "raw"})
    meeting.host.token = None  # a ticket is good once; from here on the session stands for it
    for name, view in READERS.items():
        reader = meeting.readers[name] = Stranger(name.title()[:40])
        await reader.open(await dial(serving.url))
        await reader.join(ROOM, view=_view(name, view, meeting) if mediated else {"mode": "raw"})


def _view(name: str, view: Frame, meeting: Meeting) -> Frame:
    follow = [meeting.followed_id] if name.startswith("follower at ") else []
    return {**view, "focus": {"follow": follow}}


async def _crash(serving: Serving, meeting: Meeting) -> None:
    """Kill the server while several agents speak at once, then let everybody come back and say it again."""
    agents = [agent for agent in meeting.agents.values() if agent.name != "Witness"]
    unsure: list[tuple[Stranger, str]] = []

    async def babble(agent: Stranger, number: int) -> None:
        id = f"babble-{number}"
        try:
            await agent.say(ROOM, f"Babble number {number} under load.", id=id)
        except Closed:
            unsure.append((agent, id))

    tasks = [asyncio.create_task(babble(agents[n % len(agents)], n)) for n in range(60)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await serving.end(signal.SIGKILL)
    await asyncio.gather(*tasks)
    for one in meeting.everyone:
        await one.over()
    await serving.start()
    for one in meeting.everyone:
        await one.open(await dial(serving.url))
        await one.join(ROOM)
    for agent, id in unsure:  # idempotent: what was kept is not said twice
        await agent.say(ROOM, f"Babble number {id.removeprefix('babble-')} under load.", id=id)


async def settle(everyone: Sequence[Stranger], room: str, head: int) -> None:
    """Wait until everybody has, or is told of, all that was said up to `head`."""

    def done(one: Stranger) -> Callable[[Frame], bool]:
        place = one.places[room]
        raw = place.view is None or place.view["mode"] == "raw"
        if raw:
            return lambda frame: frame["type"] == "message" and frame["seq"] >= head
        return lambda frame: frame["type"] == "turn" and bool(frame["covers"]) and frame["covers"]["to"] >= head

    for one in everyone:
        await one.until(done(one), within=SETTLE_SECONDS_MAX)


def agent_frames(meeting: Meeting, lines: int) -> list[list[Any]]:
    """What each agent received up to message `lines`, presence apart, with guests' ids masked by names."""
    names = {one.id: str(one.name) for one in meeting.everyone}
    types = ("message", "redacted", "turn", "alex", "view", "typing")
    return [[_masked(frame, names) for frame in agent.received(*types)[:lines]] for agent in meeting.agents.values()]


def seen_by_agents(meeting: Meeting) -> list[set[str]]:
    """Whom each agent was told to be in the room; how arrivals are gathered into frames depends on the second."""
    told: list[set[str]] = []
    for agent in meeting.agents.values():
        frames: Sequence[Frame] = agent.received("joined", "presence")
        members = [member for frame in frames for key in ("members", "joined") for member in frame.get(key, ())]
        told.append({member["name"] for member in members})
    return told


def _masked(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, names) for key, inner in value.items() if key not in ("at", "epoch")}
    if isinstance(value, list):
        return [_masked(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value
