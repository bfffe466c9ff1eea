from __future__ import annotations

import asyncio
import itertools

import pytest

from cadence.rooms.log import LogUnavailable, ReaderRecord
from cadence.rooms.log.memory import MemoryLog
from tests.rooms.log.places import draft, turn


def memory_log() -> MemoryLog:
    return MemoryLog(lambda: 1000.0, map(str, itertools.count(1)))


async def test_epochs_are_those_given() -> None:
    log = memory_log()
    assert [(await log.open_room(room)).epoch for room in ("a", "b", "a")] == ["1", "2", "1"]


async def test_epochs_are_random_when_none_are_given() -> None:
    first, second = MemoryLog(lambda: 0.0), MemoryLog(lambda: 0.0)
    assert (await first.open_room("a")).epoch != (await second.open_room("a")).epoch


async def test_it_needs_no_timer_and_takes_no_time() -> None:
    log = memory_log()  # in virtual time: a thread or a sleep would show
    await log.open_room("room")
    await asyncio.gather(*(log.append(draft(id=str(n))) for n in range(100)))
    assert asyncio.get_running_loop().time() == 0


async def test_others_run_before_an_append_returns() -> None:
    log = memory_log()
    seen: list[str] = []
    await log.open_room("room")
    asyncio.get_running_loop().call_soon(seen.append, "other")
    await log.append(draft())
    assert seen == ["other"]


async def test_a_cancelled_append_was_kept_and_is_a_duplicate_when_repeated() -> None:
    log = memory_log()
    await log.open_room("room")
    task = asyncio.ensure_future(log.append(draft()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (await log.append(draft())).duplicate


async def test_an_unavailable_log_keeps_nothing_and_still_reads() -> None:
    log = memory_log()
    await log.open_room("room")
    await log.append(draft())
    log.available = False
    writes = [
        log.append(draft(id="2")),
        log.append_turn("rea", turn(1)),
        log.redact("room", 1),
        log.save_reader("room", "rea", ReaderRecord()),
        log.open_room("new"),
    ]
    for write in writes:
        with pytest.raises(LogUnavailable, match="nothing was kept"):
            await write
    assert (await log.open_room("room")).head == 1
    log.available = True
    assert (await log.append(draft(id="2"))).message.seq == 2
    assert await log.reader("room", "rea") is None
