"""What it costs: one turn, a room full of readers, a room that talks very fast. In CPU time of one thread.

The room is busy: real lines of IRC, 60 a minute, four to five times what a reader can take in, so that every look is a
digest of some 45 waiting units. Readers run through the real driver and the real mediators over a log in memory, in
virtual time; sockets and disk are not in it. Time stands still while a block of readers looks, so the driver is told
what it took by the CPU's clock: blocks are as large as in the process that mediates. Times depend on the machine
and on who else uses it: compare the ratios.
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.lod.data import channels
from bench.lod.mediated import START, Line, Mediated
from bench.lod.report import Criterion, Curve, Found, Given, Table
from cadence.alex.contest import together
from cadence.alex.events import Show, Tick
from cadence.alex.looks import Looks
from cadence.alex.reader import Reader
from cadence.mediating import LOOK_SECONDS_MAX
from cadence.process import GARBAGE_THRESHOLDS
from cadence.rooms.wire import Focus, Member, Turn, View, ViewPatch
from tests.alex.house import house, wait
from tests.clock import VirtualLoop

LINES_PER_MINUTE = 60
WORDS_MIN = 5  # shorter lines would make it easy
WARM_SECONDS, MEASURED_SECONDS = 60.0, 20.0
READERS = (1, 100, 1_000, 10_000)
LOOKS = 1_000
SHARING = 50
TOGETHER = 64  # readers who look at the same moment: as many as in the process of a mediator at most
DIFFERENT = 1_000  # readers of whom no two want the same
SPEAKERS = 12
BUSY_MAX = 0.7  # of a core
CADENCE_S = View().cadence_s
FAST_PER_MINUTE = 10_000


@dataclass(frozen=True)
class Crowd:
    """What so many readers of one room cost over `MEASURED_SECONDS`."""

    readers: int
    alike: bool
    cpu_s: float
    turns: int
    parsed: int
    windows: int

    @property
    def name(self) -> str:
        return f"{self.readers:,} readers" if self.alike else f"{self.readers:,} readers, no two alike"

    @property
    def microseconds(self) -> float:
        """CPU for each reader and look, all in."""
        return self.cpu_s / self.readers / (MEASURED_SECONDS / CADENCE_S) * 1e6


def run(given: Given) -> Found:
    """All three, the smallest first."""
    texts = [one.text for log in channels(given.shared) for one in log if len(one.text.split()) >= WORDS_MIN]
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # as the server has them
    given.say("one turn")
    alone_us, waiting = one_turn(texts)
    turn_us = one_block(texts)
    sizes = [size for size in READERS if size <= given.readers]
    crowds = [_crowd(given, texts, size, alike=True) for size in sizes]
    different = _crowd(given, texts, min(DIFFERENT, sizes[-1]), alike=False)
    given.say("a fast room")
    fast_s = fast_room(texts)
    table = Table(
        f"One busy room, {LINES_PER_MINUTE} lines a minute, {MEASURED_SECONDS:.0f} s",
        ("CPU s", "us a reader and look", "readers a core", "turns", "messages parsed", "windows built"),
        digits={"us a reader and look": 0, "readers a core": 0},
    )
    for one in [*crowds, different]:
        table.add(
            one.name,
            **{
                "CPU s": one.cpu_s,
                "us a reader and look": one.microseconds,
                "readers a core": per_core(one),
                "turns": one.turns,
                "messages parsed": one.parsed,
                "windows built": one.windows,
            },
        )
    curves = [
        Curve("readers", "CPU seconds", {"all in": [(one.readers, one.cpu_s) for one in crowds]}, log=True),
        Curve(
            "readers",
            "shared work",
            {
                "messages parsed": [(one.readers, one.parsed) for one in crowds],
                "windows built": [(one.readers, one.windows) for one in crowds],
            },
            log=True,
        ),
    ]
    criteria = _criteria(turn_us, alone_us, waiting, crowds, fast_s)
    return Found([table], criteria, plots={"cost-by-readers": curves})


def _crowd(given: Given, texts: Sequence[str], readers: int, *, alike: bool) -> Crowd:
    given.say(f"{readers} readers" if alike else f"{readers} readers, no two alike")
    loop = VirtualLoop()
    found = loop.run_until_complete(crowd(texts, readers, alike=alike))
    loop.close()
    return found


def per_core(one: Crowd) -> float:
    """How many such readers one core serves while it is busy `BUSY_MAX` of the time."""
    return BUSY_MAX * CADENCE_S / (one.microseconds * 1e-6)


def one_turn(texts: Sequence[str]) -> tuple[float, float]:
    """Median CPU of a look alone that shows a digest, in microseconds, and how many units waited, median.

    Of `SHARING` readers of one room: what they share is made by the first of them to look, and counts for that one.
    """
    room = Mediated(View(), readers=SHARING)
    taken: list[float] = []
    waited: list[int] = []
    for number, text in enumerate(texts):
        at = number * 60.0 / LINES_PER_MINUTE
        for mediator in room.mediators:
            while (due := mediator.deadline()) is not None and due <= START + at:
                units = sum(len(message.left) for message in mediator._waiting)
                began = time.process_time_ns()
                actions = mediator.handle(Tick(), due)
                spent = (time.process_time_ns() - began) / 1000
                if number > LINES_PER_MINUTE and any(isinstance(action, Show) for action in actions):
                    taken.append(spent)
                    waited.append(units)
        if len(taken) >= LOOKS:
            break
        room.say(Line(f"speaker-{random.Random(number).randrange(SPEAKERS)}", at, text))
    return statistics.median(taken), statistics.median(waited)


def one_block(texts: Sequence[str]) -> float:
    """Median CPU of such a look of `TOGETHER` readers, no two of whom want the same, for each; in microseconds."""
    views = [_view(number) for number in range(TOGETHER)]
    room = Mediated(View(), readers=TOGETHER, views=views)
    taken: list[float] = []
    for number, text in enumerate(texts):
        at = number * 60.0 / LINES_PER_MINUTE
        while (due := min(one.deadline() or math.inf for one in room.mediators)) <= START + at:
            mediators = [one for one in room.mediators if one.deadline() == due]
            began = time.process_time_ns()
            looks = together([one.tick(due) for one in mediators])
            spent = (time.process_time_ns() - began) / 1000
            shown = [actions for actions in looks if isinstance(actions, list) and isinstance(actions[0], Show)]
            if number > LINES_PER_MINUTE and len(shown) > TOGETHER / 2:
                taken.append(spent / len(shown))
        if len(taken) * TOGETHER >= LOOKS:
            break
        room.say(Line(f"speaker-{random.Random(number).randrange(SPEAKERS)}", at, text))
    return statistics.median(taken)


def _view(number: int) -> View:
    """What one reader of many wants: their own pace, every third follows somebody."""
    chance = random.Random(number)
    follow = (f"speaker-{chance.randrange(SPEAKERS)}",) if number % 3 == 0 else ()
    return View(
        pace_wpm=float(chance.randint(150, 400)), sigma=chance.choice([0.5, 1.0, 2.0]), focus=Focus(follow=follow)
    )


def _tell_time(looks: Looks) -> None:
    """Let the looks know what a block took, by the CPU's clock."""
    look = looks._look

    def timed(readers: Sequence[Reader], now: float) -> int:
        began = time.process_time()
        shown = look(readers, now)
        looks._took(time.process_time() - began, len(readers), shown)
        return 0  # what the loop's clock would add is known already

    looks._look = timed


