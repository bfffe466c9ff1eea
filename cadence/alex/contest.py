"""What competes for the turns of readers who look at the same moment, ranked for all of them at once.

A look yields its contest and goes on when it knows what won (`Ranked`). Contests over one window are climbed together;
who else looks changes nothing about who wins.

Pure: no clock, no files.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cadence.alex.telling import in_order, passed_over
from cadence.lod.digest import Climb, Runner, Weights
from cadence.lod.leanings import CALM, Argument
from cadence.lod.units import Unit
from cadence.lod.window import Window

BLOCK_READERS_MAX = 64  # ranked as one matrix: more would gain little, and leave the caches of the processor

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Contest:
    """`units` that run for one reader's `budget` of words; `alone`: nothing else is in the turn yet.

    `ahead` is what the reader will read after this turn while the rest still waits, in words: as far as that, a message
    is told in its own order. `argument` is what is guessed of who stands with whom.
    """

    window: Window
    runner: Runner
    units: Sequence[Unit]
    budget: float
    now: float
    weigh: Weights
    ahead: float
    alone: bool
    argument: Argument = CALM


@dataclass(slots=True, eq=False)
class Ranked:
    """What `won`, in the order of rank, each with what it says of all that is worth saying; and (unit refused, the unit
    that said it already). Units are told as places among those of the contest."""

    won: Sequence[tuple[int, float]]
    repeats: Sequence[tuple[int, int]]


Looking = Generator[Contest, Ranked, T]


def together(looks: Sequence[Looking[T]]) -> list[T | Exception]:
    """Go through these looks in lockstep; returns what each comes to, or why it failed."""
    found: dict[int, T | Exception] = {}
    waiting: dict[int, Contest] = {}

    def go_on(number: int, ranked: Ranked | None) -> None:
        try:
            waiting[number] = looks[number].send(ranked) if ranked is not None else next(looks[number])
        except StopIteration as ended:
            found[number] = ended.value
        except Exception as error:
            found[number] = error

    for number in range(len(looks)):
        go_on(number, None)
    while waiting:
        contests = list(waiting.items())
        waiting.clear()
        for (number, _), ranked in zip(contests, decide([contest for _, contest in contests]), strict=True):
            go_on(number, ranked)
    return [found[number] for number in range(len(looks))]


def alone(look: Looking[T]) -> T:
    """Go through a look of nobody else."""
    (found,) = together([look])
    if isinstance(found, Exception):
        raise found
    return found


def decide(contests: Sequence[Contest]) -> list[Ranked]:
    """Who wins each of these contests."""
    blocks: dict[tuple[object, ...], list[int]] = {}
    for number, one in enumerate(contests):
        kind = (id(one.window), one.now, id(one.weigh), one.ahead > 0.0, one.runner.sides is None, id(one.argument))
        blocks.setdefault(kind, []).append(number)
    found: dict[int, Ranked] = {}
    for numbers in blocks.values():
        for first in range(0, len(numbers), BLOCK_READERS_MAX):
            block = numbers[first : first + BLOCK_READERS_MAX]
            found |= zip(block, _climbed([contests[number] for number in block]), strict=True)
    return [found[number] for number in range(len(contests))]


def _climbed(block: Sequence[Contest]) -> list[Ranked]:
    first = block[0]
    climb = Climb(first.window, [one.runner for one in block], first.now, weigh=first.weigh, argument=first.argument)
    chosen = climb.select([one.budget for one in block])
    fits = [one.alone or _words(one, won) <= one.budget for one, won in zip(block, chosen, strict=True)]
    over = {
        i: passed
        for i, one in enumerate(block)
        if one.ahead and fits[i] and (passed := passed_over(chosen[i], one.units))
    }
    if over:
        plans = climb.select([one.budget + one.ahead for one in block], over)
        for i in over:
            one = block[i]
            chosen[i] = in_order(chosen[i], plans[i], one.units, one.budget, overdraw=one.alone)
    return [
        Ranked([(place, climb.share(i, place)) for place in chosen[i]], climb.repeats(i)) if fits[i] else Ranked((), ())
        for i in range(len(block))
    ]


def _words(contest: Contest, places: Sequence[int]) -> int:
    return sum([contest.units[place].n for place in places])
