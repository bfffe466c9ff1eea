"""How fast the durable log says yes: `python -m bench.log [FOLDER]`.

FOLDER decides which disk is measured (default: the system's folder for temporary files). Everyone waits for
their own commit before the next append, so the gain from more callers is what sharing an fsync brings.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from cadence.rooms.log import Draft
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.wire import Author

SECONDS_EACH = 3.0
TEXT = "The queue is the wrong place to look, since what we lose is lost before it. " * 3
CALLERS = (1, 16, 256)
FSYNCS = 500


def fsync_seconds(folder: Path) -> list[float]:
    """How long one small append to a file takes until the disk has it, sorted."""
    taken = []
    with open(folder / "fsync", "wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return sorted(taken)


async def append_seconds(folder: Path, callers: int) -> tuple[float, list[float]]:
    """How long `callers` appended for, and how long each append took, sorted."""
    log = await SqliteLog.open(folder / f"{callers}.sqlite", time.time)
    await log.open_room("room")
    taken: list[float] = []
    began = time.perf_counter()

    async def speak(name: str) -> None:
        author, count = Author(name, name, "agent"), 0
        while (started := time.perf_counter()) < began + SECONDS_EACH:
            count += 1
            await log.append(Draft("room", author, str(count), time.time(), TEXT))
            taken.append(time.perf_counter() - started)

    await asyncio.gather(*(speak(f"agent-{n}") for n in range(callers)))
    wall = time.perf_counter() - began
    await log.close()
    return wall, sorted(taken)


def at(fraction: float, taken: list[float]) -> str:
    return f"{taken[int(fraction * (len(taken) - 1))] * 1000:8.2f}"


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        print(f"{'':14} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
        taken = fsync_seconds(folder)
        rows = [("bare fsync", len(taken) / sum(taken), taken)]
        for callers in CALLERS:
            wall, taken = asyncio.run(append_seconds(folder, callers))
            rows.append((f"{callers} callers", len(taken) / wall, taken))
        for label, rate, taken in rows:
            print(f"{label:14} {rate:10,.0f} {at(0.5, taken)} {at(0.99, taken)} {at(1, taken)}")


if __name__ == "__main__":
    main()
