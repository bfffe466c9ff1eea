"""Children of the log's tests: processes that can be killed, or given a disk too small.

`python -m tests.rooms.log.child append PATH` says things for ever and prints each acknowledged seq and id.
`python -m tests.rooms.log.child fill PATH` meets a limit on the size of files, then has it lifted.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path

from cadence.rooms.log import LogUnavailable
from cadence.rooms.log.sqlite import SqliteLog
from tests.rooms.log.places import draft, turn

SPEAKERS = 16


async def append_for_ever(path: Path) -> None:
    log = await SqliteLog.open(path, lambda: 1000.0)
    await log.open_room("room")

    async def speak(user: str) -> None:
        for number in itertools.count(1):
            kept = await log.append(draft(f"{user} says {number}", str(number), user=user))
            await log.append_turn(user, turn(number, to=kept.message.seq))
            print(kept.message.seq, user, number, flush=True)

    await asyncio.gather(*(speak(f"user-{n}") for n in range(SPEAKERS)))


async def fill(path: Path) -> None:
    import resource

    log = await SqliteLog.open(path, lambda: 1000.0)
    await log.open_room("room")
    await log.append(draft("before", "before"))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024, hard))
    acknowledged = 0
    try:
        for number in itertools.count():
            await log.append(draft("x" * 10_000, str(number)))
            acknowledged += 1
    except LogUnavailable as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    after = await log.append(draft("after", "after"))
    print(acknowledged, after.message.seq)
    await log.close()


if __name__ == "__main__":
    asyncio.run({"append": append_for_ever, "fill": fill}[sys.argv[1]](Path(sys.argv[2])))
