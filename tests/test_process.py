"""What every process of ours is."""

from __future__ import annotations

import asyncio
import gc

from cadence.process import GARBAGE_THRESHOLDS, clock_offset, loop_factory, spare_garbage, wall_clock


def test_the_clock_never_goes_back() -> None:
    clock = wall_clock()
    readings = [clock() for _ in range(1000)]
    assert readings == sorted(readings)
    assert readings[0] > 1_700_000_000


def test_clocks_of_one_offset_are_one_clock() -> None:
    offset = clock_offset()
    first, second = wall_clock(offset), wall_clock(offset)
    before, between, after = first(), second(), first()
    assert before <= between <= after < before + 1.0


def test_garbage_is_collected_seldom() -> None:
    before = gc.get_threshold()
    try:
        spare_garbage()
        assert gc.get_threshold() == GARBAGE_THRESHOLDS
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_the_loop_of_this_platform_runs() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(asyncio.sleep(0, "ran")) == "ran"