async def crowd(texts: Sequence[str], readers: int, *, alike: bool) -> Crowd:
    """So many readers in the real driver, all of whom want what most do, or each something else."""
    async with house() as lab:
        _tell_time(lab.driver._delivery._looks)
        lab.driver._delivery._looks._seconds_max = LOOK_SECONDS_MAX
        for number in range(readers):
            view = _view(number)
            patch = None if alike else ViewPatch(pace_wpm=view.pace_wpm, sigma=view.sigma, focus=view.focus)
            await lab.driver.attach("lab", Member(f"r{number}", f"R{number}", "human"), None, patch, lab.head)
        await _talk(lab.say, texts, 0, WARM_SECONDS)
        lab.told.clear()
        transcript, heard = lab.driver._rooms["lab"].transcript, lab.head
        before = transcript.windows_built
        began = time.process_time()
        await _talk(lab.say, texts, int(WARM_SECONDS * LINES_PER_MINUTE / 60), MEASURED_SECONDS)
        cpu = time.process_time() - began
        turns = sum(isinstance(frame, Turn) for _, frame in lab.told)
        return Crowd(readers, alike, cpu, turns, lab.head - heard, transcript.windows_built - before)


async def _talk(say: object, texts: Sequence[str], first: int, seconds: float) -> None:
    assert callable(say)
    for number in range(first, first + int(seconds * LINES_PER_MINUTE / 60)):
        await say(texts[number % len(texts)], f"speaker-{random.Random(number).randrange(SPEAKERS)}")
        await wait(60.0 / LINES_PER_MINUTE)
    await asyncio.sleep(0)


def fast_room(texts: Sequence[str]) -> float:
    """CPU seconds for a minute of a room with 10,000 lines a minute and one reader: splitting, counting, looks."""
    reader = Mediated(View())
    began = time.process_time()
    for number in range(FAST_PER_MINUTE):
        at = 60.0 * number / FAST_PER_MINUTE
        reader.say(Line(f"speaker-{number % SPEAKERS}", at, texts[number % len(texts)]))
    return time.process_time() - began


def _criteria(
    turn_us: float, alone_us: float, waiting: float, crowds: Sequence[Crowd], fast_s: float
) -> list[Criterion]:
    largest = crowds[-1]
    parsed = ", ".join(f"{one.readers}: {one.parsed} parsed, {one.windows} windows" for one in crowds)
    return [
        Criterion(
            f"select and render one turn, {waiting:.0f} units waiting, {TOGETHER} readers together, CPU of each",
            "200 us",
            "40 us",
            f"{turn_us:.0f} us; of one who looks alone {alone_us:.0f} us",
            turn_us <= 200,
        ),
        Criterion(
            f"readers a core at {CADENCE_S:.0f} s, {largest.readers} in one busy room, without sockets and disk",
            "12,000",
            "60,000",
            f"{per_core(largest):,.0f}",
            per_core(largest) >= 12_000,
        ),
        Criterion(
            f"a room at {FAST_PER_MINUTE:,} lines a minute on one core",
            "keeps up",
            "",
            f"{fast_s:.1f} s of CPU for 60 s",
            fast_s < 60,
        ),
        Criterion(
            "condensing work by readers",
            "constant",
            "constant",
            parsed,
            len({one.parsed for one in crowds}) == 1,
        ),
    ]
