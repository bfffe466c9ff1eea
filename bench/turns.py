"""What a mediated turn costs, in CPU: in Alex's process, and in the server's without its sockets.

    python -m bench.turns [READERS] [--rate 20] [--warm 5] [--seconds 20] [--words]

A real process of Alex over a real line, a log on disk, ten agents who say `rate` messages a second, readers who want
what most do. Messages are 200 characters that say nothing, as in `bench.server`, or sentences (`--words`). A machine
that is busy changes what a turn costs less than any latency; run two trees at the same time to compare them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.server.crowd import cpu_s
from cadence.alex.remote.mediators import Mediators
from cadence.alex.remote.proxy import Server
from cadence.mediating import Options, Process
from cadence.process import WallClock, loop_factory, spare_garbage
from cadence.rooms.log import Draft
from cadence.rooms.log.sqlite import SqliteLog
from cadence.rooms.outbox import encoded
from cadence.rooms.wire import Author, Member, Turn, ViewPatch

ROOM, AGENTS = "meeting", 10


def texts(words: bool) -> Iterator[str]:
    """What is said, without end."""
    chance, number = random.Random(7), 0
    made = [
        "".join(chance.choice("bcdfgl") + chance.choice("aeiou") for _ in range(chance.randint(1, 4)))
        for _ in range(3000)
    ]
    weights = [1.0 / (place + 2) for place in range(len(made))]
    while True:
        number += 1
        said = " ".join(chance.choices(made, weights, k=chance.randint(6, 24))).capitalize() + "."
        yield said if words else f"~~{number:019d}".ljust(200, "x")


async def measure(options: argparse.Namespace, folder: str) -> None:
    """Let them talk, and print what it cost."""
    clock, turns, frames, pids = WallClock(), 0, 0, list[int]()
    log = await SqliteLog.open(Path(folder) / "log.db", clock)

    def tell(room: str, user: str, frame: msgspec.Struct) -> None:
        nonlocal turns, frames
        encoded(frame)
        turns, frames = turns + isinstance(frame, Turn), frames + 1

    async def start(number: int, received: object, lost: object) -> Process:
        process = await Process.start(Options(folder, clock.offset), received, lost)  # type: ignore[arg-type]
        pids.append(process._process.pid)
        return process

    alex = Mediators(Server(log, tell, lambda users: None, lambda room, member: True), start, 1)
    await alex.open()
    state = await log.open_room(ROOM)
    await alex.open_room(ROOM, state.epoch, state.head, ViewPatch())
    for number in range(options.readers):
        attached = await alex.attach(ROOM, Member(f"r{number}", f"R{number}", "human"), None, None, 0)
        async for _ in attached.backfill:
            pass
    saying, said = texts(options.words), 0

    async def talk(seconds: float) -> None:
        nonlocal said
        began, first = time.monotonic(), said
        while said - first < seconds * options.rate:
            await asyncio.sleep(max(0.0, began + (said - first) / options.rate - time.monotonic()))
            author = Author(f"agent-{said % AGENTS}", f"Agent {said % AGENTS}", "agent")
            alex.posted((await log.append(Draft(ROOM, author, f"m{said}", clock(), next(saying)))).message)
            said += 1

    await talk(options.warm)
    turns = frames = 0
    before, server, began = cpu_s(pids), cpu_s([os.getpid()]), time.monotonic()
    await talk(options.seconds)
    wall = time.monotonic() - began
    alex_us, server_us = (
        1e6 * spent / max(1, turns) for spent in (cpu_s(pids) - before, cpu_s([os.getpid()]) - server)
    )
    print(
        f"{options.readers:,} readers, {turns / wall:.0f} turns and {frames / wall:.0f} frames a second:"
        f" {alex_us:.0f} us a turn in Alex's process, {server_us:.0f} us in the server's"
    )
    await alex.close()
    await log.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("readers", type=int, nargs="?", default=1_000)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    parser.add_argument("--warm", type=float, default=5.0, help="seconds before it is measured")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--words", action="store_true", help="sentences, not 200 characters")
    options = parser.parse_args()
    spare_garbage()
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(measure(options, folder))


if __name__ == "__main__":
    main()
