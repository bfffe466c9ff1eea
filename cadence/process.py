"""What every process of ours is: its clock, its logs, its event loop, its garbage."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from cadence.counts import ProcessCounts

# A full collection looks at every object there is: with 200 readers of a lively room each stopped the loop for 0.3 s,
# and the usual thresholds ask for one every few seconds. Cycles are rare here and die young.
GARBAGE_THRESHOLDS = (5_000, 10, 1_000)


# How far the system's clock is off, in seconds: lets the chaos suite set it, which else takes a machine of its own.
CLOCK_JUMP = "CADENCE_TEST_CLOCK_JUMP_SECONDS"


def clock_offset() -> float:
    """What makes seconds since the epoch of the monotonic clock, which all processes of a machine share."""
    return time.time() + float(os.environ.get(CLOCK_JUMP, "0")) - time.monotonic()


class WallClock:
    """Seconds since the epoch that never go back, also if the system's clock is set; the same for equal offsets.

    The system's clock is read once. `reach` keeps time from going back over a restart, and lets servers that share
    their rooms agree.
    """

    def __init__(self, offset: float | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.offset = clock_offset() if offset is None else offset
        self._monotonic = monotonic

    def __call__(self) -> float:
        return self.offset + self._monotonic()

    def reach(self, at: float) -> float:
        """It is `at` or later: go on from there. Returns the seconds leapt over."""
        leap = max(0.0, at - self())
        self.offset += leap
        return leap


def spare_garbage() -> None:
    """Collect garbage seldom. Call it once, when all is imported."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def own_counts() -> ProcessCounts:
    """What this process is using now. Call it in its loop."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:  # a system without /proc
        return ProcessCounts(len(asyncio.all_tasks()), 0, time.process_time())
    return ProcessCounts(len(asyncio.all_tasks()), pages * os.sysconf("SC_PAGE_SIZE"), time.process_time())


def configure_logging() -> None:
    """Structured lines on stderr: for people on a terminal, JSON elsewhere."""
    pretty = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest loop of this platform, None for asyncio's own."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
