"""How fast the shared log says yes: `python -m bench.shared_log [FOLDER]`, against a Redis started here.

Everyone waits for their own commit before the next append, as in `bench.log`; FOLDER decides which disk Redis writes
to. CPU is that of this process and of Redis for one message, which a busy machine changes less than the rate. All of it
is one room; what a whole server does through sockets is told by `bench.server --only durable`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cadence.rooms.log import Draft
from cadence.rooms.log.redis import RedisLog
from cadence.rooms.wire import Author
from tests.redis_server import RedisServer

SECONDS_EACH = 4.0
TEXT = "The queue is the wrong place to look, since what we lose is lost before it. " * 3
CALLERS = (1, 16, 256)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: `taken` are seconds of each append, sorted; CPU in microseconds a message."""

    label: str
    wall: float
    taken: list[float]
    cpu_us: float
    redis_us: float

    def at(self, fraction: float) -> str:
        return f"{self.taken[int(fraction * (len(self.taken) - 1))] * 1000:8.2f}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(server: RedisServer, callers: int) -> Row:
    """`callers` append for `SECONDS_EACH`."""
    log = await RedisLog.open(server.url, time.time)
    room = f"{server.appendfsync} {callers}"
    await log.open_room(room)
    taken: list[float] = []
    before = time.process_time(), cpu_seconds(server.pid)
    began = time.perf_counter()

    async def speak(name: str) -> None:
        author, count = Author(name, name, "agent"), 0
        while (started := time.perf_counter()) < began + SECONDS_EACH:
            count += 1
            await log.append(Draft(room, author, str(count), time.time(), TEXT))
            taken.append(time.perf_counter() - started)

    await asyncio.gather(*(speak(f"agent-{n}") for n in range(callers)))
    wall = time.perf_counter() - began
    after = time.process_time(), cpu_seconds(server.pid)
    await log.close()
    own, redis = ((late - early) * 1e6 / len(taken) for early, late in zip(before, after, strict=True))
    return Row(f"{server.appendfsync}, {callers} callers", wall, sorted(taken), own, redis)


def main() -> None:
    print(f"{'':22} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>8} {'Redis us':>8}")
    for appendfsync in ("always", "everysec"):
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
            server = RedisServer(Path(name), appendfsync=appendfsync)
            server.start()
            try:
                for callers in CALLERS:
                    row = asyncio.run(measure(server, callers))
                    rate = len(row.taken) / row.wall
                    late, cpu = f"{row.at(0.5)} {row.at(0.99)}", f"{row.cpu_us:8.1f} {row.redis_us:8.1f}"
                    print(f"{row.label:22} {rate:10,.0f} {late} {cpu}", flush=True)
            finally:
                server.kill()


if __name__ == "__main__":
    main()
