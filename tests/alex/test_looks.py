from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cadence.alex.looks import Looks
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

    def look(self, readers: Sequence[Reader], now: float) -> None:
        self.seen += [(reader.user, now) for reader in readers]


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
