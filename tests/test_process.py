"""What every process of ours is."""

from __future__ import annotations

import asyncio
import gc

import pytest

from cadence.process import (
    CLOCK_JUMP,
    GARBAGE_THRESHOLDS,
    WallClock,
    clock_offset,
    loop_factory,
    own_counts,
    spare_garbage,
)


def test_the_clock_never_goes_back() -> None:
    clock = WallClock()
    readings = [clock() for _ in range(1000)]
    assert readings == sorted(readings)
    assert readings[0] > 1_700_000_000


def test_clocks_of_one_offset_are_one_clock() -> None:
    offset = clock_offset()
    first, second = WallClock(offset), WallClock(offset)
    before, between, after = first(), second(), first()
    assert before <= between <= after < before + 1.0


def test_a_clock_goes_on_from_what_is_later_and_never_back() -> None:
    clock = WallClock(1000.0, monotonic=lambda: 5.0)
    assert (clock.reach(900.0), clock()) == (0.0, 1005.0)
    assert (clock.reach(4605.0), clock()) == (3600.0, 4605.0)
    assert clock.offset == 4600.0


def test_the_system_s_clock_can_be_set_for_a_process_at_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    before = WallClock()
    monkeypatch.setenv(CLOCK_JUMP, "-86400")
    after = WallClock()
    assert before() - 86_401 < after() < before() - 86_399


def test_garbage_is_collected_seldom() -> None:
    before = gc.get_threshold()
    try:
        spare_garbage()
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


async def test_a_process_knows_what_it_uses() -> None:
    held, before = bytearray(64 * 2**20), own_counts()
    waiting = [asyncio.create_task(asyncio.Event().wait()) for _ in range(5)]
    after = own_counts()
    assert after.tasks == before.tasks + 5 and after.cpu_s >= before.cpu_s > 0
    assert after.resident_bytes > len(held) or not after.resident_bytes, "not every system tells"
    for task in waiting:
        task.cancel()


def test_the_loop_of_this_platform_runs() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(asyncio.sleep(0, "ran")) == "ran"
