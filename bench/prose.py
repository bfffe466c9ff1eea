"""Alex with a model before readers, in virtual time: what reaches them, when, and what it took.

A room of three AIs talks for a minute. The model is scripted: faithful, or broken in one of several ways. Nothing here
judges words; `bench.alex_model` puts the runs side by side.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from cadence.alex.grounding import Claim, check
from cadence.alex.material import gathered
from cadence.alex.paraphrase import Narrator
from cadence.alex.scripted_narrator import retell_plainly
from cadence.counts import ProseCounts
from cadence.models.chat import Call, ChatModel, ModelError
from cadence.models.scripted import Scripted, ScriptedModel
from cadence.rooms.wire import Member, Turn, ViewPatch, from_iso
from tests.alex.house import House, house, wait
from tests.alex.talk import line
from tests.clock import VirtualLoop

VOICE = "You are Alex. You carry a fast conversation to one reader."
MINUTE_MESSAGES = 150  # about 1,900 words a minute from three speakers
LATE_SECONDS = 600.0
WORDS_MAX = 400  # no bound, for a segment that is checked again


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader and how they read."""

    name: str
    cadence_s: float = 5.0
    pace_wpm: float = 238.0


READINGS = (Reading("ann", 1.0), Reading("ben", 5.0), Reading("cyd", 12.0, 500.0), Reading("dot", 30.0))


@dataclass(slots=True)
class Run:
    """What came of one run: the turns of each reader, the model's calls, and how late the latest look was."""

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    calls: int = 0
    pairs: int = 0
    late_s: float = 0.0
    counts: ProseCounts = field(default_factory=ProseCounts)
    refusals: int = 0

    @property
    def all(self) -> list[Turn]:
        return [turn for turns in self.turns.values() for turn in turns]

    @property
    def by_model(self) -> int:
        return sum(turn.by != "embedded" for turn in self.all)


def faithful(call: Call) -> str:
    return retell_plainly(call)


def broken(kind: str) -> Callable[[Call], str | Scripted]:
    """A script that fails as `kind` says."""

    def script(call: Call) -> str | Scripted:
        match kind:
            case "hangs":
                return Scripted(delay_s=math.inf)
            case "dies":
                return Scripted('{"segments": [', error=ModelError("unreachable", "expected an answer, it broke off"))
            case "raises":
                raise ZeroDivisionError("a broken adapter")
            case "answers late":
                return Scripted(retell_plainly(call), delay_s=LATE_SECONDS)
            case "answers rubbish":
                return "Sure! Here is a friendly summary: everybody agreed, it was lovely. " * 40
            case "invalid JSON":
                return retell_plainly(call)[:-3]
            case "lies":
                return retell_plainly(call).replace(" says ", " admits that 99 ")
            case _:
                return retell_plainly(call)

    return script


KINDS = ("hangs", "dies", "raises", "answers late", "answers rubbish", "invalid JSON", "lies")


def held(model: ChatModel | None, readings: Sequence[Reading] = READINGS, *, messages: int = MINUTE_MESSAGES) -> Run:
    """One run of a minute with `model`, or with none."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_held(model, readings, messages))
    finally:
        loop.close()


async def _held(model: ChatModel | None, readings: Sequence[Reading], messages: int) -> Run:
    run = Run()
    async with house() as room:
        if model is not None:
            room.driver.narrate(Narrator(model, VOICE))
        for one in readings:
            patch = ViewPatch(cadence_s=one.cadence_s, pace_wpm=one.pace_wpm)
            await room.attach(Member(one.name, one.name.title(), "human"), patch=patch)
        await _talk(room, messages, 60.0 / messages)
        await wait(30.0)
        run.turns = {one.name: room.turns(one.name) for one in readings}
        written = room.driver._rooms["lab"].transcript.written
        run.pairs = len(room.driver._paraphrasing._asked)
        assert run.pairs >= len(written)
        run.counts = room.driver.counts.prose
        run.calls = run.counts.calls - run.counts.retried
        bounds = room.driver.counts.late.cumulative()
        run.late_s = next(float(bound) for bound, count in bounds if count == bounds[-1][1])
    return run


async def _talk(room: House, messages: int, gap_s: float) -> None:
    for number in range(messages):
        await room.say(line(number), ("vera", "pell", "odile")[number % 3])
        await wait(gap_s)


def on_time(run: Run, readings: Sequence[Reading] = READINGS) -> float:
    """The share of turns that came on the grid of their reader's looks, to the millisecond."""
    turns, kept = 0, 0
    for one in readings:
        at = [from_iso(turn.at) for turn in run.turns[one.name]]
        turns += len(at)
        kept += sum(_on_grid(moment - at[0], one.cadence_s) for moment in at)
    return kept / max(turns, 1)


def _on_grid(since: float, cadence_s: float) -> bool:
    return abs(since / cadence_s - round(since / cadence_s)) * cadence_s < 0.002


def same(run: Run, other: Run) -> float:
    """The share of turns that are equal in both runs, byte for byte."""
    pairs = [(one, two) for name in run.turns for one, two in zip(run.turns[name], other.turns[name], strict=False)]
    most = max(len(run.all), len(other.all), 1)
    return sum(_plain(one) == _plain(two) for one, two in pairs) / most


def _plain(turn: Turn) -> Turn:
    covers = turn.covers
    return turn if covers is None else replace(turn, covers=replace(covers, epoch=""))


def scripted(kind: str = "faithful", *, tokens_s: float = math.inf) -> ScriptedModel:
    """A model that does as `kind` says."""
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    return ScriptedModel(broken(kind), name="scripted", tokens_s=tokens_s, sleep=sleep)


def rechecked(kind: str) -> tuple[int, int]:
    """How many segments of prose reached readers, and how many of them hold against the log by themselves."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(_rechecked(kind))
    finally:
        loop.close()


async def _rechecked(kind: str) -> tuple[int, int]:
    lie = iter(range(1_000_000))

    def script(call: Call) -> str:
        told = retell_plainly(call)
        return told.replace(" says ", " admits 99 times that ", 1) if kind != "faithful" and next(lie) % 2 else told

    async with house() as room:
        room.driver.narrate(Narrator(ScriptedModel(script, name="scripted"), VOICE))
        for one in READINGS:
            patch = ViewPatch(cadence_s=one.cadence_s, pace_wpm=one.pace_wpm)
            await room.attach(Member(one.name, one.name.title(), "human"), patch=patch)
        await _talk(room, MINUTE_MESSAGES, 60.0 / MINUTE_MESSAGES)
        await wait(30.0)
        transcript = room.driver._rooms["lab"].transcript
        segments = [
            segment
            for one in READINGS
            for turn in room.turns(one.name)
            for segment in turn.segments
            if segment.kind == "paraphrase"
        ]
        holds = 0
        for segment in segments:
            entries = [entry for seq in segment.sources if (entry := transcript.entry(seq)) is not None]
            about = gathered(transcript, [(entry, unit) for entry in entries for unit in entry.parsed.units])
            claim = Claim(segment.speakers, tuple(source.key for source in about.sources), segment.text)
            holds += check([claim], about.ground(WORDS_MAX, {})).held
    return len(segments), holds
