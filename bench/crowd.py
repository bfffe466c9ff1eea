"""Mediated readers in a process of their own, so that being them costs the server nothing but what it sends.

    python -m bench.crowd URL ROOM COUNT

It says "there" when all have joined, at cadences of 1, 5, 10 and 30 s in turn, and stays until its input ends.
"""

from __future__ import annotations

import asyncio
import secrets
import sys

from tests.stranger import Stranger, dial

CADENCES_S = (1, 5, 10, 30)
ARRIVING = 25  # at once
START_SECONDS_MAX = 300.0
FORGET_SECONDS = 5.0  # diaries of a thousand readers would fill the memory


class Crowd:
    """Readers of `room`, from `gather` to `leave`."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    @classmethod
    async def gather(cls, url: str, room: str, count: int) -> Crowd:
        """So many readers, all of them there. Raises `RuntimeError` if they cannot come."""
        pipe = asyncio.subprocess.PIPE
        arguments = ("-m", "bench.crowd", url, room, str(count))
        child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=pipe, stdout=pipe)
        assert child.stdout is not None
        async with asyncio.timeout(START_SECONDS_MAX):
            said = await child.stdout.readline()
        if said != b"there\n":
            raise RuntimeError(f"expected a crowd of {count} to say that it is there, got {said!r}")
        return cls(child)

    async def leave(self) -> None:
        """Have all of them go."""
        await self._child.communicate(b"")


async def _arrive(reader: Stranger, url: str, room: str, n: int) -> None:
    await reader.open(await dial(url))
    await reader.join(room, view={"cadence_s": CADENCES_S[n % len(CADENCES_S)]})


async def _stay(url: str, room: str, count: int) -> None:
    name = secrets.token_hex(4)  # a guest's name stays taken for a while after it left
    readers = [Stranger(f"Reader {name} {n}") for n in range(count)]
    for first in range(0, count, ARRIVING):
        await asyncio.gather(*(_arrive(readers[n], url, room, n) for n in range(first, min(count, first + ARRIVING))))
    print("there", flush=True)
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    while not (await asyncio.wait([over], timeout=FORGET_SECONDS))[0]:
        for reader in readers:
            reader.diary.clear()
    for reader in readers:
        await reader.cut()


if __name__ == "__main__":
    asyncio.run(_stay(sys.argv[1], sys.argv[2], int(sys.argv[3])))
