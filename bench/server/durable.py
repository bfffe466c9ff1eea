"""How many messages a second one process makes durable: `python -m bench.server.durable SECONDS` prints JSON.

Agents in twenty rooms say something new as soon as the last was acknowledged, through the hub and the log on disk, as
they do behind sockets; the limits on speaking are lifted. Nobody listens, so nothing is fanned out.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cadence.rooms import limiter

ROOMS = 20
SPEAKERS = 2_048
TEXT = "The queue is the wrong place to look, since what we lose is lost before it. " * 3
FSYNCS = 100


async def measure(seconds: float) -> dict[str, Any]:
    """Messages a second, CPU of the process and of the loop's thread for each, and the median of an fsync here."""
    # Before the hub imports it by name.
    limiter.ROOM_MESSAGES_PER_S = 1e9
    from cadence.rooms.hub import Hub
    from cadence.rooms.log.sqlite import SqliteLog
    from cadence.rooms.room import RoomInfo
    from cadence.rooms.wire import Member, Say

    with tempfile.TemporaryDirectory() as folder:
        fsync = _fsync_ms(Path(folder))
        log = await SqliteLog.open(Path(folder) / "log.db", time.time)
        hub = Hub(log, time.time)
        for room in range(ROOMS):
            await hub.open_room(RoomInfo(f"room-{room}", "A room"))
        until, said = time.perf_counter() + seconds, 0

        async def speak(number: int) -> None:
            nonlocal said
            member, count = Member(f"agent-{number}", f"Agent {number}", "agent"), 0
            while time.perf_counter() < until:
                count += 1
                await hub.say(member, Say(room=f"room-{number % ROOMS}", id=str(count), text=TEXT))
                said += 1

        began, cpu, loop_cpu = time.perf_counter(), time.process_time(), time.thread_time()
        await asyncio.gather(*(speak(number) for number in range(SPEAKERS)))
        wall, cpu, loop_cpu = time.perf_counter() - began, time.process_time() - cpu, time.thread_time() - loop_cpu
        await hub.close()
        await log.close()
    return {
        "per_s": said / wall,
        "cpu_us": cpu / said * 1e6,
        "loop_cpu_us": loop_cpu / said * 1e6,
        "core": cpu / wall,
        "fsync_ms": fsync,
    }


def _fsync_ms(folder: Path) -> float:
    import os

    taken = []
    with open(folder / "fsync", "wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - began)
    return sorted(taken)[FSYNCS // 2] * 1e3


if __name__ == "__main__":
    import uvloop

    gc.freeze()
    gc.set_threshold(5_000, 10, 1_000)  # as the server does
    print(json.dumps(uvloop.run(measure(float(sys.argv[1])))))
