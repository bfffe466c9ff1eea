"""What a pyramid costs and loses: `python -m bench.pyramid [--shared DIR] [--most N]`.

Two tables. Cost: a room grows to N messages (default 1,000,000); on the way, what appending one message costs, how
large the pyramid is, and how long a catch-up of 120 words over everything takes. Quality: on the meetings of QMSum
(validation split, where DIR has it), the same choice read from the pyramid and made from all units at once, by ROUGE-1,
topics touched, answers recalled, and coverage: how much of the word weight that the flat choice covers the pyramid's
covers.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from math import log
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.digest import made_up
from bench.lod.data import Absent, Meeting, meetings
from bench.lod.figures import Mean, Score, difference, mean, score
from bench.lod.ours import digest
from cadence.alex.answers import overview, weigh
from cadence.lod.digest import SpeakerMemory
from cadence.lod.nodes import Said
from cadence.lod.pyramid import Pyramid
from cadence.lod.reading import Interval
from cadence.lod.terms import Background
from cadence.lod.units import Source, Unit, parse
from cadence.rooms.wire import View

SHARED = Path(__file__).parents[2] / "shared" / "data"
CATCH_UP_WORDS = 120
SECONDS_BETWEEN = 1.0
POOL_MESSAGES = 5_000  # made once and said again and again: parsing is not what is measured here
REPEATS = 15
BUDGETS = (0, 20, 40, 80, 160)  # 0: as long as the person's answer


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    options.add_argument("--shared", type=Path, default=SHARED)
    options.add_argument("--most", type=int, default=1_000_000)
    given = options.parse_args()
    console = Console(width=150)
    try:
        console.print(quality(meetings(given.shared, "val")))
    except (Absent, FileNotFoundError) as absent:
        console.print(f"no quality without the meetings: {absent}")
    console.print(cost(given.most))
    return 0


# Cost.


def cost(most: int) -> Table:
    """Append, size and catch-up as a room grows by powers of ten."""
    columns = (
        "messages",
        "append, us",
        "worst build, ms",
        "nodes",
        "KiB",
        "bytes a node",
        "nodes read",
        "catch-up, ms",
    )
    table = Table(
        *columns, title=f"a room of one message a second, CPU of one core, {CATCH_UP_WORDS} words", title_justify="left"
    )
    pyramid, heard, spent, worst = Pyramid("room"), 0, 0.0, 0.0
    for one in conversation(most):
        began = time.process_time()
        pyramid.add(one)
        while True:
            step = time.process_time()
            busy = pyramid.carry()
            worst = max(worst, time.process_time() - step)
            if not busy:
                break
        spent += time.process_time() - began
        heard += 1
        if heard >= 1_000 and str(heard).strip("0") == "1":
            bodies = pyramid.bodies()
            size = sum(map(len, bodies))
            milliseconds, read = catch_up(pyramid, one.at)
            cells = (heard, f"{spent / heard * 1e6:.0f}", f"{worst * 1e3:.1f}", len(bodies), f"{size / 1024:.0f}")
            table.add_row(*map(str, cells), f"{size / len(bodies):.0f}", str(read), f"{milliseconds:.2f}")
    return table


def conversation(messages: int) -> Iterator[Said]:
    """Endless talk of made-up sentences, parsed once."""
    pool = [
        parse(Source(0, speaker, 0.0, text, spoken=aloud)) for speaker, text, aloud in islice(made_up(), POOL_MESSAGES)
    ]
    for seq in range(1, messages + 1):
        parsed, at = pool[seq * 7919 % POOL_MESSAGES], seq * SECONDS_BETWEEN
        units = tuple(replace(unit, seq=seq, at=at) for unit in parsed.units)
        yield Said(seq, at, False, parsed.words, units)


def catch_up(pyramid: Pyramid, now: float) -> tuple[float, int]:
    """Milliseconds of CPU, median, to choose what to tell of everything, and how many nodes are read for it."""
    background, taken, read = Background(), list[float](), 0
    for _ in range(REPEATS):
        began = time.process_time()
        nodes = pyramid.read(0, weigh(now, 0.0, 1.0))
        chosen = overview(Interval(nodes), View(), (), background, now, CATCH_UP_WORDS)
        taken.append(time.process_time() - began)
        read = len(nodes)
        assert chosen, "a room of talk has something to tell"
    return statistics.median(taken) * 1e3, read


# Quality.


def quality(held: Sequence[Meeting]) -> Table:
    """The pyramid's choice beside the flat one, at several lengths."""
    columns = ("words", "R1 flat", "R1 pyramid", "difference", "topics", "answers recalled", "coverage")
    table = Table(*columns, title=f"{len(held)} meetings, flat / pyramid", title_justify="left")
    built = [pyramid_of(meeting) for meeting in held]
    for budget in BUDGETS:
        flat, read, covered = [], [], []
        for meeting, pyramid in zip(held, built, strict=True):
            for question in meeting.general:
                words = budget or question.words
                one, other = flat_choice(meeting, words), read_choice(meeting, pyramid, words)
                flat.append(score(meeting, question.answer, one))
                read.append(score(meeting, question.answer, other))
                covered.append(coverage(meeting, other) / coverage(meeting, one))
        table.add_row(str(budget or "as asked"), *_row(flat, read), f"{mean(covered):.3f}")
    return table


def _row(flat: Sequence[Score], read: Sequence[Score]) -> Iterator[str]:
    def values(found: Sequence[Score], pick: Callable[[Score], float]) -> list[float]:
        return [pick(one) for one in found]

    def both(pick: Callable[[Score], float]) -> str:
        return f"{statistics.mean(values(flat, pick)):.3f} / {statistics.mean(values(read, pick)):.3f}"

    r1 = [one.r1 for one in flat], [one.r1 for one in read]
    apart: Mean = difference(r1[1], r1[0])
    yield f"{statistics.mean(r1[0]):.2f}"
    yield f"{statistics.mean(r1[1]):.2f}"
    yield f"{apart:+.2f}"
    yield both(lambda one: one.topics)
    yield both(lambda one: one.answers)


def pyramid_of(meeting: Meeting) -> Pyramid:
    """The meeting as a room would have heard it."""
    pyramid, last = Pyramid("room"), 0
    for seq, units in groupby(meeting.units, key=lambda unit: unit.seq):
        said = tuple(units)
        for silent in range(last + 1, seq):  # turns of which nothing is left once they are cleaned
            pyramid.add(Said(silent, said[0].at, False, 1, ()))
        pyramid.add(Said(seq, said[0].at, False, sum(unit.n for unit in said), said))
        last = seq
    pyramid.settle()
    return pyramid


def flat_choice(meeting: Meeting, words: float) -> list[Unit]:
    return [meeting.units[i] for i in digest(meeting.units, None, words, meeting.background)]


def read_choice(meeting: Meeting, pyramid: Pyramid, words: float) -> list[Unit]:
    interval = Interval(pyramid.read())
    chosen = interval.choose(np.ones(len(interval.kept)), words, SpeakerMemory(), 0.0)
    by_place = {(unit.seq, unit.index): unit for unit in meeting.units}
    return [by_place[one.kept.seq, one.kept.index] for one in chosen]


def coverage(meeting: Meeting, shown: Sequence[Unit]) -> float:
    """The word weight that a choice covers: uses times rarity of every term it has."""
    counted = meeting.background
    terms = {term for unit in shown for term in unit.terms}
    return sum(counted.count(term) * log((counted.total + 1) / (counted.count(term) + 1)) for term in terms)


if __name__ == "__main__":
    sys.exit(main())
