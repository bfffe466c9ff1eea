from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cadence.alex.contest import BLOCK_READERS_MAX
from cadence.alex.looks import BLOCK_READERS_FIRST, LOOP_SECONDS_MAX, Looks
from cadence.alex.reader import MediatedRoom, Reader
from cadence.rooms.wire import ViewPatch
from tests.alex.house import wait


def readers(*names: str) -> list[Reader]:
    room = MediatedRoom("lab", "epoch", 0, ViewPatch())
    return [Reader(room, name) for name in names]


class Watch:
    """Looks in virtual time, and what was looked at."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float]] = []
        self.late: list[float] = []
        clock = asyncio.get_running_loop().time
        self.looks = Looks(clock, self.look, self.late.append)

    def look(self, readers: Sequence[Reader], now: float) -> int:
        self.seen += [(reader.user, now) for reader in readers]
        return len(readers)


async def test_everybody_is_looked_at_when_due_and_once() -> None:
    watch, (ada, bo) = Watch(), readers("ada", "bo")
    watch.looks.set(ada, 5.0)
    watch.looks.set(bo, 3.0)
    await wait(20)
    assert watch.seen == [("bo", 3.0), ("ada", 5.0)]
    assert watch.late == [0.0, 0.0]


async def test_a_later_deadline_replaces_the_earlier_and_none_takes_it_away() -> None:
    watch, (ada, bo) = Watch(), readers("ada", "bo")
    watch.looks.set(ada, 3.0)
    watch.looks.set(bo, 4.0)
    watch.looks.set(ada, 6.0)
    watch.looks.set(bo, None)
    await wait(20)
    assert watch.seen == [("ada", 6.0)]


async def test_of_equal_deadlines_the_first_set_comes_first() -> None:
    watch, everybody = Watch(), readers("cy", "ada", "bo")
    for reader in everybody:
        watch.looks.set(reader, 2.0)
    await wait(3)
    assert [name for name, _ in watch.seen] == ["cy", "ada", "bo"]


async def test_after_closing_nobody_is_looked_at() -> None:
    watch, (ada,) = Watch(), readers("ada")
    watch.looks.set(ada, 2.0)
    watch.looks.close()
    watch.looks.set(ada, 3.0)
    await wait(20)
    assert watch.seen == []


class Slow(Watch):
    """A clock that goes on while somebody looks: so many seconds for each reader."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        loop = asyncio.get_running_loop()
        self.sizes: list[int] = []
        self.rounds: list[int] = []  # of the loop, in which somebody looked
        self._round = 0
        self.seconds, self.spent, self._time = seconds, 0.0, loop.time
        loop.time = lambda: self._time() + self.spent  # type: ignore[method-assign]
        self.looks = Looks(loop.time, self.look, self.late.append)

    def look(self, readers: Sequence[Reader], now: float) -> int:
        self.sizes.append(len(readers))
        self.rounds.append(self._round)
        asyncio.get_running_loop().call_soon(self._next)
        self.spent += self.seconds * len(readers)
        return super().look(readers, now)

    def _next(self) -> None:
        self._round += 1


async def test_who_is_due_at_one_moment_looks_together_in_blocks_of_a_bounded_size() -> None:
    watch, everybody = Watch(), readers(*(f"r{number}" for number in range(2 * BLOCK_READERS_MAX + 3)))
    sizes: list[int] = []

    def look(block: Sequence[Reader], now: float) -> int:
        sizes.append(len(block))
        return 0

    watch.looks._look = look
    for _ in range(30):
        watch.looks._took(0.0, 1, 1)  # nothing takes any time here, as it turns out
    for reader in everybody:
        watch.looks.set(reader, 2.0)
    await wait(3)
    assert sizes == [BLOCK_READERS_MAX, BLOCK_READERS_MAX, 3]


async def test_a_block_takes_no_longer_than_the_loop_can_spare_once_it_is_known_what_a_look_takes() -> None:
    watch, everybody = Slow(LOOP_SECONDS_MAX / BLOCK_READERS_FIRST), readers(*(f"r{number}" for number in range(200)))
    for reader in everybody:
        watch.looks.set(reader, 2.0)
    await wait(3)
    sizes = watch.sizes
    assert sum(sizes) == 200 and set(sizes[:-1]) <= {7, 8}
    assert len(set(watch.rounds)) == len(sizes), "the loop goes round between any two"


async def test_a_look_that_takes_too_long_is_taken_alone() -> None:
    watch, everybody = Slow(1.0), readers("ada", "bo", "cy", "dee", "eve", "fay", "gil", "hob", "ivo", "jan")
    for reader in everybody:
        watch.looks.set(reader, 2.0)
    await wait(300)
    sizes = watch.sizes
    assert sizes[0] == BLOCK_READERS_FIRST and sizes[1] == 1


async def test_who_is_only_told_how_much_waits_teaches_nothing_of_what_a_look_takes() -> None:
    watch = Watch()
    before = watch.looks._size()
    watch.looks._took(0.0, 64, 31)
    assert watch.looks._size() == before == BLOCK_READERS_FIRST
    watch.looks._took(0.0, 64, 32)
    assert watch.looks._size() == BLOCK_READERS_FIRST * 5 // 4


async def test_who_is_looked_at_in_time_is_looked_at_when_due_to_the_bit() -> None:
    """Law 12: not even the last digits of a time tell who else was looked at."""
    seen: list[tuple[str, float]] = []
    clock = lambda: asyncio.get_running_loop().time() + 1e-7  # noqa: E731

    def look(block: Sequence[Reader], now: float) -> int:
        seen.extend((reader.user, now) for reader in block)
        return 0

    looks = Looks(clock, look, lambda seconds: None)
    ada, bob, cid = readers("ada", "bob", "cid")
    looks.set(ada, 1.0625)
    looks.set(bob, 1.0625)
    looks.set(cid, 1.0625 + 1e-6)
    await wait(2)
    assert seen == [("ada", 1.0625), ("bob", 1.0625), ("cid", 1.0625 + 1e-6)]
    looks.close()
